"""The archive is one and only, and the seal sees every byte: pure, over small made-up files."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json, content_hash
from drorch.core.stream import line_of
from drorch.evidence import archive, seal
from drorch.run.events import JOURNAL_SCHEMA, Paused, RunCreated
from drorch.testing.fakes import MemoryJournal
from drorch.testing.runs import RUN, events_of

Found = set[tuple[str, str | None]]

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
FILES = st.dictionaries(NAMES, st.binary(max_size=60), min_size=1, max_size=5)


def small_files() -> dict[str, bytes]:
    """The least that can be sealed: two events, and a plan, a catalog and a report that belong to them."""
    plan: dict[str, object] = {"title": "small"}
    catalog: dict[str, object] = {"title": "small"}
    plan["catalog_id"] = catalog_id = content_hash(catalog)
    plan_id = content_hash(plan)
    journal = MemoryJournal()
    events = events_of(
        RunCreated(
            schema=JOURNAL_SCHEMA,
            drorch_version="0",
            plan_id=plan_id,
            catalog_id=catalog_id,
            estate_id="sha256:0",
            kind="drill",
            groups=("g",),
            operator="o",
            host="h",
        ),
        Paused(person="p", reason="r"),
    )
    journal.append(events)
    told = {"id": events[0].run, "plan_id": plan_id, "catalog_id": catalog_id}
    told |= {"journal_events": 2, "journal_head": events[-1].chain}
    return {
        seal.JOURNAL: "".join(line_of(record, whole=True) + "\n" for record in journal.records(RUN)).encode(),
        seal.PLAN: canonical_json({**plan, "id": plan_id}).encode(),
        seal.CATALOG: canonical_json({**catalog, "content_id": catalog_id}).encode(),
        seal.REPORT: canonical_json({"run": told}).encode(),
        "app_catalog.yaml": b"title: small\n",
        "context.json": b"{}",
        "report.html": b"<p>",
        "report.txt": b"small",
    }


def sealed(files: Mapping[str, bytes], signed_by: str | None = None) -> dict[str, bytes]:
    """The files with their manifest."""
    return {**files, seal.MANIFEST: seal.seal(files, drorch_version="0", signed_by=signed_by).manifest}


def found_in(files: Mapping[str, bytes]) -> Found:
    """Codes and places of what does not hold."""
    return {(item.code, item.subject) for item in seal.verify(files).findings}


def found_in_archive(data: bytes) -> Found:
    """The same of the bytes of an archive; InputInvalid when they are none."""
    entries = archive.unpack(data, "x.zip")
    return {(item.code, item.subject) for item in archive.check(data, entries)} | found_in(dict(entries))


@given(FILES)
def test_an_archive_gives_back_its_files_and_other_programs_can_read_it(files: dict[str, bytes]) -> None:
    data = archive.pack(list(files.items()))
    entries = archive.unpack(data, "x.zip")
    assert dict(entries) == files
    assert list(archive.check(data, entries)) == []
    assert data == archive.pack(list(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == files


def test_everything_fits_together_and_the_manifest_says_what_is_absent() -> None:
    files = sealed(small_files())
    found = seal.verify(files)
    assert (found.holds, found.findings, found.events, found.files) == (True, (), 2, 9)
    manifest = json.loads(files[seal.MANIFEST])
    assert manifest["absent"] == list(seal.OPTIONAL)
    assert manifest["root"] == found.root
    assert manifest["files"].keys() == small_files().keys()


@pytest.mark.parametrize("change", [0x01, 0x20, 0x80, 0xFF], ids=hex)
def test_no_changed_byte_anywhere_goes_unseen(change: int) -> None:
    data = archive.pack(list(sealed(small_files()).items()))
    assert found_in_archive(data) == set()
    unseen = []
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= change
        try:
            if not found_in_archive(bytes(changed)):
                unseen.append(at)
        except InputInvalid:
            continue
    assert unseen == []


@given(st.data())
def test_no_missing_or_added_byte_goes_unseen(data: st.DataObject) -> None:
    whole = archive.pack(list(sealed(small_files()).items()))
    at = data.draw(st.integers(0, len(whole)))
    more = data.draw(st.binary(min_size=1, max_size=40))
    for changed in (whole[:at], whole[at:], whole[:at] + more + whole[at:]):
        if changed == whole:
            continue
        try:
            found = found_in_archive(changed)
        except InputInvalid:
            continue
        assert found


@pytest.mark.parametrize("field", ["schema", "run", "plan_id", "journal", "files", "absent", "signed_by", "root"])
@pytest.mark.parametrize("value", [None, 7, True, "x", [], [1], {}, {"a": 1}, {"a": {}}], ids=repr)
def test_a_manifest_of_another_form_is_found_and_never_raises(field: str, value: object) -> None:
    files = sealed(small_files())
    manifest = {**json.loads(files[seal.MANIFEST]), field: value}
    if manifest == json.loads(files[seal.MANIFEST]):
        return
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    assert {code for code, _ in found_in({**files, seal.MANIFEST: text.encode()})} & {
        "manifest-unreadable",
        "manifest-root",
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b"null", b"NaN", b'{"a":1e999}', b'{"a":"\\ud800"}', b"[" * 5000, b'{"a":' * 5000],
    ids=lambda content: repr(content[:12]),
)
def test_files_of_another_kind_are_found_and_never_raise(content: bytes) -> None:
    good = sealed(small_files())
    for name in (seal.MANIFEST, seal.JOURNAL, seal.PLAN, seal.CATALOG, seal.REPORT, seal.SIGNATURE):
        found = found_in({**good, name: content})
        assert any(subject in {name, "event 1"} for _, subject in found), name
        for line_end in (b"\n", b"\n\n"):
            assert found_in({**good, name: content + line_end}), name


def test_a_signature_belongs_to_the_manifest_and_its_signer() -> None:
    files = sealed(small_files(), signed_by="Kc==")
    root = seal.verify(files).root or ""
    good = seal.signature_file(root=root, public_key="Kc==", signature="Sg==")
    assert found_in({**files, seal.SIGNATURE: good}) == set()
    assert seal.signature_of({seal.SIGNATURE: good}) == "Sg=="
    assert found_in(files) == {("signature-missing", seal.SIGNATURE)}
    assert found_in({**sealed(small_files()), seal.SIGNATURE: good}) == {("signature-added", seal.SIGNATURE)}
    for other in (
        seal.signature_file(root=root, public_key="Other", signature="Sg=="),
        seal.signature_file(root="sha256:0", public_key="Kc==", signature="Sg=="),
        good + b" ",
        b"{}",
    ):
        assert found_in({**files, seal.SIGNATURE: other}) == {("signature-changed", seal.SIGNATURE)}


@pytest.mark.parametrize("name", seal.REQUIRED)
def test_nothing_is_sealed_without_what_belongs_to_it(name: str) -> None:
    files = small_files()
    del files[name]
    with pytest.raises(InputInvalid, match="not there"):
        seal.seal(files, drorch_version="0")


@pytest.mark.parametrize("journal", [b"", b"{}\n", b"x", b'{"seq":1,"chain":"c","kind":"paused","body":{}}\n'])
def test_nothing_is_sealed_without_a_journal(journal: bytes) -> None:
    with pytest.raises(InputInvalid, match="not the journal"):
        seal.seal({**small_files(), seal.JOURNAL: journal}, drorch_version="0")


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"\0" * 100, b"PK\x01\x02"])
def test_what_is_no_archive_is_refused_with_its_name(data: bytes) -> None:
    with pytest.raises(InputInvalid, match="not readable") as caught:
        archive.unpack(data, "some.zip")
    assert caught.value.where == "some.zip"
    assert caught.value.next_step
