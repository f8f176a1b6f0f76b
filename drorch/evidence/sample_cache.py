"""What the watches see, for people who look on: files are read on from where the last reading ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from drorch.catalog.model import Catalog
from drorch.core.clock import Instant
from drorch.core.state_folder import WatchFolder
from drorch.evidence.codec import sample_of
from drorch.evidence.model import Sample
from drorch.evidence.thin import ThinSamples
from drorch.plan.model import PLAN_SCHEMA, ApplicationScope, Kind, Limits, Plan, Selection

CLOCK_JUMP_S = 300.0
"""So much the system clock may have been set; a start of the machine sets the monotonic one back by far more."""
CHUNK_BYTES = 1 << 20
TAIL_BYTES = 1 << 18
"""From an old, long file only so much of its end says what is seen now."""


class SampleTail:
    """One growing ``samples.jsonl``, thinned. Safe for several threads; a file that is not there yet is empty."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        """``from_end``: begin near the end of the file; the brackets of earlier outages are then not there."""
        self._path = path
        self._lock = Lock()
        self._torn = b""
        self._samples = ThinSamples()
        self._offset = self._near_end() if from_end else 0
        self._skip_first = self._offset > 0

    def _near_end(self) -> int:
        try:
            return max(0, self._path.stat().st_size - TAIL_BYTES)
        except OSError:
            return 0

    def thinned(self) -> tuple[Sample, ...]:
        """See `ThinSamples.samples`. Reads what was added since; lines that are no samples are passed over."""
        with self._lock:
            self._read_on()
            return self._samples.samples()

    def latest(self) -> Mapping[str, Sample]:
        """The last sample of each application."""
        with self._lock:
            self._read_on()
            return self._samples.latest()

    def _read_on(self) -> None:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while chunk := file.read(CHUNK_BYTES):
                    self._offset += len(chunk)
                    *lines, self._torn = (self._torn + chunk).split(b"\n")
                    self._samples.take(sample for line in self._whole(lines) if (sample := sample_of(line)) is not None)
        except OSError:
            return

    def _whole(self, lines: list[bytes]) -> list[bytes]:
        if self._skip_first and lines:
            self._skip_first = False
            return lines[1:]
        return lines


def same_clock(sample: Sample, now: Instant) -> bool:
    """Whether the sample's monotonic time is of the clock that ``now`` was read from: both of its readings agree."""
    if sample.started > now.mono:
        return False
    try:
        wall = datetime.fromisoformat(sample.wall)
    except ValueError:
        return False
    by_wall = (now.wall - (wall if wall.tzinfo else wall.replace(tzinfo=UTC))).total_seconds()
    return abs(by_wall - (now.mono - sample.started)) < CLOCK_JUMP_S


class SampleCache:
    """The latest samples of all watches of a state folder, one `SampleTail` each."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = Lock()
        self._ends: dict[Path, SampleTail] = {}
        self._wholes: dict[Path, SampleTail] = {}

    def latest(self, now: Instant) -> Mapping[str, Sample]:
        """The newest sample of each application over all watches, however old it is.

        Those of an earlier start of the machine are left out: their monotonic times are of another clock.
        """
        found: dict[str, Sample] = {}
        for path in (self._home / "watches").glob("*/samples.jsonl"):
            with self._lock:
                following = self._ends.setdefault(path, SampleTail(path, from_end=True))
            for application, sample in following.latest().items():
                if not same_clock(sample, now):
                    continue
                if application not in found or sample.ended > found[application].ended:
                    found[application] = sample
        return found

    def of_watch(self, watch: WatchFolder) -> tuple[Sample, ...]:
        """All of one watch, thinned, from its beginning."""
        with self._lock:
            following = self._wholes.setdefault(watch.samples, SampleTail(watch.samples))
        return following.thinned()


def everything(catalog: Catalog) -> Plan:
    """What a standing watch over all applications looks at: a plan that does nothing."""
    return Plan(
        schema=PLAN_SCHEMA,
        kind=Kind.READINESS,
        title="standing watch",
        selection=Selection(),
        lost_site=None,
        catalog_id=catalog.content_id,
        estate_id=None,
        playbooks_id="",
        scope=tuple(
            ApplicationScope(
                application=app.id,
                from_site=catalog.primary_site_of(app),
                to_site=catalog.primary_site_of(app),
                remote_access=catalog.gateway_of(app) is not None,
            )
            for app in catalog.applications
        ),
        steps=(),
        limits=Limits(),
    )
