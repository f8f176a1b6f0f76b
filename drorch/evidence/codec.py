"""Samples and canary writes as JSON lines: one line per observation, appended while they are made.

A file may end in a torn line (the writer was killed): that one is left out. Any other bad line is an error with its
line number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json
from drorch.evidence.model import CanaryWrite, Sample, SampleReason
from drorch.evidence.protection import ProtectionSample

Value = TypeVar("Value")


def _boot(boot: str) -> dict[str, object]:
    return {"boot": boot} if boot else {}


def sample_to_json(sample: Sample) -> dict[str, object]:
    """Plain data of one sample; times rounded to the microsecond."""
    return {
        "application": sample.application,
        "slot": sample.slot,
        "started": round(sample.started, 6),
        "ended": round(sample.ended, 6),
        "wall": sample.wall,
        "good": sample.good,
        "full": sample.full,
        "served_by": sample.served_by,
        "data_site": sample.data_site,
        "names": dict(sample.names),
        "reason": sample.reason.value if sample.reason else None,
        "detail": sample.detail,
        "drill": sample.drill,
    } | _boot(sample.boot)


def sample_from_json(data: Mapping[str, object]) -> Sample:
    """Inverse of :func:`sample_to_json`. KeyError, TypeError or ValueError for anything else."""
    names = data["names"]
    if not isinstance(names, dict):
        raise TypeError("names is not an object")
    reason = data["reason"]
    return Sample(
        application=_text(data["application"]),
        slot=_whole(data["slot"]),
        started=_number(data["started"]),
        ended=_number(data["ended"]),
        wall=_text(data["wall"]),
        good=_truth(data["good"]),
        full=_truth(data["full"]),
        served_by=_text_or_none(data["served_by"]),
        data_site=_text_or_none(data["data_site"]),
        names={_text(server): _text_or_none(site) for server, site in names.items()},
        reason=None if reason is None else SampleReason(_text(reason)),
        detail=_text(data["detail"]),
        drill=_truth(data["drill"]),
        boot=_text(data.get("boot", "")),
    )


def canary_to_json(canary: CanaryWrite) -> dict[str, object]:
    """Plain data of one canary write."""
    return {
        "application": canary.application,
        "number": canary.number,
        "started": round(canary.started, 6),
        "ended": round(canary.ended, 6),
        "acknowledged": canary.acknowledged,
    } | _boot(canary.boot)


def canary_from_json(data: Mapping[str, object]) -> CanaryWrite:
    """Inverse of :func:`canary_to_json`. KeyError, TypeError or ValueError for anything else."""
    return CanaryWrite(
        application=_text(data["application"]),
        number=_whole(data["number"]),
        started=_number(data["started"]),
        ended=_number(data["ended"]),
        acknowledged=_truth(data["acknowledged"]),
        boot=_text(data.get("boot", "")),
    )


def sample_line(sample: Sample) -> str:
    """One line with its line end."""
    return canonical_json(sample_to_json(sample)) + "\n"


def canary_line(canary: CanaryWrite) -> str:
    """One line with its line end."""
    return canonical_json(canary_to_json(canary)) + "\n"


def read_samples(text: str, source: str = "samples.jsonl") -> tuple[Sample, ...]:
    """All samples of a file's text. InputInvalid names the line; a torn last line is left out."""
    return tuple(_lines(text, source, sample_from_json))


def read_canaries(text: str, source: str = "canaries.jsonl") -> tuple[CanaryWrite, ...]:
    """All canary writes of a file's text. InputInvalid names the line; a torn last line is left out."""
    return tuple(_lines(text, source, canary_from_json))


def protection_line(look: ProtectionSample) -> str:
    """One line with its line end."""
    data: dict[str, object] = {"group": look.group, "protected": look.protected, "reason": look.reason}
    data |= {"started": round(look.started, 6), "ended": round(look.ended, 6)}
    return canonical_json(data | _boot(look.boot)) + "\n"


def read_protection(text: str, source: str = "protection.jsonl") -> tuple[ProtectionSample, ...]:
    """All looks at the protection of a file's text. InputInvalid names the line; a torn last line is left out."""
    return tuple(_lines(text, source, _protection_from_json))


def _protection_from_json(data: Mapping[str, object]) -> ProtectionSample:
    return ProtectionSample(
        group=_text(data["group"]),
        started=_number(data["started"]),
        ended=_number(data["ended"]),
        protected=_truth(data["protected"]),
        reason=_text(data["reason"]),
        boot=_text(data.get("boot", "")),
    )


def read_present(text: str, source: str = "present.json") -> dict[str, tuple[int, ...] | None]:
    """Canary numbers found per application; None for those that could not be asked. InputInvalid when malformed."""
    try:
        data = json.loads(text)
        return {
            _text(app): None if numbers is None else tuple(_whole(number) for number in numbers)
            for app, numbers in data.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise InputInvalid(f"not a list of canary numbers per application: {error}", where=source) from error


def _lines(text: str, source: str, parse: Callable[[Mapping[str, object]], Value]) -> Iterator[Value]:
    *whole, torn = text.split("\n")  # not splitlines: details may hold other characters that end lines
    for number, line in enumerate([*whole, torn] if torn else whole, start=1):
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise TypeError("not an object")
            yield parse(data)
        except (ValueError, KeyError, TypeError) as error:
            if number > len(whole):
                return  # the last line lacks its end: the writer was killed while writing it
            raise InputInvalid(
                f"not an observation: {type(error).__name__}: {error}",
                where=f"{source}:{number}",
                next_step="the file was changed after it was written; measure again",
            ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
