"""The use cases of the call-out exercise: begin, drive, stop, result, and the record of the year."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from drorch.callout.decide import End, Send, decide
from drorch.callout.exercises import Exercises
from drorch.callout.log import Begun, Callout, CalloutBody, CalloutEvent, Intended, Over, SendingEnded, StopAsked
from drorch.callout.model import CallTree, Channel, Delivery, Message, Notifier, Sending
from drorch.callout.rehearsal import intended
from drorch.callout.result import CalloutResult, result_of, result_to_json
from drorch.callout.text import subject_of, text_of
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.ids import IdSource
from drorch.core.process_lock import alone
from drorch.core.stream import EventStore
from drorch.year.local_time import local_day
from drorch.year.log import YearEvent
from drorch.year.model import Activity, Attachment
from drorch.year.operations import Claim, Year, one_line
from drorch.year.statement import Said

AT_ONCE = 8
"""Messages under way at once; a stop waits for these."""
LOOK_EVERY_S = 0.5

NotifiersOf = Callable[[CallTree, Sequence[str]], Mapping[Channel, Notifier]]
"""The real notifiers for the trees of some departments: they refuse every other address."""
Progress = Callable[[CallTree, Callout, CalloutEvent], None]


@dataclass(frozen=True, kw_only=True)
class CalloutParts:
    """What the use cases need, from the composition. ``token``: at least 128 random bits as URL-safe text.

    ``home``: where the processes of this machine tell each other that they send.
    """

    home: Path
    store: EventStore
    clock: Clock
    ids: IdSource
    notifiers: NotifiersOf
    token: Callable[[], str]


class CallOuts:
    """The exercises of one store. Holds no state itself."""

    def __init__(self, parts: CalloutParts) -> None:
        self._parts = parts
        self.exercises = Exercises(parts.store)

    def begin(self, tree_text: bytes, tree: CallTree, departments: Sequence[str], said: Said) -> str:
        """Begin an exercise of ``departments`` (empty: all in the tree); returns its id. Nothing is sent yet.

        NotFound for a department without a tree. The notifiers are made once, so that a password or certificate that
        cannot be read stops it here.
        """
        chosen = chosen_departments(tree, departments)
        said = _line_by_line(said)
        self._parts.notifiers(tree, chosen)
        exercise, now = self._parts.ids.new_run_id(), self._parts.clock.now().wall
        begun = Begun(
            exercise=exercise,
            departments=chosen,
            tree=self._parts.store.put_blob(tree_text),
            expires_at=now + timedelta(seconds=tree.policy.ends_after_s),
        )
        self.exercises.begin(begun, now, said)
        return exercise

    def drive(self, exercise: str, progress: Progress = lambda *_: None) -> Callout:
        """Send what is due until the exercise is over. Refused while another process does.

        What a process that died left open is written down as unknown and counts as an attempt.
        """
        exercise = self.exercises.find(exercise)
        with self.driven(exercise):
            return _Driver(self._parts, self.exercises, exercise, progress).run()

    def driven(self, exercise: str) -> AbstractContextManager[None]:
        """For the one process of this machine that sends. Refused while another one does."""
        busy = f"another process sends the messages of the exercise {exercise}"
        lock = self._parts.home / "callouts" / f"{exercise}.lock"
        return alone(lock, busy, "look at it with 'drorch callout watch'")

    def stop(self, exercise: str | None, said: Said) -> CalloutEvent | None:
        """Let no further message go out. InputInvalid when it is over. None when it was asked for before."""
        exercise, said = self.exercises.find(exercise), _line_by_line(said)

        def ask(state: Callout | None) -> CalloutBody | None:
            if state is not None and state.over is not None:
                raise InputInvalid("the exercise is over", next_step="nothing is left to stop")
            return None if state is not None and state.stopped_by is not None else StopAsked()

        event = self.exercises.append(exercise, self._parts.clock.now().wall, ask, said)
        try:
            # Nobody drives it: end it here, so that no link counts any more.
            with self.driven(exercise):
                _settle(self.exercises, exercise, self._parts.clock)
                self.exercises.append(exercise, self._parts.clock.now().wall, _over_once_stopped)
        except Refused:
            pass
        return event

    def state(self, exercise: str | None) -> tuple[CallTree, Callout, tuple[CalloutEvent, ...]]:
        """Tree, state and events of an exercise; None: the latest."""
        exercise = self.exercises.find(exercise)
        return self.exercises.tree(exercise), self.exercises.state(exercise), self.exercises.events(exercise)

    def result(self, exercise: str | None) -> CalloutResult:
        """What it showed so far."""
        tree, state, _ = self.state(exercise)
        return result_of(tree, state)

    def report(self, exercise: str | None) -> tuple[CalloutResult, str]:
        """The result, and as JSON text. Refused while the exercise goes on: its numbers would change."""
        found = self.result(exercise)
        if found.outcome is None:
            raise Refused("the exercise goes on", next_step="wait for its end, resume it, or stop it")
        return found, json.dumps(result_to_json(found), indent=2, ensure_ascii=False) + "\n"

    def record(
        self, exercise: str | None, year: Year, zone: str, said: Said
    ) -> list[tuple[YearEvent, tuple[str, ...]]]:
        """Write the result into the year, one record per department, with the report, kept in the store, as evidence.

        InputInvalid when this exercise was recorded before: the same evidence counts once.
        """
        found, text = self.report(exercise)
        digest = self._parts.store.put_blob(text.encode()).removeprefix("sha256:")
        shown = Attachment(name=f"callout-{found.exercise}.json", sha256=digest, size=len(text.encode()))
        if number := year.recorded_with(digest):
            what = f"the exercise {found.exercise} is record {number} of the year already"
            raise InputInvalid(what, next_step=f"withdraw it first: drorch year withdraw {number}")
        return [
            year.record(
                Claim(
                    activity=Activity.CALL_OUT_EXERCISE,
                    subjects=(item.department,),
                    day=local_day(found.begun_at, zone),
                    result=item.result,
                    evidence=(shown,),
                    took_part=item.reached,
                    expected=item.expected,
                ),
                said,
            )
            for item in found.departments
        ]


def chosen_departments(tree: CallTree, departments: Sequence[str]) -> tuple[str, ...]:
    """The departments asked for, each once; all of the tree when none is. NotFound for one without a tree."""
    known = [item.department for item in tree.branches]
    if missing := [name for name in departments if name not in known]:
        what = f"there is no call tree of {', '.join(missing)}"
        raise NotFound(what, where=tree.source, next_step=f"trees are there for: {', '.join(known)}")
    return tuple(dict.fromkeys(departments or known))


class _Driver:
    """Sends what :func:`decide` asks for, each message journaled before it and after it."""

    def __init__(self, parts: CalloutParts, exercises: Exercises, exercise: str, progress: Progress) -> None:
        self._parts, self._exercises, self._exercise, self._progress = parts, exercises, exercise, progress
        self._tree = exercises.tree(exercise)
        self._told = 0

    def run(self) -> Callout:
        _settle(self._exercises, self._exercise, self._parts.clock)
        state = self._exercises.state(self._exercise)
        notifiers = self._parts.notifiers(self._tree, state.begun.departments)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while state.over is None:
                state = self._tell()
                commands = decide(self._tree, state, self._parts.clock.now().wall)
                sends = [command for command in commands if isinstance(command, Send)][:AT_ONCE]
                if sends:
                    self._send(pool, notifiers, state, sends)
                    continue
                for command in commands:
                    if isinstance(command, End):
                        self._write(command.over)
                if not commands and state.over is None:
                    self._parts.clock.sleep(LOOK_EVERY_S)
        return self._tell()

    def _send(
        self, pool: ThreadPoolExecutor, notifiers: Mapping[Channel, Notifier], state: Callout, sends: Sequence[Send]
    ) -> None:
        under_way = {}
        for send in sends:
            token = self._parts.token()
            event = self._write_unless_stopped(intended(send, hash_of(token)))
            if event is None:
                break
            message = self._message(state, send, token, event.seq)
            under_way[pool.submit(notifiers[send.channel].send, message)] = event.seq
        for future in as_completed(under_way):
            delivery: Delivery = future.result()
            self._write(SendingEnded(message=under_way[future], sending=delivery.sending, why=delivery.why))

    def _message(self, state: Callout, send: Send, token: str, number: int) -> Message:
        link = f"{self._tree.link_base}/callout/{state.begun.exercise}/{token}"
        return Message(
            channel=send.channel,
            address=self._tree.person[send.person].addresses[send.channel],
            subject=subject_of(self._tree, send),
            text=text_of(self._tree, send, link),
            link=link,
            reference=f"{state.begun.exercise}/{number}",
        )

    def _write(self, body: Over | SendingEnded) -> None:
        def unless_over(state: Callout | None) -> CalloutBody | None:
            # Another machine may have ended it: how this message went stays unknown.
            return None if state is None or state.over else body

        self._exercises.append(self._exercise, self._parts.clock.now().wall, unless_over)

    def _write_unless_stopped(self, body: Intended) -> CalloutEvent | None:
        def unless_stopped(state: Callout | None) -> CalloutBody | None:
            if state is None or state.stopped_by is not None or state.over:
                return None
            call = state.calls.get(body.call)
            tried = {(sent.body.channel, sent.body.attempt) for sent in call.messages} if call else set()
            # Another machine may send as well: each message is intended once.
            return None if (body.channel, body.attempt) in tried else body

        return self._exercises.append(self._exercise, self._parts.clock.now().wall, unless_stopped)

    def _tell(self) -> Callout:
        # In this order: the state knows every message that an event speaks of.
        events, state = self._exercises.events(self._exercise), self._exercises.state(self._exercise)
        for event in events[self._told :]:
            self._progress(self._tree, state, event)
        self._told = len(events)
        return state


def hash_of(token: str) -> str:
    """What is kept of a link's token: it is random enough that a plain hash cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def _settle(exercises: Exercises, exercise: str, clock: Clock) -> None:
    """Say of every message that a dead process left open that nobody knows how it ended."""
    for message in exercises.state(exercise).open_messages():
        ended = SendingEnded(message=message.number, sending=Sending.UNKNOWN, why="drorch ended before it knew")
        exercises.append(exercise, clock.now().wall, lambda _, ended=ended: ended)  # type: ignore[misc]


def _over_once_stopped(state: Callout | None) -> CalloutBody | None:
    asked = state is not None and state.stopped_by is not None and state.over is None
    return Over(outcome="stopped") if asked else None


def _line_by_line(said: Said) -> Said:
    return Said(person=one_line(said.person, "--by"), reason=one_line(said.reason, "--reason"))
