"""What is different between two plans, by step and field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from drorch.plan.codec import plan_to_json
from drorch.plan.model import Plan


class ChangeKind(StrEnum):
    """What happened to the thing."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class PlanChange:
    """One difference. ``subject``: ``plan``, ``scope <application>`` or ``step <id>``; ``field`` only when changed."""

    kind: ChangeKind
    subject: str
    field: str | None = None
    old: object = None
    new: object = None

    def to_json(self) -> dict[str, object]:
        """Plain data for ``--json``."""
        return {
            "kind": self.kind.value,
            "subject": self.subject,
            "field": self.field,
            "old": self.old,
            "new": self.new,
        }


def diff_plans(old: Plan, new: Plan) -> tuple[PlanChange, ...]:
    """All differences from ``old`` to ``new``: plan, then scope, then steps, each in the order of the plans."""
    before, after = plan_to_json(old), plan_to_json(new)
    own = {name for name in before if name not in ("id", "scope", "steps")}
    return (
        *_fields("plan", {name: before[name] for name in own}, {name: after[name] for name in own}),
        *_entries("scope", _keyed(before["scope"], "application"), _keyed(after["scope"], "application")),
        *_entries("step", _keyed(before["steps"], "id"), _keyed(after["steps"], "id")),
    )


def _keyed(items: object, key: str) -> dict[str, Mapping[str, object]]:
    assert isinstance(items, list)
    return {str(item[key]): item for item in items}


def _entries(
    what: str, old: Mapping[str, Mapping[str, object]], new: Mapping[str, Mapping[str, object]]
) -> Iterator[PlanChange]:
    for key in dict.fromkeys((*old, *new)):
        subject = f"{what} {key}"
        if key not in new:
            yield PlanChange(kind=ChangeKind.REMOVED, subject=subject, old=dict(old[key]))
        elif key not in old:
            yield PlanChange(kind=ChangeKind.ADDED, subject=subject, new=dict(new[key]))
        else:
            yield from _fields(subject, old[key], new[key])


def _fields(
    subject: str, old: Mapping[str, object], new: Mapping[str, object], prefix: str = ""
) -> Iterator[PlanChange]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _fields(subject, before, after, f"{prefix}{name}.")
        else:
            yield PlanChange(kind=ChangeKind.CHANGED, subject=subject, field=f"{prefix}{name}", old=before, new=after)
