"""Exercises on a hand-driven clock: who is called when, who was reached, what a dead process leaves."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from unit.programme.samples import small_programme, zoned_catalog

from drorch.app.callout import CalloutParts, CallOuts
from drorch.app.callout_files import exercise_files
from drorch.app.year import Said, Year
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.programme.callout.decide import Send, decide
from drorch.programme.callout.log import Intended
from drorch.programme.callout.model import Delivery, Message, Sending
from drorch.programme.callout.rehearsal import intended, rehearse
from drorch.programme.callout.result import result_to_json
from drorch.programme.model import Activity, TestResult
from drorch.programme.status import State
from drorch.testing.callout import SMALL_TREE_YAML

from .parts import SAID, Exercise, Ids, tree_of

EVERYBODY = {f"{name}@example.org": 5.0 for name in ("head", "second", "chief", "finance", "records")}


def without(*names: str) -> dict[str, float]:
    return {address: after for address, after in EVERYBODY.items() if address.partition("@")[0] not in names}


def test_levels_are_called_one_after_the_other(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    state = exercise.callouts.drive(exercise.begin())
    assert state.over is not None
    assert state.over.outcome == "everybody-reached"
    assert [name for _, name in exercise.order()] == ["head", "finance", "records"]
    seconds = [after for after, _ in exercise.order()]
    assert seconds == sorted(seconds)
    assert seconds[1] >= 5
    (found,) = exercise.callouts.result(None).departments
    assert (found.expected, found.reached, found.covered_by_deputy, found.result) == (3, 3, 0, TestResult.PASS)
    assert all(one.seconds is not None and 5 <= one.seconds <= 6.5 for one in found.people)


def test_parallel_calls_everybody_at_once(tmp_path: Path) -> None:
    text = SMALL_TREE_YAML.replace("cascade: levels", "cascade: parallel")
    exercise = Exercise(tmp_path, text, answers=EVERYBODY)
    exercise.callouts.drive(exercise.begin())
    assert sorted(exercise.order()) == [(0, "finance"), (0, "head"), (0, "records")]


def test_a_deputy_is_called_and_lets_the_branch_go_on(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=without("head"))
    exercise.callouts.drive(exercise.begin())
    order = exercise.order()
    # Two attempts a minute apart, the deputy after a minute and a half, then the next level.
    assert [name for _, name in order[:4]] == ["head", "head", "second", "finance"]
    assert [order[1][0], order[2][0]] == [60, 90]
    (found,) = exercise.callouts.result(None).departments
    assert (found.expected, found.reached, found.covered_by_deputy) == (3, 2, 1)
    assert found.result is TestResult.PASS_WITH_ISSUES
    assert [one.covered_by_deputy for one in found.people] == [True, False, False]


def test_nobody_answers_is_escalated_ends_and_fails(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers={})
    state = exercise.callouts.drive(exercise.begin())
    assert state.over is not None
    assert state.over.outcome == "nobody-left-to-call"
    names = [name for _, name in exercise.order()]
    # A branch is not cut off by one who cannot be reached, and no one is written to more often than allowed.
    assert {name: names.count(name) for name in names} == {
        "head": 2,
        "second": 2,
        "chief": 2,
        "finance": 2,
        "records": 2,
    }
    (found,) = exercise.callouts.result(None).departments
    assert (found.reached, found.result) == (0, TestResult.FAIL)


def test_it_ends_when_its_time_is_up(tmp_path: Path) -> None:
    text = SMALL_TREE_YAML.replace("ends_after: 20m", "ends_after: 30s")
    state = (exercise := Exercise(tmp_path, text)).callouts.drive(exercise.begin())
    assert state.over is not None
    assert state.over.outcome == "time-is-up"


def test_a_mail_server_that_is_down_is_tried_again_and_calls_nobody(tmp_path: Path) -> None:
    down = Delivery(sending=Sending.NOT_SENT, why="the mail server could not be reached: Connection refused")
    exercise = Exercise(tmp_path, answers=EVERYBODY, delivery=lambda _: down)
    exercise.callouts.drive(exercise.begin())
    found = exercise.callouts.result(None)
    assert found.messages.sent == 0
    assert found.messages.not_sent == found.messages.intended == 10
    assert found.messages.not_sent_because == {down.why: 10}
    assert not found.departments[0].all_called
    assert found.departments[0].result is TestResult.FAIL


def test_a_mail_server_that_comes_back_reaches_everybody_late(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    down = Delivery(sending=Sending.NOT_SENT, why="down")
    exercise.delivery = lambda _: down if exercise.clock.now().mono < 1030 else Delivery(sending=Sending.SENT)
    exercise.callouts.drive(exercise.begin())
    (found,) = exercise.callouts.result(None).departments
    assert (found.reached, found.people[0].attempts) == (3, 2)
    assert found.people[0].seconds is not None
    # From the first try on: that the server was down is part of how long it took.
    assert found.people[0].seconds >= 65


class Killed(BaseException):
    """As ``kill -9`` in the middle of sending."""


def test_what_a_dead_process_left_open_is_unknown_and_counts_as_an_attempt(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)

    def dies(_: Message) -> Delivery:
        raise Killed

    exercise.delivery = dies
    name = exercise.begin()
    with pytest.raises(Killed):
        exercise.callouts.drive(name)
    assert len(exercise.callouts.state(name)[1].open_messages()) == 1
    exercise.delivery = lambda _: Delivery(sending=Sending.SENT)
    exercise.callouts.drive(name)
    # Not repeated at once: the second attempt comes when the first has had its time.
    assert exercise.order()[0] == (60, "head")
    found = exercise.callouts.result(name)
    assert (found.messages.unknown, found.departments[0].reached) == (1, 3)
    assert found.departments[0].people[0].attempts == 2


def test_only_one_process_sends(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    name = exercise.begin()
    with exercise_files(tmp_path, name).driven(), pytest.raises(Refused, match="another process"):
        exercise.callouts.drive(name)
    assert exercise.sent == []


def test_after_a_stop_nothing_goes_out_and_no_link_counts(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=without("head"))

    def then_stop(message: Message) -> Delivery:
        exercise.callouts.stop(None, Said(person="Petra Person", reason="wrong day"))
        return Delivery(sending=Sending.SENT)

    exercise.delivery = then_stop
    state = exercise.callouts.drive(exercise.begin())
    assert state.over is not None
    assert state.over.outcome == "stopped"
    ((_, address, message),) = exercise.sent
    assert address == "head@example.org"
    assert exercise.page.answer("POST", message.link.removeprefix("http://127.0.0.1:8480")).status == 410
    (found,) = exercise.callouts.result(None).departments
    assert found.result is TestResult.FAIL
    with pytest.raises(InputInvalid, match="over"):
        exercise.callouts.stop(None, SAID)


def test_a_stop_without_a_driver_ends_it(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path)
    exercise.begin()
    exercise.callouts.stop(None, SAID)
    assert exercise.callouts.result(None).outcome == "stopped"


def test_a_tree_changed_after_the_beginning_sends_nothing(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path)
    name = exercise.begin()
    (tmp_path / "callouts" / name / "callout.yaml").write_text(SMALL_TREE_YAML.replace("head@", "other@"))
    with pytest.raises(InputInvalid, match="changed after it began"):
        exercise.callouts.drive(name)
    assert exercise.sent == []


def test_no_address_no_name_and_no_token_is_in_log_or_report(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    name = exercise.begin()
    exercise.callouts.drive(name)
    _, path = exercise.callouts.write_report(name)
    log = (tmp_path / "callouts" / name / "callout.jsonl").read_text()
    for text in (log, path.read_text()):
        assert "example.org" not in text
        assert "Hanna" not in text
        assert not any(message.link.rpartition("/")[2] in text for _, _, message in exercise.sent)
    assert "Head" in path.read_text()


@pytest.mark.parametrize(
    ("shown", "names", "roles"), [("names", True, True), ("roles", False, True), ("totals", False, False)]
)
def test_the_report_shows_what_the_tree_allows(tmp_path: Path, shown: str, names: bool, roles: bool) -> None:
    exercise = Exercise(tmp_path, SMALL_TREE_YAML.replace("shown: roles", f"shown: {shown}"), answers=EVERYBODY)
    exercise.callouts.drive(exercise.begin())
    text = json.dumps(result_to_json(exercise.callouts.result(None)))
    assert ("Hanna Head" in text, "Finance" in text) == (names, roles)


def test_every_message_is_marked_as_an_exercise(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers={})
    exercise.callouts.drive(exercise.begin())
    for _, _, message in exercise.sent:
        assert message.subject.startswith("EXERCISE")
        assert message.text.startswith("EXERCISE - THIS IS AN EXERCISE")
        assert message.link in message.text


def test_the_dry_run_says_what_would_be_sent_and_sends_nothing(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers={})
    exercise.callouts.drive(exercise.begin())
    planned, outcome, _ = rehearse(tree_of(), ["dm"])
    assert outcome == "nobody-left-to-call"
    assert [(int(item.seconds), item.send.person) for item in planned] == exercise.order()


def test_an_edited_log_is_named_by_line(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    name = exercise.begin()
    exercise.callouts.drive(name)
    log = tmp_path / "callouts" / name / "callout.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace("2013", "2012")
    log.write_text("".join(lines))
    with pytest.raises(InputInvalid) as refused:
        exercise.callouts.result(name)
    assert "callout.jsonl:4" in str(refused.value)


def test_half_a_line_at_the_end_is_no_event(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    name = exercise.begin()
    log = tmp_path / "callouts" / name / "callout.jsonl"
    with log.open("a") as stream:
        stream.write('{"at":"2013')
    exercise.callouts.drive(name)
    assert exercise.callouts.result(name).departments[0].reached == 3


def test_the_result_meets_the_obligation_of_the_year_once(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    year = Year(tmp_path, exercise.clock, small_programme(), zoned_catalog())
    name = exercise.begin()
    with pytest.raises(Refused, match="goes on"):
        exercise.callouts.record(name, year, "America/New_York", SAID)
    exercise.callouts.drive(name)
    ((event, whys),) = exercise.callouts.record(name, year, "America/New_York", SAID)
    assert whys == ()
    body = event.body
    assert body.what == "recorded"
    assert (body.activity, body.subjects, body.took_part, body.expected) == (Activity.CALL_OUT_EXERCISE, ("dm",), 3, 3)
    assert body.evidence[0].name == "report.json"
    status, _ = year.status()
    (duty,) = [d for d in status.duties if d.duty.obligation.id == "call-out" and d.duty.subject == "dm"]
    assert duty.state is State.MET
    with pytest.raises(InputInvalid, match=f"record {event.seq}"):
        exercise.callouts.record(name, year, "America/New_York", SAID)


def test_an_exercise_that_failed_meets_nothing(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers={})
    year = Year(tmp_path, exercise.clock, small_programme(), zoned_catalog())
    exercise.callouts.drive(exercise.begin())
    ((_, whys),) = exercise.callouts.record(None, year, "America/New_York", SAID)
    assert whys == ("does not count for call-out: it failed",)


def test_unknown_departments_and_exercises_are_named(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path)
    with pytest.raises(NotFound, match="no exercise yet"):
        exercise.callouts.result(None)
    with pytest.raises(NotFound, match="no call tree of ohrm"):
        exercise.begin(["ohrm"])
    with pytest.raises(NotFound, match="2012"):
        exercise.callouts.result("2012")


def test_the_intention_is_written_before_the_message_goes_out(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, answers=EVERYBODY)
    seen: list[int] = []

    def look(message: Message) -> Delivery:
        last = exercise_files(tmp_path, None).events()[-1].body
        seen.append(isinstance(last, Intended))
        return Delivery(sending=Sending.SENT)

    exercise.delivery = look
    exercise.callouts.drive(exercise.begin())
    assert len(seen) >= 3
    assert all(seen)


def test_a_stop_in_the_middle_of_a_batch_lets_no_further_message_be_intended(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path, SMALL_TREE_YAML.replace("cascade: levels", "cascade: parallel"), answers=EVERYBODY)
    made: list[str] = []

    def token() -> str:
        made.append(f"{len(made):032d}")
        if len(made) == 2:
            exercise.callouts.stop(None, SAID)
        return made[-1]

    exercise.callouts = CallOuts(
        CalloutParts(home=tmp_path, clock=exercise.clock, ids=Ids(), notifiers=exercise.notifiers, token=token)
    )
    exercise.callouts.drive(exercise.begin())
    assert len(exercise.sent) == 1
    bodies = [event.body.what for event in exercise.callouts.state(None)[2]]
    assert bodies.count("intended") == 1
    assert bodies[-1] == "over"


def test_nothing_is_decided_while_nobody_knows_how_a_message_ended(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path)
    name = exercise.begin()
    now = exercise.clock.now().wall
    (send,) = [item for item in decide(tree_of(), exercise.callouts.state(name)[1], now) if isinstance(item, Send)]
    exercise_files(tmp_path, name).append(now, lambda _: intended(send, "0" * 64))
    state = exercise.callouts.state(name)[1]
    assert decide(tree_of(), state, now + timedelta(days=9)) == ()


def test_a_stop_after_a_death_says_what_is_unknown(tmp_path: Path) -> None:
    exercise = Exercise(tmp_path)

    def dies(_: Message) -> Delivery:
        raise Killed

    exercise.delivery = dies
    with pytest.raises(Killed):
        exercise.callouts.drive(exercise.begin())
    exercise.callouts.stop(None, SAID)
    state = exercise.callouts.state(None)[1]
    assert state.over is not None
    assert state.open_messages() == ()
    assert exercise.callouts.result(None).messages.unknown == 1
