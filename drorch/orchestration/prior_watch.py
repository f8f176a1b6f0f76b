"""The watch that was there before a loss: without one nobody saw it happen, and nothing about it is measured."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from drorch.core.errors import Refused
from drorch.core.state_folder import WatchFolder, runs_folder
from drorch.evidence.sample_cache import SampleTail
from drorch.orchestration.ports import Parts, Watching
from drorch.plan.model import Kind, Plan

BASELINE_DEADLINE_S = 20.0
POLL_S = 0.1


def standing_watch(home: Path, watching: Watching, applications: Collection[str] = ()) -> WatchFolder | None:
    """The newest watch that lives, belongs to no run and looks at all of ``applications``; None without one."""
    runs = {path.name for path in runs_folder(home).glob("*")}
    specs = sorted((home / "watches").glob("*/watch.json"), key=lambda file: -file.stat().st_mtime_ns)
    for spec in specs:
        watch = WatchFolder(path=spec.parent)
        if watch.path.name in runs or not watching.running(watch.path):
            continue
        if not applications or set(applications) <= set(SampleTail(watch.samples, from_end=True).latest()):
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


def wait_for_baseline(
    parts: Parts, watch: WatchFolder, plan: Plan, *, needs_good: bool, since: float = float("-inf")
) -> None:
    """Wait until every application in scope has a production sample. Refused after the deadline.

    ``needs_good``: the sample has to be good and full, and a canary has to be acknowledged where canaries are written;
    without one from before the outage no data loss can be measured. ``since``: monotonic seconds; what is older does
    not count.
    """
    wanted = {scope.application for scope in plan.scope}
    numbered = {scope.application for scope in plan.scope if not scope.remote_access} if needs_good else set()
    deadline = parts.clock.now().mono + BASELINE_DEADLINE_S
    while True:
        seen = {
            sample.application
            for sample in parts.watching.samples(watch.path)
            if not sample.drill
            and sample.boot == parts.boot
            and sample.started >= since
            and (not needs_good or (sample.good and sample.full))
        }
        written = {
            canary.application
            for canary in parts.watching.canaries(watch.path)
            if canary.acknowledged and canary.started >= since
        }
        missing = sorted((wanted - seen) | (numbered - written))
        if not missing:
            return
        if parts.clock.now().mono > deadline:
            raise Refused(
                f"no baseline: {len(missing)} of {len(wanted)} applications were not seen "
                f"{'good' if needs_good else 'at all'} in {BASELINE_DEADLINE_S:.0f} s: {', '.join(missing[:5])}",
                next_step="look with 'drorch probe now'; a planned run starts from services that answer",
            )
        parts.clock.sleep(POLL_S)
