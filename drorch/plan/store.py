"""Plans by their hash in the state folder, and how one is built and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drorch.catalog.model import Catalog
from drorch.core.errors import InputInvalid, NotFound
from drorch.core.files import write_whole
from drorch.core.findings import Finding, Severity, errors
from drorch.estate.files import estate_id, load_estate
from drorch.plan.build import build_plan
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.files import load_plan_file
from drorch.plan.model import Kind, Limits, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id, playbooks_used

_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


@dataclass(frozen=True, kw_only=True)
class PlanWish:
    """What a plan is wanted for. ``lose``: the site that is lost, or whose applications are meant."""

    kind: Kind
    lose: str | None = None
    applications: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    estate: Path | None = None
    """The estate file it is for: the plan can be run on no other. None: on any."""


PLAYBOOKS_CHANGED = Finding(
    code="playbooks-changed",
    severity=Severity.ERROR,
    subject="plan",
    message="the playbooks have changed since the plan was built",
    next_step="build the plan again with `drorch plan build`",
)


def make_plan(catalog: Catalog, wish: PlanWish) -> tuple[Plan, tuple[Finding, ...]]:
    """A plan and what is to be said about it. InputInvalid when a playbook it needs is not there."""
    files = read_playbooks()
    plan = build_plan(
        catalog,
        kind=wish.kind,
        playbooks_id=playbooks_id(files),
        lose=wish.lose,
        applications=wish.applications,
        groups=wish.groups,
        limits=wish.limits,
        estate_id=None if wish.estate is None else estate_id(load_estate(wish.estate)),
    )
    missing = [name for name in playbooks_used(plan) if name not in files]
    if missing:
        raise InputInvalid(
            f"the plan needs the playbook {missing[0]}, which is not there",
            next_step="write it (docs/extend.md, recovery methods), or name the right folder in DRORCH_PLAYBOOKS",
        )
    return plan, tuple(check_plan(plan, catalog))


class PlanStore:
    """``<home>/plans/<hash>.json``. A plan never changes: what is there under a hash is that plan for ever."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "plans"

    def keep(self, plan: Plan, findings: Sequence[Finding] = ()) -> str:
        """Its id. InputInvalid, with nothing kept, when there are errors among the ``findings``."""
        wrong = errors(findings)
        if wrong:
            raise InputInvalid(
                f"the plan has {len(wrong)} errors: {wrong[0].message}", where=wrong[0].where, next_step="mend these"
            )
        whole = plan_id(plan)
        path = self._path(whole)
        if not path.exists():
            write_whole(path, plan_to_text(plan))
        return whole

    def find(self, said: str) -> Plan:
        """By its hash, or at least twelve hex digits of it. NotFound, also when several begin so."""
        typed = _HASH.fullmatch(said.strip().lower())
        found = [] if typed is None else sorted(self._folder.glob(f"{typed[1]}*.json"))
        if len(found) != 1:
            what = f"there is no plan {said!r}" if not found else f"several plans begin with {said!r}"
            raise NotFound(what, next_step="see the list of plans, or build it")
        return load_plan_file(found[0])

    def ids(self) -> tuple[str, ...]:
        """All, the newest first."""
        files = ((path.stat().st_mtime_ns, path.stem) for path in self._folder.glob("*.json"))
        return tuple(f"sha256:{name}" for _, name in sorted(files, reverse=True))

    def _path(self, whole: str) -> Path:
        return self._folder / f"{whole.removeprefix('sha256:')}.json"
