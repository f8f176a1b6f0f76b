"""The list of runs, filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drorch.interfaces.console.views.paging import matching
from drorch.interfaces.console.views.runs import RunCard


@dataclass(frozen=True, kw_only=True)
class RunListRow:
    """One run with the result of its record; None without a record."""

    card: RunCard
    result: str | None


def run_list(cards: Sequence[RunCard], query: Mapping[str, str]) -> list[RunCard]:
    """Those that fit ``q``, ``kind`` and ``state``."""
    kind, state = query.get("kind", ""), query.get("state", "")
    fitting = [card for card in cards if kind in ("", card.kind) and state in ("", card.code)]
    return matching(
        fitting, query.get("q", ""), lambda card: f"{card.run} {card.kind} {card.title} {card.operator} {card.plan_id}"
    )
