"""Commit policy: a run that was carried out waits for people to take it as final, or for its deadline. Pure.

Between the last step and the commit the departments look at their applications. Until then the run holds its protection
groups. What the deadline does is agreed before the start; a run that only people may end has none.
"""

from __future__ import annotations

from drorch.core.clock import Instant
from drorch.plan.model import TWO_PERSONS, Plan
from drorch.run.events import AfterDeadline, CommitAgreed
from drorch.run.interlocks import waited_s
from drorch.run.rules import RunHead

SHOWN = 3


def agreement_problem(plan: Plan, agreed: CommitAgreed) -> tuple[str, str] | None:
    """Why this cannot be agreed for ``plan``, and what to do instead; None when it can.

    An agreement to undo needs a plan of which every change has an undo: no half of a run is ever taken back by a timer.
    """
    if plan.kind not in TWO_PERSONS:
        return f"a {plan.kind} has nothing to commit", "leave the commit policy out"
    if agreed.then is AfterDeadline.NONE and agreed.within_s:
        return "without a consequence a deadline means nothing", "say commit or undo, or leave the deadline out"
    if agreed.then is not AfterDeadline.NONE and agreed.within_s <= 0:
        return f"to {agreed.then} by itself the run needs a deadline", "say after how long, such as 30m"
    lasting = [step.id for step in plan.steps if step.changes_state and step.undo is None]
    if agreed.then is AfterDeadline.UNDO and lasting:
        more = f" and {len(lasting) - SHOWN} more" if len(lasting) > SHOWN else ""
        return (
            f"no undo takes back {', '.join(lasting[:SHOWN])}{more}",
            "agree on none or commit; the way home from a promotion is a failback with a plan of its own",
        )
    return None


def commit_overdue(head: RunHead, now: Instant) -> bool:
    """Whether the agreed deadline has passed without a commit."""
    agreed, since = head.agreed, head.commit_due_at
    if agreed is None or since is None or agreed.then is AfterDeadline.NONE:
        return False
    return waited_s(since, now) >= agreed.within_s
