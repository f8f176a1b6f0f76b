"""The yearly test of working from elsewhere: values, guards, and the judgement over what was written down. Pure.

Two methods. *Observed*: staff work from elsewhere for a day and are counted. *Ramp*: test accounts log in step by step
and stay. Both prove by their journal; nothing is judged that is not in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from drorch.access.logins import proves, success_lower_bound

HELD_LONG_ENOUGH_S = 1800.0
"""Sessions that were held for less prove no capacity."""
P95 = 0.95
MOST_REFUSED = 3
"""Passwords refused until a ramp stops: more of them would lock accounts."""
BLIND_SAMPLES = 2
"""Samples in a row without a reading that a guard needs until a ramp stops."""


class Method(StrEnum):
    """How the test is held."""

    OBSERVED = "observed"
    RAMP = "ramp"


class Outcome(StrEnum):
    """How it ended."""

    PASS = "pass"
    FAIL = "fail"
    STOPPED = "stopped"
    """A guard or a person stopped it. It proves nothing but that the guard works."""
    INTERRUPTED = "interrupted"
    """Its process ended, and nobody knows what it missed."""


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What is promised, and when to stop. Shares are 0 to 1."""

    success: float = 0.99
    confidence: float = 0.95
    logon_s: float = 60.0
    attendance: float = 0.9
    licences_free: float = 0.1
    machine_load: int = 9000


@dataclass(frozen=True, kw_only=True)
class Look:
    """One sample. None: it could not be read."""

    held: int
    sessions: int | None
    licences_free: int | None
    licence_count: int | None
    highest_load: int | None
    licence_denials: int | None
    """Since the test began."""
    departments: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """People at work by department (observed method)."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """One synthetic login that has ended, by the number of its account."""

    account: int
    department: str
    succeeded: bool
    seconds: float
    trouble: str | None
    reached: tuple[str, ...] = ()
    """Applications (ids) that were offered."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What the journal says of a test, folded."""

    method: Method
    criteria: Criteria
    required: Mapping[str, int]
    planned: int = 0
    logins: tuple[Login, ...] = ()
    looks: tuple[Look, ...] = ()
    held_s: float = 0.0
    left: tuple[int, ...] = ()
    """Accounts that were logged on and of which no log-off is written down."""
    peak_held: int = 0
    stopped: str | None = None
    ended: bool = False
    interrupted: bool = False


@dataclass(frozen=True, kw_only=True)
class DepartmentOutcome:
    """A department's part: ``took_part`` sessions of ``required``."""

    department: str
    required: int
    took_part: int
    passed: bool
    reason: str
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the test proves. None is: not measured."""

    outcome: Outcome
    reasons: tuple[str, ...]
    logins: int
    succeeded: int
    bound: float | None
    """The success ratio is at least this with the confidence of the criteria."""
    p95_s: float | None
    peak: int
    held_s: float
    licence_denials: int | None
    departments: tuple[DepartmentOutcome, ...]

    @property
    def proven(self) -> int:
        """Sessions that were held long enough in a test that passed; else 0."""
        return self.peak if self.outcome is Outcome.PASS and self.held_s >= HELD_LONG_ENOUGH_S else 0


def why_stop(criteria: Criteria, looks: Sequence[Look], logins: Sequence[Login], method: Method) -> str | None:
    """Why the test has to stop now; None when it may go on. What a guard cannot see is a reason as well."""
    last = looks[-1] if looks else None
    if last is not None and last.licence_denials:
        return f"{last.licence_denials} denied for want of a licence since the test began"
    blind = looks[-BLIND_SAMPLES:]
    if len(blind) == BLIND_SAMPLES and all(_blind(look, method) for look in blind):
        return f"what the guards need could not be read {BLIND_SAMPLES} times in a row"
    return None if method is Method.OBSERVED else _ramp_stop(criteria, last, logins)


def judge(course: Course) -> Judgement:
    """The result. A stopped or interrupted test fails nobody and proves nothing."""
    succeeded = sum(login.succeeded for login in course.logins)
    seconds = [login.seconds for login in course.logins if login.succeeded]
    denials = [look.licence_denials for look in course.looks]
    reasons = tuple(_reasons(course, succeeded, quantile(seconds), denials))
    if course.interrupted or not course.ended:
        outcome = Outcome.INTERRUPTED
    elif course.stopped is not None:
        outcome = Outcome.STOPPED
    else:
        outcome = Outcome.FAIL if reasons else Outcome.PASS
    departments = tuple(_department(course, name, needed, outcome) for name, needed in course.required.items())
    if outcome is Outcome.PASS and not all(item.passed for item in departments):
        outcome = Outcome.FAIL
        reasons = tuple(f"{item.department}: {item.reason}" for item in departments if not item.passed)
    logins = len(course.logins)
    bound = success_lower_bound(succeeded, logins, course.criteria.confidence) if logins else None
    return Judgement(
        outcome=outcome,
        reasons=reasons,
        logins=logins,
        succeeded=succeeded,
        bound=bound,
        p95_s=quantile(seconds),
        peak=_peak(course),
        held_s=course.held_s,
        licence_denials=denials[-1] if denials else None,
        departments=departments,
    )


def quantile(values: Sequence[float], share: float = P95) -> float | None:
    """By nearest rank; None without values."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else None


def _blind(look: Look, method: Method) -> bool:
    needed = [look.sessions, look.licence_denials]
    if method is Method.RAMP:
        needed += [look.licences_free, look.highest_load]
    return any(value is None for value in needed)


def _ramp_stop(criteria: Criteria, last: Look | None, logins: Sequence[Login]) -> str | None:
    if sum(login.trouble == "auth" for login in logins) >= MOST_REFUSED:
        return f"{MOST_REFUSED} passwords were refused: more would lock accounts"
    slow = quantile([login.seconds for login in logins if login.succeeded])
    if slow is not None and slow > 2 * criteria.logon_s:
        return f"95 % of the logins take up to {slow:.1f} s, more than twice the {criteria.logon_s:g} s allowed"
    if last is None:
        return None
    free, count = last.licences_free, last.licence_count
    if free is not None and count and free < criteria.licences_free * count:
        return f"only {free} of {count} licences are free"
    if last.highest_load is not None and last.highest_load > criteria.machine_load:
        return f"a machine has the load index {last.highest_load}, and {criteria.machine_load} is allowed"
    return None


def _reasons(course: Course, succeeded: int, p95_s: float | None, denials: Sequence[int | None]) -> Sequence[str]:
    criteria = course.criteria
    found: list[str] = []
    if course.stopped is not None:
        found.append(f"stopped: {course.stopped}")
    if course.left:
        found.append(f"{len(course.left)} sessions were not logged off")
    if not denials or denials[-1] is None:
        found.append("whether licences were denied was not measured at the end")
    elif denials[-1]:
        found.append(f"{denials[-1]} denied for want of a licence")
    if course.method is Method.RAMP:
        if not proves(succeeded, len(course.logins), criteria.success, criteria.confidence):
            ratio = f"{succeeded} of {len(course.logins)} logins do not prove {100 * criteria.success:g} %"
            found.append(f"{ratio} with {100 * criteria.confidence:g} % confidence")
        if len(course.logins) < course.planned:
            found.append(f"only {len(course.logins)} of {course.planned} logins were made")
        if p95_s is None or p95_s > criteria.logon_s:
            shown = "not measured" if p95_s is None else f"{p95_s:.1f} s"
            found.append(f"the 95th percentile of the logins is {shown}, and {criteria.logon_s:g} s is allowed")
    if course.held_s < HELD_LONG_ENOUGH_S:
        found.append(f"held for {course.held_s:.0f} s, and {HELD_LONG_ENOUGH_S:.0f} s is needed")
    return found


def _department(course: Course, name: str, needed: int, outcome: Outcome) -> DepartmentOutcome:
    if course.method is Method.RAMP:
        mine = [login for login in course.logins if login.department == name and login.succeeded]
        took_part = len(mine)
        offered = Counter(app for login in mine for app in login.reached)
        # Offered to everybody of the department who got in: one lucky account proves nothing for the others.
        reached = tuple(sorted(app for app, number in offered.items() if number == took_part))
    else:
        took_part = max((look.departments.get(name, 0) for look in course.looks), default=0)
        reached = ()
    enough = took_part >= math.ceil(course.criteria.attendance * needed)
    passed = outcome is Outcome.PASS and enough
    reason = (
        ""
        if passed
        else f"{took_part} of {needed} took part"
        if not enough
        else f"the test's outcome is {outcome.value}"
    )
    return DepartmentOutcome(
        department=name, required=needed, took_part=took_part, passed=passed, reason=reason, reached=reached
    )


def _peak(course: Course) -> int:
    if course.method is Method.RAMP:
        return course.peak_held
    return max((look.sessions for look in course.looks if look.sessions is not None), default=0)
