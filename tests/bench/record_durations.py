"""Writes the durations of real drills on the lab to a file, for the forecast's golden data and its own check.

    python tests/bench/record_durations.py 20 tests/golden/forecast/drills.json "Debian 12, 2 shared cores, 2026-11-24"

Each run is a drill of the small catalog's New York group: an isolated copy, three applications, cleaned up again.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from drorch.core.codec import to_text
from drorch.lab.control import Lab
from drorch.plan.history import HISTORY_SCHEMA, Durations, RunTimes
from drorch.run.history import times_of
from drorch.testing.builders import small_catalog
from tests.acceptance.operator import Operator


def recorded(runs: int, home: Path) -> list[RunTimes]:
    """The times of so many drills in a row on a lab of their own; fails when one does not pass."""
    found: list[RunTimes] = []
    lab = Lab.up(small_catalog())
    try:
        operator = Operator.of(lab, home)
        for number in range(1, runs + 1):
            began = time.monotonic()
            ended = operator.drills("nyc")
            times = times_of(ended.opened.plan, f"drill-{number}", ended.events)
            assert times is not None, ended.text()
            found.append(times)
            took = time.monotonic() - began
            sys.stderr.write(f"{number}: recovered in {times.recovered_s:.2f} s (all of it {took:.1f} s)\n")
        operator.ends_watches()
    finally:
        lab.down()
    return found


if __name__ == "__main__":
    count, target, about = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        times = [replace(item, run=f"drill-{number}") for number, item in enumerate(recorded(count, Path(folder)), 1)]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(to_text(Durations(schema=HISTORY_SCHEMA, about=about, runs=tuple(times)), indent=1))
