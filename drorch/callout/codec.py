"""The exercise log's lines both ways. Chained like the log of the year: an edited line is named by number."""

from __future__ import annotations

from dataclasses import replace

from drorch.callout.log import CalloutEvent
from drorch.callout.model import CallTree
from drorch.core.codec import from_text, plain, to_text
from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash

LOG_SCHEMA = 1
GENESIS = content_hash({"log": "drorch-callout", "schema": LOG_SCHEMA})
_RESTORE = "the log was edited or damaged: restore it from a copy"


def linked(before: str, event: CalloutEvent) -> CalloutEvent:
    """The event with its chain value, ``before`` being that of the line above (``GENESIS`` for the first)."""
    data = {key: value for key, value in plain(event).items() if key != "chain"}
    return replace(event, chain=content_hash({"before": before, "event": data}))


def event_to_line(event: CalloutEvent) -> str:
    """One line of JSON with its newline."""
    return to_text(event)


def events_from_text(text: str, where: str, behind: CalloutEvent | None = None) -> tuple[CalloutEvent, ...]:
    """All events of a log, or of its lines after the event ``behind``.

    InputInvalid with ``file:line`` for one that is not readable, not next, or was changed.
    """
    found: list[CalloutEvent] = []
    chain = behind.chain if behind else GENESIS
    first = behind.seq + 1 if behind else 1
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=first):
        place = f"{where}:{number}"
        event = _event(line, place)
        if event.seq != number:
            raise InputInvalid(f"event {event.seq} where {number} is next", where=place, next_step=_RESTORE)
        if linked(chain, event).chain != event.chain:
            what = "this event, or one before it, was changed after it was written"
            raise InputInvalid(what, where=place, next_step=_RESTORE)
        found.append(event)
        chain = event.chain
    return tuple(found)


def tree_hash(tree: CallTree) -> str:
    """Content hash of the people, their order and the rules. It covers the addresses and shows none of them."""
    return content_hash(
        {
            "branches": [[item.department, item.head, list(item.escalation)] for item in tree.branches],
            "people": [
                [
                    item.id, item.name, item.role, item.department, item.called_by, list(item.deputies),
                    {channel.value: address for channel, address in item.addresses.items()},
                ]
                for item in tree.people
            ],
            "policy": plain(tree.policy),
        }
    )  # fmt: skip


def _event(line: str, where: str) -> CalloutEvent:
    return from_text(CalloutEvent, line, where=where, next_step=_RESTORE)
