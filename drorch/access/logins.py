"""What a number of logins proves: the bound that the true success ratio keeps with a given confidence.

Clopper-Pearson, one-sided: exact for every number of logins, never too good (Clopper and Pearson, Biometrika 26, 1934).
"""

from __future__ import annotations

import math

from drorch.core.errors import InputInvalid

_HALVINGS = 60
"""Of the interval from 0 to 1: far below the grain of a floating number's own arithmetic here."""


def success_lower_bound(succeeded: int, logins: int, confidence: float = 0.95) -> float:
    """The success ratio is at least this, with ``confidence``. 0 when nothing succeeded. InputInvalid if impossible."""
    _check(succeeded, logins)
    _check_ratio("confidence", confidence)
    if succeeded == 0:
        return 0.0
    if succeeded == logins:
        return float((1 - confidence) ** (1 / logins))
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        # Too small a ratio makes so many successes less likely than the doubt that is allowed.
        if _at_most_failures(logins - succeeded, logins, middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def logins_needed(target: float, confidence: float = 0.95, failures: int = 0) -> int:
    """Fewest logins, ``failures`` of them failed, that prove a success ratio of ``target`` (299 for 99 % at 95 %)."""
    _check_ratio("target", target)
    _check_ratio("confidence", confidence)
    if failures < 0:
        raise InputInvalid(f"{failures} failures", next_step="give 0 or more")

    def proves(logins: int) -> bool:
        return _at_most_failures(failures, logins, target) <= 1 - confidence

    low, high = failures, max(1, 2 * failures)
    while not proves(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def proves(succeeded: int, logins: int, target: float, confidence: float = 0.95) -> bool:
    """Whether these logins prove the target. No logins prove nothing."""
    return logins > 0 and success_lower_bound(succeeded, logins, confidence) >= target


def _at_most_failures(failures: int, logins: int, success: float) -> float:
    """Probability of at most ``failures`` failed logins, when each succeeds with probability ``success`` (0 < p < 1).

    Summed from logarithms, because binomial coefficients do not fit a floating number.
    """
    good, bad = math.log(success), math.log1p(-success)
    return math.fsum(
        math.exp(
            math.lgamma(logins + 1)
            - math.lgamma(failed + 1)
            - math.lgamma(logins - failed + 1)
            + failed * bad
            + (logins - failed) * good
        )
        for failed in range(min(failures, logins) + 1)
    )


def _check(succeeded: int, logins: int) -> None:
    if logins < 1 or not 0 <= succeeded <= logins:
        raise InputInvalid(
            f"{succeeded} of {logins} logins", next_step="give 0 to n successes of n logins, n at least 1"
        )


def _check_ratio(name: str, ratio: float) -> None:
    if not 0 < ratio < 1:
        raise InputInvalid(f"{name} {ratio}", next_step="give a ratio between 0 and 1, such as 0.95")
