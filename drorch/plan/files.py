"""The plan file: bytes in, plan out."""

from __future__ import annotations

from pathlib import Path

from drorch.core.files import read_input
from drorch.plan.codec import MAX_BYTES as MAX_PLAN_BYTES
from drorch.plan.codec import plan_from_text
from drorch.plan.model import Plan


def load_plan_file(path: Path) -> Plan:
    """The plan of a file; InputInvalid with the field when it is not one, or was changed by hand."""
    return plan_from_text(read_input(path, MAX_PLAN_BYTES), str(path))
