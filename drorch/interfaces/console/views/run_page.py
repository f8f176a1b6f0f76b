"""The page of one run, put together from the journal and the record so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from markupsafe import Markup

from drorch.core.clock import Instant
from drorch.core.ids import canonical_json
from drorch.evidence.record.model import DifferenceResult, Report
from drorch.interfaces.console.svg import gantt
from drorch.interfaces.console.views.journal import LogLine, log_line
from drorch.interfaces.console.views.labels import N_, STEP
from drorch.interfaces.console.views.operator_acts import Action, run_actions, step_actions
from drorch.interfaces.console.views.paging import Page, matching, page_of
from drorch.interfaces.console.views.runs import RunView, StepRow, run_view, step_row, step_rows
from drorch.interfaces.console.views.timeline import ClockRow, clock_rows, timeline
from drorch.orchestration.operator_requests import RunNow
from drorch.run.waits import APPROVAL, COMMIT, INTERRUPTED, PAUSE, Needed

LOG_LINES = 300
"""So many of the newest events stand on the page at first; later ones are added as they come."""
CLOCKS = 100
NOW_LINES = 20
_FOR_RUN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {APPROVAL: ("approve",), PAUSE: ("resume",), COMMIT: ("commit", "undo"), INTERRUPTED: ("attach",)}
)


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """Everything the template shows."""

    head: RunView
    actions: tuple[Action, ...]
    page: Page[StepRow]
    query: Mapping[str, str]
    under_way: tuple[StepRow, ...]
    gantt: Markup | None
    gantt_left: int
    clocks: Page[ClockRow]
    clocks_at: Instant | None
    log: tuple[LogLine, ...]
    has_report: bool
    old_report: bool
    """It tells of an earlier end; the run was taken up again since."""
    driver_said: str
    """The end of what its drivers wrote, when none is at it; empty otherwise."""
    differences: tuple[DifferenceResult, ...]
    """What the ended run left different from what should be there."""
    now: RunNow = field(repr=False)
    may: frozenset[str] = frozenset()

    def need_actions(self, need: Needed) -> tuple[Action, ...]:
        """What settles it, as far as this person may."""
        if need.step is not None:
            return self.step_actions(need.step)
        wanted = _FOR_RUN.get(need.reason, ())
        return tuple(action for action in self.actions if action.id in wanted)

    def step_actions(self, step: str) -> tuple[Action, ...]:
        """What this person may ask of the step."""
        return tuple(action for action in step_actions(self.now, step, self.head.at) if action.role in self.may)


def run_page(
    now: RunNow,
    at: Instant,
    *,
    usual_s: Mapping[str, float],
    requests: int,
    query: Mapping[str, str],
    page: int,
    report: tuple[Report, Instant, float] | None,
    may: frozenset[str],
    translate: Callable[[str], str],
    record: Report | None,
    driver_said: str = "",
) -> RunPage:
    """``report``: the record so far, when it was made, and seconds since the creation of the run then. ``record``: the
    written one."""
    rows = step_rows(now, at, usual_s)
    asked = {name: query.get(name, "") for name in ("q", "state")}
    fitting = [row for row in rows if not asked["state"] or row.code == asked["state"]]
    found = matching(fitting, asked["q"], lambda row: f"{row.id} {row.title} {row.site} {row.phase} {row.why}")
    drawn, left = _drawn(now, report, found if asked["q"] or asked["state"] else None, translate)
    clocks = clock_rows(report[0], now_s=report[2]) if report else ()
    if asked["q"]:
        clocks = tuple(matching(clocks, asked["q"], lambda row: f"{row.id} {row.name}"))
    return RunPage(
        head=run_view(now, at, rows, requests=requests),
        actions=tuple(action for action in run_actions(now, at) if action.role in may),
        page=page_of(found, page, asked),
        query=asked,
        under_way=tuple(row for row in rows if row.code == "running")[:NOW_LINES],
        gantt=drawn,
        gantt_left=left,
        clocks=page_of(clocks, 1, {}, size=CLOCKS),
        clocks_at=report[1] if report else None,
        log=tuple(log_line(event, now.plan) for event in now.events[-LOG_LINES:]),
        has_report=record is not None,
        old_report=record is not None and record.run.journal_events != len(now.events),
        driver_said=driver_said,
        differences=record.baseline.differences if record is not None and record.baseline is not None else (),
        now=now,
        may=may,
    )


def _drawn(
    now: RunNow,
    report: tuple[Report, Instant, float] | None,
    rows: Sequence[StepRow] | None,
    translate: Callable[[str], str],
) -> tuple[Markup | None, int]:
    if report is None:
        return None, 0
    ended = now.state.ended is not None
    subjects = None if rows is None else frozenset(row.subject for row in rows)
    outcomes = {code: translate(word.text) for code, word in STEP.items()}
    found = timeline(report[0], now_s=None if ended else report[2], subjects=subjects, outcomes=outcomes)
    if found is None or not found.rows:
        return None, 0
    words = {
        "label": translate(N_("Steps over time, against the recovery time objectives")),
        "now": translate(N_("now")),
    }
    drawn = gantt(found.rows, first=found.first, last=found.last, now=None if ended else report[2], words=words)
    return drawn, found.left


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """One performance of a step with what it left."""

    number: int
    code: str
    at: Instant
    seconds: float | None
    reason: str
    facts: str
    output: str


@dataclass(frozen=True, kw_only=True)
class StepPage:
    """The page of one step."""

    run: str
    row: StepRow
    needs: tuple[str, ...]
    behind: tuple[str, ...]
    actions: tuple[Action, ...]
    attempts: tuple[AttemptView, ...]


def step_page(now: RunNow, step: str, at: Instant, *, may: frozenset[str], output_of: Callable[[str], str]) -> StepPage:
    """``output_of`` gives what the playbook of an ident said, redacted; empty without. KeyError: no step."""
    planned = now.plan.by_id[step]
    return StepPage(
        run=now.run,
        row=step_row(now, planned, at, {}),
        needs=planned.needs + planned.after,
        behind=now.plan.dependents[step],
        actions=tuple(action for action in step_actions(now, step, at) if action.role in may),
        attempts=tuple(_attempts(now, step, output_of)),
    )


def _attempts(now: RunNow, step: str, output_of: Callable[[str], str]) -> list[AttemptView]:
    """Newest first; attempts at undoing it among them."""
    begun: dict[str, tuple[int, Instant]] = {}
    found: dict[str, AttemptView] = {}
    names = {"StepStarted", "UndoStarted"}
    ends = {
        "StepSucceeded": "done",
        "StepFailed": "failed",
        "StepUnknown": "unknown",
        "UndoSucceeded": "undone",
        "UndoFailed": "failed",
    }
    last: dict[bool, str] = {}
    for event in now.events:
        body, kind = event.body, type(event.body).__name__
        if getattr(body, "step", None) != step or kind not in names | ends.keys():
            continue
        undo = kind.startswith("Undo")
        if kind in names:
            ident = str(getattr(body, "ident", ""))
            last[undo] = ident
            begun[ident] = (int(getattr(body, "attempt", 0)), event.at)
            found[ident] = AttemptView(
                number=begun[ident][0], code="running", at=event.at, seconds=None, reason="", facts="",
                output=output_of(ident),
            )  # fmt: skip
        elif undo in last:
            ident = last[undo]
            number, began = begun[ident]
            facts = dict(getattr(body, "facts", {}))
            found[ident] = AttemptView(
                number=number,
                code=ends[kind],
                at=began,
                seconds=event.at.since(began),
                reason=" ".join(part for part in (getattr(body, "code", ""), getattr(body, "reason", "")) if part),
                facts=canonical_json(facts) if facts else "",
                output=output_of(ident),
            )
    return list(reversed(found.values()))
