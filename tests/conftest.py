"""Options every test may use."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.machine import program

# How long an example takes says something about the machine, not about the code.
settings.register_profile("drorch", deadline=None)
settings.load_profile("drorch")
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden", action="store_true", help="write the golden files anew, then look at the diff"
    )
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails, with its reason")


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores: an acceptance test waits half of its time, for services to be down long enough."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests are given the longest time begin first, so that what is left at the end is short."""
    longest: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), mark.args[0] if mark else 0.0)
    items.sort(key=lambda item: -longest[item.path])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that needs programs of the system is skipped where they are not installed."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            program(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ``--no-skips``, what was not tested is not green."""
    report = yield
    return _without_skips(item.config, report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file."""
    report = yield
    return _without_skips(collector.config, report)


def _without_skips(config: pytest.Config, report: Report) -> Report:
    """The report; a failure in the place of a skip where skips are not allowed. An expected failure is none."""
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("--no-skips"):
        assert isinstance(report.longrepr, tuple)
        report.outcome = "failed"
        report.longrepr = f"skipped, which --no-skips forbids: {report.longrepr[2].removeprefix('Skipped: ')}"
    return report


@pytest.fixture(autouse=True)
def _own_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller's shell says to drorch must not reach the tests."""
    for name in [name for name in os.environ if name.startswith("DRORCH_") and name != "DRORCH_PG_BIN"]:
        monkeypatch.delenv(name)


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--regenerate-golden"))
