"""The use cases over a state folder: what runs prove, what people enter, what is planned; and the command itself."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.interfaces.terminal.main import main
from drorch.testing.clock import HandClock
from drorch.testing.evidence import recorded_run
from drorch.testing.fakes import MemoryJournal
from drorch.testing.runs import RUN
from drorch.testing.streams import MemoryStore
from drorch.year.log import year_log
from drorch.year.model import Activity, TestResult
from drorch.year.operations import Claim, Wish, Year
from drorch.year.run_records import fulfilments_of_record, fulfilments_of_runs, read_record
from drorch.year.statement import Said
from drorch.year.status import State

from .samples import small_programme, year_text, zoned_catalog

SAID = Said(person="Olga Operator", reason="as planned")
RECOVERED = {"directory", "mail", "mobile-office"}


@pytest.fixture
def year(tmp_path: Path) -> Year:
    clock = HandClock(datetime(2013, 3, 4, 15, tzinfo=UTC))
    return Year(tmp_path, year_log(MemoryStore()), clock, small_programme(), zoned_catalog())


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "attendance.pdf"
    path.write_bytes(b"they were there")
    return path


def states(year: Year, obligation: str, on: date | None = None) -> dict[str, State]:
    found, _ = year.status(on)
    return {item.duty.subject: item.state for item in found.duties if item.duty.obligation.id == obligation}


def write_run(home: Path, name: str, change: Callable[[dict[str, Any]], None] = lambda data: None) -> Path:
    """A record like that of a real run, changed."""
    application = {
        "id": "umoja",
        "arrangement": "mirror",
        "verdict": "proved",
        "clocks": {"validated": {"wall": "2013-03-02T10:00:00.000+00:00"}, "detected": None},
    }
    data: dict[str, Any] = {
        "schema": 1,
        "run": {
            "id": name,
            "kind": "drill",
            "operator": "Olga",
            "estate": "paper",
            "ended": {"wall": "2013-03-02T11:00:00.000+00:00", "mono": 1.0},
        },
        "result": {"overall": "pass", "reason": "", "issues": []},
        "applications": [application],
        "remote_access": {"statement": "", "applications": [{"id": "archive", "reached": True}]},
        "a field of a later version": 1,
    }
    change(data)
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    (folder / "report.json").write_text(json.dumps(data))
    return folder / "report.json"


def test_the_record_of_a_driven_run_fulfils_by_the_clock_of_the_programme(tmp_path: Path, year: Year) -> None:
    folder = recorded_run(tmp_path, MemoryJournal())
    record = read_record(folder.report("json"))
    found = fulfilments_of_record(record, small_programme(), zoned_catalog())
    assert {item.subject for item in found} == RECOVERED
    # The run began at 03:00 UTC on 1 March: in New York it was still February.
    assert {item.day for item in found} == {date(2013, 2, 28)}
    assert {item.reference for item in found} == {f"run {RUN}"}
    good = {item.subject for item in found if item.result is not TestResult.FAIL}
    stands = states(year, "it-dr-test")
    assert {name for name, state in stands.items() if state is State.MET} == good
    assert states(year, "it-dr-test", date(2013, 2, 27)) == dict.fromkeys(stands, State.NEVER)


def test_a_drill_proves_and_remote_access_is_not_recovered(tmp_path: Path, year: Year) -> None:
    write_run(tmp_path, "r1")
    assert states(year, "it-dr-test")["umoja"] is State.MET
    assert states(year, "remote-test") == {"archive": State.NEVER}


def set_kind(kind: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["run"].update(kind=kind)


@pytest.mark.parametrize("kind", ["drill", "switchover", "failover", "failback"])
@pytest.mark.parametrize("overall", ["pass", "pass-with-issues", "fail"])
def test_every_recovery_counts_for_the_applications_it_proved(tmp_path: Path, kind: str, overall: str) -> None:
    def change(data: dict[str, Any]) -> None:
        data["run"]["kind"] = kind
        data["result"]["overall"] = overall

    record = read_record(write_run(tmp_path, "r1", change))
    (only,) = fulfilments_of_record(record, small_programme(), zoned_catalog())
    assert only.result is (TestResult.PASS if overall == "pass" else TestResult.PASS_WITH_ISSUES)
    assert only.note == f"{kind}: proved"


@pytest.mark.parametrize(
    "change",
    [
        set_kind("readiness"),
        lambda data: data["run"].update(estate="a rehearsal"),
        lambda data: data["run"].update(ended=None),
        lambda data: data["result"].update(overall="not-run"),
        lambda data: data["result"].update(overall="unfinished"),
        lambda data: data["applications"][0].update(arrangement="remote-access"),
        lambda data: data["applications"][0].update(id="archive"),
        lambda data: data["applications"][0].update(id="gone-since"),
    ],
)
def test_what_is_no_recovery_test_does_not_count(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    record = read_record(write_run(tmp_path, "r1", change))
    assert fulfilments_of_record(record, small_programme(), zoned_catalog()) == ()


@pytest.mark.parametrize("verdict", ["missed", "failed", "vacuous", "not-measured"])
def test_an_application_that_was_not_recovered_as_promised_stays_open(tmp_path: Path, year: Year, verdict: str) -> None:
    write_run(tmp_path, "r1", lambda data: data["applications"][0].update(verdict=verdict))
    found, _ = year.status()
    (umoja,) = [item for item in found.duties if item.duty.id == "it-dr-test/umoja"]
    assert umoja.state is State.NEVER
    assert umoja.not_counted is not None
    assert umoja.not_counted.note == f"drill: {verdict}"


def test_a_damaged_record_hides_no_other(tmp_path: Path) -> None:
    write_run(tmp_path, "good")
    for name, text in {"a": "{", "b": "[]", "c": '{"schema": 2}', "d": ""}.items():
        write_run(tmp_path, name).write_text(text)
    write_run(tmp_path, "e", lambda data: data["run"]["ended"].update(wall="2013-03-02T11:00:00"))
    found = fulfilments_of_runs(tmp_path, small_programme(), zoned_catalog())
    assert [item.subject for item in found.fulfilments] == ["umoja"]
    assert [item.subject for item in found.findings] == ["a", "b", "c", "d", "e"]
    assert all(item.where and item.next_step for item in found.findings)


def claim(**fields: Any) -> Claim:
    return Claim(**{"activity": Activity.CALL_OUT_EXERCISE, "subjects": ("dm",), **fields})


def test_a_record_by_hand_counts_with_its_file(year: Year, paper: Path) -> None:
    event, warnings = year.record(claim(files=(paper,), took_part=7, expected=9), SAID)
    assert warnings == ()
    assert states(year, "call-out") == {"oict": State.NEVER, "dm": State.MET}
    assert states(year, "it-dr-test")["umoja"] is State.NEVER
    (kept,) = event.body.evidence  # type: ignore[union-attr]
    assert (kept.name, kept.size) == ("attendance.pdf", 15)
    assert kept.sha256 == hashlib.sha256(b"they were there").hexdigest()
    year.withdraw(1, SAID)
    assert states(year, "call-out")["dm"] is State.NEVER


def test_a_reason_and_a_file_name_may_hold_any_text(year: Year, tmp_path: Path) -> None:
    odd = tmp_path / "a\udcff\u2028.pdf"
    odd.write_bytes(b"")
    said = Said(person="Ólga 恢复", reason="one\u2028two\x85three")
    for _ in range(2):
        year.record(claim(files=(odd,), took_part=7, expected=9), said)
    assert [(event.person, event.reason) for event in year.events()] == [(said.person, said.reason)] * 2


def test_a_record_that_does_not_count_says_so_at_once(year: Year, paper: Path) -> None:
    _, warnings = year.record(claim(activity=Activity.JOINT_TECHNOLOGY_TEST, files=(paper,)), SAID)
    assert warnings == ("does not count for joint-test: nobody signed it off",)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"files": ()}, "nothing shows it"),
        ({"day": date(2013, 3, 5)}, "has not come yet"),
        ({"took_part": 7}, "one number without the other"),
        ({"took_part": 9, "expected": 7}, "9 of 7"),
        ({"took_part": -1, "expected": 7}, "-1 of 7"),
        ({"subjects": ("umoja",)}, "umoja owes no call-out-exercise .its arrangement is mirror"),
        ({"subjects": ("nobody",)}, "nobody owes no call-out-exercise"),
        ({"activity": Activity.RECOVERY_TEST, "subjects": ("archive",)}, "its arrangement is remote-access"),
        ({"activity": Activity.PLAN_COMPONENT_EXERCISE}, "no component is not what dm has to exercise"),
        ({"activity": Activity.PLAN_COMPONENT_EXERCISE, "component": "roof"}, "roof is not what dm has to"),
        ({"component": "roof"}, "roof is not what"),
        ({"signed_off_by": " olga operator "}, "cannot sign it off as well"),
        ({"signed_off_by": "Olga   Operator"}, "cannot sign it off as well"),
        ({"signed_off_by": "a\nb"}, "control characters"),
        ({"run": "r1"}, "a run shows a joint-technology-test"),
        ({"files": (Path("missing.pdf"),)}, "cannot be read"),
    ],
)
def test_a_record_that_misleads_is_refused(year: Year, paper: Path, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputInvalid, match=says):
        year.record(claim(**{"files": (paper,), **fields}), SAID)
    assert year.events() == ()


@pytest.mark.parametrize(("person", "reason"), [(" ", "x"), ("Olga", ""), ("Olga", "y" * 900)])
def test_everything_has_a_name_and_a_reason(year: Year, paper: Path, person: str, reason: str) -> None:
    with pytest.raises(InputInvalid):
        year.record(claim(files=(paper,)), Said(person=person, reason=reason))


def joint(**fields: Any) -> Claim:
    return claim(activity=Activity.JOINT_TECHNOLOGY_TEST, run="r1", signed_off_by="Dora", **fields)


def test_a_joint_test_rests_on_a_run_the_department_took_part_in(tmp_path: Path, year: Year) -> None:
    write_run(tmp_path, "r1")
    event, warnings = year.record(joint(), SAID)
    assert warnings == ()
    assert event.body.day == date(2013, 3, 2)  # type: ignore[union-attr]
    assert states(year, "joint-test") == {"oict": State.NEVER, "dm": State.MET}
    with pytest.raises(InputInvalid, match="about no application of oict"):
        year.record(joint(subjects=("oict",)), SAID)
    with pytest.raises(InputInvalid, match="ended on 2013-03-02 with pass"):
        year.record(joint(day=date(2013, 3, 3)), SAID)
    with pytest.raises(InputInvalid, match="ended on 2013-03-02 with pass"):
        year.record(joint(result=TestResult.FAIL), SAID)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_kind("readiness"), "a readiness run recovers nothing"),
        (lambda data: data["run"].update(estate="elsewhere"), "the programme counts paper"),
        (lambda data: data["result"].update(overall="unfinished"), "its result is unfinished"),
    ],
)
def test_a_run_that_is_no_test_carries_no_joint_test(
    tmp_path: Path, year: Year, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    write_run(tmp_path, "r1", change)
    with pytest.raises(InputInvalid, match=says):
        year.record(joint(), SAID)


def test_a_run_that_failed_makes_no_joint_test(tmp_path: Path, year: Year) -> None:
    write_run(tmp_path, "r1", lambda data: data["result"].update(overall="fail"))
    _, warnings = year.record(joint(), SAID)
    assert warnings == ("does not count for joint-test: it failed",)
    with pytest.raises(NotFound, match="there is no run"):
        year.record(Claim(**{**joint().__dict__, "run": "r2"}), SAID)


def wish(**fields: Any) -> Wish:
    values: dict[str, Any] = {
        "id": "q1",
        "activity": Activity.RECOVERY_TEST,
        "title": "Mail",
        "sites": ("nyc", "piscataway"),
        "subjects": ("mail",),
        "start": "2013-03-09T06:00",
        "seconds": 7200.0,
    }
    return Wish(**{**values, **fields})


def test_a_planned_test_follows_the_clock_of_its_site(year: Year) -> None:
    year.book(wish(), SAID)
    year.move("q1", "2013-03-10T06:00", None, SAID)
    feed = year.feed()
    # The clocks were set forward in the night between: 06:00 is an hour earlier in UTC.
    assert "DTSTART:20130310T100000Z\r\n" in feed
    assert "DTEND:20130310T120000Z\r\n" in feed
    assert "SEQUENCE:1\r\n" in feed
    found, _ = year.status()
    (mail,) = [item for item in found.duties if item.duty.id == "it-dr-test/mail"]
    assert mail.planned is not None
    year.call_off("q1", SAID)
    assert "STATUS:CANCELLED" in year.feed()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": "Q 1"}, "is not an id"),
        ({"subjects": ("archive",)}, "its arrangement is remote-access"),
        ({"sites": ("gotham",)}, "names no sites"),
        ({"sites": ()}, "names no sites"),
        ({"start": "2013-03-02T06:00"}, "is past"),
        ({"start": "tomorrow"}, "is not a date and time"),
        ({"start": "2013-03-10T02:30"}, "never comes in America/New_York"),
        ({"start": "2013-11-03T01:30"}, "comes twice"),
        ({"start": "9999-12-31T23:00"}, "is not between"),
        ({"title": ""}, "has to say something"),
        ({"title": "a\udcff"}, "no UTF-8"),
        ({"seconds": 0.0}, "takes time"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(year: Year, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputInvalid, match=says):
        year.book(wish(**fields), SAID)
    assert year.events() == ()


@pytest.mark.parametrize(
    ("fields", "next_start"),
    [
        ({"start": "2013-03-08T06:00"}, "2013-03-09 06:00 EST"),
        ({"start": "2013-03-09T19:00"}, "2013-03-10 06:00 EDT"),
        ({"start": "2013-09-21T06:00"}, "2013-10-05 06:00 EDT"),
        ({"sites": ("piscataway", "nyc"), "start": "2013-03-08T06:00"}, "2013-03-09 11:00 UTC"),
    ],
)
def test_a_closed_site_is_a_refusal_that_names_the_next_time(
    year: Year, fields: dict[str, Any], next_start: str
) -> None:
    with pytest.raises(Refused, match="nyc is not open") as caught:
        year.book(wish(**fields), SAID)
    assert next_start in (caught.value.next_step or "")
    assert year.events() == ()


def call(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str) -> int:
    monkeypatch.setenv("DRORCH_HOME", str(home))
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "argv", ["drorch", "year", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def home(tmp_path: Path) -> Path:
    catalog = Path(__file__).parents[3] / "app_catalog.yaml"
    (tmp_path / "app_catalog.yaml").write_bytes(catalog.read_bytes())
    (tmp_path / "year.yaml").write_bytes((catalog.parent / "year.yaml").read_bytes())
    return tmp_path


def test_the_command_tells_late_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert call(monkeypatch, home, "status", "--on", "2013-12-31", "--json") == 0
    assert json.loads(capsys.readouterr().out)["totals"]["it-dr-test"]["never"] == 64
    assert call(monkeypatch, home, "status", "--on", "2014-01-01") == 1
    shown = capsys.readouterr().out
    assert "late since 2014-01-01" in shown
    assert "0 of 64 applications met in 1 day; on current pace 64 miss 2014" in shown
    assert call(monkeypatch, home, "status", "--on", "2013-02-01", "--obligation", "telecommuting-test") == 0
    assert "exempt until 2013-06-30 by Sample approver" in capsys.readouterr().out


def test_the_command_from_record_to_feed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, paper: Path
) -> None:
    said = ("--by", "Olga", "--reason", "as planned")
    numbers = ("--took-part", "7", "--expected", "9", "--on", "2013-05-06", "--evidence", str(paper))
    assert call(monkeypatch, home, "record", "call-out-exercise", "dm", *numbers, *said) == 0
    assert call(monkeypatch, home, "status", "--on", "2013-12-01", "--obligation", "call-out-exercise") == 0
    assert "last on 2013-05-06 (record 1)" in capsys.readouterr().out
    plan = ("--title", "Mail", "--site", "nyc", "--start", "2099-03-07T07:00", "--length", "2h", *said)
    assert call(monkeypatch, home, "book", "q1", "recovery-test", "notes-mail", *plan) == 0
    assert call(monkeypatch, home, "ics", "-o", "feed.ics") == 0
    feed = (home / "feed.ics").read_bytes()
    assert b"UID:q1@headquarters.drorch\r\n" in feed
    assert feed.endswith(b"END:VCALENDAR\r\n")
    assert call(monkeypatch, home, "records", "--json") == 0
    capsys.readouterr()
    assert call(monkeypatch, home, "withdraw", "1", *said) == 0
    assert call(monkeypatch, home, "check") == 0
    assert "8 obligations" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("status", "--on", "31.12.2013"), 2, "--on: '31.12.2013' is not a date"),
        (("status", "--obligation", "nope"), 2, "no obligation 'nope'"),
        (("status", "--year", "missing.yaml"), 2, "missing.yaml: cannot be read"),
        (("window", "gotham"), 2, "there is no site 'gotham'"),
        (("window", "nyc", "--length", "soon"), 2, "'soon' is not a duration"),
        (("window", "nyc", "--at", "2013-09-18T12:00"), 1, "next open: 2013-09-22 06:00 EDT"),
        (("window", "brindisi", "--at", "2013-05-04T12:00"), 0, "open"),
        (("withdraw", "7", "--by", "O", "--reason", "r"), 2, "there is no record 7"),
        (("record", "holiday", "dm", "--by", "O", "--reason", "r"), 2, "is not one of"),
        (("call-off", "q9", "--by", "O", "--reason", "r"), 2, "there is no planned test 'q9'"),
    ],
)
def test_the_command_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    home: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    assert call(monkeypatch, home, *arguments) == code
    shown = capfd.readouterr()
    assert says in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err


def test_a_programme_with_an_error_stops_every_command_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], home: Path
) -> None:
    (home / "year.yaml").write_text(year_text(("kind: body", "kind: nobody")))
    for command in ("status", "check", "ics"):
        assert call(monkeypatch, home, command) == 2
        assert "year.yaml:" in capfd.readouterr().err
