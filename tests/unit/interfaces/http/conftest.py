"""A server's world over the small catalog of the builders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from unit.year.samples import year_text

from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.web import ESTATE, WebScene


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    catalog = tmp_path / "app_catalog.yaml"
    catalog.write_text(SMALL_CATALOG_YAML, encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    estate = tmp_path / "estate.yml"
    estate.write_text(ESTATE, encoding="utf-8")
    year = tmp_path / "year.yaml"
    year.write_text(year_text(), encoding="utf-8")
    return WebScene(home=home, catalog=catalog, estate=estate, year=year)


@pytest.fixture
def client(scene: WebScene) -> Iterator[TestClient]:
    with TestClient(scene.app, base_url="http://127.0.0.1", raise_server_exceptions=False) as made:
        yield made
