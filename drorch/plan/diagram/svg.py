"""The plan as one self-contained SVG: columns are waves, bands are protection groups, the critical path stands out."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from types import MappingProxyType

from drorch.core.ids import short
from drorch.plan.codec import plan_id
from drorch.plan.critical import critical_path, earliest_finish, estimated_duration
from drorch.plan.diagram.layout import BOX_HEIGHT, BOX_WIDTH, LEFT, Box, Layout, place
from drorch.plan.graph import Edges, ancestors, waits_for
from drorch.plan.model import Phase, Plan, Step

COLOURS = MappingProxyType(
    {
        Phase.CHECK: ("#eef2f7", "#52627a"),
        Phase.FENCE: ("#fdeee6", "#b4531a"),
        Phase.RECOVER: ("#e6f0fd", "#1d5fb8"),
        Phase.SERVE: ("#eaf3ff", "#3b82c4"),
        Phase.VALIDATE: ("#e8f6ec", "#23834a"),
        Phase.RETURN: ("#f3ecfb", "#7440b0"),
        Phase.CLEAN_UP: ("#f6f1e3", "#857018"),
    }
)
"""Fill and border by phase. The phase also stands as a word in each step's description: colour is never alone."""
LABEL_LENGTH = 27
STYLE = """
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:#1c2733}
.head{font-size:20px;font-weight:650}.sub{font-size:12.5px;fill:#4a5a6c}.band{fill:#fafbfd;stroke:#dde3ea}
.group{font-size:12.5px;font-weight:650;fill:#33475b}.label{font-size:12px}.line{fill:none;stroke:#a9b6c4;stroke-width:1}
.ended{stroke-dasharray:4 3}.hot{stroke:#c8102e;stroke-width:2.4}.box{stroke-width:1}
.hotbox{stroke:#c8102e;stroke-width:2.6}
"""


def draw_svg(plan: Plan, *, styled: bool = True) -> str:
    """SVG text without script, style sheet or font from elsewhere. InputInvalid on a cycle.

    ``styled`` False: for a page whose own style sheet dresses the classes (``svg.plan``), without inline style.
    """
    return "\n".join(_parts(plan, place(plan), styled=styled)) + "\n"


def _parts(plan: Plan, layout: Layout, *, styled: bool) -> Iterator[str]:
    path = critical_path(plan)
    size = f'width="{layout.width:g}" height="{layout.height:g}" viewBox="0 0 {layout.width:g} {layout.height:g}"'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plan" {size} role="img" '
        'aria-labelledby="plan-title plan-desc">'
    )
    yield f'<title id="plan-title">{escape(plan.title)}</title>'
    yield f'<desc id="plan-desc">{escape(_description(plan, path))}</desc>'
    if styled:
        yield f"<style>{STYLE}</style>"
        yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    yield from _head(plan, path)
    for band in layout.bands:
        yield (
            f'<rect class="band" x="{LEFT}" y="{band.y:g}" width="{layout.width - 2 * LEFT:g}" '
            f'height="{band.height:g}" rx="8"/>'
        )
        yield (
            f'<text class="group" x="{LEFT + 12}" y="{band.y + 17:g}">{escape(band.title)}'
            f'<tspan class="sub" dx="8">{band.steps} {"step" if band.steps == 1 else "steps"}</tspan></text>'
        )
    yield from _lines(plan, layout, path)
    ends = earliest_finish(plan)
    hot = frozenset(path)
    for step in plan.steps:
        yield _box(layout.boxes[step.id], ends[step.id], step.id in hot)
    yield "</svg>"


def _description(plan: Plan, path: tuple[str, ...]) -> str:
    return (
        f"{len(plan.steps)} steps for {len(plan.scope)} applications, about {estimated_duration(plan):g} seconds. "
        f"Critical path: {' then '.join(path)}."
    )


def _head(plan: Plan, path: tuple[str, ...]) -> Iterator[str]:
    yield f'<text class="head" x="{LEFT}" y="36">{escape(plan.title)}</text>'
    yield (
        f'<text class="sub" x="{LEFT}" y="58">plan {short(plan_id(plan))} · {len(plan.steps)} steps · '
        f"{len(plan.scope)} applications · about {estimated_duration(plan):g} s along the critical path of "
        f"{len(path)} steps</text>"
    )
    x = float(LEFT)
    used = {step.phase for step in plan.steps}
    for phase in (phase for phase in Phase if phase in used):
        fill, edge = COLOURS[phase]
        yield (
            f'<rect class="p-{phase.value}" x="{x:g}" y="78" width="16" height="16" rx="4" fill="{fill}" '
            f'stroke="{edge}"/>'
        )
        yield f'<text class="sub" x="{x + 22:g}" y="90.5">{phase.value}</text>'
        x += 40 + 7.2 * len(phase.value)
    for name, css in (
        ("critical path", "line hot"),
        ("needs", "line"),
        ("after its end, whatever it was", "line ended"),
    ):
        yield f'<path class="{css}" d="M{x:g} 86h26"/><text class="sub" x="{x + 32:g}" y="90.5">{name}</text>'
        x += 50 + 6.4 * len(name)
    hint = "left to right: a step starts when all it waits for is done; lines that a longer way shows are left out"
    yield f'<text class="sub" x="{LEFT}" y="114">{hint}</text>'


def shown_edges(plan: Plan) -> Edges:
    """Edges without those that a longer way between the same two steps already shows. InputInvalid on a cycle."""
    edges = waits_for(plan.steps)
    before = ancestors(edges)
    return {
        node: tuple(one for one in targets if not any(one in before[other] for other in targets))
        for node, targets in edges.items()
    }


def _lines(plan: Plan, layout: Layout, path: tuple[str, ...]) -> Iterator[str]:
    edges = shown_edges(plan)
    hot = frozenset(zip(path[1:], path, strict=False))
    ordinary: list[str] = []
    marked: list[str] = []
    for step in plan.steps:
        for target in edges[step.id]:
            css = "line" if target in step.needs else "line ended"
            chosen = marked if (step.id, target) in hot else ordinary
            chosen.append(
                _line(layout.boxes[target], layout.boxes[step.id], css + (" hot" if chosen is marked else ""))
            )
    # The critical path is drawn last, so that nothing covers it.
    yield from ordinary
    yield from marked


def _line(source: Box, target: Box, css: str) -> str:
    x1, x2 = source.x + BOX_WIDTH, target.x
    bend = max(20.0, min(60.0, (x2 - x1) / 2))
    return (
        f'<path class="{css}" d="M{x1:g} {source.middle:g}C{x1 + bend:g} {source.middle:g} '
        f'{x2 - bend:g} {target.middle:g} {x2:g} {target.middle:g}"/>'
    )


def _box(box: Box, end: float, hot: bool) -> str:
    step = box.step
    fill, edge = COLOURS[step.phase]
    label = step.id if len(step.id) <= LABEL_LENGTH else _shortened(step)
    hint = escape(f"{step.id}: {step.title} ({step.phase.value}, at {step.site}, done after {end:g} s)")
    border = 'class="box hotbox"' if hot else f'class="box" stroke="{edge}"'
    return (
        f'<g class="p-{step.phase.value}"><title>{hint}</title>'
        f'<rect {border} x="{box.x:g}" y="{box.y:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="{fill}"/>'
        f'<text class="label" x="{box.x + 9:g}" y="{box.middle + 4:g}">{escape(label)}</text></g>'
    )


def _shortened(step: Step) -> str:
    """The verb stays whole: it tells the steps of one subject apart."""
    verb = step.id.rpartition("/")[2]
    return f"{step.subject[: LABEL_LENGTH - len(verb) - 2]}…/{verb}"
