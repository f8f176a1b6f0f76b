"""The use cases of corrective actions: open, assign, do, verify, close; and open again when a later run shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from drorch.actions.codec import counts
from drorch.actions.events import (
    ActionBody,
    ActionEvent,
    Assigned,
    Claimed,
    Closed,
    Opened,
    Recurred,
    Reopened,
    Updated,
    Verified,
)
from drorch.actions.evidence import (
    FoundProblem,
    RecordSeen,
    RunSeen,
    regression,
    same_way,
    why_record_does_not_prove,
    why_run_does_not_prove,
)
from drorch.actions.log import action_log, after, refuse_own, standing
from drorch.actions.model import Action, ActionBook, ActionSeverity, ActionState, Source, Subject, SubjectKind
from drorch.actions.run_records import run_seen, runs_seen
from drorch.core.clock import Clock, to_the_second
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.findings import Finding
from drorch.core.ids import is_slug
from drorch.core.stream import EventStore
from drorch.year.log import Recorded, year_log
from drorch.year.model import Activity
from drorch.year.operations import attach
from drorch.year.statement import Said, line, said

DRORCH = "drorch"
"""Who writes what a run shows, and no person says."""


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """An action that a person opens without a run. ``estate``: where the retest has to run."""

    title: str
    severity: ActionSeverity
    subjects: tuple[Subject, ...]
    estate: str | None = None


Holds = Callable[[str], str | None]
"""Why the record of a run may not be relied on; None when it holds (``orchestration.record_check``)."""


def unchecked(run: str) -> str | None:
    """For those who only read: nothing is proved by a record that nobody looked at."""
    return f"nobody looked whether the record of the run {run} holds"


class Actions:
    """The corrective actions of one store, with the records of runs in one state folder. Holds no state itself."""

    def __init__(self, home: Path, store: EventStore, clock: Clock, holds: Holds = unchecked) -> None:
        self._home, self._clock, self._holds = home, clock, holds
        self._log, self._year = action_log(store), year_log(store)

    def today(self) -> date:
        """The day, UTC."""
        return self._clock.now().wall.astimezone(UTC).date()

    def book(self) -> tuple[ActionBook, tuple[Finding, ...]]:
        """All actions, after every later run was looked at; and the records that could not be read.

        What a run shows again is written down first, so that nobody reads ``closed`` about what has failed since.
        """
        seen, findings = runs_seen(self._home)
        if any(_recurrences(self._log.state(), seen)):
            why = "a later run shows it again"
            self._log.append("", lambda book: [*_recurrences(book, seen)], at=self._now(), person=DRORCH, reason=why)
        return self._log.state(), findings

    def read_only(self) -> ActionBook:
        """All actions as :meth:`book`, with nothing written: for readers such as metrics."""
        seen, _ = runs_seen(self._home)
        book, events = self._log.state(), len(self._log.log.read())
        for seq, body in enumerate(_recurrences(book, seen), start=events + 1):
            book = after(book, ActionEvent(seq=seq, at=self._now(), person=DRORCH, body=body))
        return book

    def counts(self) -> dict[str, dict[str, int]]:
        """Open, overdue and ever re-opened actions by severity."""
        return counts(self.read_only().actions.values(), self.today())

    def open(self, wish: ByHand, who: Said) -> ActionEvent:
        """Open an action by hand. InputInvalid when it names nothing that a later test could prove."""
        title = line(wish.title, "--title")
        for subject in wish.subjects:
            _check_subject(subject)
        about = str(wish.subjects[0]) if wish.subjects else ""
        if wish.estate is None and any(item.kind is not SubjectKind.EXERCISE for item in wish.subjects):
            what = "nobody knows where a retest would have to run"
            raise InputInvalid(what, where="--estate", next_step="name the estate, as the record of a run names it")
        source = Source(code="by-hand", key=f"by-hand/{about}", message=title, estate=wish.estate)

        return self._append(who, lambda book: _opening(book, source, wish.severity, title, wish.subjects))

    def open_from(self, run: str, key: str, who: Said) -> ActionEvent:
        """Open an action for one finding of a run. NotFound without it, Refused when there is an action already."""
        found = {item.source.key: item for item in run_seen(self._home, run).problems}
        if key not in found:
            known = ", ".join(found) or "none"
            raise NotFound(f"the run {run} has no finding {key!r}", where="--finding", next_step=f"it has: {known}")
        problem = found[key]

        def decide(book: ActionBook) -> ActionBody:
            if (known := _same(book, problem)) is not None:
                what = f"{known.id} is about it already ({known.state.value})"
                raise Refused(what, where=key, next_step=f"see 'drorch action show {known.id}'")
            return _opening_for(book, problem)

        return self._append(who, decide)

    def import_from(self, run: str, who: Said) -> tuple[tuple[ActionEvent, ...], int]:
        """Open an action for each finding of a run that has none yet. Also how many had one."""
        problems = run_seen(self._home, run).problems
        who = said(who)

        def decide(book: ActionBook) -> list[ActionBody]:
            made: list[ActionBody] = []
            for problem in problems:
                if _same(book, problem) is None:
                    made.append(_opening_for(book, problem))
                    book = after(book, ActionEvent(seq=0, at=self._now(), body=made[-1]))
            return made

        self.book()
        made = self._log.append("", decide, at=self._now(), person=who.person, reason=who.reason)
        return made, len(problems) - len(made)

    def assign(self, body: Assigned, who: Said) -> ActionEvent:
        """Name who is responsible and until when."""
        owner, organisation = line(body.owner, "--owner"), line(body.organisation, "--organisation")
        made = replace(body, owner=owner, organisation=organisation)
        return self._append(who, lambda _: made)

    def update(self, body: Updated, who: Said) -> ActionEvent:
        """Write down what is known by now, or that work has begun."""
        names = ("action", "immediate_correction", "root_cause", "similar_cases", "plan_change")
        given = {name: text for name in names if (text := getattr(body, name)) is not None}
        clean: dict[str, Any] = {n: line(text, f"--{n.replace('_', '-')}") for n, text in given.items()}
        made = replace(body, **clean)
        return self._append(who, lambda _: made)

    def claim(self, action_id: str, completed: datetime | None, files: Sequence[Path], who: Said) -> ActionEvent:
        """Say that it is done, since ``completed`` (None: now), and what shows it. It stays open."""
        evidence = tuple(attach(path) for path in files)
        at = self._now() if completed is None else completed
        return self._append(who, lambda _: Claimed(id=action_id, completed_at=at, evidence=evidence))

    def verify(self, action_id: str, retest: str, method: str, effective: bool, who: Said) -> ActionEvent:
        """Say whether it helped. ``retest``: a run, or ``record N`` of the year.

        Refused when the person owns it; when it is to be effective and the test is not later, did not pass, or does not
        cover it.
        """
        method = line(method, "--method")
        who = said(who)

        def decide(book: ActionBook) -> ActionBody:
            action = standing(book, action_id)
            refuse_own(action, who.person, "verify")
            why = self._why_not(action, retest)
            if effective and action.state is ActionState.DONE and why is not None:
                raise Refused(
                    f"{retest} does not prove it: {why}",
                    where=action_id,
                    next_step="name a later passing test that covers " + ", ".join(map(str, action.subjects)),
                )
            return Verified(id=action_id, retest=retest, method=method, effective=effective)

        return self._append(who, decide)

    def close(self, action_id: str, who: Said) -> ActionEvent:
        """Close what was verified, by another person than its owner."""
        return self._append(who, lambda _: Closed(id=action_id))

    def reopen(self, action_id: str, who: Said) -> ActionEvent:
        """Say that it is not solved."""
        return self._append(who, lambda _: Reopened(id=action_id))

    def _why_not(self, action: Action, retest: str) -> str | None:
        if (number := retest.removeprefix("record ")) != retest:
            return why_record_does_not_prove(action, self._record(number))
        return why_run_does_not_prove(action, run_seen(self._home, retest)) or self._holds(retest)

    def _record(self, number: str) -> RecordSeen:
        records = self._year.state().records
        event = records.get(int(number)) if number.isascii() and number.isdigit() else None
        if event is None or not isinstance(event.body, Recorded):
            raise NotFound(f"no record {number} stands", where="--retest", next_step="see 'drorch year records'")
        body = event.body
        return RecordSeen(
            seq=event.seq,
            activity=body.activity.value,
            subjects=body.subjects,
            # A record knows only its day: work done on that day may have been done after the test.
            at=datetime(body.day.year, body.day.month, body.day.day, tzinfo=UTC),
            result=body.result.value,
        )

    def _append(self, who: Said, decide: Callable[[ActionBook], ActionBody]) -> ActionEvent:
        who = said(who)
        self.book()
        (event,) = self._log.append(
            "", lambda book: [decide(book)], at=self._now(), person=who.person, reason=who.reason
        )
        return event

    def _now(self) -> datetime:
        return to_the_second(self._clock.now().wall)


def _recurrences(book: ActionBook, seen: Sequence[RunSeen]) -> Iterator[Recurred]:
    """What later runs show again and nobody has written down yet, oldest run first."""
    begun = [(run.started, run) for run in seen if run.started is not None]
    for _, run in sorted(begun, key=lambda pair: pair[0]):
        for action in tuple(book.actions.values()):
            shown = regression(action, run)
            if shown is None or run.ended is None:
                continue
            body = Recurred(id=action.id, run=run.id, shown=shown, kind=run.kind)
            yield body
            book = after(book, ActionEvent(seq=0, at=run.ended, person=DRORCH, body=body))


def _same(book: ActionBook, problem: FoundProblem) -> Action | None:
    """The action about the same finding there and that way, also when it is closed: it opens again by itself."""
    for action in book.actions.values():
        same = (action.source.key, action.source.estate) == (problem.source.key, problem.source.estate)
        if same and same_way(action.source.kind, problem.source.kind):
            return action
    return None


def _opening_for(book: ActionBook, problem: FoundProblem) -> Opened:
    return _opening(book, problem.source, problem.severity, problem.source.message, problem.subjects)


def _opening(
    book: ActionBook, source: Source, severity: ActionSeverity, title: str, subjects: tuple[Subject, ...]
) -> Opened:
    number = len(book.actions) + 1
    return Opened(id=f"ca-{number}", source=source, severity=severity, title=title, subjects=subjects)


def _check_subject(subject: Subject) -> None:
    kind, name = subject.kind, subject.id
    known = [item.value for item in Activity]
    activity, _, who = name.partition("/")
    good = is_slug(name) if kind is SubjectKind.APPLICATION else is_slug(activity) and is_slug(who)
    if not good or (kind is SubjectKind.EXERCISE and activity not in known):
        like = {
            SubjectKind.APPLICATION: "the id of an application",
            SubjectKind.STEP: "the id of a step, like umoja/validate",
            SubjectKind.EXERCISE: f"ACTIVITY/SUBJECT, with one of {', '.join(known)}",
        }[kind]
        raise InputInvalid(f"{name!r} is no {kind.value}", where=f"--{kind.value}", next_step=f"write {like}")
