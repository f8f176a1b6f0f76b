"""One run per protection group, also over two machines, and also when nobody can read the other run."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from contract.postgres import Postgres, programs
from drorch.adapters.machine import ThisMachine
from drorch.adapters.store.events import SqlStore
from drorch.app.doctor import Doctor, Health, Patient
from drorch.core.errors import Refused
from drorch.core.state_folder import run_folder
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.journal import RUNS, RunJournal
from drorch.testing.paper_home import PaperHome

FIRST, SECOND = "20130301-030000-first", "20130301-040000-second"
NUMBERS = itertools.count(1)
Homes = tuple[PaperHome, PaperHome]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One real PostgreSQL server for all tests of this file."""
    with programs() as place, Postgres(place, "held").created() as made:
        made.start()
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The database of the journal: a file that both homes know, or a server."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    server: Postgres = request.getfixturevalue("server")
    name, at = f"held_{next(NUMBERS)}", server.endpoint
    server.run("createdb", "-h", at.address, "-p", str(at.port), "-U", "drorch", name)
    return f"postgresql+psycopg://drorch@{at.address}:{at.port}/{name}"


@pytest.fixture
def idle(place: str, tmp_path: Path) -> Iterator[Homes]:
    """Two homes over one journal."""
    with SqlStore(place) as here, SqlStore(place) as there:
        yield PaperHome(tmp_path / "here", RunJournal(here)), PaperHome(tmp_path / "there", RunJournal(there))


@pytest.fixture
def homes(idle: Homes) -> Homes:
    """At the first home a failover of New York is under way, the loss is witnessed, and its driver is gone."""
    first, _ = idle
    first.die_in(first.begin(first.plan(Kind.FAILOVER, lose="nyc"), FIRST), ev.StepSucceeded)
    return idle


def change(place: str, run: str, seq: int, data: str) -> None:
    """Write into the database behind the journal's back."""
    engine = create_engine(place if "://" in place else f"sqlite:///{place}")
    with engine.begin() as connection:
        values = {"stream": RUNS + run, "seq": seq, "data": data}
        update = text("UPDATE events SET body = :data WHERE stream = :stream AND seq = :seq")
        assert connection.execute(update, values).rowcount
    engine.dispose()


def refusals(paper: PaperHome, run: str) -> list[str]:
    """What the rule said in this run."""
    bodies = [event.body for event in paper.world.parts.journal.read(run)]
    return [b.reason for b in bodies if isinstance(b, ev.InterlockRefused) and b.interlock == "one-run-per-group"]


def refused(paper: PaperHome) -> str:
    """A second failover of the same groups is refused before anything is launched; what is said."""
    run = paper.begin(paper.plan(Kind.FAILOVER, lose="nyc"), SECOND)
    assert paper.drive(run) is ev.RunOutcome.REFUSED
    assert not paper.world.estate.fake.performed
    (reason,) = refusals(paper, run)
    return reason


def plan_gone(paper: PaperHome, _: str) -> None:
    run_folder(paper.home, FIRST).plan.unlink()


def folder_gone(paper: PaperHome, _: str) -> None:
    shutil.rmtree(run_folder(paper.home, FIRST).path)


def plan_unreadable(paper: PaperHome, _: str) -> None:
    run_folder(paper.home, FIRST).plan.write_text("{", encoding="utf-8")


def later_event_unreadable(_: PaperHome, place: str) -> None:
    change(place, FIRST, 3, '{"of":"another version"}')


Spoil = Callable[[PaperHome, str], None]


@pytest.mark.parametrize("spoil", [plan_gone, folder_gone, plan_unreadable, later_event_unreadable])
@pytest.mark.parametrize("home", ["the same", "another"])
def test_what_cannot_be_read_is_held(homes: Homes, place: str, spoil: Spoil, home: str) -> None:
    first, second = homes
    spoil(first, place)
    assert f"nyc-platform in {FIRST}" in refused(first if home == "the same" else second)


def test_a_run_of_another_home_holds_its_groups_and_no_other(homes: Homes) -> None:
    _, second = homes
    assert f"nyc-platform in {FIRST}" in refused(second)
    other = second.begin(second.plan(Kind.DRILL, groups=["brindisi-enterprise"]), "20130301-050000-other")
    second.drive(other)
    assert refusals(second, other) == []


def test_a_run_whose_first_event_cannot_be_read_holds_every_group(homes: Homes, place: str) -> None:
    _, second = homes
    change(place, FIRST, 1, "{}")
    run = second.begin(second.plan(Kind.DRILL, groups=["brindisi-enterprise"]), SECOND)
    assert second.drive(run) is ev.RunOutcome.REFUSED
    (reason,) = refusals(second, run)
    assert FIRST in reason
    assert "every one" in reason
    readiness = second.begin(second.plan(Kind.READINESS, lose="brindisi"), "20130301-060000-look")
    assert second.drive(readiness) is ev.RunOutcome.COMPLETED  # looking holds nothing and waits for nobody


def test_a_run_that_has_ended_holds_nothing_wherever_its_plan_is(homes: Homes) -> None:
    first, second = homes
    first.world.operations.stop(FIRST, person="Olga Operator", reason="over")
    assert first.drive(FIRST) is ev.RunOutcome.STOPPED
    run = second.begin(second.plan(Kind.FAILOVER, lose="nyc"), SECOND)
    assert second.drive(run) is ev.RunOutcome.COMPLETED


def test_what_another_run_may_hold_is_not_taken_up_again(idle: Homes, place: str) -> None:
    """A drill that has ended is not cleaned up once more into a run that nobody can read."""
    first, second = idle
    first.drive(first.begin(first.plan(Kind.DRILL, lose="nyc"), FIRST))
    second.die_in(second.begin(second.plan(Kind.FAILOVER, lose="nyc"), SECOND), ev.StepSucceeded)
    change(place, SECOND, 4, "{}")
    with pytest.raises(Refused, match=SECOND):
        first.world.operations.clean_up(FIRST, person="Olga Operator", reason="once more")


def test_the_list_names_what_cannot_be_read_and_lists_the_others(homes: Homes, place: str) -> None:
    first, second = homes
    look = second.begin(second.plan(Kind.READINESS, lose="brindisi"), SECOND)
    lines = {line.run: line for line in second.world.service.heads()}
    assert (lines[FIRST].kind, lines[FIRST].outcome) == ("failover", "not ended")
    assert FIRST in str(lines[FIRST].problem)
    assert (lines[look].kind, lines[look].problem) == ("readiness", None)
    change(place, FIRST, 1, "{}")
    lines = {line.run: line for line in first.world.service.heads()}
    assert (lines[FIRST].kind, lines[FIRST].outcome) == ("", "unreadable")
    assert "record 1 does not follow" in str(lines[FIRST].problem)
    assert lines[look].problem is not None  # its folder is in the other home


def test_the_doctor_says_what_a_run_it_cannot_look_at_holds(homes: Homes, place: str) -> None:
    _, second = homes
    found = [check for check in said_by_doctor(second) if check[0] == "runs"]
    assert [(health, FIRST in said, "nyc-platform" in said) for _, health, said in found] == [(Health.BAD, True, True)]
    change(place, FIRST, 1, "{}")
    bad = [said for _, health, said in said_by_doctor(second) if health is Health.BAD]
    assert len([said for said in bad if FIRST in said and "every protection group" in said]) == 2


def said_by_doctor(paper: PaperHome) -> list[tuple[str, Health, str]]:
    """What the checks of journal and runs say."""
    parts, operations = paper.world.parts, paper.world.operations
    doctor = Doctor(ThisMachine(), lambda: parts.journal, lambda: operations, lambda _: ())
    checks = doctor.examine(Patient(home=paper.home, catalog_file=paper.catalog, estate_file=paper.estate))
    checks = (check for check in checks if check.name in {"journal", "runs"})
    return [(check.name, check.health, check.said) for check in checks]
