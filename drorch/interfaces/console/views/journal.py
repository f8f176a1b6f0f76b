"""The events of a journal as sentences. Reasons and facts stay as they were written; only the frame is translated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from drorch.core.clock import Instant
from drorch.core.ids import short
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.numbers import objective
from drorch.interfaces.console.views.sentence import Say, say
from drorch.plan.model import ManualAct, Plan
from drorch.run import events as ev


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One event. ``tone`` as in `words.Word`; ``detail`` is what people or playbooks wrote, untranslated."""

    seq: int
    at: Instant
    tone: str
    sentence: Say
    detail: str
    step: str | None


_TEXTS: Final[Mapping[type[Any], tuple[str, str]]] = MappingProxyType(
    {
        ev.RunCreated: ("quiet", N_("run created by %(operator)s")),
        ev.Approved: ("good", N_("plan approved by %(person)s")),
        ev.ApprovalAwaited: ("warn", N_("waits for the approval of its plan")),
        ev.CommitAgreed: ("quiet", N_("%(person)s agrees that the run waits for its commit: %(agreed)s")),
        ev.CommitDue: ("warn", N_("everything is done; the run waits for its commit")),
        ev.Committed: ("good", N_("committed by %(person)s")),
        ev.InterlockOverridden: ("warn", N_("%(person)s and %(second)s override the interlock %(interlock)s")),
        ev.Declared: ("warn", N_("%(person)s declares the loss of %(site)s")),
        ev.RunStarted: ("busy", N_("run started")),
        ev.InterlockRefused: ("bad", N_("refused by the interlock %(interlock)s")),
        ev.StepStarted: ("busy", N_("step started: %(step)s, attempt %(attempt)s")),
        ev.StepSucceeded: ("good", N_("step done: %(step)s")),
        ev.StepFailed: ("bad", N_("step failed: %(step)s")),
        ev.StepUnknown: ("warn", N_("nobody saw the end of the step %(step)s")),
        ev.RetryRequested: ("warn", N_("%(person)s lets the step %(step)s be performed again")),
        ev.StepSkipped: ("warn", N_("%(person)s skips the step %(step)s")),
        ev.StepResolved: ("warn", N_("%(person)s signs off the step %(step)s as done by hand")),
        ev.Paused: ("warn", N_("paused by %(person)s")),
        ev.Resumed: ("busy", N_("resumed by %(person)s")),
        ev.StopRequested: ("warn", N_("%(person)s stops the run")),
        ev.UndoRequested: ("warn", N_("%(person)s asks to undo %(count)s steps")),
        ev.UndoStarted: ("busy", N_("undo started: %(step)s")),
        ev.UndoSucceeded: ("good", N_("undone: %(step)s")),
        ev.UndoFailed: ("bad", N_("undo failed: %(step)s")),
        ev.CleanUpRequested: ("warn", N_("%(person)s asks for the clean-up")),
        ev.RequestSettled: ("quiet", N_("request %(request)s taken by the driver")),
        ev.DriverAttached: ("quiet", N_("driver attached: process %(pid)s on %(host)s")),
        ev.StoreWaited: ("warn", N_("the event store was away for %(seconds)s s; no step started meanwhile")),
        ev.DifferenceAccepted: ("warn", N_("%(person)s accepts the difference %(code)s/%(subject)s")),
        ev.RunEnded: ("quiet", N_("run ended: %(outcome)s")),
    }
)
_VALUES: Final[Mapping[str, Callable[[Any], object]]] = MappingProxyType(
    {
        "second": lambda body: body.second_person,
        "count": lambda body: len(body.steps),
        "site": lambda body: body.site or "–",
        "agreed": lambda body: f"{body.then.value} {objective(body.within_s)}" if body.within_s else body.then.value,
        "seconds": lambda body: f"{body.seconds:.0f}",
        "outcome": lambda body: body.outcome.value,
    }
)
_NAMES = ("operator", "person", "interlock", "step", "attempt", "request", "pid", "host", "code", "subject")


def log_line(event: ev.Event, plan: Plan | None = None) -> LogLine:
    """The event as a line of the log. With the ``plan`` it tells what a person has to do by hand."""
    body: Any = event.body
    tone, text = _TEXTS[type(body)]
    values = {name: getattr(body, name) for name in _NAMES if hasattr(body, name)}
    values |= {name: value(body) for name, value in _VALUES.items() if f"%({name})s" in text}
    if isinstance(body, ev.RunEnded) and body.outcome is ev.RunOutcome.COMPLETED:
        tone = "good"
    return LogLine(
        seq=event.seq,
        at=event.at,
        tone=tone,
        sentence=say(text, **{name: value for name, value in values.items() if f"%({name})s" in text}),
        detail=_instructions(plan, body) or _detail(body),
        step=getattr(body, "step", None),
    )


def _instructions(plan: Plan | None, body: Any) -> str:
    act = plan.by_id[body.step].act if plan is not None and isinstance(body, ev.StepStarted) else None
    return f"{act.role}: {act.text}" if isinstance(act, ManualAct) else ""


def _detail(body: Any) -> str:
    if isinstance(body, ev.RunCreated):
        return f"{body.kind}, plan {short(body.plan_id)}, drorch {body.drorch_version}"
    if isinstance(body, ev.RequestSettled):
        return str(body.problem)
    parts = [getattr(body, "code", "") if hasattr(body, "attempt") else "", getattr(body, "reason", "")]
    if isinstance(body, ev.StepResolved):
        parts.append(f"[{body.evidence}]")
    return " ".join(part for part in parts if part)
