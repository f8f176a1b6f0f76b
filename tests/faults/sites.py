"""Four sites in memory: what the playbooks of the real plans would change, so that a wrong order or a second try shows.

Playbooks act on this world by the contract of docs/architecture.md, proofs look at it. An act that would do harm, such
as a second writable primary, fails and is remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from drorch.core.clock import Clock, Instant
from drorch.plan.model import Act, Kind, NamesAct, PlaybookAct, ReplicationAct, ValidateAct, WitnessAct
from drorch.run.ports import Observer, PlaybookRequest, PlaybookStatus, Proof
from drorch.testing.fakes import FAILING, Ending, FakeExecutor

LOST = Ending(status=PlaybookStatus.LOST, rc=None)
APPLICATIONS = ("directory", "mail", "mobile-office")
GROUP, HOME, AWAY, GATEWAY = "nyc-platform", "nyc", "piscataway", "mobile-office"


@dataclass
class Sites:
    """Where the one group of the small catalog at New York stands. Compared as a whole."""

    primary: str | None = HOME
    standby: str | None = AWAY
    copies: set[str] = field(default_factory=set)
    started: set[tuple[str, str]] = field(default_factory=lambda: {(app, HOME) for app in APPLICATIONS})
    drilled: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=lambda: dict.fromkeys(APPLICATIONS, HOME))
    harm: list[str] = field(default_factory=list)

    @classmethod
    def before(cls, kind: Kind) -> Sites:
        """What a run of this kind finds."""
        if kind is Kind.FAILOVER:
            return cls(primary=None, started=set())
        if kind is Kind.FAILBACK:
            away = {(app, AWAY) for app in APPLICATIONS}
            return cls(primary=AWAY, standby=None, started=away, names=dict.fromkeys(APPLICATIONS, AWAY))
        return cls()

    @classmethod
    def after(cls, kind: Kind) -> Sites:
        """What a run of this kind that was carried out leaves, written down independently of any plan."""
        if kind in {Kind.DRILL, Kind.READINESS}:
            return cls()
        if kind is Kind.FAILBACK:
            return cls()
        away = {(app, AWAY) for app in APPLICATIONS}
        names = dict.fromkeys(APPLICATIONS, AWAY)
        return cls(primary=AWAY, standby=HOME if kind is Kind.SWITCHOVER else None, started=away, names=names)

    def play(self, act: PlaybookAct) -> bool:
        """Perform a playbook; False when it fails. Playing the same act again changes nothing."""
        name, site = PurePosixPath(act.playbook).name, str(act.variables["site"])
        if act.playbook.startswith("application/"):
            return self._play_application(name, site, act.variables)
        return self._play_data(name, site, str(act.variables["other_site"]))

    def _play_data(self, name: str, site: str, other_site: str) -> bool:
        match name:
            case "recover.yml":
                return self._promote(site, was=None)
            case "handover.yml":
                if any(place != site for _, place in self.started):
                    return self._harmful(f"{self.started} write while the group is handed over to {site}")
                done = self._promote(site, was=other_site)
                self.standby = other_site
                return done
            case "return.yml":
                self.standby = site
                return self.primary != site
            case "drill.yml":
                self.copies.add(site)
            case "drill_cleanup.yml":
                self.copies.discard(site)
            case "check.yml":
                return (self.primary, self.standby) == (site, other_site)
            case unknown:
                raise AssertionError(f"nobody said what {unknown} does")
        return True

    def _play_application(self, name: str, site: str, variables: Mapping[str, object]) -> bool:
        application, stopped = str(variables.get("application")), variables.get("applications", ())
        match name:
            case "start.yml":
                if self.primary != site:
                    return self._harmful(f"{application} was started at {site} without its data")
                self.started.add((application, site))
                self.names[application] = site
            case "stop.yml":
                assert isinstance(stopped, tuple)
                self.started -= {(one, site) for one in stopped}
            case "drill_start.yml":
                self.drilled.add(application)
                return site in self.copies
            case "drill_stop.yml":
                self.drilled.discard(application)
            case unknown:
                raise AssertionError(f"nobody said what {unknown} does")
        return True

    def holds(self, act: Act) -> bool:
        """Whether a proof finds what it claims."""
        match act:
            case WitnessAct():
                return self.primary is None
            case ReplicationAct():
                return (self.primary, self.standby) == (act.primary, act.standby)
            case NamesAct():
                return all(self.names[name] == act.site for name in act.applications)
            case ValidateAct(drill=True):
                return act.site in self.copies and (GATEWAY if act.remote_access else act.application) in self.drilled
            case ValidateAct(remote_access=True):
                return any(name == GATEWAY for name, _ in self.started)
            case ValidateAct():
                serves = (act.application, act.site) in self.started
                return serves and self.primary == act.site == self.names[act.application]
            case _:
                raise AssertionError(f"not a proof: {act}")

    def _promote(self, site: str, was: str | None) -> bool:
        if self.primary not in {was, site}:
            return self._harmful(f"two writers: {self.primary} and {site}")
        self.primary, self.standby = site, None
        return True

    def _harmful(self, what: str) -> bool:
        self.harm.append(what)
        return False


class SitesExecutor(FakeExecutor):
    """Plays on a world. ``lost`` and ``failing`` name attempts; a lost one is gone before or after its effect."""

    def __init__(self, clock: Clock, sites: Sites) -> None:
        super().__init__(clock)
        self.takes_s = 0.0
        self._sites, self._lock_of_sites = sites, threading.Lock()
        self.failing: set[str] = set()
        self.lost: dict[str, str] = {}

    def launch(self, request: PlaybookRequest) -> None:
        """See the port."""
        if request.ident in self.performed:
            return
        how = self.lost.get(request.ident)
        succeeds = request.ident not in self.failing
        with self._lock_of_sites:
            if succeeds and how != "before":
                succeeds = self._sites.play(request.act)
        self.behave(request.ident, LOST if how else Ending(takes_s=self.takes_s) if succeeds else FAILING)
        super().launch(request)


class SitesObserver(Observer):
    """Looks at a world. ``blind``: how many times a proof of an act finds nothing before it looks."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self.blind: dict[Act, int] = {}

    def prove(self, act: Act, *, since: Instant, deadline_s: float) -> Proof:
        """See the port."""
        if self.blind.get(act, 0) > 0:
            self.blind[act] -= 1
            return Proof(holds=False, code="not-seen", reason="made to fail")
        return Proof(holds=True) if self._sites.holds(act) else Proof(holds=False, code="seen", reason="it is not so")


def replayed(kind: Kind, acts: Mapping[str, PlaybookAct]) -> Sites:
    """The world after these acts, each once, in this order."""
    sites = Sites.before(kind)
    for act in acts.values():
        sites.play(act)
    return sites
