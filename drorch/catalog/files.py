"""The catalog file: bytes in, checked catalog out."""

from __future__ import annotations

from pathlib import Path

from drorch.catalog.load import checked, load_catalog
from drorch.catalog.model import Catalog
from drorch.core.files import read_input

MAX_CATALOG_BYTES = 16_000_000


def load_catalog_file(path: Path) -> Catalog:
    """The checked catalog of a file; InputInvalid with file and line when it has errors."""
    return checked(load_catalog(read_input(path, MAX_CATALOG_BYTES), str(path)))
