"""Interlocks: rules that refuse a dangerous act. Pure: each looks at given inputs and says which ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from drorch.core.clock import Instant
from drorch.plan.model import (
    STATE_CHANGING,
    TWO_PERSONS,
    Kind,
    Plan,
    PlaybookAct,
    ReplicationAct,
    Step,
    SubjectKind,
)
from drorch.run.conditions import Conditions, capacity_refusal, tier_1_refusal, window_refusal
from drorch.run.progress import StepState
from drorch.run.refusal import Refusal
from drorch.run.rules import OVERRIDABLE, RunHead

_APPROVALS = frozenset({"approval", "two-persons"})


_NOTHING = Conditions()
EVERY_GROUP = "*"
"""Among the groups that are held: all of them."""


def start_refusals(
    plan: Plan,
    plan_id: str,
    head: RunHead,
    open_groups: Mapping[str, str] = MappingProxyType({}),
    conditions: Conditions = _NOTHING,
) -> tuple[Refusal, ...]:
    """Everything that forbids the run to start.

    ``open_groups``: protection group, or `EVERY_GROUP`, to the id of another state-changing run that has not ended.
    """
    if plan.kind not in STATE_CHANGING:
        return ()
    rules = (
        _approved(plan_id, head),
        _second_person(plan, plan_id, head),
        _declared(plan, head),
        group_taken(plan, open_groups),
        window_refusal(plan, conditions),
        capacity_refusal(plan, conditions),
        tier_1_refusal(plan, conditions),
    )
    return tuple(refusal for refusal in rules if refusal is not None and not overridden(refusal, head))


def overridden(refusal: Refusal, head: RunHead) -> bool:
    """Whether two persons took the risk of this refusal at the start, where that is allowed at all."""
    return refusal.interlock in OVERRIDABLE and any(
        override.interlock == refusal.interlock and override.step is None for override in head.overrides
    )


def approval_overdue(head: RunHead, at: Instant) -> bool:
    """Whether ``at`` lies behind the deadline for the approval of a prepared run."""
    if head.awaited is None or head.awaited_at is None or not head.awaited.within_s:
        return False
    return waited_s(head.awaited_at, at) > head.awaited.within_s


def waited_s(since: Instant, at: Instant) -> float:
    """Seconds from ``since`` to ``at``, also across a restart of the machine."""
    waited = at.since(since)
    if waited < 0:  # the machine was started anew meanwhile, its monotonic clock with it: only the wall clock is left
        waited = (at.wall - since.wall).total_seconds()
    return waited


def approval_refusal(head: RunHead) -> Refusal:
    """The declared outcome of a deadline that passed without the approval."""
    within = head.awaited.within_s if head.awaited else 0
    return Refusal(
        interlock="approval-deadline",
        reason=f"the plan was not approved within {within} s",
        inputs={"within_s": within, "approvers": [approval.person for approval in head.approvals]},
        next_step="look whether the plan is still right, and prepare a new run",
    )


def only_approval_missing(refusals: Sequence[Refusal]) -> bool:
    """Whether the run could start if people approved it."""
    return all(refusal.interlock in _APPROVALS for refusal in refusals)


def witness_refusal(step: Step, stands: StepState) -> Refusal:
    """The refusal that follows from a witness step that failed: the site may be alive."""
    return Refusal(
        interlock="site-lost",
        reason=f"the loss of {step.subject} is not witnessed: {stands.reason}",
        inputs={"step": step.id, "code": stands.code, "facts": dict(stands.facts)},
        next_step="find out who still answers; use a switchover when the site is alive",
    )


def groups_of(plan: Plan) -> frozenset[str]:
    """The protection groups a plan touches; empty when it changes nothing."""
    if plan.kind not in STATE_CHANGING:
        return frozenset()
    found: set[str] = set()
    for step in plan.steps:
        if step.subject_kind is SubjectKind.GROUP:
            found.add(step.subject)
        if isinstance(step.act, ReplicationAct):
            found.add(step.act.group)
        if isinstance(step.act, PlaybookAct) and isinstance(step.act.variables.get("group"), str):
            found.add(str(step.act.variables["group"]))
    return frozenset(found)


def same_person(one: str, other: str) -> bool:
    """Whether two names mean the same person: case and white space do not make a second person."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def _approvers(plan_id: str, head: RunHead) -> list[str]:
    return [approval.person for approval in head.approvals if approval.plan_id == plan_id and approval.person.strip()]


def _approved(plan_id: str, head: RunHead) -> Refusal | None:
    if _approvers(plan_id, head):
        return None
    return Refusal(
        interlock="approval",
        reason="nobody approved exactly this plan",
        inputs={"plan": plan_id, "approved_plans": [approval.plan_id for approval in head.approvals]},
        next_step="let a person read the plan and approve its hash",
    )


def _second_person(plan: Plan, plan_id: str, head: RunHead) -> Refusal | None:
    operator = head.created.operator if head.created else ""
    approvers = _approvers(plan_id, head)
    if plan.kind not in TWO_PERSONS or not approvers:
        return None
    if any(not same_person(person, operator) for person in approvers):
        return None
    return Refusal(
        interlock="two-persons",
        reason=f"a {plan.kind} needs the approval of a person other than its operator",
        inputs={"operator": operator, "approvers": approvers},
        next_step="let a second person approve the plan",
    )


def _declared(plan: Plan, head: RunHead) -> Refusal | None:
    if plan.kind is not Kind.FAILOVER:
        return None
    declared = head.declared
    if declared is not None and declared.person.strip() and declared.site == plan.lost_site:
        return None
    return Refusal(
        interlock="declared",
        reason=f"the loss of {plan.lost_site or 'the failed service'} is not declared",
        inputs={"lost_site": plan.lost_site, "declared": declared.site if declared else None},
        next_step="let the responsible person declare the disruption, naming the site",
    )


def group_taken(plan: Plan, open_groups: Mapping[str, str]) -> Refusal | None:
    """The refusal when another run holds one of the plan's protection groups; None when all are free."""
    groups = sorted(groups_of(plan))
    if groups and EVERY_GROUP in open_groups:
        run = open_groups[EVERY_GROUP]
        return Refusal(
            interlock="one-run-per-group",
            reason=f"the first event of the run {run} cannot be read: it may hold any group, so it holds every one",
            inputs={"taken": dict.fromkeys(groups, run)},
            next_step="see 'drorch doctor'; restore the journal from its copy",
        )
    taken = {group: open_groups[group] for group in groups if group in open_groups}
    if not taken:
        return None
    return Refusal(
        interlock="one-run-per-group",
        reason="another run has not ended: " + ", ".join(f"{group} in {run}" for group, run in taken.items()),
        inputs={"taken": taken},
        next_step="end or stop the other run first",
    )
