"""The record as one self-contained HTML page: no script, nothing fetched, prints well. Everything is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from drorch.evidence.record.model import REMOTE_ACCESS_STATEMENT, ApplicationVerdict, Overall, Report, StepOutcome
from drorch.evidence.record.result import counted_time
from drorch.report import wording
from drorch.report.svg import gantt_svg, phases_svg
from drorch.report.text import gravest_first

RESULT_SIGNS = {
    Overall.PASS: "✓",
    Overall.PASS_WITH_ISSUES: "✓",
    Overall.FAIL: "✕",
    Overall.NOT_RUN: "–",
    Overall.UNFINISHED: "…",
}
VERDICT_SIGNS = {
    ApplicationVerdict.PASS: "✓",
    ApplicationVerdict.PROVED: "✓",
    ApplicationVerdict.MISSED: "!",
    ApplicationVerdict.FAILED: "✕",
    ApplicationVerdict.VACUOUS: "∅",
    ApplicationVerdict.NOT_MEASURED: "?",
}
_PHASE_WORDS = ("check", "fence", "recover", "serve", "validate", "return", "clean-up")


def report_as_html(report: Report) -> str:
    """The page."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            run=report.run,
            totals=report.totals,
            applications=gravest_first(report.applications),
            phases_svg=phases_svg(report),
            gantt_svg=gantt_svg(report),
            legend=[phase for phase in _PHASE_WORDS if any(step.phase == phase for step in report.steps)],
            statement=REMOTE_ACCESS_STATEMENT,
            names={app.id: app.name for app in report.applications},
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("drorch.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=wording.duration,
        bounds=wording.bounds,
        count=wording.count,
        time_of_day=wording.time_of_day,
        date_and_time=wording.date_and_time,
        outcome=lambda outcome: wording.OUTCOME_WORDS[StepOutcome(outcome)],
        verdict=lambda verdict: wording.VERDICT_WORDS[verdict],
        verdict_sign=lambda verdict: VERDICT_SIGNS[verdict],
        result=lambda overall: wording.RESULT_WORDS[overall],
        result_sign=lambda overall: RESULT_SIGNS[overall],
        clean=lambda clean: wording.CLEAN_WORDS[clean],
        protected=lambda protected: wording.PROTECTED_WORDS[protected],
        mark=lambda provenance: wording.PROVENANCE_MARKS[provenance],
        counted_time=counted_time,
    )
    source, _, _ = environment.loader.get_source(environment, "report.css") if environment.loader else ("", None, None)
    environment.globals["style"] = Markup(source)
    return environment
