"""The watcher process: ``python -m drorch.adapters.probes.watcher watch.json``.

Samples every target on its fixed grid, phases staggered; a slot that cannot be kept is skipped, never stretched. Full
samples once a second, always while down, and for the first answer after it; light ones in between. Numbered canary
writes once a second. Ends on SIGTERM, SIGINT, the stop file, or after ``max_s``; what it wrote is complete by lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from drorch.adapters.clock import boot_id
from drorch.adapters.probes.canary import CanaryWriter, first_number
from drorch.adapters.probes.judge import Names
from drorch.adapters.probes.lost_sites import LostSites
from drorch.adapters.probes.service import Surroundings, take_sample
from drorch.adapters.probes.spec import WatchSpec, WatchTarget
from drorch.core.codec import to_text
from drorch.core.errors import Broken, DrorchError, InputInvalid
from drorch.evidence.model import Sample

MAX_UNDER_WAY = 4
"""Samples of one target that may be under way at once: hanging ones must not blind the grid."""
START_DELAY_S = 0.2
END_GRACE_S = 0.5
STOP_CHECK_S = 0.1


class Grid:
    """Slots at ``base + slot * step``; waiting for the next one skips those that have passed."""

    def __init__(self, base: float, step: float) -> None:
        self._base = base
        self._step = step
        self._next = 0

    async def next_slot(self) -> int:
        """Sleep until the next slot that is still to come; its number."""
        passed = (time.monotonic() - self._base) / self._step
        slot = max(self._next, int(passed) + 1 if passed >= self._next else self._next)
        self._next = slot + 1
        await asyncio.sleep(max(0.0, self._base + slot * self._step - time.monotonic()))
        return slot


class TargetWatch:
    """Decides for one target how to look next, and remembers what was seen last."""

    def __init__(self, around: Surroundings, target: WatchTarget, full_every_s: float) -> None:
        self.target = target
        self.names: Names | None = None
        self.under_way = 0
        self._around = around
        self._full_every_s = full_every_s
        self._good = False
        self._newest = -1.0
        self._last_full = -1e9

    async def look(self, slot: int) -> Sample:
        """One sample: full while down, at first, and once every ``full_every_s`` seconds."""
        now = time.monotonic()
        full = not self._good or now - self._last_full >= self._full_every_s - self.target.grid_s / 2
        if full:
            self._last_full = now
        self.under_way += 1
        try:
            sample, names = await take_sample(self._around, self.target, slot=slot, full=full, known=self.names)
        finally:
            self.under_way -= 1
        if sample.started > self._newest:
            self._newest, self._good, self.names = sample.started, sample.good, names
        return sample


class Watcher:
    """Runs the loops of all targets in one event loop."""

    def __init__(self, spec: WatchSpec, around: Surroundings, samples: TextIO, canaries: TextIO) -> None:
        self._spec = spec
        self._around = around
        self._samples = samples
        self._canaries = canaries
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None
        self._boot = boot_id()
        self.ending = asyncio.Event()
        self.counts = {"samples": 0, "skipped": 0, "canaries": 0}

    async def watch(self) -> None:
        """Watch until told to end. Broken when a file can no longer be written."""
        base = time.monotonic() + START_DELAY_S
        first = first_number(time.time())
        loops: list[asyncio.Task[None]] = [asyncio.create_task(self._await_end(base))]
        for index, target in enumerate(self._spec.targets):
            watch = TargetWatch(self._around, target, self._spec.full_every_s)
            share = index / len(self._spec.targets)
            loops.append(
                asyncio.create_task(self._sample_loop(watch, Grid(base + share * target.grid_s, target.grid_s)))
            )
            if target.canary:
                grid = Grid(base + share * self._spec.canary_every_s, self._spec.canary_every_s)
                loops.append(asyncio.create_task(self._canary_loop(watch, first, grid)))
        await self.ending.wait()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_GRACE_S)
        for task in [*loops, *self._tasks]:
            task.cancel()
        await asyncio.gather(*loops, *self._tasks, return_exceptions=True)
        if self._failed is not None:
            raise Broken(f"the watch ended: {self._failed}", next_step="free the disk, then watch again")

    async def _await_end(self, base: float) -> None:
        stop_file = Path(self._spec.stop_file)
        while not stop_file.exists() and time.monotonic() - base < self._spec.max_s:
            await asyncio.sleep(STOP_CHECK_S)
        self.ending.set()

    async def _sample_loop(self, watch: TargetWatch, grid: Grid) -> None:
        async def take(slot: int) -> None:
            sample = await watch.look(slot)
            self._write(self._samples, to_text(replace(sample, boot=self._boot)), "samples")

        await self._on_grid(grid, take, lambda: watch.under_way < MAX_UNDER_WAY)

    async def _canary_loop(self, watch: TargetWatch, first: int, grid: Grid) -> None:
        writer = CanaryWriter(watch.target, first, self._spec.timeout_s)

        async def write(slot: int) -> None:  # noqa: ARG001 - numbers are not slots: they have no gaps
            if watch.names is not None and watch.names.address is not None:
                canary = await writer.write(watch.names.address)
                self._write(self._canaries, to_text(replace(canary, boot=self._boot)), "canaries")

        await self._on_grid(grid, write, lambda: True)

    async def _on_grid(
        self, grid: Grid, act: Callable[[int], Coroutine[Any, Any, None]], free: Callable[[], bool]
    ) -> None:
        expected = 0
        while not self.ending.is_set():
            slot = await grid.next_slot()
            self.counts["skipped"] += slot - expected
            expected = slot + 1
            if self.ending.is_set():
                return
            if free():
                self._start(act(slot))
            else:
                self.counts["skipped"] += 1

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
            self.ending.set()

    def _write(self, file: TextIO, line: str, what: str) -> None:
        file.write(line)
        file.flush()
        self.counts[what] += 1


async def run(spec: WatchSpec) -> dict[str, int]:
    """Watch as ``spec`` says; counts of samples, skipped slots and canaries. OSError when a file cannot be opened."""
    around = await Surroundings.open(
        spec.name_servers,
        spec.sites,
        timeout_s=spec.timeout_s,
        name_timeout_s=spec.name_timeout_s,
        lost=LostSites(Path(spec.samples).parent),
    )
    try:
        with _append(spec.samples) as samples, _append(spec.canaries) as canaries:
            watcher = Watcher(spec, around, samples, canaries)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, watcher.ending.set)
            await watcher.watch()
            return watcher.counts
    finally:
        around.names.close()


def _append(path: str) -> TextIO:
    return open(path, "a", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """The process. Exit 0 when it ended as told, 2 for a bad watch file, 5 when it could not go on."""
    try:
        if len(arguments) != 1:
            raise InputInvalid("one argument is needed: the watch file")
        spec = WatchSpec.from_text(Path(arguments[0]).read_text(encoding="utf-8"), arguments[0])
        gc.freeze()
        counts = asyncio.run(run(spec))
    except DrorchError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    except (OSError, UnicodeDecodeError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return int(InputInvalid.exit_code)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({**counts, "cpu_s": round(used.ru_utime + used.ru_stime, 3), "pid": os.getpid()}))
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
