"""From the events of a denial-of-access test to its course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from drorch.access.denial_test.file import DenialTest
from drorch.access.denial_test.journal import Event
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
    base: Path
    """The folder in which files named by the test are looked for."""
    started_by: str | None
    started_at: str | None
    started_on: str | None
    """The machine whose process holds the test."""
    ended_at: str | None
    signatures: tuple[Signature, ...]
    evidence: str | None
    """Content id of the sealed archive; None: not sealed."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A test as it stands. ``running``: a process of this machine is at it; None: another machine has begun it."""

    test: DenialTest
    told: Told
    judgement: Judgement
    demand_id: str
    count: int
    """Events so far."""
    running: bool | None
    warnings: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """How far it is, in words."""
        if self.told.evidence is not None:
            return "sealed"
        if self.told.ended_at is not None:
            return "ended"
        if self.told.started_at is None:
            return "prepared"
        if self.running is None:
            return f"begun on {self.told.started_on}: only there can be seen whether it goes on"
        return "running" if self.running else "interrupted: its process is gone"


def told(test: DenialTest, events: Sequence[Event]) -> Told:
    """The fold of all events."""
    bodies = [(event.body.kind, event.body.body) for event in events]
    last = {event.body.kind: event for event in events}
    first, started, ended = events[0].body.body, last.get("started"), last.get("ended")
    sealed = last.get("sealed")
    course = Course(
        method=test.method,
        criteria=test.criteria,
        required=MappingProxyType(dict(first["required"])),
        planned=first["planned"],
    )
    for kind, body in bodies:
        course = _after(course, kind, body)
    return Told(
        course=replace(course, left=_left(bodies), peak_held=_peak(bodies)),
        prepared_by=events[0].person,
        base=Path(first["folder"]),
        started_by=started.person if started else None,
        started_at=at_text(started) if started else None,
        started_on=started.body.body["host"] if started else None,
        ended_at=at_text(ended) if ended else None,
        signatures=tuple(map(signature_of, (event for event in events if event.body.kind == "signed"))),
        evidence=sealed.body.body["evidence"] if sealed else None,
    )


def signature_of(event: Event) -> Signature:
    """What an event ``signed`` says."""
    body = event.body.body
    return Signature(
        department=body["department"],
        what=body["what"],
        person=event.person,
        at=at_text(event),
        applications=tuple(body["applications"]),
    )


def at_text(event: Event) -> str:
    """When it happened, for people and results."""
    return event.at.isoformat(timespec="milliseconds")


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


def _left(bodies: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[int, ...]:
    """Accounts of which a log-on was begun and no end of it, or of the session, is known."""
    open_ones: dict[int, None] = {}
    for kind, body in bodies:
        number = int(body.get("account", 0))
        if kind == "logging-on" or (kind == "logged-on" and body["succeeded"]):
            open_ones[number] = None
        elif (kind == "logged-on" and body.get("off") is not False) or (kind == "logged-off" and body["succeeded"]):
            open_ones.pop(number, None)
    return tuple(open_ones)


def _peak(bodies: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    held, most = 0, 0
    for kind, body in bodies:
        held += int(kind == "logged-on" and bool(body["succeeded"])) - int(kind == "logged-off")
        most = max(most, held)
    return most
