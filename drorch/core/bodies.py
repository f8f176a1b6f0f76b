"""Bodies of a typed stream as plain JSON data and back: each kind is the word in its ``what``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from drorch.core.errors import InputInvalid
from drorch.core.log import FromPlain, ToPlain


def bodies(union: Any) -> tuple[ToPlain[Any], FromPlain[Any]]:
    """For `drorch.core.log.Log`. ``union``: of frozen dataclasses that a ``Literal`` field ``what`` tells apart."""
    told_apart = Annotated[union, Field(discriminator="what")]
    adapter: TypeAdapter[Any] = TypeAdapter(told_apart, config=ConfigDict(extra="forbid"))

    def to_plain(body: Any) -> tuple[str, Mapping[str, object]]:
        plain = cast(dict[str, object], adapter.dump_python(body, mode="json"))
        return str(plain.pop("what")), plain

    def from_plain(kind: str, plain: object, where: str) -> Any:
        try:
            return adapter.validate_python({**cast(dict[str, object], plain), "what": kind})
        except (ValidationError, TypeError) as error:
            raise InputInvalid(_wrong(error), where=where, next_step="use the drorch that wrote it") from None

    return to_plain, from_plain


def _wrong(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "not an object"
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
