"""``drorch catalog``: check, show, diff, import. What is right or wrong is decided in ``drorch.catalog``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from drorch.catalog.check import check_catalog
from drorch.catalog.diff import diff_catalogs
from drorch.catalog.durations import show_duration
from drorch.catalog.importer import Draft, Understanding, import_csv
from drorch.catalog.load import load_catalog
from drorch.catalog.model import Application, Arrangement, Catalog, ProvenanceKind
from drorch.catalog.select import Selection, find_application, select
from drorch.catalog.text import MAX_BYTES
from drorch.catalog.totals import by_arrangement, by_provenance, count
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, InputInvalid
from drorch.core.files import read_input
from drorch.core.findings import errors
from drorch.core.ids import short
from drorch.interfaces.terminal.output import console, print_findings, print_json, print_table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

CatalogOption = Annotated[Path, typer.Option("--catalog", help="The catalog file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
DEFAULT_CATALOG = Path("app_catalog.yaml")


def read_catalog(path: Path) -> Catalog:
    """The catalog of a file, parsed but not checked. InputInvalid with file, line and field."""
    return load_catalog(read_input(path, MAX_BYTES), str(path))


@app.command()
def check(catalog: CatalogOption = DEFAULT_CATALOG, as_json: JsonOption = False) -> None:
    """Check the catalog. Exit code 2 when there are errors; warnings and notes are only shown."""
    loaded = read_catalog(catalog)
    findings = check_catalog(loaded)
    if as_json:
        print_json({"content_id": loaded.content_id, "findings": plain(findings)})
    else:
        print_findings(findings)
        _print_summary(loaded)
        kinds = Counter(finding.severity.value for finding in findings)
        numbers = ((kinds.get(kind, 0), kind) for kind in ("error", "warning", "note"))
        console().print(", ".join(f"{number} {kind}{'' if number == 1 else 's'}" for number, kind in numbers))
    if errors(findings):
        raise typer.Exit(int(ExitCode.BAD_INPUT))


@app.command()
def show(
    application: Annotated[str | None, typer.Argument(help="Id of one application, shown field by field.")] = None,
    catalog: CatalogOption = DEFAULT_CATALOG,
    site: Annotated[str | None, typer.Option(help="Only those that run or recover at this site.")] = None,
    department: Annotated[str | None, typer.Option(help="Only those of this department.")] = None,
    tier: Annotated[int | None, typer.Option(min=1, max=4, help="Only those of this tier.")] = None,
    arrangement: Annotated[Arrangement | None, typer.Option(help="Only those with this arrangement.")] = None,
    provenance: Annotated[ProvenanceKind | None, typer.Option(help="Only names of this provenance.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the applications, or one of them with the provenance of each field."""
    loaded = read_catalog(catalog)
    if application is not None:
        _show_one(loaded, find_application(loaded, application), as_json)
        return
    wanted = Selection(site=site, department=department, tier=tier, arrangement=arrangement, provenance=provenance)
    chosen = select(loaded, wanted)
    if as_json:
        print_json({**plain(loaded), "applications": plain(chosen)})
        return
    columns = ("id", "name", "tier", "owner", "arrangement", "runs at", "recovers at", "RTO", "RPO", "provenance")
    print_table(loaded.title, columns, (_row(loaded, item) for item in chosen))
    if len(chosen) != len(loaded.applications):
        console().print(f"{len(chosen)} of {len(loaded.applications)} applications")
    _print_summary(loaded)


@app.command()
def diff(old: Path, new: Path, as_json: JsonOption = False) -> None:
    """Show what changed from one catalog file to another."""
    before, after = read_catalog(old), read_catalog(new)
    changes = diff_catalogs(before, after)
    if as_json:
        ids = {"old": before.content_id, "new": after.content_id}
        print_json({**ids, "changes": plain(changes)})
    elif not changes:
        console().print("no difference")
    else:
        rows = ((item.kind.value, item.subject, item.field, _cell(item.old), _cell(item.new)) for item in changes)
        print_table(f"{len(changes)} changes", ("change", "subject", "field", "old", "new"), rows)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="CSV file with one application a row.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the draft goes; must not exist.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a draft catalog from CSV and report everything that was not understood. Nothing is guessed silently."""
    draft = import_csv(read_input(source, MAX_BYTES), str(source))
    if output is not None:
        _write_new(output, draft.text)
    if as_json:
        notes = plain(draft.notes)
        print_json({"applications": draft.applications, "draft": draft.text, "report": notes})
        return
    if output is None:
        typer.echo(draft.text, nl=False)
    _print_report(draft, output)


def _show_one(catalog: Catalog, application: Application, as_json: bool) -> None:
    data = plain(application)
    if as_json:
        print_json(data)
        return
    rows = []
    for name, value in data.items():
        if name == "provenance":
            continue
        origin = application.provenance_of(name)
        rows.append((name, _cell(value), origin.kind.value, origin.source))
    print_table(f"{application.name} ({application.id})", ("field", "value", "provenance", "source or reason"), rows)
    console().print(f"from: {catalog.title}")


def _row(catalog: Catalog, application: Application) -> tuple[object, ...]:
    group = next((item for item in catalog.groups if item.id == application.group), None)
    gateway = catalog.gateway_of(application)
    recovery = f"via {gateway.id}" if gateway else (group.recovery_site if group else None)
    return (
        application.id,
        application.name,
        application.tier,
        application.department,
        application.arrangement.value,
        group.primary_site if group else "?",
        recovery or "-",
        show_duration(application.rto.seconds),
        show_duration(application.rpo.seconds),
        application.provenance_of("name").kind.value,
    )


def _print_summary(catalog: Catalog) -> None:
    totals = count(catalog)
    out = console()
    out.print(
        f"{totals.applications} applications: {totals.enterprise} enterprise, {totals.departmental} departmental; "
        f"{_counts(by_arrangement(catalog))}; names {_counts(by_provenance(catalog))}; "
        f"content {short(catalog.content_id)}"
    )
    if catalog.note:
        out.print(catalog.note, soft_wrap=True)


def _counts(counts: object) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) if isinstance(counts, dict) else ""


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputInvalid(
            "this file exists already and is not overwritten", where=str(path), next_step="name another file"
        ) from None
    except OSError as error:
        raise InputInvalid(
            f"cannot be written: {error.strerror}", where=str(path), next_step="name a file that can be written"
        ) from error


def _print_report(draft: Draft, output: Path | None) -> None:
    # Without --output the draft goes to stdout, so that the report must not be mixed into it.
    out = console(stderr=output is None)
    for note in draft.notes:
        if note.understanding is not Understanding.NOT_GIVEN:
            value = f" {note.value!r}" if note.value else ""
            out.print(f"line {note.line} {note.column}{value}: {note.understanding.value}: {note.why}", soft_wrap=True)
    missing = Counter(note.column for note in draft.notes if note.understanding is Understanding.NOT_GIVEN)
    for column, number in missing.items():
        out.print(f"not given for {number} applications: {column} (null in the draft)")
    out.print(f"{draft.applications} applications in the draft{f' {output}' if output else ''}", soft_wrap=True)
