"""Order, waves, cycles, critical path, fingerprint and difference."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from drorch.catalog.model import Catalog
from drorch.core.diff import ChangeKind
from drorch.core.errors import InputInvalid
from drorch.plan.build import build_plan
from drorch.plan.critical import critical_path, earliest_finish, estimated_duration, remaining_path, validated_after
from drorch.plan.diff import diff_plans
from drorch.plan.graph import ancestors, find_cycle, topological, waits_for, waves
from drorch.plan.model import Kind, Plan
from drorch.plan.refs import playbooks_id, playbooks_used
from drorch.testing.builders import small_plan, small_step

DIAMOND = small_plan(
    small_step("a/start", estimate_s=2.0),
    small_step("b/start", estimate_s=5.0, needs=("a/start",)),
    small_step("c/start", estimate_s=1.0, needs=("a/start",)),
    small_step("d/start", estimate_s=3.0, needs=("b/start",), after=("c/start",)),
)


def test_remaining_path_counts_the_step_and_the_longest_chain_behind_it() -> None:
    assert dict(remaining_path(DIAMOND)) == {"a/start": 10.0, "b/start": 8.0, "c/start": 4.0, "d/start": 3.0}


def test_earliest_finish_and_critical_path() -> None:
    assert dict(earliest_finish(DIAMOND)) == {"a/start": 2.0, "b/start": 7.0, "c/start": 3.0, "d/start": 10.0}
    assert critical_path(DIAMOND) == ("a/start", "b/start", "d/start")
    assert estimated_duration(DIAMOND) == 10.0


def test_an_empty_plan_takes_no_time() -> None:
    assert critical_path(small_plan()) == ()
    assert estimated_duration(small_plan()) == 0.0
    assert waves(small_plan()) == ()


def test_waves() -> None:
    assert [[step.id for step in wave] for wave in waves(DIAMOND)] == [["a/start"], ["b/start", "c/start"], ["d/start"]]


def test_ancestors() -> None:
    assert ancestors(waits_for(DIAMOND.steps))["d/start"] == {"a/start", "b/start", "c/start"}


def test_a_cycle_is_named_and_nothing_hangs() -> None:
    edges = {"a": (), "b": ("a", "d"), "c": ("b",), "d": ("c",), "e": ("d",)}

    found = find_cycle(edges)
    assert found[0] == found[-1]
    assert set(found) == {"b", "c", "d"}
    assert all(after in edges[before] for before, after in pairwise(found))
    with pytest.raises(InputInvalid, match="cycle"):
        topological(edges)
    assert find_cycle({"a": (), "b": ("a",)}) == ()


def test_ties_keep_the_order_given() -> None:
    assert topological({"z": (), "a": (), "m": ("a",), "b": ()}) == ("z", "a", "m", "b")


def test_ten_thousand_steps_in_one_chain_do_not_recurse() -> None:
    steps = [small_step("s0/start")]
    steps += [small_step(f"s{number}/start", needs=(f"s{number - 1}/start",)) for number in range(1, 10_000)]
    plan = small_plan(*steps)

    assert remaining_path(plan)["s0/start"] == 10_000.0
    assert len(critical_path(plan)) == 10_000


def test_when_each_application_can_be_validated(small: Catalog) -> None:
    plan = build_plan(small, kind=Kind.FAILOVER, playbooks_id="x", lose="nyc")

    # witness 2 + recover 3 + start 2 + validate 1; then start 2 + validate 1; then validate 1 through the gateway
    assert dict(validated_after(plan)) == {"directory": 8.0, "mail": 11.0, "mobile-office": 11.0, "archive": 12.0}


def test_the_fingerprint_depends_on_names_and_contents_only() -> None:
    one = playbooks_id({"a.yml": b"1", "b.yml": b"2"})

    assert one == playbooks_id({"b.yml": b"2", "a.yml": b"1"})
    assert one != playbooks_id({"a.yml": b"1", "b.yml": b"3"})
    assert one != playbooks_id({"a.yml": b"1", "c.yml": b"2"})
    assert one != playbooks_id({"a.yml": b"1"})
    assert one != playbooks_id({"a.yml": b"2", "b.yml": b"1"})


def test_the_playbooks_a_plan_calls_include_undo(small: Catalog) -> None:
    plan = build_plan(small, kind=Kind.FAILOVER, playbooks_id="x", lose="nyc")

    assert playbooks_used(plan) == (
        "application/start.yml",
        "application/stop.yml",
        "postgresql_streaming/recover.yml",
    )


def differences(old: Plan, new: Plan) -> list[tuple[ChangeKind, str, str | None, object, object]]:
    return [(one.kind, one.subject, one.field, one.old, one.new) for one in diff_plans(old, new)]


def test_no_difference() -> None:
    assert diff_plans(DIAMOND, DIAMOND) == ()


def test_a_changed_field_is_named_down_to_the_variable(small: Catalog) -> None:
    old = build_plan(small, kind=Kind.FAILOVER, playbooks_id="x", lose="nyc")
    step = old.by_id["mail/start"]
    act = replace(step.act, variables={**step.act.variables, "site": "valencia"})  # type: ignore[union-attr, call-arg]
    changed = replace(step, act=act, timeout_s=5.0)
    new = replace(old, steps=tuple(changed if one.id == "mail/start" else one for one in old.steps))

    assert differences(old, new) == [
        (ChangeKind.CHANGED, "step mail/start", "act.variables.site", "piscataway", "valencia"),
        (ChangeKind.CHANGED, "step mail/start", "timeout_s", 90.0, 5.0),
    ]


def test_added_and_removed_steps_and_scope(small: Catalog) -> None:
    group = build_plan(small, kind=Kind.FAILOVER, playbooks_id="x", lose="nyc")
    longer = replace(group, steps=(*group.steps, small_step("more/start")), scope=group.scope[1:])

    found = differences(group, longer)
    assert [one[:2] for one in found] == [
        (ChangeKind.REMOVED, "scope directory"),
        (ChangeKind.ADDED, "step more/start"),
    ]
    assert [one[:2] for one in differences(longer, group)] == [
        (ChangeKind.ADDED, "scope directory"),
        (ChangeKind.REMOVED, "step more/start"),
    ]


def test_a_change_of_the_plan_itself() -> None:
    found = differences(DIAMOND, replace(DIAMOND, playbooks_id="sha256:1"))

    assert found == [(ChangeKind.CHANGED, "plan", "playbooks_id", DIAMOND.playbooks_id, "sha256:1")]
