"""The after-action report as a paper: the order of its sections, and its words. Computes no result."""

from __future__ import annotations

from collections.abc import Iterable

from drorch.core.ids import short
from drorch.report import wording
from drorch.report.after_action.model import (
    AarState,
    ActivityFacts,
    AfterAction,
    FindingFacts,
    Note,
    ObjectiveFacts,
    Rating,
    Signed,
)
from drorch.report.page import Block, Column, Page, Section, facts, items, note, paragraphs, table, text

NOT_WRITTEN = "Nobody has written this yet."
RATING_WORDS = {
    Rating.P: "P: performed without challenges",
    Rating.S: "S: performed with some challenges",
    Rating.M: "M: performed with major challenges",
    Rating.U: "U: unable to be performed",
}
_RATING_TONES = {Rating.P: "good", Rating.S: "warn", Rating.M: "bad", Rating.U: "bad"}
_SEVERITY_TONES = {"critical": "bad", "major": "warn", "minor": ""}
_STATE = {
    AarState.DRAFT: ("DRAFT", "warn", "Not reviewed and not approved."),
    AarState.REVIEWED: ("REVIEWED", "warn", "Reviewed, not approved."),
    AarState.APPROVED: ("APPROVED", "good", "Approved as it stands here."),
}
_VERDICT_TONES = {"pass": "good", "proved": "good", "missed": "warn", "failed": "bad"}
ActionRow = tuple[str, str, str, str, str, str]
"""Id, severity, state, owner, due, title."""


def aar_page(report: AfterAction, actions: tuple[ActionRow, ...] = (), on: str = "") -> Page:
    """The paper. ``actions`` as they stand on the day ``on``: they go on after the approval and are no part of it."""
    mark, tone, words = _STATE[report.state]
    sections = (
        Section(title="Summary", blocks=_summary(report)),
        Section(title="Background and scenario", blocks=_background(report)),
        Section(title="Activities", blocks=tuple(_activity(item) for item in report.evidence.activities)),
        _exercises(report),
        Section(title="Objectives and ratings", blocks=_objectives(report)),
        Section(title="Timeline", blocks=_timeline(report)),
        Section(title="Strengths", blocks=_listed(report.evidence.strengths, report.people.strengths)),
        Section(title="Findings", blocks=_findings(report)),
        Section(title="Immediate notifications", blocks=_notifications(report)),
        Section(title="Recommendations", blocks=_listed((), report.people.recommendations)),
        _plan(actions, on),
        Section(title="Participants", blocks=_participants(report)),
        Section(title="Applications as measured", blocks=_applications(report)),
        Section(title="Dates and distribution", blocks=_dates(report)),
        Section(title="Evidence", blocks=_evidence(report)),
    )
    return Page(
        eyebrow="After-action report",
        title=report.title,
        mark=mark,
        tone=tone,
        lead=f"{words} Version {report.version}, content {short(report.content)}.",
        facts=tuple((item.kind, f"{_result(item)} ({item.run})") for item in report.evidence.activities),
        sections=tuple(section for section in sections if section.blocks),
        footer=f"{report.id}, version {report.version}, {report.state.value}, content {report.content}",
    )


def _result(item: ActivityFacts) -> str:
    return wording.RESULT_WORDS[item.result]


def _summary(report: AfterAction) -> tuple[Block, ...]:
    written = report.people.summary
    return (
        *(_written(written) if written else (note(NOT_WRITTEN),)),
        items(*report.evidence.summary),
    )


def _written(item: Note) -> tuple[Block, Block]:
    return text(*paragraphs(item.text)), note(f"Written by {item.written_by}, {item.written_at[:10]}.")


def _background(report: AfterAction) -> tuple[Block, ...]:
    people = report.people
    found = [block for item in (people.background, people.scenario) if item for block in _written(item)]
    return (*(found or [note(NOT_WRITTEN)]), items(*report.evidence.scope))


def _activity(item: ActivityFacts) -> Block:
    totals, sure = item.totals, item.provenance
    slowest = f"{wording.measured(totals.slowest)} ({totals.slowest_application})" if totals.slowest else "not measured"
    return facts(
        ("Result", f"{_result(item)}: {item.reason}"),
        ("To be looked at", "; ".join(item.issues) or "nothing"),
        ("Begun, ended", f"{wording.date_and_time(item.began)}, {wording.date_and_time(item.ended)}"),
        (
            "Took",
            f"{wording.duration(item.seconds)}; machines {wording.duration(item.machine_s)}, "
            f"waiting for people {wording.duration(item.people_s)}",
        ),
        ("Estate", item.estate),
        ("Operator", item.operator),
        (
            "Applications",
            f"{totals.passed} passed, {totals.proved} proved, {totals.missed} missed, {totals.failed} failed, "
            f"{totals.vacuous} vacuous, {totals.not_measured} not measured, {totals.not_recoverable} not recoverable",
        ),
        ("Remote access", f"{totals.remote_access_reached} of {totals.remote_access} reached"),
        ("Slowest recovery", slowest),
        ("Acknowledged records lost", wording.count(totals.records_lost)),
        (
            "Steps",
            f"{totals.steps_done} of {totals.steps} done, {totals.steps_failed} failed, {totals.steps_blocked} blocked",
        ),
        (
            "Objectives attested",
            f"{sure.applications_with_attested_objectives} of {sure.applications} applications; "
            "the others are assumptions",
        ),
        title=f"{item.title} ({item.run})",
    )


def _exercises(report: AfterAction) -> Section:
    rows = tuple(
        (
            item.activity,
            ", ".join(item.subjects),
            item.day,
            item.result,
            "not counted" if item.took_part is None else f"{item.took_part} of {item.expected}",
            f"record {item.record}, entered by {item.entered_by}: {item.note}",
        )
        for item in report.evidence.exercises
    )
    heads = ("Activity", "Of", "Day", "Result", "Took part", Column(title="Shown by", share=2))
    return Section(title="Other activities", blocks=(table(*heads, rows=rows),) if rows else ())


def _objectives(report: AfterAction) -> tuple[Block, ...]:
    said = {item.item: item for item in report.people.ratings}
    rows, tones = [], []
    for item in report.evidence.objectives:
        own = said.get(item.id)
        rows.append((_rated(own, item), item.statement, item.basis, item.run, _why(own, item)))
        rating = own.rating if own else item.proposed
        tones.append(_RATING_TONES[rating] if rating else "")
    for written in report.people.objectives:
        own = said.get(written.id)
        rating = own.rating if own else written.rating
        rows.append((rating.value if rating else "–", written.text, "by people", "", own.text if own else ""))
        tones.append(_RATING_TONES[rating] if rating else "")
    heads = (
        Column(title="Rating", share=0.6),
        Column(title="Objective", share=2.2),
        Column(title="Measured", share=1.6),
        Column(title="Run", share=1.3),
        Column(title="Rated by", share=1.5),
    )
    legend = "; ".join([*RATING_WORDS.values(), "–: nothing was measured, so nothing is rated"])
    return (table(*heads, rows=tuple(rows), tones=tuple(tones)), note(legend))


def _rated(own: Note | None, item: ObjectiveFacts) -> str:
    rating = own.rating if own else item.proposed
    return rating.value if rating else "–"


def _why(own: Note | None, item: ObjectiveFacts) -> str:
    if own is None:
        return "the measurement"
    proposed = item.proposed.value if item.proposed else "nothing"
    return f"{own.written_by}: {own.text} (the measurement says {proposed})"


def _timeline(report: AfterAction) -> tuple[Block, ...]:
    rows = tuple(
        (item.at.wall[:10], wording.time_of_day(item.at), item.phase.value, item.what, item.who or "")
        for item in report.evidence.timeline
    )
    heads = (
        Column(title="Day", share=0.8),
        Column(title="UTC", share=0.9),
        Column(title="Phase", share=1),
        Column(title="What", share=3.6),
        Column(title="Who", share=1.1),
    )
    return (table(*heads, rows=rows),) if rows else (note("Nothing was begun."),)


def _listed(generated: Iterable[str], written: Iterable[Note]) -> tuple[Block, ...]:
    found = [*generated, *(f"{item.text} ({item.written_by})" for item in written)]
    return (items(*found),) if found else (note("None."),)


def _findings(report: AfterAction) -> tuple[Block, ...]:
    causes = {item.item: item for item in report.people.root_causes}

    def cause(key: str) -> str:
        found = causes.get(key)
        return f"{found.text} ({found.written_by})" if found else "not known yet"

    generated: tuple[FindingFacts, ...] = report.evidence.findings
    rows = [(item.severity, item.message, item.run, cause(item.key)) for item in generated]
    rows += [("by people", item.text, "", cause(item.id)) for item in report.people.findings]
    if not rows:
        return (note("None."),)
    heads = (
        Column(title="Severity", share=0.7),
        Column(title="Finding", share=2.6),
        Column(title="Run", share=1.2),
        Column(title="Root cause", share=1.8),
    )
    tones = tuple(_SEVERITY_TONES.get(row[0], "") for row in rows)
    return (table(*heads, rows=tuple(rows), tones=tones),)


def _notifications(report: AfterAction) -> tuple[Block, ...]:
    rows = tuple((item.when or "", item.text, item.written_by) for item in report.people.notifications)
    heads = (Column(title="When", share=1), Column(title="Who was told what", share=3), Column(title="Written by"))
    return (table(*heads, rows=rows),) if rows else (note("None was written down."),)


def _plan(actions: tuple[ActionRow, ...], on: str) -> Section:
    heads = (
        Column(title="Severity", share=0.7),
        Column(title="Action", share=0.6),
        Column(title="State", share=0.8),
        Column(title="Owner", share=1),
        Column(title="Due", share=0.8),
        Column(title="Finding", share=2.6),
    )
    rows = tuple((severity, name, state, owner, due, title) for name, severity, state, owner, due, title in actions)
    tones = tuple(_SEVERITY_TONES.get(row[0], "") for row in rows)
    said = note(f"As it stood on {on}. It goes on after the approval and is no part of what was approved.")
    return Section(title="Improvement plan", blocks=(table(*heads, rows=rows, tones=tones), said) if rows else ())


def _participants(report: AfterAction) -> tuple[Block, ...]:
    rows = [(item.name, item.role, "", f"run {item.run}") for item in report.evidence.participants]
    rows += [
        (item.text, item.role or "", item.organisation or "", f"written by {item.written_by}")
        for item in report.people.participants
    ]
    heads = (
        Column(title="Name", share=1.5),
        Column(title="Role", share=1.5),
        Column(title="Department", share=1.5),
        Column(title="Known from", share=1.2),
    )
    return (table(*heads, rows=tuple(rows)),) if rows else (note("None."),)


def _applications(report: AfterAction) -> tuple[Block, ...]:
    heads = (
        Column(title="Result", share=0.8),
        Column(title="Application", share=2.2),
        Column(title="Department", share=1.6),
        Column(title="Recovery time", share=1.4, numeric=True),
        Column(title="RTO", share=0.7, numeric=True),
        Column(title="Data loss", share=0.9, numeric=True),
        Column(title="RPO", share=0.7, numeric=True),
    )
    blocks: list[Block] = []
    for activity in report.evidence.activities:
        rows, tones = [], []
        for app in (item for item in report.evidence.applications if item.run == activity.run):
            rto, rpo = wording.duration(app.rto_s), wording.duration(app.rpo_s)
            mark = wording.PROVENANCE_MARKS[app.provenance]
            suffix = f" ({mark})" if mark else ""
            rows.append(
                (
                    wording.VERDICT_WORDS[app.verdict],
                    app.name,
                    app.department,
                    wording.measured(app.recovery_time),
                    f"{rto}{suffix}",
                    wording.measured(app.data_loss),
                    f"{rpo}{suffix}",
                )
            )
            tones.append(_VERDICT_TONES.get(app.verdict.value, ""))
        if rows:
            blocks.append(facts(title=f"{activity.title} ({activity.run})"))
            blocks.append(table(*heads, rows=tuple(rows), tones=tuple(tones)))
    legend = "(a) the objective is an assumption to be confirmed; (s) it was made up to complete the sample catalog."
    return (*blocks, note(legend)) if blocks else ()


def _dates(report: AfterAction) -> tuple[Block, ...]:
    rows = (
        ("Drafted", _signed(report.drafted)),
        ("Authors", ", ".join(report.authors)),
        ("Reviewed", _signed(report.reviewed)),
        ("Approved", _signed(report.approved)),
        ("Distribution", "; ".join(item.text for item in report.people.distribution) or NOT_WRITTEN),
    )
    return (facts(*rows),)


def _signed(signed: Signed | None) -> str:
    return f"{signed.at[:10]} {signed.at[11:16]} UTC, {signed.person}: {signed.reason}" if signed else "not yet"


def _evidence(report: AfterAction) -> tuple[Block, ...]:
    blocks = [
        facts(
            ("Plan", item.plan_id),
            ("Catalog", f"{item.catalog_id} ({item.catalog_title})"),
            ("Playbooks", item.playbooks_id),
            ("Journal", f"{item.journal_events} events, {item.journal_head}"),
            ("Record", f"sha256:{item.record_sha256}"),
            ("drorch", item.drorch_version),
            title=item.run,
        )
        for item in report.evidence.activities
    ]
    blocks += [
        facts(*((f"record {item.record}", name) for name in item.files))
        for item in report.evidence.exercises
        if item.files
    ]
    said = "Every number above stands in these records; what people wrote carries their name."
    return (*blocks, note(said))
