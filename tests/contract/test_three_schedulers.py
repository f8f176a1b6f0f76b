"""Three real schedulers, as processes, on one real PostgreSQL store: each instant is begun once, by one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.postgres import Postgres, programs
from drorch.adapters.store.events import SqlStore
from drorch.run.events import RunCreated
from drorch.run.journal import RunJournal
from drorch.schedules.events import Adopted, Outcome, ScheduleEvent, TakenOver
from drorch.schedules.log import ScheduleLog
from drorch.schedules.operations import ScheduleFiles, load_setup, past
from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.evidence import write_estate
from tests.unit.year.samples import SMALL_YEAR_YAML

INSTANTS = 10
EVERY_S = 1
LEAD_S = 8


@pytest.fixture
def database() -> Iterator[str]:
    """A new database on a server of its own."""
    with programs() as place, Postgres(place, "schedulers").created() as server:
        server.start()
        at = server.endpoint
        server.run("createdb", "-h", at.address, "-p", str(at.port), "-U", "drorch", "drorch")
        yield f"postgresql://drorch@{at.address}:{at.port}/drorch"


def write_files(folder: Path, first: datetime) -> Path:
    """Ten times at which a run is prepared, and ten at which a check is asked, one second apart."""
    entries = []
    for number in range(INSTANTS):
        at = (first + timedelta(seconds=number * EVERY_S)).strftime("%Y-%m-%dT%H:%M:%S")
        what = ("{kind: switchover, groups: [nyc-platform]}, windows: ignored", "{kind: check, check: year}")
        for name, do in zip(("run", "ask"), what, strict=True):
            entries.append(
                f"  - {{id: {name}-{number}, title: T, site: valencia, at: '{at}', do: {do}, length: 1m,\n"
                f"     late: {{policy: run-late, within: 1h}}, owner: Ola Owner, department: oict}}\n"
            )
    (folder / "schedule.yaml").write_text("schema: 1\nid: three\nschedules:\n" + "".join(entries))
    (folder / "app_catalog.yaml").write_text(SMALL_CATALOG_YAML)
    (folder / "year.yaml").write_text(SMALL_YEAR_YAML)
    return write_estate(folder)


def adopt(folder: Path, database: str) -> None:
    """The schedules stand from now on, however long the schedulers take to start on a busy machine."""
    now = datetime.now(UTC)
    names = (folder / "schedule.yaml", folder / "app_catalog.yaml", folder / "year.yaml")
    setup = load_setup(ScheduleFiles(schedules=names[0], catalog=names[1], year=names[2]), {"year"}, now)
    with SqlStore(database) as opened:
        store = ScheduleLog(opened)
        for item in setup.schedules.items:
            assert store.append(ScheduleEvent(key=item.id, seq=1, at=now, body=Adopted(schedule=item)))


@pytest.mark.slow
def test_each_instant_is_begun_once_also_when_one_of_them_is_killed(tmp_path: Path, database: str) -> None:
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LEAD_S)
    estate = write_files(tmp_path, first)
    adopt(tmp_path, database)
    environment = {**os.environ, "DRORCH_HOME": str(tmp_path / "state"), "DRORCH_STORE": database}
    until = (first + timedelta(seconds=INSTANTS * EVERY_S + 15)).isoformat()
    command = [sys.executable, "-m", "drorch", "schedule", "run", "--until", until, "--estate", str(estate)]
    said = [(tmp_path / f"scheduler-{number}.log").open("wb") for number in range(3)]
    three = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for log in said
    ]
    try:
        time.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds() + INSTANTS * EVERY_S / 2))
        three[0].send_signal(signal.SIGKILL)
        codes = [process.wait(timeout=90) for process in three]
    finally:
        for process in three:
            process.kill()
        for log in said:
            log.close()
    logs = [(tmp_path / f"scheduler-{number}.log").read_text() for number in range(3)]
    assert codes == [-signal.SIGKILL, 0, 0], logs
    # On a busy machine something may be under way still: a fourth one settles it, as after a restart.
    once = [sys.executable, "-m", "drorch", "schedule", "run", "--once", "--estate", str(estate)]
    settled = subprocess.run(once, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90)
    assert settled.returncode == 0, settled.stderr
    opened = SqlStore(database)
    store, journal = ScheduleLog(opened), RunJournal(opened)
    try:
        found = past(store, first - timedelta(hours=1), first + timedelta(hours=1))
        assert sorted(item.claimed.schedule for item in found) == sorted(
            f"{name}-{number}" for name in ("run", "ask") for number in range(INSTANTS)
        )
        outcomes = {item.key: item.ended.outcome if item.ended else None for item in found}
        assert all(outcomes[key] is Outcome.PREPARED for key in outcomes if key.startswith("run")), (outcomes, logs)
        assert all(outcomes[key] is not None for key in outcomes)
        runs = journal.runs()
        assert len(runs) == INSTANTS
        for run in runs:
            assert [event.seq for event in journal.read(run) if isinstance(event.body, RunCreated)] == [1]
        takeovers = [e for item in found for e in store.read(item.key) if isinstance(e.body, TakenOver)]
        assert three[0].pid not in {event.body.by.pid for event in takeovers}  # type: ignore[union-attr]
    finally:
        opened.close()
