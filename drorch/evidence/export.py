"""Export a run's evidence as one archive, and verify such an archive. `evidence.seal` judges; this reads and writes."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from drorch import __version__
from drorch.catalog.files import load_catalog_file
from drorch.catalog.load import load_catalog
from drorch.core.codec import plain, to_text
from drorch.core.errors import Broken, DrorchError, InputInvalid, NotFound, Refused
from drorch.core.files import read_file, read_input, write_new
from drorch.core.findings import Finding
from drorch.core.ids import canonical_json
from drorch.core.redact import SHORTEST_SECRET
from drorch.core.state_folder import RunContext, RunFolder, run_folder, watch_folder
from drorch.core.stream import line_of
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.evidence import archive, seal
from drorch.evidence.signatures import Signer, load_public_key, signature_holds
from drorch.run.journal import RunJournal

_OF_A_PLAYBOOK = ("request.json", "result.json", "stdout")
"""What is kept of an attempt besides its job events: redacted by drorch, and nothing that only a process needs."""
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(?!\[redacted\])")
_YAML_NOT_CHECKED = "that app_catalog.yaml means what catalog.json says: another drorch version wrote the archive"


@dataclass(frozen=True, kw_only=True)
class KnownSecrets:
    """Secret values that must not leave, and the files with secrets that could not be read to know theirs."""

    values: frozenset[str]
    unread: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SealingParts:
    """What an export needs from the world."""

    home: Path
    journal: RunJournal
    secrets: Callable[[Estate], KnownSecrets]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An archive as bytes, and what identifies it."""

    run: str
    data: bytes
    root: str
    sha256: str
    files: int
    signed_by: str | None
    notes: tuple[str, ...]
    """What a person should know: what could not be looked at, what is not in it."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """The result of verifying one archive."""

    verification: seal.Verification
    sha256: str
    signature: str
    """One sentence on the signature."""
    not_checked: tuple[str, ...]


def export_run(parts: SealingParts, run: str, signer: Signer | None = None) -> Exported:
    """The archive of a run's evidence; the same run gives the same bytes. Nothing is written.

    NotFound when the run or its record is not there, Refused when a secret would leave, Broken when what is on disk
    does not fit together (the archive would not verify).
    """
    folder = run_folder(parts.home, run)
    context = read_file(folder.context, RunContext)
    files = _files(parts, run, folder, context.watch)
    notes = _guard(parts, files, context.estate)
    sealed = seal.seal(files, drorch_version=__version__, signed_by=signer.public_key if signer else None)
    whole = {**files, seal.MANIFEST: sealed.manifest}
    if signer is not None:
        whole[seal.SIGNATURE] = seal.signature_file(
            root=sealed.root, public_key=signer.public_key, signature=signer.sign(sealed.root)
        )
    for found in seal.verify(whole).findings:
        raise Broken(
            f"the evidence does not fit together: {found.subject}: {found.message}",
            where=f"run {run}",
            next_step=f"if the run went on after its record was written, 'drorch run attach {run}' writes it again; "
            "otherwise restore the state folder from its copy and find out who changed it",
        )
    data = archive.pack(list(whole.items()))
    absent = [f"{name} is not there and not in the archive" for name in seal.OPTIONAL if name not in files]
    return Exported(
        run=run,
        data=data,
        root=sealed.root,
        sha256=hashlib.sha256(data).hexdigest(),
        files=len(whole),
        signed_by=signer.public_key if signer else None,
        notes=(*notes, *absent),
    )


def write_archive(path: Path, data: bytes) -> None:
    """Write an archive whole, for its owner only. InputInvalid when another file is there: evidence is not overwritten;
    Broken when it cannot be written."""
    try:
        if path.exists() and path.read_bytes() == data:
            return
        write_new(path, data)
    except FileExistsError:
        raise InputInvalid(
            "another file is there, and evidence is not overwritten",
            where=str(path),
            next_step="name another file with -o, or move that one away",
        ) from None
    except OSError as error:
        raise Broken(
            f"the archive cannot be written: {error.strerror}",
            where=str(path),
            next_step="name a file in an existing folder that can be written, with room enough",
        ) from error


def verify_archive(path: Path, key: Path | None = None) -> Verified:
    """Verify the archive in a file; with ``key`` (public, PEM) also that its owner signed it.

    NotFound or InputInvalid when it cannot be read as an archive at all. What does not hold is in the findings.
    """
    trusted = None if key is None else load_public_key(key)
    return verify_data(read_input(path, archive.MAX_BYTES), str(path), trusted)


def verify_data(data: bytes, source: str, trusted: str | None = None) -> Verified:
    """:func:`verify_archive` of bytes; ``trusted`` is a public key in base64. InputInvalid when they are no archive."""
    entries = archive.unpack(data, source)
    structure = tuple(archive.check(data, entries))
    files = dict(entries)
    verification = seal.verify(files)
    meaning, not_checked = _catalog_text(files, verification)
    signature, wrong = _signature(files, verification, trusted)
    if trusted is None and verification.signed_by is not None:
        not_checked = (*not_checked, "whether the signer is who you think: give the public key you trust with --key")
    found = (*structure, *verification.findings, *meaning, *wrong)
    return Verified(
        verification=replace(verification, findings=seal.each_once(found)),
        sha256=hashlib.sha256(data).hexdigest(),
        signature=signature,
        not_checked=not_checked,
    )


def _catalog_text(
    files: Mapping[str, bytes], verification: seal.Verification
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Whether the catalog's YAML text gives the catalog that was planned with. Another drorch may read it otherwise."""
    try:
        read = plain(load_catalog(files.get("app_catalog.yaml", b""), "app_catalog.yaml"))
        same = canonical_json(read).encode() == canonical_json(json.loads(files.get(seal.CATALOG, b""))).encode()
    except (DrorchError, ValueError, RecursionError):
        same = False
    if same:
        return (), ()
    if verification.drorch_version not in (__version__, None):
        return (), (_YAML_NOT_CHECKED,)
    message = "the YAML text does not give the catalog in catalog.json"
    return (seal.finding("catalog-text", "app_catalog.yaml", message),), ()


def _signature(
    files: Mapping[str, bytes], verification: seal.Verification, trusted: str | None
) -> tuple[str, tuple[Finding, ...]]:
    signer, root, signature = verification.signed_by, verification.root, seal.signature_of(files)
    if signer is None or root is None or signature is None:
        if trusted is None:
            return "not signed", ()
        return "not signed", (seal.finding("signature-missing", seal.SIGNATURE, "nobody signed this archive"),)
    if trusted not in (None, signer):
        message = f"signed with another key ({signer}) than the one you trust"
        return message, (seal.finding("signature-signer", seal.SIGNATURE, message),)
    holds = signature_holds(root, public_key=signer, signature=signature)
    if holds is None:
        return "signed; not checked: the package cryptography is missing", ()
    if not holds:
        message = "the signature does not hold"
        return message, (seal.finding("signature-wrong", seal.SIGNATURE, message),)
    return f"holds, by the key {signer}" + ("" if trusted is None else ", which you trust"), ()


def _files(parts: SealingParts, run: str, folder: RunFolder, watch: str) -> dict[str, bytes]:
    """Everything that goes into the archive but its manifest."""
    for ending in ("json", "html", "txt"):
        if not folder.report(ending).exists():
            raise NotFound(
                f"the run {run} has no report yet",
                where=str(folder.report(ending)),
                next_step=f"finish it with 'drorch run attach {run}'",
            )
    watched = watch_folder(parts.home, watch)
    catalog = load_catalog_file(folder.catalog)
    files = {
        seal.JOURNAL: "".join(line_of(record, whole=True) + "\n" for record in parts.journal.records(run)).encode(),
        seal.CATALOG: to_text(catalog).encode(),
    }
    kept = [folder.plan, folder.catalog, folder.context, *(folder.report(ending) for ending in ("json", "html", "txt"))]
    left = (folder.baseline("before"), folder.baseline("after"), folder.protection, folder.fingerprint, folder.boots)
    may_lack = [path for path in (folder.present, watched.samples, watched.canaries, *left) if path.exists()]
    files |= {path.name: _read(path) for path in (*kept, *may_lack)}
    for path in _of_playbooks(folder.path / "playbooks"):
        files[path.relative_to(folder.path).as_posix()] = _read(path)
    for path in sorted(folder.evidence.iterdir()) if folder.evidence.is_dir() else ():
        files[path.relative_to(folder.path).as_posix()] = _read(path)
    return files


def _of_playbooks(playbooks: Path) -> Iterator[Path]:
    for attempt in sorted(playbooks.iterdir()) if playbooks.is_dir() else ():
        candidates = [attempt / name for name in _OF_A_PLAYBOOK]
        candidates += sorted(path for path in attempt.glob("job_events/*.json") if "-partial" not in path.name)
        yield from (path for path in candidates if path.is_file() and not path.is_symlink())


def _guard(parts: SealingParts, files: Mapping[str, bytes], estate_file: str) -> tuple[str, ...]:
    """Refuse to let a known secret leave, whatever redaction did before. Returns what could not be looked for."""
    try:
        known = parts.secrets(load_estate(Path(estate_file)))
    except DrorchError:
        known = KnownSecrets(values=frozenset(), unread=(estate_file,))
    spellings = _spellings(known.values)
    for name, content in sorted(files.items()):
        if _PRIVATE_KEY.search(content) or any(spelling in content for spelling in spellings):
            raise Refused(
                "a secret is in this file; nothing was exported",
                where=name,
                next_step="find out how it got there and replace the secret; then remove it from the file",
            )
    return tuple(f"not looked for the secrets of {path}: it cannot be read here" for path in known.unread)


def _spellings(secrets: Collection[str]) -> frozenset[bytes]:
    """The secrets as they may stand in text, JSON, HTML and addresses."""
    found: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            found |= {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            found |= {html.escape(secret), quote(secret, safe="")}
    return frozenset(text.encode("utf-8", "replace") for text in found)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Broken(
            f"cannot be read: {error.strerror}", where=str(path), next_step="restore the file from a copy"
        ) from error
