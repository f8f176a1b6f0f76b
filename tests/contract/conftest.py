"""Adapters under the contract suites. A new executor adapter is one more entry in `EXECUTORS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.ansible_harness import AnsibleHarness
from contract.harness import ExecutorHarness, FakeHarness

EXECUTORS: dict[str, Callable[[Path], ExecutorHarness]] = {
    "ansible": AnsibleHarness,
    "fake": lambda folder: FakeHarness(),
}
"""Name to harness, made in an empty folder."""


@pytest.fixture(params=sorted(EXECUTORS))
def executor_factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExecutorHarness]:
    """Each executor adapter in turn."""
    harness = EXECUTORS[request.param](tmp_path)
    yield harness
    harness.close()
