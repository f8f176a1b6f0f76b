"""The use cases of after-action reports: draft from evidence, edit, review, approve, show, export."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drorch.actions.model import Action
from drorch.actions.operations import Actions, Holds, unchecked
from drorch.actions.run_records import run_seen
from drorch.core.clock import Clock, to_the_second
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.findings import Finding, Severity
from drorch.core.ids import is_slug, short
from drorch.core.state_folder import run_folder
from drorch.core.stream import EventStore
from drorch.evidence.record.files import load_report
from drorch.report.after_action.check import check_report, missing_for_review
from drorch.report.after_action.generate import RunEvidence, evidence_part
from drorch.report.after_action.log import (
    SINGLE,
    AarBody,
    AarBook,
    Approved,
    Drafted,
    Edited,
    Field,
    Reviewed,
    aar_log,
)
from drorch.report.after_action.model import AarState, AfterAction
from drorch.report.after_action.page import ActionRow, aar_page
from drorch.report.page import Page
from drorch.year.log import YearEvent, year_log
from drorch.year.statement import LONGEST_PAGE, Said, line, page, said


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a report is to be about. ``id`` None: made of the first run's."""

    runs: tuple[str, ...]
    records: tuple[int, ...] = ()
    id: str | None = None
    title: str | None = None


class AfterActions:
    """The after-action reports of one store, with the records of runs in one state folder. Holds no state itself."""

    def __init__(self, home: Path, store: EventStore, clock: Clock, holds: Holds = unchecked) -> None:
        self._home, self._clock, self._holds = home, clock, holds
        self._log, self._year = aar_log(store), year_log(store)
        self._actions = Actions(home, store, clock)

    def names(self) -> tuple[str, ...]:
        """Ids of all reports."""
        return tuple(sorted(self._log.log.ids()))

    def book(self, report_id: str) -> AarBook:
        """One report with its versions. NotFound without it, Broken when its stream was changed."""
        book = self._log.state(report_id)
        if book.current is None:
            known = ", ".join(self.names()) or "none"
            what = f"there is no after-action report {report_id!r}"
            raise NotFound(what, where=self._log.log.name_of(report_id), next_step=f"there are: {known}")
        return book

    def draft(self, wish: Draft, who: Said) -> AfterAction:
        """Generate a report, or the generated half of an existing one anew: what people wrote stays.

        NotFound for a run, a record of a run, or a record of the year that is not there; Refused when a run has not
        ended: its numbers would change.
        """
        runs = [self._run(run) for run in dict.fromkeys(wish.runs)]
        records = [self._record(number) for number in dict.fromkeys(wish.records)]
        if not runs and not records:
            raise InputInvalid("it is about nothing", next_step="name a run, or a record of the year with --record")
        report_id = wish.id or (f"aar-{runs[0].report.run.id}" if runs else f"aar-record-{records[0].seq}")
        if not is_slug(report_id):
            raise InputInvalid(f"{report_id!r} is not an id", where="--id", next_step="use a-z, 0-9 and hyphens")
        title = line(wish.title, "--title") if wish.title is not None else None
        evidence = evidence_part(runs, records)
        first = runs[0].report.run.title if runs else "Exercise"

        def decide(book: AarBook) -> AarBody:
            kept = title or (book.current.title if book.current else first)
            return Drafted(id=report_id, title=kept, evidence=evidence)

        return self._append(report_id, who, decide)

    def edit(self, report_id: str, change: Edited, who: Said) -> AfterAction:
        """Write one thing, or take it out. An approved report gets its next version by it."""
        self.book(report_id)
        text = change.text
        if text is not None:
            cleaned = page if change.field in SINGLE else line
            change = replace(change, text=cleaned(text, change.field.value, LONGEST_PAGE))
        elif change.field not in SINGLE and change.item is None:
            raise InputInvalid("which one?", where="--item", next_step="name the item that is to be taken out")
        given: dict[str, Any] = {name: getattr(change, name) for name in ("role", "organisation", "when")}
        clean: dict[str, Any] = {name: line(value, f"--{name}") for name, value in given.items() if value is not None}
        change = replace(change, **clean)
        if change.rating is not None and change.field not in (Field.RATING, Field.OBJECTIVE):
            raise InputInvalid(f"a {change.field.value} has no rating", where="--rating", next_step="leave it out")
        return self._append(report_id, who, lambda _: change)

    def review(self, report_id: str, who: Said, content: str | None = None) -> AfterAction:
        """Say that one has read it as it is. Refused for an author, and while something is missing.

        ``content``: the hash of what was read (None: as it is now); Refused when it says something else by now.
        """
        current = self._read(report_id, content)
        if missing := missing_for_review(current):
            what = "it is not complete: " + "; ".join(missing)
            raise Refused(what, where=report_id, next_step=f"drorch aar edit {report_id} FIELD TEXT ...")
        self._refuse_stale(current, "review")
        return self._append(report_id, who, lambda _: Reviewed(content=content or current.content))

    def approve(self, report_id: str, who: Said, content: str | None = None) -> AfterAction:
        """Approve exactly this content. Refused for an author, unreviewed, or when a record has changed since.

        ``content`` as for :meth:`review`.
        """
        current = self._read(report_id, content)
        self._refuse_stale(current, "approve")
        return self._append(report_id, who, lambda _: Approved(content=content or current.content))

    def check(self, report: AfterAction) -> tuple[Finding, ...]:
        """What a reader should know: what is missing, numbers of people that are in no record, changed records."""
        evidence: list[object] = [plain(report.evidence)]
        for item in report.evidence.activities:
            path = run_folder(self._home, item.run, must_exist=False).report("json")
            evidence.append(path.read_text(encoding="utf-8") if path.exists() else "")
        return (*check_report(report, evidence), *self._stale(report))

    def page(self, report: AfterAction) -> Page:
        """The report as a paper, with the corrective actions of its runs as they stand today."""
        runs = {item.run for item in report.evidence.activities}
        keys = {item.key for item in report.evidence.findings}
        found = self._actions.read_only().actions.values()
        rows = (action_row(item) for item in found if item.source.run in runs or item.source.key in keys)
        return aar_page(report, tuple(rows), self._actions.today().isoformat())

    def _read(self, report_id: str, content: str | None) -> AfterAction:
        current = self.book(report_id).version(None)
        if content not in (None, current.content):
            what = f"it says something else than what was read ({short(content or '')})"
            raise Refused(what, where=report_id, next_step="read it again, then decide")
        return current

    def _refuse_stale(self, report: AfterAction, doing: str) -> None:
        for found in self._stale(report):
            raise Refused(f"{found.message}; nobody may {doing} it so", where=report.id, next_step=found.next_step)
        for item in report.evidence.activities:
            if (why := self._holds(item.run)) is not None:
                next_step = "find out who changed it; restore it from a copy, or attach to the run to write it again"
                raise Refused(f"{why}; nobody may {doing} it so", where=report.id, next_step=next_step)

    def _stale(self, report: AfterAction) -> Iterator[Finding]:
        for item in report.evidence.activities:
            path = run_folder(self._home, item.run, must_exist=False).report("json")
            now = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
            if now != item.record_sha256:
                yield Finding(
                    code="record-changed",
                    severity=Severity.WARNING if report.state is AarState.APPROVED else Severity.ERROR,
                    message=f"the record of the run {item.run} is not the one this was drafted from",
                    subject=item.run,
                    where=str(path),
                    next_step=f"look at what changed, then draft it again with --id {report.id}",
                )

    def _run(self, run: str) -> RunEvidence:
        report = load_report(self._home, run)
        if report.run.ended is None:
            raise Refused(f"the run {run} has not ended", next_step=f"finish it with 'drorch run attach {run}'")
        data = run_folder(self._home, run).report("json").read_bytes()
        return RunEvidence(
            report=report,
            record_sha256=hashlib.sha256(data).hexdigest(),
            problems=run_seen(self._home, run).problems,
        )

    def _record(self, number: int) -> YearEvent:
        event = self._year.state().records.get(number)
        if event is None:
            raise NotFound(f"no record {number} stands", where="--record", next_step="see 'drorch year records'")
        return event

    def _append(self, report_id: str, who: Said, decide: Callable[[AarBook], AarBody]) -> AfterAction:
        who, at = said(who), to_the_second(self._clock.now().wall)
        self._log.append(report_id, lambda book: [decide(book)], at=at, person=who.person, reason=who.reason)
        return self._log.state(report_id).version(None)


def action_row(item: Action) -> ActionRow:
    """One line of the improvement plan."""
    due = item.due.isoformat() if item.due else ""
    return (item.id, item.severity.value, item.state.value, item.owner or "nobody", due, item.title)


def newest(reports: AfterActions, names: Sequence[str]) -> tuple[AfterAction, ...]:
    """The newest version of each."""
    return tuple(reports.book(name).version(None) for name in names)
