"""The shape of ``planner.yaml``, as strict pydantic models. Used by ``planning.load`` only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from drorch.catalog.schema import Line, Seconds, Slug
from drorch.year.model import Activity
from drorch.year.planning.model import Unit
from drorch.year.schema import Day

MINUTE = 60
LONGEST_S = 5 * 86_400.0


def _length(seconds: float) -> float:
    if not 15 * MINUTE <= seconds <= LONGEST_S or seconds % (15 * MINUTE):
        raise ValueError("has to be a multiple of 15m, at most 5d")
    return seconds


Length = Annotated[Seconds, AfterValidator(_length)]
Number = Annotated[int, Field(ge=1, le=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RuleEntry(_Strict):
    """How tests of one activity are held."""

    id: Slug
    activity: Annotated[Activity, Field(strict=False)]
    unit: Annotated[Unit, Field(strict=False)]
    length: Length
    sites: list[Slug] = Field(default_factory=list)
    people: dict[Slug, Number] = Field(default_factory=dict)
    batch: Number = 1

    @model_validator(mode="after")
    def _fits_together(self) -> RuleEntry:
        if self.unit is not Unit.GROUP and not self.sites:
            raise ValueError("sites are missing: only tests of a protection group have sites of their own")
        if self.batch > 1 and self.unit is not Unit.SUBJECT:
            raise ValueError("batch belongs to unit: subject")
        return self


class PoolEntry(_Strict):
    """People of a kind."""

    id: Slug
    name: Line
    at_once: Number


class AbsenceEntry(_Strict):
    """Fewer people for a time."""

    id: Slug
    pool: Slug
    first_day: Day
    last_day: Day
    at_once: Annotated[int, Field(ge=0, le=1000)] = 0
    reason: Line

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> AbsenceEntry:
        if self.last_day < self.first_day:
            raise ValueError(f"ends on {self.last_day}, before it begins on {self.first_day}")
        return self


class LimitsEntry(_Strict):
    """How many tests."""

    at_once: Number = 2
    per_site: Number = 1
    per_day: Number = 2
    per_week: Number = 5


class PlannerFile(_Strict):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Slug
    dependencies_first: bool = True
    limits: LimitsEntry = Field(default_factory=LimitsEntry)
    people: list[PoolEntry] = Field(default_factory=list)
    absences: list[AbsenceEntry] = Field(default_factory=list)
    tests: Annotated[list[RuleEntry], Field(min_length=1)]
