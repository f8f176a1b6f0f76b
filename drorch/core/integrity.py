"""Whether a whole event store holds: every chain, every body, every blob."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drorch.core.codec import plain
from drorch.core.errors import Broken, NotFound
from drorch.core.findings import Finding, Severity
from drorch.core.ids import canonical_json
from drorch.core.stream import Break, EventStore, Record, first_break

_PAGE = 2_000
OnProgress = Callable[[str], None]
"""Told what is being looked at, often."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was looked at, and what does not hold."""

    identity: str
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Of each stream the number of records and the last hash."""
    blobs: int = 0
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Plain data for ``--json``."""
        return {
            "holds": not self.findings,
            "identity": self.identity,
            "streams": len(self.heads),
            "records": sum(count for count, _ in self.heads.values()),
            "blobs": self.blobs,
            "findings": plain(self.findings),
        }


def pages(store: EventStore, stream: str) -> Iterator[tuple[Record, ...]]:
    """All records of a stream, some at a time: each call of the store stays far from its deadline."""
    seq = 0
    while records := store.read(stream, seq, _PAGE):
        yield records
        seq = records[-1].seq


def check_store(store: EventStore, on_progress: OnProgress) -> Checked:
    """Look at all of it. What does not hold is a finding; StoreAway and Broken when it cannot be read at all."""
    findings: list[Finding] = []
    heads: dict[str, tuple[int, str]] = {}
    streams = store.streams()
    for number, stream in enumerate(streams, start=1):
        last: Record | None = None
        problem: str | None = None
        for records in pages(store, stream):
            on_progress(f"stream {number} of {len(streams)}, record {records[-1].seq} of {stream}")
            problem = _problem(records, last)
            last = records[-1]
            if problem is not None:
                findings.append(_finding("chain-broken", stream, problem))
                break
        if last is not None:
            heads[stream] = (last.seq, last.hash)
    blobs = store.blobs()
    for number, name in enumerate(blobs, start=1):
        on_progress(f"content {number} of {len(blobs)}")
        try:
            store.blob(name)
        except (NotFound, Broken) as error:
            findings.append(_finding("content-changed", name, error.what))
    return Checked(identity=store.identity(), heads=heads, blobs=len(blobs), findings=tuple(findings))


def _problem(records: tuple[Record, ...], last: Record | None) -> str | None:
    broken: Break | None = first_break(records, last)
    if broken is not None:
        return broken.reason
    for record in records:
        try:
            same = canonical_json(json.loads(record.body)) == record.body
        except (ValueError, RecursionError):
            same = False
        if not same:
            # Its hash holds, but whoever reads the export would compute another one.
            return f"record {record.seq} holds text that is not canonical JSON"
    return None


def _finding(code: str, subject: str, message: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.ERROR,
        message=message,
        subject=subject,
        where=subject,
        next_step="keep the store as it is, restore it from its export, and find out who changed it",
    )
