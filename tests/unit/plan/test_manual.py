"""Manual steps: from the catalog into a plan, there and back as JSON, and never taken for a proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.catalog.codec import catalog_from_json
from drorch.catalog.model import Catalog
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid
from drorch.core.findings import errors
from drorch.plan.build import build_plan
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_from_json, plan_id, plan_to_json
from drorch.plan.diagram.svg import draw_svg
from drorch.plan.diagram.text import draw_text
from drorch.plan.model import Kind, ManualAct, Plan
from drorch.plan.timings import MANUAL_S
from drorch.testing.builders import small_catalog

GROUP_MANUAL = """
    manual:
      - {id: storage, when: before-recover, kinds: [failover, switchover, failback, drill], role: storage team,
         text: Free the volumes, minutes: 10, evidence: required, deadline: 30m}
      - {id: call, when: after-recover, kinds: [failover], role: duty officer, text: Tell the vendor, minutes: 5}
"""
MAIL_MANUAL = """
    manual:
      - {id: licence, when: before-start, kinds: [failover, drill], role: mail team, text: Move the licence, minutes: 2}
      - {id: key, when: before-start, kinds: [failover], role: mail team, text: Turn the key, minutes: 3}
      - {id: queue, when: after-start, kinds: [failover, drill], role: mail team, text: Look at the queue, minutes: 1}
"""
IN_GROUP = (
    "    method: postgresql_streaming\n    primary_site: nyc\n",
    "    primary_site: nyc\n    method: postgresql_streaming",
)
IN_MAIL = ("  - id: mail\n", "  - id: mail")


def catalog() -> Catalog:
    return small_catalog((IN_GROUP[0], IN_GROUP[1] + GROUP_MANUAL), (IN_MAIL[0], IN_MAIL[1] + MAIL_MANUAL))


def plan_of(kind: Kind, known: Catalog | None = None) -> Plan:
    known = known or catalog()
    lose = "nyc" if kind is Kind.FAILOVER else None
    groups = () if lose else ("nyc-platform",)
    return build_plan(known, kind=kind, lose=lose, groups=groups, playbooks_id="sha256:" + "0" * 64)


def test_they_stand_where_the_catalog_puts_them() -> None:
    plan = plan_of(Kind.FAILOVER)
    needs = {step.id: step.needs for step in plan.steps}
    assert needs["nyc-platform/manual-storage"] == ("nyc/witness",)
    assert needs["nyc-platform/recover"] == ("nyc/witness", "nyc-platform/manual-storage")
    assert needs["nyc-platform/manual-call"] == ("nyc-platform/recover",)
    assert "nyc-platform/manual-call" in needs["directory/start"]
    assert needs["mail/manual-key"] == ("mail/manual-licence",)
    assert needs["mail/start"][-1] == "mail/manual-key"
    assert needs["mail/manual-queue"] == ("mail/start",)
    assert needs["mail/validate"] == ("mail/start", "mail/manual-queue")


def test_what_a_person_reads_and_by_when() -> None:
    plan = plan_of(Kind.FAILOVER)
    step = plan.by_id["nyc-platform/manual-storage"]
    assert step.act == ManualAct(text="Free the volumes", role="storage team", minutes=10, evidence_required=True)
    assert (step.timeout_s, step.estimate_s, step.changes_state) == (1800.0, 600.0, False)
    assert plan.by_id["mail/manual-key"].timeout_s == MANUAL_S
    assert step.title == "By hand (storage team): Free the volumes"


@pytest.mark.parametrize("kind", [Kind.FAILOVER, Kind.SWITCHOVER, Kind.FAILBACK, Kind.DRILL, Kind.READINESS])
def test_every_kind_of_plan_stays_sound(kind: Kind) -> None:
    known = catalog()
    plan = plan_of(kind, known)
    assert errors(check_plan(plan, known)) == ()
    wanted = {Kind.FAILOVER: 5, Kind.SWITCHOVER: 1, Kind.FAILBACK: 1, Kind.DRILL: 3, Kind.READINESS: 0}
    assert len(plan.manual) == wanted[kind]


def test_a_drill_is_cleaned_up_whatever_became_of_them() -> None:
    plan = plan_of(Kind.DRILL)
    assert not plan.manual & {need for step in plan.steps if step.after for need in step.needs}


def test_plan_and_catalog_come_back_from_json() -> None:
    known = catalog()
    assert catalog_from_json(plain(known)).content_id == known.content_id
    plan = plan_of(Kind.FAILOVER, known)
    assert plan_id(plan_from_json(plan_to_json(plan))) == plan_id(plan)
    data = plan_to_json(plan)
    changed = replace(plan, steps=tuple(step for step in plan.steps if step.id not in plan.manual))
    assert data["id"] != plan_id(changed)


def test_a_catalog_without_them_keeps_its_content_id() -> None:
    assert '"manual"' not in str(plain(small_catalog())).replace("'", '"')


def test_the_drawings_name_them_and_the_text_tells_what_to_do() -> None:
    plan = plan_of(Kind.FAILOVER)
    text = draw_text(plan)
    assert "by hand: storage team, about 10 min, with evidence: Free the volumes" in text
    assert "manual-storage" in draw_svg(plan)


def test_a_persons_word_is_no_gate_and_no_proof() -> None:
    known = catalog()
    plan = plan_of(Kind.SWITCHOVER, known)
    bare = tuple(
        replace(step, needs=(), after=()) for step in plan.steps if step.changes_state or step.id in plan.manual
    )
    act_first = tuple(
        replace(step, needs=("nyc-platform/manual-storage",)) if step.changes_state else step for step in bare
    )
    ordered = tuple(sorted(act_first, key=lambda step: step.changes_state))
    codes = {finding.code for finding in check_plan(replace(plan, steps=ordered), known)}
    assert {"no-gate", "no-proof"} <= codes


def test_one_without_instructions_is_an_error() -> None:
    known = catalog()
    plan = plan_of(Kind.FAILOVER, known)
    blank = tuple(
        replace(step, act=replace(step.act, text=" ")) if isinstance(step.act, ManualAct) else step
        for step in plan.steps
    )
    assert "no-instructions" in {finding.code for finding in check_plan(replace(plan, steps=blank), known)}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("when: before-start", "when: before-recover", "before-start"),
        ("minutes: 2", "minutes: 0", "minutes"),
        ("kinds: [failover]", "kinds: [readiness]", "kinds"),
        ("id: key", "id: licence", "there twice"),
        ("minutes: 3", "minutes: 3, deadline: 1m", "deadline is shorter"),
        ("minutes: 3", "minutes: 3, evidence: perhaps", "evidence"),
        ("minutes: 3", "minutes: 3, mood: good", "mood"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line(old: str, new: str, says: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        small_catalog((IN_MAIL[0], IN_MAIL[1] + MAIL_MANUAL.replace(old, new, 1)))
    told = str(caught.value)
    assert says in told
    assert "small.yaml:" in told


def test_a_remote_access_application_is_started_by_no_plan() -> None:
    with pytest.raises(InputInvalid, match="has no place there"):
        small_catalog(("  - id: archive\n", "  - id: archive" + MAIL_MANUAL))
