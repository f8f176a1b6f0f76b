"""Numbers of a report looked for in its evidence: none may come from nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def numbers_in(value: object) -> Iterator[str]:
    """Every number in plain JSON data, also inside words, in one spelling: ``12.50`` is ``12.5``."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield _spelled(str(abs(value)))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from numbers_in(str(key))
            yield from numbers_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers_in(item)
    else:
        yield from (_spelled(found) for found in _NUMBER.findall(str(value)))


def known_numbers(evidence: Iterable[object]) -> frozenset[str]:
    """Every number that some part of the evidence holds."""
    return frozenset(number for part in evidence for number in numbers_in(part))


def not_found(value: object, evidence: Iterable[object]) -> tuple[str, ...]:
    """The numbers of ``value`` that no part of the evidence holds, each once, in their order."""
    return not_among(value, known_numbers(evidence))


def not_among(value: object, known: frozenset[str]) -> tuple[str, ...]:
    """The numbers of ``value`` that are not known, each once, in their order."""
    return tuple(dict.fromkeys(number for number in numbers_in(value) if number not in known))


def _spelled(text: str) -> str:
    try:
        return f"{float(text.replace(',', '')):.10g}" if text.count(".") <= 1 and "e" not in text else text
    except ValueError:
        return text
