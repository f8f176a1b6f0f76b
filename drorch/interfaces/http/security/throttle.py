"""How often a login may be tried, by address and by account. In memory, bounded; a restart forgives."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from drorch.core.clock import Clock

WINDOW_S = 300.0
PER_ADDRESS = 10
PER_ACCOUNT = 20
REMEMBERED = 10_000


@dataclass(kw_only=True)
class _Failures:
    times: list[float] = field(default_factory=list)


class Throttle:
    """Counts failed logins of the last five minutes.

    An address that failed ten times waits. An account that failed twenty times, from anywhere, is closed to addresses
    it was never used from; those from which it was rightly used, and a break-glass account from any address, are only
    held by the limit of their own address: strangers cannot lock anybody out of those.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._good: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, login: str, address: str, *, break_glass: bool) -> float:
        """Seconds to wait before the next try; 0 when it may be made now."""
        near, now = network_of(address), self._clock.now().mono
        with self._lock:
            waits = [self._wait(("address", near), PER_ADDRESS, now)]
            if not break_glass and (login, near) not in self._good:
                waits.append(self._wait(("account", login), PER_ACCOUNT, now))
        return max(waits)

    def failed(self, login: str, address: str) -> None:
        """A try failed."""
        now = self._clock.now().mono
        with self._lock:
            for name in (("address", network_of(address)), ("account", login)):
                kept = self._failures.setdefault(name, _Failures())
                kept.times = [*(at for at in kept.times if now - at < WINDOW_S), now][-PER_ACCOUNT:]
                self._failures.move_to_end(name)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, login: str, address: str) -> None:
        """A try was right. The failures of the address stay: one good account must not buy tries at others."""
        with self._lock:
            self._good[login, network_of(address)] = None
            self._good.move_to_end((login, network_of(address)))
            while len(self._good) > REMEMBERED:
                self._good.popitem(last=False)

    def _wait(self, name: tuple[str, str], limit: int, now: float) -> float:
        kept = self._failures.get(name)
        recent = [at for at in kept.times if now - at < WINDOW_S] if kept else []
        return max(0.0, WINDOW_S - (now - recent[-limit])) if len(recent) >= limit else 0.0


def network_of(address: str) -> str:
    """The address, of IPv6 its /64: one stranger has all of it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
