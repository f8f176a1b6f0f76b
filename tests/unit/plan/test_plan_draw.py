"""The plan as text (golden) and as SVG (parsed, not compared)."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from drorch.catalog.model import Catalog
from drorch.plan.build import build_plan
from drorch.plan.critical import critical_path
from drorch.plan.diagram.layout import BOX_HEIGHT, BOX_WIDTH, place
from drorch.plan.diagram.svg import draw_svg, shown_edges
from drorch.plan.diagram.text import draw_text
from drorch.plan.graph import ancestors, waits_for
from drorch.plan.model import Kind
from drorch.testing.builders import small_plan, small_step

SVG = "{http://www.w3.org/2000/svg}"

FAILOVER_TEXT = """\
Failover: loss of nyc · 9 steps · * critical path

wave 1 (1 step, done after 2 s)
└─*nyc/witness                              piscataway

wave 2 (1 step, done after 5 s)
└─*nyc-platform/recover                     piscataway   ← nyc/witness

wave 3 (1 step, done after 7 s)
└─*directory/start                          piscataway   ← nyc-platform/recover

wave 4 (1 step, done after 8 s)
└─*directory/validate                       piscataway   ← directory/start

wave 5 (2 steps, done after 10 s)
├─ mail/start                               piscataway   ← nyc-platform/recover, directory/validate
└─*mobile-office/start                      piscataway   ← nyc-platform/recover, directory/validate

wave 6 (2 steps, done after 11 s)
├─ mail/validate                            piscataway   ← mail/start
└─*mobile-office/validate                   piscataway   ← mobile-office/start

wave 7 (1 step, done after 12 s)
└─*archive/validate                         piscataway   ← mobile-office/validate
"""


def test_text_of_a_failover(small: Catalog) -> None:
    assert draw_text(build_plan(small, kind=Kind.FAILOVER, playbooks_id="x", lose="nyc")) == FAILOVER_TEXT


def test_text_shows_clean_up_and_what_is_not_recovered(small: Catalog) -> None:
    drill = draw_text(build_plan(small, kind=Kind.DRILL, playbooks_id="x", groups=["nyc-platform"]))
    lost = draw_text(build_plan(small, kind=Kind.FAILOVER, playbooks_id="x", lose="piscataway"))

    assert "mail/drill-stop" in drill
    assert "after the end of mail/drill-start, mail/validate" in drill
    assert "not recovered by this plan (1)\n└─ archive: hosted at piscataway itself" in lost


def test_text_has_every_step_of_a_large_plan_once(sample: Catalog) -> None:
    plan = build_plan(sample, kind=Kind.DRILL, playbooks_id="x", lose="nyc")
    lines = [line[3:].split(" ")[0] for line in draw_text(plan).splitlines() if line[:2] in ("├─", "└─")]

    assert sorted(lines) == sorted(plan.by_id)


@pytest.mark.parametrize("kind", list(Kind))
def test_svg_is_self_contained_and_complete(sample: Catalog, kind: Kind) -> None:
    plan = build_plan(sample, kind=kind, playbooks_id="x", lose="nyc")
    text = draw_svg(plan)
    root = ElementTree.fromstring(text)
    hints = [one.text or "" for one in root.iter(f"{SVG}title")]

    assert hints[0] == plan.title
    assert sorted(hint.split(": ")[0] for hint in hints[1:]) == sorted(plan.by_id)
    assert f"{len(plan.steps)} steps" in (root.findtext(f"{SVG}desc") or "")
    marked = [group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}rect[@class='box hotbox']") is not None]
    assert len(marked) == len(critical_path(plan))
    for outside in ("href", "url(", "<script", "@import", "<image"):
        assert outside not in text


def test_svg_is_the_same_every_time(sample: Catalog) -> None:
    one = build_plan(sample, kind=Kind.SWITCHOVER, playbooks_id="x", lose="nyc")
    other = build_plan(sample, kind=Kind.SWITCHOVER, playbooks_id="x", lose="nyc")

    assert draw_svg(one) == draw_svg(other)


@pytest.mark.parametrize("kind", list(Kind))
def test_no_two_boxes_touch_and_all_are_inside(sample: Catalog, kind: Kind) -> None:
    layout = place(build_plan(sample, kind=kind, playbooks_id="x", lose="nyc"))
    boxes = list(layout.boxes.values())

    for number, one in enumerate(boxes):
        assert 0 <= one.x <= layout.width - BOX_WIDTH
        assert 0 <= one.y <= layout.height - BOX_HEIGHT
        for other in boxes[number + 1 :]:
            assert abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT


def test_edges_left_out_are_implied_by_those_shown(sample: Catalog) -> None:
    plan = build_plan(sample, kind=Kind.DRILL, playbooks_id="x", lose="nyc")
    full = waits_for(plan.steps)
    shown = shown_edges(plan)

    assert ancestors(shown) == ancestors(full)
    assert sum(map(len, shown.values())) < sum(map(len, full.values()))


def test_markup_in_names_is_data() -> None:
    step = replace(small_step("a/start"), title='<script>alert("x")</script> & "y"')
    root = ElementTree.fromstring(draw_svg(replace(small_plan(step), title="<b>&")))

    assert root.findtext(f"{SVG}title") == "<b>&"
    assert root.find(f".//{SVG}script") is None


def test_long_names_keep_their_verb() -> None:
    name = "a" * 60
    root = ElementTree.fromstring(draw_svg(small_plan(small_step(f"{name}/drill-start"))))
    labels = [one.text or "" for one in root.iter(f"{SVG}text") if one.get("class") == "label"]

    assert labels[0].endswith("…/drill-start")
    assert len(labels[0]) <= 27


def test_a_plan_without_steps_can_be_drawn() -> None:
    assert "0 steps" in draw_text(small_plan())
    ElementTree.fromstring(draw_svg(small_plan()))
