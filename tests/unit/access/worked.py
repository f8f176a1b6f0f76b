"""The worked example as text with changes, and as a checked model."""

from __future__ import annotations

from pathlib import Path

from drorch.access.load import checked, load_capacity
from drorch.access.model import CapacityModel

EXAMPLE = Path(__file__).with_name("worked_example.yaml")


def worked_text(*changes: tuple[str, str]) -> str:
    """The example with each first text replaced by the second; what is replaced has to be there."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def worked_model(*changes: tuple[str, str]) -> CapacityModel:
    """The checked model of :func:`worked_text`."""
    return checked(load_capacity(worked_text(*changes).encode(), "capacity.yaml"))
