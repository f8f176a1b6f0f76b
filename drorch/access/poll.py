"""One round over the systems that carry remote access: due ones only, one call at a time, never a refused password
twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from drorch.access.model import CapacityModel
from drorch.access.ports import AccessSource, CallCheck, PollRecord, ReadingArchive, SourceFailed, Trouble
from drorch.access.sources import SourceConfig, SourceKind, load_sources
from drorch.catalog.text import MAX_BYTES
from drorch.core.clock import Clock
from drorch.core.errors import DrorchError
from drorch.core.files import read_input
from drorch.core.process_lock import alone
from drorch.core.stream import EventStore

KEEP_DAYS = 400
"""Minutes are kept a little longer than a year, so that the same week of last year can be looked at."""
FIRST_LOOK_BACK = timedelta(days=3)
OVERLAP = timedelta(minutes=10)
"""The last minutes are read again: the vendor still adds to them."""
JITTER = 0.1
"""Part of an interval by which a round is put off at most, so that not everybody asks at the full minute."""
_EARLY = 0.9
LOCK = "access-poll.lock"
HELD = "the secret was refused and is not sent again until its file is changed"


@dataclass(frozen=True, kw_only=True)
class AccessParts:
    """What the use cases of remote access need from the world."""

    home: Path
    clock: Clock
    store: EventStore
    """With the sealed evidence of tests."""
    archive: ReadingArchive
    open_source: Callable[[SourceConfig], AccessSource]
    chance: Callable[[], float]
    """A number from 0 to 1, for the jitter."""


@dataclass(frozen=True, kw_only=True)
class Polled:
    """What a round did with one source. ``skipped`` says why nothing was asked."""

    source: str
    kind: SourceKind
    trouble: Trouble | None = None
    text: str = ""
    minutes: int = 0
    """New ones."""
    readings: int = 0
    skipped: str | None = None


def load_sources_file(path: Path, model: CapacityModel) -> tuple[SourceConfig, ...]:
    """The sources of a file. InputInvalid with file, line and field."""
    return load_sources(read_input(path, MAX_BYTES), str(path), path.absolute().parent, model)


def poll(
    parts: AccessParts,
    sources: Sequence[SourceConfig],
    *,
    every: bool = False,
    jitter: bool = False,
    budget_s: float | None = None,
) -> tuple[Polled, ...]:
    """Ask all sources that are due (``every``: all of them), one after the other. Refused while another round runs.

    After ``budget_s`` no further source is begun; the one longest not asked comes first.
    """
    with alone(parts.home / LOCK, "another round is under way", "wait until it has ended"):
        known = parts.archive.polls()
        began = parts.clock.now()
        found: dict[str, Polled] = {}
        for config in sorted(sources, key=lambda item: _last_asked(known, item.id)):
            if budget_s is not None and parts.clock.now().since(began) > budget_s:
                text = "put off: this round has taken its time"
                found[config.id] = Polled(source=config.id, kind=config.kind, skipped=text)
                continue
            found[config.id] = _one(parts, config, known, every=every, jitter=jitter)
        done = tuple(found[config.id] for config in sources)
        parts.archive.forget(parts.clock.now().wall - timedelta(days=KEEP_DAYS))
    return done


def checks(parts: AccessParts, sources: Sequence[SourceConfig]) -> Mapping[str, tuple[CallCheck, ...]]:
    """Each call of each source by itself. Nothing is stored."""
    found: dict[str, tuple[CallCheck, ...]] = {}
    for config in sources:
        try:
            source = parts.open_source(config)
        except DrorchError as error:
            found[config.id] = (_unusable(error),)
            continue
        try:
            found[config.id] = tuple(source.checks())
        except DrorchError as error:
            found[config.id] = (_unusable(error),)
        finally:
            source.close()
    return found


def secret_mark(config: SourceConfig) -> str:
    """Changes with the file of the secret; empty when there is none."""
    try:
        status = (config.secret_file or Path("/dev/null")).stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _last_asked(known: Mapping[str, tuple[PollRecord, datetime | None]], source: str) -> float:
    return known[source][0].at.timestamp() if source in known else 0.0


def _one(
    parts: AccessParts,
    config: SourceConfig,
    known: Mapping[str, tuple[PollRecord, datetime | None]],
    *,
    every: bool,
    jitter: bool,
) -> Polled:
    last, _ = known.get(config.id, (None, None))
    mark = secret_mark(config)
    if last is not None and last.trouble is Trouble.AUTH and last.secret_mark == mark:
        return Polled(source=config.id, kind=config.kind, trouble=Trouble.AUTH, skipped=HELD)
    now = parts.clock.now().wall
    licence = config.kind in (SourceKind.LICENCE_FILE, SourceKind.CLOUD_LICENCE)
    if last is not None and (not every or licence):
        left = _EARLY * config.interval_s - (now - last.at).total_seconds()
        if left > 0:
            return Polled(source=config.id, kind=config.kind, skipped=f"due in {left:.0f} s")
    if jitter:
        parts.clock.sleep(parts.chance() * JITTER * config.interval_s)
    done, record = _asked(parts, config, mark)
    parts.archive.keep_poll(record)
    return done


def _asked(parts: AccessParts, config: SourceConfig, mark: str) -> tuple[Polled, PollRecord]:
    now = parts.clock.now().wall
    try:
        source = parts.open_source(config)
        try:
            answer = source.read(_since(parts.archive, config, now))
        finally:
            source.close()
    except SourceFailed as error:
        return _failed(config, now, mark, error.trouble, f"{error.what} ({error.where})")
    except DrorchError as error:
        # The secret's file or a package is not as it has to be: nothing was sent.
        return _failed(config, now, "", Trouble.UNREACHABLE, f"not asked: {error.what} ({error.where})")
    new = parts.archive.keep(config.id, answer)
    done = Polled(source=config.id, kind=config.kind, minutes=new, readings=len(answer.readings))
    return done, PollRecord(source=config.id, at=now, trouble=None, secret_mark=mark)


def _failed(config: SourceConfig, now: datetime, mark: str, trouble: Trouble, text: str) -> tuple[Polled, PollRecord]:
    done = Polled(source=config.id, kind=config.kind, trouble=trouble, text=text)
    return done, PollRecord(source=config.id, at=now, trouble=trouble, text=text, secret_mark=mark)


def _since(archive: ReadingArchive, config: SourceConfig, now: datetime) -> datetime:
    last = archive.last_minute(config.site) if config.kind is SourceKind.MONITOR and config.site else None
    return max(now - FIRST_LOOK_BACK, last - OVERLAP) if last is not None else now - FIRST_LOOK_BACK


def _unusable(error: DrorchError) -> CallCheck:
    trouble = error.trouble if isinstance(error, SourceFailed) else Trouble.UNREACHABLE
    text = f"{error.what} ({error.where}); {error.next_step}"
    return CallCheck(call="-", gives="everything", trouble=trouble, found=text)
