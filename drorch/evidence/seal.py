"""The seal of a run's evidence: a manifest over files by name, and what does not fit together. Pure: names to bytes.

``root`` is the hash of the manifest, which holds the hash of every file and the head of the journal's chain: who knows
the root (or trusts a signature of it) can tell every later change of anything. `tools/verify_evidence.py` does the same
with Python's standard library alone and finds the same codes and subjects; tests hold the two together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from drorch.core.errors import InputInvalid
from drorch.core.findings import Finding, Severity
from drorch.core.ids import canonical_json, content_hash
from drorch.core.stream import GENESIS, chained

SEAL_SCHEMA = 2
MANIFEST, SIGNATURE = "MANIFEST.json", "SIGNATURE.json"
JOURNAL, PLAN, CATALOG, REPORT = "journal.jsonl", "plan.json", "catalog.json", "report.json"
REQUIRED = (JOURNAL, PLAN, CATALOG, REPORT, "app_catalog.yaml", "context.json", "report.html", "report.txt")
OPTIONAL = ("samples.jsonl", "canaries.jsonl", "present.json")
"""Files a run may lack; the manifest says which."""
ALGORITHM = "Ed25519"

_SHAPE: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("schema", int),
    ("run", str),
    ("drorch_version", str),
    ("plan_id", str),
    ("catalog_id", str),
    ("journal", dict),
    ("files", dict),
    ("absent", list),
    ("signed_by", (str, type(None))),
    ("root", str),
)

Data = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A manifest as the bytes of its file, and its hash."""

    manifest: bytes
    root: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found out about the files of an archive. None where the manifest cannot be read."""

    run: str | None
    root: str | None
    drorch_version: str | None
    signed_by: str | None
    """The signer's public key, base64; None when nobody signed."""
    files: int
    events: int
    head: str
    """Chain value of the last event that is there."""
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether everything fits together."""
        return not self.findings


def seal(files: Mapping[str, bytes], *, drorch_version: str, signed_by: str | None = None) -> Sealed:
    """The manifest over ``files``. InputInvalid when one of `REQUIRED` is not there or cannot be read."""
    for name in REQUIRED:
        if name not in files:
            raise InputInvalid(f"{name} is not there", where=name, next_step="restore the run's folder from its copy")
    events, unreadable = _read_journal(files[JOURNAL])
    created = _created(events)
    if unreadable or created is None:
        raise InputInvalid("not the journal of a run", where=JOURNAL, next_step="restore the journal from its copy")
    body: dict[str, object] = {
        "schema": SEAL_SCHEMA,
        "run": _run_of(events[0]),
        "drorch_version": drorch_version,
        "plan_id": created.get("plan_id"),
        "catalog_id": created.get("catalog_id"),
        "journal": {"events": len(events), "head": _head(events)},
        "files": {name: {"sha256": _sha256(content), "size": len(content)} for name, content in files.items()},
        "absent": [name for name in OPTIONAL if name not in files],
        "signed_by": signed_by,
    }
    root = content_hash(body)
    return Sealed(manifest=_text({**body, "root": root}), root=root)


def signature_file(*, root: str, public_key: str, signature: str) -> bytes:
    """The file with a signature over the text of ``root``. Key and signature in base64."""
    return _text({"algorithm": ALGORITHM, "public_key": public_key, "root": root, "signature": signature})


def signature_of(files: Mapping[str, bytes]) -> str | None:
    """The signature in base64, None when there is none that can be read."""
    data = _parse(files.get(SIGNATURE, b""))
    found = data.get("signature") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None


def verify(files: Mapping[str, bytes]) -> Verification:
    """Whether the files fit together: manifest, every file, the chain of events, report, plan and catalog. Never
    raises. A signature's place and content are looked at here, its mathematics is not."""
    manifest = _manifest(files)
    events, findings = _read_journal(files.get(JOURNAL, b""))
    broken = [*findings, *_chain(events)]
    found = [
        *([] if manifest else [_no_manifest(files)]),
        *_root(manifest),
        *_files(files, manifest),
        *broken,
        *([] if broken or not manifest else _end(events, manifest)),
        *_identities(files, events, manifest),
        *_signature(files, manifest),
    ]
    return Verification(
        run=_text_in(manifest, "run"),
        root=_text_in(manifest, "root"),
        drorch_version=_text_in(manifest, "drorch_version"),
        signed_by=_text_in(manifest, "signed_by"),
        files=len(files),
        events=len(events),
        head=_head(events),
        findings=each_once(found),
    )


def finding(code: str, subject: str, message: str) -> Finding:
    """One thing that does not hold."""
    return Finding(code=code, severity=Severity.ERROR, subject=subject, message=message)


def each_once(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first finding of each code at each place."""
    first: dict[tuple[str, str | None], Finding] = {}
    for item in found:
        first.setdefault((item.code, item.subject), item)
    return tuple(first.values())


def _manifest(files: Mapping[str, bytes]) -> Data:
    """The manifest, empty when it is missing or not as :func:`seal` writes it."""
    data = _parse(files.get(MANIFEST, b""))
    if not isinstance(data, dict) or data.keys() != dict(_SHAPE).keys() or data["schema"] != SEAL_SCHEMA:
        return {}
    if not all(isinstance(data[key], kind) for key, kind in _SHAPE):
        return {}
    try:
        # Another spelling of the same data, or a key given twice, is not what was sealed.
        return data if _text(data) == files[MANIFEST] else {}
    except RecursionError:
        return {}


def _no_manifest(files: Mapping[str, bytes]) -> Finding:
    if MANIFEST not in files:
        return finding("manifest-missing", MANIFEST, "the manifest is missing")
    return finding("manifest-unreadable", MANIFEST, f"not a manifest of schema {SEAL_SCHEMA} as drorch writes it")


def _root(manifest: Data) -> Iterator[Finding]:
    if manifest and content_hash(_without(manifest, "root")) != manifest["root"]:
        yield finding("manifest-root", MANIFEST, "the manifest was changed: its root is another")


def _files(files: Mapping[str, bytes], manifest: Data) -> Iterator[Finding]:
    recorded = _mapping(manifest.get("files"))
    names = files.keys() - {MANIFEST, SIGNATURE}
    for name in sorted((recorded.keys() | set(REQUIRED)) - names):
        yield finding("file-missing", name, "the file is missing")
    for name in sorted(names - recorded.keys()) if manifest else ():
        yield finding("file-added", name, "the file was added: the manifest does not know it")
    owners = {str(_mapping(entry).get("sha256")): name for name, entry in sorted(recorded.items(), reverse=True)}
    for name in sorted(names & recorded.keys()):
        found = _sha256(files[name])
        if recorded[name] == {"sha256": found, "size": len(files[name])}:
            continue
        if found in owners and owners[found] != name:
            yield finding("file-swapped", name, f"the file holds the content of {owners[found]}")
        else:
            yield finding("file-changed", name, "the file was changed")


def _read_journal(content: bytes) -> tuple[Sequence[Data], list[Finding]]:
    """The events up to the first that cannot be read."""
    *lines, torn = content.split(b"\n")
    events: list[Data] = []
    for number, line in enumerate(lines, start=1):
        event = _parse(line)
        if not isinstance(event, dict) or type(event.get("seq")) is not int or not isinstance(event.get("hash"), str):
            return events, [finding("event-unreadable", f"event {number}", f"line {number} is not an event")]
        events.append(event)
    if torn:
        return events, [finding("event-unreadable", f"event {len(lines) + 1}", "the last line has no end")]
    return events, []


def _chain(events: Sequence[Data]) -> Iterator[Finding]:
    """The first place where the chain breaks: everything behind it has lost its proof."""
    previous, there = GENESIS, {event["seq"] for event in events}
    for expected, event in enumerate(events, start=1):
        subject = f"event {expected}"
        if event["seq"] != expected:
            if expected in there:
                yield finding("event-moved", subject, f"in the place of event {expected} stands event {event['seq']}")
            else:
                yield finding("event-missing", subject, f"event {expected} is missing, found {event['seq']}")
            return
        linked = chained(previous, canonical_json(_without(_without(event, "hash"), "prev")))
        if event.get("prev") != previous or linked != event["hash"]:
            yield finding("event-changed", subject, f"event {expected} does not follow from the ones before it")
            return
        if event.get("stream") != events[0].get("stream"):
            yield finding("run-id", subject, f"event {expected} belongs to another run")
            return
        previous = str(event["hash"])


def _end(events: Sequence[Data], manifest: Data) -> Iterator[Finding]:
    recorded = _mapping(manifest["journal"])
    count, wanted = len(events), recorded.get("events")
    if isinstance(wanted, int) and count < wanted:
        yield finding(
            "journal-tail", f"event {count + 1}", f"the tail is missing: {count} of {wanted} events are there"
        )
    elif recorded != {"events": count, "head": _head(events)}:
        yield finding("journal-head", JOURNAL, "the journal does not end as the manifest says")


def _identities(files: Mapping[str, bytes], events: Sequence[Data], manifest: Data) -> Iterator[Finding]:
    """What the first event says was run is what the other files hold, and the report speaks of this very journal."""
    parsed = {name: _parse(files[name]) for name in (PLAN, CATALOG, REPORT) if name in files}
    for name, data in parsed.items():
        if not isinstance(data, dict) or not data:
            yield finding("file-unreadable", name, "the file is not a JSON object")
    plan, catalog = _mapping(parsed.get(PLAN)), _mapping(parsed.get(CATALOG))
    told = _mapping(_mapping(parsed.get(REPORT)).get("run"))
    if REPORT in files and (told.get("journal_events"), told.get("journal_head")) != (len(events), _head(events)):
        yield finding("report-journal", REPORT, "the report was made from another journal: events or head differ")
    created = _created(events)
    if created is None:
        yield finding("journal-begin", "event 1", "the journal does not begin with the creation of a run")
        return
    yield from _claims("run-id", _run_of(events[0]), ((REPORT, told, "id"), (MANIFEST, manifest, "run")))
    shared = (REPORT, told), (MANIFEST, manifest)
    for code, field, claims in (
        ("plan-hash", "plan_id", [(PLAN, plan, "id"), (PLAN, _identified(plan, "id"), "id")]),
        (
            "catalog-hash",
            "catalog_id",
            [
                (CATALOG, catalog, "content_id"),
                (CATALOG, _identified(catalog, "content_id"), "content_id"),
                (PLAN, plan, "catalog_id"),
            ],
        ),
    ):
        yield from _claims(code, created.get(field), [*claims, *((name, data, field) for name, data in shared)])


def _claims(code: str, truth: object, claims: Iterable[tuple[str, Data, str]]) -> Iterator[Finding]:
    for name, data, field in claims:
        if data and data.get(field) != truth:
            yield finding(code, name, f"{field} is not the one in the journal's first event")


def _signature(files: Mapping[str, bytes], manifest: Data) -> Iterator[Finding]:
    signer = manifest.get("signed_by")
    if SIGNATURE not in files:
        if signer is not None:
            yield finding("signature-missing", SIGNATURE, "the signature is missing")
    elif manifest and signer is None:
        yield finding("signature-added", SIGNATURE, "a signature was added: the manifest names no signer")
    elif manifest:
        wanted = signature_file(root=str(manifest["root"]), public_key=str(signer), signature=signature_of(files) or "")
        if wanted != files[SIGNATURE]:
            yield finding("signature-changed", SIGNATURE, "the signature is not one of this manifest by its signer")


def _run_of(event: Data) -> str:
    return str(event.get("stream")).removeprefix("run/")


def _created(events: Sequence[Data]) -> Data | None:
    body = events[0].get("body") if events and events[0].get("kind") == "run-created" else None
    return body if isinstance(body, dict) else None


def _identified(data: Data, field: str) -> Data:
    return {field: content_hash(_without(data, field))} if data else {}


def _without(data: Data, field: str) -> Data:
    return {name: value for name, value in data.items() if name != field}


def _head(events: Sequence[Data]) -> str:
    return str(events[-1]["hash"]) if events else GENESIS


def _mapping(data: object) -> Data:
    return data if isinstance(data, dict) else {}


def _text_in(data: Data, field: str) -> str | None:
    found = data.get(field)
    return found if isinstance(found, str) else None


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _text(data: Data) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _parse(content: bytes) -> object:
    """JSON data that has a canonical form; None for anything else."""
    try:
        data = json.loads(content.decode("utf-8"))
        canonical_json(data).encode()
    except (ValueError, RecursionError):
        return None
    return data
