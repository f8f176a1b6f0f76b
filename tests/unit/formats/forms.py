"""One text per form that drorch writes; a name is that of its golden file, with ``__`` for the dot."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from drorch.access.denial_test.journal import Happening, lines_of, open_journal
from drorch.access.denial_test.model import Look
from drorch.access.ports import Denial, GatewayReading, LicenceReading, LoginReading, PoolReading, SourceAnswer
from drorch.actions.codec import action_to_json
from drorch.actions.events import ActionBody
from drorch.actions.log import ACTIONS
from drorch.actions.model import Action
from drorch.adapters.ansible.attempt import AttemptFolder, AttemptRequest
from drorch.adapters.probes.lost_sites import FILE_NAME, LostSites
from drorch.adapters.probes.spec import WatchSpec
from drorch.adapters.processes import ProcessRef
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.readings import ReadingTables
from drorch.app.audit import STREAM as AUDIT
from drorch.app.audit import AuditLog, Entry
from drorch.callout.exercises import CALLOUT
from drorch.callout.log import CalloutBody
from drorch.callout.result import CalloutResult, result_to_json
from drorch.catalog.model import Catalog, Department
from drorch.core.bodies import bodies
from drorch.core.clock import Instant
from drorch.core.codec import plain, to_text
from drorch.core.findings import Finding
from drorch.core.ids import canonical_json
from drorch.core.log import Log
from drorch.core.stream import EventStore, line_of
from drorch.evidence.baseline import Baseline
from drorch.evidence.boots import BootSeen
from drorch.evidence.fingerprint import Fingerprints, Source
from drorch.evidence.model import CanaryWrite, Sample
from drorch.evidence.protection import ProtectionSample
from drorch.evidence.record.codec import report_to_text
from drorch.evidence.record.model import Report
from drorch.plan.codec import plan_to_text
from drorch.plan.history import Durations, RunTimes
from drorch.plan.model import Act, Plan, PlaybookAct, Step
from drorch.report.after_action.codec import aar_to_text
from drorch.report.after_action.log import AFTER_ACTION, AarBody
from drorch.report.after_action.model import AfterAction
from drorch.run.events import Approved, Body, Event, InterlockOverridden
from drorch.run.ports import PlaybookResult
from drorch.schedules.events import Body as ScheduleBody
from drorch.schedules.events import Instant as ScheduleInstant
from drorch.schedules.events import ScheduleEvent, instant_to_json
from drorch.schedules.log import ScheduleLog
from drorch.testing.builders import small_catalog
from drorch.testing.clock import HandClock
from drorch.testing.fakes import MemoryInbox, MemoryJournal
from drorch.testing.streams import MemoryStore
from drorch.year.codec import status_to_json
from drorch.year.freshness import Stale, stale_to_json
from drorch.year.log import YEAR, YearBody
from drorch.year.planning.codec import plan_to_json as year_plan_to_json
from drorch.year.planning.model import YearPlan
from drorch.year.status import DutyStatus, Pace, YearStatus

from .examples import bare, filled

__all__ = [
    *("access_journal__jsonl", "access_look__json", "action__json", "actions__jsonl", "after_action__json"),
    *("after_action_log__jsonl", "attempt_request__json", "attempt_result__json", "attempt_worker__json"),
    *("audit__jsonl", "baseline__json", "boots__jsonl", "callout__jsonl", "callout_result__json"),
    *("canaries__jsonl", "capacity_readings__jsonl", "catalog__json", "catalog_filled__json", "durations__json"),
    *("entries__jsonl", "findings__json", "fingerprint__json", "lost_sites__json", "plan__json", "protection__jsonl"),
    *("report__json", "requests__jsonl", "run_events__jsonl", "samples__jsonl", "schedule_events__jsonl"),
    *("schedule_instant__json", "stale__json", "watch__json", "year__jsonl", "year_plan__json", "year_status__json"),
]
_AT = datetime(2026, 3, 1, 7, 30, 15, tzinfo=UTC)
_ODD = datetime(2026, 3, 1, 7, 30, 15, 250_000, tzinfo=UTC)


def _shown(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _each(union: Any) -> Iterable[Any]:
    """Two values of every kind of a union: with everything, and with what is obligatory."""
    for kind in get_args(union):
        yield from (filled(kind), bare(kind))


# ---- catalog and plan


def catalog__json() -> str:
    return canonical_json(plain(small_catalog())) + "\n"


def catalog_filled__json() -> str:
    return canonical_json(plain(filled(Catalog))) + "\n" + _shown(plain(bare(Catalog)))


def entries__jsonl() -> str:
    parts = (*filled(Catalog).sites, *filled(Catalog).applications, filled(Department), bare(Department))
    return "".join(json.dumps(plain(part)) + "\n" for part in parts)


def plan__json() -> str:
    acts = [filled(kind) for kind in get_args(Act)]
    whole = [filled(Step, act=act, undo=filled(PlaybookAct), id=f"step/{at}") for at, act in enumerate(acts)]
    # A limit of a step may be given as a whole number; it is written as seconds all the same.
    steps = (*whole, bare(Step, act=bare(PlaybookAct), timeout_s=60, estimate_s=1), bare(Step, urgency_s=3))
    return plan_to_text(filled(Plan, steps=steps)) + plan_to_text(bare(Plan))


def durations__json() -> str:
    return to_text(Durations(schema=2, about="a test", runs=(filled(RunTimes), bare(RunTimes))), indent=1)


# ---- runs and what is observed


_RUN = "20260301-073015-abcd"


def _events() -> tuple[Event, ...]:
    return MemoryJournal().append(
        [
            Event(run=_RUN, seq=seq, at=Instant(mono=1000 / 3 + seq, wall=_ODD if seq % 2 else _AT), body=body)
            for seq, body in enumerate(_each(Body), start=1)
        ]
    )


def run_events__jsonl() -> str:
    journal = MemoryJournal()
    journal.append(_events())
    return _lines(journal.store, f"run/{_RUN}")


def requests__jsonl() -> str:
    inbox = MemoryInbox()
    inbox.put("a-run", filled(Approved))
    inbox.put("a-run", filled(InterlockOverridden), asked=Instant(mono=1 / 3, wall=_AT))
    inbox.settle("a-run", [1, 2], at=Instant(mono=1.5, wall=_AT))
    return _lines(inbox.store, "requests/a-run")


def _lines(store: EventStore, stream: str) -> str:
    """As an export has them."""
    return "".join(line_of(record, whole=True) + "\n" for record in store.read(stream))


def _rows(file: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def watch__json() -> str:
    return to_text(filled(WatchSpec)) + to_text(bare(WatchSpec))


def samples__jsonl() -> str:
    return to_text(filled(Sample)) + to_text(bare(Sample)) + to_text(filled(Sample, detail="\u2028\n\x1b"))


def canaries__jsonl() -> str:
    return to_text(filled(CanaryWrite)) + to_text(bare(CanaryWrite))


def protection__jsonl() -> str:
    return to_text(filled(ProtectionSample)) + to_text(bare(ProtectionSample))


def boots__jsonl() -> str:
    return to_text(BootSeen(boot="a-boot", mono=1 / 3, wall=_ODD.isoformat())) + to_text(
        BootSeen(boot="", mono=2, wall=_AT.isoformat())
    )


def baseline__json() -> str:
    return to_text(filled(Baseline)) + _shown(plain(bare(Baseline)))


def fingerprint__json() -> str:
    parts = MappingProxyType(
        {Source.INVENTORY: MappingProxyType({"host": "hash"}), Source.PROBES: MappingProxyType({})}
    )
    return to_text(Fingerprints(schema=1, run="a-run", applications={"umoja": parts, "mail": MappingProxyType({})}))


def lost_sites__json() -> str:
    with tempfile.TemporaryDirectory() as folder:
        lost = LostSites(Path(folder))
        lost.add("nyc", 1 / 3)
        lost.add("brindisi", 20.0)
        return (Path(folder) / FILE_NAME).read_text(encoding="utf-8")


def _attempt(write: Callable[[AttemptFolder], object], name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        attempt = AttemptFolder.at(Path(folder), "a-run", "umoja--start.1")
        assert attempt.open(
            AttemptRequest(
                run="a-run",
                ident="umoja--start.1",
                playbook="p",
                playbooks="f",
                inventory="i",
                variables={"hosts": ["db-nyc"], "\u00fc": None},
                timeout_s=60.0,
                secret_files=("s",),
            )
        )
        write(attempt)
        return (attempt.path / name).read_text(encoding="utf-8")


def attempt_request__json() -> str:
    written = json.loads(_attempt(lambda _: None, "request.json"))
    assert written["launcher"].keys() == {"pid", "started"}
    return json.dumps(written | {"launcher": {"pid": 7, "started": 8}}, indent=1, sort_keys=True) + "\n"


def attempt_worker__json() -> str:
    return _attempt(lambda attempt: attempt.claim(ProcessRef(pid=7, started=99)), "worker.json")


def attempt_result__json() -> str:
    full = filled(PlaybookResult, facts={"deep": [1, {"a": None}], "text": "\u00fc"})
    return _attempt(lambda attempt: attempt.finish(full, started=1.5, ended=2.25), "result.json") + _attempt(
        lambda attempt: attempt.finish(bare(PlaybookResult)), "result.json"
    )


# ---- logs of the year's products


def _stream(name: str, union: Any) -> str:
    store = MemoryStore()
    Log(store, name, *bodies(union), reasons=True).add("", list(_each(union)), at=_AT, person="Ana", reason="übung")
    return _lines(store, name)


def actions__jsonl() -> str:
    return _stream(ACTIONS, ActionBody)


def after_action_log__jsonl() -> str:
    return _stream(AFTER_ACTION + "x", AarBody)


def year__jsonl() -> str:
    return _stream(YEAR, YearBody)


def callout__jsonl() -> str:
    return _stream(CALLOUT + "x", CalloutBody)


def audit__jsonl() -> str:
    store = MemoryStore()
    log = AuditLog(store, HandClock())
    log.append(filled(Entry))
    log.append(bare(Entry, act="POST /api/v1/login", detail="password=verysecret"))
    return lines_of(store.read(AUDIT)).decode()


def access_journal__jsonl() -> str:
    store = MemoryStore()
    tests = open_journal(store)
    started = Happening(kind="started", body={"host": "here", "bound": {"licences": 3, "days": 5}})
    tests.add("a-test", [started], at=_ODD, person="Ana")
    tests.add("a-test", [Happening(kind="sample", body=plain(filled(Look)))], at=_AT)
    return lines_of(store.read("access-test/a-test")).decode()


def schedule_events__jsonl() -> str:
    store = MemoryStore()
    log = ScheduleLog(store)
    for seq, body in enumerate(_each(ScheduleBody), start=1):
        assert log.append(ScheduleEvent(key="a@2026-03-01T07:30:15Z", seq=seq, at=_AT, body=body))
    return _lines(store, "schedule")


def capacity_readings__jsonl() -> str:
    denials = {Denial.STA: 3, Denial.AUTH: 0}
    readings = [filled(GatewayReading, denials=denials, max_users=float("inf")), bare(GatewayReading, denials={})]
    readings += [make(kind) for kind in (PoolReading, LicenceReading, LoginReading) for make in (filled, bare)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "store.sqlite"
        with SqlStore(file) as store:
            ReadingTables(store).keep("a-source", SourceAnswer(readings=tuple(readings)))
        rows = _rows(file, "SELECT kind, data FROM readings ORDER BY id")
    return "".join(f"{kind} {data}\n" for kind, data in rows)


# ---- records and what programs are told


def report__json() -> str:
    return report_to_text(filled(Report)) + report_to_text(bare(Report))


def after_action__json() -> str:
    return aar_to_text(filled(AfterAction)) + aar_to_text(bare(AfterAction))


def action__json() -> str:
    day = date(2030, 1, 1)
    return _shown([action_to_json(filled(Action), day), action_to_json(bare(Action), day)])


def access_look__json() -> str:
    return _shown([plain(filled(Look)), plain(bare(Look))])


def callout_result__json() -> str:
    return _shown([result_to_json(filled(CalloutResult)), result_to_json(bare(CalloutResult))])


def findings__json() -> str:
    return _shown(plain((filled(Finding), bare(Finding))))


def schedule_instant__json() -> str:
    return _shown([instant_to_json(filled(ScheduleInstant)), instant_to_json(bare(ScheduleInstant))])


def stale__json() -> str:
    return _shown([stale_to_json(filled(Stale)), stale_to_json(bare(Stale))])


def year_plan__json() -> str:
    return _shown([year_plan_to_json(filled(YearPlan)), year_plan_to_json(bare(YearPlan))])


def year_status__json() -> str:
    pace = replace(filled(Pace), owed=10, met=4, days_gone=100, days_of_year=365)
    duties = (filled(DutyStatus), bare(DutyStatus))
    return _shown(status_to_json(YearStatus(on=date(2026, 3, 1), duties=duties, paces=(pace,))))
