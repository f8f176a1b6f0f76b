"""``drorch report export`` and ``drorch report verify``: the evidence of a run as one sealed archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drorch.app import composition
from drorch.core.codec import plain
from drorch.core.errors import ExitCode
from drorch.evidence.export import Verified, export_run, verify_archive, write_archive
from drorch.evidence.signatures import load_signer
from drorch.interfaces.terminal.output import console, print_json, print_table


def export(
    run: Annotated[str, typer.Argument(help="Run id, as 'drorch run list' shows it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.zip", help="Default: evidence-RUN.zip here.")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEYFILE", help="Ed25519 private key (PEM, mode 0600).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The result as JSON on standard output.")] = False,
) -> None:
    """Write everything a run proved into one archive that shows any later change."""
    signer = None if sign is None else load_signer(sign)
    exported = export_run(composition.sealing(), run, signer)
    path = output or Path(f"evidence-{exported.run}.zip")
    write_archive(path, exported.data)
    told = {
        "file": str(path),
        "run": exported.run,
        "files": exported.files,
        "bytes": len(exported.data),
        "root": exported.root,
        "sha256": exported.sha256,
        "signed_by": exported.signed_by,
        "notes": list(exported.notes),
    }
    if json:
        print_json(told)
        return
    out = console()
    out.print(Text(f"written: {path} ({exported.files} files, {len(exported.data)} bytes)"), soft_wrap=True)
    out.print(Text(f"root     {exported.root}"), soft_wrap=True)
    out.print(Text(f"sha256   {exported.sha256}"), soft_wrap=True)
    out.print(Text(f"signed   {exported.signed_by or 'no'}"), soft_wrap=True)
    for note in exported.notes:
        out.print(Text(f"note     {note}", style="yellow"), soft_wrap=True)
    out.print(Text("keep root and sha256 elsewhere: they show whether this file is still the same"), soft_wrap=True)


def verify(
    file: Annotated[Path, typer.Argument(help="An archive that 'drorch report export' wrote.")],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PUBLIC", help="Public key (PEM) of the signer you trust.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The result as JSON on standard output.")] = False,
) -> None:
    """Find and name every change of an archive. Exit 0: it holds, 1: it does not, 2: it cannot be read."""
    verified = verify_archive(file, key)
    if json:
        print_json(_as_json(file, verified))
    else:
        _show(file, verified)
    if not verified.verification.holds:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _as_json(file: Path, verified: Verified) -> dict[str, object]:
    found = verified.verification
    return {
        "file": str(file),
        "holds": found.holds,
        "run": found.run,
        "root": found.root,
        "sha256": verified.sha256,
        "drorch_version": found.drorch_version,
        "files": found.files,
        "events": found.events,
        "head": found.head,
        "signed_by": found.signed_by,
        "signature": verified.signature,
        "findings": plain(found.findings),
        "not_checked": list(verified.not_checked),
    }


def _show(file: Path, verified: Verified) -> None:
    found = verified.verification
    style, word = ("bold green", "the evidence holds") if found.holds else ("bold red", "THE EVIDENCE DOES NOT HOLD")
    console().print(Text(f"{file}: {word}", style=style), soft_wrap=True)
    if found.findings:
        rows = [(item.code, item.subject, item.message) for item in found.findings]
        print_table("What does not hold", ("finding", "where", "what"), rows)
    rows_of_facts = [
        ("run", found.run),
        ("files", found.files),
        ("events", found.events),
        ("head", found.head),
        ("root", found.root),
        ("sha256", verified.sha256),
        ("signature", verified.signature),
        *(("not checked", what) for what in verified.not_checked),
    ]
    print_table("What was verified", ("", ""), rows_of_facts)
