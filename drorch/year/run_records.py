"""What runs say about the year: the records of finished runs as fulfilments of the recovery-test obligation.

A year is longer than a version of drorch. So only what is needed here is read out of a ``report.json``: a field that
was added to the record since does not make a test of last spring unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from drorch.catalog.model import Arrangement, Catalog
from drorch.core.errors import DrorchError, InputInvalid, NotFound
from drorch.core.findings import Finding, Severity
from drorch.core.state_folder import run_folder, runs_folder
from drorch.evidence.record.model import ApplicationVerdict, Overall
from drorch.plan.model import STATE_CHANGING
from drorch.year.local_time import local_day
from drorch.year.model import Activity, Fulfilment, Programme, TestResult
from drorch.year.obligations import may_be_tested_by_recovery

_ENDED = frozenset({Overall.PASS, Overall.PASS_WITH_ISSUES, Overall.FAIL})
_RECOVERED = frozenset({ApplicationVerdict.PASS, ApplicationVerdict.PROVED})


class _Part(BaseModel):
    model_config = {"frozen": True, "extra": "ignore"}


class At(_Part):
    """An instant: aware wall time."""

    wall: datetime


class RunPart(_Part):
    """What ran, where, who ran it."""

    id: str
    kind: str
    operator: str
    estate: str
    ended: At | None


class ResultPart(_Part):
    """The run's result."""

    overall: Overall


class ClocksPart(_Part):
    """When it was proved."""

    validated: At | None


class ApplicationPart(_Part):
    """One application that was to be brought up."""

    id: str
    arrangement: str
    verdict: ApplicationVerdict
    clocks: ClocksPart


class ReachedPart(_Part):
    """One application reached by remote access."""

    id: str


class RemotePart(_Part):
    """All of them."""

    applications: tuple[ReachedPart, ...]


class RunRecord(_Part):
    """The parts of a run's record (``drorch.evidence.record.model.Report``) that the year needs."""

    schema_version: Literal[1] = Field(alias="schema")
    run: RunPart
    result: ResultPart
    applications: tuple[ApplicationPart, ...]
    remote_access: RemotePart


@dataclass(frozen=True, kw_only=True)
class OfRuns:
    """What all runs of a state folder prove, and the records that could not be read."""

    fulfilments: tuple[Fulfilment, ...]
    findings: tuple[Finding, ...]


def fulfilments_of_runs(home: Path, programme: Programme, catalog: Catalog) -> OfRuns:
    """Every stored record, oldest run first. A damaged record is a finding: it hides none of the others."""
    found: list[Fulfilment] = []
    troubles: list[Finding] = []
    for path in sorted(runs_folder(home).glob("*/report.json")):
        try:
            found += fulfilments_of_record(read_record(path), programme, catalog)
        except DrorchError as error:
            troubles.append(
                Finding(
                    code="record-unreadable",
                    severity=Severity.WARNING,
                    message=f"the run {path.parent.name} does not count: {error.what}",
                    subject=path.parent.name,
                    where=error.where,
                    next_step=error.next_step,
                )
            )
    return OfRuns(fulfilments=tuple(found), findings=tuple(troubles))


def record_of(home: Path, run: str) -> RunRecord:
    """The record of one run. NotFound when there is no such run, or no record of it yet."""
    path = run_folder(home, run).report("json")
    if not path.exists():
        next_step = f"finish it with 'drorch run attach {run}'"
        raise NotFound(f"the run {run} has no report yet", where=str(path), next_step=next_step)
    return read_record(path)


def read_record(path: Path) -> RunRecord:
    """The record in a ``report.json``. InputInvalid with the field when it is none."""
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        what = f"its record cannot be read: {error.strerror}"
        raise InputInvalid(what, where=str(path), next_step="look at the file's permissions") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        what = f"its record cannot be read: {field}: {first['msg']}"
        raise InputInvalid(what, where=str(path), next_step="restore it from a copy, or write it anew") from None
    moments = [record.run.ended, *(item.clocks.validated for item in record.applications)]
    if any(moment is not None and moment.wall.tzinfo is None for moment in moments):
        what = "its record cannot be read: a time without a time zone"
        raise InputInvalid(what, where=str(path), next_step="restore it from a copy, or write it anew")
    return record


def fulfilments_of_record(record: RunRecord, programme: Programme, catalog: Catalog) -> tuple[Fulfilment, ...]:
    """One recovery test per application the run was about; none when the run says nothing about this programme.

    A readiness run moves nothing and never counts, nor does a run elsewhere than on the programme's estates, nor one
    that did not start or has not ended. An application with remote access is reached by it, and not recovered.
    """
    if why_not(record, programme) is not None:
        return ()
    return tuple(
        _fulfilment(record, application, programme)
        for application in record.applications
        if application.arrangement != Arrangement.REMOTE_ACCESS.value
        and may_be_tested_by_recovery(application.id, catalog)
    )


def why_not(record: RunRecord, programme: Programme) -> str | None:
    """Why a run is no test in the sense of the programme; None when it is one."""
    if record.run.kind not in {kind.value for kind in STATE_CHANGING}:
        return f"a {record.run.kind} run recovers nothing"
    if record.run.estate not in programme.estates:
        known = ", ".join(sorted(programme.estates))
        return f"it ran on the estate {record.run.estate!r}; the programme counts {known}"
    if record.result.overall not in _ENDED or record.run.ended is None:
        return f"its result is {record.result.overall.value}"
    return None


def day_of_run(record: RunRecord, programme: Programme) -> date:
    """The calendar day on which the run ended. InputInvalid when it has not."""
    if record.run.ended is None:
        raise InputInvalid(f"the run {record.run.id} has not ended", next_step="finish it first")
    return local_day(record.run.ended.wall, programme.timezone)


def result_of_run(record: RunRecord) -> TestResult:
    """The whole run's result."""
    return {
        Overall.PASS: TestResult.PASS,
        Overall.PASS_WITH_ISSUES: TestResult.PASS_WITH_ISSUES,
    }.get(record.result.overall, TestResult.FAIL)


def departments_of(record: RunRecord, catalog: Catalog) -> frozenset[str]:
    """Departments with an application in the run, also when it was only reached by remote access."""
    named = {item.id for item in record.applications} | {item.id for item in record.remote_access.applications}
    return frozenset(item.department for item in catalog.applications if item.id in named)


def _fulfilment(record: RunRecord, application: ApplicationPart, programme: Programme) -> Fulfilment:
    # The day it was proved: a run may begin before midnight of 31 December and end after it.
    validated = application.clocks.validated
    day = local_day(validated.wall, programme.timezone) if validated else day_of_run(record, programme)
    return Fulfilment(
        activity=Activity.RECOVERY_TEST,
        subject=application.id,
        day=day,
        result=_result(record, application),
        reference=f"run {record.run.id}",
        entered_by=record.run.operator,
        note=f"{record.run.kind}: {application.verdict.value}",
    )


def _result(record: RunRecord, application: ApplicationPart) -> TestResult:
    if application.verdict not in _RECOVERED:
        return TestResult.FAIL
    return TestResult.PASS if record.result.overall is Overall.PASS else TestResult.PASS_WITH_ISSUES
