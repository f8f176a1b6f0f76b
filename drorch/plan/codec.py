"""Plan to JSON and back. The file carries the plan's own hash, so that a changed file is noticed.

Reading is strict: an unknown schema, unknown, missing and wrong fields, a step that needs a step that is not there, or
content that does not match the hash is one `InputInvalid` naming all places.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

from drorch.core.codec import parsed, plain, read
from drorch.core.errors import InputInvalid
from drorch.core.templates import TEMPLATE, template_in
from drorch.plan.model import PLAN_SCHEMA, Plan, PlaybookAct, ReplicationAct, Step

MAX_BYTES = 50_000_000
"""Larger files are refused before parsing (10,000 steps are about 7 MB)."""
_NEXT: Final = "build the plan again with `drorch plan build`; a plan file is not meant to be edited"


def plan_id(plan: Plan) -> str:
    """``sha256:<hex>`` over the whole plan. Approvals name this; any change of any field changes it."""
    return plan.content_id


def plan_to_json(plan: Plan) -> dict[str, object]:
    """Plain data: all fields of the plan and its ``id``."""
    return {"id": plan.content_id, **plain(plan)}


def plan_from_json(data: object, where: str = "plan") -> Plan:
    """Inverse of :func:`plan_to_json`. InputInvalid on anything unexpected."""
    if not isinstance(data, dict):
        raise _invalid(f"expected an object, found {type(data).__name__}", where)
    if "schema" in data and data["schema"] != PLAN_SCHEMA:
        what = f"schema: plan schema {data['schema']!r} is not known here, only {PLAN_SCHEMA}"
        step = "use the drorch version that wrote the file, or build the plan again"
        raise InputInvalid(what, where=where, next_step=step)
    content = {name: value for name, value in data.items() if name != "id"}
    plan = read(Plan, content, where=where, next_step=_NEXT)
    wrong = [*_wrong_numbers(plan), *_loose_ends(plan), *_templates(plan)]
    if wrong:
        raise _invalid("; ".join(wrong), where)
    try:
        known = plan.content_id
    except ValueError:  # a lone surrogate, a number that overflows: nothing of it can be written
        raise _invalid("it holds text or a number that cannot be written", where) from None
    if data.get("id") != known:
        raise _invalid("id: the content does not match the plan's own hash: the file was changed", where)
    return plan


def plan_to_text(plan: Plan) -> str:
    """The plan as the text of a file."""
    return json.dumps(plan_to_json(plan), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def plan_from_text(text: bytes, source: str) -> Plan:
    """Read a plan file's content. InputInvalid with ``source`` and line for anything that is not a plan."""
    if len(text) > MAX_BYTES:
        raise _invalid(f"{len(text)} bytes are more than a plan can have ({MAX_BYTES})", source)
    try:
        return plan_from_json(parsed(text, where=source, next_step=_NEXT), source)
    except RecursionError:
        raise _invalid("nested too deeply", source) from None


def _invalid(what: str, where: str) -> InputInvalid:
    return InputInvalid(what, where=where, next_step=_NEXT)


def _wrong_numbers(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps):
        for name, seconds in _seconds(step).items():
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                yield f"steps[{number}].{name}: expected seconds of 0 or more, found {seconds}"
    for name, seconds in {"proof_s": plan.limits.proof_s, "lag_s": plan.limits.lag_s}.items():
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            yield f"limits.{name}: expected seconds of 0 or more, found {seconds}"
    for name, limit in {"total": plan.limits.total, "per_site": plan.limits.per_site}.items():
        if limit < 1:
            yield f"limits.{name}: a limit is 1 or more, found {limit}"


def _seconds(step: Step) -> dict[str, float | None]:
    of_act = {"act.max_lag_s": step.act.max_lag_s} if isinstance(step.act, ReplicationAct) else {}
    return {"timeout_s": step.timeout_s, "estimate_s": step.estimate_s, "urgency_s": step.urgency_s, **of_act}


def _loose_ends(plan: Plan) -> Iterator[str]:
    known = Counter(step.id for step in plan.steps)
    for number, step in enumerate(plan.steps):
        if known[step.id] > 1:
            yield f"steps[{number}].id: step {step.id!r} is there {known[step.id]} times"
        for needed in step.needs + step.after:
            if needed not in known:
                yield f"steps[{number}]: step {step.id!r} waits for {needed!r}, which is not there"


def _templates(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps):
        acts = {"act": step.act, "undo": step.undo} if isinstance(step.act, PlaybookAct) else {}
        place = template_in({"id": step.id, **acts}, f"steps[{number}]")
        if place is not None:
            yield f"{place}: {TEMPLATE}"
