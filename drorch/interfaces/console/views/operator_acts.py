"""What a person may ask of a run, and what follows from it, before they confirm. Pure; the journal's rules decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from drorch.core.clock import Instant
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.numbers import day_and_time, objective
from drorch.interfaces.console.views.sentence import Say, say
from drorch.orchestration.operator_requests import RunNow
from drorch.plan.codec import plan_id
from drorch.plan.model import TWO_PERSONS, Kind, PlaybookAct, Step
from drorch.run import events as ev
from drorch.run.backwards import to_clean_up, undo_order
from drorch.run.ports import OperatorBody
from drorch.run.progress import SATISFIED, StepStatus
from drorch.run.requests import Problem, problem_with

SHOWN = 12
"""Steps named in a consequence; the rest is counted."""
_SOMEBODY = "somebody"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing a person may ask. ``role`` is who may ask it; ``tone``: go, care or danger."""

    id: str
    title: str
    button: str
    role: str
    tone: str = "care"
    of_step: bool = False


ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        action.id: action
        for action in (
            Action(id="approve", title=N_("Approve the plan of this run"), button=N_("Approve"), role="approver",
                   tone="go"),
            Action(id="attach", title=N_("Drive this run"), button=N_("Drive"), role="operator", tone="go"),
            Action(id="pause", title=N_("Pause the run"), button=N_("Pause"), role="operator"),
            Action(id="resume", title=N_("Resume the run"), button=N_("Resume"), role="operator", tone="go"),
            Action(id="commit", title=N_("Take what the run did as final"), button=N_("Commit"), role="operator",
                   tone="danger"),
            Action(id="retry", title=N_("Perform the step again"), button=N_("Retry"), role="operator", tone="go",
                   of_step=True),
            Action(id="resolve", title=N_("Sign off the step as done by hand"), button=N_("Resolve by hand"),
                   role="operator", of_step=True),
            Action(id="skip", title=N_("Skip the step"), button=N_("Skip"), role="operator", tone="danger",
                   of_step=True),
            Action(id="override", title=N_("Override an interlock"), button=N_("Override"), role="operator",
                   tone="danger"),
            Action(id="clean-up", title=N_("Clean up the drill"), button=N_("Clean up"), role="operator"),
            Action(id="undo", title=N_("Undo what was done"), button=N_("Undo"), role="operator", tone="danger"),
            Action(id="stop", title=N_("Stop the run"), button=N_("Stop"), role="operator", tone="danger"),
        )
    }
)  # fmt: skip
"""In the order of the buttons."""


@dataclass(frozen=True, kw_only=True)
class ActLine:
    """One step that will be performed, or may follow."""

    step: str
    title: str
    what: str
    """The playbook, or empty for a proof."""
    hosts: tuple[str, ...]
    site: str


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What a person reads before confirming."""

    action: Action
    step: str | None
    seq: int
    """Last event it is built on."""
    happens: tuple[Say, ...]
    performs: tuple[ActLine, ...]
    performs_total: int
    follow: tuple[ActLine, ...]
    follow_total: int
    warnings: tuple[Say, ...]
    problem: Problem | None
    """Why it cannot be asked now; None when it can."""
    plan: str = ""
    """The whole hash of the run's plan."""


def body_of(now: RunNow, action: str, step: str | None) -> OperatorBody | None:
    """The request as the journal would have it, by nobody in particular; None for an action that is no request."""
    why, name = "asked for", step or ""
    bodies: Mapping[str, OperatorBody] = {
        "approve": ev.Approved(plan_id=plan_id(now.plan), person=_SOMEBODY, reason=why),
        "pause": ev.Paused(person=_SOMEBODY, reason=why),
        "resume": ev.Resumed(person=_SOMEBODY, reason=why),
        "stop": ev.StopRequested(person=_SOMEBODY, reason=why),
        "commit": ev.Committed(person=_SOMEBODY, reason=why),
        "clean-up": ev.CleanUpRequested(person=_SOMEBODY, reason=why),
        "retry": ev.RetryRequested(step=name, person=_SOMEBODY, reason=why),
        "skip": ev.StepSkipped(step=name, person=_SOMEBODY, reason=why),
        "resolve": ev.StepResolved(step=name, person=_SOMEBODY, reason=why, evidence="named"),
        "undo": ev.UndoRequested(
            steps=(name,) if name else undo_order(now.state.progress), person=_SOMEBODY, reason=why
        ),
        "override": ev.InterlockOverridden(
            interlock="lag", step=step, person=_SOMEBODY, second_person="somebody else", reason=why
        ),
    }
    return bodies.get(action)


def problem_of(now: RunNow, action: str, step: str | None, at: Instant) -> Problem | None:
    """Why it cannot be asked now; None when it can."""
    if action == "attach":
        return _attach_problem(now)
    if action == "undo" and step is None and not undo_order(now.state.progress):
        return Problem(reason="nothing was done that can be undone", next_step="")
    body = body_of(now, action, step)
    if body is None:
        return Problem(reason=f"there is no action {action!r}", next_step="")
    return problem_with(now.state, body, at)


def _attach_problem(now: RunNow) -> Problem | None:
    if now.driven:
        return Problem(reason="a driver is at the run", next_step="")
    if now.state.ended is not None and now.state.ended.outcome is not ev.RunOutcome.INCOMPLETE:
        return Problem(reason="the run has ended", next_step="")
    return None


def run_actions(now: RunNow, at: Instant) -> tuple[Action, ...]:
    """What can be asked of the run as a whole now, in the order of the buttons."""
    ended = now.state.ended is not None
    return tuple(
        action
        for action in ACTIONS.values()
        if not action.of_step
        and not (ended and action.id in {"pause", "resume", "stop", "override", "approve", "attach"})
        and not (action.id == "approve" and now.state.head.started_at is not None)
        and not (action.id == "clean-up" and now.plan.kind is not Kind.DRILL)
        and problem_of(now, action.id, None, at) is None
    )


def step_actions(now: RunNow, step: str, at: Instant) -> tuple[Action, ...]:
    """What can be asked of one step now."""
    found = [action for action in ACTIONS.values() if action.of_step]
    if now.plan.by_id[step].undo is not None:
        found.append(ACTIONS["undo"])
    return tuple(action for action in found if problem_of(now, action.id, step, at) is None)


def consequence(now: RunNow, action: str, step: str | None, at: Instant) -> Consequence:
    """What follows when it is confirmed. KeyError for an unknown action or step."""
    known = ACTIONS[action]
    subject = now.plan.by_id[step] if step else None
    happens, performs, follow = _SAID[action](now, subject)
    return Consequence(
        action=known,
        step=step,
        seq=now.events[-1].seq if now.events else 0,
        happens=happens,
        performs=tuple(_act_line(item, undo=action == "undo") for item in performs[:SHOWN]),
        performs_total=len(performs),
        follow=tuple(_act_line(item) for item in follow[:SHOWN]),
        follow_total=len(follow),
        warnings=tuple(_warnings(now, action, subject, performs)),
        problem=problem_of(now, action, step, at),
        plan=plan_id(now.plan),
    )


Parts = tuple[tuple[Say, ...], list[Step], list[Step]]


def _behind(now: RunNow, step: Step) -> list[Step]:
    """Waiting steps that only this one keeps from being reached, in plan order."""
    blocked = now.state.blocked
    return [other for other in now.plan.steps if blocked.get(other.id) == (step.id,)]


def _waiting(now: RunNow) -> list[Step]:
    blocked = now.state.blocked
    return [step for step in now.state.with_status(StepStatus.WAITING) if step.id not in blocked]


def _retry(now: RunNow, step: Step | None) -> Parts:
    assert step is not None
    attempt = now.state.steps[step.id].attempt + 1
    text = N_("The step is performed again: attempt %(attempt)s, at %(site)s, at most %(limit)s s.")
    return (say(text, attempt=attempt, site=step.site, limit=f"{step.timeout_s:g}"),), [step], _behind(now, step)


def _skip(now: RunNow, step: Step | None) -> Parts:
    assert step is not None
    return (say(N_("Nothing is performed. What needs this step goes on as if it were done.")),), [], _behind(now, step)


def _resolve(now: RunNow, step: Step | None) -> Parts:
    assert step is not None
    text = N_(
        "Nothing is performed. The journal says that you did it by hand, with your evidence; what needs it goes on."
    )
    return (say(text),), [], _behind(now, step)


def _pause(now: RunNow, _: Step | None) -> Parts:
    running = now.state.with_status(StepStatus.RUNNING)
    text = N_("No new step starts until somebody resumes the run. %(count)s steps under way go on to their end.")
    return (say(text, count=len(running)),), [], []


def _resume(now: RunNow, _: Step | None) -> Parts:
    return (say(N_("Steps may start again.")),), [], _waiting(now)


def _stop(now: RunNow, _: Step | None) -> Parts:
    running = list(now.state.with_status(StepStatus.RUNNING))
    waiting = len(now.state.with_status(StepStatus.WAITING))
    return (
        (
            say(N_("%(count)s steps under way are ended with their process trees."), count=len(running)),
            say(N_("%(count)s steps that have not started are never performed. The run ends."), count=waiting),
        ),
        [],
        [],
    )


def _undo(now: RunNow, step: Step | None) -> Parts:
    order = [step.id] if step else list(undo_order(now.state.progress))
    steps = [now.plan.by_id[item] for item in order]
    return (
        (
            say(N_("%(count)s steps are undone by the undo acts of the plan, dependents first."), count=len(steps)),
            say(N_("Nothing else of the plan starts any more.")),
        ),
        steps,
        [],
    )


def _clean_up(now: RunNow, _: Step | None) -> Parts:
    cleaning = to_clean_up(now.state.progress)
    steps = [step for step in now.plan.steps if step.id in cleaning]
    return (say(N_("Steps under way are ended; only the clean-up steps of the drill are performed.")),), steps, []


def _approve(now: RunNow, _: Step | None) -> Parts:
    text = N_("Exactly this plan may run: %(kind)s, %(steps)s steps, %(applications)s applications.")
    said = say(text, kind=now.plan.kind.value, steps=len(now.plan.steps), applications=len(now.plan.scope))
    start = say(N_("When all approvals are there and a driver is at the run, it starts by itself."))
    return (said, start), [], [step for step in now.plan.steps if not step.needs and not step.after]


def _commit(now: RunNow, _: Step | None) -> Parts:
    done = len(now.state.with_status(*SATISFIED))
    said = [
        say(N_("Nothing is performed. The %(count)s steps that were done stay as they are."), count=done),
        say(N_("The run ends as completed, its record is written, and its protection groups are free for other runs.")),
    ]
    policy = policy_said(now.state.head.agreed, now.state.head.commit_due_at)
    return (*said, *((policy,) if policy else ())), [], []


def policy_said(agreed: ev.CommitAgreed | None, due: Instant | None, *, overdue: bool = False) -> Say | None:
    """What was agreed about the end of the run, with the deadline once it runs; None: it ends by itself.

    ``overdue``: the deadline has passed, and nobody was there to act on it.
    """
    if agreed is None:
        return None
    if agreed.then is ev.AfterDeadline.NONE:
        return say(N_("It waits until a person commits it or has it undone."))
    undo = agreed.then is ev.AfterDeadline.UNDO
    if due is None:
        text = (
            N_("When all is done it waits %(span)s for a person; then it is undone by itself.")
            if undo
            else N_("When all is done it waits %(span)s for a person; then it is committed by itself.")
        )
        return say(text, span=objective(agreed.within_s))
    return say(_DEADLINE[undo, overdue], time=day_and_time(due.wall + timedelta(seconds=agreed.within_s)))


_DEADLINE: Final[Mapping[tuple[bool, bool], str]] = MappingProxyType(
    {
        (False, False): N_("When nobody decides before %(time)s UTC, it is committed by itself."),
        (True, False): N_("When nobody decides before %(time)s UTC, it is undone by itself."),
        (False, True): N_("The deadline %(time)s UTC has passed: a driver that is at the run commits it by itself."),
        (True, True): N_("The deadline %(time)s UTC has passed: a driver that is at the run undoes it by itself."),
    }
)
"""By whether it is undone, and whether the deadline has passed."""


def _override(_: RunNow, step: Step | None) -> Parts:
    text = N_("Two persons take the risk of the rule. The rule does not speak again in this run at this place.")
    return (say(text),), [], [step] if step else []


def _attach(now: RunNow, _: Step | None) -> Parts:
    text = N_(
        "A driver is started for the run. Playbooks that still run are found again; nothing is performed twice blindly."
    )
    return (say(text),), [], _waiting(now)


_SAID: Final = MappingProxyType(
    {
        "retry": _retry,
        "skip": _skip,
        "resolve": _resolve,
        "pause": _pause,
        "resume": _resume,
        "stop": _stop,
        "undo": _undo,
        "clean-up": _clean_up,
        "approve": _approve,
        "override": _override,
        "commit": _commit,
        "attach": _attach,
    }
)


def _warnings(now: RunNow, action: str, step: Step | None, performs: list[Step]) -> Iterable[Say]:
    if action == "retry" and step is not None and step.changes_state and step.undo is None:
        yield say(N_("What this step does cannot be undone by drorch."))
    if action in {"skip", "resolve", "override", "commit"}:
        yield say(N_("This cannot be taken back: the journal keeps it, and the report names you."))
    if action == "skip":
        yield say(N_("The risk of not doing it is yours."))
    if action == "stop":
        yield say(
            N_("A stopped run is not taken up again. What is still missing needs a new plan with its own approval.")
        )
        if now.plan.kind is Kind.DRILL:
            yield say(N_("A drill is better ended by clean up: stop leaves what it made."))
    if action == "undo":
        yield say(N_("No promotion of a database is undone; the way home is a failback."))
        if not performs:
            yield say(N_("Nothing was done that can be undone."))
    if action == "approve" and now.plan.kind in TWO_PERSONS:
        yield say(N_("The operator cannot approve this kind of run: two persons stand for it."))
    if action == "commit":
        yield say(N_("Ask the departments first: after the commit nobody is waited for."))


def _act_line(step: Step, *, undo: bool = False) -> ActLine:
    act = step.undo if undo and step.undo is not None else step.act
    playbook = act if isinstance(act, PlaybookAct) else None
    return ActLine(
        step=step.id,
        title=step.title,
        what=playbook.playbook if playbook else "",
        hosts=playbook.hosts if playbook else (),
        site=step.site,
    )
