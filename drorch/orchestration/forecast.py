"""How long a plan will take by what past runs took, and what the loss of a site on a day would mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.codec import plain
from drorch.core.findings import Finding
from drorch.orchestration.duration_history import History
from drorch.plan.codec import plan_id
from drorch.plan.forecast import LEAST_RUNS, Forecast, forecast, records_of
from drorch.plan.loss import Loss, lose_site
from drorch.plan.model import Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.plan.rto import rto_findings
from drorch.year.local_time import local_day


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """``plan`` and ``forecast`` None: nothing can be recovered. ``lost`` None: no site was said to be lost."""

    plan: Plan | None
    forecast: Forecast | None
    history: History
    findings: tuple[Finding, ...]
    lost: Loss | None


def lost_on(catalog: Catalog, site: str, day: date | None, clock: Clock) -> Loss:
    """What the loss of a site on a day means; None: today by the site's clock."""
    zone = next((item.timezone for item in catalog.sites if item.id == site), "UTC")
    on = day or local_day(clock.now().wall, zone)
    return lose_site(catalog, site, on, playbooks_id=playbooks_id(read_playbooks()))


def foresee(plan: Plan | None, catalog: Catalog, history: History, lost: Loss | None = None) -> Foreseen:
    """The forecast of a plan by recorded runs, and which objectives are out of reach."""
    seen = records_of(history.runs)
    return Foreseen(
        plan=plan,
        forecast=forecast(plan, seen) if plan else None,
        history=history,
        findings=tuple(rto_findings(plan, catalog, seen)) if plan else (),
        lost=lost,
    )


def foreseen_to_json(seen: Foreseen) -> dict[str, object]:
    """Plain data."""
    history = seen.history
    return {
        "plan": plan_id(seen.plan) if seen.plan else None,
        "records": {
            "runs": len(history.runs),
            "estate": history.estate,
            "left_out": history.left_out,
            "least": LEAST_RUNS,
        },
        "forecast": _forecast_json(seen.forecast) if seen.forecast else None,
        "lose": _loss_json(seen.lost) if seen.lost else None,
        "findings": plain(seen.findings),
        "counted_from": "the start of the run; detection and declaration come before",
    }


def _forecast_json(found: Forecast) -> dict[str, object]:
    return {
        "reason": found.reason,
        "recovered": plain(found.recovered),
        "over": plain(found.over),
        "applications": [
            {"application": item.application, **(plain(item.span) or {}), "reason": item.reason}
            for item in found.applications
        ],
        "waves": [{"wave": item.wave, "steps": item.steps, **(plain(item.span) or {})} for item in found.waves],
        "gains": plain(found.gains),
    }


def _loss_json(lost: Loss) -> dict[str, object]:
    return {
        "site": lost.site,
        "on": lost.on.isoformat(),
        "totals": {fate.value: number for fate, number in lost.totals().items()},
        "notes": list(lost.notes),
        "applications": [
            {"application": item.application, "tier": item.tier, "fate": item.fate.value, "wave": item.wave,
             "reason": item.reason}
            for item in lost.consequences
        ],
    }  # fmt: skip
