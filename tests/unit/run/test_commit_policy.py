"""A run that was carried out waits to be committed: by a person, or by its deadline, once, wherever a driver dies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.commit_policy import agreement_problem
from drorch.run.decide import AwaitCommit, CommitRun, EndRun, UndoRun, decide
from drorch.run.requests import problem_with
from drorch.run.state import IllegalEvent, RunState, fold
from drorch.run.waits import COMMIT, needed_now, time_shares
from drorch.testing.clock import HandClock
from drorch.testing.fakes import MemoryJournal
from drorch.testing.plans import make_plan, playbook_step, with_undo
from drorch.testing.runs import RUN, Scene, approvals, created, done, events_of

NONE, COMMITS, UNDOES = ev.AfterDeadline.NONE, ev.AfterDeadline.COMMIT, ev.AfterDeadline.UNDO
LASTING = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])], kind=Kind.SWITCHOVER)
PLAN = with_undo(LASTING, "x")


def agreed(then: ev.AfterDeadline = COMMITS, within_s: int = 600) -> ev.CommitAgreed:
    return ev.CommitAgreed(then=then, within_s=within_s, person="Olga Operator", reason="departments look")


def carried_out(*more: ev.Body, policy: ev.CommitAgreed | None = None) -> tuple[ev.Event, ...]:
    first = (created(PLAN), policy or agreed(), ev.RunStarted())
    return events_of(*first, *done("a/x"), *done("b/x"), *more)


def at_due() -> RunState:
    return fold(PLAN, carried_out(ev.CommitDue()))


def later(state: RunState, seconds: float):  # type: ignore[no-untyped-def]
    since = state.head.commit_due_at
    assert since is not None
    clock = HandClock()
    clock.advance(since.mono - clock.now().mono + seconds)
    return clock.now()


def test_carried_out_it_does_not_end_but_waits() -> None:
    state = fold(PLAN, carried_out())
    assert decide(PLAN, state, HandClock().now()) == (AwaitCommit(),)
    with pytest.raises(IllegalEvent, match="not committed"):
        fold(PLAN, carried_out(ev.RunEnded(outcome=ev.RunOutcome.COMPLETED, reason="r")))
    due = at_due()
    assert decide(PLAN, due, later(due, 599)) == ()


def test_at_the_deadline_what_was_agreed_happens() -> None:
    due = at_due()
    (command,) = decide(PLAN, due, later(due, 600))
    assert isinstance(command, CommitRun)
    assert "Olga Operator" in command.reason
    undoing = fold(PLAN, carried_out(ev.CommitDue(), policy=agreed(UNDOES)))
    assert [
        command.steps for command in decide(PLAN, undoing, later(undoing, 600)) if isinstance(command, UndoRun)
    ] == [("b/x", "a/x")]
    patient = fold(PLAN, carried_out(ev.CommitDue(), policy=agreed(NONE, 0)))
    assert decide(PLAN, patient, later(patient, 10**6)) == ()


def test_a_restart_of_the_machine_does_not_stretch_the_deadline() -> None:
    due = at_due()
    since = due.head.commit_due_at
    assert since is not None
    new_boot = replace(later(due, 601), mono=1.0)
    assert isinstance(decide(PLAN, due, new_boot)[0], CommitRun)


def test_a_commit_ends_the_run_and_comes_once() -> None:
    commit = ev.Committed(person="Grace", reason="all departments agree")
    state = fold(PLAN, carried_out(ev.CommitDue(), commit))
    (end,) = decide(PLAN, state, HandClock().now())
    assert isinstance(end, EndRun)
    assert end.outcome is ev.RunOutcome.COMPLETED
    problem = problem_with(state, commit, HandClock().now())
    assert problem is not None
    assert "already" in problem.reason


@pytest.mark.parametrize(
    ("bodies", "says"),
    [
        ((created(PLAN), ev.RunStarted(), *done("a/x"), *done("b/x")), "no commit was agreed"),
        ((created(PLAN), agreed(), ev.RunStarted(), *done("a/x")), "not every step is done"),
        ((created(PLAN), agreed(), ev.RunStarted(), *done("a/x"), *done("b/x")), "not every step is done"),
    ],
)
def test_what_is_not_due_cannot_be_committed(bodies: tuple[ev.Body, ...], says: str) -> None:
    problem = problem_with(fold(PLAN, events_of(*bodies)), ev.Committed(person="Grace", reason="r"), HandClock().now())
    assert problem is not None
    assert says in problem.reason


@pytest.mark.parametrize(
    ("plan", "policy", "says"),
    [
        (LASTING, agreed(UNDOES), "no undo takes back a/x, b/x"),
        (PLAN, agreed(COMMITS, 0), "needs a deadline"),
        (PLAN, agreed(NONE, 60), "without a consequence"),
        (replace(PLAN, kind=Kind.DRILL), agreed(), "nothing to commit"),
    ],
)
def test_what_cannot_be_agreed(plan: Plan, policy: ev.CommitAgreed, says: str) -> None:
    problem = agreement_problem(plan, policy)
    assert problem is not None
    assert says in problem[0]
    assert problem[1]
    assert agreement_problem(PLAN, agreed(UNDOES)) is None
    assert agreement_problem(LASTING, agreed()) is None
    assert agreement_problem(LASTING, agreed(NONE, 0)) is None


def test_people_see_what_waits_and_the_time_is_theirs() -> None:
    events = carried_out(ev.CommitDue())
    (needed,) = needed_now(fold(PLAN, events), events, driven=True)
    assert needed.reason == COMMIT
    assert "commit by itself after 600 s" in needed.what
    assert f"drorch run commit {RUN}" in needed.next_step
    shares = time_shares(carried_out(ev.CommitDue(), ev.Committed(person="Grace", reason="r")))
    assert [(wait.what, wait.seconds) for wait in shares.waits] == [(COMMIT, 1.0)]


def driven(then: ev.AfterDeadline) -> Scene:
    """A whole run with this agreement; its clock goes on by itself while the driver waits."""
    scene = Scene(plan=PLAN)
    scene.create(*approvals(PLAN), agreed(then, 1))
    return scene


@pytest.mark.parametrize(
    ("then", "outcome", "mark"),
    [
        (COMMITS, ev.RunOutcome.COMPLETED, ev.Committed),
        (UNDOES, ev.RunOutcome.UNDONE, ev.UndoRequested),
    ],
)
def test_wherever_the_driver_dies_the_deadline_acts_once(
    then: ev.AfterDeadline, outcome: ev.RunOutcome, mark: type[ev.Body]
) -> None:
    def on(event: ev.Event) -> None:
        if isinstance(event.body, ev.CommitDue):
            scene.clock.advance(2.0)

    scene = driven(then)
    assert scene.drive(on) is outcome
    whole, world = scene.journal.read(RUN), scene.executor
    for kept in range(len(whole) - 1, 3, -1):
        scene = Scene(plan=PLAN, journal=MemoryJournal(), clock=scene.clock)
        scene.executor = world  # the world does not forget what was launched
        scene.journal.append(whole[:kept])
        scene.clock.advance(5.0)
        ended = scene.drive(on)
        events = scene.journal.read(RUN)
        assert ended is outcome
        assert sum(isinstance(event.body, mark) for event in events) == 1, kept


def test_the_agreement_is_of_the_time_before_the_start() -> None:
    state = fold(PLAN, events_of(created(PLAN), ev.RunStarted()))
    event = ev.Event(run=RUN, seq=state.seq + 1, at=HandClock().now(), body=agreed())
    with pytest.raises(IllegalEvent, match="has started"):
        fold(PLAN, [*events_of(created(PLAN), ev.RunStarted()), event])
