"""What a plan of each kind may do: which acts, which playbook in which phase, undone by which. Pure.

A plan that `plan.build` makes always fits. This says why one that somebody else made does not, and it holds also where
nothing can be built again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from drorch.catalog.model import Catalog
from drorch.core.templates import TEMPLATE, template_in
from drorch.plan.model import (
    CHECK_PLAYBOOK,
    Act,
    Kind,
    ManualAct,
    NamesAct,
    Phase,
    Plan,
    PlaybookAct,
    ReplicationAct,
    Step,
    ValidateAct,
    WitnessAct,
)

Problem = tuple[str, str, str]
"""Code, subject and sentence."""

_START, _STOP = "application/start.yml", "application/stop.yml"
_DRILL_START, _DRILL_STOP = "application/drill_start.yml", "application/drill_stop.yml"
_METHOD = "<method>/"
_SERVE: Mapping[str, tuple[Phase, str | None]] = MappingProxyType({_START: (Phase.SERVE, _STOP)})
_HAND_OVER: Mapping[str, tuple[Phase, str | None]] = MappingProxyType(
    {_STOP: (Phase.FENCE, None), _METHOD + "handover.yml": (Phase.RECOVER, None), **_SERVE}
)
_PLAYBOOKS: Mapping[Kind, Mapping[str, tuple[Phase, str | None]]] = MappingProxyType(
    {
        Kind.READINESS: MappingProxyType({_METHOD + CHECK_PLAYBOOK: (Phase.CHECK, None)}),
        Kind.FAILOVER: MappingProxyType({_METHOD + "recover.yml": (Phase.RECOVER, None), **_SERVE}),
        Kind.SWITCHOVER: _HAND_OVER,
        Kind.FAILBACK: MappingProxyType({_METHOD + "return.yml": (Phase.RETURN, None), **_HAND_OVER}),
        Kind.DRILL: MappingProxyType(
            {
                _METHOD + "drill.yml": (Phase.RECOVER, _METHOD + "drill_cleanup.yml"),
                _DRILL_START: (Phase.SERVE, _DRILL_STOP),
                _DRILL_STOP: (Phase.CLEAN_UP, None),
                _METHOD + "drill_cleanup.yml": (Phase.CLEAN_UP, None),
            }
        ),
    }
)
"""Kind to playbook to the phase it belongs to and the playbook that undoes it."""
_LOOKS: Mapping[Kind, tuple[type[Act], ...]] = MappingProxyType(
    {
        Kind.READINESS: (NamesAct, ReplicationAct, ValidateAct),
        Kind.FAILOVER: (WitnessAct, ValidateAct, ManualAct),
        Kind.SWITCHOVER: (NamesAct, ReplicationAct, ValidateAct, ManualAct),
        Kind.FAILBACK: (NamesAct, ReplicationAct, ValidateAct, ManualAct),
        Kind.DRILL: (ReplicationAct, ValidateAct, ManualAct),
    }
)
"""Kind to the acts that are no playbooks."""


def unfit_steps(plan: Plan, catalog: Catalog) -> Iterator[Problem]:
    """Steps that a plan of this kind cannot have."""
    methods = {group.id: group.method for group in catalog.groups}
    for step in plan.steps:
        act = step.act
        if not isinstance(act, PlaybookAct):
            if not isinstance(act, _LOOKS[plan.kind]):
                yield "act-of-another-kind", step.id, f"a {plan.kind} plan has no such step as {step.id} ({_word(act)})"
            elif step.undo is not None:
                yield "undo-of-a-proof", step.id, f"{step.id} changes nothing, so nothing of it can be undone"
            continue
        yield from _unfit_playbook(plan.kind, step, act, methods)


def _unfit_playbook(kind: Kind, step: Step, act: PlaybookAct, methods: Mapping[str, str]) -> Iterator[Problem]:
    method = methods.get(str(act.variables.get("group")), "")
    allowed = _PLAYBOOKS[kind].get(_general(act.playbook, method))
    if allowed is None:
        yield "act-of-another-kind", step.id, f"a {kind} plan does not run {act.playbook}, {step.id} does"
        return
    phase, undo = allowed
    if step.phase is not phase:
        text = f"{act.playbook} belongs to the phase {phase}, {step.id} has it in {step.phase}"
        yield "wrong-phase", step.id, text
    undone_by = None if step.undo is None else _general(step.undo.playbook, method)
    if undone_by != undo:
        text = f"{step.id} is undone by {step.undo.playbook if step.undo else 'nothing'}, not by {undo or 'nothing'}"
        yield "wrong-undo", step.id, text


def _general(playbook: str, method: str) -> str:
    folder, name = posixpath.split(playbook)
    return _METHOD + name if method and folder == method else playbook


def _word(act: Act) -> str:
    return type(act).__name__.removesuffix("Act").lower()


def unknown_things(plan: Plan, catalog: Catalog) -> Iterator[Problem]:
    """Everything the plan names that the catalog does not have."""
    known = {
        "site": {site.id for site in catalog.sites},
        "protection group": {group.id for group in catalog.groups},
        "application": {app.id for app in catalog.applications},
    }
    for what, name, subject in _named(plan):
        if name not in known[what]:
            yield f"unknown-{what.rpartition(' ')[2]}", subject, f"{subject}: the {what} {name!r} is not in the catalog"


def _named(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """What kind of thing, its name, and where it is named."""
    chosen = plan.selection
    for site in (plan.lost_site, chosen.lose):
        yield from [("site", site, "plan")] if site is not None else ()
    yield from (("application", name, "plan") for name in chosen.applications)
    yield from (("protection group", name, "plan") for name in chosen.groups)
    for scope in plan.scope:
        yield "application", scope.application, scope.application
        yield from (("site", name, scope.application) for name in (scope.from_site, scope.to_site) if name is not None)
    for step in plan.steps:
        yield "site", step.site, step.id
        yield {"group": "protection group"}.get(step.subject_kind.value, step.subject_kind.value), step.subject, step.id
        yield from ((what, name, step.id) for act in (step.act, step.undo) for what, name in _named_by(act))


def _named_by(act: Act | None) -> Iterator[tuple[str, str]]:
    match act:
        case ValidateAct():
            yield from (("application", act.application), ("site", act.site))
        case WitnessAct():
            yield from (("site", name) for name in (act.site, *act.witnesses))
        case ReplicationAct():
            yield from (("protection group", act.group), ("site", act.primary), ("site", act.standby))
        case NamesAct():
            yield from (("application", name) for name in act.applications)
            yield "site", act.site
        case PlaybookAct():
            yield from _named_in_variables(act.variables)


_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "group": "protection group",
        "application": "application",
        "site": "site",
        "other_site": "site",
        "lost_site": "site",
    }
)


def _named_in_variables(variables: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, what in _VARIABLES.items():
        if name in variables:
            yield what, str(variables[name])
    several = variables.get("applications", ())
    yield from (("application", str(one)) for one in (several if isinstance(several, list | tuple) else (several,)))


def templates(plan: Plan) -> Iterator[Problem]:
    """Playbook acts that would have Ansible perform what the plan says, instead of using it."""
    for step in plan.steps:
        for act in (step.act, step.undo):
            place = template_in({"id": step.id, "act": act}, step.id) if isinstance(act, PlaybookAct) else None
            if place is not None:
                yield "template", step.id, f"{place}: {TEMPLATE}"
