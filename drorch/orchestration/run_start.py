"""What is checked and written before a run exists: its plan against the world, its first events, its fingerprint."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from drorch import __version__
from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.errors import Broken, InputInvalid
from drorch.core.findings import errors
from drorch.core.ids import short
from drorch.estate.files import estate_id
from drorch.estate.model import Estate
from drorch.plan.check import NOT_AS_BUILT, check_plan
from drorch.plan.codec import plan_id
from drorch.plan.model import Plan
from drorch.plan.playbook_folder import playbooks_folder, read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run import events as ev
from drorch.run.commit_policy import agreement_problem
from drorch.run.interlocks import groups_of


def check_plan_fits(plan: Plan, catalog: Catalog, catalog_file: Path, estate: Estate, estate_file: Path) -> None:
    """InputInvalid unless the plan is what the builder builds now of this catalog, this estate and the playbooks.

    A plan is a file: whoever wrote it could have written anything, and its own hash right beside it.
    """
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
    if plan.estate_id not in (None, known := estate_id(estate)):
        raise InputInvalid(
            f"the plan was built for another estate ({short(plan.estate_id or '')}) than this one is ({short(known)})",
            where=str(estate_file),
            next_step="name the estate the plan is for, or build it again with --estate and have it approved again",
        )
    wrong = errors(check_plan(plan, catalog))
    if wrong:
        more = f" (and {len(wrong) - 1} more errors)" if len(wrong) > 1 else ""
        first = next((finding for finding in wrong if finding.code == NOT_AS_BUILT), wrong[0])
        raise InputInvalid(
            f"{first.message}{more}",
            where=f"plan {short(plan_id(plan))}",
            next_step="build the plan again; 'drorch plan diff' and 'drorch plan check' show everything that is wrong",
        )


def check_plan_of_run(plan: Plan, first: ev.Event | None, where: str) -> None:
    """Broken when a run's folder holds another plan than the run was begun with."""
    begun = first.body.plan_id if first is not None and isinstance(first.body, ev.RunCreated) else None
    if begun not in (None, plan_id(plan)):
        raise Broken(
            f"is another plan ({short(plan_id(plan))}) than the run was begun with ({short(begun or '')})",
            where=where,
            next_step="restore the file from a copy; nothing of it is performed",
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


def created(plan: Plan, estate: Estate, operator: str) -> ev.RunCreated:
    """The first event of a run of ``plan``: whoever can read nothing else of the run knows what it holds."""
    return ev.RunCreated(
        schema=ev.JOURNAL_SCHEMA,
        drorch_version=__version__,
        plan_id=plan_id(plan),
        catalog_id=plan.catalog_id,
        estate_id=estate_id(estate),
        kind=plan.kind.value,
        groups=tuple(sorted(groups_of(plan))),
        operator=operator,
        host=platform.node(),
    )


def chained(run: str, clock: Clock, bodies: list[ev.Body]) -> list[ev.Event]:
    """The first events of a run."""
    return [ev.Event(run=run, seq=seq, at=clock.now(), body=body) for seq, body in enumerate(bodies, start=1)]
