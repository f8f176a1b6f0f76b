"""Of two equal ways the more critical application goes first."""

from __future__ import annotations

from drorch.core.ids import content_hash
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.plan.urgency import with_urgency
from drorch.run.progress import PlanIndex
from drorch.testing.builders import small_catalog, small_plan, small_step

NO_PLAYBOOKS = content_hash([])


def test_a_step_is_as_urgent_as_the_most_critical_application_that_waits_for_it() -> None:
    catalog = small_catalog()
    plan = build_plan(catalog, kind=Kind.FAILOVER, playbooks_id=NO_PLAYBOOKS, lose="nyc")
    rto = {app.id: app.rto.seconds for app in catalog.applications}
    waiting: dict[str, set[str]] = {step.id: set() for step in plan.steps}
    for step in reversed(plan.steps):
        if step.subject in rto:
            waiting[step.id].add(step.subject)
        for needed in step.needs:
            waiting[needed] |= waiting[step.id]
    for step in plan.steps:
        assert step.urgency_s == min((rto[app] for app in waiting[step.id]), default=None)


def test_equal_paths_go_by_urgency_and_then_by_id() -> None:
    steps = with_urgency(
        [small_step("a/start"), small_step("b/start"), small_step("c/start")], {"a": 3600.0, "b": 60.0, "c": 60.0}
    )
    index = PlanIndex.of(small_plan(*steps))
    assert [step.id for step in index.steps] == ["b/start", "c/start", "a/start"]


def test_the_longer_path_goes_first_however_urgent_the_other_is() -> None:
    steps = with_urgency(
        [small_step("a/start"), small_step("z/start"), small_step("z/validate", needs=("z/start",))],
        {"a": 60.0, "z": 3600.0},
    )
    index = PlanIndex.of(small_plan(*steps))
    assert index.steps[0].id == "z/start"
