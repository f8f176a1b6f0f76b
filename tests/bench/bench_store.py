"""How fast the event store is, as ratios in one run: long and short streams, durable steps a second, take-up.

.venv/bin/python tests/bench/bench_store.py [steps]

Beside it DBOS on SQLite, where it is installed (`pip install dbos`; not a dependency of drorch).
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from drorch.adapters.store.events import SqlStore
from drorch.core.gc_pause import cycles_not_searched
from drorch.core.log import Log
from drorch.core.stream import Append, Checkpoint, Draft, verified

GOAL_LONG_TO_SHORT = 2.0
GOAL_STEPS_PER_S = 10_000
GOAL_TAKE_UP_S = 0.25
GOAL_CHECKPOINT_S = 0.1
AT = datetime(2013, 3, 1, 3, tzinfo=UTC)
STARTED = '{{"attempt":1,"ident":"s{0}--1","step":"s{0}"}}'
SUCCEEDED = '{{"attempt":1,"facts":{{"changed":true,"host":"db-{0}","lag_s":0.25}},"step":"s{0}"}}'


def step(number: int) -> list[Draft]:
    """The two records that a step leaves."""
    at = AT + timedelta(milliseconds=number)
    return [
        Draft(at=at, mono=number / 1000, kind="step-started", body=STARTED.format(number)),
        Draft(at=at, mono=number / 1000, kind="step-succeeded", body=SUCCEEDED.format(number)),
    ]


def main(steps: int) -> None:
    """Print what it takes."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        long_and_short(folder / "long.sqlite")
        durable_steps(folder, steps)
        take_up(folder / "take-up.sqlite", steps)


def long_and_short(file: Path, rounds: int = 150) -> None:
    """One more record behind 20,000 and behind 100, in turns; bare, and through a typed log that shows all entries."""
    with closing(SqlStore(file)) as store:
        for stream, count in (("long", 20_000), ("short", 100)):
            for begin in range(0, count, 2_000):
                numbers = range(begin, min(begin + 2_000, count))
                store.append(stream, [step(number)[0] for number in numbers])
        log = Log[Mapping[str, object]](store, "", lambda body: ("step-started", body), _plain)
        for stream in ("long", "short"):
            log.read(stream)

        def bare(stream: str) -> None:
            store.append(stream, step(1)[:1])

        def decided(stream: str) -> None:
            log.append(stream, lambda entries: [{"n": len(entries)}], at=AT)

        for what, call in (("append", bare), ("append after a decision on all entries", decided)):
            for clock, unit in ((time.perf_counter, "wall"), (time.process_time, "CPU")):
                took: dict[str, list[float]] = {"long": [], "short": []}
                for _, stream in itertools.product(range(rounds), took):
                    began = clock()
                    call(stream)
                    took[stream].append(clock() - began)
                ratio = statistics.median(took["long"]) / statistics.median(took["short"])
                print(f"{what}, {unit}: {statistics.median(took['short']) * 1000:.2f} ms behind 100 records")
                told("behind 20,000 / behind 100", ratio, GOAL_LONG_TO_SHORT)


def durable_steps(folder: Path, steps: int) -> None:
    """Steps a second that are on disk before they count. In several rounds, since the disk is not ours alone."""
    ways: dict[str, Callable[[Path, int], int]] = {
        "one fsync for each step, bare sqlite3": one_by_one,
        "64 threads, one step each call (group commit)": by_threads,
        "one thread, what is ready in one call (64 steps)": by_batches,
    }
    if find_spec("dbos") is None:
        print("DBOS on SQLite: not installed here, not measured")
    else:
        ways["DBOS on SQLite"] = by_dbos
    rates: dict[str, list[float]] = {name: [] for name in ways}
    cpus: dict[str, list[float]] = {name: [] for name in ways}
    for turn, (name, way) in itertools.product(range(3), ways.items()):
        count = steps if way is by_batches else max(200, steps // 20)
        began, cpu = time.perf_counter(), time.process_time()
        done = way(folder / f"{turn}-{len(rates[name])}-{list(ways).index(name)}.sqlite", count)
        rates[name].append(done / (time.perf_counter() - began))
        cpus[name].append((time.process_time() - cpu) / done)
    floor = statistics.median(rates["one fsync for each step, bare sqlite3"])
    for name in ways:
        rate, cpu = statistics.median(rates[name]), statistics.median(cpus[name])
        print(
            f"{name}: {rate:.0f} steps/s, {rate / floor:.2f} x one fsync for each step; {cpu * 1e6:.0f} CPU-us a step"
        )
    told(
        "durable steps/s",
        statistics.median(rates["one thread, what is ready in one call (64 steps)"]),
        GOAL_STEPS_PER_S,
        more_is_better=True,
    )
    per_step = statistics.median(cpus["one thread, what is ready in one call (64 steps)"])
    told("durable steps a CPU-second (the disk left out)", 1 / per_step, GOAL_STEPS_PER_S, more_is_better=True)


def one_by_one(file: Path, count: int) -> int:
    """What no grouping costs at least."""
    with closing(sqlite3.connect(file, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("PRAGMA synchronous = FULL")
        store.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, data TEXT)")
        for number in range(count):
            store.execute("BEGIN")
            for record in range(2):
                store.execute("INSERT INTO events VALUES (?, ?)", (2 * number + record, "x" * 400))
            store.execute("COMMIT")
    return count


def by_threads(file: Path, count: int) -> int:
    """Each thread is a run of its own."""
    threads = 64
    with closing(SqlStore(file)) as store:

        def work(run: int) -> None:
            for number in range(count // threads + 1):
                store.append(f"run/{run}", step(number))

        working = [threading.Thread(target=work, args=(run,)) for run in range(threads)]
        for thread in working:
            thread.start()
        for thread in working:
            thread.join()
    return threads * (count // threads + 1)


def by_batches(file: Path, count: int) -> int:
    """As the driver of one run writes: all that is ready in one call."""
    with closing(SqlStore(file)) as store:
        for begin in range(0, count, 64):
            numbers = range(begin, min(begin + 64, count))
            drafts = [draft for number in numbers for draft in step(number)]
            store.write(Append(stream="run/a", drafts=drafts, after=2 * begin))
    return count


def by_dbos(file: Path, count: int) -> int:
    """A workflow of steps that do nothing."""
    from dbos import DBOS  # type: ignore[import-not-found]

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{file}", "log_level": "ERROR"})

    @DBOS.step()
    def one(number: int) -> int:
        return number

    @DBOS.workflow()
    def flow() -> int:
        return sum(one(number) for number in range(count))

    DBOS.launch()
    try:
        flow()
    finally:
        DBOS.destroy(destroy_registry=True)
    return count


def take_up(file: Path, steps: int) -> None:
    """Read and verify the records of a run; the same from a checkpoint bound to the hash of its last record."""
    with closing(SqlStore(file)) as store:
        for begin in range(0, steps, 500):
            store.append("run/a", [draft for number in range(begin, begin + 500) for draft in step(number)])
        last = store.tail("run/a")
        assert last is not None
        state = {f"s{number}": {"status": "done", "attempt": 1, "started": number / 1000} for number in range(steps)}
        blob = store.put_blob(json.dumps(state).encode())
        store.keep_checkpoint(Checkpoint(stream="run/a", seq=last.seq, hash=last.hash, blob=blob))
        store.append("run/a", step(steps))

        def whole() -> int:
            with cycles_not_searched():
                return len(verified(store.read("run/a")))

        def parsed() -> int:
            log = Log[Mapping[str, object]](store, "run/", lambda body: ("", body), _plain)
            return len(log.read("a"))

        def from_checkpoint() -> int:
            kept = store.checkpoint("run/a")
            assert kept is not None
            with cycles_not_searched():
                folded = json.loads(store.blob(kept.blob))
                return len(folded) + len(verified(store.read("run/a", kept.seq), kept))

        for what, call, goal in (
            ("read and verified", whole, GOAL_TAKE_UP_S),
            ("read, verified, as values", parsed, GOAL_TAKE_UP_S),
            ("from a checkpoint", from_checkpoint, GOAL_CHECKPOINT_S),
        ):
            cpu = []
            for _ in range(5):
                began = time.process_time()
                call()
                cpu.append(time.process_time() - began)
            told(f"take-up of {steps} steps, {what}, CPU-s", min(cpu), goal)


def told(what: str, value: float, goal: float, *, more_is_better: bool = False) -> None:
    """One measured value as a ratio of its goal."""
    met = value >= goal if more_is_better else value <= goal
    print(f"  {what}: {value:.4g}, goal {goal:g}, ratio {value / goal:.2f}: {'met' if met else 'NOT met'}")


def _plain(kind: str, plain: object, where: str) -> Mapping[str, object]:
    assert isinstance(plain, dict)
    return plain


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
