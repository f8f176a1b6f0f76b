"""What is checked and written before a run exists: its plan against the world, its first events, its fingerprint."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from drorch import __version__
from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid
from drorch.core.ids import short
from drorch.plan.codec import plan_id
from drorch.plan.model import Plan
from drorch.plan.playbook_folder import playbooks_folder, read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run import events as ev
from drorch.run.commit_policy import agreement_problem


def check_plan_fits(plan: Plan, catalog: Catalog, catalog_file: Path) -> None:
    """InputInvalid when the plan was built from another catalog, or from other playbooks, than there are now."""
    if plan.catalog_id != catalog.content_id:
        raise InputInvalid(
            f"the plan was built from another catalog ({short(plan.catalog_id)}) than "
            f"{catalog_file} is now ({short(catalog.content_id)})",
            where=str(catalog_file),
            next_step="build the plan again, look at 'drorch plan diff', and have it approved again",
        )
    now = playbooks_id(read_playbooks())
    if plan.playbooks_id != now:
        raise InputInvalid(
            f"the playbooks have changed since the plan was built ({short(plan.playbooks_id)} then, {short(now)} now)",
            where=str(playbooks_folder()),
            next_step="build the plan again and have it approved again",
        )


def check_names(named: Iterator[tuple[str, str]]) -> None:
    """InputInvalid for the first of ``(role, name)`` whose name is empty."""
    for role, text in named:
        if not text.strip():
            raise InputInvalid(f"the {role} has no name", next_step=f"name the {role}: a person stands for it")


def check_commit(plan: Plan, agreed: ev.CommitAgreed | None) -> None:
    """InputInvalid when this commit policy cannot be agreed for the plan."""
    problem = None if agreed is None else agreement_problem(plan, agreed)
    if problem is not None:
        raise InputInvalid(problem[0], where="--commit", next_step=problem[1])


def created(plan: Plan, operator: str) -> ev.RunCreated:
    """The first event of a run of ``plan``."""
    return ev.RunCreated(
        schema=ev.JOURNAL_SCHEMA,
        drorch_version=__version__,
        plan_id=plan_id(plan),
        catalog_id=plan.catalog_id,
        kind=plan.kind.value,
        operator=operator,
        host=platform.node(),
    )


def chained(run: str, clock: Clock, bodies: list[ev.Body]) -> list[ev.Event]:
    """The first events of a run."""
    return [ev.Event(run=run, seq=seq, at=clock.now(), body=body) for seq, body in enumerate(bodies, start=1)]
