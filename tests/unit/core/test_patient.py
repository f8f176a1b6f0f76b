"""Waiting for a store that is away: see `drorch.core.patient`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from drorch.core.errors import JournalConflict, StoreAway
from drorch.core.patient import Patience, PatientStore
from drorch.core.stream import Append, Draft, Record, Unsettled
from drorch.testing.clock import HandClock
from drorch.testing.streams import MemoryStore

AT = datetime(2013, 3, 1, 3, tzinfo=UTC)
NOTE = Draft(at=AT, kind="noted", body="{}")


class Flaky(MemoryStore):
    """Fails the next calls as it is told; a call takes 5 s then, as the deadline of a real one."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self.clock = clock
        self.troubles: list[Callable[[tuple[Append, ...]], None]] = []

    def write(self, *appends: Append) -> tuple[tuple[Record, ...], ...]:
        self._trouble(appends)
        return super().write(*appends)

    def tail(self, stream: str) -> Record | None:
        self._trouble(())
        return super().tail(stream)

    def holds(self, records: object) -> bool:
        self._trouble(())
        return super().holds(records)  # type: ignore[arg-type]

    def away(self, appends: tuple[Append, ...]) -> None:
        raise StoreAway("it does not answer")

    def written_unsaid(self, appends: tuple[Append, ...]) -> None:
        raise Unsettled([record for records in MemoryStore.write(self, *appends) for record in records])

    def unwritten_unsaid(self, appends: tuple[Append, ...]) -> None:
        other = MemoryStore()
        other._streams = dict(self._streams)
        raise Unsettled([record for records in other.write(*appends) for record in records])

    def _trouble(self, appends: tuple[Append, ...]) -> None:
        if self.troubles:
            self.clock.advance(5.0)
            self.troubles.pop(0)(appends)


@pytest.fixture
def flaky() -> Flaky:
    return Flaky(HandClock())


def patient(flaky: Flaky, told: list[tuple[float, str]], limit_s: float = 60.0) -> PatientStore:
    patience = Patience(flaky.clock, limit_s=limit_s, on_wait=lambda seconds, why: told.append((seconds, why)))
    return PatientStore(flaky, patience)


def test_a_call_goes_on_when_the_store_is_back_and_says_that_it_waits(flaky: Flaky) -> None:
    told: list[tuple[float, str]] = []
    store = patient(flaky, told)
    flaky.troubles = [flaky.away, flaky.away]
    (record,) = store.append("year", [NOTE])
    assert flaky.read("year") == (record,)
    assert told == [(5.0, "it does not answer"), (11.0, "it does not answer")]
    (wait,) = store.patience.take_waits()
    assert (wait.seconds, wait.why) == (12.0, "it does not answer")
    assert store.patience.take_waits() == ()


def test_nothing_is_told_when_nobody_waited(flaky: Flaky) -> None:
    store = patient(flaky, told := [])
    store.append("year", [NOTE])
    assert (told, store.patience.take_waits()) == ([], ())


def test_the_wait_has_an_end(flaky: Flaky) -> None:
    store = patient(flaky, told := [], limit_s=30.0)
    flaky.troubles = [flaky.away] * 100
    with pytest.raises(StoreAway):
        store.tail("year")
    assert [seconds for seconds, _ in told] == [5.0, 11.0, 17.0, 23.0, 29.0, 35.0][: len(told)]
    assert told[-1][0] <= 30.0 + 5.0
    assert store.patience.take_waits() == ()


@pytest.mark.parametrize("then", [[], ["away", "away"]])
@pytest.mark.parametrize("what", ["written_unsaid", "unwritten_unsaid"])
def test_an_append_of_unknown_outcome_is_there_once(flaky: Flaky, what: str, then: list[str]) -> None:
    store = patient(flaky, [])
    flaky.append("year", [NOTE])
    flaky.troubles = [getattr(flaky, name) for name in (what, *then)]
    appends = Append(stream="year", drafts=[NOTE, NOTE]), Append(stream="audit", drafts=[NOTE], after=0)
    year, audit = store.write(*appends)
    assert flaky.read("year")[1:] == year
    assert flaky.read("audit") == audit
    assert len(year) == 2


def test_an_append_that_was_not_written_meets_whoever_was_first(flaky: Flaky) -> None:
    def another_is_first(appends: tuple[Append, ...]) -> None:
        MemoryStore.write(flaky, Append(stream="year", drafts=[NOTE]))

    store = patient(flaky, [])
    flaky.troubles = [flaky.unwritten_unsaid, lambda appends: None, another_is_first]
    with pytest.raises(JournalConflict):
        store.append("year", [Draft(at=AT, kind="other", body="{}")], after=0)
    assert [record.kind for record in flaky.read("year")] == ["noted"]
