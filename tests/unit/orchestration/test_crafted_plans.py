"""A plan is what the builder builds: whatever else a file says, with its hash made right again, is refused and leaves
nothing behind: no run, no event, nothing launched.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from drorch.catalog.files import load_catalog_file
from drorch.core.errors import Broken, InputInvalid
from drorch.core.findings import errors
from drorch.core.ids import content_hash
from drorch.estate.files import estate_id, load_estate
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_from_text, plan_to_json
from drorch.plan.model import Kind, Plan, PlaybookAct
from drorch.testing.fakes import MemoryJournal
from drorch.testing.paper_home import PaperHome

STOP = "application/stop.yml"
CHOSEN = ("selection", "limits", "estate_id")
"""What a person may ask for: another choice is another plan, and a good one when the builder builds it."""


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> PaperHome:
    """A state folder in which nothing has happened."""
    return PaperHome(tmp_path_factory.mktemp("crafted"), MemoryJournal())


@pytest.fixture(scope="module")
def plans(paper: PaperHome) -> dict[Kind, dict[str, Any]]:
    """A good plan of each kind, as JSON."""
    return {kind: json.loads(json.dumps(plan_to_json(paper.plan(kind, lose="nyc")))) for kind in Kind}


def with_right_hash(data: dict[str, Any]) -> bytes:
    """The file of somebody who knows how a plan is hashed."""
    body = {name: value for name, value in data.items() if name != "id"}
    try:
        data = {**body, "id": content_hash(body)}
    except (ValueError, TypeError):  # nothing can be hashed that cannot be written
        data = {**body, "id": "sha256:" + "0" * 64}
    return json.dumps(data).encode()


def begun(paper: PaperHome, text: bytes) -> Plan:
    """What ``drorch plan check`` and ``drorch run start`` do with a file."""
    plan = plan_from_text(text, "crafted.json")
    check_plan(plan, load_catalog_file(paper.catalog))
    paper.begin(plan)
    return plan


def refused(paper: PaperHome, text: bytes) -> str:
    """The one sentence with which the file is refused; nothing is left of it."""
    with pytest.raises(InputInvalid) as caught:
        begun(paper, text)
    said = caught.value
    assert said.what
    assert "\n" not in said.what
    assert said.next_step
    assert paper.world.parts.journal.runs() == ()
    assert not (paper.home / "runs").exists()
    assert not paper.world.estate.fake.performed
    return said.what


def stop_in_readiness(plans: dict[Kind, dict[str, Any]]) -> dict[str, Any]:
    """A readiness plan, which nobody has to approve, that stops production."""
    data = copy.deepcopy(plans[Kind.READINESS])
    stop = next(
        step for step in plans[Kind.SWITCHOVER]["steps"] if step["act"].get("playbook") == "application/stop.yml"
    )
    data["steps"].insert(0, {**stop, "needs": [], "after": []})
    return data


def with_flag(data: dict[str, Any]) -> dict[str, Any]:
    """As a file of the first schema said it."""
    data["steps"][0]["changes_state"] = False
    return data


def with_act(plans: dict[Kind, dict[str, Any]], kind: Kind, **changes: object) -> dict[str, Any]:
    """The first playbook of the plan with something else in it."""
    data = copy.deepcopy(plans[kind])
    step = next(step for step in data["steps"] if step["act"]["act"] == "playbook")
    step["act"].update(changes)
    return data


PIPE = "{{ lookup('ansible.builtin.pipe', 'touch /tmp/crafted') }}"
Craft = Callable[[dict[Kind, dict[str, Any]]], dict[str, Any]]


@pytest.mark.parametrize(
    ("craft", "said"),
    [
        (stop_in_readiness, "not what drorch builds: step nyc-platform/fence is not built"),
        (lambda plans: with_flag(stop_in_readiness(plans)), "unknown field 'changes_state'"),
        (lambda plans: with_act(plans, Kind.FAILOVER, variables={"group": PIPE}), "holds a template"),
        (lambda plans: with_act(plans, Kind.READINESS, hosts=[PIPE]), "holds a template"),
        (lambda plans: with_act(plans, Kind.READINESS, playbook="../../tmp/evil.yml"), "not what drorch builds: step"),
        (
            lambda plans: with_act(plans, Kind.READINESS, playbook="application/stop.yml"),
            "not what drorch builds: step",
        ),
        (lambda plans: {**plans[Kind.FAILOVER], "kind": "readiness"}, "not what drorch builds"),
        (lambda plans: {**plans[Kind.FAILOVER], "schema": 1}, "plan schema 1 is not known"),
        (lambda plans: {**plans[Kind.FAILOVER], "lost_site": "atlantis"}, "'nyc'"),
        (lambda plans: {**plans[Kind.FAILOVER], "title": "\ud800"}, "cannot be written"),
        (lambda plans: {**plans[Kind.READINESS], "steps": []}, "more differences"),
        (lambda plans: {**plans[Kind.READINESS], "catalog_id": "sha256:" + "0" * 64}, "another catalog"),
        (lambda plans: {**plans[Kind.READINESS], "playbooks_id": "sha256:" + "0" * 64}, "playbooks have changed"),
        (lambda plans: {**plans[Kind.READINESS], "estate_id": "sha256:" + "0" * 64}, "another estate"),
    ],
)
def test_a_crafted_plan_is_refused_with_one_sentence(
    paper: PaperHome, plans: dict[Kind, dict[str, Any]], craft: Craft, said: str
) -> None:
    assert said in refused(paper, with_right_hash(craft(plans)))


Place = tuple[dict[str, Any] | list[Any], str | int]


def places(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(*above, name) for name, _ in inside] + [way for name, one in inside for way in places(one, (*above, name))]


def at(data: object, way: tuple[str | int, ...]) -> Place:
    """What holds the value at the end of a way, and its name there."""
    for name in way[:-1]:
        data = data[name]  # type: ignore[index]
    assert isinstance(data, dict | list)
    return data, way[-1]


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.just(10**400), st.floats(allow_nan=False), st.text(max_size=5),
    st.sampled_from(["nyc", "piscataway", "mail", "readiness", "failover", "\ud800", PIPE, "../x.yml", "apps-nyc"]),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def mutated(draw: st.DrawFn, data: dict[str, Any], others: list[dict[str, Any]], *, names: list[str]) -> None:
    """Change something in ``data``, below one of ``names``."""
    ways = [way for way in places(data) if way[0] in names]
    where, name = at(data, draw(st.sampled_from(ways)))
    what = draw(st.sampled_from(["replace", "remove", "twice", "swap", "borrow", "add"]))
    if what == "remove" or (what in {"twice", "swap"} and not isinstance(where, list)):
        del where[name]  # type: ignore[arg-type]
    elif what == "twice" and isinstance(where, list):
        where.insert(int(name), copy.deepcopy(where[int(name)]))
    elif what == "swap" and isinstance(where, list):
        other = draw(st.integers(0, len(where) - 1))
        where[int(name)], where[other] = where[other], where[int(name)]
    elif what == "borrow":
        other_plan = draw(st.sampled_from(others))
        holder, key = at(other_plan, draw(st.sampled_from(places(other_plan))))
        where[name] = copy.deepcopy(holder[key])  # type: ignore[index]
    elif what == "add" and isinstance(where, dict):
        where[draw(st.text(max_size=4))] = draw(ODD)
    else:
        where[name] = draw(ODD)  # type: ignore[index]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_mutated_plan_is_refused(paper: PaperHome, plans: dict[Kind, dict[str, Any]], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(Kind)))
    good, changed = plans[kind], copy.deepcopy(plans[kind])
    names = [name for name in good if name not in (*CHOSEN, "id")]
    others = [plan for of, plan in plans.items() if of is not kind]
    for _ in range(data.draw(st.integers(1, 3))):
        assume(any(name in changed for name in names))
        data.draw(st.composite(lambda draw: mutated(draw, changed, others, names=names))())
    assume(json.dumps(changed, sort_keys=True) != json.dumps(good, sort_keys=True))
    refused(paper, with_right_hash(changed))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_another_choice_is_refused_or_does_exactly_what_the_builder_says(
    tmp_path_factory: pytest.TempPathFactory, plans: dict[Kind, dict[str, Any]], data: st.DataObject
) -> None:
    paper = PaperHome(tmp_path_factory.mktemp("choice"), MemoryJournal())
    kind = data.draw(st.sampled_from(list(Kind)))
    changed = copy.deepcopy(plans[kind])
    data.draw(st.composite(lambda draw: mutated(draw, changed, list(plans.values()), names=list(CHOSEN)))())
    try:
        plan = begun(paper, with_right_hash(changed))
    except InputInvalid:
        assert paper.world.parts.journal.runs() == ()
        return
    untouched = {name: value for name, value in plans[kind].items() if name not in (*CHOSEN, "id")}
    assert {name: value for name, value in plan_to_json(plan).items() if name in untouched} == untouched


def test_a_plan_is_bound_to_its_estate(tmp_path: Path) -> None:
    paper = PaperHome(tmp_path, MemoryJournal())
    bound = replace(paper.plan(Kind.READINESS, lose="nyc"), estate_id=estate_id(load_estate(paper.estate)))
    run = paper.begin(bound)
    told = json.loads(paper.estate.read_text(encoding="utf-8"))
    paper.estate.write_text(json.dumps({**told, "zone": "other.test"}), encoding="utf-8")
    with pytest.raises(InputInvalid, match="built for another estate"):
        paper.begin(bound)
    assert paper.world.parts.journal.runs() == (run,)


def test_the_plan_of_a_run_is_not_exchanged_for_another(tmp_path: Path) -> None:
    """The folder of a run is files too: another good plan in it is not driven."""
    paper = PaperHome(tmp_path, MemoryJournal())
    run = paper.begin(paper.plan(Kind.READINESS, lose="nyc"))
    other = json.dumps(plan_to_json(paper.plan(Kind.SWITCHOVER, lose="nyc")))
    (paper.home / "runs" / run / "plan.json").write_text(other, encoding="utf-8")
    with pytest.raises(Broken, match="than the run was begun with"):
        paper.drive(run)
    assert not paper.world.estate.fake.performed


def test_every_playbook_of_every_kind_fits(paper: PaperHome) -> None:
    catalog = load_catalog_file(paper.catalog)
    for kind in Kind:
        plan = paper.plan(kind, lose="nyc")
        assert errors(check_plan(plan, catalog)) == ()
        assert any(isinstance(step.act, PlaybookAct) for step in plan.steps)
