"""The plan as plain text: wave by wave, what can start together stands together. No colour codes."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from drorch.plan.critical import critical_path, earliest_finish
from drorch.plan.graph import waves
from drorch.plan.model import ManualAct, Plan, Step

CRITICAL = "*"


def draw_text(plan: Plan) -> str:
    """Lines of at most about 110 characters. A star marks the critical path. InputInvalid on a cycle."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    critical = frozenset(critical_path(plan))
    ends = earliest_finish(plan)
    yield f"{plan.title} · {len(plan.steps)} steps · {CRITICAL} critical path"
    for number, wave in enumerate(waves(plan), start=1):
        first, last = min(ends[step.id] for step in wave), max(ends[step.id] for step in wave)
        span = f"{first:g} s" if first == last else f"{first:g}–{last:g} s"
        yield ""
        yield f"wave {number} ({len(wave)} step{'' if len(wave) == 1 else 's'}, done after {span})"
        for position, step in enumerate(wave):
            branch = "└─" if position == len(wave) - 1 else "├─"
            mark = CRITICAL if step.id in critical else " "
            yield f"{branch}{mark}{step.id:<40} {step.site:<12} {_waits(step)}".rstrip()
            if isinstance(step.act, ManualAct):
                yield from _by_hand(step.act, "   " if position == len(wave) - 1 else "│  ")
    unreached = [scope for scope in plan.scope if scope.to_site is None]
    if unreached:
        yield ""
        yield f"not recovered by this plan ({len(unreached)})"
        for position, scope in enumerate(unreached):
            branch = "└─" if position == len(unreached) - 1 else "├─"
            yield f"{branch} {scope.application}: {scope.reason}"


def _by_hand(act: ManualAct, indent: str) -> Iterator[str]:
    evidence = ", with evidence" if act.evidence_required else ""
    head = f"by hand: {act.role}, about {act.minutes} min{evidence}: "
    for line in wrap(head + act.text, width=100, break_long_words=False):
        yield f"{indent}   {line}"


def _waits(step: Step) -> str:
    parts = []
    if step.needs:
        parts.append("← " + _few(step.needs))
    if step.after:
        parts.append("after the end of " + _few(step.after))
    return "; ".join(parts)


def _few(names: tuple[str, ...], most: int = 2) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
