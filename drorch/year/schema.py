"""The shape of ``year.yaml``, as strict pydantic models. Used by ``year.load`` only; inside are dataclasses."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from drorch.catalog.model import Arrangement
from drorch.catalog.schema import Line, ProvenanceMap, Slug, as_date
from drorch.year.model import Activity, Period, Requirement, SubjectKind
from drorch.year.windows import Effect

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST_YEAR, LAST_YEAR = 1990, 2199
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def _time(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(f'{value!r} is not a time of day; write it like "06:30", in quotes')
    return time(0, 0) if value == "24:00" else time.fromisoformat(value)


def _weekday(value: object) -> object:
    if value not in WEEKDAYS:
        raise ValueError(f"{value!r} is not a weekday; write {', '.join(WEEKDAYS)}")
    return value


def bounded_day(value: object) -> date | None:
    """A date that a programme can be about; None stays None. ValueError with a sentence."""
    day = as_date(value)
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{day} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return day


Day = Annotated[date, BeforeValidator(bounded_day)]
OptionalDay = Annotated[date | None, BeforeValidator(bounded_day)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
Weekday = Annotated[str, BeforeValidator(_weekday)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PartyEntry(_Strict):
    """A body, or a role."""

    id: Slug
    name: Line
    members: Count | None = None
    provenance: ProvenanceMap


class SubjectsEntry(_Strict):
    """Who owes it."""

    kind: Annotated[SubjectKind, Field(strict=False)]
    only: list[Slug] = Field(default_factory=list)
    arrangements: list[Annotated[Arrangement, Field(strict=False)]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _arrangements_are_of_applications(self) -> SubjectsEntry:
        if self.arrangements and self.kind is not SubjectKind.APPLICATION:
            raise ValueError(f"arrangements are for applications; a {self.kind.value} has none")
        return self


class ObligationEntry(_Strict):
    """A duty."""

    id: Slug
    title: Line
    activity: Annotated[Activity, Field(strict=False)]
    period: Annotated[Period, Field(strict=False)]
    in_force_from: Day
    subjects: SubjectsEntry
    components: list[Slug] = Field(default_factory=list)
    requires: list[Annotated[Requirement, Field(strict=False)]] = Field(default_factory=list)
    lead_days: Annotated[int, Field(ge=0, le=180)] = 0
    provenance: ProvenanceMap

    @model_validator(mode="after")
    def _fits_together(self) -> ObligationEntry:
        if self.lead_days and self.period is Period.CALENDAR_YEAR:
            raise ValueError("lead_days belongs to rolling-12-months; in a calendar year it is due from 1 January")
        if (self.activity is Activity.PLAN_COMPONENT_EXERCISE) is not bool(self.components):
            raise ValueError("components belong to plan-component-exercise, which needs at least one")
        return self


class ExemptionEntry(_Strict):
    """An exemption with its end: there is none for ever."""

    id: Slug
    obligation: Slug
    subject: Slug
    approved_by: Line
    reason: Line
    valid_from: Day
    until: Day

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> ExemptionEntry:
        if self.until < self.valid_from:
            raise ValueError(f"ends on {self.until}, before it begins on {self.valid_from}")
        return self


class WindowEntry(_Strict):
    """A time at which tests may, or may not, run."""

    id: Slug
    effect: Annotated[Effect, Field(strict=False)]
    reason: Line
    site: Slug | None = None
    first_day: OptionalDay = None
    last_day: OptionalDay = None
    weekdays: Annotated[list[Weekday], Field(min_length=1)] = Field(default_factory=lambda: list(WEEKDAYS))
    start: TimeOfDay = time(0, 0)
    end: TimeOfDay = time(0, 0)


class LimitsEntry(_Strict):
    """How much may be moved at once on purpose, and how long a test is believed."""

    tier_1_groups_at_once: Annotated[int, Field(ge=1)] | None = None
    evidence_days: Annotated[int, Field(ge=1, le=3660)] | None = None


class ProgrammeFile(_Strict):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Slug
    title: Line
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+(/[A-Za-z_+-]+)*$")]
    estates: Annotated[list[Line], Field(min_length=1)]
    bodies: list[PartyEntry] = Field(default_factory=list)
    roles: list[PartyEntry] = Field(default_factory=list)
    obligations: Annotated[list[ObligationEntry], Field(min_length=1)]
    exemptions: list[ExemptionEntry] = Field(default_factory=list)
    windows: list[WindowEntry] = Field(default_factory=list)
    limits: LimitsEntry = Field(default_factory=LimitsEntry)
