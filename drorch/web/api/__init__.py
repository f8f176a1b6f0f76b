"""The REST API, one module per resource, under ``/api/v1``."""

from __future__ import annotations

from fastapi import APIRouter

from drorch.web.api import health, session


def all_routers() -> tuple[APIRouter, ...]:
    """All routers of the API."""
    return health.router, session.router
