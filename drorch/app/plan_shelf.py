"""Plans kept in the state folder, by their hash: built from the console, read there, prepared as runs."""

from __future__ import annotations

from pathlib import Path

from drorch.app import settings
from drorch.app.folders import write_whole
from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid, NotFound
from drorch.core.findings import Finding, errors
from drorch.core.ids import short
from drorch.plan.build import build_plan
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.refs import playbooks_id, playbooks_used


def shelf(home: Path) -> Path:
    """Where they are."""
    return home / "plans"


class PlanShelf:
    """The plans of one state folder. Files are named by their hash and never change."""

    def __init__(self, home: Path) -> None:
        self._folder = shelf(home)
        self._known: dict[str, Plan] = {}

    def build(
        self, catalog: Catalog, *, kind: Kind, lose: str | None, groups: tuple[str, ...], total: int
    ) -> tuple[Plan, tuple[Finding, ...]]:
        """Build a plan and keep it. InputInvalid when it cannot be built or has errors; then nothing is kept."""
        files = settings.read_playbooks()
        limits = Limits(total=total, per_site=min(total, Limits().per_site))
        plan = build_plan(catalog, kind=kind, playbooks_id=playbooks_id(files), lose=lose, groups=groups, limits=limits)
        missing = [name for name in playbooks_used(plan) if name not in files]
        if missing:
            raise InputInvalid(
                f"the plan needs the playbook {missing[0]}, which is not there",
                next_step="write it (docs/extend.md, recovery methods)",
            )
        findings = check_plan(plan, catalog)
        wrong = errors(findings)
        if wrong:
            raise InputInvalid(wrong[0].message, where=wrong[0].where, next_step=wrong[0].next_step)
        write_whole(self._folder / f"{short(plan_id(plan))}.json", plan_to_text(plan))
        return plan, tuple(findings)

    def all(self) -> tuple[Plan, ...]:
        """Newest first; a file that is no plan is left out."""
        files = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        found = []
        for file in files:
            try:
                found.append(self.get(file.stem))
            except InputInvalid:
                continue
        return tuple(found)

    def get(self, name: str) -> Plan:
        """By the first twelve digits of its hash. NotFound without it."""
        known = self._known.get(name)
        if known is not None:
            return known
        file = self._folder / f"{name}.json"
        if not name.isalnum() or not file.is_file():
            raise NotFound(f"there is no plan {name!r}", next_step="build it, or see the list of plans")
        plan = self._known[name] = settings.load_plan_file(file)
        return plan
