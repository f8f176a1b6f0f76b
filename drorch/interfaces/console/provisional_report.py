"""The record of a run as it would be now, for people who watch it: made again seldom enough not to slow the run."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock, Thread

from drorch.core.clock import Instant
from drorch.core.errors import DrorchError
from drorch.core.state_folder import watch_folder
from drorch.evidence.record.build import build_report
from drorch.evidence.record.model import Report
from drorch.evidence.sample_cache import SampleCache
from drorch.orchestration.boot_log import boots_of
from drorch.orchestration.measurement import measure_run
from drorch.orchestration.operator_requests import RunNow
from drorch.orchestration.ports import Parts
from drorch.orchestration.service import Opened, Service

LEAST_S = 1.0
SHARE = 10.0
"""It takes at most one part in so many of the time."""


@dataclass(frozen=True, kw_only=True)
class ProvisionalReport:
    """The record as of ``at``; ``now_s`` seconds since the creation of the run."""

    report: Report
    at: Instant
    now_s: float


class ProvisionalReports:
    """One for all who watch."""

    def __init__(self, parts: Parts, service: Service, looks: SampleCache) -> None:
        self._parts, self._service, self._looks = parts, service, looks
        self._lock = Lock()
        self._opened: dict[str, Opened] = {}
        self._made: dict[str, tuple[float, ProvisionalReport]] = {}
        """Run to seconds the making took, and what was made."""

    def of(self, now: RunNow) -> ProvisionalReport:
        """The record so far. Measured from thinned samples; data loss is never measured before the end.

        The first reader waits for it; later ones get the last one made, and a new one is made meanwhile.
        """
        known = self._made.get(now.run)
        if known is None:
            with self._lock:
                known = self._made.get(now.run)
                return known[1] if known is not None else self._renew(now)
        due = self._parts.clock.now().since(known[1].at) >= max(LEAST_S, SHARE * known[0])
        if due and self._lock.acquire(blocking=False):
            Thread(target=self._renew_and_release, args=(now,), name="record-so-far", daemon=True).start()
        return known[1]

    def _renew_and_release(self, now: RunNow) -> None:
        try:
            self._renew(now)
        except DrorchError:
            return  # what was known stays, with its time beside it
        finally:
            self._lock.release()

    def _renew(self, now: RunNow) -> ProvisionalReport:
        at = self._parts.clock.now()
        made = self._make(now, at)
        self._made[now.run] = (self._parts.clock.now().since(at), made)
        return made

    def _make(self, now: RunNow, at: Instant) -> ProvisionalReport:
        opened = self._opened.get(now.run)
        if opened is None:
            opened = self._opened[now.run] = self._service.open(now.run)
        samples = self._looks.of_watch(watch_folder(self._parts.home, opened.watch.path.name))
        measured = measure_run(
            catalog=opened.catalog,
            plan=now.plan,
            events=now.events,
            samples=samples,
            canaries=(),
            present={},
            boots=boots_of(opened.folder),
        )
        report = build_report(
            run_id=now.run,
            plan=now.plan,
            catalog=opened.catalog,
            events=now.events,
            outages=measured.outages,
            losses=measured.losses,
            scores=measured.scores,
            estate=opened.estate.name,
        )
        return ProvisionalReport(report=report, at=at, now_s=at.since(now.events[0].at))
