"""Could remote access carry the people? The capacity model of a file, and what the loss of a site means for both sides:
which applications move, and whether the people reach them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drorch.app.settings import read_input
from drorch.capacity.assess import Assessment, Status, assess, outcome_reasons, worst
from drorch.capacity.demand import demands
from drorch.capacity.load import checked, load_capacity
from drorch.capacity.model import CapacityModel
from drorch.capacity.what_if import Outcome, evaluate, lose_site
from drorch.catalog.model import Catalog
from drorch.catalog.text import MAX_BYTES
from drorch.core.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Moving:
    """An application of the lost site. ``to`` None: it has no other site and stays lost."""

    application: str
    to: str | None
    remote_access: bool
    """It is reached through a gateway application, which may itself move first."""


@dataclass(frozen=True, kw_only=True)
class LostSite:
    """Both sides of the loss of a site."""

    site: str
    outcome: Outcome
    status: Status
    applications: tuple[Moving, ...] | None
    """None when no catalog was given."""
    gateways: tuple[Moving, ...] = ()
    """Those of the applications that are gateways: until they are back, remote-access applications are out of
    reach, wherever these run."""


def load_model(path: Path) -> CapacityModel:
    """The checked capacity model of a file; InputInvalid with file, line and field."""
    return checked(load_capacity(read_input(path, MAX_BYTES), str(path)))


def assess_file(path: Path, at: datetime) -> Assessment:
    """Everything about the model of a file at the time ``at``."""
    return assess(load_model(path), at)


def lose(model: CapacityModel, site: str, catalog: Catalog | None) -> LostSite:
    """What the loss of ``site`` means. NotFound when neither remote access nor the catalog knows the site."""
    known = {*model.sites, *(() if catalog is None else (found.id for found in catalog.sites))}
    if site not in known:
        names = ", ".join(sorted(known)) or "none yet"
        raise NotFound(
            f"there is no site {site!r} in the capacity model or the catalog", next_step=f"name one of {names}"
        )
    outcome = evaluate(model, demands(model.departments), lose_site(site))
    moving = _moving(catalog, site) if catalog is not None else None
    gateways = {app.id for app in catalog.applications if app.gateway} if catalog is not None else set()
    return LostSite(
        site=site,
        outcome=outcome,
        status=worst(tuple(outcome_reasons(outcome))),
        applications=moving,
        gateways=tuple(item for item in moving or () if item.application in gateways),
    )


def _moving(catalog: Catalog, site: str) -> tuple[Moving, ...]:
    return tuple(
        Moving(
            application=app.id,
            to=catalog.recovery_site_of(app),
            remote_access=catalog.gateway_of(app) is not None,
        )
        for app in catalog.applications
        if catalog.primary_site_of(app) == site
    )
