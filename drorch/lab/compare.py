"""What really happened to an application, from the lab's truth log: when it went down and when it was truly back.

Truly back means: a transaction was committed at the new site *and* the name points there on every DNS server. Used by
tests and by the demonstration; drorch measures without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrueOutage:
    """Monotonic seconds."""

    down: float
    up: float

    @property
    def seconds(self) -> float:
        """Length of the outage."""
        return self.up - self.down


def true_outage(
    truth: Sequence[dict[str, object]], *, application: str, name: str, to_address: str, to_site: str, servers: int
) -> TrueOutage | None:
    """The last outage of ``application`` that ended at ``to_site``; None when the log does not show one.

    ``name`` is the application's DNS name, ``servers`` how many name servers have to answer with ``to_address``.
    """
    down = _last(truth, application, {"app-killed", "app-closed"}, before=_first_up(truth, application, to_site))
    if down is None:
        return None
    writable = [
        _mono(event)
        for event in truth
        if event["what"] == "app-writable"
        and event.get("application") == application
        and event.get("site") == to_site
        and _mono(event) > down
        and not event.get("drill")
    ]
    named: dict[object, float] = {}
    for event in truth:
        if event["what"] == "name-set" and event.get("name") == name and event.get("address") == to_address:
            named[event["server"]] = _mono(event)
    if not writable or len(named) < servers:
        return None
    return TrueOutage(down=down, up=max(min(writable), *named.values()))


def _first_up(truth: Sequence[dict[str, object]], application: str, site: str) -> float:
    ups = [
        _mono(event)
        for event in truth
        if event["what"] == "app-writable" and event.get("application") == application and event.get("site") == site
    ]
    return max(ups, default=float("inf"))


def _last(truth: Sequence[dict[str, object]], application: str, kinds: set[str], *, before: float) -> float | None:
    found = [
        _mono(event)
        for event in truth
        if event["what"] in kinds and event.get("application") == application and _mono(event) < before
    ]
    return max(found, default=None)


def _mono(event: dict[str, object]) -> float:
    return float(str(event["mono"]))
