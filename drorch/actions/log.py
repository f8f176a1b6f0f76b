"""The fold of the events: how each action stands. What cannot follow is refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from types import MappingProxyType

from drorch.actions.events import (
    ActionBody,
    ActionEvent,
    Assigned,
    Claimed,
    Closed,
    Opened,
    Recurred,
    Reopened,
    Updated,
    Verified,
)
from drorch.actions.model import PROVED, Action, ActionBook, ActionState, History
from drorch.core.bodies import bodies
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.log import FoldedLog, Log
from drorch.core.stream import EventStore
from drorch.run.interlocks import same_person

ActionLog = FoldedLog[ActionBody, ActionBook]
ACTIONS = "actions"
"""The stream."""


def action_log(store: EventStore) -> ActionLog:
    """What was said about corrective actions."""
    return FoldedLog(Log(store, ACTIONS, *bodies(ActionBody), reasons=True), ActionBook(), after)


def after(book: ActionBook, event: ActionEvent) -> ActionBook:
    """The book with one more event. InputInvalid, NotFound or Refused for one that cannot follow."""
    body = event.body
    changed = _opened(book, body, event) if isinstance(body, Opened) else _change(body, standing(book, body.id), event)
    line = History(
        seq=event.seq,
        at=event.at,
        person=event.person,
        reason=event.reason,
        what=told(body),
        state=changed.state,
    )
    changed = replace(changed, history=(*changed.history, line))
    return replace(book, actions=MappingProxyType({**book.actions, changed.id: changed}))


def standing(book: ActionBook, action_id: str) -> Action:
    """The action with this id. NotFound without one."""
    action = book.actions.get(action_id)
    if action is None:
        known = ", ".join(item.id for item in book.actions.values() if item.is_open) or "none"
        raise NotFound(f"there is no corrective action {action_id!r}", next_step=f"open are: {known}")
    return action


def refuse_own(action: Action, person: str, doing: str) -> None:
    """Refused when ``person`` owns the action, owned it, or claimed it done."""
    own = next((owner for owner in action.owners if same_person(owner, person)), None)
    if own is not None:
        raise Refused(
            f"{person} {'owns' if action.owner and same_person(action.owner, person) else 'has owned or claimed'} "
            f"it and may not {doing} it",
            where=action.id,
            next_step=f"let another person than {', '.join(action.owners)} {doing} it",
        )


def told(body: ActionBody) -> str:
    """The event in a few words."""
    if isinstance(body, Opened):
        return f"opened, {body.severity.value}: {body.title}"
    if isinstance(body, Assigned):
        return f"assigned to {body.owner} ({body.organisation}), due {body.due}"
    if isinstance(body, Updated):
        said = [name.replace("_", " ") for name in _TEXTS if getattr(body, name) is not None]
        said += [f"{name} {value.value}" for name in ("element", "severity") if (value := getattr(body, name))]
        return ", ".join([*(["work begun"] if body.begin else []), *said])
    if isinstance(body, Claimed):
        return f"claimed done since {body.completed_at:%Y-%m-%d %H:%M}Z"
    if isinstance(body, Verified):
        return f"{'effective' if body.effective else 'not effective'} by {body.retest}: {body.method}"
    if isinstance(body, Recurred):
        return f"shown again by run {body.run}: {body.shown}"
    return body.what


_TEXTS = ("action", "immediate_correction", "root_cause", "similar_cases", "plan_change")
_NEEDED_TO_CLOSE = (
    ("root_cause", "the root cause", "--root-cause"),
    ("similar_cases", "whether similar cases were looked for", "--similar-cases"),
    ("plan_change", "which plan was changed, or why none", "--plan-change"),
)


@singledispatch
def _change(body: object, action: Action, event: ActionEvent) -> Action:
    raise NotImplementedError(type(body))


@_change.register
def _(body: Assigned, action: Action, event: ActionEvent) -> Action:
    _refuse_if_proved(action, "assigned")
    opened = event.at.date() if body.start is None else body.start
    if body.due < opened:
        raise InputInvalid(f"due on {body.due}, before it starts", where="--due", next_step="give a later day")
    return replace(
        action,
        organisation=body.organisation,
        owner=body.owner,
        owners=_with(action.owners, body.owner),
        start=body.start or action.start,
        due=body.due,
    )


@_change.register
def _(body: Updated, action: Action, event: ActionEvent) -> Action:  # noqa: ARG001
    if action.state is ActionState.CLOSED:
        raise Refused("it is closed", where=action.id, next_step="reopen it, with the reason")
    if not body.begin and all(getattr(body, name) is None for name in (*_TEXTS, "element", "severity")):
        raise InputInvalid(
            "nothing to change was given", where=action.id, next_step="see 'drorch action update --help'"
        )
    values = {name: getattr(body, name) for name in (*_TEXTS, "element", "severity")}
    changed = replace(action, **{name: value for name, value in values.items() if value is not None})
    if body.begin:
        if action.state not in (ActionState.OPEN, ActionState.RE_OPENED):
            raise Refused(f"it is {action.state.value} already", where=action.id, next_step="nothing is to be begun")
        _need_owner(action)
        changed = replace(changed, state=ActionState.IN_PROGRESS)
    return changed


@_change.register
def _(body: Claimed, action: Action, event: ActionEvent) -> Action:
    _refuse_if_proved(action, "claimed done")
    _need_owner(action)
    if action.action is None:
        what = "nobody has written what was to be done"
        raise Refused(what, where=action.id, next_step=f"drorch action update {action.id} --action TEXT")
    earliest = action.source.ended or action.opened_at
    if body.completed_at > event.at:
        raise InputInvalid("done in the future", where="--completed", next_step="claim it when it is done")
    if body.completed_at < earliest:
        what = f"done before it was found ({earliest:%Y-%m-%d %H:%M}Z)"
        raise InputInvalid(what, where="--completed", next_step="say when the work was really done")
    return replace(
        action,
        state=ActionState.DONE,
        completed_at=body.completed_at,
        claimed_at=event.at,
        owners=_with(action.owners, event.person),
        evidence=(*action.evidence, *body.evidence),
        verification_method=None,
        verifier=None,
        effective=None,
        retest=None,
    )


@_change.register
def _(body: Verified, action: Action, event: ActionEvent) -> Action:
    if action.state is not ActionState.DONE:
        what = f"it is {action.state.value}; only what is claimed done can be verified"
        raise Refused(what, where=action.id, next_step=f"drorch action claim {action.id} ...")
    refuse_own(action, event.person, "verify")
    return replace(
        action,
        state=ActionState.VERIFIED if body.effective else ActionState.RE_OPENED,
        reopened=action.reopened + (not body.effective),
        verification_method=body.method,
        verifier=event.person,
        effective=body.effective,
        retest=body.retest,
    )


@_change.register
def _(body: Closed, action: Action, event: ActionEvent) -> Action:  # noqa: ARG001
    if action.state is not ActionState.VERIFIED:
        what = f"it is {action.state.value}; only what another person verified by a later passing test can be closed"
        raise Refused(what, where=action.id, next_step=f"drorch action verify {action.id} --retest RUN ...")
    refuse_own(action, event.person, "close")
    missing = [(words, option) for name, words, option in _NEEDED_TO_CLOSE if not getattr(action, name)]
    if missing:
        what = "nobody has written " + ", nor ".join(words for words, _ in missing)
        options = " ".join(f"{option} TEXT" for _, option in missing)
        raise Refused(what, where=action.id, next_step=f"drorch action update {action.id} {options}")
    return replace(action, state=ActionState.CLOSED)


@_change.register
def _(body: Reopened, action: Action, event: ActionEvent) -> Action:  # noqa: ARG001
    if action.state not in (*PROVED, ActionState.DONE):
        raise Refused(f"it is {action.state.value}: it is open already", where=action.id, next_step="work on it")
    return replace(action, state=ActionState.RE_OPENED, reopened=action.reopened + 1)


@_change.register
def _(body: Recurred, action: Action, event: ActionEvent) -> Action:  # noqa: ARG001
    kinds = (*action.kinds, *((body.kind,) if body.kind and body.kind not in action.kinds else ()))
    changed = replace(action, recurred_in=(*action.recurred_in, body.run), kinds=kinds)
    if action.state in (*PROVED, ActionState.DONE):
        again = False if action.state in PROVED else action.effective
        changed = replace(changed, state=ActionState.RE_OPENED, reopened=action.reopened + 1, effective=again)
    return changed


def _opened(book: ActionBook, body: Opened, event: ActionEvent) -> Action:
    if body.id in book.actions:
        raise InputInvalid(f"there is an action {body.id} already", next_step="open it again")
    if not body.subjects:
        what = "it names nothing that a later test could prove"
        raise InputInvalid(what, next_step="name a --step, an --application or an --exercise")
    return Action(
        id=body.id,
        source=body.source,
        severity=body.severity,
        title=body.title,
        subjects=body.subjects,
        kinds=(body.source.kind,) if body.source.kind else (),
        state=ActionState.OPEN,
        opened_at=event.at,
        opened_by=event.person,
    )


def _need_owner(action: Action) -> None:
    if action.owner is None:
        next_step = f"drorch action assign {action.id} --owner PERSON --organisation TEXT --due DATE ..."
        raise Refused("it has no owner", where=action.id, next_step=next_step)


def _refuse_if_proved(action: Action, doing: str) -> None:
    if action.state in PROVED:
        what = f"it is {action.state.value} and cannot be {doing}"
        raise Refused(what, where=action.id, next_step="reopen it first, with the reason")


def _with(owners: tuple[str, ...], person: str) -> tuple[str, ...]:
    return owners if any(same_person(owner, person) for owner in owners) else (*owners, person)
