"""Identity: canonical JSON and content hashes. What has the same content has the same id, everywhere."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Protocol

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def canonical_json(value: object) -> str:
    """One byte-for-byte form of a JSON value: keys sorted, no white space, UTF-8 kept, no NaN."""
    return _encode(value)


def content_hash(value: object) -> str:
    """``sha256:<hex>`` of the canonical JSON of ``value``."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()


def short(content_id: str) -> str:
    """The first twelve hex digits of a content hash, for people."""
    return content_id.removeprefix("sha256:")[:12]


def is_slug(text: str) -> bool:
    """Whether ``text`` may be an id: lower-case letters, digits and inner hyphens, at most 63 (a DNS label)."""
    return SLUG.fullmatch(text) is not None


class IdSource(Protocol):
    """Where new random ids come from (runs). Injected, so that tests know them."""

    def new_run_id(self) -> str:
        """A new, unique, sortable run id."""
        ...
