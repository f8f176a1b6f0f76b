"""The shape of ``schedule.yaml``, as strict pydantic models. Used by `load` only; inside are dataclasses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from drorch.catalog.durations import parse_duration
from drorch.catalog.schema import Line, Slug
from drorch.schedules.model import Doubled, IfLate, Skipped, WorkKind
from drorch.schedules.rules import rule_problem
from drorch.year.schema import FIRST_YEAR, LAST_YEAR

LONGEST_S = 14 * 86_400.0


def _local_time(value: object) -> datetime:
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value):
        try:
            time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a date and time; write it like 2013-03-04T06:00") from None
        if time.tzinfo is not None:
            raise ValueError(f"{value} has an offset; a schedule is read on the clock of its site")
        if not FIRST_YEAR <= time.year <= LAST_YEAR:
            raise ValueError(f"{time.year} is not between {FIRST_YEAR} and {LAST_YEAR}")
        return time.replace(microsecond=0)
    raise ValueError(f"{value!r} is not a date and time; write it like 2013-03-04T06:00")


def _rule(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a rule; write it like FREQ=WEEKLY;BYDAY=SA")
    problem = rule_problem(value)
    if problem is not None:
        raise ValueError(f"not a rule of recurrence: {problem}")
    return value


def _seconds(value: object) -> float:
    seconds = parse_duration(value)
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"{value} is not between 1s and 14d")
    return seconds


LocalTime = Annotated[datetime, BeforeValidator(_local_time)]
Rule = Annotated[str, BeforeValidator(_rule)]
Seconds = Annotated[float, BeforeValidator(_seconds)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WorkEntry(_Strict):
    """What is done."""

    kind: Annotated[WorkKind, Field(strict=False)]
    lose: Slug | None = None
    groups: list[Slug] = Field(default_factory=list)
    applications: list[Slug] = Field(default_factory=list)
    check: Slug | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> WorkEntry:
        scope = bool(self.lose or self.groups or self.applications)
        if self.kind is WorkKind.CHECK:
            if self.check is None or scope:
                raise ValueError("a check has its name in check:, and neither lose, groups nor applications")
        elif self.check is not None:
            raise ValueError(f"check: belongs to kind: check, not to {self.kind.value}")
        elif not scope and self.kind is not WorkKind.READINESS:
            raise ValueError(f"a {self.kind.value} needs a scope: lose, groups or applications")
        return self


class PrecheckEntry(_Strict):
    """A readiness run before the test."""

    days_before: Annotated[int, Field(ge=1, le=60)]
    on_failure: Literal["hold", "tell"]


class LateEntry(_Strict):
    """What to do when nobody was there at the time."""

    policy: Annotated[IfLate, Field(strict=False)]
    within: Seconds | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> LateEntry:
        if (self.policy is IfLate.RUN_LATE) is not (self.within is not None):
            raise ValueError("within belongs to run-late, which needs it: how late is still worth it")
        return self


class ScheduleEntry(_Strict):
    """One schedule."""

    id: Slug
    title: Line
    site: Slug
    at: LocalTime | None = None
    start: LocalTime | None = None
    rule: Rule | None = None
    skipped_time: Annotated[Skipped, Field(strict=False)] = Skipped.LATER
    doubled_time: Annotated[Doubled, Field(strict=False)] = Doubled.FIRST
    do: WorkEntry
    length: Seconds
    late: LateEntry
    windows: Literal["required", "ignored"] | None = None
    announce_days: Annotated[int, Field(ge=0, le=366)] = 0
    precheck: PrecheckEntry | None = None
    owner: Line
    department: Slug

    @model_validator(mode="after")
    def _when(self) -> ScheduleEntry:
        recurring = self.start is not None and self.rule is not None and self.at is None
        once = self.at is not None and self.start is None and self.rule is None
        if not recurring and not once:
            raise ValueError("give either at: (once), or start: and rule: (recurring)")
        if self.precheck is not None and self.do.kind in {WorkKind.READINESS, WorkKind.CHECK}:
            raise ValueError(f"a {self.do.kind.value} needs no precheck")
        return self


class SchedulesFile(_Strict):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Slug
    schedules: Annotated[list[ScheduleEntry], Field(min_length=1, max_length=1000)]
