"""Reads the application table out of the HTML page, independently of how it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_UNITS = {"d": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) (d|h|min|s)\b")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass
class Table(HTMLParser):
    """Cells of the table with ``table_id``: application id to field to text."""

    table_id: str
    rows: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._inside = False
        self._row: dict[str, str] = {}
        self._field: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self._inside = given.get("id") == self.table_id
        elif self._inside and tag == "tr" and given.get("data-application"):
            self._row = self.rows.setdefault(given["data-application"] or "", {})
        elif self._inside and tag == "td":
            self._field = given.get("data-field")

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._field = None
        elif tag == "table":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._field:
            self._row[self._field] = self._row.get(self._field, "") + data


def application_table(page: str) -> dict[str, dict[str, str]]:
    """Application id to the texts of its measured fields."""
    table = Table(table_id="applications")
    table.feed(page)
    return table.rows


def numbers_in(text: str) -> set[float]:
    """Every number of a text; ``2 min 5.30 s`` is one number in seconds."""
    total = sum(float(amount) * _UNITS[unit] for amount, unit in _AMOUNT.findall(text))
    rest = _AMOUNT.sub("", text)
    plain = {float(number) for number in _NUMBER.findall(rest)}
    return plain | ({round(total, 2)} if _AMOUNT.search(text) else set())


def numbers_of(value: object) -> set[float]:
    """Every number of JSON data."""
    if isinstance(value, dict):
        return set().union(*(numbers_of(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(numbers_of(item) for item in value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {round(float(value), 2)}
    return set()
