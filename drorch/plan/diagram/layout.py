"""Where each step of the drawing stands: columns are waves, rows are bands of one protection group each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drorch.plan.graph import depths
from drorch.plan.model import Plan, PlaybookAct, Step, SubjectKind, ValidateAct

BOX_WIDTH, BOX_HEIGHT = 188, 30
COLUMN_GAP, ROW_GAP = 44, 8
BAND_HEAD, BAND_GAP = 26, 14
LEFT, TOP = 24, 132
SITES_BAND = "sites"
REMOTE_BAND = "remote access"


@dataclass(frozen=True, kw_only=True)
class Box:
    """One step's rectangle, in SVG user units."""

    step: Step
    x: float
    y: float

    @property
    def middle(self) -> float:
        """Vertical middle, where lines end."""
        return self.y + BOX_HEIGHT / 2


@dataclass(frozen=True, kw_only=True)
class Band:
    """The area of one protection group."""

    title: str
    y: float
    height: float
    steps: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Everything placed."""

    width: float
    height: float
    bands: tuple[Band, ...]
    boxes: Mapping[str, Box]


def place(plan: Plan) -> Layout:
    """Pure and stable: the same plan has the same layout. InputInvalid on a cycle."""
    depth = depths(plan)
    groups = _group_of(plan)
    members: dict[str, list[Step]] = {}
    for step in plan.steps:
        members.setdefault(groups[step.id], []).append(step)
    boxes: dict[str, Box] = {}
    bands: list[Band] = []
    y = float(TOP)
    for title in sorted(members, key=_band_rank):
        taken: dict[int, int] = {}
        for step in members[title]:
            column = depth[step.id]
            row = taken.get(column, 0)
            taken[column] = row + 1
            boxes[step.id] = Box(
                step=step,
                x=LEFT + 12 + column * (BOX_WIDTH + COLUMN_GAP),
                y=y + BAND_HEAD + row * (BOX_HEIGHT + ROW_GAP),
            )
        height = BAND_HEAD + max(taken.values()) * (BOX_HEIGHT + ROW_GAP) + 4
        bands.append(Band(title=title, y=y, height=height, steps=len(members[title])))
        y += height + BAND_GAP
    columns = max(depth.values(), default=0) + 1
    width = max(LEFT * 2 + 24 + columns * (BOX_WIDTH + COLUMN_GAP) - COLUMN_GAP, 760)
    return Layout(width=width, height=y + 12, bands=tuple(bands), boxes=boxes)


def _band_rank(title: str) -> tuple[int, str]:
    return ({SITES_BAND: 0, REMOTE_BAND: 2}.get(title, 1), title)


def _group_of(plan: Plan) -> Mapping[str, str]:
    """Band of each step. Applications are found through the playbooks that name their group."""
    of_application: dict[str, str] = {}
    for step in plan.steps:
        if isinstance(step.act, PlaybookAct) and step.subject_kind is SubjectKind.APPLICATION:
            of_application[step.subject] = str(step.act.variables.get("group", step.subject))
    found = {}
    for step in plan.steps:
        if step.subject_kind is SubjectKind.GROUP:
            found[step.id] = step.subject
        elif step.subject_kind is SubjectKind.SITE:
            found[step.id] = SITES_BAND
        elif isinstance(step.act, ValidateAct) and step.act.remote_access:
            found[step.id] = REMOTE_BAND
        else:
            found[step.id] = of_application.get(step.subject, f"applications at {step.site}")
    return found
