"""The stored record of a run."""

from __future__ import annotations

from pathlib import Path

from drorch.core.errors import NotFound
from drorch.core.state_folder import run_folder
from drorch.evidence.record.codec import report_from_text
from drorch.evidence.record.model import Report


def load_report(home: Path, run: str) -> Report:
    """The stored record of a run. NotFound when the run, or its report, is not there."""
    path = run_folder(home, run).report("json")
    if not path.exists():
        raise NotFound(
            f"the run {run} has no report yet", where=str(path), next_step=f"finish it with 'drorch run attach {run}'"
        )
    return report_from_text(path.read_bytes(), str(path))
