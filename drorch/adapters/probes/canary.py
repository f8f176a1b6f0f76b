"""Numbered canary writes, for measuring data loss."""

from __future__ import annotations

import json
import time
from itertools import count

from drorch.adapters.probes.judge import Judgement
from drorch.adapters.probes.kinds.wire import Answer, request_bytes
from drorch.adapters.probes.service import try_exchange
from drorch.adapters.probes.spec import WatchTarget
from drorch.evidence.model import CanaryWrite

EPOCH_2020 = 1_577_836_800
NUMBERS_PER_SECOND = 4


def first_number(wall_s: float) -> int:
    """Where a watch that starts at ``wall_s`` (Unix seconds) begins to count.

    Canaries of earlier watches are still in the database; up to four canaries a second never meet theirs. Fits a
    32-bit integer until 2037.
    """
    return int((wall_s - EPOCH_2020) * NUMBERS_PER_SECOND)


class CanaryWriter:
    """Writes one application's canaries, numbers without gaps."""

    def __init__(self, target: WatchTarget, first: int, timeout_s: float) -> None:
        self._target = target
        self._numbers = count(first)
        self._timeout_s = timeout_s

    async def write(self, address: str) -> CanaryWrite:
        """One write at ``address``. Acknowledged only when the service says so with this very number."""
        number = next(self._numbers)
        body = json.dumps({"number": number}).encode()
        request = request_bytes("POST", f"{self._target.prefix}/canary", self._target.name, body)
        started = time.monotonic()
        answer = await try_exchange(address, self._target.port, request, self._timeout_s)
        return CanaryWrite(
            application=self._target.application,
            number=number,
            started=started,
            ended=time.monotonic(),
            acknowledged=_acknowledges(answer, number),
        )


def _acknowledges(answer: Answer | Judgement, number: int) -> bool:
    if isinstance(answer, Judgement) or answer.status != 200:
        return False
    try:
        data = json.loads(answer.body)
    except ValueError:
        return False
    return isinstance(data, dict) and data.get("number") == number and data.get("acknowledged") is True
