"""The whole store as files that are readable for decades, and back into an empty store.

manifest.json          schema, identity of the store, streams with their heads, blobs, tables; its own hash as root
streams/NAME.jsonl     one record a line, all fields; NAME quoted as in a URL
blobs/HEX              the content whose SHA-256 is HEX
tables/NAME.jsonl      one row a line: accounts and tokens, capacity peaks
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Select, Table, func, insert, select

from drorch.adapters.store.events import SqlStore, rows_of
from drorch.adapters.store.export_files import ExportFiles, new_export, write
from drorch.adapters.store.place import WRITING
from drorch.adapters.store.tables import BLOBS, EVENTS, EXPORTED, RECORDS
from drorch.core.errors import Broken, InputInvalid, Refused
from drorch.core.ids import canonical_json, content_hash
from drorch.core.integrity import Checked, OnProgress, check_store, pages
from drorch.core.stream import Record, blob_id, first_break, line_of, record_of

EXPORT_SCHEMA = 1
MANIFEST = "manifest.json"
_SESSIONS = "session"
"""Logins end with the store they were made in."""
_OTHER = "take another copy of the export; nothing was written"
_MANY = 500


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an export holds."""

    identity: str
    streams: Mapping[str, tuple[int, str]]
    """Number of records and last hash."""
    blobs: tuple[str, ...]
    tables: Mapping[str, str]
    """Hash of each table's file."""

    @property
    def records(self) -> int:
        """Of all streams."""
        return sum(count for count, _ in self.streams.values())

    def content(self) -> dict[str, object]:
        """Plain data, with its hash."""
        data: dict[str, object] = {
            "schema": EXPORT_SCHEMA,
            "identity": self.identity,
            "streams": {name: {"records": count, "head": head} for name, (count, head) in self.streams.items()},
            "blobs": list(self.blobs),
            "tables": dict(self.tables),
        }
        return {**data, "root": content_hash(data)}


def export(store: SqlStore, target: Path, on_progress: OnProgress) -> Manifest:
    """Write the whole store. Broken, with nothing left behind, when something in it does not hold."""
    store.verify_place()
    with new_export(target) as draft:
        streams: dict[str, tuple[int, str]] = {}
        names = store.streams()
        for number, name in enumerate(names, start=1):
            last: Record | None = None
            for records in pages(store, name):
                on_progress(f"stream {number} of {len(names)}, record {records[-1].seq} of {name}")
                _refuse_broken(records, last)
                lines = "".join(line_of(record, whole=True) + "\n" for record in records)
                write(draft, stream_file(name), lines.encode())
                last = records[-1]
            if last is not None:
                streams[name] = (last.seq, last.hash)
        blobs = store.blobs()
        for number, blob in enumerate(blobs, start=1):
            on_progress(f"content {number} of {len(blobs)}")
            write(draft, blob_file(blob), store.blob(blob))
        tables: dict[str, str] = {}
        for table in EXPORTED:
            on_progress(f"table {table.name}")
            content = "".join(canonical_json(row) + "\n" for row in _rows(store, table)).encode()
            write(draft, table_file(table.name), content)
            tables[table.name] = blob_id(content)
        manifest = Manifest(
            identity=store.identity(), streams=dict(sorted(streams.items())), blobs=blobs, tables=tables
        )
        write(draft, MANIFEST, (json.dumps(manifest.content(), indent=1, ensure_ascii=False) + "\n").encode())
    return manifest


def restore(source: Path, store: SqlStore, on_progress: OnProgress) -> Manifest:
    """Bring an export into an empty store, all or nothing. InputInvalid when anything of it does not hold."""
    _refuse_full(store)
    files = ExportFiles(source)
    try:
        manifest = read_manifest(files)
        for _ in _everything(files, manifest, on_progress):
            pass  # each part is compared on the way; the first one that does not hold ends it
        engine = store.place.engine
        with engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            for insertion in _everything(files, manifest, on_progress):
                insertion(connection)
    finally:
        files.close()
    checked = check_store(store, on_progress)
    if checked.findings or not _same(checked, manifest):
        raise Broken(
            "the restored store does not hold what the export holds",
            where=store.place.where,
            next_step="look at its disk or server, and restore once more into another empty store",
        )
    return manifest


def stream_file(name: str) -> str:
    """Where the records of a stream stand in an export."""
    return f"streams/{quote(name, safe='')}.jsonl"


def blob_file(blob: str) -> str:
    """Where a content stands."""
    return f"blobs/{blob.removeprefix('sha256:')}"


def table_file(name: str) -> str:
    """Where the rows of a table stand."""
    return f"tables/{name}.jsonl"


def read_manifest(files: ExportFiles) -> Manifest:
    """The manifest, its hash and the list of files compared. InputInvalid for anything else."""
    where = f"{files.source} {MANIFEST}"
    if MANIFEST not in files.names:
        raise InputInvalid("it has no manifest: this is no export of a store", where=where, next_step=_OTHER)
    try:
        data = json.loads(files.read(MANIFEST))
        root, schema = data.pop("root"), data["schema"]
        if schema != EXPORT_SCHEMA:
            what = f"the export has schema {schema}, this drorch knows {EXPORT_SCHEMA}"
            raise InputInvalid(what, where=where, next_step="use the drorch version that wrote it")
        if root != content_hash(data):
            raise InputInvalid("the manifest was changed", where=where, next_step=_OTHER)
        manifest = Manifest(
            identity=data["identity"],
            streams={name: (held["records"], held["head"]) for name, held in data["streams"].items()},
            blobs=tuple(data["blobs"]),
            tables=data["tables"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputInvalid(f"the manifest cannot be read ({error})", where=where, next_step=_OTHER) from None
    expected = {MANIFEST, *map(stream_file, manifest.streams), *map(blob_file, manifest.blobs)}
    expected |= set(map(table_file, manifest.tables))
    for name in sorted(expected ^ files.names):
        what = "the file is missing" if name in expected else "the file does not belong to the export"
        raise InputInvalid(what, where=f"{files.source} {name}", next_step=_OTHER)
    return manifest


class _Insertion:
    """Rows of one kind that were compared and can be written."""

    def __init__(self, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        self._statement, self._rows = statement, rows

    def __call__(self, connection: Connection) -> None:
        for begin in range(0, len(self._rows), _MANY):
            connection.execute(self._statement, self._rows[begin : begin + _MANY])


def _everything(files: ExportFiles, manifest: Manifest, on_progress: OnProgress) -> Iterator[_Insertion]:
    for number, (name, head) in enumerate(manifest.streams.items(), start=1):
        on_progress(f"stream {number} of {len(manifest.streams)}: {name}")
        yield _Insertion(insert(EVENTS), rows_of(_records(files, name, head)))
    for number, blob in enumerate(manifest.blobs, start=1):
        on_progress(f"content {number} of {len(manifest.blobs)}")
        content = files.read(blob_file(blob))
        if blob_id(content) != blob:
            raise _changed(files, blob_file(blob))
        yield _Insertion(insert(BLOBS), [{"id": blob, "content": content}])
    by_name = {table.name: table for table in EXPORTED}
    for name, hash_ in manifest.tables.items():
        on_progress(f"table {name}")
        content = files.read(table_file(name))
        if blob_id(content) != hash_ or name not in by_name:
            raise _changed(files, table_file(name))
        if content:
            yield _Insertion(insert(by_name[name]), [json.loads(line) for line in content.splitlines()])


def _records(files: ExportFiles, name: str, head: tuple[int, str]) -> list[Record]:
    where = f"{files.source} {stream_file(name)}"
    try:
        # Not splitlines: a text may hold other separators than the one that ends a record.
        lines = files.read(stream_file(name)).decode().split("\n")
    except UnicodeDecodeError:
        raise _changed(files, stream_file(name)) from None
    records = [record_of(line, f"{where}:{number}") for number, line in enumerate(lines[:-1], start=1)]
    broken = first_break(records)
    if broken is not None:
        raise InputInvalid(broken.reason, where=f"{where}:{broken.seq}", next_step=_OTHER)
    ends_well = lines[-1] == "" and bool(records) and (records[-1].seq, records[-1].hash) == head
    if not ends_well or records[0].stream != name:
        raise _changed(files, stream_file(name))
    return records


def _changed(files: ExportFiles, name: str) -> InputInvalid:
    where = f"{files.source} {name}"
    return InputInvalid("the file was changed after the export was written", where=where, next_step=_OTHER)


def _refuse_full(store: SqlStore) -> None:
    def full(connection: Connection) -> bool:
        tables = (EVENTS, BLOBS, *EXPORTED)
        return any(connection.execute(select(table).limit(1)).first() is not None for table in tables)

    if store.transaction(full):
        raise Refused(
            "the store is not empty: an export is restored into an empty one only",
            where=store.place.where,
            next_step="name another database or file in DRORCH_STORE; nothing was changed",
        )


def _refuse_broken(records: Sequence[Record], last: Record | None) -> None:
    broken = first_break(records, last)
    if broken is not None:
        raise Broken(
            f"the store does not hold: {broken.reason}; nothing was exported",
            where=f"{broken.stream} record {broken.seq}",
            next_step="look at all of it with 'drorch store check', and restore the store from its last export",
        )


def _rows(store: SqlStore, table: Table) -> Iterator[dict[str, object]]:
    # Numbers that the database itself gives are given anew, in the same order.
    columns = [column for column in table.columns if column.name != "id"]
    query: Select[Any] = select(*columns).order_by(*table.primary_key.columns)
    if table is RECORDS:
        query = query.where(RECORDS.c.kind != _SESSIONS)
    count = store.transaction(lambda connection: connection.execute(select(func.count()).select_from(table)).scalar())
    for begin in range(0, count or 0, 10 * _MANY):
        page = query.offset(begin).limit(10 * _MANY)
        yield from store.transaction(partial(_page, page))


def _page(page: Select[Any], connection: Connection) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute(page).mappings()]


def _same(checked: Checked, manifest: Manifest) -> bool:
    return checked.heads == manifest.streams and checked.blobs == len(manifest.blobs)
