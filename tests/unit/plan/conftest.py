"""What the plan tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.catalog.load import load_catalog
from drorch.catalog.model import Catalog
from drorch.testing.builders import small_catalog

SAMPLE = Path(__file__).parents[3] / "app_catalog.yaml"


@pytest.fixture(scope="session")
def small() -> Catalog:
    """Three groups, six applications."""
    return small_catalog()


@pytest.fixture(scope="session")
def sample() -> Catalog:
    """The sample catalog with 76 applications."""
    return load_catalog(SAMPLE.read_bytes(), "app_catalog.yaml")
