"""One search over applications, runs and plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drorch.catalog.model import Application, Catalog
from drorch.interfaces.console.views.paging import matching
from drorch.interfaces.console.views.plans import PlanLine
from drorch.interfaces.console.views.runs import RunCard
from drorch.interfaces.console.views.service_state import Served

MOST = 25


@dataclass(frozen=True, kw_only=True)
class SearchView:
    """What was found, the first `MOST` of each kind, and how many there are."""

    words: str
    applications: tuple[tuple[Application, Served], ...]
    applications_total: int
    runs: tuple[RunCard, ...]
    runs_total: int
    plans: tuple[PlanLine, ...]
    plans_total: int


def search_view(
    words: str, catalog: Catalog, served: Mapping[str, Served], cards: Sequence[RunCard], plans: Sequence[PlanLine]
) -> SearchView:
    """Every word has to be there; without words nothing is found."""
    if not words.strip():
        return SearchView(
            words="", applications=(), applications_total=0, runs=(), runs_total=0, plans=(), plans_total=0
        )
    apps = matching(
        catalog.applications, words, lambda app: f"{app.id} {app.name} {app.description} {app.group} {app.department}"
    )
    runs = matching(cards, words, lambda card: f"{card.run} {card.kind} {card.title} {card.operator} {card.plan_id}")
    found = matching(plans, words, lambda plan: f"{plan.id} {plan.kind} {plan.title}")
    return SearchView(
        words=words,
        applications=tuple((app, served[app.id]) for app in apps[:MOST]),
        applications_total=len(apps),
        runs=tuple(runs[:MOST]),
        runs_total=len(runs),
        plans=tuple(found[:MOST]),
        plans_total=len(found),
    )
