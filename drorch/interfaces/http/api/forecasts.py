"""How long a plan will take, and what the loss of a site on a day would mean."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query

from drorch.catalog.files import load_catalog_file
from drorch.interfaces.http.api.at_once import AtOnce
from drorch.interfaces.http.api.base import Ctx, Name, api_router
from drorch.interfaces.http.security.rules import require
from drorch.orchestration.duration_history import recorded_runs
from drorch.orchestration.forecast import Foreseen, foresee, foreseen_to_json, lost_on
from drorch.plan.store import PlanStore

router = api_router("", "forecast")
_foreseeing = AtOnce(2, wait_s=10.0)
Estate = Annotated[str | None, Query(max_length=128, description="Whose runs, when there are several.")]
Day = Annotated[date | None, Query(description="On this day. Default: today, by the site's clock.")]


@router.get("/plans/{plan}/forecast", dependencies=[require()])
def of_plan(plan: Name, context: Ctx, estate: Estate = None) -> dict[str, Any]:
    """P50 and P90 from the start of the run, by the runs of the state folder; ``reason`` where there are too few."""
    found = PlanStore(context.home).find(plan)
    with _foreseeing.turn():
        catalog = load_catalog_file(context.files.catalog)
        return _json(foresee(found, catalog, recorded_runs(context.parts, estate)))


@router.get("/forecast/lose/{site}", dependencies=[require()])
def of_loss(site: Name, context: Ctx, at: Day = None, estate: Estate = None) -> dict[str, Any]:
    """What becomes of every application when a site is lost, and how long its failover would take."""
    with _foreseeing.turn():
        catalog = load_catalog_file(context.files.catalog)
        lost = lost_on(catalog, site, at, context.clock)
        return _json(foresee(lost.plan, catalog, recorded_runs(context.parts, estate), lost))


def _json(found: Foreseen) -> dict[str, Any]:
    return foreseen_to_json(found)
