"""Which canary numbers are there after the outage? Asked by the application's own name, like any user."""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx

from drorch.adapters.probes.kinds.dns import DnsProbe
from drorch.adapters.probes.spec import WatchTarget, watch_target
from drorch.estate.model import Estate

ATTEMPTS = 3
PAUSE_S = 0.3


def collect_present(
    estate: Estate, applications: Sequence[str], *, timeout_s: float = 5.0
) -> dict[str, tuple[int, ...] | None]:
    """Canary numbers each application holds, duplicates kept; None where it could not be asked.

    NotFound for an application the estate does not have.
    """
    targets = [watch_target(estate, application) for application in applications]
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=timeout_s) as client:
        return {target.application: _try(client, estate, target, timeout_s) for target in targets}


def _try(client: httpx.Client, estate: Estate, target: WatchTarget, timeout_s: float) -> tuple[int, ...] | None:
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        found = _ask(client, estate, target, timeout_s)
        if found is not None:
            return found
    return None


def _ask(client: httpx.Client, estate: Estate, target: WatchTarget, timeout_s: float) -> tuple[int, ...] | None:
    # Where the data is does not depend on a name server that is silent: after a site loss one may be.
    resolved = DnsProbe(name=target.name, servers=estate.name_servers, silence_counts=False).look(timeout_s)
    answers = resolved.facts.get("answers")
    if not resolved.ok or not isinstance(answers, dict):
        return None
    url = f"http://{next(iter(answers.values()))}:{target.port}{target.prefix}/canary"
    try:
        answer = client.get(url, headers={"host": target.name})
        numbers = answer.json()["numbers"] if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        return None
    return tuple(numbers)
