"""The table of faults is filled by the tests and printed at their end."""

from __future__ import annotations

import pytest

from faults.matrix import Matrix

_MATRIX = pytest.StashKey[Matrix]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(_MATRIX, Matrix())


@pytest.fixture
def matrix(request: pytest.FixtureRequest) -> Matrix:
    """The table of this pytest run."""
    return request.config.stash.setdefault(_MATRIX, Matrix())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    table = terminalreporter.config.stash.get(_MATRIX, Matrix())
    for number, line in enumerate(table.lines()):
        if number == 0:
            terminalreporter.section("faults")
        terminalreporter.write_line(line)
