"""How fast the engine is with a journal on disk: durable steps a second, and the time to take a run up again.

.venv/bin/python tests/bench/bench_engine.py [steps]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from drorch.adapters.store.journal import SqlJournal
from drorch.run.recorder import Recorder
from drorch.run.state import fold
from drorch.testing.plans import layered_plan
from drorch.testing.runs import RUN, Scene


def main(steps: int) -> None:
    """Drive a simulated run of ``steps`` steps, then read, verify and fold its journal; print what it took."""
    plan = layered_plan(steps)
    with tempfile.TemporaryDirectory() as folder, SqlJournal(Path(folder) / "journal.sqlite") as journal:
        scene = Scene(plan=plan, journal=journal).create()
        began, cpu = time.perf_counter(), time.process_time()
        outcome = scene.drive()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        print(f"{steps} steps {outcome}: {took:.2f} s ({cpu:.2f} CPU-s), {steps / took:.0f} durable steps/s")
        began = time.perf_counter()
        events = journal.read(RUN)
        read = time.perf_counter()
        fold(plan, events)
        folded = time.perf_counter()
        Recorder.attach(journal, scene.clock, plan, RUN)
        attached = time.perf_counter()
        print(f"{len(events)} events: read {read - began:.2f} s, fold {folded - read:.2f} s")
        print(f"taken up again (read, verify the chain, fold, compare the plan's hash): {attached - folded:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
