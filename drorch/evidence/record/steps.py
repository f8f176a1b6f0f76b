"""What became of each step: attempts, outcome, what blocked it, and what each failure stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from drorch.evidence.record.model import Attempt, StepOutcome, StepResult, StoppedStep, Trouble
from drorch.evidence.record.moments import TimeLine, hundredths
from drorch.plan.model import ManualAct, NamesAct, Plan, PlaybookAct, ReplicationAct, Step, ValidateAct, WitnessAct
from drorch.run.events import Event, StepFailed, StepResolved, StepSkipped, StepStarted, StepSucceeded, StepUnknown
from drorch.run.state import RunState, StepState, StepStatus

_PROOFS = {
    ValidateAct: "validate",
    WitnessAct: "witness",
    ReplicationAct: "replication",
    NamesAct: "names",
    ManualAct: "manual",
}
_BROKEN = frozenset({StepOutcome.FAILED, StepOutcome.UNKNOWN})
_DECIDED = frozenset({StepOutcome.SKIPPED, StepOutcome.BY_HAND})
GOOD_OUTCOMES = frozenset({StepOutcome.DONE, StepOutcome.SKIPPED, StepOutcome.BY_HAND})
Attempts = Mapping[str, Sequence[Attempt]]


def step_results(plan: Plan, state: RunState, events: Sequence[Event], line: TimeLine) -> tuple[StepResult, ...]:
    """One result per step of the plan, in the plan's order. ``state`` is the fold of ``events``."""
    attempts = attempts_of(plan, events, line)
    chain = frozenset(longest_chain(plan, attempts))
    return tuple(
        _result(step, state.steps[step.id], attempts[step.id], state.blocked.get(step.id, ()), step.id in chain)
        for step in plan.steps
    )


def attempts_of(plan: Plan, events: Sequence[Event], line: TimeLine) -> Attempts:
    """Every performance of every step, by step id; empty for steps that never started."""
    attempts: dict[str, list[Attempt]] = {step.id: [] for step in plan.steps}
    for event in events:
        body = event.body
        if isinstance(body, StepStarted):
            attempts[body.step].append(
                Attempt(
                    number=body.attempt,
                    ident=body.ident,
                    began=line.instant(event.at),
                    ended=None,
                    seconds=None,
                    outcome=StepOutcome.RUNNING,
                    code="",
                    reason="",
                )
            )
        elif isinstance(body, StepSucceeded | StepFailed | StepUnknown):
            attempts[body.step][-1] = _closed(attempts[body.step][-1], event, body, line)
        elif isinstance(body, StepResolved | StepSkipped) and body.step in plan.manual:
            _end_by_hand(attempts[body.step], event, body, line)
    return attempts


def _end_by_hand(attempts: list[Attempt], event: Event, body: StepResolved | StepSkipped, line: TimeLine) -> None:
    """What a person does by hand ends when it is signed off or left out, if it had not failed before."""
    if attempts and attempts[-1].outcome is StepOutcome.RUNNING:
        ended = line.instant(event.at)
        outcome = StepOutcome.BY_HAND if isinstance(body, StepResolved) else StepOutcome.SKIPPED
        seconds = hundredths(ended.mono - attempts[-1].began.mono)
        attempts[-1] = replace(attempts[-1], ended=ended, seconds=seconds, outcome=outcome)


def _closed(attempt: Attempt, event: Event, body: StepSucceeded | StepFailed | StepUnknown, line: TimeLine) -> Attempt:
    ended = line.instant(event.at)
    seconds = hundredths(ended.mono - attempt.began.mono)
    if isinstance(body, StepSucceeded):
        return replace(attempt, ended=ended, seconds=seconds, outcome=StepOutcome.DONE, facts=body.facts)
    if isinstance(body, StepFailed):
        return replace(
            attempt,
            ended=ended,
            seconds=seconds,
            outcome=StepOutcome.FAILED,
            code=body.code,
            reason=body.reason,
            facts=body.facts,
        )
    # When nobody knows how it ended, nobody knows how long it took.
    return replace(attempt, outcome=StepOutcome.UNKNOWN, code="unknown", reason=body.reason)


def _outcome(state: StepState, roots: Sequence[str]) -> StepOutcome:
    if state.status is StepStatus.WAITING:
        return StepOutcome.BLOCKED if roots else StepOutcome.NOT_REACHED
    return StepOutcome(state.status.value)


def _result(
    step: Step, state: StepState, attempts: Sequence[Attempt], roots: tuple[str, ...], on_chain: bool
) -> StepResult:
    outcome = _outcome(state, roots)
    broken = attempts[-1] if attempts and outcome in _BROKEN else None
    reason = broken.reason if broken else ""
    if outcome is StepOutcome.BLOCKED:
        reason = "needs " + ", ".join(roots)
    elif outcome in _DECIDED:
        reason = f"{state.person}: {state.reason}"
    ended = attempts[-1].ended if attempts else None
    playbook = step.act if isinstance(step.act, PlaybookAct) else None
    return StepResult(
        id=step.id,
        title=step.title,
        subject_kind=step.subject_kind.value,
        subject=step.subject,
        phase=step.phase.value,
        site=step.site,
        act="playbook" if playbook else _PROOFS[type(step.act)],
        playbook=playbook.playbook if playbook else None,
        hosts=playbook.hosts if playbook else (),
        outcome=outcome,
        code=broken.code if broken else "",
        reason=reason,
        blocked_because=roots,
        began=attempts[0].began if attempts else None,
        ended=ended,
        seconds=hundredths(ended.mono - attempts[0].began.mono) if ended else None,
        estimate_s=step.estimate_s,
        on_longest_chain=on_chain,
        attempts=tuple(attempts),
    )


def longest_chain(plan: Plan, attempts: Attempts) -> tuple[str, ...]:
    """The chain of steps that decided how long it took: from the last one to end back over whatever ended latest."""

    def end_of(step_id: str) -> float:
        own = attempts[step_id]
        ended = own[-1].ended if own else None
        return ended.mono if ended else float("-inf")

    performed = [step.id for step in plan.steps if end_of(step.id) > float("-inf")]
    if not performed:
        return ()
    chain = [max(performed, key=end_of)]
    while True:
        step = plan.by_id[chain[-1]]
        before = [step_id for step_id in step.needs + step.after if end_of(step_id) > float("-inf")]
        if not before:
            return tuple(reversed(chain))
        chain.append(max(before, key=end_of))


def chain_of(results: Sequence[StepResult]) -> tuple[str, ...]:
    """Ids of the steps on the longest chain, in the order they ended."""
    chained = [(result.ended.mono, result.id) for result in results if result.on_longest_chain and result.ended]
    return tuple(step_id for _, step_id in sorted(chained))


def troubles(plan: Plan, results: Sequence[StepResult]) -> tuple[Trouble, ...]:
    """Each failed or unknown step with the tree of what it stopped."""
    return tuple(_trouble(plan, results, result) for result in results if result.outcome in _BROKEN)


def _trouble(plan: Plan, results: Sequence[StepResult], root: StepResult) -> Trouble:
    blocked = {result.id: result for result in results if root.id in result.blocked_because}
    children: dict[str, list[str]] = {root.id: []}
    for result in results:
        if result.id in blocked:
            # One parent each, so that nothing is told twice: the first needed step that is itself in this tree.
            parent = next(needed for needed in plan.by_id[result.id].needs if needed in children)
            children[parent].append(result.id)
            children[result.id] = []

    def tree(step_id: str) -> tuple[StoppedStep, ...]:
        return tuple(
            StoppedStep(step=child, title=blocked[child].title, subject=blocked[child].subject, stops=tree(child))
            for child in children[step_id]
        )

    acts = [plan.by_id[step_id].act for step_id in children]
    return Trouble(
        step=root.id,
        title=root.title,
        outcome=root.outcome,
        code=root.code,
        reason=root.reason,
        applications=tuple(act.application for act in acts if isinstance(act, ValidateAct)),
        stops=tree(root.id),
    )
