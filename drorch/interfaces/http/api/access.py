"""Remote access: could it carry the people? And one look at the services now."""

from __future__ import annotations

import threading
from typing import Any

from pydantic import BaseModel, Field

from drorch.access.codec import assessment_to_json
from drorch.access.live_check import check_files, extras_to_json
from drorch.access.operations import assess_file, load_model, lose, lost_to_json
from drorch.app.accounts import Role
from drorch.catalog.files import load_catalog_file
from drorch.core.codec import plain
from drorch.estate.files import load_estate
from drorch.interfaces.http.api.base import Ctx, Input, Name, Word, api_router
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.rules import require

router = api_router("", "access")
_looking = threading.BoundedSemaphore(2)
"""A look writes into every service: a crowd at the console must not become a load on them."""


class ProbeBody(Input):
    """None named: all."""

    applications: list[Word] = Field(default=[], max_length=20_000)


class Probed(BaseModel):
    """What was seen."""

    good: int
    samples: list[dict[str, Any]]


@router.get("/access/model", dependencies=[require()])
def model(context: Ctx) -> dict[str, Any]:
    """Required, modelled and proven seats; each limit; the loss of each single thing."""
    return assessment_to_json(assess_file(context.files.capacity, context.clock.now().wall))


@router.get("/access/lose/{site}", dependencies=[require()])
def lost(site: Name, context: Ctx) -> dict[str, Any]:
    """What the loss of a site means: which applications move, and whether the people reach them."""
    catalog = load_catalog_file(context.files.catalog)
    return lost_to_json(lose(load_model(context.files.capacity), site, catalog))


@router.get("/access/check", dependencies=[require()])
def check_now(context: Ctx) -> dict[str, Any]:
    """The capacity model with what was last read from the systems in it, and how old that is. Nothing is asked."""
    found = check_files(context.access_parts(), model=context.files.capacity, sources=context.files.access)
    return {**assessment_to_json(found.assessment), **extras_to_json(found)}


@router.post("/probes", dependencies=[require(Role.OPERATOR, Role.PLANNER)])
def probe(body: ProbeBody, context: Ctx) -> Probed:
    """One full sample of each application, with one write and read. 429 while others are looking."""
    catalog = load_catalog_file(context.files.catalog)
    estate = load_estate(context.files.estate_file())
    if not _looking.acquire(blocking=False):
        raise HttpProblem(429, "others are looking", next_step="wait some seconds", headers={"Retry-After": "5"})
    try:
        samples = context.probe_now(estate, catalog, body.applications)
    finally:
        _looking.release()
    return Probed(good=sum(sample.good for sample in samples), samples=plain(samples))
