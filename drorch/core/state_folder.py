"""The files of a run and of a watch, by name. Nobody else builds these paths."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from drorch.core.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class WatchFolder:
    """What a watcher process writes: ``<home>/watches/<id>/``."""

    path: Path

    @property
    def spec(self) -> Path:
        """What is watched."""
        return self.path / "watch.json"

    @property
    def samples(self) -> Path:
        """Samples, one JSON object a line."""
        return self.path / "samples.jsonl"

    @property
    def canaries(self) -> Path:
        """Canary writes, one JSON object a line."""
        return self.path / "canaries.jsonl"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """What a run leaves behind: ``<home>/runs/<run>/``."""

    path: Path

    @property
    def plan(self) -> Path:
        """The plan that was run."""
        return self.path / "plan.json"

    @property
    def catalog(self) -> Path:
        """The catalog text the plan was built from, byte for byte."""
        return self.path / "app_catalog.yaml"

    @property
    def context(self) -> Path:
        """Estate and watch of this run."""
        return self.path / "context.json"

    @property
    def fingerprint(self) -> Path:
        """What the run rests on, piece by piece, as it was when it was begun."""
        return self.path / "fingerprint.json"

    @property
    def present(self) -> Path:
        """Canary numbers found after the run."""
        return self.path / "present.json"

    def baseline(self, when: str) -> Path:
        """``baseline-before.json`` or ``baseline-after.json``: what stood where."""
        return self.path / f"baseline-{when}.json"

    @property
    def protection(self) -> Path:
        """Looks at the protection of each group, one JSON object a line."""
        return self.path / "protection.jsonl"

    @property
    def boots(self) -> Path:
        """Starts of the machine under which the run was begun or taken up, one JSON object a line."""
        return self.path / "boots.jsonl"

    @property
    def evidence(self) -> Path:
        """Files people attached to what they did by hand."""
        return self.path / "evidence"

    def report(self, ending: str) -> Path:
        """``report.json``, ``report.html`` or ``report.txt``."""
        return self.path / f"report.{ending}"


def runs_folder(home: Path) -> Path:
    """Where all runs are."""
    return home / "runs"


def run_folder(home: Path, run: str, *, must_exist: bool = True) -> RunFolder:
    """The folder of one run; NotFound when it has to exist and does not."""
    folder = RunFolder(path=runs_folder(home) / run)
    if must_exist and not folder.plan.exists():
        known = [path.parent.name for path in runs_folder(home).glob("*/plan.json")]
        near = difflib.get_close_matches(run, known, n=3)
        next_step = f"did you mean {' or '.join(near)}?" if near else "see 'drorch run list'"
        raise NotFound(f"there is no run {run!r}", where=str(home), next_step=next_step)
    return folder


def watch_folder(home: Path, name: str) -> WatchFolder:
    """The folder of one watch."""
    return WatchFolder(path=home / "watches" / name)


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """``context.json`` of a run: the files of its estate and of its year, and the name of its watch."""

    estate: str
    watch: str
    year: str | None = None
