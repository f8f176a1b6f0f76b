"""The events of one after-action report and their fold: drafted, edited, reviewed, approved; versions.

What was approved stays as it was approved: an edit after it begins the next version.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, cast

from drorch.core.bodies import bodies
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.ids import content_hash
from drorch.core.log import Entry, FoldedLog, Log
from drorch.core.stream import EventStore
from drorch.report.after_action.model import (
    AAR_SCHEMA,
    AarState,
    AfterAction,
    EvidencePart,
    Note,
    PeoplePart,
    Rating,
    Signed,
)
from drorch.run.interlocks import same_person


class Field(StrEnum):
    """What people can write. Everything else is generated and cannot be edited."""

    SUMMARY = "summary"
    BACKGROUND = "background"
    SCENARIO = "scenario"
    OBJECTIVE = "objective"
    RATING = "rating"
    STRENGTH = "strength"
    FINDING = "finding"
    ROOT_CAUSE = "root-cause"
    RECOMMENDATION = "recommendation"
    NOTIFICATION = "notification"
    PARTICIPANT = "participant"
    DISTRIBUTION = "distribution"


SINGLE = frozenset({Field.SUMMARY, Field.BACKGROUND, Field.SCENARIO})
PER_ITEM = frozenset({Field.RATING, Field.ROOT_CAUSE})
_WHERE = {
    Field.SUMMARY: "summary",
    Field.BACKGROUND: "background",
    Field.SCENARIO: "scenario",
    Field.OBJECTIVE: "objectives",
    Field.RATING: "ratings",
    Field.STRENGTH: "strengths",
    Field.FINDING: "findings",
    Field.ROOT_CAUSE: "root_causes",
    Field.RECOMMENDATION: "recommendations",
    Field.NOTIFICATION: "notifications",
    Field.PARTICIPANT: "participants",
    Field.DISTRIBUTION: "distribution",
}


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """Generated from evidence; again for the same id: the evidence as it is now, what people wrote stays."""

    id: str
    title: str
    evidence: EvidencePart
    what: Literal["drafted"] = "drafted"


@dataclass(frozen=True, kw_only=True)
class Edited:
    """Somebody wrote something, or takes it out (``text`` None)."""

    field: Field
    text: str | None
    item: str | None = None
    role: str | None = None
    organisation: str | None = None
    rating: Rating | None = None
    when: str | None = None
    what: Literal["edited"] = "edited"


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """Somebody else read exactly this content."""

    content: str
    what: Literal["reviewed"] = "reviewed"


@dataclass(frozen=True, kw_only=True)
class Approved:
    """Somebody else approves exactly this content."""

    content: str
    what: Literal["approved"] = "approved"


AarBody = Drafted | Edited | Reviewed | Approved
AarEvent = Entry[AarBody]
AarLog = FoldedLog[AarBody, "AarBook"]
AFTER_ACTION = "after-action/"
"""The streams: one for each report, by its id."""


@dataclass(frozen=True, kw_only=True)
class AarBook:
    """One report: as it stands now, and each version as it was approved."""

    current: AfterAction | None = None
    approved: tuple[AfterAction, ...] = ()
    history: tuple[AarEvent, ...] = field(default=())

    def version(self, number: int | None) -> AfterAction:
        """That version; None: the newest. NotFound without it."""
        if self.current is None:
            raise NotFound("nothing was drafted", next_step="drorch aar draft RUN")
        if number is None or number == self.current.version:
            return self.current
        for item in self.approved:
            if item.version == number:
                return item
        raise NotFound(f"there is no version {number}", next_step=f"the newest is {self.current.version}")


def aar_log(store: EventStore) -> AarLog:
    """All reports."""
    return FoldedLog(Log(store, AFTER_ACTION, *bodies(AarBody), reasons=True), AarBook(), after)


def after(book: AarBook, event: AarEvent) -> AarBook:
    """The book with one more event. InputInvalid, NotFound or Refused for one that cannot follow."""
    body, current, where = event.body, book.current, event.stream
    if isinstance(body, Drafted):
        changed = _drafted(current, body, event)
    elif current is None:
        raise NotFound("nothing was drafted", where=where, next_step="drorch aar draft RUN")
    elif isinstance(body, Edited):
        changed = _edited(current, body, event)
    else:
        changed = _signed(current, body, event)
    book = replace(book, current=changed, history=(*book.history, event))
    if isinstance(body, Approved):
        book = replace(book, approved=(*book.approved, changed))
    return book


def people_notes(people: PeoplePart, of: Field) -> tuple[Note, ...]:
    """What people wrote in this field."""
    found = getattr(people, _WHERE[of])
    if of in SINGLE:
        return (found,) if found else ()
    return cast(tuple[Note, ...], found)


def refuse_author(report: AfterAction, person: str, doing: str) -> None:
    """Refused when ``person`` drafted or edited any version."""
    if any(same_person(author, person) for author in report.authors):
        others = ", ".join(report.authors)
        raise Refused(
            f"{person} is an author of it and may not {doing} it",
            where=report.id,
            next_step=f"let another person than {others} {doing} it",
        )


def _drafted(current: AfterAction | None, body: Drafted, event: AarEvent) -> AfterAction:
    if current is None:
        current = AfterAction(
            schema=AAR_SCHEMA,
            id=body.id,
            title=body.title,
            version=1,
            state=AarState.DRAFT,
            content="",
            drafted=_signature(event, ""),
            reviewed=None,
            approved=None,
            authors=(event.person,),
            evidence=body.evidence,
            people=PeoplePart(),
        )
        return _with_content(current)
    return _changed(replace(current, title=body.title, evidence=body.evidence), event)


def _edited(current: AfterAction, body: Edited, event: AarEvent) -> AfterAction:
    name = _WHERE[body.field]
    if body.field in PER_ITEM:
        _check_item(current, body)
    if body.field in SINGLE:
        if body.text is None and getattr(current.people, name) is None:
            raise NotFound(f"there is no {body.field.value} to take out", where=current.id)
        value: object = _note(body, event, body.field.value) if body.text is not None else None
    else:
        value = _with_note(current, body, event)
    people = replace(current.people, **{name: value})  # type: ignore[arg-type]
    return _changed(replace(current, people=people), event)


def _with_note(current: AfterAction, body: Edited, event: AarEvent) -> tuple[Note, ...]:
    notes = people_notes(current.people, body.field)
    key = body.item
    old = next((note for note in notes if key is not None and key in (note.id, note.item)), None)
    if body.text is None or (old is None and key is not None and body.field not in PER_ITEM):
        if old is None:
            known = ", ".join(note.item or note.id for note in notes) or "none"
            what = f"there is no {body.field.value} {key!r}"
            raise NotFound(what, where=current.id, next_step=f"there are: {known}")
        if body.text is None:
            return tuple(note for note in notes if note is not old)
    made = _note(body, event, old.id if old else f"{body.field.value}-{event.seq}")
    if old is not None and body.field not in PER_ITEM:
        made = replace(made, item=None)
    return tuple(made if note is old else note for note in notes) if old else (*notes, made)


def _check_item(current: AfterAction, body: Edited) -> None:
    if body.field is Field.RATING:
        known = [item.id for item in current.evidence.objectives] + [item.id for item in current.people.objectives]
    else:
        known = [item.key for item in current.evidence.findings] + [item.id for item in current.people.findings]
    if body.item not in known:
        what = f"{body.item!r} is nothing that can have a {body.field.value}" if body.item else "it is about nothing"
        raise NotFound(what, where="--item", next_step=f"there are: {', '.join(known) or 'none'}")
    if body.field is Field.RATING and body.text is not None and body.rating is None:
        what = "a rating is one of P, S, M, U"
        raise InputInvalid(what, where="--rating", next_step="give --rating, and in the text why")


def _signed(current: AfterAction, body: Reviewed | Approved, event: AarEvent) -> AfterAction:
    doing = "review" if isinstance(body, Reviewed) else "approve"
    if current.state is AarState.APPROVED:
        raise Refused(f"version {current.version} is approved", where=current.id, next_step="nothing is left to do")
    if body.content != current.content:
        what = f"it was changed since {event.person} read it"
        raise Refused(what, where=current.id, next_step=f"read it again, then {doing} it")
    refuse_author(current, event.person, doing)
    if isinstance(body, Reviewed):
        return replace(current, state=AarState.REVIEWED, reviewed=_signature(event, body.content))
    if current.state is not AarState.REVIEWED:
        what = "nobody has reviewed what it says now"
        raise Refused(what, where=current.id, next_step=f"drorch aar review {current.id} ...")
    return replace(current, state=AarState.APPROVED, approved=_signature(event, body.content))


def _changed(report: AfterAction, event: AarEvent) -> AfterAction:
    """The report after a change: a draft again; after an approval the next version."""
    known = any(same_person(author, event.person) for author in report.authors)
    version = report.version + (report.state is AarState.APPROVED)
    changed = replace(
        report,
        version=version,
        state=AarState.DRAFT,
        drafted=_signature(event, "") if version != report.version else report.drafted,
        reviewed=None,
        approved=None,
        authors=report.authors if known else (*report.authors, event.person),
    )
    return _with_content(changed)


def _with_content(report: AfterAction) -> AfterAction:
    content = content_hash(
        {
            "id": report.id,
            "title": report.title,
            "version": report.version,
            "evidence": plain(report.evidence),
            "people": plain(report.people),
        }
    )
    return replace(report, content=content, drafted=replace(report.drafted, content=content))


def _signature(event: AarEvent, content: str) -> Signed:
    return Signed(person=event.person, reason=event.reason, at=f"{event.at:%Y-%m-%dT%H:%M:%SZ}", content=content)


def _note(body: Edited, event: AarEvent, name: str) -> Note:
    return Note(
        id=name,
        text=body.text or "",
        item=body.item,
        role=body.role,
        organisation=body.organisation,
        rating=body.rating,
        when=body.when,
        written_by=event.person,
        written_at=f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
    )
