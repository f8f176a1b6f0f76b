"""The first page: state before everything, then what waits for whom, then what is to be watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, Severity
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.runs import RunCard
from drorch.interfaces.console.views.sentence import Say, say
from drorch.interfaces.console.views.service_state import FRESH_S, Served, SiteLine, site_lines
from drorch.year.status import Pace, YearStatus


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One thing somebody has to look at."""

    tone: str
    sentence: Say
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The whole page."""

    tone: str
    headline: Say
    waiting: tuple[RunCard, ...]
    under_way: tuple[RunCard, ...]
    sites: tuple[SiteLine, ...]
    observed: bool
    fresh_s: float
    alarms: tuple[Alarm, ...]
    paces: tuple[Pace, ...]
    year_problem: str


def overview(
    *,
    catalog: Catalog,
    findings: Sequence[Finding],
    served: Mapping[str, Served],
    cards: Sequence[RunCard],
    results: Mapping[str, str],
    year: YearStatus | None,
    year_problem: str,
    today: date,
) -> Overview:
    """``cards`` newest first; ``results`` the overall result of each run that has a report."""
    open_ones = tuple(card for card in cards if card.open and (card.started or card.needed))
    waiting = tuple(_waiting(cards))
    sites = site_lines(catalog, served, today)
    alarms = tuple(_alarms(catalog, findings, served, cards, results, year, sites))
    tone, headline = _headline(waiting, open_ones, alarms)
    return Overview(
        tone=tone,
        headline=headline,
        waiting=waiting,
        under_way=open_ones,
        sites=sites,
        observed=any(item.code != "unknown" for item in served.values()),
        fresh_s=FRESH_S,
        alarms=alarms,
        paces=year.paces if year else (),
        year_problem=year_problem,
    )


def _waiting(cards: Sequence[RunCard]) -> Iterable[RunCard]:
    """Runs that wait for a person, newest first; an ended one only until a later run has taken one of its groups."""
    taken: set[str] = set()
    for card in cards:
        if card.needed and (card.open or taken.isdisjoint(card.groups)):
            yield card
        if card.started is not None:
            taken |= card.groups


def _headline(waiting: Sequence[RunCard], open_ones: Sequence[RunCard], alarms: Sequence[Alarm]) -> tuple[str, Say]:
    if waiting:
        text = N_("%(count)s runs wait for a person") if len(waiting) > 1 else N_("1 run waits for a person")
        return "warn", say(text, count=len(waiting))
    if open_ones:
        text = N_("%(count)s runs are under way") if len(open_ones) > 1 else N_("1 run is under way")
        return "busy", say(text, count=len(open_ones))
    bad = sum(alarm.tone == "bad" for alarm in alarms)
    if bad:
        return "bad", say(N_("No run is under way. Urgent: %(count)s"), count=bad)
    if alarms:
        return "warn", say(N_("No run is under way. To be looked at: %(count)s"), count=len(alarms))
    return "good", say(N_("No run is under way and nothing waits."))


def _alarms(
    catalog: Catalog,
    findings: Sequence[Finding],
    served: Mapping[str, Served],
    cards: Sequence[RunCard],
    results: Mapping[str, str],
    year: YearStatus | None,
    sites: Sequence[SiteLine],
) -> Iterable[Alarm]:
    """The urgent ones first."""
    codes = Counter(item.code for item in served.values())
    if codes["down"]:
        yield _alarm("bad", N_("%(count)s applications are not served"), "/catalog?served=down", count=codes["down"])
    yield from _of_runs(cards, results)
    for line in sites:
        if line.valid == "ended":
            text, link = N_("%(site)s is not to be relied on any more"), f"/catalog?site={line.site.id}"
            yield _alarm("bad", text, link, site=line.site.name)
    if not catalog.applications:
        yield _alarm("bad", N_("The catalog is empty"), "/catalog")
    if codes["elsewhere"]:
        text = N_("%(count)s applications are served from their recovery site")
        yield _alarm("warn", text, "/catalog?served=elsewhere", count=codes["elsewhere"])
    if year is not None and year.late:
        yield _alarm("warn", N_("%(count)s duties of the year are late"), "/year?state=late", count=len(year.late))
    wrong = sum(finding.severity is not Severity.NOTE for finding in findings)
    if wrong:
        yield _alarm("warn", N_("%(count)s findings in the catalog"), "/findings", count=wrong)


def _of_runs(cards: Sequence[RunCard], results: Mapping[str, str]) -> Iterable[Alarm]:
    for card in cards:
        if card.code == "interrupted":
            yield _alarm("bad", N_("Nobody drives the run %(run)s"), f"/runs/{card.run}", run=card.run)
        if card.code == "unreadable":
            yield _alarm("bad", N_("The run %(run)s cannot be read"), "/runs", run=card.run)
    latest = next((card for card in cards if card.run in results), None)
    if latest is not None and results[latest.run] == "fail":
        yield _alarm("bad", N_("The last run failed: %(run)s"), f"/runs/{latest.run}/report", run=latest.run)


def _alarm(tone: str, text: str, link: str, **values: object) -> Alarm:
    return Alarm(tone=tone, sentence=say(text, **values), link=link)
