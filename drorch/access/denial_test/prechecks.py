"""What has to be true before a denial-of-access test may begin. What cannot be looked at is not true."""

from __future__ import annotations

from dataclasses import dataclass

from drorch.access.denial_test.course import Standing
from drorch.access.denial_test.model import Look, Method, why_stop
from drorch.access.denial_test.samples import Looker
from drorch.access.model import LicenceModel

BOUND_DAYS = 90
"""User and device licences stay bound to an account for so long."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Somebody knows what a ramp costs: so many licences, bound to test accounts for so many days."""

    licences: int
    days: int


def prechecks(
    stands: Standing, looker: Looker, first: Look, bound: Bound | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong, and what was found: both in words. ``bound``: what somebody confirmed."""
    wrong = [f"{text}" for text in looker.unread]
    notes: list[str] = []
    missing = [
        name
        for name, value in (
            ("sessions at the gateways", first.sessions),
            ("licences free", first.licences_free if stands.test.method is Method.RAMP else 0),
            ("load of the machines", first.highest_load if stands.test.method is Method.RAMP else 0),
            ("licence denials", first.licence_denials),
        )
        if value is None
    ]
    wrong += [f"not known: {name}" for name in missing]
    if stands.test.method is Method.RAMP:
        wrong += _ramp(stands, looker, first, bound)
    notes.append(f"sessions {first.sessions}, licences free {first.licences_free} of {first.licence_count}")
    notes.append(f"highest load index {first.highest_load}")
    notes += stands.warnings
    return tuple(wrong), tuple(notes)


def _ramp(stands: Standing, looker: Looker, first: Look, bound: Bound | None) -> list[str]:
    found: list[str] = []
    planned = stands.told.course.planned
    models = looker.licence_models
    sticky = [name for name, model in models.items() if model is LicenceModel.USER_OR_DEVICE]
    if not models:
        found.append("the licence model is not known: a ramp may bind licences for months")
    if sticky and bound != Bound(licences=planned, days=BOUND_DAYS):
        found.append(
            f"{', '.join(sticky)} are user or device licences: the ramp would bind {planned} of them for "
            f"{BOUND_DAYS} days. "
            f"Confirm with --bind-licences {planned} --bind-days {BOUND_DAYS}"
        )
    if first.licences_free is not None and first.licence_count is not None:
        left = first.licences_free - planned
        if left < 0:
            found.append(f"{first.licences_free} licences are free, and {planned} are needed")
    stop = why_stop(stands.test.criteria, [first], [], Method.RAMP)
    if stop is not None:
        found.append(f"a guard would stop it at once: {stop}")
    return found
