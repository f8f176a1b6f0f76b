"""Bodies of a typed stream as plain JSON data and back: the kind of a record is the word in the body's ``what``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drorch.core.codec import plain, read
from drorch.core.errors import InputInvalid
from drorch.core.log import FromPlain, ToPlain


def bodies(union: Any) -> tuple[ToPlain[Any], FromPlain[Any]]:
    """For `drorch.core.log.Log`. ``union``: of frozen dataclasses that a ``Literal`` field ``what`` tells apart."""

    def to_plain(body: Any) -> tuple[str, Mapping[str, object]]:
        fields = dict(plain(body))
        return fields.pop("what"), fields

    def from_plain(kind: str, fields: object, where: str) -> Any:
        if not isinstance(fields, dict):
            raise InputInvalid("not an object", where=where, next_step="use the drorch that wrote it")
        return read(union, {**fields, "what": kind}, where=where, next_step="use the drorch that wrote it")

    return to_plain, from_plain
