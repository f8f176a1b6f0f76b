"""A dry run: what would be sent, to whom and when, if nobody answered. Nothing is sent or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drorch.callout.decide import End, Send, decide
from drorch.callout.log import Begun, CalloutEvent, Intended, SendingEnded, callout_after
from drorch.callout.model import CallTree, Sending

_START = datetime(2000, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """One message that would go out, ``seconds`` after the start."""

    seconds: float
    send: Send


def rehearse(tree: CallTree, departments: Sequence[str]) -> tuple[tuple[Rehearsed, ...], str, float]:
    """All messages in order, how the exercise would end, and after how many seconds.

    The same decision as in a real exercise, on a clock that nobody waits for.
    """
    begun = Begun(exercise="rehearsal", departments=tuple(departments), tree="", expires_at=_START)
    state = callout_after(None, CalloutEvent(seq=1, at=_START, body=begun))
    now, number, found = _START, 1, list[Rehearsed]()
    while True:
        for command in decide(tree, state, now):
            if isinstance(command, End):
                return tuple(found), command.over.outcome, (now - _START) / _STEP
            found.append(Rehearsed(seconds=(now - _START) / _STEP, send=command))
            number += 1
            state = callout_after(state, CalloutEvent(seq=number, at=now, body=intended(command, token="")))
            ended = SendingEnded(message=number, sending=Sending.SENT)
            number += 1
            state = callout_after(state, CalloutEvent(seq=number, at=now, body=ended))
        now += _STEP


def intended(send: Send, token: str) -> Intended:
    """The event that is written before a message is sent. ``token``: the hash of its link's token."""
    return Intended(
        call=send.call, person=send.person, kind=send.kind, about=send.about, department=send.department,
        channel=send.channel, attempt=send.attempt, token=token,
    )  # fmt: skip
