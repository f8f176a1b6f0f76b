"""From a run's journal, samples and canaries to outages, losses and scores: the join that no single stage owns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from drorch.catalog.model import Catalog
from drorch.evidence import objectives, outage, recovery_point
from drorch.evidence.model import CanaryWrite, DataLoss, Outage, Sample
from drorch.evidence.objectives import Score
from drorch.orchestration.baselines import stretches
from drorch.plan.model import ApplicationScope, Kind, Plan
from drorch.run import events as ev

PLANNED_MOVES = frozenset({Kind.SWITCHOVER, Kind.FAILBACK})
OUTAGE_EXPECTED = PLANNED_MOVES | {Kind.FAILOVER}


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What was measured, by application id."""

    outages: Mapping[str, Outage]
    losses: Mapping[str, DataLoss]
    scores: Mapping[str, Score]


def measure_run(
    *,
    catalog: Catalog,
    plan: Plan,
    events: Sequence[ev.Event],
    samples: Sequence[Sample],
    canaries: Sequence[CanaryWrite],
    present: Mapping[str, tuple[int, ...] | None],
    boots: Collection[str] = (),
) -> Measurements:
    """Measure every application in the plan's scope. Pure; absent observations give absent measurements.

    ``boots``: starts of the machine under which the run was driven (`boot_log`): the declaration and every other
    instant of ``events`` belong to one of them. Across two of them nothing is measured.
    """
    declared = next((event.at.mono for event in events if isinstance(event.body, ev.Declared)), None)
    expected = plan.kind in OUTAGE_EXPECTED
    watched = stretches(events)
    outages: dict[str, Outage] = {}
    losses: dict[str, DataLoss] = {}
    scores: dict[str, Score] = {}
    by_application: dict[str, list[Sample]] = {}
    for sample in samples:
        by_application.setdefault(sample.application, []).append(sample)
    for scope in plan.scope:
        app = catalog.application(scope.application)
        looks = by_application.get(app.id, ())
        seen = outage.measure(
            app.id,
            looks,
            expect_outage=expected,
            expected_after=serving_site(scope, expected=expected),
            unbroken=watched,
            boots=boots,
        )
        writes = [canary for canary in canaries if canary.application == app.id]
        of_outage = {*boots, *(look.boot for look in looks)}
        loss = recovery_point.measure(app.id, writes, present.get(app.id), seen, of_outage)
        outages[app.id], losses[app.id] = seen, loss
        scores[app.id] = objectives.score(app, seen, loss, declared, planned=plan.kind in PLANNED_MOVES)
    return Measurements(outages=outages, losses=losses, scores=scores)


def serving_site(scope: ApplicationScope, *, expected: bool) -> str | None:
    """The site production has to be served from at the end: the target of a move, else where it was."""
    if scope.remote_access:
        return scope.to_site
    return (scope.to_site or scope.from_site) if expected else scope.from_site
