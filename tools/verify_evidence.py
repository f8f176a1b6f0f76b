#!/usr/bin/env python3
"""Verify an evidence archive or a store export of drorch without drorch: python3 verify_evidence.py FILE [--json]

A store export ('drorch store export') is a folder or a .tar file: every stream of records, all contents, tables.
Needs Python 3.6 or newer and nothing else. Exit 0: everything fits together; 1: it does not, and the places are named;
2: the file cannot be read. Not checked here, and said so: an Ed25519 signature, and that the YAML text of the catalog
means what catalog.json says. Compare the root, or the archive's SHA-256, with what was noted when it was exported:
whoever can write the whole archive anew can only be found out that way, or by a signature ('drorch report verify').
"""

import hashlib
import json
import os
import struct
import sys
import tarfile
import zlib
from collections import Counter
from urllib.parse import quote

MANIFEST, SIGNATURE, GENESIS = "MANIFEST.json", "SIGNATURE.json", "sha256:" + "0" * 64
REQUIRED = {
    "journal.jsonl",
    "plan.json",
    "catalog.json",
    "report.json",
    "app_catalog.yaml",
    "context.json",
    "report.html",
    "report.txt",
}
SHAPE = {
    "schema": int,
    "run": str,
    "drorch_version": str,
    "plan_id": str,
    "catalog_id": str,
    "journal": dict,
    "files": dict,
    "absent": list,
    "signed_by": (str, type(None)),
    "root": str,
}
EXPORT_MANIFEST = "manifest.json"
RECORD = {"at", "body", "epoch", "hash", "kind", "mono", "person", "prev", "seq", "stream"}
NOT_CHECKED = ["that app_catalog.yaml means what catalog.json says (needs drorch)"]
SIGNATURE_NOT_CHECKED = "the Ed25519 signature (needs drorch, or openssl: see docs/evidence.md)"


class Unreadable(Exception):
    """The file is not an archive of drorch."""


def canonical(data):
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def text(data):
    return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def hash_without(data, field):
    return sha256(canonical({key: data[key] for key in data if key != field}))


def parse(content):
    """A JSON object, or {} for anything else."""
    try:
        data = json.loads(content.decode())
        canonical(data)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def sub(data, key):
    return data[key] if isinstance(data.get(key), dict) else {}


def unpack(data):
    """Stored files one after the other, from the first byte on."""
    entries, at = [], 0
    while data[at : at + 4] == b"PK\3\4" and at + 30 <= len(data):
        size, length = struct.unpack_from("<L4xH", data, at + 18)
        name, end = data[at + 30 : at + 30 + length].decode("utf-8", "replace"), at + 30 + length + size
        if end > len(data) or not name.isprintable():
            break
        entries.append((name, data[at + 30 + length : end]))
        at = end
    if not 0 < len(entries) < 65536 or data[at : at + 4] != b"PK\1\2":
        raise Unreadable(f"not an evidence archive: byte {at} begins neither a file nor the list of files")
    return entries


def pack(entries):
    """The one archive that holds these files."""
    chunks, listed, offset = [], b"", 0
    for name, content in sorted(entries):
        raw = name.encode()
        size, of_its_owner = len(content), 0o100600 << 16
        head = struct.pack("<5H3L2H", 20, 0x800, 0, 0, 0x21, zlib.crc32(content), size, size, len(raw), 0)
        listed += b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + head
        listed += struct.pack("<3H2L", 0, 0, 0, of_its_owner, offset) + raw
        chunks.append(b"PK\3\4" + head + raw + content)
        offset += len(chunks[-1])
    count = len(entries)
    end = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count, count, len(listed), offset, 0)
    return b"".join(chunks) + listed + end


def check_archive(data, entries):
    expected = pack(entries)
    if data != expected:
        pairs = enumerate(zip(data, expected))  # noqa: B905 (older Pythons know no strict)
        differing = (n for n, (here, there) in pairs if here != there)
        at = next(differing, min(len(data), len(expected)))
        yield "archive-bytes", "archive", f"byte {at} is not as drorch writes an archive of these files"
    for name, times in sorted(Counter(name for name, _ in entries).items()):
        if times > 1:
            yield "file-twice", name, f"the file is there {times} times"


def read_manifest(files):
    data = parse(files.get(MANIFEST, b""))
    try:
        good = (
            data.keys() == SHAPE.keys()
            and data["schema"] == 2
            and text(data) == files[MANIFEST]
            and all(isinstance(data[key], kind) for key, kind in SHAPE.items())
        )
    except RecursionError:
        good = False
    return data if good else {}


def check_files(files, manifest):
    if not manifest:
        code = "manifest-unreadable" if MANIFEST in files else "manifest-missing"
        yield code, MANIFEST, "no manifest as drorch writes it"
    elif hash_without(manifest, "root") != manifest["root"]:
        yield "manifest-root", MANIFEST, "the manifest was changed: its root is another"
    recorded, names = sub(manifest, "files"), set(files) - {MANIFEST, SIGNATURE}
    owners = {str(sub(recorded, name).get("sha256")): name for name in sorted(recorded, reverse=True)}
    for name in sorted((set(recorded) | REQUIRED) - names):
        yield "file-missing", name, "the file is missing"
    for name in sorted(names - set(recorded)) if manifest else ():
        yield "file-added", name, "the file was added: the manifest does not know it"
    for name in sorted(names & set(recorded)):
        found = sha256(files[name])
        if recorded[name] != {"sha256": found, "size": len(files[name])}:
            if owners.get(found, name) != name:
                yield "file-swapped", name, "the file holds the content of " + owners[found]
            else:
                yield "file-changed", name, "the file was changed"


def read_journal(content):
    *lines, torn = content.split(b"\n")
    events = [parse(line) for line in lines]
    for number, event in enumerate(events, 1):
        if type(event.get("seq")) is not int or not isinstance(event.get("hash"), str):
            return events[: number - 1], [("event-unreadable", f"event {number}", "the line is not an event")]
    return events, [("event-unreadable", f"event {len(lines) + 1}", "the last line has no end")] if torn else []


def check_chain(events):
    previous, there = GENESIS, {event["seq"] for event in events}
    for expected, event in enumerate(events, 1):
        subject = f"event {expected}"
        if event["seq"] != expected:
            code = "event-moved" if expected in there else "event-missing"
            return [(code, subject, f"in the place of event {expected} stands event {event['seq']}")]
        if event.get("prev") != previous or chain_of(event, previous) != event["hash"]:
            return [("event-changed", subject, "the event does not follow from the ones before it")]
        if event.get("stream") != events[0].get("stream"):
            return [("run-id", subject, "the event belongs to another run")]
        previous = event["hash"]
    return []


def check_end(count, head, recorded):
    if isinstance(recorded.get("events"), int) and count < recorded["events"]:
        message = f"the tail is missing: {count} of {recorded['events']} events are there"
        return [("journal-tail", f"event {count + 1}", message)]
    if recorded != {"events": count, "head": head}:
        return [("journal-head", "journal.jsonl", "the journal does not end as the manifest says")]
    return []


def run_of(event):
    stream = str(event.get("stream"))
    return stream[4:] if stream.startswith("run/") else stream


def check_identities(files, events, head, manifest):
    parsed = {name: parse(files.get(name, b"")) for name in ("plan.json", "catalog.json", "report.json")}
    for name in parsed:
        if name in files and not parsed[name]:
            yield "file-unreadable", name, "the file is not a JSON object"
    plan, catalog, told = parsed["plan.json"], parsed["catalog.json"], sub(parsed["report.json"], "run")
    if "report.json" in files and (told.get("journal_events"), told.get("journal_head")) != (len(events), head):
        yield "report-journal", "report.json", "the report was made from another journal: events or head differ"
    if not events or events[0].get("kind") != "run-created" or not isinstance(events[0].get("body"), dict):
        yield "journal-begin", "event 1", "the journal does not begin with the creation of a run"
        return
    made = events[0]["body"]
    truth = {"run-id": run_of(events[0]), "plan-hash": made.get("plan_id"), "catalog-hash": made.get("catalog_id")}
    for code, name, data, value in (
        ("run-id", "report.json", told, told.get("id")),
        ("run-id", MANIFEST, manifest, manifest.get("run")),
        ("plan-hash", "plan.json", plan, plan.get("id")),
        ("plan-hash", "plan.json", plan, hash_without(plan, "id")),
        ("plan-hash", "report.json", told, told.get("plan_id")),
        ("plan-hash", MANIFEST, manifest, manifest.get("plan_id")),
        ("catalog-hash", "catalog.json", catalog, catalog.get("content_id")),
        ("catalog-hash", "catalog.json", catalog, hash_without(catalog, "content_id")),
        ("catalog-hash", "plan.json", plan, plan.get("catalog_id")),
        ("catalog-hash", "report.json", told, told.get("catalog_id")),
        ("catalog-hash", MANIFEST, manifest, manifest.get("catalog_id")),
    ):
        if data and value != truth[code]:
            yield code, name, "it does not belong to what the journal's first event names"


def check_signature(files, manifest):
    signer, there = manifest.get("signed_by"), SIGNATURE in files
    if not there and signer is not None:
        yield "signature-missing", SIGNATURE, "the signature is missing"
    elif there and manifest and signer is None:
        yield "signature-added", SIGNATURE, "a signature was added: the manifest names no signer"
    elif there and manifest:
        found = parse(files[SIGNATURE]).get("signature")
        wanted = {
            "algorithm": "Ed25519",
            "public_key": signer,
            "root": manifest["root"],
            "signature": found if isinstance(found, str) else "",
        }
        if text(wanted) != files[SIGNATURE]:
            yield "signature-changed", SIGNATURE, "the signature is not one of this manifest by its signer"


def verify(data):
    """Everything found in the bytes of an archive, as plain data."""
    entries = unpack(data)
    files = dict(entries)
    manifest = read_manifest(files)
    events, broken = read_journal(files.get("journal.jsonl", b""))
    head = events[-1]["hash"] if events else GENESIS
    broken = broken + check_chain(events)
    found = [*check_archive(data, entries), *check_files(files, manifest), *broken]
    found += check_end(len(events), head, manifest["journal"]) if manifest and not broken else []
    found += [*check_identities(files, events, head, manifest), *check_signature(files, manifest)]
    first = {}
    for code, subject, message in found:
        first.setdefault((code, subject), {"code": code, "subject": subject, "message": message})
    return {
        "holds": not first,
        "run": manifest.get("run"),
        "root": manifest.get("root"),
        "sha256": hashlib.sha256(data).hexdigest(),
        "files": len(files),
        "events": len(events),
        "findings": list(first.values()),
        "not_checked": NOT_CHECKED + [SIGNATURE_NOT_CHECKED] * (manifest.get("signed_by") is not None),
    }


def open_export(path):
    """The names of the files of a store export, and how one is read; None when it is none."""
    if os.path.isdir(path):
        names = [os.path.join(folder, name) for folder, _, files in os.walk(path) for name in files]
        places = {os.path.relpath(name, path).replace(os.sep, "/"): name for name in names}

        def read_file(name):
            with open(places[name], "rb") as stream:
                return stream.read()

        return set(places), read_file
    if not tarfile.is_tarfile(path):
        return None
    tar = tarfile.TarFile(path, "r")
    return {member.name for member in tar.getmembers()}, lambda name: tar.extractfile(name).read()


def chain_of(record, prev):
    """The one chain formula of drorch: SHA-256 over the hash before, a line end, and the record without both hashes."""
    said = {key: record[key] for key in record if key not in ("hash", "prev")}
    return sha256(prev.encode() + b"\n" + canonical(said))


def check_stream(name, content, held):
    prev, epoch, lines = GENESIS, 0, content.split(b"\n")
    if lines.pop() != b"":
        yield "record-torn", name, "the last line has no end"
    for seq, line in enumerate(lines, 1):
        record, where = parse(line), f"{name} record {seq}"
        if record.keys() != RECORD or canonical(record) != line or type(record["epoch"]) is not int:
            yield "record-unreadable", where, "the line is not a record"
            return
        if record["seq"] != seq or record["stream"] != name:
            yield "record-moved", where, f"in its place stands record {record['seq']} of {record['stream']}"
            return
        if record["prev"] != prev or chain_of(record, prev) != record["hash"]:
            yield "record-changed", where, "the record does not follow from the ones before it"
            return
        if record["epoch"] < epoch:
            yield "record-epoch", where, "the record was written under an epoch that had ended"
        prev, epoch = record["hash"], record["epoch"]
    if held != {"records": len(lines), "head": prev}:
        yield "stream-end", name, "the stream does not end as the manifest says"


def check_export(names, read, manifest):
    streams, blobs, tables = sub(manifest, "streams"), manifest.get("blobs"), sub(manifest, "tables")
    if manifest.get("schema") != 1 or not isinstance(blobs, list) or hash_without(manifest, "root") != manifest["root"]:
        yield "manifest-root", EXPORT_MANIFEST, "the manifest was changed, or is of another schema"
        return
    files = {"streams/" + quote(name, safe="") + ".jsonl": ("stream", name) for name in streams}
    files.update({"blobs/" + str(blob)[7:]: ("blob", blob) for blob in blobs})
    files.update({"tables/" + name + ".jsonl": ("table", tables[name]) for name in tables})
    for name in sorted(set(files) - names):
        yield "file-missing", name, "the file is missing"
    for name in sorted(names - set(files) - {EXPORT_MANIFEST}):
        yield "file-added", name, "the file was added: the manifest does not know it"
    for name in sorted(names & set(files)):
        kind, of = files[name]
        content = read(name)
        if kind == "stream":
            yield from check_stream(of, content, streams[of])
        elif sha256(content) != of:
            yield "file-changed", name, "the file was changed"


def verify_export(names, read):
    """Everything found in a store export, as plain data."""
    manifest = parse(read(EXPORT_MANIFEST)) if EXPORT_MANIFEST in names else {}
    if "root" not in manifest:
        raise Unreadable("not an export of a store: it has no manifest that can be read")
    problems = check_export(names, read, manifest)
    found = [{"code": code, "subject": where, "message": text} for code, where, text in problems]
    held = [each for each in sub(manifest, "streams").values() if isinstance(each, dict)]
    return {
        "holds": not found,
        "identity": manifest.get("identity"),
        "root": manifest["root"],
        "files": len(names),
        "streams": len(held),
        "records": sum(each["records"] for each in held if type(each.get("records")) is int),
        "findings": found,
        "not_checked": [],
    }


def main(arguments):
    names = [name for name in arguments if name != "--json"]
    if len(names) != 1 or names[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        export = open_export(names[0])
        if export:
            found = verify_export(*export)
        else:
            with open(names[0], "rb") as stream:
                found = verify(stream.read((1 << 30) + 1))
    except (OSError, Unreadable, tarfile.TarError) as error:
        print(f"{names[0]}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    if "--json" in arguments:
        print(json.dumps(found, indent=2))
    else:
        what = "the export" if "streams" in found else "the evidence"
        print(f"{names[0]}: {what} holds" if found["holds"] else f"{names[0]}: {what.upper()} DOES NOT HOLD")
        for item in found["findings"]:
            print(f"  {item['code']:<20} {item['subject']:<24} {item['message']}")
        for key in ("run", "identity", "files", "streams", "records", "events", "root", "sha256"):
            if key in found:
                print(f"  {key:<8} {found[key]}")
        for what in found["not_checked"]:
            print("  not checked here: " + what)
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
