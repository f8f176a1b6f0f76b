"""Names of attempts: deterministic, so that a restarted driver finds what the lost one started."""

from __future__ import annotations


def attempt_ident(step_id: str, attempt: int) -> str:
    """The name of one attempt's artifacts, usable as a folder name: ``nyc-finance--recover.1``."""
    return f"{step_id.replace('/', '--')}.{attempt}"


def undo_ident(step_id: str, attempt: int) -> str:
    """The name of one attempt at undoing a step: ``payroll--start--undo.1``."""
    return attempt_ident(f"{step_id}/undo", attempt)
