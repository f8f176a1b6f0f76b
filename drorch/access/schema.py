"""The shape of ``capacity.yaml``, as strict pydantic models. Used by ``access.load`` only; inside are dataclasses.

Amounts are numbers, ``unlimited`` or ``unknown``: a limit that is left out is unknown and never unlimited.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from drorch.access.model import GroupKind, LicenceModel, MachineState
from drorch.access.seats import UNLIMITED, Seats, exactly, unknown
from drorch.catalog.durations import parse_duration
from drorch.catalog.schema import Entry, IsoDate, Line, Slug, Strict, Text, as_date

MOST = 10_000_000
"""No count of people, sessions or licences is larger."""
WORDS = ("unlimited", "unknown")


def _amount(value: object) -> Seats:
    if isinstance(value, Seats):
        return value
    if value == "unlimited":
        return UNLIMITED
    if value is None or value == "unknown":
        return unknown("")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is not an amount; write a whole number from 0, unlimited, or unknown")
    return exactly(value)


def _rate(value: object) -> float | None:
    if value is None or value == "unknown":
        return None
    if value == "unlimited":
        return math.inf
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < float(value) <= MOST:  # type: ignore[arg-type]
        raise ValueError(f"{value!r} is not a rate; write a number above 0, unlimited, or unknown")
    return float(value)  # type: ignore[arg-type]


def _moment(value: object) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str) and "T" in value:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a time; write it like 2026-11-20T10:00Z") from None
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; add Z or an offset")
        return moment
    day = as_date(value)
    return None if day is None else datetime.combine(day, time(), UTC)


def _positive_duration(value: object) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError(f"{value!r} is no time at all; write it like 45s")
    return seconds


def _monday(value: object) -> date:
    day = as_date(value)
    if day is None or day.weekday() != 0:
        raise ValueError(f"{value!r} is not a Monday; a week is named by its Monday")
    return day


Amount = Annotated[Seats, BeforeValidator(_amount)]
Rate = Annotated[float | None, BeforeValidator(_rate)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Duration = Annotated[float, BeforeValidator(_positive_duration)]
Monday = Annotated[date, BeforeValidator(_monday)]
Count = Annotated[int, Field(ge=0, le=MOST)]
AtLeastOne = Annotated[int, Field(ge=1, le=MOST)]
Part = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
_UNKNOWN = unknown("")


class PlanningEntry(Entry):
    """Rules of the calculation."""

    ramp: Duration = 1800.0
    usable_share: Share = 0.7
    kbit_s_per_session: Annotated[float, Field(gt=0, le=MOST)] = 250.0
    load_index_limit: Annotated[int, Field(ge=1, le=10_000)] = 8000
    logons_at_once: AtLeastOne = 2
    headroom_target: Annotated[float, Field(ge=0, le=10)] = 0.2
    forecast_warning: Duration = 90 * 86_400.0
    lease_warning: Duration = 21 * 86_400.0
    proof_valid: Duration = 365 * 86_400.0
    refresh: Duration = 7 * 86_400.0


class DepartmentEntry(Entry):
    """People of a department."""

    critical: Count
    standard: Count = 0
    attendance: Part = 1.0
    overlap: Part = 1.0
    groups: list[Slug]
    needs: dict[Slug, Count] = Field(default_factory=dict)
    dependants: Count | None = None


class GroupEntry(Entry):
    """A delivery group."""

    kind: Annotated[GroupKind, Field(strict=False)]
    session_count_only: bool = False


class MachineEntry(Strict):
    """One VDA as observed."""

    state: Annotated[MachineState, Field(strict=False)]
    sessions: Count = 0
    load_index: Annotated[int, Field(ge=0, le=10_000)] | None = None


class MeasuredEntry(Entry):
    """Anything whose value has an age."""

    as_of: Moment = None
    refresh: Duration | None = None
    used: Count | None = None


class PoolEntry(MeasuredEntry):
    """Machines of a delivery group at a site."""

    group: Slug
    site: Slug
    cluster: Slug | None = None
    seats: Amount | None = None
    machine_count: Count | None = None
    machines: list[MachineEntry] = Field(default_factory=list)
    sessions_per_machine: AtLeastOne | None = None
    start: Duration | None = None
    logon: Duration | None = None


class GatewayEntry(MeasuredEntry):
    """A gateway or HA pair."""

    site: Slug
    serves: list[Slug] = Field(default_factory=list)
    ica_only: bool
    platform_sessions: Amount = _UNKNOWN
    max_users: Amount = _UNKNOWN
    concurrent_licences: Amount = _UNKNOWN
    throughput_mbit_s: Rate = None
    mbit_s_per_session: Annotated[float, Field(gt=0, le=MOST)] | None = None


class LinkEntry(MeasuredEntry):
    """A line."""

    site: Slug
    mbit_s: Rate = None
    kbit_s_per_session: Annotated[float, Field(gt=0, le=MOST)] | None = None


class LicenceEntry(MeasuredEntry):
    """Licences on a server."""

    server: Slug
    site: Slug | None = None
    model: Annotated[LicenceModel, Field(strict=False)]
    count: Amount
    overdraft: Count = 0
    assigned_elsewhere: Amount = _UNKNOWN
    lease_until: IsoDate = None


class IdentityEntry(MeasuredEntry):
    """A service that lets people in."""

    purpose: Slug
    site: Slug | None = None
    serves: Slug | None = None
    seats: Amount


class HistoryEntry(Entry):
    """Weekly peaks."""

    site: Slug | None = None
    baseline_from: Monday | None = None
    weeks: dict[Monday, Count | None]


class ProofEntry(Entry):
    """A test that was held."""

    scenario: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")] = "normal"
    held: Count
    tested_on: Annotated[date, BeforeValidator(as_date)]
    evidence: Line


class CapacityFile(Strict):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema")
    title: Line
    note: Text | None = None
    planning: PlanningEntry
    departments: list[DepartmentEntry]
    groups: list[GroupEntry]
    pools: list[PoolEntry]
    gateways: list[GatewayEntry]
    links: list[LinkEntry]
    licences: list[LicenceEntry]
    identity: list[IdentityEntry]
    history: list[HistoryEntry] = Field(default_factory=list)
    proofs: list[ProofEntry] = Field(default_factory=list)


LISTS = frozenset(name for name, item in CapacityFile.model_fields.items() if "list[" in str(item.annotation))
"""Keys whose value is a list of entries with an id."""
