"""A parsed YAML document against its pydantic model: the model, or one InputInvalid that names file, line and field.

Used for every file people write: the catalog, the programme of the year, the capacity model.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from drorch.catalog.text import Document, Path
from drorch.core.errors import InputInvalid

SHOWN_ERRORS = 10
"""More errors than these are counted, not listed."""

FileModel = TypeVar("FileModel", bound=BaseModel)


def validated(model: type[FileModel], document: Document, *, what: str, example: str) -> FileModel:
    """The document as ``model``. ``what`` names the kind of file ("a catalog"), ``example`` a file to start from.

    InputInvalid lists what is wrong with ``file:line field``, misspelt fields first.
    """
    if not isinstance(document.data, dict):
        raise InputInvalid(
            f"{what} is made of key: value lines",
            where=f"{document.source}:{document.line_of(())}",
            next_step=f"start from the example {example}",
        )
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False), document, model) from None


def listed(found: Sequence[tuple[str, str]], next_step: str | None = None) -> InputInvalid:
    """One error out of ``(where, what)`` pairs: the first is the error, some more are named, the rest is counted."""
    (where, what), *more = found
    lines = [what, *(f"  also {place}: {text}" for place, text in more[: SHOWN_ERRORS - 1])]
    if len(found) > SHOWN_ERRORS:
        lines.append(f"  and {len(found) - SHOWN_ERRORS} more")
    return InputInvalid("\n".join(lines), where=where, next_step=next_step or "correct the file there")


def line_index(document: Document, lists: Collection[str]) -> dict[str, int]:
    """Lines keyed ``applications.umoja.rto``; a second entry with the same id is ``applications.umoja#2``.

    ``lists`` are the keys of the file whose value is a list of entries with an ``id``.
    """
    seen: dict[str, int] = {}
    names: dict[Path, str] = {}
    found: dict[str, int] = {}
    for path, line in document.lines.items():
        if not path:
            continue
        above = names.get(path[:-1], "")
        name = f"{above}.{path[-1]}" if above else str(path[-1])
        if len(path) == 2 and path[0] in lists:
            name = _numbered(_named(path, document.data), seen)
        names[path] = name
        found[name] = line
    return found


def _invalid(details: Sequence[ErrorDetails], document: Document, model: type[BaseModel]) -> InputInvalid:
    # A misspelt field is also a missing one: the spelling is what to tell first.
    ordered = sorted(details, key=lambda detail: detail["type"] != "extra_forbidden")
    found = [(_where(detail["loc"], document), *_sentence(detail, model)) for detail in ordered]
    return listed([(where, what) for where, what, _ in found], found[0][2])


def _where(path: Path, document: Document) -> str:
    field = _named(path, document.data)
    place = f"{document.source}:{document.line_of(path)}"
    return f"{place} {field}" if field else place


def _named(path: Path, data: object) -> str:
    """``applications.umoja.rto`` for ``("applications", 3, "rto")``: entries by their id where they have one."""
    parts: list[str] = []
    for part in path:
        inside = data[part] if _is_inside(data, part) else None  # type: ignore[index]
        identity = inside.get("id") if isinstance(part, int) and isinstance(inside, dict) else None
        parts.append(identity if isinstance(identity, str) and identity else str(part))
        data = inside
    return ".".join(parts)


def _is_inside(data: object, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str | None]:
    """What is wrong and what to do, from pydantic's error."""
    kind, given, last = detail["type"], detail["input"], detail["loc"][-1] if detail["loc"] else ""
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(last), _known_fields(detail["loc"], model), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"unknown field {last!r}{hint}", f"write {near[0]!r}" if near else f"remove {last!r}"
    if kind == "missing":
        return f"{last!r} is missing", f"add {last!r}"
    if kind in {"enum", "literal_error"}:
        return f"{given!r} is not allowed here", f"write {context.get('expected', 'an allowed value')}"
    if kind.endswith("_type"):
        return f"{_type_name(kind)} expected, not {_shown(given)}", "correct the value, or its quotes or indentation"
    if kind == "value_error":
        return str(context.get("error", detail["msg"])), None
    return f"{_shown(given)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}", None


def _type_name(kind: str) -> str:
    names = {"string": "text", "int": "a whole number", "list": "a list (- item)", "bool": "true or false"}
    more = {"float": "a number", "date": "a date like 2014-06-30"}
    return {**names, **more}.get(kind.removesuffix("_type"), "key: value lines")


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known_fields(path: Path, model: type[BaseModel]) -> list[str]:
    """Names of the fields where ``path`` points to, following the model's annotations."""
    for part in path[:-1]:
        field = next((item for name, item in model.model_fields.items() if part in (name, item.alias)), None)
        model = (_model_in(field.annotation) if field else None) or model
    return [item.alias or name for name, item in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model in ``list[Model]``, ``Model | None`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def _numbered(name: str, seen: dict[str, int]) -> str:
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}#{seen[name]}"
