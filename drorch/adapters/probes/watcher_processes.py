"""Starts and stops watcher processes, and reads what they wrote. A watcher outlives the command that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from drorch.adapters.probes.present import collect_present
from drorch.adapters.probes.spec import build_watch_spec
from drorch.adapters.processes import ProcessRef, end_tree, read_process
from drorch.catalog.model import Catalog
from drorch.core.codec import to_text
from drorch.core.errors import Broken
from drorch.estate.model import Estate
from drorch.evidence.codec import read_canaries, read_samples
from drorch.evidence.model import CanaryWrite, Sample
from drorch.plan.model import Plan

START_S = 10.0
STOP_S = 5.0
LOOK_S = 0.02


class WatcherProcesses:
    """Watches by folder: ``watch.json``, ``samples.jsonl``, ``canaries.jsonl``, ``watcher.json`` (the process)."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, folder: Path, *, catalog: Catalog, estate: Estate, plan: Plan, max_s: float) -> None:
        """Start a watcher over the plan's applications and wait for its first samples. One that runs is left alone.

        Broken when it ends at once or shows nothing within `START_S` seconds.
        """
        if self.running(folder):
            return
        folder.mkdir(parents=True, exist_ok=True)
        spec = build_watch_spec(catalog, estate, plan, folder=str(folder), max_s=max_s)
        Path(spec.stop_file).unlink(missing_ok=True)
        (folder / "watch.json").write_text(to_text(spec), encoding="utf-8")
        before = _size(folder / "samples.jsonl")
        with (folder / "watcher.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "drorch.adapters.probes.watcher", str(folder / "watch.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            )
        self._started.append(process)
        ref = ProcessRef.of(process.pid)
        if ref is not None:
            (folder / "watcher.json").write_text(to_text(ref))
        self._wait_for_samples(folder, process, before)

    def _wait_for_samples(self, folder: Path, process: subprocess.Popen[bytes], before: int) -> None:
        deadline = time.monotonic() + START_S
        while _size(folder / "samples.jsonl") == before:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Broken(
                    "the watcher shows nothing: " + (folder / "watcher.log").read_text(errors="replace")[-500:].strip(),
                    where=str(folder),
                    next_step="look at watcher.log; without a watch no outage can be measured",
                )
            time.sleep(LOOK_S)

    def running(self, folder: Path) -> bool:
        """Whether the watcher of this folder lives."""
        ref = read_process(folder / "watcher.json")
        return ref is not None and ref.is_alive()

    def stop(self, folder: Path) -> None:
        """Let the watcher end, so that its files are complete; kill it when it does not within `STOP_S` seconds."""
        ref = read_process(folder / "watcher.json")
        if ref is None:
            return
        (folder / "watch.stop").touch()
        deadline = time.monotonic() + STOP_S
        while ref.is_alive() and time.monotonic() < deadline:
            self._reap()
            time.sleep(LOOK_S)
        end_tree(ref)
        self._reap()

    def _reap(self) -> None:
        self._started = [process for process in self._started if process.poll() is None]

    def samples(self, folder: Path) -> tuple[Sample, ...]:
        """All samples so far. InputInvalid when the file was damaged."""
        return read_samples(_text(folder / "samples.jsonl"), str(folder / "samples.jsonl"))

    def canaries(self, folder: Path) -> tuple[CanaryWrite, ...]:
        """All canary writes so far. InputInvalid when the file was damaged."""
        return read_canaries(_text(folder / "canaries.jsonl"), str(folder / "canaries.jsonl"))

    def present(self, estate: Estate, applications: Sequence[str]) -> Mapping[str, tuple[int, ...] | None]:
        """Canary numbers each application holds now; None where it could not be asked."""
        return collect_present(estate, applications)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
