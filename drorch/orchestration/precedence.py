"""A real failover has precedence: a drill that holds one of its protection groups is asked to clean up and ends."""

from __future__ import annotations

from collections.abc import Mapping

from drorch.core.errors import DrorchError, Refused
from drorch.core.state_folder import run_folder
from drorch.orchestration.held_groups import known_of
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import DriverProcesses, Parts
from drorch.orchestration.service import Opened
from drorch.plan.files import load_plan_file
from drorch.plan.model import Kind, Plan
from drorch.run.events import CleanUpRequested, Event, StopRequested
from drorch.run.interlocks import groups_of
from drorch.run.state import RunState, fold

GIVES_WAY = "gives way to the failover "
"""How the reason of such a request begins; the run's id follows."""
WAIT_S = 180.0
LOOK_S = 0.2


def emergencies(parts: Parts) -> Mapping[str, frozenset[str]]:
    """Failovers that are declared, approved and have not ended, with the protection groups each needs.

    One that cannot be read is one of them: nobody can tell that it has ended.
    """
    found: dict[str, frozenset[str]] = {}
    for run in parts.journal.runs():
        known = known_of(parts.journal, run)
        if known.created is None or known.created.kind != Kind.FAILOVER:
            continue
        asked_for = known.head.declared is not None and known.head.approvals
        if known.problem is not None or (asked_for and known.head.ended is None):
            found[run] = frozenset(known.groups)
    return found


def give_way(parts: Parts, operations: Operations, drivers: DriverProcesses, drill: str, failover: str) -> bool:
    """Ask ``drill`` to clean up for ``failover``, and see to it that somebody drives it; True when it will.

    One that is driven and has not started yet is stopped: nothing is there to clean up. Asking again does no harm.
    """
    now = operations.now(drill)
    if now.plan.kind is not Kind.DRILL or now.state.ended is not None:
        return False
    declared = known_of(parts.journal, failover).head.declared
    person = declared.person if declared else "drorch"
    reason = f"{GIVES_WAY}{failover}"
    if now.state.head.cleaning is None:
        ask = operations.clean_up if now.state.head.started_at is not None else operations.stop
        try:
            ask(drill, person=person, reason=reason)
        except Refused:
            return False  # it has just started or ended: the next look sees it
    if not now.driven:
        drivers.start(parts.home, drill)
    return True


def make_way(parts: Parts, operations: Operations, drivers: DriverProcesses, opened: Opened) -> list[str]:
    """Before a failover starts: let every drill that holds a group of it clean up, and wait for that.

    The drills that were asked. What still holds a group after `WAIT_S` seconds is refused by the interlock, as ever.
    """
    failover = opened.run
    if opened.plan.kind is not Kind.FAILOVER:
        return []
    needed = groups_of(opened.plan)
    asked: list[str] = []
    deadline = parts.clock.now().mono + WAIT_S
    while holding := [run for run in parts.journal.runs() if run != failover and _holds(parts, run, needed)]:
        asked += [run for run in holding if run not in asked and give_way(parts, operations, drivers, run, failover)]
        if parts.clock.now().mono > deadline:
            break
        parts.clock.sleep(LOOK_S)
    return asked


def gave_way_to(events: tuple[Event, ...]) -> str | None:
    """The failover a drill was cleaned up for; None when it was not."""
    for event in events:
        if isinstance(event.body, CleanUpRequested | StopRequested) and event.body.reason.startswith(GIVES_WAY):
            return event.body.reason.removeprefix(GIVES_WAY)
    return None


def _holds(parts: Parts, run: str, needed: frozenset[str]) -> bool:
    known = _known(parts, run)
    if known is None:
        return False
    plan, state = known
    held = plan.kind is Kind.DRILL and state.head.started_at is not None and state.ended is None
    return held and bool(groups_of(plan) & needed)


def _known(parts: Parts, run: str) -> tuple[Plan, RunState] | None:
    try:
        plan = load_plan_file(run_folder(parts.home, run).plan)
        return plan, fold(plan, parts.journal.read(run))
    except DrorchError:
        return None  # its files are gone: it cannot be driven any more
