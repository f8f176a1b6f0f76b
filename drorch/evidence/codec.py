"""Observations as JSON lines: one line per observation (`drorch.core.codec.to_text`), appended while they are made.

A file may end in a torn line (the writer was killed): that one is left out. Any other bad line is an error with its
line number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from drorch.core.codec import from_text, read, reader
from drorch.core.errors import InputInvalid
from drorch.evidence.model import CanaryWrite, Sample
from drorch.evidence.protection import ProtectionSample

T = TypeVar("T")
_PRESENT: Final[Any] = Mapping[str, tuple[int, ...] | None]
_NEXT: Final = "the file was changed after it was written; measure again"


def read_samples(text: str, source: str = "samples.jsonl") -> tuple[Sample, ...]:
    """All samples of a file's text. InputInvalid names the line; a torn last line is left out."""
    return tuple(_lines(text, source, Sample))


def read_canaries(text: str, source: str = "canaries.jsonl") -> tuple[CanaryWrite, ...]:
    """All canary writes of a file's text. InputInvalid names the line; a torn last line is left out."""
    return tuple(_lines(text, source, CanaryWrite))


def read_protection(text: str, source: str = "protection.jsonl") -> tuple[ProtectionSample, ...]:
    """All looks at the protection of a file's text. InputInvalid names the line; a torn last line is left out."""
    return tuple(_lines(text, source, ProtectionSample))


def sample_of(line: str | bytes) -> Sample | None:
    """The sample of one line; None when it is none."""
    try:
        return reader(Sample)(json.loads(line))
    except Exception:  # whoever measures reads the whole file and reports bad lines
        return None


def read_present(text: str, source: str = "present.json") -> Mapping[str, tuple[int, ...] | None]:
    """Canary numbers found per application; None for those that could not be asked. InputInvalid when malformed."""
    found: Mapping[str, tuple[int, ...] | None] = from_text(_PRESENT, text, where=source, next_step=_NEXT)
    return found


def _lines(text: str, source: str, kind: type[T]) -> Iterator[T]:
    *whole, torn = text.split("\n")  # not splitlines: details may hold other characters that end lines
    fast = reader(kind)
    for number, line in enumerate([*whole, torn] if torn else whole, start=1):
        try:
            yield fast(json.loads(line))
        except Exception:  # whatever it was is said by the way that looks for everything that is wrong
            if number > len(whole):
                return  # the last line lacks its end: the writer was killed while writing it
            yield _carefully(line, f"{source}:{number}", kind)


def _carefully(line: str, where: str, kind: type[T]) -> T:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputInvalid(f"not an observation: {error}", where=where, next_step=_NEXT) from None
    return read(kind, data, where=where, next_step=_NEXT)
