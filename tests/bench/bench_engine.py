"""How fast the engine is with a journal on disk: durable steps a second, the time to take a run up again, and how far
a run with limits stays behind its critical path.

.venv/bin/python tests/bench/bench_engine.py [steps]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from drorch.adapters.store.events import SqlStore
from drorch.plan.critical import estimated_duration
from drorch.plan.model import Limits, Plan
from drorch.run.decide import Perform, decide
from drorch.run.events import Body, Event, StepStarted, StepSucceeded
from drorch.run.journal import RunJournal
from drorch.run.recorder import Recorder
from drorch.run.state import advance, fold
from drorch.testing.clock import HandClock
from drorch.testing.plans import layered_plan, make_plan, playbook_step
from drorch.testing.runs import RUN, Scene, started

GOAL_STEPS_PER_S = 10_000
GOAL_RELOAD_S = 0.25
GOAL_MAKESPAN = 1.05


def main(steps: int) -> None:
    """Drive a simulated run of ``steps`` steps, then read, verify and fold its journal; print what it took."""
    plan = layered_plan(steps)
    with tempfile.TemporaryDirectory() as folder, SqlStore(Path(folder) / "store.sqlite") as store:
        journal = RunJournal(store)
        scene = Scene(plan=plan, journal=journal).create()
        began, cpu = time.perf_counter(), time.process_time()
        outcome = scene.drive()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        events = journal.read(RUN)
        floor = bare_inserts(Path(folder) / "floor.sqlite", len(events))
        print(f"{steps} steps {outcome}: {took:.2f} s ({cpu:.2f} CPU-s, {steps / cpu:.0f} steps per CPU-s)")
        told("durable steps/s", steps / took, GOAL_STEPS_PER_S, more_is_better=True)
        print(
            f"  as many rows committed one by one, without drorch: {floor:.2f} s; drorch takes {took / floor:.2f} of it"
        )
        began = time.process_time()
        journal.read(RUN)
        read = time.process_time()
        fold(plan, events)
        folded = time.process_time()
        Recorder.attach(journal, scene.clock, replace(plan), RUN)  # a copy: nothing about it is known yet
        attached = time.process_time()
        print(f"{len(events)} events: read and verify {read - began:.2f} CPU-s, fold {folded - read:.2f} CPU-s")
        told("taken up again (read, verify, fold, hash of the plan), CPU-s", attached - folded, GOAL_RELOAD_S)
    for limits in (Limits(total=8, per_site=8), Limits(total=64, per_site=64), Limits(total=10**6, per_site=10**6)):
        simulated(uneven_plan(limits))


def told(what: str, value: float, goal: float, *, more_is_better: bool = False) -> None:
    """One measured value as a ratio of its goal."""
    met = value >= goal if more_is_better else value <= goal
    print(f"  {what}: {value:.4g}, goal {goal:g}, ratio {value / goal:.2f}: {'met' if met else 'NOT met'}")


def bare_inserts(file: Path, rows: int) -> float:
    """Seconds for ``rows`` commits of one row each, at the same durability: what no grouping would cost at least."""
    store = sqlite3.connect(file, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, data TEXT)")
    began = time.perf_counter()
    for row in range(rows):
        store.execute("INSERT INTO events VALUES (?, ?)", (row, "x" * 300))
    took = time.perf_counter() - began
    store.close()
    return took


def uneven_plan(limits: Limits) -> Plan:
    """Thirty groups of five applications: one recovery each, then starts that take from 5 to 45 seconds."""
    steps = []
    for group in range(30):
        recover = playbook_step(f"g{group}/recover", estimate_s=20.0 + group)
        steps.append(recover)
        for place in range(5):
            needs = [recover.id] if place < 3 else [f"g{group}-a{place - 3}/start"]
            steps.append(playbook_step(f"g{group}-a{place}/start", needs=needs, estimate_s=5.0 + 10 * place))
    return make_plan(steps, limits=limits)


def simulated(plan: Plan) -> None:
    """Let ``decide`` run the plan on a simulated clock, each step taking its estimate; compare with the lower bound.

    No schedule is shorter than the critical path, nor than all work shared evenly between the slots.
    """
    state, clock, under_way = started(plan), HandClock(), list[tuple[float, str]]()
    began = clock.now().mono
    while True:
        chosen = [command for command in decide(plan, state, clock.now()) if isinstance(command, Perform)]
        bodies: list[Body] = [StepStarted(step=one.step.id, attempt=1, ident=one.ident) for one in chosen]
        under_way += [(clock.now().mono + one.step.estimate_s, one.step.id) for one in chosen]
        if not under_way:
            break
        if not bodies:
            end = min(under_way)
            under_way.remove(end)
            clock.advance(end[0] - clock.now().mono)
            bodies = [StepSucceeded(step=end[1], attempt=1)]
        for body in bodies:
            event = Event(run=RUN, seq=state.seq + 1, at=clock.now(), body=body)
            state = advance(state, [event])
    assert state.complete
    took, path = clock.now().mono - began, estimated_duration(plan)
    shared = sum(step.estimate_s for step in plan.steps) / plan.limits.total
    print(f"{len(plan.steps)} steps, at most {plan.limits.total} at once: {took:.0f} s, critical path {path:.0f} s")
    told("makespan / max(critical path, work / slots)", took / max(path, shared), GOAL_MAKESPAN)
    if path >= shared:
        told("makespan / critical path", took / path, GOAL_MAKESPAN)
    else:
        print(f"  makespan / critical path: {took / path:.2f} (the slots are the limit: at least {shared / path:.2f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
