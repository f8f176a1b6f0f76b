"""What people, and later runs, say about corrective actions. Never changed, never taken out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from drorch.actions.model import ActionSeverity, Element, Source, Subject
from drorch.core.log import Entry
from drorch.year.model import Attachment


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A finding needs something to be done."""

    id: str
    source: Source
    severity: ActionSeverity
    title: str
    subjects: tuple[Subject, ...]
    what: Literal["opened"] = "opened"


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """Who is responsible, and until when."""

    id: str
    organisation: str
    owner: str
    due: date
    start: date | None = None
    what: Literal["assigned"] = "assigned"


@dataclass(frozen=True, kw_only=True)
class Updated:
    """More is known. None: as it was. ``begin``: work on it has begun."""

    id: str
    action: str | None = None
    immediate_correction: str | None = None
    root_cause: str | None = None
    similar_cases: str | None = None
    element: Element | None = None
    severity: ActionSeverity | None = None
    plan_change: str | None = None
    begin: bool = False
    what: Literal["updated"] = "updated"


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """Somebody says that it is done since ``completed_at``. Nothing proves it yet."""

    id: str
    completed_at: datetime
    evidence: tuple[Attachment, ...] = ()
    what: Literal["claimed"] = "claimed"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """Another person looked at a later test. ``effective`` False: it did not help."""

    id: str
    retest: str
    method: str
    effective: bool
    what: Literal["verified"] = "verified"


@dataclass(frozen=True, kw_only=True)
class Closed:
    """Nothing is left to do."""

    id: str
    what: Literal["closed"] = "closed"


@dataclass(frozen=True, kw_only=True)
class Reopened:
    """A person says that it is not solved."""

    id: str
    what: Literal["re-opened"] = "re-opened"


@dataclass(frozen=True, kw_only=True)
class Recurred:
    """A run that began after the work was done shows it again."""

    id: str
    run: str
    shown: str
    kind: str | None = None
    """The kind of that run."""
    what: Literal["recurred"] = "recurred"


ActionBody = Opened | Assigned | Updated | Claimed | Verified | Closed | Reopened | Recurred
ActionEvent = Entry[ActionBody]
