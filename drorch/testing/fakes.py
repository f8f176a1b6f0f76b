"""Fakes at the ports of a run. They succeed by default and fail on request; the contract suites check them too."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from drorch.core.clock import Clock, Instant
from drorch.core.errors import JournalConflict
from drorch.plan.model import Act, ManualAct, NamesAct, PlaybookAct, ReplicationAct, ValidateAct, WitnessAct
from drorch.run.events import Event
from drorch.run.ports import (
    Executor,
    Journal,
    Observer,
    OperatorBody,
    OperatorInbox,
    OperatorRequest,
    PlaybookRequest,
    PlaybookResult,
    PlaybookState,
    PlaybookStatus,
    Proof,
)


class MemoryJournal(Journal):
    """A journal that lasts as long as the object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, dict[int, Event]] = {}

    def append(self, events: Sequence[Event]) -> None:
        """See the port."""
        with self._lock:
            seen: set[tuple[str, int]] = set()
            for event in events:
                if event.seq in self._runs.get(event.run, {}) or (event.run, event.seq) in seen:
                    raise JournalConflict(f"event {event.seq} of run {event.run} is there already")
                seen.add((event.run, event.seq))
            for event in events:
                self._runs.setdefault(event.run, {})[event.seq] = event

    def read(self, run: str, after: int = 0) -> tuple[Event, ...]:
        """See the port."""
        with self._lock:
            return tuple(event for seq, event in sorted(self._runs.get(run, {}).items()) if seq > after)

    def first(self, run: str) -> Event | None:
        """See the port."""
        return next(iter(self.read(run)), None)

    def runs(self) -> tuple[str, ...]:
        """See the port."""
        with self._lock:
            return tuple(self._runs)


class MemoryInbox(OperatorInbox):
    """An inbox that lasts as long as the object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[tuple[str, OperatorRequest]] = []
        self._last = 0

    def put(self, run: str, body: OperatorBody, *, asked: Instant | None = None) -> None:
        """See the port."""
        with self._lock:
            self._last += 1
            self._requests.append((run, OperatorRequest(id=self._last, body=body, asked=asked)))

    def pending(self, run: str) -> tuple[OperatorRequest, ...]:
        """See the port."""
        with self._lock:
            return tuple(request for owner, request in self._requests if owner == run)

    def settle(self, run: str, ids: Sequence[int]) -> None:
        """See the port."""
        with self._lock:
            self._requests = [kept for kept in self._requests if kept[0] != run or kept[1].id not in ids]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a fake playbook behaves. By default it succeeds at once on all of its hosts."""

    takes_s: float | None = 0.0
    """Seconds until it ends by itself; None: never."""
    status: PlaybookStatus = PlaybookStatus.ENDED
    rc: int | None = 0
    missing: frozenset[str] = frozenset()
    dark: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    message: str = ""
    raises: Exception | None = None
    """What launching it raises, before anything is started."""


FAILING = Ending(rc=2, failures=frozenset({"some-host"}), message="made to fail")
ENDLESS = Ending(takes_s=None)


@dataclass
class _Play:
    request: PlaybookRequest
    ending: Ending
    launched: float
    result: PlaybookResult | None = None


class FakeExecutor(Executor):
    """Plays nothing. ``endings`` by ident, or by playbook when the ident is not named. One object outlives drivers."""

    def __init__(self, clock: Clock, endings: Mapping[str, Ending] = MappingProxyType({})) -> None:
        self._clock = clock
        self._endings = dict(endings)
        self._plays: dict[tuple[str, str], _Play] = {}
        self._given_up: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self.stopped: list[str] = []
        """Idents that were ended while running."""

    @property
    def performed(self) -> tuple[str, ...]:
        """Idents really launched, in order; each once."""
        with self._lock:
            return tuple(ident for _, ident in self._plays)

    def behave(self, key: str, ending: Ending) -> None:
        """Set the ending of an ident or playbook that is launched from now on."""
        self._endings[key] = ending

    def forget(self, run: str, ident: str) -> None:
        """Make the ident absent, as when its artifacts were removed."""
        with self._lock:
            del self._plays[run, ident]

    def lose(self, run: str, ident: str) -> None:
        """Let the process of the ident vanish without a result."""
        self._end(self._plays[run, ident], Ending(status=PlaybookStatus.LOST, rc=None))

    def launch(self, request: PlaybookRequest) -> None:
        """See the port."""
        key = (request.run, request.ident)
        ending = self._endings.get(request.ident) or self._endings.get(request.act.playbook) or Ending()
        with self._lock:
            if key in self._plays or key in self._given_up:
                return
            if ending.raises is not None:
                raise ending.raises
            self._plays[key] = _Play(request=request, ending=ending, launched=self._clock.now().mono)

    def state(self, run: str, ident: str) -> PlaybookState:
        """See the port."""
        with self._lock:
            play, given_up = self._plays.get((run, ident)), (run, ident) in self._given_up
        if play is None:
            return PlaybookState.ENDED if given_up else PlaybookState.ABSENT
        return PlaybookState.RUNNING if self._settled(play) is None else PlaybookState.ENDED

    def wait(self, run: str, ident: str, timeout_s: float) -> PlaybookResult | None:
        """See the port."""
        with self._lock:
            play, given_up = self._plays.get((run, ident)), (run, ident) in self._given_up
        if play is None:
            return _never_launched(ident) if given_up else None
        result = self._settled(play)
        if result is not None:
            return result
        ends = [play.request.timeout_s] if play.ending.takes_s is None else [play.ending.takes_s]
        left = play.launched + min([*ends, play.request.timeout_s]) - self._clock.now().mono
        self._clock.sleep(min(timeout_s, max(0.0, left)))
        return self._settled(play)

    def give_up(self, run: str, ident: str) -> bool:
        """See the port."""
        with self._lock:
            if (run, ident) in self._plays or (run, ident) in self._given_up:
                return False
            self._given_up.add((run, ident))
            return True

    def stop(self, run: str, ident: str) -> None:
        """See the port."""
        with self._lock:
            play = self._plays.get((run, ident))
        if play is not None and self._settled(play) is None:
            self.stopped.append(ident)
            self._end(play, Ending(status=PlaybookStatus.STOPPED, rc=None))

    def _settled(self, play: _Play) -> PlaybookResult | None:
        if play.result is None:
            age = self._clock.now().mono - play.launched
            if play.ending.takes_s is not None and age >= play.ending.takes_s:
                self._end(play, play.ending)
            elif age >= play.request.timeout_s:
                self._end(play, Ending(status=PlaybookStatus.TIMED_OUT, rc=None))
        return play.result

    def _end(self, play: _Play, ending: Ending) -> None:
        hosts = frozenset(play.request.act.hosts)
        ended = ending.status is PlaybookStatus.ENDED
        result = PlaybookResult(
            ident=play.request.ident,
            status=ending.status,
            rc=ending.rc,
            processed=hosts - ending.missing if ended else frozenset(),
            dark=ending.dark,
            failures=ending.failures,
            ignored=ending.ignored,
            changed=frozenset(),
            facts=ending.facts,
            message=ending.message,
        )
        with self._lock:
            if play.result is None:
                play.result = result


def _never_launched(ident: str) -> PlaybookResult:
    nobody: frozenset[str] = frozenset()
    return PlaybookResult(
        ident=ident,
        status=PlaybookStatus.LOST,
        rc=None,
        processed=nobody,
        dark=nobody,
        failures=nobody,
        ignored=nobody,
        changed=nobody,
    )


class FakeObserver(Observer):
    """Everything holds, except what is named in ``answers`` (by application, site or group)."""

    def __init__(self, answers: Mapping[str, Proof] = MappingProxyType({}), broken: Iterable[str] = ()) -> None:
        self._answers = dict(answers)
        self._broken = frozenset(broken)
        self.asked: list[tuple[Act, Instant, float]] = []
        """Act, since and deadline of each question."""

    def prove(self, act: Act, *, since: Instant, deadline_s: float) -> Proof:
        """See the port."""
        self.asked.append((act, since, deadline_s))
        subject = _subject(act)
        if subject in self._broken:
            raise RuntimeError(f"the observer broke at {subject}")
        return self._answers.get(subject, Proof(holds=True, facts={"subject": subject}))


def _subject(act: Act) -> str:
    match act:
        case ValidateAct():
            return act.application
        case WitnessAct() | NamesAct():
            return act.site
        case ReplicationAct():
            return act.group
        case PlaybookAct() | ManualAct():
            raise TypeError("playbooks and what people do by hand are not for observers")
