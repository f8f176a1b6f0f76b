"""HTML and text: self-contained, escaped, and no number that is not in the record."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.core.codec import plain
from drorch.evidence.record.codec import report_to_text
from drorch.evidence.record.model import Measured, Report
from drorch.report import wording
from drorch.report.html import report_as_html
from drorch.report.text import WIDTH, report_as_text
from tests.unit.evidence.record.scenarios import SCENARIOS, drill, good_failover, problem_failover

from .pages import application_table, numbers_in, numbers_of

hundredths = st.integers(min_value=0, max_value=40_000_000).map(lambda number: number / 100)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_number_in_the_html_table_is_in_the_record_of_that_application(name: str) -> None:
    assert_numbers_are_known(SCENARIOS[name]())


@settings(max_examples=60, deadline=None)
@given(seconds=hundredths, plus=hundredths, minus=hundredths, rto=hundredths, lost=st.integers(0, 10**6))
def test_whatever_was_measured_is_shown_exactly(
    seconds: float, plus: float, minus: float, rto: float, lost: int
) -> None:
    report = good_failover()
    value = Measured(seconds=seconds, plus=plus, minus=minus)
    applications = tuple(
        replace(
            app,
            recovery_time=replace(app.recovery_time, from_disruption=value, from_declaration=value, rto_s=rto),
            recovery_point=replace(app.recovery_point, lost_s=value, records_lost=lost),
        )
        for app in report.applications
    )
    report = replace(report, applications=applications)
    assert_numbers_are_known(report)
    row = application_table(report_as_html(report))["umoja"]
    assert seconds in numbers_in(row["rta"].split("±")[0].split("+")[0])
    assert rto in numbers_in(row["rto"])
    assert lost in numbers_in(row["lost"])


def assert_numbers_are_known(report: Report) -> None:
    table = application_table(report_as_html(report))
    assert set(table) == {app.id for app in report.applications}
    record = json.loads(report_to_text(report))
    for app in record["applications"]:
        known = numbers_of({key: app[key] for key in ("recovery_time", "recovery_point")})
        for name, text in table[app["id"]].items():
            assert numbers_in(text) <= known, f"{app['id']} {name}: {text}"


def test_what_was_not_measured_is_said_so_and_never_zero() -> None:
    for row in application_table(report_as_html(drill())).values():
        assert row["rta"].startswith("not measured")
        assert row["rpa"].startswith("not measured")
        assert row["lost"].strip() == "not measured"


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_page_needs_nothing_from_outside(name: str) -> None:
    page = report_as_html(SCENARIOS[name]())
    assert not re.search(r"<script|<link|<iframe|<img|@import|url\(|https?://|\bsrc=|\bhref=", page)


def test_hostile_names_stay_text() -> None:
    hostile = "</title></style><script>alert(1)</script>\"' onload=x {{ 7*7 }} {% raw %}"
    report = good_failover()
    report = replace(
        report,
        run=replace(report.run, title=hostile, operator=hostile, estate=hostile, host=hostile),
        result=replace(report.result, reason=hostile, issues=(hostile,)),
        applications=tuple(replace(app, name=hostile, reason=hostile) for app in report.applications),
        steps=tuple(replace(step, title=hostile, reason=hostile) for step in report.steps),
    )
    page = report_as_html(report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7*7 }}" in page
    assert page.count("</style>") == 1


def test_names_in_any_script_are_kept() -> None:
    page = report_as_html(good_failover())
    assert "<bdi>联合国正式文件系统</bdi>" in page
    assert "<bdi>مكتبة داغ همرشولد</bdi>" in page


@pytest.mark.parametrize("name", SCENARIOS)
def test_text_fits_a_terminal(name: str) -> None:
    too_wide = [line for line in report_as_text(SCENARIOS[name]()).splitlines() if wording.cells(line) > WIDTH]
    assert too_wide == []


def test_text_names_the_cause_under_what_it_stopped() -> None:
    text = report_as_text(problem_failover())
    assert "payroll/start failed: task-failed" in text
    assert text.index("payroll/start failed") < text.index("treasury/validate not started")


def test_an_rto_beyond_the_drawing_is_an_arrow_and_one_within_is_a_line() -> None:
    page = report_as_html(problem_failover())
    assert "RTO 4 h →" in page
    assert re.search(r'<line class="rto"', page)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.07, "0.07 s"),
        (12.4, "12.40 s"),
        (60.0, "1 min"),
        (119.99, "119.99 s"),
        (125.3, "2 min 5.30 s"),
        (14400.0, "4 h"),
        (172800.0, "2 d"),
        (90061.5, "1 d 1 h 1 min 1.50 s"),
        (None, "not measured"),
    ],
)
def test_durations_for_people(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


@given(st.text(), st.integers(min_value=2, max_value=40))
def test_fitted_text_has_the_width_asked_for(text: str, width: int) -> None:
    assert wording.cells(wording.fitted(text, width)) == width


def test_renderings_say_where_it_ran() -> None:
    report = good_failover()
    assert "<strong>embedded lab</strong>" in report_as_html(report)
    assert "on embedded lab" in report_as_text(report)
    assert plain(report)["schema"] == 1
