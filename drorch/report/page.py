"""A paper as plain blocks: what HTML and PDF show is put together once. Every text is data, never markup or code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """How a block looks."""

    TEXT = "text"
    """``text``: paragraphs."""
    NOTE = "note"
    """``text``: small print."""
    ITEMS = "items"
    """``rows``: one list item each, of one cell."""
    FACTS = "facts"
    """``rows``: name and value."""
    TABLE = "table"
    SIGNATURES = "signatures"
    """``rows``: role and name; a line to sign on behind each."""
    LINES = "lines"
    """``rows``: a label each; a line to write on behind it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table. ``share``: its part of the width."""

    title: str
    share: float = 1.0
    numeric: bool = False


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block. ``tones``: for each row of a table, of its first cell: good, warn, bad or nothing."""

    kind: BlockKind
    title: str = ""
    text: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    tones: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """The whole paper. ``tone`` colours the mark that says what it is worth: good, warn or bad."""

    eyebrow: str
    title: str
    mark: str
    tone: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    footer: str


def paragraphs(text: str) -> tuple[str, ...]:
    """The parts of a text between blank lines, without line breaks."""
    return tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def table(*columns: Column | str, rows: tuple[tuple[str, ...], ...], tones: tuple[str, ...] = ()) -> Block:
    """A table block; a plain text is a column of one share."""
    heads = tuple(column if isinstance(column, Column) else Column(title=column) for column in columns)
    return Block(kind=BlockKind.TABLE, columns=heads, rows=rows, tones=tones)


def note(*text: str) -> Block:
    """Small print."""
    return Block(kind=BlockKind.NOTE, text=text)


def text(*parts: str) -> Block:
    """Paragraphs."""
    return Block(kind=BlockKind.TEXT, text=parts)


def items(*parts: str) -> Block:
    """A list."""
    return Block(kind=BlockKind.ITEMS, rows=tuple((part,) for part in parts))


def facts(*rows: tuple[str, str], title: str = "") -> Block:
    """Names and values."""
    return Block(kind=BlockKind.FACTS, title=title, rows=rows)
