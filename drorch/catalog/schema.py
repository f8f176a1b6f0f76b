"""The shape of ``app_catalog.yaml``, as strict pydantic models. Used by ``catalog.load`` only; inside are dataclasses.

Nothing is coerced silently: a number where text is expected is an error, unknown fields are errors.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from drorch.catalog.durations import parse_duration
from drorch.catalog.model import (
    Arrangement,
    ManualKind,
    ProbeKind,
    Provenance,
    ProvenanceKind,
    RtoFrom,
    Scope,
    SiteRole,
)
from drorch.core.ids import is_slug

SCHEMA_VERSION = 1
_WITHOUT_PROVENANCE = frozenset({"provenance", "manual"})
"""Manual steps are instructions: they say what to do, not what is."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError(f"{text!r} is not an id; use lower-case letters, digits and inner hyphens, at most 63")
    return text


def printable(text: str) -> str:
    """The text without outer blanks. ValueError when empty, or with control characters."""
    if not text.strip():
        raise ValueError("has to say something")
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError("holds control characters or line breaks; write one line of text")
    return text.strip()


def as_date(value: object) -> date | None:
    """A calendar date from ``2014-06-30`` and nothing else; None stays None. ValueError with a sentence."""
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a day of the calendar") from None
    raise ValueError(f"{value!r} is not a date; write it like 2014-06-30")


def _provenance(value: object) -> object:
    if isinstance(value, Provenance):
        return value
    kinds = ", ".join(kind.value for kind in ProvenanceKind)
    kind: object = value
    source: object = None
    if isinstance(value, dict) and len(value) == 1:
        ((kind, source),) = value.items()
    if not isinstance(kind, str) or kind not in set(ProvenanceKind):
        raise ValueError(f"{value!r} is not a provenance; write one of {kinds}, or {{attested: <source>}}")
    if source is not None and not isinstance(source, str):
        raise ValueError(f"the source of a provenance is text, not {source!r}")
    return Provenance(kind=ProvenanceKind(kind), source=printable(source) if source is not None else None)


Slug = Annotated[str, AfterValidator(_slug)]
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(printable)]
Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(printable)]
IsoDate = Annotated[date | None, BeforeValidator(as_date)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
ProvenanceMap = dict[str, Annotated[Provenance, BeforeValidator(_provenance)]]


class Strict(BaseModel):
    """Nothing is coerced, and unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entry(Strict):
    """Anything with provenance: every field of the entry has to resolve to one."""

    id: Slug
    provenance: ProvenanceMap

    @model_validator(mode="after")
    def _provenance_is_complete(self) -> Entry:
        fields = set(type(self).model_fields) - _WITHOUT_PROVENANCE
        if unknown := sorted(set(self.provenance) - fields - {"default"}):
            raise ValueError(f"provenance names fields that are not there: {', '.join(unknown)}")
        missing = sorted(fields - set(self.provenance))
        if missing and "default" not in self.provenance:
            raise ValueError(f"no provenance for {', '.join(missing)}; add `default:` to it")
        return self

    def resolved_provenance(self) -> dict[str, Provenance]:
        """Provenance of each field by name."""
        fields = (name for name in type(self).model_fields if name not in _WITHOUT_PROVENANCE)
        default = self.provenance.get("default")
        return {name: self.provenance.get(name, default) or Provenance(kind=ProvenanceKind.ASSUMED) for name in fields}


class SiteEntry(Entry):
    """A data centre."""

    name: Line
    role: Annotated[SiteRole, Field(strict=False)]
    mirror: Slug | None = None
    valid_from: IsoDate = None
    valid_until: IsoDate = None
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+(/[A-Za-z_+-]+)*$")] = "UTC"


class DepartmentEntry(Entry):
    """An office."""

    name: Line
    focal_point: Line | None = None


class ManualEntry(Strict):
    """What a person has to do by hand. ``deadline``: when it counts as failed; that is the only outcome there is."""

    id: Slug
    kinds: Annotated[list[Annotated[ManualKind, Field(strict=False)]], Field(min_length=1)]
    text: Annotated[str, StringConstraints(max_length=500), AfterValidator(printable)]
    role: Line
    minutes: Annotated[int, Field(ge=1, le=720)]
    evidence: Literal["required", "optional"] = "optional"
    deadline: Seconds | None = None

    @model_validator(mode="after")
    def _deadline_leaves_time(self) -> ManualEntry:
        if self.deadline is not None and self.deadline < self.minutes * 60:
            raise ValueError(f"the deadline is shorter than the {self.minutes} minutes it is expected to take")
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("a kind of run is named twice")
        return self


class ApplicationManualEntry(ManualEntry):
    """Beside the start of an application."""

    when: Literal["before-start", "after-start"]


class GroupManualEntry(ManualEntry):
    """Beside the recovery of a group's data."""

    when: Literal["before-recover", "after-recover"]


_Manual = TypeVar("_Manual", bound=ManualEntry)


def _distinct(entries: list[_Manual]) -> list[_Manual]:
    twice = sorted(name for name, number in Counter(entry.id for entry in entries).items() if number > 1)
    if twice:
        raise ValueError(f"the manual step {twice[0]!r} is there twice")
    return entries


class GroupEntry(Entry):
    """A protection group."""

    name: Line
    method: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    primary_site: Slug
    recovery_site: Slug | None = None
    manual: Annotated[list[GroupManualEntry], AfterValidator(_distinct)] = Field(default_factory=list)


class ObjectiveEntry(Strict):
    """A recovery objective: ``{time: 4h, basis: ..., owner: ...}``."""

    time: Seconds
    basis: Line | None = None
    owner: Line | None = None


class ProbeEntry(Strict):
    """One way to observe an application."""

    kind: Annotated[ProbeKind, Field(strict=False)]
    path: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=200)] = "/"
    port_name: Slug = "service"


class ApplicationEntry(Entry):
    """One application."""

    name: Line
    description: Text
    scope: Annotated[Scope, Field(strict=False)]
    tier: Annotated[int, Field(ge=1, le=4)]
    department: Slug
    arrangement: Annotated[Arrangement, Field(strict=False)]
    group: Slug
    rto: ObjectiveEntry
    rpo: ObjectiveEntry
    rto_from: Annotated[RtoFrom, Field(strict=False)]
    depends_on: list[Slug] = Field(default_factory=list)
    probes: list[ProbeEntry] = Field(default_factory=list)
    need_until: IsoDate = None
    migration_target: Slug | None = None
    gateway: bool = False
    manual: Annotated[list[ApplicationManualEntry], AfterValidator(_distinct)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _manual_has_a_place(self) -> ApplicationEntry:
        if self.manual and self.arrangement is Arrangement.REMOTE_ACCESS:
            raise ValueError("a remote-access application is not started by any plan: a manual step has no place there")
        return self


class TotalsEntry(Strict):
    """The totals the catalog claims about itself."""

    applications: Annotated[int, Field(ge=0)]
    enterprise: Annotated[int, Field(ge=0)]
    departmental: Annotated[int, Field(ge=0)]


class CatalogFile(Strict):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema")
    title: Line
    note: Text | None = None
    totals: TotalsEntry
    sites: list[SiteEntry]
    departments: list[DepartmentEntry]
    groups: list[GroupEntry]
    applications: list[ApplicationEntry]
