"""Words of people at the edge: one line, printable, not endless."""

from __future__ import annotations

from dataclasses import dataclass

from drorch.catalog.schema import printable
from drorch.core.errors import InputInvalid
from drorch.core.redact import redact_text

LONGEST_TEXT = 500
LONGEST_PAGE = 20_000


@dataclass(frozen=True, kw_only=True)
class Said:
    """Who says something, and why."""

    person: str
    reason: str


def said(who: Said) -> Said:
    """Name and reason, checked. InputInvalid with the option."""
    return Said(person=line(who.person, "--by"), reason=line(who.reason, "--reason"))


def line(text: str, where: str, longest: int = LONGEST_TEXT) -> str:
    """One line without outer blanks. InputInvalid when empty, too long, with control characters, or no UTF-8."""
    try:
        found = printable(text)
    except ValueError as error:
        raise InputInvalid(str(error), where=where, next_step="write one line of text") from None
    return _storable(found, where, longest)


def page(text: str, where: str, longest: int = LONGEST_PAGE) -> str:
    """Text of one or more paragraphs without outer blanks. InputInvalid as :func:`line`; line breaks are allowed."""
    found = text.replace("\r\n", "\n").strip()
    if not found:
        raise InputInvalid("has to say something", where=where, next_step="write some text")
    if any((ord(char) < 32 and char not in "\n\t") or ord(char) == 127 for char in found):
        raise InputInvalid("holds control characters", where=where, next_step="write plain text")
    return _storable(found, where, longest)


def _storable(text: str, where: str, longest: int) -> str:
    """The text without what looks like a password or a key: what people write is kept for ever."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputInvalid("holds bytes that are no UTF-8", where=where, next_step="write it anew") from None
    if len(text) > longest:
        raise InputInvalid(f"longer than {longest} characters", where=where, next_step="shorten it")
    return redact_text(text)
