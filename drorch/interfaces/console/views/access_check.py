"""Remote access as it was last read: the sources, who was turned away, and what nobody observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from drorch.access.assess import Status
from drorch.access.live_check import Checked, SourceStanding
from drorch.core.errors import ExitCode
from drorch.interfaces.console.views.labels import N_

SHOWN_GAPS = 20
WHY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_license": N_("no licence was free"),
        "ica_license": N_("no session licence was free"),
        "no_capacity": N_("no desktop was free"),
        "auth": N_("name or password refused"),
        "sta": N_("no ticket for the session"),
        "config": N_("set up wrongly"),
        "other": N_("another reason"),
    }
)


@dataclass(frozen=True, kw_only=True)
class TurnedLine:
    """People turned away at a gateway for one reason; ``anew``: at least so many."""

    gateway: str
    code: str
    why: str
    people: int
    anew: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class GapLine:
    """A stretch that nobody observed."""

    site: str
    since: datetime
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CheckPage:
    """What the page adds to the numbers of the assessment."""

    exit_code: int
    """With which `drorch access check` would end."""
    sources: tuple[SourceStanding, ...]
    turned: tuple[TurnedLine, ...]
    counted: bool
    """Whether any gateway was read twice; without that nobody knows who was turned away."""
    gaps: tuple[GapLine, ...]
    gaps_left: int


def check_page(found: Checked) -> CheckPage:
    """Everything of the check that people ask for."""
    green = found.assessment.status is Status.GREEN
    return CheckPage(
        exit_code=int(ExitCode.OK if green else ExitCode.OBJECTIVES_MISSED),
        sources=found.sources,
        turned=tuple(
            TurnedLine(
                gateway=gateway,
                code=denial.value,
                why=WHY[denial.value],
                people=number,
                anew=change.anew,
                seconds=change.seconds,
            )
            for gateway, change in sorted(found.turned_away.items())
            for denial, number in change.denials.items()
            if number
        ),
        counted=bool(found.turned_away),
        gaps=tuple(
            GapLine(site=gap.site, since=gap.since, seconds=(gap.until - gap.since).total_seconds())
            for gap in found.gaps[:SHOWN_GAPS]
        ),
        gaps_left=max(0, len(found.gaps) - SHOWN_GAPS),
    )
