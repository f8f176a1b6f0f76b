"""Manual steps in a run: started like any step, waited for, signed off by a person, and late when nobody does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.core.errors import OperatorNeeded
from drorch.evidence.record.build import build_report
from drorch.plan.model import Kind, Limits, ManualAct, Plan, Step
from drorch.run import events as ev
from drorch.run.decide import Perform, StopStep, decide
from drorch.run.progress import StepStatus
from drorch.run.requests import problem_with
from drorch.run.state import fold, objection
from drorch.run.waits import BY_HAND, needed_now, time_shares
from drorch.testing.builders import small_catalog
from drorch.testing.plans import drill_plan, make_plan, playbook_step, proof_step
from drorch.testing.runs import RUN, Scene, created, events_of, start, started

WHO = {"person": "Ana", "reason": "done"}
ACT = ManualAct(text="Turn the key", role="storage team", minutes=5, evidence_required=False)


def by_hand(step_id: str, *needs: str, timeout_s: float = 600.0, evidence: bool = False) -> Step:
    step = proof_step(step_id, replace(ACT, evidence_required=evidence), needs=needs)
    return replace(step, timeout_s=timeout_s)


PLAN = make_plan([by_hand("a/manual-key"), playbook_step("a/x", needs=["a/manual-key"])])


def signed(step: str = "a/manual-key", evidence: str = ev.NO_EVIDENCE) -> ev.StepResolved:
    return ev.StepResolved(step=step, evidence=evidence, **WHO)


def signs_when_asked(scene: Scene, body: ev.StepResolved | ev.StepSkipped) -> ev.RunOutcome:
    """Drive; a person answers as soon as the run asks."""

    def see(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted) and event.body.step == body.step:
            scene.inbox.put(event.run, body, asked=scene.clock.now())

    return scene.drive(on_event=see)


def test_the_run_goes_on_behind_the_sign_off() -> None:
    scene = Scene(plan=PLAN).create()
    assert signs_when_asked(scene, signed()) is ev.RunOutcome.COMPLETED
    bodies = [event.body for event in scene.journal.read(RUN)]
    kinds = [type(body).__name__ for body in bodies if hasattr(body, "step")]
    assert kinds == ["StepStarted", "StepResolved", "StepStarted", "StepSucceeded"]
    assert scene.state.steps["a/manual-key"].person == "Ana"


def test_nothing_behind_it_starts_before() -> None:
    state = started(PLAN, start("a/manual-key"))
    assert decide(PLAN, state, state.at) == ()
    assert [type(command) for command in decide(PLAN, started(PLAN), state.at)] == [Perform]


def test_it_takes_no_place_from_playbooks_and_has_no_limit_itself() -> None:
    many = [by_hand(f"a{number}/manual-key") for number in range(70)]
    plan = make_plan([*many, playbook_step("b/x"), playbook_step("c/x")], limits=Limits(total=1, per_site=1))
    state = started(plan)
    first = [command.step.id for command in decide(plan, state, state.at) if isinstance(command, Perform)]
    assert len(first) == 71
    asked = started(plan, *(start(step.id) for step in many))
    assert [one.step.id for one in decide(plan, asked, asked.at) if isinstance(one, Perform)] == ["b/x"]


def test_a_deadline_that_passes_is_a_failure_and_may_still_be_made_good() -> None:
    scene = Scene(
        plan=make_plan([by_hand("a/manual-key", timeout_s=60.0), playbook_step("a/x", needs=["a/manual-key"])])
    )
    scene.create()

    def see(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted):
            scene.clock.advance(61.0)

    assert scene.drive(on_event=see) is ev.RunOutcome.INCOMPLETE
    stands = scene.state.steps["a/manual-key"]
    assert (stands.status, stands.code) == (StepStatus.FAILED, "not-signed-off")
    assert "storage team did not sign it off within 60 s" in stands.reason
    assert "a/x" not in {event.body.step for event in scene.journal.read(RUN) if isinstance(event.body, ev.StepStarted)}
    scene.inbox.put(RUN, signed(), asked=scene.clock.now())
    assert scene.drive() is ev.RunOutcome.COMPLETED


def test_a_driver_that_dies_leaves_it_waiting_and_not_unknown() -> None:
    scene = Scene(plan=PLAN).create()

    class Died(BaseException):
        pass

    def dies(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted):
            raise Died

    driver = scene.driver()
    driver._tell = dies  # type: ignore[method-assign]
    with pytest.raises(Died):
        driver.drive()
    assert scene.state.steps["a/manual-key"].status is StepStatus.RUNNING
    scene.inbox.put(RUN, signed(), asked=scene.clock.now())
    assert scene.drive() is ev.RunOutcome.COMPLETED
    events = scene.journal.read(RUN)
    assert not [event for event in events if isinstance(event.body, ev.StepUnknown)]
    assert sum(isinstance(event.body, ev.StepStarted) and event.body.step == "a/manual-key" for event in events) == 1


def test_without_an_inbox_nobody_could_sign() -> None:
    scene = Scene(plan=PLAN).create()
    driver = scene.driver()
    driver.inbox = None
    with pytest.raises(OperatorNeeded, match="sign-off of a/manual-key"):
        driver.drive()


def test_evidence_is_asked_for_where_it_is_required() -> None:
    plan = make_plan([by_hand("a/manual-key", evidence=True)])
    state = started(plan, start("a/manual-key"))
    for nothing in (ev.NO_EVIDENCE, f" {ev.NO_EVIDENCE} "):
        assert "needs evidence" in str(objection(state, signed(evidence=nothing)))
    assert problem_with(state, signed(evidence=""), state.at) is not None
    assert objection(state, signed(evidence="evidence/photo.jpg")) is None


def test_it_is_not_signed_off_before_its_turn_but_may_be_left_out() -> None:
    plan = make_plan([playbook_step("a/x"), by_hand("a/manual-key", "a/x")])
    state = started(plan, start("a/x"))
    assert "not due yet" in str(objection(state, signed()))
    assert objection(state, ev.StepSkipped(step="a/manual-key", **WHO)) is None
    assert "under way" not in str(objection(started(PLAN, start("a/manual-key"), signed()), signed()))
    assert objection(started(PLAN, start("a/manual-key"), signed()), signed()) is not None


def test_a_playbook_under_way_is_still_not_signed_off() -> None:
    state = started(PLAN, start("a/manual-key"), signed(), start("a/x"))
    assert objection(state, signed("a/x", "e")) == "a/x is running"


def test_left_out_while_it_is_waited_for() -> None:
    scene = Scene(plan=PLAN).create()
    skip = ev.StepSkipped(step="a/manual-key", **WHO)
    assert signs_when_asked(scene, skip) is ev.RunOutcome.COMPLETED
    assert scene.state.steps["a/manual-key"].status is StepStatus.SKIPPED


def test_a_stop_ends_the_waiting() -> None:
    scene = Scene(plan=PLAN).create()

    def see(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted):
            scene.inbox.put(event.run, ev.StopRequested(**WHO), asked=scene.clock.now())

    assert scene.drive(on_event=see) is ev.RunOutcome.STOPPED
    assert scene.state.steps["a/manual-key"].code == "stopped"


def test_a_pause_does_not_stop_a_person() -> None:
    state = started(PLAN, start("a/manual-key"), ev.Paused(**WHO))
    assert objection(state, signed()) is None


def test_late_and_ended_at_once_is_ended_once() -> None:
    plan = drill_plan()
    first = next(step for step in plan.steps if not step.needs)
    hand = by_hand("z/manual-key", timeout_s=1.0)
    plan = replace(plan, steps=(*plan.steps, hand))
    made = next(step for step in plan.steps if step.changes_state and not step.after)
    needed = [start(one) for one in made.needs]
    bodies: list[ev.Body] = [start(hand.id)]
    for one in needed:
        bodies += [one, ev.StepSucceeded(step=one.step, attempt=1)]
    state = started(plan, *bodies, start(made.id), ev.CleanUpRequested(**WHO))
    stops = [one for one in decide(plan, state, state.at) if isinstance(one, StopStep) and one.step.id == hand.id]
    assert len(stops) == 1
    assert first is not hand


def test_what_waits_for_whom_and_whose_time_it_is() -> None:
    events = events_of(created(PLAN), ev.RunStarted(), start("a/manual-key"), signed(), start("a/x"))
    shares = time_shares(events, manual=PLAN.manual)
    assert [(wait.what, wait.seconds) for wait in shares.waits] == [(BY_HAND, 1.0)]
    assert time_shares(events).people_s == 0.0
    need = next(iter(needed_now(fold(PLAN, events[:3]), events[:3], driven=True)))
    assert (need.reason, need.who, need.step, need.since) == (BY_HAND, "storage team", "a/manual-key", events[2].at)
    assert need.what.startswith("Turn the key (about 5 min, at the latest after 10 min)")
    assert "drorch run sign-off" in need.next_step
    assert needed_now(fold(PLAN, events[:4]), events[:4], driven=True) == ()


def test_machines_at_work_beside_it_are_machine_time() -> None:
    plan = make_plan([by_hand("a/manual-key"), playbook_step("b/x")])
    events = events_of(created(plan), ev.RunStarted(), start("a/manual-key"), start("b/x"), signed())
    assert [wait.seconds for wait in time_shares(events, manual=plan.manual).waits] == [1.0]


def report_plan() -> Plan:
    return replace(PLAN, kind=Kind.READINESS)


def test_the_report_shows_the_instructions_the_sign_off_and_how_long_it_took() -> None:
    plan = report_plan()
    step = replace(plan.steps[0], title="By hand (storage team): Turn the key")
    plan = replace(plan, steps=(step, *plan.steps[1:]), catalog_id=small_catalog().content_id)
    succeeded = ev.StepSucceeded(step="a/x", attempt=1)
    ended = ev.RunEnded(outcome=ev.RunOutcome.COMPLETED, reason="r")
    events = events_of(
        created(plan),
        ev.RunStarted(),
        start("a/manual-key"),
        signed(evidence="ticket 7"),
        start("a/x"),
        succeeded,
        ended,
    )
    report = build_report(
        run_id=RUN, plan=plan, catalog=small_catalog(), events=events, outages={}, losses={}, scores={}, estate="paper"
    )
    shown = next(one for one in report.steps if one.id == "a/manual-key")
    assert (shown.act, shown.outcome.value, shown.title) == ("manual", "done-by-hand", step.title)
    assert shown.seconds == 1.0
    assert shown.reason == "Ana: done"
    assert [(act.act, act.person, act.evidence) for act in report.operator_acts] == [
        ("done by hand", "Ana", "ticket 7")
    ]
    assert report.time_share.people_s == 1.0
    assert not [issue for issue in report.result.issues if "by hand" in issue]
