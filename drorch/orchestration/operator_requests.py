"""What a person asks of a run: each request is checked, left in the inbox, and honoured by the run's driver."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drorch.core.errors import Broken, InputInvalid, NotFound, Refused
from drorch.core.ids import short
from drorch.core.redact import redact_text
from drorch.core.state_folder import RunFolder, run_folder
from drorch.orchestration.held_groups import known_of
from drorch.orchestration.ports import Parts
from drorch.plan.codec import plan_id
from drorch.plan.files import load_plan_file
from drorch.plan.model import ManualAct, Plan
from drorch.run import events as ev
from drorch.run.backwards import undo_order
from drorch.run.interlocks import groups_of
from drorch.run.ports import OperatorBody
from drorch.run.requests import foreseen, problem_with
from drorch.run.state import RunState, advance, fold

MAX_EVIDENCE_BYTES = 64 * 1024 * 1024
REMEMBERED = 16
"""Runs that are read on from what is known of them instead of anew."""
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that is in the inbox."""

    run: str
    body: OperatorBody
    driven: bool
    """A driver is at the run and takes the request within a second; False: it waits until somebody attaches."""


@dataclass(frozen=True, kw_only=True)
class RunNow:
    """A run as its journal and its inbox have it at this moment."""

    run: str
    folder: RunFolder
    plan: Plan
    events: tuple[ev.Event, ...]
    state: RunState
    """With the waiting requests honoured that can be: what a person decides on."""
    driven: bool


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A run as it was read last. ``mark``: when its plan was written."""

    mark: int
    plan: Plan
    events: tuple[ev.Event, ...]
    state: RunState


class Operations:
    """What people ask of runs. ``drives`` tells whether the driver of that `DriverAttached` event lives.

    Every method that asks takes ``person`` and ``reason`` and raises InputInvalid or NotFound for what was mistyped
    (exit 2) and Refused for what the run does not allow now (exit 3); then nothing was written anywhere.
    """

    def __init__(self, parts: Parts, drives: Callable[[ev.Event], bool]) -> None:
        self._parts = parts
        self._drives = drives
        self._known: dict[str, _Known] = {}

    def _read(self, run: str, folder: RunFolder) -> _Known:
        """Plan, events and state, read on from what was read before: nothing of a journal ever changes."""
        mark = folder.plan.stat().st_mtime_ns
        known = self._known.get(run)
        if known is None or known.mark != mark:
            plan = load_plan_file(folder.plan)
            events = self._parts.journal.read(run)
            known = _Known(mark=mark, plan=plan, events=events, state=fold(plan, events))
        elif new := self._parts.journal.read(run, after=len(known.events)):
            known = replace(known, events=(*known.events, *new), state=advance(known.state, new))
        self._known = {**dict(list(self._known.items())[-REMEMBERED:]), run: known}
        return known

    def now(self, run: str) -> RunNow:
        """The run as it stands; NotFound with the nearest names."""
        folder = run_folder(self._parts.home, run)
        known = self._read(run, folder)
        plan, events, written = known.plan, known.events, known.state
        last = next((event for event in reversed(events) if isinstance(event.body, ev.DriverAttached)), None)
        return RunNow(
            run=run,
            folder=folder,
            plan=plan,
            events=events,
            state=foreseen(written, self._parts.inbox.pending(run), self._parts.clock.now()),
            driven=written.ended is None and last is not None and self._drives(last),
        )

    def refuse_second_driver(self, run: str) -> None:
        """Refused when a driver lives: a second one would only end the first."""
        now = self.now(run)
        if now.driven:
            driver = now.state.head.drivers[-1]
            raise Refused(
                f"another driver is at the run: process {driver.pid} on {driver.host}",
                where=f"run {run}",
                next_step=f"look at it with 'drorch run watch {run}'; end that process first when it hangs",
            )

    def approve(self, run: str, *, person: str, plan: str, reason: str) -> Asked:
        """Approve exactly the run's plan, by at least twelve hex digits of its hash."""
        now = self.now(run)
        typed = _HASH.fullmatch(plan.strip().lower())
        if typed is None:
            raise InputInvalid(
                f"{plan!r} is not the hash of a plan",
                where="--plan",
                next_step="give at least 12 hex digits, as 'drorch plan show' prints them for the plan you read",
            )
        whole = plan_id(now.plan)
        meant = whole if whole.removeprefix("sha256:").startswith(typed[1]) else f"sha256:{typed[1]}"
        return self._ask(now, ev.Approved(plan_id=meant, person=person, reason=reason))

    def override(
        self, run: str, interlock: str, *, step: str | None, person: str, second_person: str, reason: str
    ) -> Asked:
        """Two persons take the risk of a rule that may be overridden."""
        now = self.now(run)
        if step is not None:
            known_step(now, step)
        body = ev.InterlockOverridden(
            interlock=interlock, step=step, person=person, second_person=second_person, reason=reason
        )
        return self._ask(now, body)

    def pause(self, run: str, *, person: str, reason: str) -> Asked:
        """Let no new step start."""
        return self._ask(self.now(run), ev.Paused(person=person, reason=reason))

    def resume(self, run: str, *, person: str, reason: str) -> Asked:
        """Let steps start again."""
        return self._ask(self.now(run), ev.Resumed(person=person, reason=reason))

    def commit(self, run: str, *, person: str, reason: str) -> Asked:
        """Take what the run did as final."""
        return self._ask(self.now(run), ev.Committed(person=person, reason=reason))

    def stop(self, run: str, *, person: str, reason: str) -> Asked:
        """End steps under way with their process trees, and the run."""
        return self._ask(self.now(run), ev.StopRequested(person=person, reason=reason))

    def retry(self, run: str, step: str, *, person: str, reason: str) -> Asked:
        """Let a failed or unknown step be performed again."""
        now = self.now(run)
        return self._ask(now, ev.RetryRequested(step=known_step(now, step), person=person, reason=reason))

    def skip(self, run: str, step: str, *, person: str, reason: str) -> Asked:
        """Take the risk of not doing a step."""
        now = self.now(run)
        return self._ask(now, ev.StepSkipped(step=known_step(now, step), person=person, reason=reason))

    def resolve(
        self, run: str, step: str, *, person: str, reason: str, evidence: str, may_be_file: bool = True
    ) -> Asked:
        """Say that a step was done by hand. ``evidence``: a file, copied into the run's folder, or a text.

        ``may_be_file`` False: always a text. People far away must not name files of this machine.
        """
        now = self.now(run)
        body = ev.StepResolved(step=known_step(now, step), person=person, reason=reason, evidence=evidence)
        self._check(now, body)
        kept = keep_evidence(now.folder, evidence) if may_be_file else redact_text(evidence, ())
        return self._ask(now, ev.StepResolved(step=step, person=person, reason=reason, evidence=kept))

    def sign_off(
        self, run: str, step: str, *, person: str, reason: str, evidence: str | None, may_be_file: bool = True
    ) -> Asked:
        """Say that what the plan gives to a person is done. ``evidence`` as in `resolve`; None where none is required.

        InputInvalid for a step that is no manual one, or without the evidence it requires.
        """
        now = self.now(run)
        act = now.plan.by_id[known_step(now, step)].act
        if not isinstance(act, ManualAct):
            raise InputInvalid(
                f"{step} is not a manual step",
                where=f"run {run}",
                next_step="a step that failed and was then done by hand is signed off with 'drorch run resolve'",
            )
        if evidence is None and act.evidence_required:
            raise InputInvalid(
                f"{step} needs evidence: something that shows that it was done",
                where="--evidence",
                next_step="give a file (photograph, log, ticket) or the number of a ticket",
            )
        if evidence is None:
            return self._ask(now, ev.StepResolved(step=step, person=person, reason=reason, evidence=ev.NO_EVIDENCE))
        return self.resolve(run, step, person=person, reason=reason, evidence=evidence, may_be_file=may_be_file)

    def undo(self, run: str, steps: Sequence[str] = (), *, person: str, reason: str) -> Asked:
        """Undo these steps, or everything that was done and can be undone, dependents first."""
        now = self.now(run)
        order = undo_order(now.state.progress)
        named = {known_step(now, step) for step in steps} or set(order)
        wanted = (*(step for step in order if step in named), *sorted(named - set(order)))
        return self._ask(now, ev.UndoRequested(steps=wanted, person=person, reason=reason))

    def clean_up(self, run: str, *, person: str, reason: str) -> Asked:
        """End a drill early and remove what it made; or remove it once more."""
        return self._ask(self.now(run), ev.CleanUpRequested(person=person, reason=reason))

    def _ask(self, now: RunNow, body: OperatorBody) -> Asked:
        self._check(now, body)
        body = replace(body, reason=redact_text(body.reason, ()))
        self._parts.inbox.put(now.run, body, asked=self._parts.clock.now())
        return Asked(run=now.run, body=body, driven=now.driven)

    def _check(self, now: RunNow, body: OperatorBody) -> None:
        problem = problem_with(now.state, body, self._parts.clock.now())
        if problem is None:
            if now.state.ended is not None:
                self._refuse_when_overtaken(now)
            return
        kind = InputInvalid if problem.input else Refused
        raise kind(problem.reason, where=f"run {now.run}", next_step=problem.next_step)

    def _refuse_when_overtaken(self, now: RunNow) -> None:
        """Refused when another run has or had one of the groups since: what this run knows of them is out of date."""
        mine, later = groups_of(now.plan), False
        for run in self._parts.journal.runs():
            if run == now.run:
                later = True
                continue
            other = known_of(self._parts.journal, run)
            shared = sorted(mine if other.created is None else mine & set(other.groups))
            if shared and (other.holds or (later and other.head.started_at is not None)):
                unread = f", as far as anybody can tell ({other.problem})" if other.problem else ""
                raise Refused(
                    f"the run {run} has taken over {', '.join(shared[:5])} since{unread}",
                    where=f"run {now.run}",
                    next_step="end that run first when it has not ended; what is still missing is for a new run",
                )


def known_step(now: RunNow, step: str) -> str:
    """``step``; NotFound with the nearest ids when the plan has no such step."""
    ids = [item.id for item in now.plan.steps]
    if step in ids:
        return step
    near = difflib.get_close_matches(step, ids, n=3)
    raise NotFound(
        f"the plan has no step {step!r}",
        where=f"run {now.run} plan {short(plan_id(now.plan))}",
        next_step=f"did you mean {' or '.join(near)}?" if near else f"see 'drorch run show {now.run}'",
    )


def keep_evidence(folder: RunFolder, evidence: str) -> str:
    """A text as it is; a file is copied into the run's folder and named with its hash. InputInvalid if unusable."""
    path = Path(evidence)
    try:
        if not path.is_file():
            return redact_text(evidence, ())
        if path.stat().st_size > MAX_EVIDENCE_BYTES:
            limit = MAX_EVIDENCE_BYTES // 2**20
            raise InputInvalid(
                f"is larger than {limit} MiB",
                where=evidence,
                next_step="keep it elsewhere, name it",
            )
        return keep_content(folder, path.name, path.read_bytes())
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise InputInvalid("cannot be read", where=evidence, next_step="give permission to read it") from error
        return redact_text(evidence, ())  # too long, or with signs no file name has: it is a text


def keep_content(folder: RunFolder, name: str, content: bytes) -> str:
    """Put what shows something into the run's folder, under its hash; how a decision names it. Broken if it fails."""
    digest = hashlib.sha256(content).hexdigest()
    name = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:]
    kept = folder.evidence / f"{digest[:12]}-{name}"
    try:
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(content)
    except OSError as error:
        raise Broken(f"cannot be written: {error.strerror}", where=str(kept), next_step="free space, repeat") from error
    return f"evidence/{kept.name} sha256:{digest}"
