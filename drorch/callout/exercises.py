"""The call-out exercises of one store: the stream ``callout/<exercise>``, and the tree it was begun with as a blob."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from drorch.callout.load import load_call_tree
from drorch.callout.log import Begun, Callout, CalloutBody, CalloutEvent, callout_after
from drorch.callout.model import CallTree
from drorch.core.bodies import bodies
from drorch.core.errors import NotFound
from drorch.core.log import FoldedLog, Log
from drorch.core.stream import EventStore
from drorch.year.statement import Said

CALLOUT = "callout/"
"""The streams: one for each exercise, by its id."""
NOBODY = Said(person="", reason="")
"""Says what drorch itself sees, and what people do who are not named here."""


class Exercises:
    """All exercises. Safe for several threads."""

    def __init__(self, store: EventStore) -> None:
        self.store = store
        self._log = FoldedLog[CalloutBody, Callout | None](
            Log(store, CALLOUT, *bodies(CalloutBody), reasons=True), None, callout_after
        )

    def ids(self) -> tuple[str, ...]:
        """Of all exercises, oldest first."""
        return self._log.log.ids()

    def find(self, exercise: str | None) -> str:
        """The id of an exercise that is there; None: the latest. NotFound when there is none."""
        known = self.ids()
        if exercise is None and known:
            return known[-1]
        if exercise not in known or exercise is None:
            what = f"there is no exercise {exercise!r}" if exercise else "there was no exercise yet"
            shown = ", ".join(known[-5:]) or "none; begin one with 'drorch callout start'"
            raise NotFound(what, where=CALLOUT, next_step=f"exercises are: {shown}")
        return exercise

    def begin(self, begun: Begun, at: datetime, said: Said) -> None:
        """Write the first event. Its tree has to be among the blobs."""
        self.append(begun.exercise, at, lambda _: begun, said)

    def tree(self, exercise: str) -> CallTree:
        """The tree it was begun with. Broken when its text was changed."""
        name = self.state(exercise).begun.tree
        return load_call_tree(self.store.blob(name), f"the call tree {name}")

    def events(self, exercise: str) -> tuple[CalloutEvent, ...]:
        """All events. Broken when the stream was changed."""
        return self._log.log.read(exercise)

    def state(self, exercise: str) -> Callout:
        """The exercise as its events tell it. NotFound before the first."""
        state = self._log.state(exercise)
        if state is None:
            raise NotFound("the exercise never began", where=CALLOUT + exercise, next_step="begin a new one")
        return state

    def append(
        self,
        exercise: str,
        at: datetime,
        decide: Callable[[Callout | None], CalloutBody | None],
        said: Said = NOBODY,
    ) -> CalloutEvent | None:
        """Write what ``decide`` makes of the state; nobody else writes in between. None: there is nothing to write.

        What ``decide`` raises is passed on, and so is the fold's refusal; nothing is written then.
        """

        def bodies_of(state: Callout | None) -> list[CalloutBody]:
            body = decide(state)
            return [] if body is None else [body]

        written = self._log.append(exercise, bodies_of, at=at, person=said.person, reason=said.reason)
        return written[0] if written else None
