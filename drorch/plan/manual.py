"""What people do by hand, put into the steps of a plan where the catalog asks for it. Pure.

*Before* a step: it waits for the sign-off, and the instructions are given when it could start otherwise. *After* a
step: whatever serves or proves the application behind it waits for the sign-off. Several at one place come one after
the other, as the catalog lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from drorch.catalog.model import ManualStep, ManualWhen
from drorch.plan import timings
from drorch.plan.model import Kind, ManualAct, Phase, Repeat, ReplicationAct, Step
from drorch.plan.selection import Move

_START = {Kind.FAILOVER: "start", Kind.SWITCHOVER: "start", Kind.FAILBACK: "start", Kind.DRILL: "drill-start"}
_RECOVER = {Kind.FAILOVER: "recover", Kind.SWITCHOVER: "handover", Kind.FAILBACK: "handover", Kind.DRILL: "drill"}
_BEFORE = frozenset({ManualWhen.BEFORE_START, ManualWhen.BEFORE_RECOVER})
_BEHIND = frozenset({Phase.SERVE, Phase.VALIDATE})


def with_manual(kind: Kind, moves: Sequence[Move], steps: Iterable[Step]) -> tuple[Step, ...]:
    """``steps`` with the manual steps that the entries of ``moves`` ask for in this kind of run, still in order."""
    woven = list(steps)
    if kind not in _START:
        return tuple(woven)
    for move in moves:
        wanted = [(f"{move.group.id}/{_RECOVER[kind]}", move.group.manual)]
        wanted += [(f"{app.id}/{_START[kind]}", app.manual) for app in move.applications]
        for target, items in wanted:
            chosen = [item for item in items if kind.value in item.kinds]
            before, after = [i for i in chosen if i.when in _BEFORE], [i for i in chosen if i.when not in _BEFORE]
            if chosen:
                woven = _around(woven, target, before, after)
    return tuple(woven)


def _around(steps: list[Step], target: str, before: list[ManualStep], after: list[ManualStep]) -> list[Step]:
    own = next(step for step in steps if step.id == target)
    first = _chain(own, before, own.needs)
    last = _chain(own, after, (target,))
    found: list[Step] = []
    for step in steps:
        if step.id == target:
            needs = (*step.needs, first[-1].id) if first else step.needs
            found += [*first, replace(step, needs=needs), *last]
        elif last and target in step.needs and step.phase in _BEHIND and not isinstance(step.act, ReplicationAct):
            found.append(replace(step, needs=(*step.needs, last[-1].id)))
        else:
            found.append(step)
    return found


def _chain(beside: Step, items: Sequence[ManualStep], needs: tuple[str, ...]) -> list[Step]:
    made: list[Step] = []
    for item in items:
        made.append(_step(beside, item, (made[-1].id,) if made else needs))
    return made


def _step(beside: Step, item: ManualStep, needs: tuple[str, ...]) -> Step:
    estimate = item.minutes * 60.0
    return Step(
        id=f"{beside.subject}/manual-{item.id}",
        title=f"By hand ({item.role}): {item.text}",
        subject_kind=beside.subject_kind,
        subject=beside.subject,
        phase=beside.phase,
        act=ManualAct(text=item.text, role=item.role, minutes=item.minutes, evidence_required=item.evidence_required),
        site=beside.site,
        needs=needs,
        timeout_s=max(estimate, timings.MANUAL_S) if item.deadline_s is None else item.deadline_s,
        estimate_s=estimate,
        # drorch never repeats it by itself: whether it has to be done again is for people to say.
        repeat=Repeat.NEVER,
    )
