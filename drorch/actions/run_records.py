"""Records of runs as corrective actions see them: what passed, what failed, what was found.

Actions outlive versions of drorch, so only what is needed is read out of a ``report.json``
(as ``year.run_records`` does).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from drorch.actions.evidence import FoundProblem, RunSeen
from drorch.actions.model import ActionSeverity, Source, Subject, SubjectKind
from drorch.core.errors import DrorchError, InputInvalid, NotFound
from drorch.core.findings import Finding, Severity
from drorch.core.state_folder import run_folder, runs_folder

_CRITICAL, _MAJOR, _MINOR = ActionSeverity.CRITICAL, ActionSeverity.MAJOR, ActionSeverity.MINOR
_VERDICTS = {
    "failed": ("application-failed", _CRITICAL),
    "missed": ("objective-missed", _MAJOR),
    "vacuous": ("vacuous", _MAJOR),
    "not-measured": ("not-measured", _MAJOR),
}
_STEPS = {
    "failed": ("step-failed", _CRITICAL),
    "unknown": ("step-unknown", _CRITICAL),
    "skipped": ("step-skipped", _MINOR),
    "done-by-hand": ("step-by-hand", _MINOR),
}
_DEVIATIONS = {"error": _MAJOR, "warning": _MINOR}


class _Part(BaseModel):
    model_config = {"frozen": True, "extra": "ignore"}


class _At(_Part):
    wall: datetime


class _Run(_Part):
    id: str
    kind: str
    estate: str
    operator: str
    started: _At | None
    ended: _At | None


class _Result(_Part):
    overall: str
    reason: str


class _Point(_Part):
    records_lost: int | None
    duplicates: int | None


class _Application(_Part):
    id: str
    name: str
    group: str
    verdict: str
    reason: str
    recovery_point: _Point


class _Step(_Part):
    id: str
    title: str
    outcome: str
    reason: str
    attempts: tuple[Any, ...] = ()


class _Trouble(_Part):
    step: str
    applications: tuple[str, ...]


class _Reached(_Part):
    id: str
    name: str
    reached: bool | None
    reason: str


class _Remote(_Part):
    applications: tuple[_Reached, ...]


class _Lost(_Part):
    id: str
    name: str
    reason: str


class _Difference(_Part):
    name: str
    before: str
    after: str
    accepted_by: str | None


class _Baseline(_Part):
    clean: bool | None
    reason: str
    differences: tuple[_Difference, ...]


class _Gap(_Part):
    reason: str


class _Protection(_Part):
    group: str
    at_end: bool | None
    gaps: tuple[_Gap, ...]


class _Deviation(_Part):
    code: str
    severity: str
    message: str
    subject: str | None


class RecordParts(_Part):
    """The parts of ``drorch.evidence.record.model.Report`` that actions need."""

    schema_version: Literal[1] = Field(alias="schema")
    run: _Run
    result: _Result
    applications: tuple[_Application, ...]
    steps: tuple[_Step, ...]
    troubles: tuple[_Trouble, ...]
    remote_access: _Remote
    not_recoverable: tuple[_Lost, ...]
    deviations: tuple[_Deviation, ...]
    baseline: _Baseline | None = None
    protection: tuple[_Protection, ...] = ()


def runs_seen(home: Path) -> tuple[tuple[RunSeen, ...], tuple[Finding, ...]]:
    """Every stored record, oldest run first, and a finding for each that cannot be read: it hides no other."""
    seen: list[RunSeen] = []
    troubles: list[Finding] = []
    for path in sorted(runs_folder(home).glob("*/report.json")):
        try:
            seen.append(_read(path))
        except DrorchError as error:
            troubles.append(
                Finding(
                    code="record-unreadable",
                    severity=Severity.WARNING,
                    message=f"the run {path.parent.name} is not seen by corrective actions: {error.what}",
                    subject=path.parent.name,
                    where=error.where,
                    next_step=error.next_step,
                )
            )
    return tuple(seen), tuple(troubles)


def run_seen(home: Path, run: str) -> RunSeen:
    """The record of one run. NotFound when there is no such run, or no record of it yet."""
    path = run_folder(home, run).report("json")
    if not path.exists():
        next_step = f"finish it with 'drorch run attach {run}'"
        raise NotFound(f"the run {run} has no report yet", where=str(path), next_step=next_step)
    return _read(path)


def _read(path: Path) -> RunSeen:
    try:
        record = RecordParts.model_validate_json(path.read_bytes())
    except OSError as error:
        what = f"its record cannot be read: {error.strerror}"
        raise InputInvalid(what, where=str(path), next_step="look at the file's permissions") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputInvalid(f"{field}: {first['msg']}", where=str(path), next_step="restore it from a copy") from None
    return seen_of(record)


def seen_of(record: RecordParts) -> RunSeen:
    """What actions see of a record."""
    reached = {True: "proved", False: "failed", None: "not-tested"}
    remote = {item.id: reached[item.reached] for item in record.remote_access.applications}
    return RunSeen(
        id=record.run.id,
        kind=record.run.kind,
        estate=record.run.estate,
        operator=record.run.operator,
        started=record.run.started.wall if record.run.started else None,
        ended=record.run.ended.wall if record.run.ended else None,
        overall=record.result.overall,
        reason=record.result.reason,
        applications=MappingProxyType({**remote, **{item.id: item.verdict for item in record.applications}}),
        steps=MappingProxyType({item.id: item.outcome for item in record.steps}),
        problems=tuple(_problems(record)) if record.run.ended else (),
    )


def _problems(record: RecordParts) -> Iterator[FoundProblem]:
    """What was found, the gravest kinds first. An application that a failed step kept down is that step's finding."""
    stopped = {item.step: item.applications for item in record.troubles}
    kept_down = {name for names in stopped.values() for name in names}
    for step in record.steps:
        if step.outcome in _STEPS:
            code, severity = _STEPS[step.outcome]
            about = (*_steps(step.id), *_apps(*stopped.get(step.id, ())))
            yield _made(record, code, step.id, f"{step.title}: {step.reason or step.outcome}", severity, about)
    for app in record.applications:
        if app.verdict in _VERDICTS and not (app.verdict == "failed" and app.id in kept_down):
            code, severity = _VERDICTS[app.verdict]
            yield _made(record, code, app.id, f"{app.name}: {app.reason}", severity, _apps(app.id))
        if app.recovery_point.duplicates:
            message = f"{app.name}: records are there twice after recovery"
            yield _made(record, "records-duplicated", app.id, message, _MINOR, _apps(app.id))
    for item in record.remote_access.applications:
        if item.reached is not True:
            message = f"{item.name} was not reached by remote access: {item.reason}"
            yield _made(record, "remote-access", item.id, message, _CRITICAL, _apps(item.id))
    for lost in record.not_recoverable:
        message = f"{lost.name} cannot be recovered by any plan: {lost.reason}"
        yield _made(record, "not-recoverable", lost.id, message, _CRITICAL, _apps(lost.id))
    yield from _of_safety(record)
    yield from _of_steps_again(record)
    yield from _of_deviations(record)


def _of_deviations(record: RecordParts) -> Iterator[FoundProblem]:
    for found in record.deviations:
        if found.severity in _DEVIATIONS:
            subject = found.subject or record.run.id
            about = _apps(subject) if subject in {app.id for app in record.applications} else _all(record)
            yield _made(record, found.code, subject, found.message, _DEVIATIONS[found.severity], about)


def _of_safety(record: RecordParts) -> Iterator[FoundProblem]:
    if record.baseline is not None and record.baseline.clean is None:
        message = f"nobody knows what the run left behind: {record.baseline.reason}"
        yield _made(record, "baseline-unknown", record.run.kind, message, _MAJOR, _all(record))
    for difference in record.baseline.differences if record.baseline else ():
        if difference.accepted_by is None:
            message = f"left different: {difference.name} was {difference.before}, is {difference.after}"
            yield _made(record, "not-clean", difference.name, message, _MAJOR, _all(record))
    for protection in record.protection:
        if protection.gaps and _should_have_been_protected(record.run.kind, protection):
            message = f"{protection.group} was not protected: {protection.gaps[0].reason}"
            about = _apps(*(app.id for app in record.applications if app.group == protection.group)) or _all(record)
            yield _made(record, "protection-gap", protection.group, message, _MAJOR, about)


def _should_have_been_protected(kind: str, protection: _Protection) -> bool:
    """A drill leaves production alone; a planned move ends protected; with a lost site there is no standby at all."""
    return kind == "drill" or (kind in ("switchover", "failback") and protection.at_end is not True)


def _of_steps_again(record: RecordParts) -> Iterator[FoundProblem]:
    for step in record.steps:
        if step.outcome == "done" and len(step.attempts) > 1:
            message = f"{step.title} needed more than one attempt"
            yield _made(record, "step-repeated", step.id, message, _MINOR, _steps(step.id))


def _made(
    record: RecordParts, code: str, subject: str, message: str, severity: ActionSeverity, about: tuple[Subject, ...]
) -> FoundProblem:
    source = Source(
        code=code,
        key=f"{code}/{subject}",
        message=message,
        run=record.run.id,
        kind=record.run.kind,
        estate=record.run.estate,
        ended=record.run.ended.wall if record.run.ended else None,
    )
    return FoundProblem(source=source, severity=severity, subjects=about)


def _apps(*ids: str) -> tuple[Subject, ...]:
    return tuple(Subject(kind=SubjectKind.APPLICATION, id=name) for name in ids)


def _steps(step: str) -> tuple[Subject, ...]:
    return (Subject(kind=SubjectKind.STEP, id=step),)


def _all(record: RecordParts) -> tuple[Subject, ...]:
    """What a retest has to cover when the finding is about the whole run: everything that was in it."""
    return _apps(*(app.id for app in record.applications)) or tuple(
        Subject(kind=SubjectKind.STEP, id=step.id) for step in record.steps
    )
