"""Properties over random catalogs: any dependencies without a cycle, any groups, any kind."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.catalog.model import (
    Application,
    Arrangement,
    Catalog,
    Objective,
    ProtectionGroup,
    RtoFrom,
    Scope,
    Site,
    SiteRole,
    Totals,
)
from drorch.core.findings import errors
from drorch.core.ids import content_hash
from drorch.plan.build import build_plan
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_from_json, plan_id, plan_to_json
from drorch.plan.graph import ancestors, find_cycle, waits_for
from drorch.plan.model import Kind, Limits, Phase, Plan, Repeat, Selection, Step, ValidateAct

SITES = ("nyc", "piscataway", "brindisi", "valencia")
GROUPS = (
    ("g0", "nyc", "piscataway"),
    ("g1", "nyc", "piscataway"),
    ("g2", "brindisi", "valencia"),
    ("g3", "piscataway", None),
)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Up to 14 applications; each depends on earlier ones only. Applications of g3 are reached by remote access."""
    count = draw(st.integers(1, 14))
    applications = []
    for number in range(count):
        group = draw(st.sampled_from([group[0] for group in GROUPS]))
        earlier = [f"a{one}" for one in range(number)]
        depends = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        objective = Objective(seconds=draw(st.sampled_from([60.0, 3600.0])), basis="test", owner="d")
        applications.append(
            Application(
                id=f"a{number}",
                name=f"A {number}",
                description="",
                scope=Scope.ENTERPRISE,
                tier=1,
                department="d",
                arrangement=Arrangement.REMOTE_ACCESS if group == "g3" else Arrangement.STANDBY,
                group=group,
                rto=objective,
                rpo=objective,
                rto_from=RtoFrom.DISRUPTION,
                depends_on=tuple(depends),
                gateway=group != "g3" and draw(st.booleans()),
            )
        )
    return Catalog(
        schema=1,
        title="random",
        totals=Totals(applications=count, enterprise=count, departmental=0),
        sites=tuple(Site(id=one, name=one, role=SiteRole.PRIMARY) for one in SITES),
        departments=(),
        groups=tuple(
            ProtectionGroup(id=one, name=one, method="m", primary_site=here, recovery_site=there)
            for one, here, there in GROUPS
        ),
        applications=tuple(draw(st.permutations(applications))),
        content_id=content_hash([(app.id, app.group, app.depends_on) for app in applications]),
    )


def build(catalog: Catalog, kind: Kind) -> Plan | None:
    """The plan for the loss of New York; None when nothing of the catalog is there."""
    if not any(app.group in ("g0", "g1") for app in catalog.applications):
        return None
    return build_plan(catalog, kind=kind, playbooks_id="x", lose="nyc")


@settings(max_examples=150, deadline=None)
@given(catalogs(), st.sampled_from(list(Kind)))
def test_plans_are_sound(catalog: Catalog, kind: Kind) -> None:
    plan = build(catalog, kind)
    if plan is None:
        return
    seen: set[str] = set()
    for step in plan.steps:
        assert seen.issuperset(step.needs + step.after)
        seen.add(step.id)
    assert len(seen) == len(plan.steps)
    assert find_cycle(waits_for(plan.steps)) == ()
    assert errors(check_plan(plan, catalog)) == ()
    validated = [step.act.application for step in plan.steps if isinstance(step.act, ValidateAct)]
    assert sorted(validated) == sorted(scope.application for scope in plan.scope if scope.to_site is not None)


@settings(max_examples=100, deadline=None)
@given(catalogs(), st.sampled_from([Kind.FAILOVER, Kind.SWITCHOVER, Kind.FAILBACK, Kind.DRILL]))
def test_nothing_starts_before_what_it_depends_on_is_validated(catalog: Catalog, kind: Kind) -> None:
    plan = build(catalog, kind)
    if plan is None:
        return
    before = ancestors(waits_for(plan.steps))
    validated = {step.act.application for step in plan.steps if isinstance(step.act, ValidateAct)}
    for step in plan.steps:
        if step.phase is Phase.SERVE:
            wanted = set(catalog.application(step.subject).depends_on) & validated
            assert {f"{one}/validate" for one in wanted} <= before[step.id]


@settings(max_examples=60, deadline=None)
@given(catalogs(), st.sampled_from(list(Kind)))
def test_same_input_same_hash_and_the_file_says_it_all(catalog: Catalog, kind: Kind) -> None:
    plan, again = build(catalog, kind), build(catalog, kind)
    if plan is None or again is None:
        return
    assert plan_id(plan) == plan_id(again)
    assert plan_from_json(plan_to_json(plan)) == plan


def other_value(value: object) -> object:
    """Some other value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Kind | Phase | Repeat):
        return next(one for one in type(value) if one is not value)
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, tuple):
        return (*value, *value, "x") if all(isinstance(one, str) for one in value) else value[:-1]
    if isinstance(value, Limits):
        return replace(value, total=value.total + 1)
    if isinstance(value, Selection):
        return replace(value, groups=(*value.groups, "x"))
    return "x" if value is None else None


@settings(max_examples=40, deadline=None)
@given(catalogs(), st.sampled_from(list(Kind)), st.data())
def test_any_changed_field_changes_the_hash(catalog: Catalog, kind: Kind, data: st.DataObject) -> None:
    plan = build(catalog, kind)
    if plan is None:
        return
    for field in fields(Plan):
        changed = replace(plan, **{field.name: other_value(getattr(plan, field.name))})
        assert plan_id(changed) != plan_id(plan), field.name
    number = data.draw(st.integers(0, len(plan.steps) - 1))
    step = plan.steps[number]
    for field in fields(Step):
        if field.name in ("act", "undo", "subject_kind"):
            continue
        value = getattr(step, field.name)
        unset_number = field.name == "urgency_s" and value is None
        other = replace(step, **{field.name: 1.0 if unset_number else other_value(value)})
        steps = (*plan.steps[:number], other, *plan.steps[number + 1 :])
        assert plan_id(replace(plan, steps=steps)) != plan_id(plan), field.name
    for field in fields(step.act):
        if field.name == "variables":
            continue
        act = replace(step.act, **{field.name: other_value(getattr(step.act, field.name))})
        steps = (*plan.steps[:number], replace(step, act=act), *plan.steps[number + 1 :])
        assert plan_id(replace(plan, steps=steps)) != plan_id(plan), field.name
