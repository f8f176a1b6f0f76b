"""Could remote access carry the people? The capacity model of a file, and what the loss of a site means for both sides:
which applications move, and whether the people reach them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drorch.access.assess import Assessment, Status, assess, outcome_reasons, worst
from drorch.access.codec import outcome_to_json
from drorch.access.demand import demands
from drorch.access.load import checked, load_capacity
from drorch.access.model import CapacityModel, StaffClass
from drorch.access.what_if import Outcome, evaluate, lose_site
from drorch.catalog.model import Catalog
from drorch.catalog.text import MAX_BYTES
from drorch.core.errors import NotFound
from drorch.core.files import read_input


@dataclass(frozen=True, kw_only=True)
class Moving:
    """An application of the lost site. ``to`` None: it has no other site and stays lost."""

    application: str
    to: str | None
    remote_access: bool
    """It is reached through a gateway application, which may itself move first."""
    department: str
    """Whose it is."""
    needed: int | None
    """Required people of that department; None: the capacity model does not know the department."""
    served: int | None
    """How many of them have a seat for sure."""

    @property
    def reached(self) -> str:
        """``yes``, ``partly``, ``no`` or ``unknown``: whether its people come to it, once it is there."""
        if self.to is None:
            return "no"
        if self.needed is None or self.served is None:
            return "unknown"
        return "yes" if self.served >= self.needed else "partly" if self.served else "no"


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
    cut_off: tuple[str, ...] = ()
    """Applications at other sites that are reached through one of these gateways: out of reach meanwhile."""


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
    moving = _moving(catalog, site, outcome) if catalog is not None else None
    gateways = {app.id for app in catalog.applications if app.gateway} if catalog is not None else set()
    return LostSite(
        site=site,
        outcome=outcome,
        status=worst(tuple(outcome_reasons(outcome))),
        applications=moving,
        gateways=tuple(item for item in moving or () if item.application in gateways),
        cut_off=_cut_off(catalog, site) if catalog is not None else (),
    )


def _cut_off(catalog: Catalog, site: str) -> tuple[str, ...]:
    lost = {app.id for app in catalog.applications if app.gateway and catalog.primary_site_of(app) == site}
    elsewhere = (app for app in catalog.applications if catalog.primary_site_of(app) != site)
    return tuple(app.id for app in elsewhere if (gateway := catalog.gateway_of(app)) is not None and gateway.id in lost)


def _certain(served: int | None, needed: int | None, outcome: Outcome) -> int | None:
    """With something unknown too few is no answer: there may be more."""
    short = served is not None and needed is not None and served < needed
    return None if short and outcome.missing else served


def _moving(catalog: Catalog, site: str, outcome: Outcome) -> tuple[Moving, ...]:
    needed: Counter[str] = Counter()
    served: Counter[str] = Counter()
    for share in outcome.shares:
        if share.staff is not StaffClass.STANDARD:
            needed[share.department] += share.needed
            served[share.department] += share.served
    return tuple(
        Moving(
            application=app.id,
            to=catalog.recovery_site_of(app),
            remote_access=catalog.gateway_of(app) is not None,
            department=app.department,
            needed=needed.get(app.department),
            served=_certain(served.get(app.department), needed.get(app.department), outcome),
        )
        for app in catalog.applications
        if catalog.primary_site_of(app) == site
    )


def lost_to_json(result: LostSite) -> dict[str, object]:
    """The same for machines."""
    applications = result.applications
    return {
        "site": result.site,
        "status": result.status.value,
        "scenario": outcome_to_json(result.outcome),
        "applications": None if applications is None else [_moving_as_json(item) for item in applications],
        "gateways": [item.application for item in result.gateways],
        "cut_off_meanwhile": list(result.cut_off),
    }


def _moving_as_json(item: Moving) -> dict[str, object]:
    return {
        "id": item.application,
        "to": item.to,
        "remote_access": item.remote_access,
        "department": item.department,
        "people_needed": item.needed,
        "people_served": item.served,
        "reached": item.reached,
    }
