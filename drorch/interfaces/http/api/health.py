"""Whether the server lives, and whether it can work."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drorch import __version__
from drorch.catalog.files import load_catalog_file
from drorch.core.errors import DrorchError
from drorch.interfaces.http.api.base import Ctx, api_router
from drorch.interfaces.http.security.rules import public, require

router = api_router("", "server")


class Health(BaseModel):
    """It answers."""

    status: str
    version: str


class Ready(BaseModel):
    """Whether everything that is needed can be used."""

    ready: bool
    journal: bool
    catalog: bool


@router.get("/health", dependencies=[public()])
def health() -> Health:
    """The server lives."""
    return Health(status="ok", version=__version__)


@router.get("/ready", dependencies=[public()], response_model=Ready, responses={503: {"model": Ready}})
def ready(context: Ctx) -> Response:
    """Whether journal and catalog can be read; 503 when not. Says no more: everybody may ask."""
    journal = catalog = True
    try:
        context.journal.runs()
    except DrorchError:
        journal = False
    try:
        load_catalog_file(context.files.catalog)
    except DrorchError:
        catalog = False
    found = Ready(ready=journal and catalog, journal=journal, catalog=catalog)
    return JSONResponse(found.model_dump(), 200 if found.ready else 503)


@router.get("/openapi.json", dependencies=[require()])
def openapi(request: Request) -> dict[str, Any]:
    """This API as OpenAPI 3.1."""
    document: dict[str, Any] = request.app.openapi()
    return document
