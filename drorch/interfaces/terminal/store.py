"""``drorch store``: everything that drorch keeps, as files and back, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from drorch.app import composition
from drorch.core.errors import ExitCode
from drorch.core.integrity import OnProgress, check_store
from drorch.interfaces.terminal.output import console, print_findings, print_json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
_SILENT_S = 1.0


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="A new folder, or a new file that ends in .tar.")],
    as_json: AsJson = False,
) -> None:
    """Write every stream as JSON lines with its chain, all contents, accounts and peaks.

    Exit codes: 0 written, 2 the target is there already or there is no store, 5 the store does not hold, or the files
    cannot be written.
    """
    with _progress() as told:
        made = composition.export_store(target, told)
    if as_json:
        print_json({"target": str(target), **made.content()})
        return
    console().print(
        f"{target}: {len(made.streams)} streams, {made.records} records, {len(made.blobs)} contents; "
        f"verify it anywhere with tools/verify_evidence.py",
        soft_wrap=True,
    )


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="The folder or .tar file of an export.")],
    as_json: AsJson = False,
) -> None:
    """Bring an export back into an empty store (DRORCH_STORE, or the one of this state folder).

    Exit codes: 0 restored and compared, 2 the export does not hold, 3 the store is not empty, 5 it cannot be written.
    """
    with _progress() as told:
        made = composition.restore_store(source, told)
    if as_json:
        print_json({"source": str(source), **made.content()})
        return
    console().print(f"restored: {len(made.streams)} streams, {made.records} records, {len(made.blobs)} contents")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare every record with its chain and every content with its name. Nothing is changed.

    Exit codes: 0 all of it holds, 2 there is no store, 5 something does not hold, or it cannot be read.
    """
    store = composition.event_store(new=False)
    with _progress() as told:
        store.verify_place()
        checked = check_store(store, told)
    if as_json:
        print_json({"where": store.place.where, **checked.to_json()})
    else:
        print_findings(checked.findings)
        records = sum(count for count, _ in checked.heads.values())
        verdict = "does NOT hold" if checked.findings else "holds"
        numbers = f"{len(checked.heads)} streams, {records} records, {checked.blobs} contents"
        console().print(f"{store.place.where}: the store {verdict}: {numbers}", soft_wrap=True)
    if checked.findings:
        raise typer.Exit(int(ExitCode.BROKEN))


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """Says on a terminal's stderr what is being looked at, once it takes longer than a moment."""
    out, clock = console(stderr=True), composition.clock()
    began = clock.now()
    if not out.is_terminal:
        yield lambda text: None  # noqa: ARG005
        return
    with out.status("") as status:
        status.stop()

        def tell(text: str) -> None:
            if clock.now().since(began) >= _SILENT_S:
                status.update(text)
                status.start()

        yield tell
