"""From the events of a denial-of-access test to its course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from drorch.access.denial_test.file import DenialTest
from drorch.access.denial_test.journal import Data
from drorch.access.denial_test.model import Course, Judgement, Login, Look
from drorch.core.codec import read


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Somebody of a department agreed: to the demand before, or to the result after."""

    department: str
    what: str
    person: str
    at: str
    applications: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """Everything the journal says."""

    course: Course
    prepared_by: str
    started_by: str | None
    started_at: str | None
    ended_at: str | None
    signatures: tuple[Signature, ...]
    sealed: bool


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A test as it stands. ``running``: a process is at it now."""

    test: DenialTest
    told: Told
    judgement: Judgement
    demand_id: str
    running: bool
    warnings: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """How far it is, in words."""
        if self.told.sealed:
            return "sealed"
        if self.told.ended_at is not None:
            return "ended"
        if self.told.started_at is not None:
            return "running" if self.running else "interrupted: its process is gone"
        return "prepared"


def told(test: DenialTest, events: Sequence[Data]) -> Told:
    """The fold of all events."""
    bodies = [(str(event["kind"]), _body(event), str(event["at"])) for event in events]
    first = next((body for kind, body, _ in bodies if kind == "prepared"), {})
    required = {str(name): int(number) for name, number in dict(first.get("required", {})).items()}
    course = Course(method=test.method, criteria=test.criteria, required=MappingProxyType(required))
    course = replace(course, planned=int(first.get("planned", 0)))
    for kind, body, _ in bodies:
        course = _after(course, kind, body)
    last = {kind: (body, at) for kind, body, at in bodies}
    return Told(
        course=replace(course, left=_left(bodies), peak_held=_peak(bodies)),
        prepared_by=str(first.get("by", "")),
        started_by=str(last["started"][0]["by"]) if "started" in last else None,
        started_at=last["started"][1] if "started" in last else None,
        ended_at=last["ended"][1] if "ended" in last else None,
        signatures=tuple(_signatures(bodies)),
        sealed="sealed" in last,
    )


def _after(course: Course, kind: str, body: Mapping[str, Any]) -> Course:
    if kind == "logged-on":
        login = Login(
            account=int(body["account"]),
            department=str(body["department"]),
            succeeded=bool(body["succeeded"]),
            seconds=float(body["seconds"]),
            trouble=body.get("trouble"),
            reached=tuple(body.get("reached", ())),
        )
        return replace(course, logins=(*course.logins, login))
    if kind == "sample":
        look = read(Look, body, where="a sample of the test", next_step="restore the journal from a copy")
        return replace(course, looks=(*course.looks, look))
    if kind == "held":
        return replace(course, held_s=float(body["seconds"]))
    if kind == "ended":
        return replace(course, ended=True, stopped=body.get("stopped"), interrupted=bool(body.get("interrupted")))
    return course


def _left(bodies: Iterable[tuple[str, Mapping[str, Any], str]]) -> tuple[int, ...]:
    """Accounts of which a log-on was begun and no end of it, or of the session, is known."""
    open_ones: dict[int, None] = {}
    for kind, body, _ in bodies:
        number = int(body.get("account", 0))
        if kind == "logging-on" or (kind == "logged-on" and body["succeeded"]):
            open_ones[number] = None
        elif (kind == "logged-on" and body.get("off") is not False) or (kind == "logged-off" and body["succeeded"]):
            open_ones.pop(number, None)
    return tuple(open_ones)


def _peak(bodies: Iterable[tuple[str, Mapping[str, Any], str]]) -> int:
    held, most = 0, 0
    for kind, body, _ in bodies:
        held += int(kind == "logged-on" and bool(body["succeeded"])) - int(kind == "logged-off")
        most = max(most, held)
    return most


def _signatures(bodies: Iterable[tuple[str, Mapping[str, Any], str]]) -> Iterable[Signature]:
    for kind, body, at in bodies:
        if kind == "signed":
            yield Signature(
                department=str(body["department"]),
                what=str(body["what"]),
                person=str(body["by"]),
                at=at,
                applications=tuple(body.get("applications", ())),
            )


def _body(event: Data) -> Mapping[str, Any]:
    body = event["body"]
    return body if isinstance(body, dict) else {}
