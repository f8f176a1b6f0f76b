"""Decisions: the same arguments give the same commands, in the right order and within the limits."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.core.clock import Instant
from drorch.plan.model import Limits, NamesAct, Plan, Repeat
from drorch.run import events as ev
from drorch.run.decide import (
    ATTEMPTS_WITHOUT_PERSON,
    PROOFS_AT_ONCE,
    AskOperator,
    EndRun,
    Perform,
    Repeated,
    StopStep,
    decide,
)
from drorch.run.state import RunState, fold
from drorch.run.verdict import PlaybookCode
from drorch.testing.clock import HandClock
from drorch.testing.plans import failover_plan, make_plan, playbook_step, proof_step, validate_step
from drorch.testing.runs import created, done, events_of, failed, start, started, unknown

NOW = HandClock().now()
PAUSE = ev.Paused(person="p", reason="r")
STOP = ev.StopRequested(person="p", reason="r")


def later(seconds: float) -> Instant:
    """An instant after the first event."""
    return replace(NOW, mono=NOW.mono + seconds)


def starts(plan: Plan, *bodies: ev.Body) -> list[str]:
    """Ids of the steps to start after ``bodies``."""
    return [command.step.id for command in decide(plan, started(plan, *bodies), NOW) if isinstance(command, Perform)]


def wide(count: int, **more: object) -> Plan:
    """Independent playbook steps."""
    return make_plan([playbook_step(f"s{number:02}/x") for number in range(count)], **more)  # type: ignore[arg-type]


def test_nothing_happens_before_the_start_and_after_the_end() -> None:
    plan = wide(1)
    assert decide(plan, fold(plan, events_of(created(plan))), NOW) == ()
    ended = started(plan, *failed("s00/x"), ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r"))
    assert decide(plan, ended, NOW) == ()


def test_the_attempt_and_ident_of_a_start_are_deterministic() -> None:
    plan = wide(1)
    assert decide(plan, started(plan), NOW) == (Perform(step=plan.steps[0], attempt=1, ident="s00--x.1"),)
    again = started(plan, *failed("s00/x"), ev.RetryRequested(step="s00/x", person="p", reason="r"))
    assert decide(plan, again, NOW) == (Perform(step=plan.steps[0], attempt=2, ident="s00--x.2"),)


def test_the_longest_remaining_path_goes_first_then_the_id() -> None:
    plan = make_plan(
        [
            playbook_step("a/x", estimate_s=1),
            playbook_step("b/x", estimate_s=2),
            playbook_step("c/x", estimate_s=1),
            playbook_step("c/y", needs=["c/x"], estimate_s=9),
            playbook_step("d/x", estimate_s=1),
        ]
    )
    assert starts(plan) == ["c/x", "b/x", "a/x", "d/x"]


def test_no_more_playbooks_than_the_total_limit() -> None:
    plan = wide(10, limits=Limits(total=3, per_site=8))
    assert starts(plan) == ["s00/x", "s01/x", "s02/x"]
    assert starts(plan, start("s00/x"), start("s01/x")) == ["s02/x"]
    assert starts(plan, *[start(f"s0{number}/x") for number in range(3)]) == []


def test_a_full_site_does_not_hold_up_another() -> None:
    steps = [playbook_step(f"n{number}/x", site="nyc", estimate_s=9) for number in range(4)]
    steps.append(playbook_step("v0/x", site="valencia"))
    plan = make_plan(steps, limits=Limits(total=8, per_site=2))
    assert starts(plan) == ["n0/x", "n1/x", "v0/x"]


def test_proofs_are_not_counted_by_the_limits_but_have_a_cap() -> None:
    proofs = [proof_step(f"p{number:03}/names", NamesAct(applications=("a",), site="nyc")) for number in range(99)]
    plan = make_plan([*proofs, playbook_step("s/x")], limits=Limits(total=1, per_site=1))
    found = starts(plan)
    assert found[0] == "s/x"
    assert len(found) == 1 + PROOFS_AT_ONCE
    assert starts(plan, start("s/x"), start("p000/names"))[-1] == f"p{PROOFS_AT_ONCE - 1:03}/names"


def test_a_pause_starts_nothing_and_ends_nothing() -> None:
    plan = wide(2)
    assert decide(plan, started(plan, PAUSE), NOW) == ()
    assert decide(plan, started(plan, *done("s00/x"), *done("s01/x"), PAUSE), NOW) == ()
    resumed = started(plan, PAUSE, ev.Resumed(person="p", reason="r"))
    assert len(decide(plan, resumed, NOW)) == 2


def test_a_stop_ends_what_is_under_way_and_then_the_run() -> None:
    plan = wide(2)
    state = started(plan, start("s00/x"), STOP)
    assert decide(plan, state, NOW) == (StopStep(step=plan.steps[0], attempt=1, code=PlaybookCode.STOPPED),)
    over = decide(plan, started(plan, *failed("s00/x"), STOP), NOW)
    assert [command.outcome for command in over if isinstance(command, EndRun)] == [ev.RunOutcome.STOPPED]


def test_a_stop_wins_over_a_pause_and_over_unknown_steps() -> None:
    plan = wide(2)
    (end,) = decide(plan, started(plan, *unknown("s00/x"), PAUSE, STOP), NOW)
    assert isinstance(end, EndRun)
    assert end.outcome is ev.RunOutcome.STOPPED


def test_a_playbook_past_its_timeout_is_ended_and_a_proof_is_left_to_its_own_deadline() -> None:
    plan = make_plan([playbook_step("s/x", timeout_s=60), validate_step("a")])
    state = started(plan, start("s/x"), start("a/validate"))
    assert decide(plan, state, later(61.9)) == ()
    assert decide(plan, state, later(62.0)) == (
        StopStep(step=plan.by_id["s/x"], attempt=1, code=PlaybookCode.TIMED_OUT),
    )


def test_a_timeout_holds_during_a_pause() -> None:
    plan = wide(1)
    assert len(decide(plan, started(plan, start("s00/x"), PAUSE), later(100))) == 1


def test_a_safe_step_is_repeated_a_few_times_and_then_asked_about() -> None:
    plan = wide(1)
    bodies: tuple[ev.Body, ...] = ()
    for attempt in range(1, ATTEMPTS_WITHOUT_PERSON):
        bodies += unknown("s00/x", attempt)
        (command,) = decide(plan, started(plan, *bodies), NOW)
        assert isinstance(command, Repeated)
        bodies += (ev.RetryRequested(step="s00/x", person="drorch", reason="r"),)
    (asked,) = decide(plan, started(plan, *bodies, *unknown("s00/x", ATTEMPTS_WITHOUT_PERSON)), NOW)
    assert isinstance(asked, AskOperator)


@pytest.mark.parametrize("repeat", [Repeat.AFTER_PROBE, Repeat.NEVER])
def test_a_step_not_declared_safe_is_never_repeated_blindly(repeat: Repeat) -> None:
    plan = make_plan([playbook_step("s/x", repeat=repeat), playbook_step("t/x")])
    assert starts(plan, *unknown("s/x")) == ["t/x"]
    (asked,) = decide(plan, started(plan, *unknown("s/x"), *done("t/x")), NOW)
    assert asked == AskOperator(steps=("s/x",), reason=asked.reason)  # type: ignore[union-attr]


def test_a_run_ends_completed_or_incomplete() -> None:
    plan = wide(2)
    (good,) = decide(plan, started(plan, *done("s00/x"), *done("s01/x")), NOW)
    (bad,) = decide(plan, started(plan, *done("s00/x"), *failed("s01/x")), NOW)
    assert isinstance(good, EndRun)
    assert isinstance(bad, EndRun)
    assert (good.outcome, bad.outcome) == (ev.RunOutcome.COMPLETED, ev.RunOutcome.INCOMPLETE)
    assert "s01/x" in bad.reason


def test_a_plan_without_steps_completes() -> None:
    plan = make_plan([])
    (end,) = decide(plan, started(plan), NOW)
    assert isinstance(end, EndRun)
    assert end.outcome is ev.RunOutcome.COMPLETED


def test_a_witness_that_sees_the_site_refuses_the_run() -> None:
    plan = failover_plan()
    (end,) = decide(plan, started(plan, *failed("nyc/witness")), NOW)
    assert isinstance(end, EndRun)
    assert end.outcome is ev.RunOutcome.REFUSED
    assert [refusal.interlock for refusal in end.refusals] == ["site-lost"]


def play(plan: Plan, choices: list[str]) -> tuple[list[str], RunState]:
    """Drive by pure decisions: each started step ends as ``choices`` say, in turn."""
    bodies: list[ev.Body] = []
    order: list[str] = []
    while True:
        state = started(plan, *bodies)
        commands = decide(plan, state, NOW)
        assert commands == decide(plan, state, NOW)
        if any(isinstance(command, EndRun) for command in commands):
            return order, state
        for command in commands:
            assert isinstance(command, Perform)
            order.append(command.step.id)
            fate = choices[len(order) % len(choices)]
            bodies += (done if fate == "done" else failed)(command.step.id)


@given(st.data())
def test_on_any_graph_each_step_runs_once_behind_its_needs_or_is_blocked(data: st.DataObject) -> None:
    ids = [f"s{number}/x" for number in range(data.draw(st.integers(1, 12)))]
    steps = []
    for place, step_id in enumerate(ids):
        earlier = st.lists(st.sampled_from(ids[:place]), max_size=3) if place else st.just([])
        needs, after = data.draw(earlier), data.draw(earlier)
        steps.append(playbook_step(step_id, needs=needs, after=after))
    plan = make_plan(steps, limits=Limits(total=data.draw(st.integers(1, 4)), per_site=4))
    order, state = play(plan, data.draw(st.lists(st.sampled_from(["done", "failed"]), min_size=1, max_size=5)))
    assert len(order) == len(set(order))
    place_of = {step: place for place, step in enumerate(order)}
    for step in plan.steps:
        if step.id in place_of:
            assert all(place_of[needed] < place_of[step.id] for needed in step.needs)
            assert all(place_of.get(earlier, -1) < place_of[step.id] for earlier in step.after)
        else:
            assert state.blocked[step.id]
    assert set(state.blocked).isdisjoint(order)
