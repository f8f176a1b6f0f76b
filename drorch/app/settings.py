"""Where drorch keeps and finds its files, and the estate file's edge (YAML in, frozen `Estate` out)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType

import yaml
from pydantic import TypeAdapter, ValidationError

import drorch
from drorch.catalog.estate import Estate
from drorch.catalog.load import checked, load_catalog
from drorch.catalog.model import Catalog
from drorch.core.errors import Broken, InputInvalid, NotFound
from drorch.core.ids import content_hash
from drorch.core.templates import TEMPLATE, template_in
from drorch.plan.codec import MAX_BYTES as MAX_PLAN_BYTES
from drorch.plan.codec import plan_from_text
from drorch.plan.model import Plan

MAX_ESTATE_BYTES = 4_000_000
MAX_CATALOG_BYTES = 16_000_000
_ESTATE = TypeAdapter(Estate)
LAB_POINTER = "lab.json"
"""In the state folder: names the folder of the running lab."""


def home() -> Path:
    """The state folder: ``$DRORCH_HOME``, else ``.drorch`` in the present folder. Made when missing."""
    folder = Path(os.environ.get("DRORCH_HOME") or ".drorch").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Broken(
            f"the state folder cannot be made: {error.strerror}",
            where=str(folder),
            next_step="set DRORCH_HOME to a folder that can be written",
        ) from error
    return folder


def journal_database(folder: Path) -> str:
    """Where the journal is: the SQLAlchemy URL in ``$DRORCH_JOURNAL``, else ``journal.sqlite`` in the state folder."""
    return os.environ.get("DRORCH_JOURNAL") or str(folder / "journal.sqlite")


def playbooks_folder() -> Path:
    """``$DRORCH_PLAYBOOKS``, else ``playbooks`` beside the package or in the present folder."""
    named = os.environ.get("DRORCH_PLAYBOOKS")
    candidates = [Path(named)] if named else [Path(drorch.__file__).parent.parent / "playbooks", Path("playbooks")]
    for folder in candidates:
        if folder.is_dir():
            return folder.absolute()
    raise NotFound(
        "there is no playbooks folder",
        where=str(candidates[0]),
        next_step="set DRORCH_PLAYBOOKS to the folder that holds <method>/recover.yml",
    )


def read_playbooks(folder: Path | None = None) -> Mapping[str, bytes]:
    """Every file under the playbooks folder by its relative name (what the plan's playbooks id is made of)."""
    root = folder or playbooks_folder()
    files = {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return MappingProxyType(files)


def read_input(path: Path, limit: int) -> bytes:
    """Bytes of an input file, at most ``limit`` + 1 of them (the loader refuses what is larger). InputInvalid if not
    readable."""
    try:
        with path.open("rb") as stream:
            return stream.read(limit + 1)
    except OSError as error:
        raise NotFound(
            f"cannot be read: {error.strerror}", where=str(path), next_step="name a file that exists and can be read"
        ) from error


def load_catalog_file(path: Path) -> Catalog:
    """The checked catalog of a file; InputInvalid with file and line when it has errors."""
    return checked(load_catalog(read_input(path, MAX_CATALOG_BYTES), str(path)))


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
        estate = _ESTATE.validate_python(data)
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
        raise InputInvalid("it holds text that is no text (a lone surrogate)", where=str(path)) from None
    if (place := template_in(estate, "the estate")) is not None:
        raise InputInvalid(TEMPLATE, where=f"{path}: {place}", next_step="write the value itself")
    return estate


def estate_id(estate: Estate) -> str:
    """Content hash of an estate: what a plan is bound to, and what a run was performed on."""
    return content_hash(_ESTATE.dump_python(estate, mode="json"))


def load_plan_file(path: Path) -> Plan:
    """The plan of a file; InputInvalid with the field when it is not one, or was changed by hand."""
    return plan_from_text(read_input(path, MAX_PLAN_BYTES), str(path))


def default_estate() -> Path:
    """``$DRORCH_ESTATE``, else the estate of the lab that the state folder points to. NotFound when there is none."""
    named = os.environ.get("DRORCH_ESTATE")
    if named:
        return Path(named)
    pointer = home() / LAB_POINTER
    try:
        folder = Path(json.loads(pointer.read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotFound(
            "no estate is named and no lab is up",
            where=str(pointer),
            next_step="start a lab with 'drorch lab up', or name an estate file with --estate or DRORCH_ESTATE",
        ) from error
    return folder / "estate.yml"
