"""People's time and machines' time add up to the run's time, and what waits names who and since when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.state import fold
from drorch.run.waits import APPROVAL, DECISION, INTERRUPTED, PAUSE, UNKNOWN, needed_now, time_shares
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import approvals, created, done, events_of, failed, start, unknown

WHO = {"person": "Olga", "reason": "because"}
PLAN = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])])
AWAITED = ev.ApprovalAwaited(person="Olga", reason="prepared", within_s=600)
ATTACHED = ev.DriverAttached(host="h", pid=1)
INCOMPLETE = ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r")


def run(*bodies: ev.Body, plan: Plan = PLAN) -> tuple[ev.Event, ...]:
    """Events one second apart."""
    return events_of(created(plan), *bodies)


@pytest.mark.parametrize(
    ("bodies", "waits", "machine_s"),
    [
        ((ATTACHED, ev.RunStarted(), *done("a/x")), [], 4.0),
        ((AWAITED, *approvals(PLAN), ev.RunStarted()), [(APPROVAL, 3.0)], 1.0),
        ((ev.RunStarted(), ev.Paused(**WHO), ev.Resumed(**WHO), start("a/x")), [(PAUSE, 1.0)], 3.0),
        ((ev.RunStarted(), start("a/x"), ev.Paused(**WHO), *done("a/x")[1:], ev.Resumed(**WHO)), [(PAUSE, 1.0)], 4.0),
        (
            (ev.RunStarted(), *unknown("a/x"), ev.StepResolved(step="a/x", evidence="e", **WHO), start("b/x")),
            [(UNKNOWN, 1.0)],
            4.0,
        ),
        (
            (ev.RunStarted(), *failed("a/x"), INCOMPLETE, ev.RetryRequested(step="a/x", **WHO), ATTACHED),
            [(DECISION, 1.0), (INTERRUPTED, 1.0)],
            4.0,
        ),
        ((ev.RunStarted(), ATTACHED, start("a/x"), ATTACHED), [(INTERRUPTED, 1.0)], 3.0),
    ],
)
def test_where_the_time_went(bodies: tuple[ev.Body, ...], waits: list[tuple[str, float]], machine_s: float) -> None:
    shares = time_shares(run(*bodies))
    assert [(wait.what, wait.seconds) for wait in shares.waits] == waits
    assert shares.machine_s == machine_s
    assert shares.people_s + shares.machine_s == shares.total_s == len(bodies)


def test_waiting_that_goes_on_counts_up_to_now() -> None:
    waiting, ended = run(AWAITED), run(ev.RunStarted(), INCOMPLETE)
    now = run(AWAITED, *approvals(PLAN), ATTACHED, ATTACHED)[-1].at
    assert (time_shares(waiting, now=now).people_s, time_shares(waiting, now=now).total_s) == (4.0, 5.0)
    assert time_shares(ended, now=now) == time_shares(ended)


def test_nothing_happened_takes_no_time() -> None:
    assert time_shares(()).total_s == 0.0


BODIES = st.sampled_from(
    [
        AWAITED, ATTACHED, ev.RunStarted(), INCOMPLETE, ev.Paused(**WHO), ev.Resumed(**WHO), *done("a/x"),
        *unknown("b/x"), ev.RetryRequested(step="b/x", **WHO), ev.CleanUpRequested(**WHO),
    ]
)  # fmt: skip


@given(st.lists(BODIES, max_size=30))
def test_the_two_always_add_up(bodies: list[ev.Body]) -> None:
    shares = time_shares(events_of(created(PLAN), *bodies))
    assert 0.0 <= shares.people_s <= shares.total_s == float(len(bodies))
    assert sum(wait.seconds for wait in shares.waits) == shares.people_s
    assert all(one.until.mono <= other.since.mono for one, other in zip(shares.waits, shares.waits[1:], strict=False))


def needs(*bodies: ev.Body, plan: Plan = PLAN, driven: bool = True) -> list[tuple[str | None, str, float]]:
    """Step, who, and seconds since the creation, of everything that waits."""
    events = run(*bodies, plan=plan)
    found = needed_now(fold(plan, events), events, driven=driven)
    assert all(need.what and need.next_step.startswith("drorch run ") for need in found)
    return [(need.step, need.who, need.since.since(events[0].at)) for need in found]


def test_who_is_waited_for_and_since_when() -> None:
    switchover = make_plan(PLAN.steps, kind=Kind.SWITCHOVER)
    drill = make_plan(PLAN.steps, kind=Kind.DRILL)
    operator = "Olga Operator"
    assert needs(AWAITED, plan=switchover) == [(None, f"somebody other than {operator}", 1.0)]
    assert needs(AWAITED, plan=drill, driven=False) == [(None, "a person who read the plan", 1.0)]
    assert needs(ev.RunStarted(), start("a/x")) == []
    assert needs(ev.RunStarted(), start("a/x"), driven=False) == [(None, operator, 2.0)]
    assert needs(ev.RunStarted(), *unknown("a/x"), ATTACHED) == [("a/x", operator, 3.0)]
    assert needs(ev.RunStarted(), *failed("a/x"), INCOMPLETE) == [("a/x", operator, 3.0)]
    assert needs(ev.RunStarted(), ev.Paused(**WHO), ATTACHED) == [(None, operator, 2.0)]
    assert needs(ev.RunStarted(), *done("a/x"), *done("b/x"), ev.RunEnded(outcome=ev.RunOutcome.COMPLETED, reason="r"),
                 driven=False) == []  # fmt: skip
