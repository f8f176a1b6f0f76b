"""The evidence of a denial-of-access test: one archive, its manifest over every file and the head of the journal, and a
signature of the manifest's root. The same form as a run's archive, with files of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from drorch import __version__
from drorch.access.denial_test.journal import records_in
from drorch.core.errors import DrorchError, InputInvalid
from drorch.core.ids import content_hash
from drorch.core.stream import GENESIS
from drorch.evidence import archive
from drorch.evidence.seal import MANIFEST, SIGNATURE, signature_file, signature_of
from drorch.evidence.signatures import Signer, signature_holds

FILES = ("journal.jsonl", "test.yaml", "capacity.yaml", "demand.json", "result.json", "report.txt")


@dataclass(frozen=True, kw_only=True)
class TestEvidence:
    """A test's evidence that holds: every file as sealed, the chain whole, the signature good."""

    __test__ = False

    test: str
    root: str
    signed_by: str
    files: Mapping[str, bytes]


def seal_test(test: str, files: Mapping[str, bytes], signer: Signer) -> bytes:
    """The archive. InputInvalid when a file is missing or the journal does not hold."""
    for name in FILES:
        if name not in files:
            raise InputInvalid(f"{name} is not there", where=name, next_step="restore the store from its export")
    body = _body(test, files, signer.public_key)
    root = content_hash(body)
    manifest = _text({**body, "root": root})
    signature = signature_file(root=root, public_key=signer.public_key, signature=signer.sign(root))
    return archive.pack([*files.items(), (MANIFEST, manifest), (SIGNATURE, signature)])


def open_evidence(data: bytes, source: str) -> TestEvidence:
    """The evidence in an archive. InputInvalid says what does not hold: then it counts for nothing."""
    entries = archive.unpack(data, source)
    for finding in archive.check(data, entries):
        raise _wrong(source, finding.message)
    files = dict(entries)
    try:
        manifest = json.loads(files.get(MANIFEST, b""))
    except ValueError:
        raise _wrong(source, "the manifest cannot be read") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("test"), str):
        raise _wrong(source, "the manifest is none of a denial-of-access test")
    rest = {name: content for name, content in files.items() if name not in (MANIFEST, SIGNATURE)}
    signer, root, signature = str(manifest.get("signed_by")), str(manifest.get("root")), signature_of(files)
    try:
        body = {**_body(str(manifest["test"]), rest, signer), "drorch_version": manifest.get("drorch_version")}
    except DrorchError as error:
        raise _wrong(source, error.what) from None
    if content_hash(body) != root or _text({**body, "root": root}) != files[MANIFEST]:
        raise _wrong(source, "a file is not as it was sealed")
    if signature is None or signature_holds(root, public_key=signer, signature=signature) is not True:
        raise _wrong(source, "the signature does not hold, or cannot be checked here")
    return TestEvidence(test=str(manifest["test"]), root=root, signed_by=signer, files=rest)


def _body(test: str, files: Mapping[str, bytes], signed_by: str) -> dict[str, object]:
    events = records_in(files.get("journal.jsonl", b""), "journal.jsonl")
    return {
        "schema": 2,
        "kind": "denial-of-access-test",
        "test": test,
        "drorch_version": __version__,
        "journal": {"events": len(events), "head": events[-1].hash if events else GENESIS},
        "files": {
            name: {"sha256": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
            for name, content in sorted(files.items())
        },
        "signed_by": signed_by,
    }


def _wrong(source: str, what: str) -> InputInvalid:
    return InputInvalid(f"the evidence does not hold: {what}", where=source, next_step="take it from its copy")


def _text(data: Mapping[str, object]) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
