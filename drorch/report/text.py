"""The record as plain text for terminals and mail: at most 120 columns, no colour codes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from drorch.core.ids import short
from drorch.evidence.record.model import ApplicationResult, Report, StoppedStep
from drorch.evidence.record.result import counted_time
from drorch.report import wording

WIDTH = 120
_COLUMNS = (
    ("VERDICT", 12),
    ("APPLICATION", 25),
    ("T", 1),
    ("RTA", 26),
    ("RTO", 9),
    ("RPA", 23),
    ("RPO", 9),
    ("LOST", 5),
)
_GRAVITY = {verdict: place for place, verdict in enumerate(wording.VERDICT_WORDS)}


def gravest_first(applications: Sequence[ApplicationResult]) -> list[ApplicationResult]:
    """What needs attention at the top, then by tier and name."""
    return sorted(applications, key=lambda app: (_GRAVITY[app.verdict], app.tier, app.name, app.id))


def report_as_text(report: Report) -> str:
    """The whole text. Every number in it is a field of the record."""
    parts = (
        *(_head, score_card, _troubles, _remote_access, _not_recoverable, _left_behind, _protection),
        *(_notes, _where_time_went, _evidence),
    )
    return "\n".join(line.rstrip() for part in parts for line in part(report)) + "\n"


def _head(report: Report) -> Iterator[str]:
    run, counts = report.run, report.totals
    yield f"{run.kind.upper()}  {run.title}"
    yield from _wrapped(f"RESULT  {wording.RESULT_WORDS[report.result.overall]}: {report.result.reason}", "        ")
    yield f"run     {run.id} on {run.estate}"
    yield f"time    {wording.date_and_time(run.started)}, took {wording.duration(run.seconds)}"
    people = ", ".join(approval.person for approval in run.approvals) or "nobody"
    yield f"people  operator {run.operator}; approved by {people}"
    if run.declaration:
        declared = run.declaration
        yield from _wrapped(
            f"loss    {declared.site or 'no site'} declared by {declared.person} at "
            f"{wording.time_of_day(declared.at)}: {declared.reason}",
            "        ",
        )
    yield (
        f"steps   {counts.steps_done} of {counts.steps} done, {counts.steps_failed} failed, "
        f"{counts.steps_blocked} blocked"
    )
    yield ""


def score_card(report: Report) -> Iterator[str]:
    """The table of applications alone, line by line."""
    if not report.applications:
        return
    yield " ".join(wording.fitted(title, width) for title, width in _COLUMNS)
    yield " ".join("─" * width for _, width in _COLUMNS)
    for app in gravest_first(report.applications):
        yield _row(app)
        if wording.VERDICT_WORDS[app.verdict] not in ("pass", "proved"):
            yield from _wrapped(f"             └ {app.reason}", "               ")
    counts = report.totals
    yield " ".join("─" * width for _, width in _COLUMNS)
    yield (
        f"{counts.measured_scope} applications: {counts.passed} pass, {counts.proved} proved, {counts.missed} missed, "
        f"{counts.failed} failed, {counts.vacuous} vacuous, {counts.not_measured} not measured"
    )
    yield (
        f"RTO met {counts.rto_met} of {counts.rto_measured} measured; RPO met {counts.rpo_met} of "
        f"{counts.rpo_measured} measured; records lost: {wording.count(counts.records_lost)}"
    )
    yield "T = tier, RTA = measured recovery time, RPA = measured data loss; a = assumed, s = synthetic objective"
    yield ""


def _row(app: ApplicationResult) -> str:
    time, point = app.recovery_time, app.recovery_point
    values = (
        wording.VERDICT_WORDS[app.verdict],
        app.id,
        str(app.tier),
        wording.measured(counted_time(app)),
        _objective(time.rto_s, time.rto_provenance),
        wording.measured(point.lost_s),
        _objective(point.rpo_s, point.rpo_provenance),
        "–" if point.records_lost is None else str(point.records_lost),
    )
    return " ".join(wording.fitted(value, width) for value, (_, width) in zip(values, _COLUMNS, strict=True))


def _objective(seconds: float, provenance: str) -> str:
    return f"{wording.duration(seconds)} {wording.PROVENANCE_MARKS[provenance]}".rstrip()


def _troubles(report: Report) -> Iterator[str]:
    if report.troubles:
        yield "WHAT FAILED, AND WHAT IT STOPPED"
        for trouble in report.troubles:
            detail = " ".join(part for part in (trouble.code, trouble.reason) if part)
            yield from _wrapped(f"{trouble.step} {wording.OUTCOME_WORDS[trouble.outcome]}: {detail}", "  ")
            yield from _tree(trouble.stops, "  ")
        yield ""


def _tree(stops: Sequence[StoppedStep], indent: str) -> Iterator[str]:
    for place, stopped in enumerate(stops):
        last = place == len(stops) - 1
        yield f"{indent}{'└' if last else '├'}─ {stopped.step} not started"
        yield from _tree(stopped.stops, indent + ("   " if last else "│  "))


def _remote_access(report: Report) -> Iterator[str]:
    remote = report.remote_access
    if remote.applications:
        yield f"REMOTE ACCESS  {report.totals.remote_access_reached} of {len(remote.applications)} reached"
        yield from _wrapped(f"  {remote.statement}", "  ")
        words = {True: "reached", False: "not reached", None: "not tested"}
        for item in remote.applications:
            yield from _wrapped(
                f"  {words[item.reached]:<12} {item.id} (hosted at {item.hosted_at}): {item.reason}", " " * 15
            )
        yield ""


def _not_recoverable(report: Report) -> Iterator[str]:
    if report.not_recoverable:
        yield "NOT RECOVERABLE BY ANY PLAN"
        for item in report.not_recoverable:
            yield from _wrapped(f"  {item.id} ({item.arrangement} at {item.from_site}): {item.reason}", "    ")
        yield ""


def _left_behind(report: Report) -> Iterator[str]:
    found = report.baseline
    if found is not None:
        yield from _wrapped(f"LEFT BEHIND  {wording.CLEAN_WORDS[found.clean]}: {found.reason}", "  ")
        for item in found.differences:
            who = f"; accepted by {item.accepted_by}: {item.accepted_because}" if item.accepted_by else ""
            yield from _wrapped(f"  {item.name}: {item.before} → {item.after}{who}", "    ")
        yield ""


def _protection(report: Report) -> Iterator[str]:
    if report.protection:
        yield "PROTECTION DURING THE RUN"
        for item in report.protection:
            at_end = wording.PROTECTED_WORDS[item.at_end]
            yield (
                f"  {wording.fitted(item.group, 28)} unprotected {wording.measured(item.unprotected)}, "
                f"not looked at {wording.duration(item.unobserved_s)}, at the end {at_end}"
            )
            for gap in item.gaps:
                until = wording.time_of_day(gap.ended) if gap.ended else "the last look"
                length = wording.measured(gap.length)
                yield from _wrapped(
                    f"    from {wording.time_of_day(gap.began)} to {until}, {length}: {gap.reason}", "      "
                )
        yield ""


def _notes(report: Report) -> Iterator[str]:
    for title, lines in (
        ("ISSUES", report.result.issues),
        ("REFUSED", tuple(f"{item.interlock}: {item.reason}" for item in report.refusals)),
        (
            "GIVEN TO PEOPLE",
            tuple(
                f"{item.id} {wording.OUTCOME_WORDS[item.outcome]}: {item.title}"
                + (f"; {item.reason}" if item.reason else "")
                for item in report.steps
                if item.act == "manual"
            ),
        ),
        (
            "DECISIONS",
            tuple(f"{item.person} {item.act} {item.step or ''}: {item.reason}" for item in report.operator_acts),
        ),
        (
            "UNDONE",
            tuple(f"{item.step} {item.outcome}{': ' + item.reason if item.reason else ''}" for item in report.undone),
        ),
        (
            "WAITED FOR PEOPLE",
            tuple(
                f"{item.what}: {wording.duration(item.seconds)} from {wording.time_of_day(item.since)}"
                for item in report.time_share.waits
            ),
        ),
        ("DEVIATIONS", tuple(f"{item.severity} {item.code}: {item.message}" for item in report.deviations)),
    ):
        if lines:
            yield title
            for line in lines:
                yield from _wrapped(f"  {line}", "    ")
            yield ""


def _where_time_went(report: Report) -> Iterator[str]:
    spans = [(f"phase {span.phase}", span.seconds) for span in report.phases]
    share = report.time_share
    shared = [("waiting for people", share.people_s), ("machines at work", share.machine_s)] if share.people_s else []
    rows = spans + shared + [(item.what, item.seconds) for item in report.timings]
    if rows:
        yield "WHERE THE TIME WENT"
        for what, seconds in rows:
            yield f"  {wording.fitted(what, 40)} {wording.duration(seconds)}"
        yield ""


def _evidence(report: Report) -> Iterator[str]:
    run, provenance = report.run, report.provenance
    yield (
        f"plan {short(run.plan_id)}  catalog {short(run.catalog_id)}  playbooks {short(run.playbooks_id)}  "
        f"journal {short(run.journal_head)} ({run.journal_events} events)  drorch {run.drorch_version}"
    )
    yield from _wrapped(
        f"catalog fields of these applications: {provenance.attested} attested, {provenance.assumed} assumed, "
        f"{provenance.synthetic} synthetic; objectives attested for {provenance.applications_with_attested_objectives} "
        f"of {provenance.applications}",
        "  ",
    )


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)
