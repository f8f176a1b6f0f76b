"""Follows a growing ``samples.jsonl`` once for all who wait: each line is parsed once, recent samples are kept."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from threading import Lock

from drorch.evidence.codec import sample_of
from drorch.evidence.model import Sample

KEPT = 64
"""Samples kept per application (and drill copy): more than a dozen seconds of the finest grid."""
CHUNK_BYTES = 1 << 20


class SampleTail:
    """Safe to use from several threads. A file that is not there yet is an empty one.

    Only samples of ``boot`` count: those of another start of the machine would look newer, or older, than they are.
    """

    def __init__(self, path: Path, *, boot: str = "") -> None:
        self._path = path
        self._boot = boot
        self._lock = Lock()
        self._offset = 0
        self._torn = b""
        self._recent: dict[tuple[str, bool], deque[Sample]] = {}

    def recent(self, application: str, *, drill: bool) -> tuple[Sample, ...]:
        """The latest samples, by start. Reads what was added since; lines that are no samples are passed over."""
        with self._lock:
            self._read_on()
            return tuple(sorted(self._recent.get((application, drill), ()), key=lambda sample: sample.started))

    def _read_on(self) -> None:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while chunk := file.read(CHUNK_BYTES):
                    self._offset += len(chunk)
                    *lines, self._torn = (self._torn + chunk).split(b"\n")
                    for line in lines:
                        self._take(line)
        except FileNotFoundError:
            return

    def _take(self, line: bytes) -> None:
        sample = sample_of(line)
        if sample is None or sample.boot != self._boot:
            return  # whoever measures reads the whole file and reports bad lines; a proof just waits for good ones
        key = (sample.application, sample.drill)
        self._recent.setdefault(key, deque(maxlen=KEPT)).append(sample)
