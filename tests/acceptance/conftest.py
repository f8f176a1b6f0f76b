"""The running lab that acceptance tests share. It is always taken down, also after a failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drorch.catalog.files import load_catalog_file
from drorch.catalog.model import Catalog
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.lab.control import Lab
from drorch.testing.builders import small_catalog

SAMPLE_CATALOG = Path(__file__).parents[2] / "app_catalog.yaml"


@contextmanager
def running_lab(catalog: Catalog) -> Iterator[Lab]:
    """A lab of this catalog, taken down at the end whatever happens."""
    lab = Lab.up(catalog)
    try:
        yield lab
    finally:
        lab.down()


def wait_until(holds: Callable[[], bool], *, deadline_s: float = 20, what: str = "it") -> None:
    """Ask until it holds; fails the test when it does not within ``deadline_s`` seconds."""
    until = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < until, f"{what} did not happen within {deadline_s} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Four sites with the small catalog's six applications."""
    with running_lab(small_catalog()) as running:
        yield running


@pytest.fixture(scope="module")
def full_lab() -> Iterator[Lab]:
    """Four sites with the sample catalog's 76 applications. Slow to start: mark its tests ``slow``."""
    with running_lab(load_catalog_file(SAMPLE_CATALOG)) as running:
        yield running


@pytest.fixture
def healed_lab(lab: Lab) -> Iterator[Lab]:
    """The lab, with everything that the test breaks healed after it."""
    yield lab
    problems = lab.heal_all()
    assert problems == ()


@pytest.fixture(scope="module")
def estate(lab: Lab) -> Estate:
    """The lab as drorch sees it."""
    return load_estate(lab.estate_file)
