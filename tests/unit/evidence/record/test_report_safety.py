"""What a run leaves behind, and time without protection, keep it from passing and are shown."""

from __future__ import annotations

from drorch.evidence.baseline import Against, Comparison, Difference
from drorch.evidence.model import Outage, OutageStatus
from drorch.evidence.protection import Protection
from drorch.evidence.record.codec import report_from_text, report_to_text
from drorch.evidence.record.model import Overall, Report
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text
from drorch.run.events import DifferenceAccepted, RunOutcome

from .scenarios import Diary, drill, drill_plan, problem_failover, report_of, watched

LEFT = Difference(code="drill-copy-left", subject="nyc-finance@piscataway", before="nothing", after="data, marker")
WRONG = Difference(code="name-changed", subject="umoja.example@valencia", before="nyc", after="<b>brindisi</b>")


def drilled(
    *differences: Difference,
    accept: tuple[Difference, ...] = (),
    missing: str = "",
    protection: tuple[Protection, ...] = (),
) -> Report:
    of, diary = drill_plan(), Diary()
    diary.open(of)
    diary.perform(of)
    diary.end(RunOutcome.COMPLETED)
    for found in accept:
        body = DifferenceAccepted(code=found.code, subject=found.subject, person="Grace", reason="known, ticket 7")
        diary.write(body)
    outages = {
        scope.application: Outage(application=scope.application, status=OutageStatus.UNTOUCHED, samples=9)
        for scope in of.scope
    }
    comparison = Comparison(against=Against.BEFORE, differences=differences, missing=missing)
    return report_of(of, diary, outages, {}, comparison=comparison, protection=protection)


def test_a_clean_drill_passes_and_says_so() -> None:
    report = drilled(protection=(watched("nyc-finance", "..."),))
    assert report.result.overall is Overall.PASS
    assert report.baseline is not None
    assert report.baseline.clean is True
    assert "LEFT BEHIND  clean: nothing differs from the state before the run" in report_as_text(report)


def test_a_difference_is_named_and_the_drill_is_no_pass_until_each_is_accepted() -> None:
    report = drilled(LEFT, WRONG)
    assert report.result.overall is Overall.FAIL
    assert "not clean: 2 of 2 differences not accepted by anybody" in report.result.reason
    assert drilled(LEFT, WRONG, accept=(LEFT,)).result.overall is Overall.FAIL

    done = drilled(LEFT, WRONG, accept=(LEFT, WRONG))
    assert done.result.overall is Overall.PASS
    assert done.baseline is not None
    assert [entry.accepted_by for entry in done.baseline.differences] == ["Grace", "Grace"]
    first = done.operator_acts[0]
    assert (first.act, first.reason) == ("accept difference", f"{LEFT.name}: known, ticket 7")
    assert "accepted by Grace: known, ticket 7" in report_as_text(done)


def test_what_people_accept_later_is_not_time_of_the_run() -> None:
    assert drilled(LEFT, accept=(LEFT,)).time_share == drilled(LEFT).time_share


def test_nobody_looked_is_not_clean() -> None:
    report = drilled(missing="nobody looked at what stood where after the end")
    assert report.result.overall is Overall.FAIL
    assert "not known to be clean" in report.result.reason


def test_a_drill_that_interrupts_protection_is_no_pass() -> None:
    report = drilled(protection=(watched("nyc-finance", "..x.."), watched("nyc-content", ".....")))
    assert report.result.overall is Overall.FAIL
    assert "protection was interrupted by the drill: nyc-finance" in report.result.reason


def test_a_failover_shows_how_long_nothing_was_protected() -> None:
    report = problem_failover()
    assert report.baseline is None
    finance, content = report.protection
    assert (finance.at_start, finance.at_end, len(finance.gaps)) == (False, False, 1)
    assert finance.gaps[0].ended is None
    assert finance.unprotected is not None
    assert finance.unprotected.seconds == 11.01
    assert len(content.gaps) == 2
    text = report_as_text(report)
    assert "PROTECTION DURING THE RUN" in text
    assert "NOT PROTECTED" in text


def test_the_record_keeps_it_and_the_page_escapes_it() -> None:
    report = drilled(LEFT, WRONG, protection=(watched("nyc-finance", ".xx"),))
    assert report_from_text(report_to_text(report)) == report
    page = report_as_html(report)
    assert "drill-copy-left/nyc-finance@piscataway" in page
    assert "&lt;b&gt;brindisi" in page
    assert "<b>brindisi" not in page
    assert "the last look" in page


def test_a_record_from_before_there_were_baselines_is_still_read() -> None:
    text = report_to_text(drill())
    head = text[: text.index(',\n  "baseline": ')]
    old = report_from_text(head + "\n}\n")
    assert (old.baseline, old.protection) == (None, ())
