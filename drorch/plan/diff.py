"""What is different between two plans, by step and field."""

from __future__ import annotations

from drorch.core.codec import plain
from drorch.core.diff import Change, changed_entries, changed_fields
from drorch.plan.model import Plan


def diff_plans(old: Plan, new: Plan) -> tuple[Change, ...]:
    """All differences from ``old`` to ``new``: plan, then scope, then steps, each in the order of the plans."""
    before, after = plain(old), plain(new)
    own = [{name: data[name] for name in data if name not in ("scope", "steps")} for data in (before, after)]
    scopes = [{scope["application"]: scope for scope in data["scope"]} for data in (before, after)]
    steps = [{step["id"]: step for step in data["steps"]} for data in (before, after)]
    return (
        *changed_fields("plan", *own),
        *changed_entries("scope ", *scopes),
        *changed_entries("step ", *steps),
    )
