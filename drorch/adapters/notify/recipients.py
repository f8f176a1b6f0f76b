"""The one gate before every message: an address that is not in the tree is refused before a socket is opened."""

from __future__ import annotations

from drorch.callout.model import Channel, Message
from drorch.core.errors import Refused

Allowed = frozenset[tuple[Channel, str]]


def refuse_outside(message: Message, channel: Channel, allowed: Allowed) -> None:
    """Refused when the message goes another way, or to somebody who is not in the call tree. Names no address."""
    if message.channel is not channel or (message.channel, message.address) not in allowed:
        raise Refused(
            f"message {message.reference} goes to an address outside the call tree: nothing was sent",
            next_step="add the person to the tree and begin a new exercise",
        )
