"""Options every test may use."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# How long an example takes says something about the machine, not about the code.
settings.register_profile("drorch", deadline=None)
settings.load_profile("drorch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden", action="store_true", help="write the golden files anew, then look at the diff"
    )


@pytest.fixture(autouse=True)
def _own_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller's shell says to drorch must not reach the tests."""
    for name in [name for name in os.environ if name.startswith("DRORCH_") and name != "DRORCH_PG_BIN"]:
        monkeypatch.delenv(name)


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--regenerate-golden"))
