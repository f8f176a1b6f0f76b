"""Paging and searching of long lists, on the server: a page of 10,000 applications is as small as one of 76."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

Item = TypeVar("Item")
PAGE = 50
LARGEST = 200


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Item]):
    """One page of a list. ``number`` from 1; ``total`` items in all."""

    items: tuple[Item, ...]
    number: int
    size: int
    total: int
    query: Mapping[str, str]
    """What else the address says (filters), to be kept in the links."""

    @property
    def pages(self) -> int:
        """How many there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """Place of the first item shown, from 1; 0 when there is none."""
        return (self.number - 1) * self.size + 1 if self.items else 0

    @property
    def last(self) -> int:
        """Place of the last item shown."""
        return (self.number - 1) * self.size + len(self.items)

    def link(self, number: int) -> str:
        """The address of another page, as a query."""
        return "?" + urlencode({**{key: value for key, value in self.query.items() if value}, "page": number})


def page_of(items: Sequence[Item], number: int, query: Mapping[str, str], *, size: int = PAGE) -> Page[Item]:
    """The page with this number; a number beyond the end gives the last page."""
    size = max(1, min(size, LARGEST))
    last = max(1, -(-len(items) // size))
    number = max(1, min(number, last))
    begin = (number - 1) * size
    return Page(items=tuple(items[begin : begin + size]), number=number, size=size, total=len(items), query=dict(query))


def matching(items: Sequence[Item], words: str, text_of: Callable[[Item], str]) -> list[Item]:
    """Items whose text holds every word of ``words``, whatever the case."""
    wanted = words.casefold().split()
    if not wanted:
        return list(items)
    return [item for item in items if all(word in text_of(item).casefold() for word in wanted)]
