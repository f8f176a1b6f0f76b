"""State folders for the metrics' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """Without any run."""
    with State(home=tmp_path / "home") as made:
        yield made


@pytest.fixture
def recorded(state: State) -> State:
    """With one whole, reported failover of New York."""
    state.record()
    return state
