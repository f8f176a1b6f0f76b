"""Seats of each kind of limit, with the examples of the vendor's arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.access.check import check_model
from drorch.access.constraints import (
    bandwidth_seats,
    gateway_sessions,
    gateway_throughput,
    licence_seats,
    logon_seats,
    sessions_at,
    usable_machines,
    vda_seats,
)
from drorch.access.model import GroupKind, LicenceModel, Machine, MachineState, Pool
from drorch.access.seats import UNLIMITED, Seats, exactly, unknown
from tests.unit.access.worked import worked_model

MODEL = worked_model()
PLANNING = MODEL.planning
GROUP = MODEL.groups[0]
UP = MachineState.REGISTERED


def machine(sessions: int, load_index: int | None, state: MachineState = UP) -> Machine:
    return Machine(state=state, sessions=sessions, load_index=load_index)


def pool(*machines: Machine, per_machine: int | None = None, start_s: float | None = None) -> Pool:
    return replace(MODEL.pools[0], seats=None, machines=machines, sessions_per_machine=per_machine, start_s=start_s)


def seats(*machines: Machine, per_machine: int | None = None, start_s: float | None = None) -> Seats:
    return vda_seats(pool(*machines, per_machine=per_machine, start_s=start_s), GROUP, PLANNING)


def test_four_machines_one_down_are_104_seats() -> None:
    """Loads per session are 228 and 232, so 230 in the median, which counts for the machine with two sessions."""
    down = machine(0, None, MachineState.UNREGISTERED)
    assert seats(machine(25, 5700), machine(25, 5800), machine(2, 390), down) == exactly(35 + 34 + 35)


def test_a_full_machine_keeps_its_sessions_and_takes_no_more() -> None:
    assert seats(machine(30, 9500)) == exactly(30)
    assert seats(machine(30, 8000)) == exactly(30)


def test_the_load_test_caps_what_the_index_promises() -> None:
    assert seats(machine(10, 1000), per_machine=40) == exactly(40)
    assert seats(machine(45, 4500), per_machine=40) == exactly(45)


def test_machines_that_do_not_count() -> None:
    working = machine(10, 2000)
    for state in (MachineState.MAINTENANCE, MachineState.UNREGISTERED, MachineState.OFF):
        assert seats(working, machine(10, 2000, state)) == exactly(40)


def test_a_machine_that_is_started_within_the_ramp_counts() -> None:
    off = machine(0, None, MachineState.OFF)
    assert seats(machine(10, 2000), off, start_s=300) == exactly(80)
    assert seats(machine(10, 2000), off, start_s=PLANNING.ramp_s + 1) == exactly(40)
    assert usable_machines(pool(machine(10, 2000), off, start_s=300), PLANNING) == 2


def test_without_a_load_index_the_seats_are_unknown() -> None:
    found = seats(machine(10, None), per_machine=30)
    assert (found.least, found.most, found.known) == (10, 30, False)


def test_without_sessions_nobody_knows_what_one_costs() -> None:
    found = seats(machine(2, 500), per_machine=30)
    assert (found.least, found.most) == (2, 30)
    assert found.missing == ("load per session of finance-a (no machine has 5 sessions)",)


def test_an_index_that_only_counts_sessions_is_no_measurement() -> None:
    counting = replace(GROUP, session_count_only=True)
    blind = vda_seats(pool(machine(10, 400)), counting, PLANNING)
    assert (blind.least, blind.most) == (10, 250)
    assert blind.missing == ("sessions per machine of finance-a from a load test",)
    assert vda_seats(pool(machine(10, 400), per_machine=35), counting, PLANNING) == exactly(35)
    findings = check_model(replace(MODEL, groups=(counting, MODEL.groups[1])))
    assert next(finding.code for finding in findings if finding.subject == "finance") == "session-count-only"


def test_single_session_desktops_are_one_seat_each() -> None:
    pooled = replace(GROUP, kind=GroupKind.POOLED)
    desktops = pool(machine(0, None), machine(1, None), machine(0, None, MachineState.MAINTENANCE))
    assert vda_seats(desktops, pooled, PLANNING) == exactly(2)


def test_logons() -> None:
    assert logon_seats(replace(MODEL.pools[0], machine_count=40, logon_s=45), PLANNING) == exactly(3200)
    assert not logon_seats(replace(MODEL.pools[0], logon_s=None), PLANNING).known


def test_gateway_sessions() -> None:
    gateway = replace(
        MODEL.gateways[0],
        platform_sessions=exactly(2000),
        max_users=exactly(1500),
        concurrent_licences=exactly(1000),
    )
    assert gateway_sessions(gateway) == exactly(1500)
    assert gateway_sessions(replace(gateway, ica_only=False)) == exactly(1000)
    nothing_known = replace(gateway, ica_only=False, concurrent_licences=unknown("user licences"))
    assert gateway_sessions(nothing_known) == unknown("user licences", most=1500)


def test_throughput_and_bandwidth_are_exact() -> None:
    """0.7 × 200 ÷ 0.25 is 560 and not 559.9999."""
    gateway = replace(MODEL.gateways[0], throughput_mbit_s=200.0)
    assert gateway_throughput(gateway, PLANNING) == exactly(560)
    assert gateway_throughput(replace(gateway, mbit_s_per_session=0.4), PLANNING) == exactly(350)
    assert gateway_throughput(replace(gateway, throughput_mbit_s=float("inf")), PLANNING) == UNLIMITED
    assert bandwidth_seats(MODEL.links[1], PLANNING) == exactly(280)
    assert bandwidth_seats(replace(MODEL.links[1], kbit_s_per_session=140.0), PLANNING) == exactly(500)
    assert sessions_at(0.3, 1.0, 0.1) == 3


@pytest.mark.parametrize(
    ("model", "expected"), [(LicenceModel.CONCURRENT, exactly(820)), (LicenceModel.USER_OR_DEVICE, exactly(720))]
)
def test_licences_without_overdraft_and_without_those_of_others(model: LicenceModel, expected: Seats) -> None:
    licence = replace(MODEL.licences[0], model=model, count=exactly(900), overdraft=80, assigned_elsewhere=exactly(100))
    assert licence_seats(licence) == expected


def test_bound_licences_that_nobody_counted() -> None:
    licence = replace(MODEL.licences[0], model=LicenceModel.USER_OR_DEVICE, assigned_elsewhere=unknown("bound"))
    assert licence_seats(licence) == unknown("bound", most=900)
    assert licence_seats(replace(licence, count=UNLIMITED)) == UNLIMITED
