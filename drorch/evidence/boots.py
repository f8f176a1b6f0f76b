"""Starts of the machine ("boots"): monotonic readings of two of them cannot be subtracted from each other. Pure.

The monotonic clock begins anew when the machine does. Each observation and each taking up of a run carries the boot it
was made under; empty: not known (an older drorch wrote it). What was made under more than one gives no duration.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from drorch.core.codec import MICROSECONDS, from_text


def why_not_comparable(boots: Collection[str]) -> str:
    """Why times taken under these boots cannot be compared, as part of a sentence; empty when they can."""
    known = set(boots)
    if len(known) < 2:
        return ""
    if "" in known:
        return "for some of the times nobody knows whether the machine was restarted in between: not comparable"
    return f"the machine was restarted in between ({len(known)} boots): its clocks before and after are not comparable"


@dataclass(frozen=True, kw_only=True)
class BootSeen:
    """One line of a run's ``boots.jsonl``: under which boot it was begun or taken up, and when (see `core.clock`)."""

    boot: str
    mono: float = field(metadata=MICROSECONDS)
    wall: str


def read_boots(text: str, source: str = "boots.jsonl") -> tuple[str, ...]:
    """The boots of a run in the order they were written. InputInvalid names a damaged line.

    A torn last line (the writer was killed) counts as a boot nobody knows: nothing is measured on the strength of it.
    """
    *whole, torn = text.split("\n")
    step = "the file was changed after it was written; restore it from a copy"
    found = (
        from_text(BootSeen, line, where=f"{source}:{number}", next_step=step)
        for number, line in enumerate(whole, start=1)
    )
    boots = tuple(seen.boot for seen in found)
    return (*boots, "") if torn else boots
