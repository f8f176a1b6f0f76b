"""What an interlock says when it says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One rule that says no. ``inputs`` are plain JSON data: everything the rule looked at."""

    interlock: str
    reason: str
    inputs: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    next_step: str = ""
