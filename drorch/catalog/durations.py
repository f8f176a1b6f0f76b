"""Durations as people write them (``4h``, ``15m``, ``1h30m``, ``2d``) and as drorch counts them: seconds."""

from __future__ import annotations

import re

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:\d{1,6}[dhms])(?:\s*\d{1,6}[dhms])*")
_PART = re.compile(r"(\d+)([dhms])")


def parse_duration(text: object) -> float:
    """Seconds. Raises ValueError with a sentence for people: unknown form, unit given twice or out of order."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration; write it like 30s, 15m, 4h or 2d")
    parts = _PART.findall(text)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="dhms".index):
        raise ValueError(f"{text!r} is not a duration; each unit once, the largest first, like 1d12h")
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def show_duration(seconds: float) -> str:
    """The shortest exact form for whole seconds (``90m`` is ``1h30m``), else seconds with milliseconds."""
    if seconds != int(seconds) or seconds < 0:
        return f"{seconds:.3f}s"
    rest, text = int(seconds), ""
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
