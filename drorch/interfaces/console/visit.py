"""What the console asks of the web server around it: who visits, may they, and what a page needs of every request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from drorch.core.clock import Instant
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.sentence import Say

PLACES: Final = (
    ("overview", "/", N_("Overview")),
    ("runs", "/runs", N_("Runs")),
    ("plans", "/plans", N_("Plans")),
    ("catalog", "/catalog", N_("Catalog")),
    ("year", "/year", N_("The year")),
    ("reports", "/reports", N_("Reports")),
    ("actions", "/actions", N_("Corrective actions")),
    ("access", "/access", N_("Remote access")),
)
ADMIN_PLACES: Final = (
    ("users", "/users", N_("Accounts")),
    ("audit", "/audit", N_("Audit")),
)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """The person behind a request. ``name`` is what journal and records will say."""

    id: str
    name: str
    roles: frozenset[str]
    csrf: str = ""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What every page shows around its content."""

    at: Instant
    place: str
    path: str
    estate: str = ""
    who: str = ""
    roles: tuple[str, ...] = ()
    """As words."""
    may: frozenset[str] = frozenset()
    csrf: str = ""
    places: tuple[tuple[str, str, str], ...] = ()
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    live: int = 0
    """Renewed every so many seconds; 0 never."""
    stream: str = ""
    """Address of the events that renew it."""
    notice: Say | None = None
    notice_tone: str = "good"
