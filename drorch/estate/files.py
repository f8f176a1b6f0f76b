"""The estate file's edge: YAML in, frozen `Estate` out."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from drorch.core.codec import plain
from drorch.core.errors import InputInvalid
from drorch.core.files import read_input
from drorch.core.ids import content_hash
from drorch.core.templates import TEMPLATE, template_in
from drorch.estate.model import Estate

MAX_ESTATE_BYTES = 4_000_000


def load_estate(path: Path) -> Estate:
    """The estate of a YAML file. InputInvalid names the file and the field."""
    raw = read_input(path, MAX_ESTATE_BYTES)
    if len(raw) > MAX_ESTATE_BYTES:
        raise InputInvalid("an estate file is at most 4 MB", where=str(path), next_step="name the estate file")
    try:
        data = yaml.load(raw, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputInvalid(
            f"not readable as YAML: {getattr(error, 'problem', None) or error}", where=where, next_step="mend the file"
        ) from error
    known = {field.name for field in fields(Estate)}
    for key in data if isinstance(data, dict) else ():
        if key not in known:
            raise InputInvalid(f"unknown field {key!r}", where=str(path), next_step=f"known are {sorted(known)}")
    try:
        estate: Estate = TypeAdapter(Estate).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputInvalid(
            f"{field}: {first['msg']}",
            where=str(path),
            next_step="see docs/architecture.md, 'Estate file', or let 'drorch lab up' write one",
        ) from error
    try:
        estate_id(estate)
    except ValueError:
        step = "write the text anew"
        raise InputInvalid(
            "it holds text that is no text (a lone surrogate)", where=str(path), next_step=step
        ) from None
    if (place := template_in(estate, "the estate")) is not None:
        raise InputInvalid(TEMPLATE, where=f"{path}: {place}", next_step="write the value itself")
    return estate


def estate_id(estate: Estate) -> str:
    """Content hash of an estate: what a plan is bound to, and what a run was performed on."""
    return content_hash(plain(estate))
