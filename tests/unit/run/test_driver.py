"""The driver: performs decisions, writes intents first, and is never brought down by what it drives."""

import threading

import pytest

from drorch.core.errors import Broken, NotFound, OperatorNeeded
from drorch.plan.model import Plan, Repeat
from drorch.run import events as ev
from drorch.run.events import RunOutcome
from drorch.run.ports import PlaybookRequest, PlaybookStatus, Proof
from drorch.run.progress import StepStatus
from drorch.run.recorder import Recorder
from drorch.testing.fakes import ENDLESS, FAILING, Ending, MemoryJournal
from drorch.testing.plans import drill_plan, failover_plan, make_plan, playbook_step, validate_step
from drorch.testing.runs import RUN, Scene, start
from drorch.testing.streams import MemoryStore


def kinds(scene: Scene) -> list[str]:
    """Kinds of the journal's events."""
    return [type(event.body).__name__ for event in scene.journal.read(RUN)]


def attached(scene: Scene, *bodies: ev.Body) -> Scene:
    """As if a driver had written ``bodies`` and was killed."""
    recorder = Recorder.attach(scene.journal, scene.clock, scene.plan, RUN)
    recorder.record(ev.DriverAttached(host="gone", pid=2), ev.RunStarted(), *bodies)
    return scene


def launch(scene: Scene, step: str) -> None:
    """As if a lost driver had launched the first attempt of a step."""
    act = scene.plan.by_id[step].act
    ident = step.replace("/", "--") + ".1"
    scene.executor.launch(PlaybookRequest(run=RUN, ident=ident, act=act, timeout_s=60))  # type: ignore[arg-type]


@pytest.mark.parametrize("plan", [failover_plan(), drill_plan(), make_plan([])], ids=["failover", "drill", "empty"])
def test_a_run_completes(plan: Plan) -> None:
    scene = Scene(plan=plan).create()
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.state.complete
    assert kinds(scene)[-1] == "RunEnded"


def test_every_event_is_told_after_it_is_in_the_journal() -> None:
    scene, told = Scene(plan=failover_plan()).create(), []

    def listen(event: ev.Event) -> None:
        assert event in scene.journal.read(RUN)
        told.append(event)

    before = len(scene.journal.read(RUN))
    scene.drive(listen)
    assert tuple(told) == scene.journal.read(RUN)[before:]


def test_a_broken_display_does_not_stop_a_recovery() -> None:
    def explode(event: ev.Event) -> None:
        raise ValueError(event.seq)

    assert Scene(plan=failover_plan()).create().drive(explode) is RunOutcome.COMPLETED


def test_nothing_is_launched_before_its_intent_is_written() -> None:
    scene = Scene(plan=failover_plan()).create()
    plain = scene.executor.launch

    def watch(request: PlaybookRequest) -> None:
        bodies = [event.body for event in scene.journal.read(RUN)]
        assert any(isinstance(body, ev.StepStarted) and body.ident == request.ident for body in bodies)
        plain(request)

    scene.executor.launch = watch  # type: ignore[method-assign]
    assert scene.drive() is RunOutcome.COMPLETED


def test_facts_are_kept_without_secrets() -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x")])).create()
    scene.executor.behave("x.yml", Ending(facts={"lsn": "0/1", "password": "hunter2"}))
    scene.drive()
    assert dict(scene.state.steps["a/x"].facts) == {"lsn": "0/1", "password": "[redacted]"}


def test_a_failing_playbook_makes_the_run_incomplete_and_says_why() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.executor.behave("g0-a0--start.1", FAILING)
    assert scene.drive() is RunOutcome.INCOMPLETE
    state = scene.state
    assert (state.steps["g0-a0/start"].code, state.steps["g0-a0/start"].status) == ("task-failed", StepStatus.FAILED)
    assert "made to fail" in state.steps["g0-a0/start"].reason
    assert set(state.blocked) == {"g0-a0/validate", "g0-a1/start", "g0-a1/validate"}
    assert state.steps["g1-a1/validate"].status is StepStatus.DONE


def test_a_proof_that_does_not_hold_fails_its_step_with_its_code() -> None:
    scene = Scene(plan=make_plan([validate_step("a")])).create()
    scene.observer._answers["a"] = Proof(holds=False, code="read-only", reason="no writes")
    assert scene.drive() is RunOutcome.INCOMPLETE
    assert scene.state.steps["a/validate"].code == "read-only"


def test_a_proof_counts_from_the_start_of_its_step() -> None:
    scene = Scene(plan=make_plan([validate_step("a")])).create()
    scene.drive()
    ((_, since, deadline),) = scene.observer.asked
    assert since == scene.state.steps["a/validate"].started
    assert deadline == 60.0


@pytest.mark.parametrize("where", ["observer", "executor"])
def test_what_breaks_inside_a_step_fails_that_step_only(where: str) -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x"), validate_step("b"), playbook_step("c/y")])).create()
    if where == "observer":
        scene.observer._broken = frozenset({"b"})
    else:
        scene.executor.behave("x.yml", Ending(raises=OSError("no fork, password=hunter2")))
    assert scene.drive() is RunOutcome.INCOMPLETE
    (broken,) = scene.state.with_status(StepStatus.FAILED)
    assert broken.id == ("b/validate" if where == "observer" else "a/x")
    assert scene.state.steps[broken.id].code == "broken"
    assert "hunter2" not in scene.state.steps[broken.id].reason
    assert scene.state.steps["c/y"].status is StepStatus.DONE


def test_a_playbook_that_does_not_end_is_ended_at_its_timeout() -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x", timeout_s=5)])).create()
    scene.executor.behave("x.yml", ENDLESS)
    assert scene.drive() is RunOutcome.INCOMPLETE
    assert scene.state.steps["a/x"].code == "timed-out"


def test_a_lost_playbook_that_is_safe_is_performed_again() -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x")])).create()
    scene.executor.behave("a--x.1", Ending(status=PlaybookStatus.LOST, rc=None))
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.executor.performed == ("a--x.1", "a--x.2")
    (retry,) = [event.body for event in scene.journal.read(RUN) if isinstance(event.body, ev.RetryRequested)]
    assert retry.person == "drorch"


def test_a_lost_playbook_that_is_not_safe_waits_for_a_person_and_the_others_go_on() -> None:
    plan = make_plan([playbook_step("a/x", repeat=Repeat.NEVER), playbook_step("b/y")])
    scene = Scene(plan=plan).create()
    scene.executor.behave("x.yml", Ending(status=PlaybookStatus.LOST, rc=None))
    with pytest.raises(OperatorNeeded, match="a/x"):
        scene.drive()
    assert scene.state.ended is None
    assert scene.state.steps["b/y"].status is StepStatus.DONE
    scene.inbox.put(RUN, ev.StepResolved(step="a/x", person="p", reason="looked", evidence="seen"))
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.state.steps["a/x"].status is StepStatus.BY_HAND
    assert scene.inbox.pending(RUN) == ()


def test_a_running_playbook_of_a_lost_driver_is_waited_for() -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x", repeat=Repeat.NEVER)])).create()
    attached(scene, start("a/x"))
    scene.executor.behave("x.yml", Ending(takes_s=3))
    launch(scene, "a/x")
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.executor.performed == ("a--x.1",)


def test_an_ended_playbook_of_a_lost_driver_gives_its_result() -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x", repeat=Repeat.NEVER)])).create()
    attached(scene, start("a/x"))
    scene.executor.behave("x.yml", FAILING)
    launch(scene, "a/x")
    assert scene.drive() is RunOutcome.INCOMPLETE
    assert scene.executor.performed == ("a--x.1",)


@pytest.mark.parametrize("repeat", list(Repeat))
def test_an_intent_without_a_trace_is_repeated_only_when_safe(repeat: Repeat) -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x", repeat=repeat)])).create()
    attached(scene, start("a/x"))
    if repeat is Repeat.SAFE:
        assert scene.drive() is RunOutcome.COMPLETED
        assert scene.executor.performed == ("a--x.2",)
    else:
        with pytest.raises(OperatorNeeded):
            scene.drive()
        assert scene.executor.performed == ()


def test_a_proof_of_a_lost_driver_is_simply_repeated() -> None:
    scene = Scene(plan=make_plan([validate_step("a")])).create()
    attached(scene, start("a/validate"))
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.state.steps["a/validate"].attempt == 1


def test_a_run_without_approval_is_refused_and_nothing_is_done() -> None:
    plan = drill_plan()
    scene = Scene(plan=plan).create(ev.Approved(plan_id="another", person="Ana", reason="r"))
    assert scene.drive() is RunOutcome.REFUSED
    assert scene.executor.performed == ()
    (refusal,) = scene.state.head.refusals
    assert refusal.interlock == "approval"
    assert refusal.inputs["plan"]


def test_a_site_that_answers_refuses_the_failover() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.observer._answers["nyc"] = Proof(holds=False, code="site-answers", reason="3 of 9 answer", facts={"n": 3})
    assert scene.drive() is RunOutcome.REFUSED
    assert scene.executor.performed == ()
    (refusal,) = scene.state.head.refusals
    assert refusal.inputs["code"] == "site-answers"


def test_a_group_held_by_another_run_refuses() -> None:
    scene = Scene(plan=drill_plan()).create()
    driver = scene.driver()
    driver.open_groups = lambda: {"g": "other-run"}
    assert driver.drive() is RunOutcome.REFUSED


def test_two_runs_that_start_at_once_see_each_other_before_they_act() -> None:
    scene = Scene(plan=drill_plan()).create()
    driver = scene.driver()
    seen = iter([{}, {"g": "started-at-the-same-time"}])
    driver.open_groups = lambda: next(seen)
    assert driver.drive() is RunOutcome.REFUSED
    assert (scene.executor.performed, scene.observer.asked) == ((), [])
    assert [refusal.interlock for refusal in scene.state.head.refusals] == ["one-run-per-group"]


def test_an_ended_run_is_not_driven_again() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.drive()
    before = scene.journal.read(RUN)
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.journal.read(RUN) == before


def test_a_retry_takes_an_incomplete_run_up_again() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.executor.behave("g0--recover.1", FAILING)
    assert scene.drive() is RunOutcome.INCOMPLETE
    scene.inbox.put(RUN, ev.RetryRequested(step="g0/recover", person="p", reason="cause removed"))
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.executor.performed.count("g0--recover.2") == 1


def test_a_request_that_cannot_be_honoured_is_dropped() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.inbox.put(RUN, ev.RetryRequested(step="g0/recover", person="p", reason="impatient"))
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.inbox.pending(RUN) == ()
    assert "RetryRequested" not in kinds(scene)


def test_a_paused_run_goes_on_when_it_is_resumed() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.inbox.put(RUN, ev.Paused(person="p", reason="look"))
    paused = threading.Event()

    def listen(event: ev.Event) -> None:
        if isinstance(event.body, ev.Paused):
            paused.set()

    outcomes: list[RunOutcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(scene.drive(listen)))
    thread.start()
    assert paused.wait(10)
    assert scene.executor.performed == ()
    scene.inbox.put(RUN, ev.Resumed(person="p", reason="looked"))
    thread.join(10)
    assert outcomes == [RunOutcome.COMPLETED]


def test_a_stop_ends_playbooks_and_leaves_proofs() -> None:
    plan = make_plan([playbook_step("a/x", timeout_s=1e9), validate_step("b"), playbook_step("c/y", needs=["a/x"])])
    scene = Scene(plan=plan).create()
    scene.executor.behave("x.yml", ENDLESS)
    release = threading.Event()
    prove = scene.observer.prove

    def hang(*args: object, **named: object) -> Proof:
        release.wait(20)
        return prove(*args, **named)  # type: ignore[arg-type]

    scene.observer.prove = hang  # type: ignore[method-assign]

    def listen(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted) and event.body.step == "b/validate":
            scene.inbox.put(RUN, ev.StopRequested(person="p", reason="enough"))

    outcome = scene.drive(listen)
    release.set()
    assert outcome is RunOutcome.STOPPED
    assert scene.executor.stopped == ["a--x.1"]
    assert {step.id: scene.state.steps[step.id].code for step in scene.state.with_status(StepStatus.FAILED)} == {
        "a/x": "stopped",
        "b/validate": "stopped",
    }
    assert scene.state.steps["c/y"].status is StepStatus.WAITING


def test_an_interrupted_driver_leaves_its_playbooks_to_the_next_one() -> None:
    scene = Scene(plan=make_plan([playbook_step("a/x", repeat=Repeat.NEVER)])).create()
    scene.executor.behave("x.yml", Ending(takes_s=2))

    class Interrupted(BaseException):
        """Like Ctrl-C."""

    def interrupt(event: ev.Event) -> None:
        if isinstance(event.body, ev.StepStarted):
            launch(scene, "a/x")
            raise Interrupted

    with pytest.raises(Interrupted):
        scene.drive(interrupt)
    assert scene.executor.stopped == []
    assert scene.state.steps["a/x"].status is StepStatus.RUNNING
    assert scene.drive() is RunOutcome.COMPLETED
    assert scene.executor.performed == ("a--x.1",)


def test_an_unknown_run_is_not_found() -> None:
    with pytest.raises(NotFound):
        Scene(plan=failover_plan()).drive()


def test_another_plan_than_the_runs_is_refused() -> None:
    scene = Scene(plan=failover_plan()).create()
    scene.plan = drill_plan()
    with pytest.raises(Broken, match="not the one"):
        scene.drive()


def test_a_changed_journal_is_refused_with_the_place() -> None:
    plan = failover_plan()
    scene = Scene(plan=plan).create()
    first, second, third = scene.journal.records(RUN)
    store = MemoryStore()
    store.replace_by_hand(first.stream, first, second._replace(body=second.body.replace("Ana", "Eve")), third)
    other = Scene(plan=plan, journal=MemoryJournal(store))
    with pytest.raises(Broken, match="changed") as caught:
        other.drive()
    assert caught.value.where == f"run/{RUN} record 2"
