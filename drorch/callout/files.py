"""The files of a call-out exercise: ``<home>/callouts/<exercise>/``. All of them are for their owner only."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from drorch.callout.codec import GENESIS, event_to_line, events_from_text, linked
from drorch.callout.load import load_call_tree
from drorch.callout.log import Callout, CalloutBody, CalloutEvent, callout_after
from drorch.callout.model import CallTree
from drorch.catalog.text import MAX_BYTES
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.files import read_input
from drorch.core.line_file import LineFile


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A log of which everything was checked and folded: what comes behind it is read on, not anew."""

    text: str = ""
    events: list[CalloutEvent] = field(default_factory=list)
    state: Callout | None = None


class CalloutFiles:
    """One exercise: the tree it was begun with, byte for byte, and its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = LineFile(folder / "callout.jsonl", "the log of the exercise")
        self._lock = threading.Lock()
        self._read = _Read()

    @property
    def report(self) -> Path:
        """The result as JSON; it names no address."""
        return self.folder / "report.json"

    def create(self, tree_text: bytes) -> None:
        """Make the folder and keep the tree. FileExistsError when there is such an exercise."""
        self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.mkdir(mode=0o700)
        descriptor = os.open(self.folder / "callout.yaml", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(tree_text)
            stream.flush()
            os.fsync(stream.fileno())

    def tree(self) -> CallTree:
        """The tree it was begun with."""
        return load_call_tree(read_input(self.folder / "callout.yaml", MAX_BYTES), str(self.folder / "callout.yaml"))

    def events(self) -> tuple[CalloutEvent, ...]:
        """All events. InputInvalid with ``file:line`` when the file was damaged or edited."""
        return tuple(self._known(self._log.read()).events)

    def state(self) -> Callout:
        """The exercise as its log tells it. NotFound before its first event."""
        state = self._known(self._log.read()).state
        if state is None:
            raise NotFound("the exercise never began", where=str(self.folder), next_step="begin a new one")
        return state

    def append(self, at: datetime, decide: Callable[[Callout | None], CalloutBody | None]) -> CalloutEvent | None:
        """Write what ``decide`` makes of the state; nobody else writes in between. None: there is nothing to write.

        What ``decide`` raises is passed on, and so is the fold's refusal; nothing is written then.
        """
        written: list[CalloutEvent] = []

        def made(text: str) -> str:
            known = self._known(text)
            events, state = known.events, known.state
            body = decide(state)
            if body is None:
                return ""
            # The wall clock may be set back between two processes; the log's times never run backwards.
            moment = max(at.astimezone(UTC), *(event.at for event in events[-1:])) if events else at.astimezone(UTC)
            event = linked(
                events[-1].chain if events else GENESIS, CalloutEvent(seq=len(events) + 1, at=moment, body=body)
            )
            callout_after(state, event)
            written.append(event)
            return event_to_line(event)

        self._log.append(made)
        return written[0] if written else None

    def _known(self, text: str) -> _Read:
        """The log as read so far, with what is new in ``text``. A text that is not a continuation is read anew."""
        with self._lock:
            read = self._read
            if not text.startswith(read.text):
                read = _Read()
            last = read.events[-1] if read.events else None
            new = events_from_text(text[len(read.text) :], str(self._log.path), last)
            state = read.state
            for event in new:
                state = callout_after(state, event)
            self._read = _Read(text=text, events=[*read.events, *new] if new else read.events, state=state)
            return self._read

    @contextmanager
    def driven(self) -> Iterator[None]:
        """For the one process that sends. Refused while another one does; the kernel lets go when it dies."""
        descriptor = os.open(self.folder / "driver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise Refused(
                "another process sends the messages of this exercise",
                where=str(self.folder),
                next_step="look at it with 'drorch callout watch'",
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)


def callouts_folder(home: Path) -> Path:
    """Where all exercises are."""
    return home / "callouts"


def exercises(home: Path) -> tuple[str, ...]:
    """Ids of all exercises, oldest first."""
    return tuple(sorted(path.parent.name for path in callouts_folder(home).glob("*/callout.jsonl")))


def exercise_files(home: Path, exercise: str | None) -> CalloutFiles:
    """The files of one exercise; None: the latest. NotFound when there is none."""
    known = exercises(home)
    if exercise is None and known:
        return CalloutFiles(callouts_folder(home) / known[-1])
    if exercise not in known or exercise is None:
        what = f"there is no exercise {exercise!r}" if exercise else "there was no exercise yet"
        shown = ", ".join(known[-5:]) or "none; begin one with 'drorch callout start'"
        raise NotFound(what, where=str(home), next_step=f"exercises are: {shown}")
    return CalloutFiles(callouts_folder(home) / exercise)


def read_private(path: Path) -> bytes:
    """The bytes of a file with people's addresses. InputInvalid when others than its owner may read it."""
    content = read_input(path, MAX_BYTES)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = "holds people's addresses and can be read by others than its owner"
        raise InputInvalid(what, where=str(path), next_step=f"chmod 600 {path}")
    return content
