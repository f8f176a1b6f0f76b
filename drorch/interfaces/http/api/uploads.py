"""Files that show something, sent inside a body. Their name, size and SHA-256 are kept, not they themselves."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from drorch.core.errors import InputInvalid
from drorch.interfaces.http.api.base import Input


class EvidenceFile(Input):
    """A file that shows what was done; its name, size and SHA-256 are kept, not the file."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f/\\]{1,200}$")]
    content: Annotated[str, Field(max_length=14_000_000, description="Base64.")]


EvidenceFiles = Annotated[list[EvidenceFile], Field(max_length=20)]


@contextmanager
def kept(items: Sequence[EvidenceFile]) -> Iterator[tuple[Path, ...]]:
    """The files on disk, as long as they are looked at. InputInvalid when one is none."""
    with tempfile.TemporaryDirectory(prefix="drorch-") as folder:
        yield tuple(_file(Path(folder), number, item) for number, item in enumerate(items))


def _file(folder: Path, number: int, item: EvidenceFile) -> Path:
    try:
        content = base64.b64decode(item.content, validate=True)
    except (binascii.Error, ValueError):
        raise InputInvalid("is not base64", where=f"evidence {item.name}", next_step="encode the file") from None
    if item.name in (".", ".."):
        raise InputInvalid("is no file name", where=f"evidence {item.name}", next_step="name the file")
    own = folder / str(number)
    own.mkdir()
    try:
        (own / item.name).write_bytes(content)
    except OSError as error:
        raise InputInvalid(f"cannot be kept: {error.strerror}", where="evidence", next_step="a shorter name") from error
    return own / item.name
