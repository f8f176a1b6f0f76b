"""The yearly test end to end against the simulators: 300 logins that pass, a guard that stops a second one, a killed
process, an observed day; the evidence of each, and what it does to the year."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from drorch.access.denial_test.course import Standing
from drorch.access.denial_test.driver import Drive
from drorch.access.denial_test.journal import Happening
from drorch.access.denial_test.model import Outcome
from drorch.access.denial_test.operations import DEMAND, AccessTests
from drorch.access.denial_test.prechecks import Bound
from drorch.access.denial_test.results import proofs_of_tests
from drorch.access.denial_test.seal import open_evidence
from drorch.access.operations import load_model
from drorch.access.poll import load_sources_file
from drorch.adapters.citrix.sources import open_source
from drorch.adapters.clock import SystemClock
from drorch.app import composition
from drorch.app.settings import home
from drorch.core.clock import Instant
from drorch.core.errors import Broken, InputInvalid, Refused
from drorch.core.stream import blob_id
from drorch.evidence.signatures import load_signer
from drorch.interfaces.terminal.access.commands import app
from drorch.testing.citrix.asgi import Fault
from drorch.testing.citrix.installation import Installation, installation
from drorch.year.log import year_log
from drorch.year.model import Activity
from drorch.year.operations import Claim, Year, load_year
from drorch.year.statement import Said
from drorch.year.status import State
from tests.machine import program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
DEPARTMENTS = {"dm": 49, "oppba": 90, "dgacm": 65, "dpi": 32, "unjspf": 45, "dss": 19}
"""Departments of the sample and their test accounts: at least nine of ten of the seats they require; 300 in all."""
APPLICATION, OWNER = "unbis", "dpi"
"""An application of the sample that is reached by remote access only, and whose it is."""
WORD = "login-Pa55word"


class FastClock(SystemClock):
    """Waiting costs nothing: the clock is put forward instead. What is asked of systems takes its real time."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> Instant:
        found = super().now()
        return Instant(mono=found.mono + self.ahead, wall=found.wall + timedelta(seconds=self.ahead))

    def sleep(self, seconds: float) -> None:
        self.ahead += max(0.0, seconds)
        self.on_sleep()


@dataclass
class Bench:
    """Everything a test needs."""

    made: Installation
    folder: Path
    clock: FastClock
    tests: AccessTests
    key: Path

    def write(self, test: str, **changes: object) -> Path:
        for name in DEPARTMENTS:
            secret = self.folder / f"accounts-{name}"
            secret.write_text(WORD)
            secret.chmod(0o600)
        data = {
            "schema": 1,
            "id": test,
            "title": "Yearly test",
            "method": "ramp",
            "way": "login-nyc",
            "steps": 5,
            "at_once": 4,
            "departments": [
                {"id": name, "prefix": f"drtest-{name}-", "secret_file": f"accounts-{name}", "count": count}
                for name, count in DEPARTMENTS.items()
            ],
            "applications": {APPLICATION: "Mail"},
            **changes,
        }
        path = self.folder / f"{test}.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    def prepare(self, test: str, *, agree: bool = True, **changes: object) -> Standing:
        stands = self.tests.prepare(
            self.write(test, **changes), self.folder / "capacity.yaml", "Ada", load_signer(self.key)
        )
        for name in stands.told.course.required if agree else ():
            self.tests.sign(test, name, DEMAND, f"head of {name}")
        return stands

    def drive(self) -> Drive:
        configs = load_sources_file(self.made.sources, load_model(self.folder / "capacity.yaml"))
        parts = replace(
            composition.access_parts(), clock=self.clock, open_source=lambda config: open_source(config, SystemClock())
        )
        way = next(item for item in configs if item.id == "login-nyc")
        return Drive(parts, self.tests, configs, composition.login_driver(way))

    def seal(self, test: str) -> bytes:
        return self.tests.report(test, load_signer(self.key))[1]

    def year(self) -> Year:
        return Year(
            home(),
            year_log(composition.event_store()),
            self.clock,
            *load_year(ROOT / "year.yaml", ROOT / "app_catalog.yaml"),
        )

    def state(self, activity: Activity, subject: str) -> State:
        found, findings = self.year().status()
        assert findings == ()
        (duty,) = [
            item for item in found.duties if item.duty.obligation.activity is activity and item.duty.subject == subject
        ]
        return duty.state


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "state"))
    shutil.copy(ROOT / "capacity.yaml", tmp_path)
    key = tmp_path / "key.pem"
    subprocess.run([program("openssl"), "genpkey", "-algorithm", "ed25519", "-out", key], check=True, timeout=20)
    key.chmod(0o600)
    with installation(tmp_path) as made:
        made.write_licences(count=1200, used=447)
        for name, count in DEPARTMENTS.items():
            made.nyc.passwords |= {f"drtest-{name}-{number}": WORD for number in range(1, count + 1)}
        clock = FastClock()
        yield Bench(
            made=made,
            folder=tmp_path,
            clock=clock,
            tests=AccessTests(composition.event_store(), home(), clock, platform.node()),
            key=key,
        )


def events(bench: Bench, test: str, kind: str) -> list[Happening]:
    return [event.body for event in bench.tests.load(test).events if event.body.kind == kind]


def test_a_ramp_over_300_logins_is_proof_and_a_guard_stops_the_next_one(bench: Bench) -> None:
    before = bench.state(Activity.REMOTE_ACCESS_TEST, APPLICATION)
    assert before in (State.NEVER, State.OVERDUE)
    stands = bench.prepare("ramp-one")
    assert stands.told.course.planned == sum(DEPARTMENTS.values()) == 300
    most: list[int] = []
    bench.clock.on_sleep = lambda: most.append(len(bench.made.nyc.sessions))

    done = bench.drive().start("ramp-one", "Ada")

    found = done.judgement
    assert (found.outcome, found.reasons) == (Outcome.PASS, ())
    assert found.logins == found.succeeded == found.peak == found.proven == 300 == max(most)
    assert found.bound is not None
    assert found.bound >= 0.99
    assert found.held_s >= 1800
    assert found.licence_denials == 0
    assert bench.made.nyc.sessions == {}, "everybody was logged off"
    assert len(events(bench, "ramp-one", "sample")) >= 30, "a sample a minute"
    # Nothing counts before the evidence is signed and sealed.
    assert bench.state(Activity.REMOTE_ACCESS_TEST, APPLICATION) is before
    for name in DEPARTMENTS:
        bench.tests.sign("ramp-one", name, "result", f"head of {name}")
    evidence = open_evidence(bench.seal("ramp-one"), "ramp-one")
    assert evidence.test == "ramp-one"
    assert bench.state(Activity.REMOTE_ACCESS_TEST, APPLICATION) is State.MET
    assert bench.state(Activity.TELECOMMUTING_TEST, "dm") is not State.MET, "robots are no staff"
    (proof,) = proofs_of_tests(composition.event_store())
    assert proof.held == 300
    text = b"".join(evidence.files.values()).decode()
    for word in (WORD, "drtest-dm-1:", "192.0.2.7", "person17"):
        assert word not in text

    # The second one: fewer licences, and the logins eat them up.
    bench.made.write_licences(count=760, used=447)
    bench.prepare("ramp-two")
    stopped = bench.drive().start("ramp-two", "Ada")
    assert stopped.judgement.outcome is Outcome.STOPPED
    assert "licences are free" in stopped.judgement.reasons[0]
    assert stopped.judgement.logins == 240, "after the fourth step 73 of 760 are left, and 76 have to be"
    assert stopped.judgement.proven == 0
    assert bench.made.nyc.sessions == {}, "also then everybody is logged off"
    assert open_evidence(bench.seal("ramp-two"), "ramp-two").test == "ramp-two"
    assert bench.state(Activity.REMOTE_ACCESS_TEST, APPLICATION) is State.MET, "the earlier pass still holds"

    with sqlite3.connect(home() / "store.sqlite") as forger:
        changed = bytearray(bench.tests.evidence("ramp-one"))
        name = blob_id(bytes(changed))
        place = changed.index(b'"took_part": 4')
        changed[place + 13 : place + 14] = b"9"
        forger.execute("UPDATE blobs SET content = ? WHERE id = ?", (bytes(changed), name))
    status, findings = bench.year().status()
    assert [finding.code for finding in findings] == ["test-evidence"]
    assert proofs_of_tests(composition.event_store()) == ()
    del status


def few(bench: Bench) -> dict[str, object]:
    """A small ramp: quick, and too few to prove 99 %."""
    accounts = {"prefix": "drtest-dm-", "secret_file": "accounts-dm"}
    return {"departments": [{"id": "dm", **accounts, "count": 24}], "steps": 3, "hold": "4m"}


def test_failed_logins_are_counted_and_do_not_prove(bench: Bench) -> None:
    bench.made.nyc.fail_login = lambda user, number: number % 8 == 0
    bench.prepare("ramp-few", **few(bench))
    found = bench.drive().start("ramp-few", "Ada").judgement
    assert (found.outcome, found.logins, found.succeeded) == (Outcome.FAIL, 24, 21)
    assert any("do not prove 99 %" in reason for reason in found.reasons)
    assert bench.made.nyc.sessions == {}


@pytest.mark.parametrize(
    ("trip", "reason"),
    [
        (lambda bench: bench.made.nyc.denied.update(license=3), "3 denied for want of a licence"),
        (lambda bench: setattr(bench.made.nyc.boxes[0], "load_index", 9500), "load index 9500"),
        (lambda bench: bench.made.nitro[0].break_with(Fault.BROKEN), "could not be read 2 times"),
        (lambda bench: bench.tests.stop("ramp-few", "Grace", "the exercise is called off"), "asked by Grace"),
        (lambda bench: bench.made.nyc.passwords.clear(), "passwords were refused"),
    ],
)
def test_every_guard_stops_and_logs_off(bench: Bench, trip: Callable[[Bench], None], reason: str) -> None:
    bench.prepare("ramp-few", **few(bench))
    tripped: list[bool] = []

    def once() -> None:
        if not tripped:
            tripped.append(True)
            trip(bench)

    bench.clock.on_sleep = once
    found = bench.drive().start("ramp-few", "Ada").judgement
    assert found.outcome is Outcome.STOPPED
    assert reason in found.reasons[0]
    assert bench.made.nyc.sessions == {}


def test_user_licences_have_to_be_bound_knowingly(bench: Bench) -> None:
    bench.made.nyc.licensing_model = "UserDevice"
    bench.prepare("ramp-few", **few(bench))
    for bound in (None, Bound(licences=23, days=90), Bound(licences=24, days=30)):
        with pytest.raises(Refused, match="would bind 24 of them for 90 days"):
            bench.drive().start("ramp-few", "Ada", bound)
    assert bench.made.nyc.tries == {}
    assert events(bench, "ramp-few", "started") == []
    bench.drive().start("ramp-few", "Ada", Bound(licences=24, days=90))
    (started,) = events(bench, "ramp-few", "started")
    assert started.body["bound"] == {"days": 90, "licences": 24}


def test_what_cannot_be_looked_at_refuses_the_start(bench: Bench) -> None:
    bench.prepare("ramp-few", **few(bench))
    bench.made.rest.break_with(Fault.BROKEN)
    with pytest.raises(Refused, match="not known: licences free"):
        bench.drive().start("ramp-few", "Ada")
    assert bench.made.nyc.tries == {}


def test_no_start_without_agreement_and_no_second_start(bench: Bench) -> None:
    bench.prepare("ramp-few", agree=False, **few(bench))
    with pytest.raises(Refused, match="not agreed to by dm"):
        bench.drive().start("ramp-few", "Ada")
    with pytest.raises(Refused, match="cannot sign for a department"):
        bench.tests.sign("ramp-few", "dm", DEMAND, "ada")
    bench.tests.sign("ramp-few", "dm", DEMAND, "head of dm")
    with pytest.raises(Refused, match="no result yet"):
        bench.tests.sign("ramp-few", "dm", "result", "head of dm")
    bench.drive().start("ramp-few", "Ada")
    with pytest.raises(Refused, match="not begun again"):
        bench.drive().start("ramp-few", "Ada")


def test_what_was_frozen_stays_frozen(bench: Bench) -> None:
    bench.prepare("ramp-few", **few(bench))
    with pytest.raises(InputInvalid, match="prepared already"):
        bench.prepare("ramp-few", **few(bench))
    with sqlite3.connect(home() / "store.sqlite") as forger:
        forger.execute(
            "UPDATE blobs SET content = CAST(replace(CAST(content AS TEXT), 'critical: 60', 'critical: 6') AS BLOB)"
        )
    with pytest.raises(Broken, match="was changed in the store"):
        bench.drive().start("ramp-few", "Ada")


def test_an_observed_day_counts_people_and_keeps_no_name(bench: Bench) -> None:
    people = [(f"person{number}", "dpi" if number < 31 else "oppba") for number in range(128)]
    (bench.folder / "people.csv").write_text("user,department\n" + "\n".join(map(",".join, people)))
    bench.prepare(
        "day-2026",
        method="observed",
        way=None,
        people_file="people.csv",
        hold="40m",
        departments=[{"id": "dpi"}, {"id": "oppba"}],
    )
    done = bench.drive().start("day-2026", "Ada")
    assert done.judgement.outcome is Outcome.PASS, done.judgement.reasons
    assert [(item.department, item.took_part) for item in done.judgement.departments] == [("dpi", 31), ("oppba", 97)]
    assert len(events(bench, "day-2026", "sample")) >= 40
    bench.tests.sign("day-2026", OWNER, "result", "head of dpi", [APPLICATION])
    before = bench.state(Activity.TELECOMMUTING_TEST, OWNER)
    assert before is not State.MET
    evidence = open_evidence(bench.seal("day-2026"), "day-2026")
    assert bench.state(Activity.TELECOMMUTING_TEST, OWNER) is State.MET
    assert bench.state(Activity.REMOTE_ACCESS_TEST, APPLICATION) is State.MET
    text = b"".join(evidence.files.values()).decode()
    assert not re.search(r"person\d", text)
    assert "192.0.2.7" not in text


def test_a_record_by_hand_does_not_count_for_an_application_of_remote_access(bench: Bench) -> None:
    note = bench.folder / "note.txt"
    note.write_text("we tried it, it worked")
    claim = Claim(activity=Activity.REMOTE_ACCESS_TEST, subjects=(APPLICATION,), files=(note,))
    _, warnings = bench.year().record(claim, Said(person="Ada", reason="tried"))
    assert any("sealed evidence" in warning for warning in warnings)
    assert bench.state(Activity.REMOTE_ACCESS_TEST, APPLICATION) is not State.MET


def test_a_killed_process_leaves_nobody_logged_on(bench: Bench) -> None:
    bench.prepare("ramp-kill", **{**few(bench), "hold": "1h", "step": "1s", "sample": "1s"})
    command = [sys.executable, "-m", "drorch", "access", "test", "start", "ramp-kill", "--by", "Ada"]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _until(lambda: len(events(bench, "ramp-kill", "logged-on")) == 24)
        assert len(bench.made.nyc.sessions) == 24
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        _until(lambda: not bench.made.nyc.sessions)
    finally:
        process.kill()
        process.wait(10)
    stands = bench.tests.end_interrupted("ramp-kill")
    assert stands.judgement.outcome is Outcome.INTERRUPTED
    assert stands.judgement.proven == 0
    _until(lambda: bench.tests.standing("ramp-kill").told.course.left == ())
    assert open_evidence(bench.seal("ramp-kill"), "ramp-kill")


def test_the_commands(bench: Bench) -> None:
    file = bench.write("ramp-cli", **{**few(bench), "hold": "1s", "step": "1s", "sample": "1s"})

    def call(*args: str) -> str:
        result = CliRunner().invoke(app, ["test", *args])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.stdout

    assert "24 logins cannot prove 99 %" in call("prepare", str(file), "--by", "Ada", "--key", str(bench.key))
    call("sign", "ramp-cli", "--what", "demand", "--department", "dm", "--by", "head of dm")
    shown = call("start", "ramp-cli", "--by", "Ada")
    assert "Logins: 24 of 24 succeeded" in shown
    assert "held for" in shown
    assert json.loads(call("status", "ramp-cli", "--json"))["state"] == "ended"
    call("sign", "ramp-cli", "--department", "dm", "--by", "head of dm")
    assert "evidence:" in call("report", "ramp-cli", "--key", str(bench.key))
    with pytest.raises(Refused, match="sealed"):
        call("sign", "ramp-cli", "--department", "dm", "--by", "head of dm")


def _until(holds: Callable[[], bool], seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.1)
