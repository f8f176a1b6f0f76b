"""An exercise on a hand-driven clock: people who answer after a while, and a notifier that keeps what it was given."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from drorch.callout.ack_page import AckPage
from drorch.callout.exercises import Exercises
from drorch.callout.load import checked_call_tree, load_call_tree
from drorch.callout.model import CallTree, Channel, Delivery, Message, Notifier, Sending
from drorch.callout.operations import CalloutParts, CallOuts
from drorch.core.ids import IdSource
from drorch.core.stream import EventStore
from drorch.testing.builders import small_catalog
from drorch.testing.callout import SMALL_TREE_YAML, MemoryNotifier
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore
from drorch.year.statement import Said

SAID = Said(person="Olga Operator", reason="yearly exercise")


def tree_of(text: str = SMALL_TREE_YAML) -> CallTree:
    return checked_call_tree(load_call_tree(text.encode(), "callout.yaml"), small_catalog())


class Ids(IdSource):
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new_run_id(self) -> str:
        return f"20130304-150000-{next(self._numbers):04d}"


@dataclass
class Exercise:
    """``answers``: seconds after a message until the address presses the button; who is absent never does."""

    home: Path
    text: str = SMALL_TREE_YAML
    store: EventStore = field(default_factory=MemoryStore)
    answers: Mapping[str, float] = field(default_factory=dict)
    delivery: Callable[[Message], Delivery] = lambda _: Delivery(sending=Sending.SENT)
    clock: HandClock = field(default_factory=lambda: HandClock(datetime(2013, 3, 4, 15, tzinfo=UTC)))
    sent: list[tuple[float, str, Message]] = field(default_factory=list)
    pending: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        tokens = itertools.count()
        parts = CalloutParts(
            home=self.home, store=self.store, clock=self.clock, ids=Ids(), notifiers=self.notifiers,
            token=lambda: f"{next(tokens):032d}",
        )  # fmt: skip
        self.callouts, self.page = CallOuts(parts), AckPage(Exercises(self.store), self.clock)
        self._start = self.clock.now().mono
        sleep = self.clock.sleep

        def sleeping(seconds: float) -> None:
            sleep(seconds)
            self.press()

        self.clock.sleep = sleeping  # type: ignore[method-assign]

    def notifiers(self, tree: CallTree, departments: Sequence[str]) -> Mapping[Channel, Notifier]:
        allowed = tree.addresses(departments)
        return {channel: MemoryNotifier(channel, allowed, self._take) for channel in Channel}

    def _take(self, message: Message) -> Delivery:
        delivery = self.delivery(message)
        if delivery.sending is Sending.SENT:
            now = self.clock.now().mono - self._start
            self.sent.append((now, message.address, message))
            if message.address in self.answers:
                self.pending.append((now + self.answers[message.address], message.link))
        return delivery

    def press(self) -> None:
        now = self.clock.now().mono - self._start
        due = [item for item in self.pending if item[0] <= now]
        self.pending = [item for item in self.pending if item[0] > now]
        for _, link in due:
            self.page.answer("POST", link.removeprefix("http://127.0.0.1:8480"))

    def begin(self, departments: Sequence[str] = ()) -> str:
        return self.callouts.begin(self.text.encode(), tree_of(self.text), departments, SAID)

    def order(self) -> list[tuple[int, str]]:
        return [(int(seconds), address.partition("@")[0]) for seconds, address, _ in self.sent]
