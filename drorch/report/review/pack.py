"""The management-review pack: how the year stands, what is done about findings, what the exercises showed, who signs.

Computes no result: counts come from the status of the year and from the actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from drorch.actions.model import Action, ActionSeverity
from drorch.core.findings import Finding
from drorch.report import wording
from drorch.report.after_action.model import AfterAction
from drorch.report.page import Block, BlockKind, Column, Page, Section, items, note, table, text
from drorch.year.status import DutyStatus, State, YearStatus

SHOWN_LATE = 60
"""More late duties than these are counted, not listed."""
DECISIONS = 6
"""Lines to write on."""
SIGN_OFF = ("Chair of the review", "Owner of the programme", "Department focal points", "Internal audit (observer)")
_SEVERITY_TONES = {ActionSeverity.CRITICAL: "bad", ActionSeverity.MAJOR: "warn", ActionSeverity.MINOR: ""}
_AAR_TONES = {"draft": "warn", "reviewed": "warn", "approved": "good"}


@dataclass(frozen=True, kw_only=True)
class Pack:
    """What goes into it. ``counts``: open, overdue, re-opened actions by severity."""

    title: str
    status: YearStatus
    counts: Mapping[str, Mapping[str, int]]
    actions: Sequence[Action]
    reports: Sequence[AfterAction]
    findings: Sequence[Finding]
    signers: Sequence[tuple[str, str]]


def pack_page(pack: Pack) -> Page:
    """The paper."""
    status = pack.status
    late, overdue = len(status.late), sum(pack.counts["overdue"].values())
    sections = (
        Section(title="The year", blocks=_year(status)),
        Section(title="Late", blocks=_late(status)),
        Section(title="Exemptions in force", blocks=_exempt(status)),
        Section(title="Corrective actions", blocks=_actions(pack)),
        Section(title="After-action reports", blocks=_reports(pack.reports)),
        Section(title="Not read", blocks=_unread(pack.findings)),
        Section(title="Decisions of the review", blocks=_lines()),
        Section(title="Sign-off", blocks=(_sign_off(pack.signers),)),
    )
    good = not late and not overdue and not pack.findings
    return Page(
        eyebrow="Management review",
        title=pack.title,
        mark="NOTHING LATE" if good else "TO BE DECIDED",
        tone="good" if good else "bad",
        lead=f"As it stands at the end of {status.on}: {late} duties late, {overdue} corrective actions overdue, "
        f"{sum(pack.counts['open'].values())} open.",
        facts=(),
        sections=tuple(section for section in sections if section.blocks),
        footer=f"Management review, {pack.title}, status of {status.on}",
    )


def _year(status: YearStatus) -> tuple[Block, ...]:
    late = [item.duty.obligation.id for item in status.late]
    titles = {item.duty.obligation.id: item.duty.obligation for item in status.duties}
    rows, tones = [], []
    for name, counts in status.totals().items():
        numbers = [str(counts[state]) for state in State]
        tones.append("bad" if name in late else "good" if counts[State.MET] == sum(counts.values()) else "")
        owed = str(sum(counts.values()))
        rows.append((titles[name].title, titles[name].period.value, owed, *numbers, str(late.count(name))))
    numeric = [Column(title=word, share=0.7, numeric=True) for word in ("owed", *(s.value for s in State), "late")]
    pace = [
        f"{item.title}: {item.met} of {item.owed} met after {item.days_gone} of {item.days_of_year} days; on this pace "
        f"{item.missing} {item.unit}{'' if item.missing == 1 else 's'} miss the year; {item.planned} planned"
        for item in status.paces
    ]
    heads = (Column(title="Obligation", share=3), Column(title="Period", share=1.3), *numeric)
    return (table(*heads, rows=tuple(rows), tones=tuple(tones)), items(*pace)) if rows else (note("Nothing is owed."),)


def _late(status: YearStatus) -> tuple[Block, ...]:
    if not status.late:
        return (text("Nothing is late."),)
    rows = tuple(
        (item.duty.id, item.state.value, str(item.late_since or ""), _because(item))
        for item in status.late[:SHOWN_LATE]
    )
    heads = (
        Column(title="Duty", share=2.2),
        Column(title="State", share=0.8),
        Column(title="Late since", share=0.9),
        Column(title="Because", share=2.6),
    )
    more = len(status.late) - SHOWN_LATE
    said = (note(f"and {more} more that are late: 'drorch year status --all'"),) if more > 0 else ()
    return (table(*heads, rows=rows), *said)


def _because(item: DutyStatus) -> str:
    said = [f"last on {item.evidence.day} ({item.evidence.reference})"] if item.evidence else ["never shown"]
    if item.not_counted:
        said.append(f"{item.not_counted.day} does not count: {item.not_counted_because}")
    if item.planned:
        said.append(f"planned for {item.planned.start:%Y-%m-%d}")
    return "; ".join(said)


def _exempt(status: YearStatus) -> tuple[Block, ...]:
    rows = tuple(
        (item.duty.id, item.exemption.approved_by, item.exemption.reason, str(item.exemption.until))
        for item in status.duties
        if item.exemption and item.state is State.EXEMPT
    )
    heads = (
        Column(title="Duty", share=2),
        "Decided by",
        Column(title="Why", share=2),
        Column(title="Until", share=0.8),
    )
    return (table(*heads, rows=rows),) if rows else ()


def _actions(pack: Pack) -> tuple[Block, ...]:
    severities = list(ActionSeverity)
    totals = tuple((name, *(str(pack.counts[name][s.value]) for s in severities)) for name in pack.counts)
    numeric = (Column(title=severity.value, share=0.8, numeric=True) for severity in severities)
    blocks = [table(Column(title="Actions", share=1.2), *numeric, rows=totals)]
    shown = sorted(
        (item for item in pack.actions if item.is_open),
        key=lambda item: (severities.index(item.severity), item.due or date.max, item.id),
    )
    if shown:
        rows = tuple(
            (
                item.severity.value,
                item.id,
                item.state.value,
                item.owner or "nobody",
                f"{item.due or 'no date'}{' overdue' if item.overdue(pack.status.on) else ''}",
                str(item.reopened),
                item.title,
            )
            for item in shown
        )
        heads = (
            Column(title="Severity", share=0.7),
            Column(title="Action", share=0.5),
            Column(title="State", share=0.8),
            Column(title="Owner", share=1),
            Column(title="Due", share=0.9),
            Column(title="Re-opened", share=0.7, numeric=True),
            Column(title="Finding", share=2.4),
        )
        blocks.append(table(*heads, rows=rows, tones=tuple(_SEVERITY_TONES[item.severity] for item in shown)))
    return tuple(blocks)


def _reports(reports: Sequence[AfterAction]) -> tuple[Block, ...]:
    rows = []
    for report in reports:
        own = {item.item: item.rating for item in report.people.ratings}
        rated = [own.get(item.id) or item.proposed for item in report.evidence.objectives]
        letters = " ".join(rating.value if rating else "–" for rating in rated)
        results = "; ".join(wording.RESULT_WORDS[item.result] for item in report.evidence.activities)
        signed = f"{report.approved.person}, {report.approved.at[:10]}" if report.approved else "not yet"
        rows.append((report.state.value, report.title, f"{report.id} v{report.version}", results, letters, signed))
    heads = (
        Column(title="State", share=0.8),
        Column(title="Report", share=2.2),
        Column(title="Id", share=1.5),
        Column(title="Results", share=1.1),
        Column(title="Ratings", share=1.1),
        Column(title="Approved", share=1.2),
    )
    if not rows:
        return (text("No after-action report was drafted."),)
    return (table(*heads, rows=tuple(rows), tones=tuple(_AAR_TONES[row[0]] for row in rows)),)


def _unread(findings: Sequence[Finding]) -> tuple[Block, ...]:
    return (items(*(found.message for found in findings)),) if findings else ()


def _lines() -> tuple[Block, ...]:
    return (Block(kind=BlockKind.LINES, rows=tuple((str(number),) for number in range(1, DECISIONS + 1))),)


def _sign_off(signers: Sequence[tuple[str, str]]) -> Block:
    rows = tuple(signers) or tuple((role, "") for role in SIGN_OFF)
    return Block(kind=BlockKind.SIGNATURES, rows=rows)
