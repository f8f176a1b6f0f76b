"""Tamper with the exported evidence of a real run in every way; drorch and the stand-alone verifier name it alike."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import journal_at

from drorch.adapters.ansible.attempt import AttemptFolder, AttemptRequest, without_result
from drorch.app import composition
from drorch.core.errors import Broken, DrorchError, InputInvalid, NotFound, Refused
from drorch.core.files import write_whole
from drorch.core.ids import canonical_json, content_hash
from drorch.core.state_folder import RunFolder, run_folder
from drorch.core.stream import GENESIS, chained
from drorch.evidence import archive, seal
from drorch.evidence.export import Exported, export_run, verify_archive, verify_data, write_archive
from drorch.evidence.signatures import load_signer
from drorch.run.ports import PlaybookStatus
from drorch.testing.evidence import recorded_run, write_estate
from drorch.testing.runs import RUN

STAND_ALONE = Path(__file__).parents[2] / "tools" / "verify_evidence.py"
IDENT = "nyc-platform--recover.1"
Files = dict[str, bytes]
Found = set[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Files with an Ed25519 key pair."""

    private: Path
    public: Path


def make_keys(folder: Path, name: str) -> Keys:
    """A new key pair below ``folder``."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    keys = Keys(private=folder / f"{name}.pem", public=folder / f"{name}.pub")
    keys.private.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    keys.private.chmod(0o600)
    keys.public.write_bytes(key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    return keys


def make_run(home: Path) -> RunFolder:
    """A recorded run with the artifacts of one playbook, and things in its folder that must not leave."""
    with journal_at(home) as journal:
        folder = recorded_run(home, journal)
    attempt = AttemptFolder.at(home / "runs", RUN, IDENT)
    assert attempt.open(AttemptRequest(run=RUN, ident=IDENT))
    attempt.finish(without_result(IDENT, PlaybookStatus.LOST, "no word"))
    write_whole(attempt.path / "stdout", "PLAY [db]\n")
    write_whole(attempt.path / "job_events" / "1-a.json", '{"event":"playbook_on_start"}')
    write_whole(attempt.path / "job_events" / "2-b-partial.json", '{"not":"redacted"}')
    write_whole(attempt.runner / "env" / "extravars", '{"not":"redacted"}')
    return folder


def export(home: Path, key: Path | None = None) -> Exported:
    """What ``drorch report export`` does."""
    return export_run(composition.sealing(home), RUN, None if key is None else load_signer(key))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with one run; tests only read it."""
    folder = tmp_path_factory.mktemp("home")
    make_run(folder)
    return folder


@pytest.fixture(scope="module")
def keys(home: Path) -> Keys:
    """The signer's keys."""
    return make_keys(home, "signer")


@pytest.fixture(scope="module")
def signed(home: Path, keys: Keys) -> Files:
    """The files of a signed archive."""
    return dict(archive.unpack(export(home, keys.private).data, "signed"))


@pytest.fixture(scope="module")
def files(home: Path) -> Files:
    """The files of an archive that nobody signed."""
    return dict(archive.unpack(export(home).data, "unsigned"))


@pytest.fixture(scope="module")
def stand_alone() -> ModuleType:
    """The stand-alone verifier as a module."""
    spec = importlib.util.spec_from_file_location("verify_evidence", STAND_ALONE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pack(found: Mapping[str, bytes]) -> bytes:
    """The archive of these files."""
    return archive.pack(list(found.items()))


def by_drorch(data: bytes) -> Found | None:
    """Codes and places drorch finds; None when it is no archive."""
    try:
        return {(item.code, str(item.subject)) for item in verify_data(data, "x").verification.findings}
    except InputInvalid:
        return None


def by_stand_alone(module: ModuleType, data: bytes) -> Found | None:
    """The same by the stand-alone verifier."""
    try:
        return {(item["code"], item["subject"]) for item in module.verify(data)["findings"]}
    except module.Unreadable:
        return None


def resealed(found: Files, **changes: object) -> Files:
    """As a forger would: the manifest's hashes and root made to fit again, and ``changes`` of its other fields."""
    manifest = json.loads(found[seal.MANIFEST])
    manifest["files"] = {
        name: {"sha256": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in found.items()
        if name not in {seal.MANIFEST, seal.SIGNATURE}
    }
    manifest |= changes
    manifest["root"] = content_hash({key: value for key, value in manifest.items() if key != "root"})
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return {**found, seal.MANIFEST: text.encode()}


def lines(found: Files) -> list[bytes]:
    """The journal's lines with their ends."""
    return found[seal.JOURNAL].splitlines(keepends=True)


def with_lines(found: Files, changed: list[bytes]) -> Files:
    """Another journal."""
    return {**found, seal.JOURNAL: b"".join(changed)}


def with_json(found: Files, name: str, change: Callable[[dict[str, Any]], object]) -> Files:
    """Another content of a JSON file."""
    data = json.loads(found[name])
    change(data)
    return {**found, name: canonical_json(data).encode()}


def without(found: Files, *names: str) -> Files:
    """Some files less."""
    return {name: content for name, content in found.items() if name not in names}


def rechained(found: Files, change: Callable[[list[dict[str, Any]]], object]) -> Files:
    """As a forger would: events changed and the whole chain computed anew, the manifest made to fit."""
    events = [json.loads(line) for line in lines(found)]
    change(events)
    previous = GENESIS
    for event in events:
        del event["hash"], event["prev"]
        linked = chained(previous, canonical_json(event))
        event["prev"], event["hash"], previous = previous, linked, linked
    again = with_lines(found, [canonical_json(event).encode() + b"\n" for event in events])
    return resealed(again, journal={"events": len(events), "head": previous})


def event_with(found: Files, number: int, old: bytes, new: bytes) -> Files:
    """Something replaced in one event."""
    changed = lines(found)
    assert old in changed[number - 1]
    changed[number - 1] = changed[number - 1].replace(old, new, 1)
    return with_lines(found, changed)


def swapped(found: Files, one: str, other: str) -> Files:
    """Two files in each other's place."""
    return {**found, one: found[other], other: found[one]}


def moved(found: Files) -> Files:
    """Events 5 and 6 in each other's place."""
    changed = lines(found)
    changed[4], changed[5] = changed[5], changed[4]
    return with_lines(found, changed)


def replanned(found: Files) -> Files:
    """Another plan with a hash of its own."""
    data = json.loads(found[seal.PLAN])
    data["title"] = "another"
    data["id"] = content_hash({key: value for key, value in data.items() if key != "id"})
    return resealed({**found, seal.PLAN: canonical_json(data).encode()})


def recatalogued(found: Files) -> Files:
    """Another catalog with a content id of its own."""
    data = json.loads(found[seal.CATALOG])
    data["applications"][0]["rto"]["seconds"] = 999999.0
    data["content_id"] = content_hash({key: value for key, value in data.items() if key != "content_id"})
    return resealed({**found, seal.CATALOG: canonical_json(data).encode()})


def report_of(found: Files, **changes: object) -> Files:
    """Other facts of the run in the record."""
    return resealed(with_json(found, seal.REPORT, lambda report: report["run"].update(changes)))


LAST, LAST_BUT_ONE = "the last event", "the last event but one"
"""Places that depend on how many events a run has."""

TAMPERINGS: dict[str, tuple[Callable[[Files], Files], Found]] = {
    **{
        f"dropped {name}": (lambda files, name=name: without(files, name), {("file-missing", name)})  # type: ignore[misc]
        for name in (*seal.REQUIRED, *seal.OPTIONAL, f"playbooks/{IDENT}/result.json")
    },
    "dropped and the manifest made to fit": (
        lambda files: resealed(without(files, "report.txt")),
        {("file-missing", "report.txt")},
    ),
    "dropped manifest": (lambda files: without(files, seal.MANIFEST), {("manifest-missing", seal.MANIFEST)}),
    "added file": (lambda files: {**files, "more.txt": b"x"}, {("file-added", "more.txt")}),
    "swapped files": (
        lambda files: swapped(files, "samples.jsonl", "canaries.jsonl"),
        {("file-swapped", "samples.jsonl"), ("file-swapped", "canaries.jsonl")},
    ),
    "changed sample": (
        lambda files: {**files, "samples.jsonl": files["samples.jsonl"].replace(b"false", b"true ", 1)},
        {("file-changed", "samples.jsonl")},
    ),
    "dropped event": (
        lambda files: with_lines(files, lines(files)[:4] + lines(files)[5:]),
        {("event-missing", "event 5"), ("file-changed", seal.JOURNAL), ("report-journal", seal.REPORT)},
    ),
    "dropped event, manifest made to fit": (
        lambda files: resealed(with_lines(files, lines(files)[:4] + lines(files)[5:])),
        {("event-missing", "event 5"), ("report-journal", seal.REPORT)},
    ),
    "dropped first event": (
        lambda files: resealed(with_lines(files, lines(files)[1:])),
        {("event-missing", "event 1"), ("report-journal", seal.REPORT), ("journal-begin", "event 1")},
    ),
    "reordered events": (lambda files: resealed(moved(files)), {("event-moved", "event 5")}),
    "repeated event": (
        lambda files: resealed(with_lines(files, lines(files)[:5] + lines(files)[4:])),
        {("event-moved", "event 6"), ("report-journal", seal.REPORT)},
    ),
    "changed event": (
        lambda files: resealed(event_with(files, 2, b"Ana Approver", b"Eve Approver")),
        {("event-changed", "event 2")},
    ),
    "changed time of an event": (
        lambda files: resealed(event_with(files, 7, b'"mono":1', b'"mono":2')),
        {("event-changed", "event 7")},
    ),
    "changed chain value": (
        lambda files: resealed(event_with(files, 9, b'"hash":"sha256:', b'"hash":"sha256:0')),
        {("event-changed", "event 9")},
    ),
    "truncated tail": (
        lambda files: resealed(with_lines(files, lines(files)[:-2])),
        {("journal-tail", LAST_BUT_ONE), ("report-journal", seal.REPORT)},
    ),
    "truncated tail, manifest made to fit": (
        lambda files: rechained(files, lambda events: events.pop()),
        {("report-journal", seal.REPORT)},
    ),
    "torn tail": (
        lambda files: resealed({**files, seal.JOURNAL: files[seal.JOURNAL][:-9]}),
        {("event-unreadable", LAST), ("report-journal", seal.REPORT)},
    ),
    "event that is no event": (
        lambda files: resealed(with_lines(files, [*lines(files)[:2], b"{}\n", *lines(files)[3:]])),
        {("event-unreadable", "event 3"), ("report-journal", seal.REPORT)},
    ),
    "empty journal": (
        lambda files: resealed({**files, seal.JOURNAL: b""}),
        {("journal-tail", "event 1"), ("report-journal", seal.REPORT), ("journal-begin", "event 1")},
    ),
    "journal written anew by a forger": (
        lambda files: rechained(files, lambda events: events[1]["body"].update(person="Eve Approver")),
        {("report-journal", seal.REPORT)},
    ),
    "event of another run, chained anew": (
        lambda files: rechained(files, lambda events: events[5].update(stream="run/other")),
        {("run-id", "event 6"), ("report-journal", seal.REPORT)},
    ),
    "other head in the manifest": (
        lambda files: resealed(files, journal={"events": len(lines(files)), "head": GENESIS}),
        {("journal-head", seal.JOURNAL)},
    ),
    "other head in the report": (
        lambda files: report_of(files, journal_head=GENESIS),
        {("report-journal", seal.REPORT)},
    ),
    "other number of events in the report": (
        lambda files: report_of(files, journal_events=len(lines(files)) + 1),
        {("report-journal", seal.REPORT)},
    ),
    "report of another run": (lambda files: report_of(files, id="other"), {("run-id", seal.REPORT)}),
    "report of another plan": (lambda files: report_of(files, plan_id=GENESIS), {("plan-hash", seal.REPORT)}),
    "report of another catalog": (lambda files: report_of(files, catalog_id=GENESIS), {("catalog-hash", seal.REPORT)}),
    "report that is no object": (
        lambda files: resealed({**files, seal.REPORT: b"[]"}),
        {("file-unreadable", seal.REPORT), ("report-journal", seal.REPORT)},
    ),
    "changed plan": (
        lambda files: resealed(with_json(files, seal.PLAN, lambda plan: plan.update(title="another"))),
        {("plan-hash", seal.PLAN)},
    ),
    "changed plan with its own hash": (replanned, {("plan-hash", seal.PLAN)}),
    "changed catalog with its own hash": (
        lambda files: {**recatalogued(files), "app_catalog.yaml": files["app_catalog.yaml"]},
        {("catalog-hash", seal.CATALOG)},
    ),
    "manifest of another run": (lambda files: resealed(files, run="other"), {("run-id", seal.MANIFEST)}),
    "manifest of another plan": (lambda files: resealed(files, plan_id=GENESIS), {("plan-hash", seal.MANIFEST)}),
    "manifest of another catalog": (
        lambda files: resealed(files, catalog_id=GENESIS),
        {("catalog-hash", seal.MANIFEST)},
    ),
    "manifest with another root": (
        lambda files: {**files, seal.MANIFEST: files[seal.MANIFEST].replace(b'"run": "2013', b'"run": "2014')},
        {("manifest-root", seal.MANIFEST), ("run-id", seal.MANIFEST)},
    ),
    "manifest in another spelling": (
        lambda files: {**files, seal.MANIFEST: files[seal.MANIFEST] + b"\n"},
        {("manifest-unreadable", seal.MANIFEST)},
    ),
    "manifest of a later schema": (
        lambda files: resealed(files, schema=3),
        {("manifest-unreadable", seal.MANIFEST)},
    ),
    "signature added": (
        lambda files: {**files, seal.SIGNATURE: b"{}"},
        {("signature-added", seal.SIGNATURE)},
    ),
}
YAML_ALONE = {("catalog-text", "app_catalog.yaml")}
"""Only drorch reads YAML; the stand-alone verifier says that it does not."""


def test_what_was_exported_holds_for_both(home: Path, files: Files, signed: Files, stand_alone: ModuleType) -> None:
    for found in (files, signed):
        assert by_drorch(pack(found)) == set()
        assert by_stand_alone(stand_alone, pack(found)) == set()
    assert len(lines(files)) > 20
    assert export(home).data == pack(files), "the same run gives the same bytes"


def test_the_archive_holds_everything_and_nothing_that_is_not_redacted(files: Files) -> None:
    of_playbooks = {name for name in files if name.startswith("playbooks/")}
    assert {name.removeprefix(f"playbooks/{IDENT}/") for name in of_playbooks} == {
        "request.json",
        "result.json",
        "stdout",
        "job_events/1-a.json",
    }
    assert files.keys() - of_playbooks == {*seal.REQUIRED, *seal.OPTIONAL, seal.MANIFEST}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_each_tampering_is_named_alike_by_both(name: str, files: Files, stand_alone: ModuleType) -> None:
    tamper, expected = TAMPERINGS[name]
    data = pack(tamper(dict(files)))
    found = by_stand_alone(stand_alone, data)
    assert found is not None
    count = len(lines(files))
    places = {LAST: f"event {count}", LAST_BUT_ONE: f"event {count - 1}"}
    assert {(code, places.get(place, place)) for code, place in expected} <= found, found
    drorch = by_drorch(data)
    assert drorch is not None
    assert drorch - YAML_ALONE == found


def test_every_single_dropped_event_is_named(files: Files, stand_alone: ModuleType) -> None:
    for number in range(1, len(lines(files))):
        data = pack(resealed(with_lines(files, lines(files)[: number - 1] + lines(files)[number:])))
        found = by_drorch(data)
        assert found is not None
        assert ("event-missing", f"event {number}") in found
        assert by_stand_alone(stand_alone, data) == found


def test_another_yaml_text_is_found_by_drorch_and_the_other_says_that_it_does_not_look(
    files: Files, stand_alone: ModuleType
) -> None:
    changed = files["app_catalog.yaml"].replace(b"rto: {time: 2h", b"rto: {time: 9h")
    data = pack(resealed({**files, "app_catalog.yaml": changed}))
    assert by_drorch(data) == YAML_ALONE
    assert by_stand_alone(stand_alone, data) == set()
    assert "app_catalog.yaml" in stand_alone.verify(data)["not_checked"][0]


def test_yaml_of_another_drorch_version_is_not_judged_and_said_so(files: Files) -> None:
    changed = {**files, "app_catalog.yaml": b"schema: 2\n"}
    verified = verify_data(pack(resealed(changed, drorch_version="99")), "x")
    assert verified.verification.holds
    assert "another drorch version" in verified.not_checked[0]


def entries_twice(files: Files) -> bytes:
    """A file that is there twice: which one is the evidence?"""
    return archive.pack([*files.items(), ("report.txt", b"other")])


def packed_anew(files: Files, method: int, comment: bytes = b"") -> bytes:
    """The same files by another program."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as opened:
        opened.comment = comment
        for name, content in sorted(files.items()):
            opened.writestr(name, content)
    return stream.getvalue()


STRUCTURES: dict[str, tuple[Callable[[Files], bytes], Found | None]] = {
    "twice": (entries_twice, {("file-twice", "report.txt")}),
    "trailing data": (lambda files: pack(files) + b"x", {("archive-bytes", "archive")}),
    "leading data": (lambda files: b"x" + pack(files), None),
    "cut": (lambda files: pack(files)[:-1], {("archive-bytes", "archive")}),
    "cut in half": (lambda files: pack(files)[: len(pack(files)) // 2], None),
    "compressed": (lambda files: packed_anew(files, zipfile.ZIP_DEFLATED), set()),
    "packed anew": (lambda files: packed_anew(files, zipfile.ZIP_STORED), {("archive-bytes", "archive")}),
    "comment": (lambda files: packed_anew(files, zipfile.ZIP_STORED, b"hello"), {("archive-bytes", "archive")}),
    "empty": (lambda _files: b"", None),
    "empty archive": (lambda _files: packed_anew({}, zipfile.ZIP_STORED), None),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_each_other_structure_is_found_alike_by_both(name: str, files: Files, stand_alone: ModuleType) -> None:
    tamper, expected = STRUCTURES[name]
    data = tamper(files)
    found = by_drorch(data)
    assert by_stand_alone(stand_alone, data) == (None if found is None else found - YAML_ALONE)
    if expected is None:
        assert found is None
    else:
        assert found
        assert expected <= found


def test_one_flipped_bit_at_many_places_is_found_by_both(signed: Files, stand_alone: ModuleType) -> None:
    data = pack(signed)
    for at in range(0, len(data), len(data) // 150):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        found = by_drorch(bytes(changed))
        assert found is None or found, at
        alone = by_stand_alone(stand_alone, bytes(changed))
        assert alone is None or alone, at
        assert (found is None) == (alone is None), at


@given(st.data())
def test_both_agree_on_whatever_is_done_to_a_file(files: Files, stand_alone: ModuleType, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    at, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 40))
    changed = {**files, name: content[:at] + data.draw(st.binary(max_size=20)) + content[at + length :]}
    if data.draw(st.booleans()) and name != seal.MANIFEST:
        changed = resealed(changed)
    found = by_drorch(pack(changed))
    assert found is not None
    assert found - {*YAML_ALONE, ("signature-missing", seal.SIGNATURE)} == by_stand_alone(stand_alone, pack(changed))


# Signatures


def test_a_signature_holds_for_its_signer_and_nobody_else(
    tmp_path: Path, home: Path, keys: Keys, signed: Files, files: Files
) -> None:
    path = tmp_path / "e.zip"
    path.write_bytes(pack(signed))
    assert verify_archive(path, keys.public).verification.holds
    assert "you trust" in verify_archive(path, keys.public).signature
    assert "--key" in verify_archive(path).not_checked[0]

    other = make_keys(tmp_path, "other")
    assert {item.code for item in verify_archive(path, other.public).verification.findings} == {"signature-signer"}
    path.write_bytes(pack(files))
    assert {item.code for item in verify_archive(path, keys.public).verification.findings} == {"signature-missing"}
    assert verify_archive(path).signature == "not signed"


def test_a_forged_archive_cannot_keep_the_signature(signed: Files, stand_alone: ModuleType) -> None:
    forged = resealed({**signed, "report.txt": b"all is well"})
    assert by_drorch(pack(forged)) == {("signature-changed", seal.SIGNATURE), ("signature-wrong", seal.SIGNATURE)}
    assert by_stand_alone(stand_alone, pack(forged)) == {("signature-changed", seal.SIGNATURE)}
    root = json.loads(forged[seal.MANIFEST])["root"]
    forged = with_json(forged, seal.SIGNATURE, lambda data: data.update(root=root))
    forged[seal.SIGNATURE] = (json.dumps(json.loads(forged[seal.SIGNATURE]), indent=1, sort_keys=True) + "\n").encode()
    assert by_drorch(pack(forged)) == {("signature-wrong", seal.SIGNATURE)}
    assert by_stand_alone(stand_alone, pack(forged)) == set()
    assert "Ed25519" in stand_alone.verify(pack(forged))["not_checked"][-1]
    assert by_drorch(pack(without(signed, seal.SIGNATURE))) == {("signature-missing", seal.SIGNATURE)}
    unsigned = resealed(without(signed, seal.SIGNATURE), signed_by=None)
    assert by_drorch(pack(unsigned)) == set(), "only --key finds that a signature was taken away with care"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    key = make_keys(tmp_path, "k").private
    key.chmod(mode)
    with pytest.raises(InputInvalid, match="read by others") as caught:
        load_signer(key)
    assert "chmod 600" in str(caught.value)


def test_a_key_of_another_kind_is_refused_with_what_to_do(tmp_path: Path, keys: Keys) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    elliptic = ec.generate_private_key(ec.SECP256R1())
    pem = form.Encoding.PEM, form.PrivateFormat.PKCS8
    cases = {
        "not a private key": b"nonsense",
        "not an Ed25519 key": elliptic.private_bytes(*pem, form.NoEncryption()),
        "is encrypted": elliptic.private_bytes(*pem, form.BestAvailableEncryption(b"x")),
    }
    for said, content in cases.items():
        path = tmp_path / "key.pem"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(InputInvalid, match=said) as caught:
            load_signer(path)
        assert "openssl" in str(caught.value.next_step)
    with pytest.raises(NotFound):
        load_signer(tmp_path / "absent.pem")
    archive_file = tmp_path / "e.zip"
    archive_file.write_bytes(b"")
    with pytest.raises(InputInvalid, match="not a public key"):
        verify_archive(archive_file, keys.private)


# What must not leave


SECRET = 'pa"ss\\wörd&<1>'


@pytest.mark.parametrize(
    "spelling",
    [SECRET, json.dumps(SECRET), json.dumps(SECRET, ensure_ascii=False), "pa&quot;ss\\wörd&amp;&lt;1&gt;"],
)
@pytest.mark.parametrize("name", ["report.txt", f"playbooks/{IDENT}/stdout", f"playbooks/{IDENT}/job_events/1-a.json"])
def test_a_known_secret_is_never_exported(tmp_path: Path, spelling: str, name: str) -> None:
    folder = make_run(tmp_path)
    write_estate(tmp_path, {"tsig": SECRET})
    assert export(tmp_path).files
    file = folder.path / name
    file.write_text(file.read_text(encoding="utf-8") + spelling, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        export(tmp_path)
    assert caught.value.where == name
    assert SECRET not in str(caught.value)


def test_a_private_key_is_never_exported_even_if_nobody_knows_it(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    stdout = folder.path / "playbooks" / IDENT / "stdout"
    stdout.write_text("-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----")
    assert export(tmp_path).files
    stdout.write_bytes(make_keys(tmp_path, "k").private.read_bytes())
    with pytest.raises(Refused) as caught:
        export(tmp_path)
    assert caught.value.where == f"playbooks/{IDENT}/stdout"


@pytest.mark.parametrize("gone", ["estate.yml", "pgpass", "tsig.json", "inventory.yml"])
def test_what_could_not_be_looked_for_is_said(tmp_path: Path, gone: str) -> None:
    make_run(tmp_path)
    (tmp_path / "estate" / gone).unlink()
    assert any(gone in note and "cannot be read" in note for note in export(tmp_path).notes)


# What is not exported


def test_a_changed_journal_a_stale_record_or_a_missing_one_is_not_sealed(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    record = folder.report("json")
    whole = record.read_bytes()
    record.write_bytes(whole.replace(b'"journal_events": ', b'"journal_events": 1'))
    with pytest.raises(Broken, match="another journal") as caught:
        export(tmp_path)
    assert "run attach" in str(caught.value.next_step)
    record.write_bytes(whole)
    assert export(tmp_path).files
    database = sqlite3.connect(tmp_path / "store.sqlite")
    with database:
        database.execute("update events set person = 'Eve Approver' where seq = 2")
    database.close()
    with pytest.raises(Broken, match="record 2 does not follow"):
        export(tmp_path)
    record.unlink()
    with pytest.raises(NotFound, match="no report"):
        export(tmp_path)


def test_an_absent_file_is_declared(tmp_path: Path, stand_alone: ModuleType) -> None:
    folder = make_run(tmp_path)
    folder.present.unlink()
    exported = export(tmp_path)
    assert any("present.json" in note for note in exported.notes)
    found = dict(archive.unpack(exported.data, "x"))
    assert json.loads(found[seal.MANIFEST])["absent"] == ["present.json"]
    assert by_stand_alone(stand_alone, exported.data) == set()


def test_evidence_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    write_archive(path, b"one")
    write_archive(path, b"one")
    with pytest.raises(InputInvalid, match="not overwritten"):
        write_archive(path, b"other")
    assert path.read_bytes() == b"one"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Broken, match="cannot be written"):
        write_archive(tmp_path / "absent" / "e.zip", b"one")
    assert [item.name for item in tmp_path.iterdir()] == ["e.zip"]


# The two commands


def drorch(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    command = [sys.executable, "-m", "drorch", "report", *arguments]
    environment = {"DRORCH_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(STAND_ALONE.parents[1])}
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=60, check=False)


def alone(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The stand-alone verifier with nothing but the standard library."""
    command = [sys.executable, "-I", "-S", str(STAND_ALONE), *map(str, arguments)]
    return subprocess.run(command, env={}, cwd="/", capture_output=True, text=True, timeout=60, check=False)


def test_both_commands_say_in_words_and_exit_code_how_it_stands(tmp_path: Path) -> None:
    make_run(tmp_path)
    keys = make_keys(tmp_path, "k")
    path = tmp_path / "e.zip"
    done = drorch(tmp_path, "export", RUN, "-o", str(path), "--sign", str(keys.private), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()

    good = drorch(tmp_path, "verify", str(path), "--key", str(keys.public), "--json")
    assert good.returncode == 0
    assert (json.loads(good.stdout)["holds"], json.loads(good.stdout)["root"]) == (True, told["root"])
    assert alone(path).returncode == 0
    assert told["sha256"] in alone(path).stdout
    assert "not checked here: the Ed25519 signature" in alone(path).stdout
    assert json.loads(alone(path, "--json").stdout)["root"] == told["root"]

    data = bytearray(path.read_bytes())
    data[data.index(b"Ana Approver")] ^= 1
    path.write_bytes(data)
    for bad in (drorch(tmp_path, "verify", str(path)), alone(path)):
        assert bad.returncode == 1
        assert "DOES NOT HOLD" in bad.stdout
        assert "event 2" in bad.stdout
    path.write_bytes(b"not an archive")
    for unreadable in (drorch(tmp_path, "verify", str(path)), alone(path), alone(tmp_path / "absent"), alone()):
        assert unreadable.returncode == 2
        assert unreadable.stderr
        assert "Traceback" not in unreadable.stderr


@pytest.mark.parametrize("arguments", [("export", "nobody"), ("verify", "absent.zip"), ("export", "../x")], ids=str)
def test_bad_input_is_one_clear_error(home: Path, arguments: tuple[str, ...]) -> None:
    done = drorch(home, *arguments)
    assert done.returncode == 2
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_stand_alone_verifier_imports_nothing_but_the_standard_library() -> None:
    imported = {
        line.split()[1].split(".")[0]
        for line in STAND_ALONE.read_text(encoding="utf-8").splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= sys.stdlib_module_names


def test_unknown_runs_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DrorchError):
        export_run(composition.sealing(tmp_path), "nobody")
    assert not run_folder(tmp_path, "nobody", must_exist=False).path.exists()
