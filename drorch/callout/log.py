"""What happens in a call-out exercise, as an append-only log of events, and its fold.

A message is written down as *intended* before it is sent, and how that ended after it. An intention without an end
belongs to a process that died: the message may have gone out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from drorch.callout.model import CallKind, Channel, Sending
from drorch.core.errors import InputInvalid
from drorch.core.log import Entry


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The exercise begins. ``tree`` is the id of the call tree's text among the store's blobs."""

    exercise: str
    departments: tuple[str, ...]
    tree: str
    expires_at: datetime
    """From then on no link counts."""
    what: Literal["begun"] = "begun"


@dataclass(frozen=True, kw_only=True)
class Intended:
    """A message will now be sent. Only the hash of its link's token is kept."""

    call: str
    person: str
    kind: CallKind
    about: str
    """Whose call it is; for an escalation, the department."""
    department: str
    channel: Channel
    attempt: int
    token: str
    what: Literal["intended"] = "intended"


@dataclass(frozen=True, kw_only=True)
class SendingEnded:
    """How sending a message ended. ``message`` is the number of the intention."""

    message: int
    sending: Sending
    why: str = ""
    what: Literal["sending-ended"] = "sending-ended"


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Somebody pressed the button behind the link of a message."""

    message: int
    what: Literal["acknowledged"] = "acknowledged"


@dataclass(frozen=True, kw_only=True)
class StopAsked:
    """No further message goes out."""

    what: Literal["stop-asked"] = "stop-asked"


@dataclass(frozen=True, kw_only=True)
class Over:
    """The exercise is over; later acknowledgements do not count."""

    outcome: Literal["everybody-reached", "nobody-left-to-call", "time-is-up", "stopped"]
    what: Literal["over"] = "over"


CalloutBody = Begun | Intended | SendingEnded | Acknowledged | StopAsked | Over


CalloutEvent = Entry[CalloutBody]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One message as it stands. ``sending`` None: intended, and no end is known yet."""

    number: int
    at: datetime
    body: Intended
    sending: Sending | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """All messages to one person for one reason."""

    id: str
    person: str
    kind: CallKind
    about: str
    department: str
    messages: tuple[Sent, ...]
    acknowledged_at: datetime | None = None

    @property
    def first_at(self) -> datetime:
        """When the first message was intended."""
        return self.messages[0].at

    @property
    def last_at(self) -> datetime:
        """When the last message was intended."""
        return self.messages[-1].at

    @property
    def attempts(self) -> int:
        """How often it was tried, on whichever channel; one that may have gone out is a try."""
        return max(item.body.attempt for item in self.messages)

    @property
    def seconds(self) -> float | None:
        """From the first message to the acknowledgement, by the machine's wall clock; None without one."""
        return None if self.acknowledged_at is None else (self.acknowledged_at - self.first_at) / timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Callout:
    """The exercise as its log tells it."""

    begun: Begun
    begun_at: datetime
    by: str
    reason: str
    calls: Mapping[str, Call] = field(default_factory=lambda: MappingProxyType({}))
    call_of: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    """The call that a message belongs to, by the message's number."""
    stopped_by: str | None = None
    """Who asked that no further message goes out."""
    over: Over | None = None
    over_at: datetime | None = None
    last_at: datetime
    events: int = 1

    def open_messages(self) -> tuple[Sent, ...]:
        """Messages whose sending has no known end."""
        return tuple(item for call in self.calls.values() for item in call.messages if item.sending is None)

    def message_with(self, token_hash: str) -> Sent | None:
        """The message whose link carries this token."""
        every = (item for call in self.calls.values() for item in call.messages)
        return next((item for item in every if item.body.token == token_hash), None)


def callout_after(state: Callout | None, event: CalloutEvent) -> Callout:
    """The exercise with one more event. InputInvalid when the event is not possible now."""
    body = event.body
    if state is None or isinstance(body, Begun):
        if state is not None or not isinstance(body, Begun):
            raise InputInvalid("an exercise begins once, with its first event", next_step="restore the store")
        return Callout(begun=body, begun_at=event.at, by=event.person, reason=event.reason, last_at=event.at)
    if state.over is not None:
        raise InputInvalid("the exercise is over", next_step="begin a new one")
    # The wall clock may be set back between two processes; the times of an exercise never run backwards.
    at = max(event.at, state.last_at)
    state = replace(state, last_at=at, events=state.events + 1)
    if isinstance(body, Intended):
        return _intended(state, event.seq, at, body)
    if isinstance(body, SendingEnded):
        call, sent = _message(state, body.message)
        done = replace(sent, sending=body.sending, why=body.why)
        return _with(state, replace(call, messages=tuple(done if m is sent else m for m in call.messages)))
    if isinstance(body, Acknowledged):
        call, _ = _message(state, body.message)
        if call.acknowledged_at is not None:
            raise InputInvalid("it was acknowledged before", next_step="nothing is left to do")
        return _with(state, replace(call, acknowledged_at=at))
    if isinstance(body, StopAsked):
        return replace(state, stopped_by=state.stopped_by or event.person)
    return replace(state, over=body, over_at=at)


def _intended(state: Callout, number: int, at: datetime, body: Intended) -> Callout:
    sent = Sent(number=number, at=at, body=body)
    known = state.calls.get(body.call)
    call = (
        replace(known, messages=(*known.messages, sent))
        if known
        else Call(
            id=body.call,
            person=body.person,
            kind=body.kind,
            about=body.about,
            department=body.department,
            messages=(sent,),
        )
    )
    return replace(_with(state, call), call_of=MappingProxyType({**state.call_of, number: call.id}))


def _message(state: Callout, number: int) -> tuple[Call, Sent]:
    if number not in state.call_of:
        raise InputInvalid(f"there is no message {number}", next_step="restore the store")
    call = state.calls[state.call_of[number]]
    return call, next(item for item in call.messages if item.number == number)


def _with(state: Callout, call: Call) -> Callout:
    return replace(state, calls=MappingProxyType({**state.calls, call.id: call}))
