"""Where a value holds an Ansible template. What drorch hands to Ansible are ids and typed values, never programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

MARKS = ("{{", "{%", "{#")
"""How Jinja begins: an expression, a statement, a comment."""
TEMPLATE = "it holds a template ({{, {% or {#), which Ansible would perform: only ids and plain values are taken"


def template_in(value: object, place: str) -> str | None:
    """The place of the first text with a template in ``value`` (also in keys, at any depth); None when there is none.

    ``value``: plain data, frozen values, or both. ``place`` names it; the places below are ``place.field[2]``.
    """
    if isinstance(value, str):
        return place if any(mark in value for mark in MARKS) else None
    if is_dataclass(value) and not isinstance(value, type):
        value = {item.name: getattr(value, item.name) for item in fields(value)}
    if isinstance(value, Mapping):
        for key, item in value.items():
            found = template_in(str(key), f"{place} (a name in it)") or template_in(item, f"{place}.{key}")
            if found is not None:
                return found
    elif isinstance(value, list | tuple | set | frozenset):
        for number, item in enumerate(value):
            if (found := template_in(item, f"{place}[{number}]")) is not None:
                return found
    return None
