"""Plan to JSON and back. The file carries the plan's own hash, so that a changed file is noticed.

Reading is strict: an unknown schema, an unknown or missing field, a wrong type, a step that needs a step that is not
there, or content that does not match the hash is one `InputInvalid` naming the place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from functools import cache
from types import MappingProxyType
from typing import Any, NoReturn, cast

from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash
from drorch.core.templates import TEMPLATE, template_in
from drorch.plan.model import (
    PLAN_SCHEMA,
    Act,
    ApplicationScope,
    Kind,
    Limits,
    ManualAct,
    NamesAct,
    Phase,
    Plan,
    PlaybookAct,
    Repeat,
    ReplicationAct,
    Selection,
    Step,
    SubjectKind,
    ValidateAct,
    WitnessAct,
)
from drorch.plan.reading import Fields, invalid, plain

MAX_BYTES = 50_000_000
"""Larger files are refused before parsing (10,000 steps are about 7 MB)."""


def plan_id(plan: Plan) -> str:
    """``sha256:<hex>`` over the whole plan. Approvals name this; any change of any field changes it.

    Computed once per plan object, which cannot change; a copy with other fields is another object.
    """
    known = plan.__dict__.get("_plan_id")
    if known is None:
        known = plan.__dict__["_plan_id"] = content_hash(_plan_body(plan))
    return str(known)


def plan_to_json(plan: Plan) -> dict[str, object]:
    """Plain data: all fields of the plan and its ``id``."""
    body = _plan_body(plan)
    return {"id": content_hash(body), **body}


def plan_from_json(data: object, where: str = "plan") -> Plan:
    """Inverse of :func:`plan_to_json`. ``where`` starts the place in messages. InputInvalid on anything unexpected."""
    if isinstance(data, dict) and "schema" in data and data["schema"] != PLAN_SCHEMA:
        raise InputInvalid(
            f"plan schema {data['schema']!r} is not known here, only {PLAN_SCHEMA}",
            where=f"{where}.schema",
            next_step="use the drorch version that wrote the file, or build the plan again",
        )
    found = Fields(data, where, _names(Plan) | {"id"})
    plan = Plan(
        schema=found.whole("schema"),
        kind=found.choice("kind", Kind),
        title=found.text("title"),
        selection=_selection(found.raw("selection"), f"{where}.selection"),
        lost_site=found.optional_text("lost_site"),
        catalog_id=found.text("catalog_id"),
        estate_id=found.optional_text("estate_id"),
        playbooks_id=found.text("playbooks_id"),
        scope=tuple(_scope(item, f"{where}.scope[{n}]") for n, item in enumerate(found.items("scope"))),
        steps=tuple(_step(item, f"{where}.steps[{n}]") for n, item in enumerate(found.items("steps"))),
        limits=_limits(found.raw("limits"), f"{where}.limits"),
    )
    _refuse_loose_ends(plan, where)
    _refuse_templates(plan, where)
    claimed = found.text("id")
    try:
        known = plan_id(plan)
    except ValueError:  # a lone surrogate, a number that overflows: nothing of it can be written
        raise invalid("it holds text or a number that cannot be written", where) from None
    if claimed != known:
        raise invalid("the content does not match the plan's own hash: the file was changed", f"{where}.id")
    return plan


def plan_to_text(plan: Plan) -> str:
    """The plan as the text of a file."""
    return json.dumps(plan_to_json(plan), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def plan_from_text(text: bytes, source: str) -> Plan:
    """Read a plan file's content. InputInvalid with ``source`` and line for anything that is not a plan."""
    if len(text) > MAX_BYTES:
        raise invalid(f"{len(text)} bytes are more than a plan can have ({MAX_BYTES})", source)
    try:
        data = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_no_twins)
    except UnicodeDecodeError as error:
        raise invalid(f"not UTF-8 at byte {error.start}", source) from None
    except json.JSONDecodeError as error:
        raise invalid(f"not JSON: {error.msg} (column {error.colno})", f"{source}:{error.lineno}") from None
    except RecursionError:
        raise invalid("nested too deeply", source) from None
    except ValueError as error:
        raise invalid(str(error), source) from None
    try:
        return plan_from_json(data, source)
    except RecursionError:
        raise invalid("nested too deeply", source) from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number a plan can have")


def _no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise ValueError(f"field {key!r} is there {count} times")
    return dict(pairs)


def _refuse_loose_ends(plan: Plan, where: str) -> None:
    known = Counter(step.id for step in plan.steps)
    for number, step in enumerate(plan.steps):
        if known[step.id] > 1:
            raise invalid(f"step {step.id!r} is there {known[step.id]} times", f"{where}.steps[{number}].id")
        for needed in step.needs + step.after:
            if needed not in known:
                raise invalid(f"step {step.id!r} waits for {needed!r}, which is not there", f"{where}.steps[{number}]")


def _refuse_templates(plan: Plan, where: str) -> None:
    for number, step in enumerate(plan.steps):
        acts = {"act": step.act, "undo": step.undo} if isinstance(step.act, PlaybookAct) else {}
        place = template_in({"id": step.id, **acts}, f"{where}.steps[{number}]")
        if place is not None:
            raise invalid(TEMPLATE, place)


def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def _plan_body(plan: Plan) -> dict[str, object]:
    return {
        "schema": plan.schema,
        "kind": plan.kind.value,
        "title": plan.title,
        "selection": _values(plan.selection),
        "lost_site": plan.lost_site,
        "catalog_id": plan.catalog_id,
        "estate_id": plan.estate_id,
        "playbooks_id": plan.playbooks_id,
        "scope": [_values(scope) for scope in plan.scope],
        "steps": [step_to_json(step) for step in plan.steps],
        "limits": {
            **_values(plan.limits),
            "proof_s": _float(plan.limits.proof_s),
            "lag_s": _float(plan.limits.lag_s),
        },
    }


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _values(value: object) -> dict[str, object]:
    return {name: plain(getattr(value, name)) for name in _names_of(cast(Hashable, type(value)))}


@cache
def _names_of(kind: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cast(Any, kind)))


def step_to_json(step: Step) -> dict[str, object]:
    """One step as plain data."""
    found = _values(step)
    found["subject_kind"], found["phase"], found["repeat"] = (
        step.subject_kind.value,
        step.phase.value,
        step.repeat.value,
    )
    found["timeout_s"], found["estimate_s"] = float(step.timeout_s), float(step.estimate_s)
    found["urgency_s"] = _float(step.urgency_s)
    found["act"] = act_to_json(step.act)
    found["undo"] = None if step.undo is None else act_to_json(step.undo)
    return found


def act_to_json(act: Act) -> dict[str, object]:
    """One act as plain data; ``act`` names its kind."""
    found = _values(act)
    if isinstance(act, ReplicationAct):
        found["max_lag_s"] = float(act.max_lag_s)
    return {"act": _ACT_WORDS[type(act)], **found}


def _step(data: object, where: str) -> Step:
    found = Fields(data, where, _names(Step))
    undo = found.raw("undo")
    undo_act = None if undo is None else _act(undo, found.place("undo"))
    if undo_act is not None and not isinstance(undo_act, PlaybookAct):
        raise invalid("an undo is a playbook", found.place("undo"))
    return Step(
        id=found.text("id"),
        title=found.text("title"),
        subject_kind=found.choice("subject_kind", SubjectKind),
        subject=found.text("subject"),
        phase=found.choice("phase", Phase),
        act=_act(found.raw("act"), found.place("act")),
        site=found.text("site"),
        needs=found.texts("needs"),
        after=found.texts("after"),
        timeout_s=found.seconds("timeout_s"),
        estimate_s=found.seconds("estimate_s"),
        urgency_s=found.optional_seconds("urgency_s"),
        repeat=found.choice("repeat", Repeat),
        undo=undo_act,
    )


def _scope(data: object, where: str) -> ApplicationScope:
    found = Fields(data, where, _names(ApplicationScope))
    return ApplicationScope(
        application=found.text("application"),
        from_site=found.text("from_site"),
        to_site=found.optional_text("to_site"),
        reason=found.optional_text("reason"),
        remote_access=found.flag("remote_access"),
    )


def _selection(data: object, where: str) -> Selection:
    found = Fields(data, where, _names(Selection))
    return Selection(
        lose=found.optional_text("lose"), applications=found.texts("applications"), groups=found.texts("groups")
    )


def _limits(data: object, where: str) -> Limits:
    found = Fields(data, where, _names(Limits))
    limits = Limits(
        total=found.whole("total"),
        per_site=found.whole("per_site"),
        proof_s=found.optional_seconds("proof_s"),
        lag_s=found.optional_seconds("lag_s"),
    )
    if limits.total < 1 or limits.per_site < 1:
        raise invalid("a limit is 1 or more", where)
    return limits


def _playbook(found: Fields) -> Act:
    return PlaybookAct(
        playbook=found.text("playbook"), hosts=found.texts("hosts"), variables=found.variables("variables")
    )


def _validate(found: Fields) -> Act:
    return ValidateAct(
        application=found.text("application"),
        site=found.text("site"),
        drill=found.flag("drill"),
        remote_access=found.flag("remote_access"),
    )


def _witness(found: Fields) -> Act:
    return WitnessAct(site=found.text("site"), witnesses=found.texts("witnesses"))


def _replication(found: Fields) -> Act:
    return ReplicationAct(
        group=found.text("group"),
        primary=found.text("primary"),
        standby=found.text("standby"),
        max_lag_s=found.seconds("max_lag_s"),
    )


def _names_act(found: Fields) -> Act:
    return NamesAct(applications=found.texts("applications"), site=found.text("site"), drill=found.flag("drill"))


def _manual(found: Fields) -> Act:
    return ManualAct(
        text=found.text("text"),
        role=found.text("role"),
        minutes=found.whole("minutes"),
        evidence_required=found.flag("evidence_required"),
    )


_ACTS: Mapping[str, tuple[type, Callable[[Fields], Act]]] = MappingProxyType(
    {
        "playbook": (PlaybookAct, _playbook),
        "validate": (ValidateAct, _validate),
        "witness": (WitnessAct, _witness),
        "replication": (ReplicationAct, _replication),
        "names": (NamesAct, _names_act),
        "manual": (ManualAct, _manual),
    }
)
_ACT_WORDS: Mapping[type, str] = MappingProxyType({kind: word for word, (kind, _) in _ACTS.items()})


def _act(data: object, where: str) -> Act:
    word = data.get("act") if isinstance(data, dict) else None
    if not isinstance(word, str) or word not in _ACTS:
        raise invalid(f"unknown act {word!r}, known are {', '.join(_ACTS)}", where)
    kind, read = _ACTS[word]
    return read(Fields(data, where, _names(kind) | {"act"}))
