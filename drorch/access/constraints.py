"""How many people each thing carries at once. Every number here is a limit, not a promise.

What was not measured is unknown and says what is missing; nothing is filled in silently.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from fractions import Fraction

from drorch.access.model import (
    DeliveryGroup,
    Gateway,
    GroupKind,
    LicenceModel,
    LicencePool,
    Link,
    Machine,
    MachineState,
    Planning,
    Pool,
)
from drorch.access.seats import UNLIMITED, Seats, exactly, total, unknown

DEFAULT_MOST_SESSIONS = 250
"""Vendor's default limit of sessions per machine: what the load index counts to when nothing else is set."""
SESSIONS_FOR_A_MEASUREMENT = 5
"""With fewer sessions, load per session says more about the machine than about the sessions."""


def vda_seats(pool: Pool, group: DeliveryGroup, planning: Planning) -> Seats:
    """Sessions that the pool's machines carry: declared, or from what was observed of each machine."""
    if pool.seats is not None:
        return pool.seats
    counted = [machine for machine in pool.machines if _counts(machine, pool, planning)]
    if group.kind is not GroupKind.MULTI_SESSION:
        return exactly(len(counted))
    load = _median_load(counted)
    return total(_machine_seats(machine, pool, group, planning, load) for machine in counted)


def logon_seats(pool: Pool, planning: Planning) -> Seats:
    """People who get in within the ramp: machines × logons side by side ÷ duration of one × ramp."""
    machines = usable_machines(pool, planning)
    if machines is None:
        return unknown(f"number of machines of {pool.id}")
    if pool.logon_s is None:
        return unknown(f"measured logon duration of {pool.id}")
    rate = logons_per_second(machines, planning.logons_at_once, pool.logon_s)
    return exactly(math.floor(rate * Fraction(str(planning.ramp_s))))


def usable_machines(pool: Pool, planning: Planning) -> int | None:
    """Machines that take new sessions within the ramp; None when nobody said."""
    if pool.seats is not None:
        return pool.machine_count
    return sum(_counts(machine, pool, planning) for machine in pool.machines)


def logons_per_second(machines: int, at_once: int, logon_s: float) -> Fraction:
    """How fast people get in."""
    return Fraction(machines * at_once) / Fraction(str(logon_s))


def gateway_sessions(gateway: Gateway) -> Seats:
    """Sessions by count: platform and configured limit, and user licences unless it is in basic mode."""
    limit = gateway.platform_sessions.capped(gateway.max_users)
    return limit if gateway.ica_only else limit.capped(gateway.concurrent_licences)


def gateway_throughput(gateway: Gateway, planning: Planning) -> Seats:
    """Sessions by throughput: usable share of the licensed rate, divided by what one session takes."""
    if gateway.throughput_mbit_s is None:
        return unknown(f"licensed throughput of {gateway.id}")
    if gateway.throughput_mbit_s == math.inf:
        return UNLIMITED
    each = gateway.mbit_s_per_session or planning.kbit_s_per_session / 1000
    return exactly(sessions_at(gateway.throughput_mbit_s, planning.usable_share, each))


def bandwidth_seats(link: Link, planning: Planning) -> Seats:
    """Sessions by line: usable share of the line, divided by what one session takes."""
    if link.mbit_s is None:
        return unknown(f"rate of the line {link.id}")
    if link.mbit_s == math.inf:
        return UNLIMITED
    each = (link.kbit_s_per_session or planning.kbit_s_per_session) / 1000
    return exactly(sessions_at(link.mbit_s, planning.usable_share, each))


def sessions_at(mbit_s: float, share: float, mbit_s_per_session: float) -> int:
    """Whole sessions in the usable share of a rate, in exact decimal arithmetic."""
    return math.floor(Fraction(str(mbit_s)) * Fraction(str(share)) / Fraction(str(mbit_s_per_session)))


def licence_seats(licence: LicencePool) -> Seats:
    """Licences for the required people: without overdraft, and without those bound to others."""
    own = _less(licence.count, exactly(licence.overdraft))
    return _less(own, licence.assigned_elsewhere) if licence.model is LicenceModel.USER_OR_DEVICE else own


def _less(seats: Seats, taken: Seats) -> Seats:
    if seats.unlimited:
        return seats
    least = max(0.0, seats.least - taken.most)
    most = seats.most if math.isinf(seats.most) else max(0.0, seats.most - taken.least)
    return Seats(least=least, most=most, missing=(*seats.missing, *taken.missing))


def _counts(machine: Machine, pool: Pool, planning: Planning) -> bool:
    if machine.state is MachineState.REGISTERED:
        return True
    started = pool.start_s is not None and pool.start_s <= planning.ramp_s
    return machine.state is MachineState.OFF and started


def _median_load(machines: Sequence[Machine]) -> float | None:
    """Load index per session of the delivery group: the median over machines with enough sessions to tell."""
    loads = [
        machine.load_index / machine.sessions
        for machine in machines
        if machine.load_index is not None and machine.sessions >= SESSIONS_FOR_A_MEASUREMENT
    ]
    return statistics.median(loads) if loads else None


def _machine_seats(
    machine: Machine, pool: Pool, group: DeliveryGroup, planning: Planning, median_load: float | None
) -> Seats:
    """``n + max(0, min(limit − n, ⌊(index limit − L) / λ⌋))``; λ of the machine itself when it has sessions enough."""
    sessions, index = machine.sessions, machine.load_index or 0
    limit = pool.sessions_per_machine or DEFAULT_MOST_SESSIONS
    more = max(0, limit - sessions)
    if group.session_count_only:
        # The index only counts sessions: a low one does not say that a machine has room.
        if pool.sessions_per_machine is None:
            return unknown(f"sessions per machine of {pool.id} from a load test", least=sessions, most=sessions + more)
        return exactly(sessions + more)
    if machine.load_index is None and machine.state is MachineState.REGISTERED:
        return unknown(f"load index of a machine of {pool.id}", least=sessions, most=sessions + more)
    load = index / sessions if sessions >= SESSIONS_FOR_A_MEASUREMENT else median_load
    if not load:
        missing = f"load per session of {pool.id} (no machine has {SESSIONS_FOR_A_MEASUREMENT} sessions)"
        return unknown(missing, least=sessions, most=sessions + more)
    return exactly(sessions + max(0, min(more, math.floor((planning.load_index_limit - index) / load))))
