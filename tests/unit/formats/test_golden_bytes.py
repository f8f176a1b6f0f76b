"""Every JSON and JSON-lines form that drorch writes, byte by byte: a change of a format is always on purpose.

``tests/golden/formats/README.md`` lists the deliberate changes. Written anew with ``--regenerate-golden``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import forms

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"
FORMS: dict[str, Callable[[], str]] = {name.replace("__", "."): getattr(forms, name) for name in forms.__all__}


@pytest.mark.parametrize("name", FORMS)
def test_the_bytes_are_as_before(name: str, regenerate_golden: bool) -> None:
    path, written = GOLDEN / name, FORMS[name]().encode()
    if regenerate_golden:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written)
    assert path.is_file(), f"{path} is missing: run pytest with --regenerate-golden and look at the diff"
    assert written == path.read_bytes()


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {*FORMS, "README.md"}
