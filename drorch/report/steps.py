"""What became of each step: attempts, outcome, what blocked it, and what each failure stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from drorch.plan.model import NamesAct, Plan, PlaybookAct, ReplicationAct, Step, ValidateAct, WitnessAct
from drorch.report.model import Attempt, StepOutcome, StepResult, StoppedStep, Trouble
from drorch.report.moments import TimeLine, hundredths
from drorch.run.events import (
    Event,
    RetryRequested,
    StepFailed,
    StepResolved,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    StepUnknown,
)

_PROOFS = {ValidateAct: "validate", WitnessAct: "witness", ReplicationAct: "replication", NamesAct: "names"}
_BROKEN = frozenset({StepOutcome.FAILED, StepOutcome.UNKNOWN})
_UNENDED = frozenset({StepOutcome.NOT_REACHED, StepOutcome.BLOCKED})
GOOD_OUTCOMES = frozenset({StepOutcome.DONE, StepOutcome.SKIPPED, StepOutcome.BY_HAND})


class _Ledger:
    """The attempts of one step while its events are read, and where it stands."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.outcome = StepOutcome.NOT_REACHED
        self.reason = ""

    def read(self, event: Event, line: TimeLine) -> None:
        """Take in one event of this step."""
        body = event.body
        if isinstance(body, StepStarted):
            began = line.instant(event.at)
            self.attempts.append(
                Attempt(
                    number=body.attempt,
                    ident=body.ident,
                    began=began,
                    ended=None,
                    seconds=None,
                    outcome=StepOutcome.RUNNING,
                    code="",
                    reason="",
                )
            )
            self.outcome = StepOutcome.RUNNING
        elif isinstance(body, StepSucceeded | StepFailed | StepUnknown):
            self._close(event, body, line)
        elif isinstance(body, StepSkipped):
            self.outcome, self.reason = StepOutcome.SKIPPED, f"{body.person}: {body.reason}"
        elif isinstance(body, StepResolved):
            self.outcome, self.reason = StepOutcome.BY_HAND, f"{body.person}: {body.reason}"
        elif isinstance(body, RetryRequested):
            self.outcome = StepOutcome.NOT_REACHED

    def _close(self, event: Event, body: StepSucceeded | StepFailed | StepUnknown, line: TimeLine) -> None:
        facts: Mapping[str, object] = {} if isinstance(body, StepUnknown) else body.facts
        code, reason = "", ""
        if isinstance(body, StepFailed):
            self.outcome, code, reason = StepOutcome.FAILED, body.code, body.reason
        elif isinstance(body, StepUnknown):
            self.outcome, code, reason = StepOutcome.UNKNOWN, "unknown", body.reason
        else:
            self.outcome = StepOutcome.DONE
        self.reason = reason
        if self.attempts:
            last = self.attempts[-1]
            self.attempts[-1] = replace(
                last,
                ended=line.instant(event.at),
                seconds=hundredths(event.at.mono - last.began.mono),
                outcome=self.outcome,
                code=code,
                reason=reason,
                facts=facts,
            )


def step_results(plan: Plan, events: Sequence[Event], line: TimeLine) -> tuple[StepResult, ...]:
    """One result per step of the plan, in the plan's order."""
    ledgers = {step.id: _Ledger() for step in plan.steps}
    for event in events:
        ledger = ledgers.get(getattr(event.body, "step", ""))
        if ledger is not None:
            ledger.read(event, line)
    roots = _roots(plan, ledgers)
    chain = frozenset(longest_chain(plan, ledgers))
    return tuple(_result(step, ledgers[step.id], roots[step.id], step.id in chain) for step in plan.steps)


def _roots(plan: Plan, ledgers: Mapping[str, _Ledger]) -> dict[str, tuple[str, ...]]:
    """For each step that could not start: the failed or unknown steps behind it, in plan order."""
    roots: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        found: dict[str, None] = {}
        if ledgers[step.id].outcome in _UNENDED:
            for needed in step.needs:
                broken = (needed,) if ledgers[needed].outcome in _BROKEN else roots.get(needed, ())
                found.update(dict.fromkeys(broken))
        roots[step.id] = tuple(found)
    return roots


def _result(step: Step, ledger: _Ledger, roots: tuple[str, ...], on_chain: bool) -> StepResult:
    attempts = tuple(ledger.attempts)
    last = attempts[-1] if attempts else None
    ended = last.ended if last else None
    outcome, reason = ledger.outcome, ledger.reason
    if roots:
        outcome, reason = StepOutcome.BLOCKED, "needs " + ", ".join(roots)
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
        code=last.code if last and outcome in _BROKEN else "",
        reason=reason,
        blocked_because=roots,
        began=attempts[0].began if attempts else None,
        ended=ended,
        seconds=hundredths(ended.mono - attempts[0].began.mono) if ended else None,
        estimate_s=step.estimate_s,
        on_longest_chain=on_chain,
        attempts=attempts,
    )


def longest_chain(plan: Plan, ledgers: Mapping[str, _Ledger]) -> tuple[str, ...]:
    """The chain of steps that decided how long it took: from the last one to end back over whatever ended latest."""

    def end_of(step_id: str) -> float:
        attempts = ledgers[step_id].attempts
        ended = attempts[-1].ended if attempts else None
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
