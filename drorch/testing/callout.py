"""A notifier that keeps what it was given, and a small call tree as text that tests change."""

from __future__ import annotations

import threading
from collections.abc import Callable

from drorch.callout.model import Channel, Delivery, Message, Notifier, Sending
from drorch.core.errors import Refused


class MemoryNotifier(Notifier):
    """Keeps messages to addresses of ``allowed``; ``answer`` may decide otherwise (a server that is down)."""

    def __init__(
        self,
        channel: Channel,
        allowed: frozenset[tuple[Channel, str]],
        answer: Callable[[Message], Delivery] = lambda _: Delivery(sending=Sending.SENT),
    ) -> None:
        self.sent: list[Message] = []
        self._channel, self._allowed, self._answer = channel, allowed, answer
        self._lock = threading.Lock()

    def send(self, message: Message) -> Delivery:
        """Refused for an address outside the tree."""
        if message.channel is not self._channel or (message.channel, message.address) not in self._allowed:
            raise Refused("outside the call tree", next_step="add the person to the tree")
        delivery = self._answer(message)
        if delivery.sending is Sending.SENT:
            with self._lock:
                self.sent.append(message)
        return delivery


SMALL_TREE_YAML = """\
schema: 1
id: small
title: Small tree
link_base: http://127.0.0.1:8480
policy: {cascade: levels, attempts: 2, retry_after: 60s, deputy_after: 90s, ends_after: 20m, shown: roles}
smtp: {host: 127.0.0.1, port: 2525, encryption: none, sender: drorch@example.org, timeout: 2s}
departments:
  - {id: dm, head: head, escalation: [chief]}
people:
  - {id: head, name: Hanna Head, role: Head, department: dm, deputies: [second], email: head@example.org}
  - {id: second, name: Sam Second, role: Deputy head, department: dm, email: second@example.org}
  - {id: chief, name: Carla Chief, role: Chief, department: dm, email: chief@example.org}
  - {id: finance, name: Fay Finance, role: Finance, department: dm, called_by: head, email: finance@example.org}
  - {id: records, name: Rob Records, role: Records, department: dm, called_by: finance, email: records@example.org}
"""
