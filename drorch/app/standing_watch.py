"""The watch that was there before a loss: without one nobody saw it happen, and nothing about it is measured."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from drorch.app.folders import WatchFolder, runs_folder
from drorch.app.looking import Following
from drorch.app.ports import Parts, Watching
from drorch.plan.model import Kind, Plan


def standing_watch(home: Path, watching: Watching, applications: Collection[str] = ()) -> WatchFolder | None:
    """The newest watch that lives, belongs to no run and looks at all of ``applications``; None without one."""
    runs = {path.name for path in runs_folder(home).glob("*")}
    specs = sorted((home / "watches").glob("*/watch.json"), key=lambda file: -file.stat().st_mtime_ns)
    for spec in specs:
        watch = WatchFolder(path=spec.parent)
        if watch.path.name in runs or not watching.running(watch.path):
            continue
        if not applications or set(applications) <= set(Following(watch.samples, from_end=True).latest()):
            return watch
    return None


def watch_before(parts: Parts, plan: Plan, named: str | None) -> str | None:
    """The watch a run of ``plan`` is measured with: the named one; for a failover else one that stands and covers it.

    None: nobody looked before. Other kinds begin with a watch of their own, which sees the services good first.
    """
    if named is not None or plan.kind is not Kind.FAILOVER:
        return named
    found = standing_watch(parts.home, parts.watching, {scope.application for scope in plan.scope})
    return found.path.name if found else None
