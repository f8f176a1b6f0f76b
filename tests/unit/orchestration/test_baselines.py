"""When baselines are taken around a run, what its end is held against, and what follows from the looks between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from drorch.catalog.model import Catalog
from drorch.core.codec import to_text
from drorch.core.errors import Broken
from drorch.core.state_folder import RunFolder
from drorch.estate.model import Estate
from drorch.evidence.baseline import Baseline, DatabaseSeen, NameSeen, Role, ServiceSeen, told
from drorch.evidence.boots import BootSeen
from drorch.evidence.protection import ProtectionSample
from drorch.orchestration.baselines import Subject, aftermath, guarded, look_after
from drorch.orchestration.ports import PartsOfEstate
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Plan
from drorch.run import events as ev
from drorch.run.state import fold
from drorch.testing.builders import small_catalog
from drorch.testing.clock import HandClock
from drorch.testing.runs import created, events_of

CATALOG = small_catalog()
GROUP = "nyc-platform"
SITES = ("nyc", "piscataway")
MOVED = ("directory", "mail", "mobile-office")


def at(primary: str, *, drill_copy: tuple[str, ...] = ()) -> Baseline:
    """Everything at ``primary``, replicating to the other site."""
    (other,) = (site for site in SITES if site != primary)
    return Baseline(
        taken=HandClock().now(),
        databases=tuple(
            DatabaseSeen(
                group=GROUP,
                site=site,
                role=Role.PRIMARY if site == primary else Role.STANDBY,
                follows=None if site == primary else primary,
                followers=int(site == primary),
                system="7",
                drill_copy=drill_copy if site == "piscataway" else (),
            )
            for site in SITES
        ),
        names=tuple(
            NameSeen(application=app, group=GROUP, drill=False, name=f"{app}.test", server=other, points_to=primary)
            for app in MOVED
        ),
        services=tuple(
            ServiceSeen(
                application=app,
                group=GROUP,
                drill=False,
                site=site,
                answers=told(app, site, drill=False) if site == primary else None,
            )
            for app in MOVED
            for site in SITES
        ),
    )


@dataclass
class World:
    """What the adapters would see, and what they were asked for."""

    now: Baseline
    asked: list[tuple[str, ...]] = field(default_factory=list)
    metered: list[tuple[str, ...]] = field(default_factory=list)
    open_meters: int = 0
    later: Callable[[int], Baseline] | None = None

    def snapshot(self, estate: Estate, catalog: Catalog, applications: Sequence[str]) -> Baseline:
        self.asked.append(tuple(applications))
        return self.later(len(self.asked)) if self.later else self.now

    @contextmanager
    def protection_meter(self, estate: Estate, groups: Sequence[str], file: Path) -> Iterator[None]:
        self.metered.append(tuple(groups))
        self.open_meters += 1
        yield
        self.open_meters -= 1

    @property
    def parts(self) -> PartsOfEstate:
        return cast(PartsOfEstate, self)


def plan_of(kind: Kind) -> Plan:
    return build_plan(CATALOG, kind=kind, lose="nyc", playbooks_id="sha256:" + "0" * 64)


def subject_of(kind: Kind, folder: Path) -> Subject:
    return Subject(folder=RunFolder(path=folder), plan=plan_of(kind), catalog=CATALOG, estate=cast(Estate, None))


def journal(run: Subject, *bodies: ev.Body) -> tuple[ev.Event, ...]:
    return events_of(created(run.plan), ev.RunStarted(), *bodies)


def drive(world: World, run: Subject, told_of: Callable[[ev.Event], None] = lambda event: None) -> None:
    """What a driver does: tell of the start before the first act."""
    before = fold(run.plan, events_of(created(run.plan)))
    with guarded(world.parts, run, before, told_of) as see:
        assert world.asked == []
        for event in journal(run):
            see(event)


def ended(world: World, run: Subject, outcome: ev.RunOutcome = ev.RunOutcome.STOPPED) -> tuple[ev.Event, ...]:
    events = journal(run, ev.RunEnded(outcome=outcome, reason="it is over"))
    look_after(world.parts, HandClock(), run, fold(run.plan, events))
    return events


def codes(run: Subject, events: Sequence[ev.Event]) -> set[str]:
    return {found.code for found in aftermath(run, events).findings if not found.code.startswith("protection")}


def test_the_first_look_is_before_the_first_act_and_the_meter_ends_with_the_drive(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.DRILL, tmp_path)
    seen: list[tuple[str, int, int]] = []
    drive(world, run, lambda event: seen.append((type(event.body).__name__, len(world.asked), world.open_meters)))
    assert seen == [("RunCreated", 0, 0), ("RunStarted", 1, 1)]
    assert world.asked == [run.applications]
    assert world.metered == [(GROUP,)]
    assert world.open_meters == 0
    assert run.folder.baseline("before").exists()


def test_a_first_look_is_not_taken_again_when_the_run_is_taken_up_again(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.DRILL, tmp_path)
    drive(world, run)
    kept = run.folder.baseline("before").read_bytes()
    world.now = at("piscataway")
    with guarded(world.parts, run, fold(run.plan, journal(run)), lambda event: None):
        assert world.open_meters == 1
    assert run.folder.baseline("before").read_bytes() == kept


def test_a_look_that_comes_too_late_is_none(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.DRILL, tmp_path)
    state = fold(run.plan, journal(run))
    drill = next(step for step in run.plan.steps if step.changes_state)
    state.progress.put(drill.id, replace(state.progress.steps[drill.id], attempt=1))
    with guarded(world.parts, run, state, lambda event: None):
        pass
    assert not run.folder.baseline("before").exists()
    after = aftermath(run, ended(world, run))
    assert after.comparison is not None
    assert after.comparison.missing == "nobody looked at what stood where before the first change"
    assert "baseline-missing" in {found.code for found in after.findings}


@pytest.mark.parametrize("kind", [Kind.FAILOVER, Kind.READINESS])
def test_after_a_loss_and_after_a_mere_look_nothing_is_compared(kind: Kind, tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(kind, tmp_path)
    drive(world, run)
    events = ended(world, run)
    assert world.asked == []
    assert aftermath(run, events).comparison is None
    assert bool(world.metered) is (kind is Kind.FAILOVER)


@pytest.mark.parametrize(
    ("kind", "began", "finished", "outcome", "clean"),
    [
        (Kind.DRILL, "nyc", "nyc", ev.RunOutcome.STOPPED, True),
        (Kind.DRILL, "nyc", "piscataway", ev.RunOutcome.STOPPED, False),
        (Kind.SWITCHOVER, "nyc", "piscataway", ev.RunOutcome.STOPPED, True),
        (Kind.SWITCHOVER, "nyc", "nyc", ev.RunOutcome.STOPPED, False),
        (Kind.SWITCHOVER, "nyc", "nyc", ev.RunOutcome.UNDONE, True),
        (Kind.FAILBACK, "piscataway", "nyc", ev.RunOutcome.STOPPED, True),
        (Kind.FAILBACK, "piscataway", "piscataway", ev.RunOutcome.STOPPED, False),
    ],
)
def test_each_kind_has_to_end_at_its_place(
    kind: Kind, began: str, finished: str, outcome: ev.RunOutcome, clean: bool, tmp_path: Path
) -> None:
    world, run = World(at(began)), subject_of(kind, tmp_path)
    drive(world, run)
    world.now = at(finished)
    found = codes(run, ended(world, run, outcome))
    expected = {"role-changed", "replication-changed", "name-changed", "service-changed"}
    assert found == (set() if clean else expected)


def test_a_copy_that_is_left_is_named_until_somebody_accepts_it(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.DRILL, tmp_path)
    drive(world, run)
    world.now = at("nyc", drill_copy=("data", "marker"))
    events = ended(world, run)
    assert codes(run, events) == {"drill-copy-left"}
    body = ev.DifferenceAccepted(code="drill-copy-left", subject=f"{GROUP}@piscataway", person="Grace", reason="known")
    end = cast(Any, events[-1].body)
    assert codes(run, journal(run, end, body)) == set()
    comparison = aftermath(run, journal(run, end, body)).comparison
    assert comparison is not None
    assert len(comparison.differences) == 1


def test_a_standby_that_comes_back_a_little_later_is_waited_for(tmp_path: Path) -> None:
    whole = at("nyc")
    late = replace(whole, databases=(whole.databases[0], replace(whole.databases[1], follows=None)))
    world, run = World(whole), subject_of(Kind.SWITCHOVER, tmp_path)
    drive(world, run)
    world.later = lambda looks: late if looks < 4 else whole
    assert codes(run, ended(world, run, ev.RunOutcome.UNDONE)) == set()
    assert len(world.asked) == 4
    world.later = lambda looks: late
    assert codes(run, ended(world, run, ev.RunOutcome.UNDONE)) == {"replication-changed"}


def test_a_baseline_that_was_damaged_is_not_guessed(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.DRILL, tmp_path)
    drive(world, run)
    events = ended(world, run)
    run.folder.baseline("before").write_text("{}")
    with pytest.raises(Broken, match="not a baseline"):
        aftermath(run, events)


def look_every_second(run: Subject, events: Sequence[ev.Event], pattern: str) -> None:
    start = next(event.at.mono for event in events if isinstance(event.body, ev.RunStarted))
    run.folder.protection.write_text(
        "".join(
            to_text(
                ProtectionSample(
                    group=GROUP,
                    started=start + 0.1 * slot,
                    ended=start + 0.1 * slot + 0.01,
                    protected=sign == ".",
                    reason="" if sign == "." else "piscataway receives nothing",
                )
            )
            for slot, sign in enumerate(pattern)
        )
    )


@pytest.mark.parametrize(
    ("kind", "pattern", "expected"),
    [
        (Kind.DRILL, "..........", {}),
        (Kind.DRILL, "...xx.....", {"protection-gap": "error"}),
        (Kind.SWITCHOVER, "...xx.....", {}),
        (Kind.SWITCHOVER, "......xxxx", {"protection-ended": "error"}),
        (Kind.FAILOVER, "xxxxxxxxxx", {"protection-ended": "note"}),
    ],
)
def test_what_time_without_protection_means(kind: Kind, pattern: str, expected: dict[str, str], tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(kind, tmp_path)
    drive(world, run)
    events = ended(world, run)
    look_every_second(run, events, pattern)
    found = {item.code: item.severity.value for item in aftermath(run, events).findings}
    assert {code: severity for code, severity in found.items() if code.startswith("protection")} == expected


def test_across_a_restart_of_the_machine_protection_is_not_measured(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.DRILL, tmp_path)
    drive(world, run)
    events = ended(world, run)
    look_every_second(run, events, "..........")
    seen = (BootSeen(boot=boot, mono=1.0, wall="2026-01-01T00:00:00+00:00") for boot in ("one", "two"))
    run.folder.boots.write_text("".join(map(to_text, seen)))
    found = aftermath(run, events)
    assert found.protection == ()
    assert "restarted" in next(item.message for item in found.findings if item.code == "protection-not-measured")


def test_a_driver_that_died_leaves_time_nobody_looked(tmp_path: Path) -> None:
    run = subject_of(Kind.FAILOVER, tmp_path)
    events = journal(
        run,
        *[ev.DriverAttached(host="h", pid=pid) for pid in range(20)],
        ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="it is over"),
    )
    look_every_second(run, events, "....")
    (protection,) = aftermath(run, events).protection
    assert protection.unobserved_s == pytest.approx(21.0 - 0.31)
    (finding,) = aftermath(run, events).findings
    assert (finding.code, finding.severity.value) == ("protection-not-observed", "warning")


def test_the_time_between_the_end_and_a_clean_up_is_not_time_of_the_run(tmp_path: Path) -> None:
    world, run = World(at("nyc")), subject_of(Kind.FAILOVER, tmp_path)
    drive(world, run)
    first = [ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="it is over")]
    accept = ev.DifferenceAccepted(code="role-changed", subject="x", person="Grace", reason="known")
    events = journal(run, *first, *[accept] * 20)
    look_every_second(run, events, "." * 10)
    (protection,) = aftermath(run, events).protection
    assert protection.unobserved_s == 0.0


def test_a_run_that_never_started_left_nothing(tmp_path: Path) -> None:
    run = subject_of(Kind.DRILL, tmp_path)
    refused = events_of(created(run.plan), ev.RunEnded(outcome=ev.RunOutcome.REFUSED, reason="nobody approved"))
    after = aftermath(run, refused)
    assert (after.comparison, after.protection, after.findings) == (None, (), ())
