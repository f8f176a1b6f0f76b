"""A state folder with a catalog and an estate, over a given journal: whole runs on paper, begun as a person would."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from drorch.catalog.files import load_catalog_file
from drorch.orchestration.service import Approval, Request
from drorch.orchestration.start_conditions import LAB
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Plan
from drorch.plan.playbook_folder import read_playbooks
from drorch.plan.refs import playbooks_id
from drorch.run.events import Event, RunOutcome
from drorch.run.journal import RunJournal
from drorch.testing.builders import catalog_text
from drorch.testing.clock import HandClock
from drorch.testing.evidence import write_estate
from drorch.testing.whole import PaperWorld


class Died(BaseException):
    """A driver that is gone."""


class PaperHome:
    """Everything one machine has of its own; what ``journal`` is shared with is up to the test."""

    def __init__(self, folder: Path, journal: RunJournal) -> None:
        self.home = folder / "state"
        self.catalog = folder / "app_catalog.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        self.catalog.write_text(catalog_text(), encoding="utf-8")
        self.estate = write_estate(self.home)
        room = {"applications": 10, "verified": "2013-01-01", "by": "Vera Verifier"}
        # A lab owes no windows: nobody has to write a programme of the year for it.
        told = json.loads(self.estate.read_text(encoding="utf-8")) | {"name": LAB}
        self.estate.write_text(json.dumps({**told, "capacity": {"piscataway": room, "valencia": room}}), "utf-8")
        self.world = PaperWorld(self.home, HandClock(), journal)

    def plan(self, kind: Kind, *, lose: str | None = None, groups: Sequence[str] = ()) -> Plan:
        """What the builder builds now."""
        catalog = load_catalog_file(self.catalog)
        books = playbooks_id(read_playbooks())
        return build_plan(catalog, kind=kind, lose=lose, groups=groups, playbooks_id=books)

    def begin(self, plan: Plan, run: str | None = None) -> str:
        """Record a run of ``plan``, approved and declared; its id."""
        failover = plan.kind is Kind.FAILOVER
        request = Request(
            plan=plan,
            catalog_file=self.catalog,
            estate_file=self.estate,
            operator="Olga Operator",
            approvals=(Approval(person="Ana Approver", reason="read it"),),
            declared_by="Dana Declarer" if failover else None,
            declared_because="smoke" if failover else "",
            run=run,
        )
        return self.world.service.begin(request).run

    def drive(self, run: str, on_event: Callable[[Event], None] = lambda _: None) -> RunOutcome:
        """Drive the run to its end, without writing its record."""
        service = self.world.service
        opened = service.open(run)
        service.start_watch(opened)
        return service.drive(opened, on_event)

    def die_in(self, run: str, kind: type) -> None:
        """Drive the run until its driver dies behind the first event of this kind."""

        def dies(event: Event) -> None:
            if isinstance(event.body, kind):
                raise Died

        try:
            self.drive(run, dies)
        except Died:
            return
        raise AssertionError(f"no {kind.__name__} came")
