"""What the record says about runs: the worse of measurement and proof counts, nothing unmeasured is green."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from drorch.core.errors import InputInvalid
from drorch.evidence.model import Bracket, Duration, Outage, OutageStatus
from drorch.evidence.record.build import build_report
from drorch.evidence.record.model import REMOTE_ACCESS_STATEMENT, ApplicationVerdict, Overall, Report, StepOutcome
from drorch.evidence.record.moments import measured
from drorch.run.events import RetryRequested, RunOutcome, StepResolved, StepSkipped

from .scenarios import (
    BREAK_AT,
    CATALOG,
    ORIGIN,
    RUN,
    Diary,
    drill,
    drill_plan,
    failover_plan,
    good_failover,
    no_loss,
    problem_failover,
    readiness,
    recovered,
    refused,
    report_of,
)


def verdicts(report: Report) -> dict[str, str]:
    return {app.id: app.verdict.value for app in report.applications}


def test_a_good_failover_passes_and_says_what_no_plan_can_recover() -> None:
    report = good_failover()
    assert set(verdicts(report).values()) == {"pass"}
    assert report.result.overall is Overall.PASS_WITH_ISSUES
    assert [(item.id, item.reason) for item in report.not_recoverable] == [
        ("badge", "hosted at the lost site; it covers denial of the building, not loss of the data centre")
    ]


def test_a_problem_failover_names_each_kind_of_trouble() -> None:
    report = problem_failover()
    assert verdicts(report) == {
        "umoja": "pass",
        "payroll": "failed",
        "treasury": "failed",
        "documents": "missed",
        "library": "not-measured",
        "correspondence": "pass",
        "intranet": "vacuous",
        "gateway": "missed",
    }
    assert report.result.overall is Overall.FAIL


def test_a_failed_step_shows_what_it_stopped_and_nothing_else() -> None:
    (trouble,) = problem_failover().troubles
    assert (trouble.step, trouble.code, trouble.applications) == (
        "payroll/start",
        "task-failed",
        ("payroll", "treasury"),
    )
    (validate,) = trouble.stops
    (start,) = validate.stops
    assert [validate.step, start.step, start.stops[0].step] == [
        "payroll/validate",
        "treasury/start",
        "treasury/validate",
    ]
    blocked = {step.id for step in problem_failover().steps if step.outcome is StepOutcome.BLOCKED}
    assert blocked == {"payroll/validate", "treasury/start", "treasury/validate"}


def test_data_loss_is_counted_and_what_was_not_measured_is_absent() -> None:
    points = {app.id: app.recovery_point for app in problem_failover().applications}
    assert (points["documents"].records_lost, points["documents"].met) == (7, False)
    assert points["library"].records_lost is None
    assert points["library"].lost_s is None
    assert points["library"].met is None
    assert problem_failover().totals.records_lost == 7


def test_attempts_are_kept_apart() -> None:
    recover = next(step for step in problem_failover().steps if step.id == "nyc-content/recover")
    assert [(attempt.number, attempt.outcome.value) for attempt in recover.attempts] == [(1, "failed"), (2, "done")]
    assert recover.outcome is StepOutcome.DONE
    assert recover.seconds == 3.7


def test_five_clocks_come_in_order_with_their_bounds() -> None:
    for app in good_failover().applications:
        clocks = app.clocks
        moments = (clocks.outage_start, clocks.detected, clocks.declared)
        assert all(moment is not None for moment in moments)
        assert clocks.outage_start is not None
        assert clocks.detected is not None
        assert clocks.outage_start.mono <= clocks.detected.mono
        assert clocks.outage_start.plus_s == pytest.approx(0.11)


def test_the_declaration_counts_where_the_catalog_says_so() -> None:
    times = {app.id: app.recovery_time for app in good_failover().applications}
    assert times["correspondence"].counts == "declaration"
    assert times["umoja"].counts == "disruption"
    declared, disrupted = times["correspondence"].from_declaration, times["correspondence"].from_disruption
    assert declared is not None
    assert disrupted is not None
    assert declared.seconds < disrupted.seconds


def test_remote_access_is_told_apart_and_says_what_was_tested() -> None:
    report = good_failover()
    assert report.remote_access.statement == REMOTE_ACCESS_STATEMENT
    assert [(item.id, item.reached) for item in report.remote_access.applications] == [("archive", True)]
    assert "archive" not in verdicts(report)


def test_remote_access_behind_a_failed_gateway_is_not_reached_and_fails_the_run() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    diary.perform(of, {"gateway/start": ("task-failed", "no answer")})
    diary.end(RunOutcome.INCOMPLETE)
    report = report_of(of, diary, {}, {})
    assert [item.reached for item in report.remote_access.applications] == [False]
    assert "1 of 1 not reached by remote access" in report.result.reason


def test_a_drill_claims_no_recovery_time() -> None:
    report = drill()
    assert set(verdicts(report).values()) == {"proved"}
    assert report.result.overall is Overall.PASS
    assert report.totals.slowest is None
    assert report.totals.rto_measured == 0
    assert {app.recovery_time.met for app in report.applications} == {None}


def test_a_drill_that_interrupts_production_fails() -> None:
    of, diary = drill_plan(), Diary()
    diary.open(of)
    diary.perform(of)
    diary.end(RunOutcome.COMPLETED)
    outages = {scope.application: recovered(scope.application, BREAK_AT + 2) for scope in of.scope}
    outages = {key: replace(outage, status=OutageStatus.INTERRUPTED) for key, outage in outages.items()}
    report = report_of(of, diary, outages, {})
    assert set(verdicts(report).values()) == {"failed"}
    assert report.result.overall is Overall.FAIL


def test_a_drill_without_samples_of_production_is_an_issue() -> None:
    of, diary = drill_plan(), Diary()
    diary.open(of)
    diary.perform(of)
    diary.end(RunOutcome.COMPLETED)
    report = report_of(of, diary, {}, {})
    assert report.result.overall is Overall.PASS_WITH_ISSUES
    assert any("not proved untouched" in issue for issue in report.result.issues)


def test_readiness_names_the_application_that_is_not_where_it_should_be() -> None:
    report = readiness()
    assert verdicts(report)["library"] == "failed"
    assert sorted(verdicts(report).values()).count("proved") == 4
    assert report.result.overall is Overall.FAIL


def test_a_refused_run_says_nothing_about_recovery() -> None:
    report = refused()
    assert report.result.overall is Overall.NOT_RUN
    assert report.result.reason == "the approver is the operator"
    assert {app.verdict for app in report.applications} == {ApplicationVerdict.NOT_MEASURED}


def test_a_good_measurement_does_not_outweigh_a_failed_proof() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    diary.perform(of, {"intranet/validate": ("wrong-data-site", "answered with data of nyc")})
    diary.end(RunOutcome.INCOMPLETE)
    report = report_of(of, diary, {"intranet": recovered("intranet", BREAK_AT + 9)}, {"intranet": no_loss("intranet")})
    assert verdicts(report)["intranet"] == "failed"


def test_a_good_proof_does_not_outweigh_a_missing_measurement() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    diary.perform(of)
    diary.end(RunOutcome.COMPLETED)
    report = report_of(of, diary, {}, {})
    assert set(verdicts(report).values()) == {"not-measured"}
    assert report.result.overall is Overall.FAIL


def test_a_run_without_end_has_no_result_yet() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    report = report_of(of, diary, {}, {})
    assert report.result.overall is Overall.UNFINISHED
    assert {step.outcome for step in report.steps} == {StepOutcome.NOT_REACHED}
    assert report.run.seconds is None


def test_an_end_that_a_decision_took_back_is_no_end() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    diary.perform(of, {"payroll/start": ("task-failed", "no")})
    diary.end(RunOutcome.INCOMPLETE)
    diary.write(RetryRequested(step="payroll/start", person="O. Operator", reason="mended"))
    report = report_of(of, diary, {}, {})
    assert report.run.outcome is None
    assert report.run.ended is None
    assert report.result.overall is Overall.UNFINISHED


def test_decisions_by_people_are_issues_with_names() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    diary.perform(of, {"treasury/validate": ("timed-out", "x"), "gateway/start": ("task-failed", "y")})
    diary.write(StepSkipped(step="treasury/validate", person="O. Operator", reason="risk taken"))
    diary.write(StepResolved(step="gateway/start", person="O. Operator", reason="by hand", evidence="ticket 12"))
    report = report_of(of, diary, {}, {})
    assert [(act.act, act.step, act.evidence) for act in report.operator_acts] == [
        ("skip", "treasury/validate", None),
        ("done by hand", "gateway/start", "ticket 12"),
    ]
    assert {"1 step skipped by a person", "1 step done by hand"} <= set(report.result.issues)
    skipped = next(step for step in report.steps if step.id == "treasury/validate")
    assert (skipped.outcome, skipped.reason) == (StepOutcome.SKIPPED, "O. Operator: risk taken")


def test_the_longest_chain_ends_with_the_last_step_and_each_link_needs_the_one_before() -> None:
    report, of = good_failover(), failover_plan()
    chain = report.longest_chain
    assert chain[0] == "nyc/witness"
    assert chain[-1] == "treasury/validate"
    assert all(earlier in of.by_id[later].needs for earlier, later in pairwise(chain))


def test_objectives_nobody_attested_are_flagged() -> None:
    report = good_failover()
    assert {app.id: app.provenance for app in report.applications} == {
        app.id: {"umoja": "attested", "treasury": "synthetic"}.get(app.id, "assumed") for app in report.applications
    }
    assert report.provenance.applications_with_attested_objectives == 1
    assert report.provenance.applications == 10


@pytest.mark.parametrize(("seconds", "plus", "minus"), [(7.3149, 0.2101, 0.1), (0.004, 0.001, 0.004), (12.0, 0.0, 0.0)])
def test_rounding_never_narrows_the_bounds(seconds: float, plus: float, minus: float) -> None:
    value = measured(Duration(seconds=seconds, plus=plus, minus=minus))
    assert value is not None
    assert value.seconds + value.plus >= seconds + plus - 1e-6
    assert value.seconds - value.minus <= seconds - minus + 1e-6


def test_parts_that_do_not_belong_together_are_refused() -> None:
    of, diary = failover_plan(), Diary()
    diary.open(of)
    given = {"plan": of, "outages": {}, "losses": {}, "scores": {}, "estate": "embedded lab"}
    with pytest.raises(InputInvalid, match="does not begin"):
        build_report(run_id=RUN, catalog=CATALOG, events=(), **given)
    with pytest.raises(InputInvalid, match="another run"):
        build_report(run_id="other", catalog=CATALOG, events=diary.events, **given)
    with pytest.raises(InputInvalid, match="catalog"):
        build_report(run_id=RUN, catalog=replace(CATALOG, content_id="sha256:0"), events=diary.events, **given)


def test_wall_times_follow_the_origin_and_not_a_clock_that_jumped() -> None:
    began = Bracket(earliest=ORIGIN.mono + 61, latest=ORIGIN.mono + 61.2)
    outage = Outage(application="umoja", status=OutageStatus.NOT_RECOVERED, began=began)
    of, diary = failover_plan(), Diary()
    diary.open(of)
    report = report_of(of, diary, {"umoja": outage}, {})
    start = report.applications[0].clocks.outage_start
    assert start is not None
    assert (start.wall, start.offset_s) == ("2026-02-14T03:01:01.100+00:00", 61.1)
