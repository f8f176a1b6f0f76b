"""Bytes of a YAML file to plain data, with the line of everything, or one clear error.

Only a small, safe part of YAML is accepted: one document, no anchors, aliases or tags (so nothing can multiply),
bounded size, depth and number of nodes, no repeated keys, no tabs as indentation, and no scalars that YAML 1.1
silently turns into something else (``no``, ``012``, ``12:30``).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from drorch.core.errors import InputInvalid

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 16
MAX_NODES = 1_000_000
"""A catalog of 10,000 applications has some 500,000 values in 10 MB."""

Path = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser where it is there: same results, ten times as fast."""
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_TAB_INDENT = re.compile(r"[ ]*\t\s*\S")


@dataclass(frozen=True, kw_only=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and the line, counted from 1, of each node by its path."""

    data: object
    lines: Mapping[Path, int]
    source: str

    def line_of(self, path: Path) -> int:
        """The line of ``path``, or of the nearest enclosing thing that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse_document(text: bytes, source: str) -> Document:
    """One YAML document. ``source`` is the file's name for messages. Raises InputInvalid with ``file:line``."""
    decoded = decode(text, source)
    _refuse_tabs(decoded, source)
    try:
        _refuse_beyond_limits(decoded, source)
        node = yaml.compose(decoded, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        if "nesting depth" in str(error.problem):  # libyaml's own limit, far above ours, met while it looks ahead
            _refuse(source, line, f"nested more than {MAX_DEPTH} deep", "flatten it")
        context = f" ({error.context})" if error.context else ""
        _refuse(source, line, f"not valid YAML: {error.problem or 'unreadable'}{context}", "correct the syntax there")
    except yaml.YAMLError as error:
        _refuse(source, _line_of_reader_error(decoded, error), f"not valid YAML: {str(error).splitlines()[0]}", None)
    if node is None:
        _refuse(source, 1, "the file holds no data", "start from the example app_catalog.yaml")
    lines: dict[Path, int] = {}
    data = _plain(node, (), lines, source)
    return Document(data=data, lines=lines, source=source)


def decode(text: bytes, source: str) -> str:
    """Text of a file of at most ``MAX_BYTES`` bytes of UTF-8 (a byte order mark is dropped). Raises InputInvalid."""
    if len(text) > MAX_BYTES:
        raise InputInvalid(
            f"the file is larger than {MAX_BYTES:,} bytes",
            where=source,
            next_step="name the right file, or split it",
        )
    if not text.strip():
        _refuse(source, 1, "the file is empty", "name the right file")
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _refuse(source, 1, "the file is UTF-16, not UTF-8", "save it as UTF-8")
    if (at := text.find(b"\0")) >= 0:
        _refuse(source, text.count(b"\n", 0, at) + 1, f"a binary file: NUL at byte {at}", "name a text file")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        _refuse(source, line, f"not UTF-8: byte {text[error.start]:#04x} at offset {error.start}", "save it as UTF-8")


def _refuse(source: str, line: int, what: str, next_step: str | None, field: str = "") -> NoReturn:
    raise InputInvalid(what, where=f"{source}:{line}{' ' + field if field else ''}", next_step=next_step)


def _refuse_tabs(text: str, source: str) -> None:
    if "\t" not in text:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if _TAB_INDENT.match(line):
            _refuse(source, number, "indented with a tab", "indent with spaces; YAML allows no tabs")


def _refuse_beyond_limits(text: str, source: str) -> None:
    """Look at the stream of events only, so that a hostile file is refused before anything is built from it."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = _line(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                _refuse(source, line, "a second document starts here", "keep one document per file")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            _refuse_reuse(event, line, source)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            _refuse(source, line, f"nested more than {MAX_DEPTH} deep", "flatten it")
        if nodes > MAX_NODES:
            _refuse(source, line, f"more than {MAX_NODES:,} values", "name the right file, or split it")


def _refuse_reuse(event: yaml.NodeEvent, line: int, source: str) -> None:
    if isinstance(event, yaml.AliasEvent):
        _refuse(source, line, f"an alias (*{event.anchor}) is not allowed", "write the value out")
    if event.anchor is not None:
        _refuse(source, line, f"an anchor (&{event.anchor}) is not allowed", "write the value out where it is used")
    if (tag := getattr(event, "tag", None)) is not None:
        _refuse(source, line, f"a tag ({tag}) is not allowed", "remove it")


def _line(marked: Any) -> int:
    """From 1; the parser counts from 0 and always sets the mark of events and nodes."""
    return int(marked.start_mark.line) + 1


def _line_of_reader_error(text: str, error: yaml.YAMLError) -> int:
    position = getattr(error, "position", 0)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], source: str) -> object:
    lines.setdefault(path, _line(node))
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, path, lines, source)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, index), lines, source) for index, item in enumerate(node.value)]
    return _plain_scalar(node, path, source)


def _plain_mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int], source: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        if not isinstance(key_node, yaml.ScalarNode):
            _refuse(source, line, "a key has to be a plain word", "write key: value", show_path(path))
        key = str(key_node.value)
        if key in found:
            first = lines[(*path, key)]
            _refuse(
                source, line, f"{key!r} is given twice (first on line {first})", "keep one", show_path((*path, key))
            )
        lines[(*path, key)] = line
        found[key] = _plain(value_node, (*path, key), lines, source)
    return found


def _plain_scalar(node: yaml.Node, path: Path, source: str) -> object:
    value = str(node.value)
    kind = node.tag.rpartition(":")[2]
    line = _line(node)
    if kind == "null":
        return None
    if kind == "bool":
        if value.lower() in {"true", "false"}:
            return value.lower() == "true"
        _refuse(
            source, line, f"{value} means true or false in YAML", "put it in quotes, or write true", show_path(path)
        )
    if kind == "int":
        if _INTEGER.fullmatch(value):
            return int(value)
        _refuse(source, line, f"{value} is a number in YAML, but not {value}", "put it in quotes", show_path(path))
    if kind == "float":
        try:
            return float(value)
        except ValueError:
            return value
    return value


def show_path(path: Path) -> str:
    """``applications.3.rto``."""
    return ".".join(str(part) for part in path)
