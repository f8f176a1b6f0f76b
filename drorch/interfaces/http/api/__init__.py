"""The REST API under /api/v1, one module per resource."""

from __future__ import annotations

from fastapi import APIRouter

from drorch.interfaces.http.api import (
    access,
    access_tests,
    actions,
    after_actions,
    callouts,
    catalog,
    doctor,
    forecasts,
    health,
    operator_acts,
    plans,
    reports,
    runs,
    schedule,
    session,
    users,
    year,
    year_plan,
)


def all_routers() -> tuple[APIRouter, ...]:
    """All routers of the API."""
    return tuple(
        module.router
        for module in (
            health,
            session,
            users,
            catalog,
            plans,
            runs,
            operator_acts,
            reports,
            year,
            access,
            actions,
            after_actions,
            schedule,
            year_plan,
            forecasts,
            doctor,
            access_tests,
            callouts,
        )
    )
