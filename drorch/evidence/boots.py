"""Starts of the machine ("boots"): monotonic readings of two of them cannot be subtracted from each other. Pure.

The monotonic clock begins anew when the machine does. Each observation and each taking up of a run carries the boot it
was made under; empty: not known (an older drorch wrote it). What was made under more than one gives no duration.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json


def why_not_comparable(boots: Collection[str]) -> str:
    """Why times taken under these boots cannot be compared, as part of a sentence; empty when they can."""
    known = set(boots)
    if len(known) < 2:
        return ""
    if "" in known:
        return "for some of the times nobody knows whether the machine was restarted in between: not comparable"
    return f"the machine was restarted in between ({len(known)} boots): its clocks before and after are not comparable"


def boot_line(boot: str, *, mono: float, wall: str) -> str:
    """One line of a run's ``boots.jsonl``: under which boot it was begun or taken up, and when (see `core.clock`)."""
    return canonical_json({"boot": boot, "mono": round(mono, 6), "wall": wall}) + "\n"


def read_boots(text: str, source: str = "boots.jsonl") -> tuple[str, ...]:
    """The boots of a run in the order they were written. InputInvalid names a damaged line.

    A torn last line (the writer was killed) counts as a boot nobody knows: nothing is measured on the strength of it.
    """
    *whole, torn = text.split("\n")
    found: list[str] = []
    for number, line in enumerate(whole, start=1):
        try:
            boot = json.loads(line)["boot"]
            if not isinstance(boot, str):
                raise TypeError("boot is not a text")
        except (ValueError, KeyError, TypeError) as error:
            raise InputInvalid(
                f"not a boot of a run: {type(error).__name__}: {error}",
                where=f"{source}:{number}",
                next_step="the file was changed after it was written; restore it from a copy",
            ) from error
        found.append(boot)
    return (*found, "") if torn else tuple(found)
