"""What the watches see, for people who look on: files are read on from where the last reading ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from drorch.app.folders import WatchFolder
from drorch.evidence.codec import sample_from_json
from drorch.evidence.model import Sample
from drorch.evidence.thin import ThinSamples

CHUNK_BYTES = 1 << 20
TAIL_BYTES = 1 << 18
"""From an old, long file only so much of its end says what is seen now."""


class Following:
    """One growing ``samples.jsonl``, thinned. Safe for several threads; a file that is not there yet is an empty one."""

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
                    self._samples.take(sample for line in self._whole(lines) if (sample := _sample(line)) is not None)
        except OSError:
            return

    def _whole(self, lines: list[bytes]) -> list[bytes]:
        if self._skip_first and lines:
            self._skip_first = False
            return lines[1:]
        return lines


def _sample(line: bytes) -> Sample | None:
    try:
        return sample_from_json(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


class Looks:
    """The latest samples of all watches of a state folder, one `Following` each."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = Lock()
        self._ends: dict[Path, Following] = {}
        self._wholes: dict[Path, Following] = {}

    def latest(self) -> Mapping[str, Sample]:
        """The newest sample of each application over all watches, however old it is."""
        found: dict[str, Sample] = {}
        for path in (self._home / "watches").glob("*/samples.jsonl"):
            with self._lock:
                following = self._ends.setdefault(path, Following(path, from_end=True))
            for application, sample in following.latest().items():
                if application not in found or sample.ended > found[application].ended:
                    found[application] = sample
        return found

    def of_watch(self, watch: WatchFolder) -> tuple[Sample, ...]:
        """All of one watch, thinned, from its beginning."""
        with self._lock:
            following = self._wholes.setdefault(watch.samples, Following(watch.samples))
        return following.thinned()
