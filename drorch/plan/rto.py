"""Static check of recovery time objectives: does the path to an application fit into its objective at all?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drorch.catalog.checks.places import place
from drorch.catalog.durations import show_duration
from drorch.catalog.model import Catalog, RtoFrom
from drorch.core.findings import Finding, Severity
from drorch.plan.forecast import Records, kind_of
from drorch.plan.graph import topological, waits_for
from drorch.plan.model import Kind, Plan, ValidateAct

_RECOVERING = frozenset({Kind.FAILOVER, Kind.SWITCHOVER, Kind.DRILL})


def rto_findings(plan: Plan, catalog: Catalog, records: Records) -> Iterator[Finding]:
    """An error for each application whose typical path takes longer than its objective, however fast people are.

    The path is the longest chain before and with its validation; a step takes the median of its records, or the plan's
    estimate without any. Limits, detection, declaration and failures come on top, so this only finds the impossible.
    """
    if plan.kind not in _RECOVERING:
        return
    path = _longest(plan, records)
    known = {item.id: item for item in catalog.applications}
    for step in plan.steps:
        if not isinstance(step.act, ValidateAct) or step.act.application not in known or step.act.remote_access:
            continue
        application, (seconds, estimated) = known[step.act.application], path[step.id]
        if seconds > application.rto.seconds:
            origin = "the plan's estimates" if estimated else "recorded durations"
            start = "the disruption" if application.rto_from is RtoFrom.DISRUPTION else "the declaration"
            yield Finding(
                code="rto-out-of-reach",
                severity=Severity.ERROR,
                message=f"{application.id}: the steps before it and its own take {seconds:.1f} s ({origin}), more than "
                f"its objective of {show_duration(application.rto.seconds)} from {start}",
                subject=application.id,
                where=place(catalog, f"applications.{application.id}.rto"),
                next_step="shorten the path ('plan forecast' says what buys most), or let the owner change it",
            )


def _longest(plan: Plan, records: Records) -> Mapping[str, tuple[float, bool]]:
    """Seconds of the longest chain that ends with each step, and whether an estimate of the plan is in it."""
    edges, steps = waits_for(plan.steps), plan.by_id
    found: dict[str, tuple[float, bool]] = {}
    for name in topological(edges):
        typical = records.typical(kind_of(steps[name], plan.kind.value))
        own = steps[name].estimate_s if typical is None else typical
        before = max((found[needed] for needed in edges[name]), default=(0.0, False))
        found[name] = (before[0] + own, before[1] or typical is None)
    return found
