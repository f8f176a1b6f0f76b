"""``drorch aar``: after-action reports, generated from evidence, completed by people, reviewed and approved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from drorch.actions.operations import Actions
from drorch.app import composition
from drorch.app.settings import home
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid
from drorch.core.files import read_input, write_whole
from drorch.core.ids import short
from drorch.interfaces.terminal.output import console, print_findings, print_json, print_table
from drorch.interfaces.terminal.paper import write_paper
from drorch.report.after_action.codec import aar_to_text, register_csv
from drorch.report.after_action.log import Edited, Field
from drorch.report.after_action.model import AfterAction, Rating
from drorch.report.after_action.operations import AfterActions, Draft
from drorch.report.review.operations import review_pack
from drorch.year.local_time import parse_day
from drorch.year.log import year_log
from drorch.year.operations import Year, load_year
from drorch.year.statement import LONGEST_PAGE, Said

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the report, as 'aar list' shows it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
ByOption = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who says so.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
VersionOption = Annotated[int | None, typer.Option(help="An approved version. Default: the newest.")]


@app.command()
def draft(
    by: ByOption,
    reason: ReasonOption,
    runs: Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Runs of the exercise.")] = None,
    record: Annotated[list[int] | None, typer.Option(help="A record of the year that belongs to it.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Default: aar- and the first run's id.")] = None,
    title: Annotated[str | None, typer.Option(help="Default: the first run's title.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Generate a report from evidence. Again with the same id: the evidence anew, what people wrote stays."""
    wish = Draft(runs=tuple(runs or ()), records=tuple(record or ()), id=id_, title=title)
    _say(_reports().draft(wish, Said(person=by, reason=reason)), as_json)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """All reports."""
    reports = _reports()
    found = [reports.book(name).version(None) for name in reports.names()]
    if as_json:
        keys = ("id", "title", "version", "state", "content", "reviewed", "approved")
        print_json([{key: plain(getattr(item, key)) for key in keys} for item in found])
        return
    rows = (
        (
            item.id,
            item.version,
            item.state.value,
            short(item.content),
            item.approved.person if item.approved else "",
            item.title,
        )
        for item in found
    )
    columns = ("id", "version", "state", "content", "approved by", "title")
    print_table(f"{len(found)} after-action reports", columns, rows)


@app.command()
def show(report: IdArgument, version: VersionOption = None, as_json: JsonOption = False) -> None:
    """One report: what is measured, what is written, what is missing."""
    reports = _reports()
    found = reports.book(report).version(version)
    if as_json:
        sys.stdout.write(aar_to_text(found))
        return
    out = console()
    page = reports.page(found)
    out.print(f"{page.title}: {page.mark}. {page.lead}", soft_wrap=True)
    for section in page.sections:
        out.print(f"\n{section.title}")
        for block in section.blocks:
            if block.title:
                out.print(f"  {block.title}", soft_wrap=True)
            for part in (*block.text, *("  ".join(cell for cell in row if cell) for row in block.rows)):
                out.print(f"  {part}", soft_wrap=True)
    out.print("")
    print_findings(reports.check(found))


@app.command()
def edit(
    report: IdArgument,
    field: Annotated[Field, typer.Argument(help="What is written; everything else is generated.")],
    by: ByOption,
    reason: ReasonOption,
    text: Annotated[str | None, typer.Argument(help="The words.")] = None,
    file: Annotated[Path | None, typer.Option(help="A text file instead of TEXT; blank lines part paragraphs.")] = None,
    item: Annotated[str | None, typer.Option(help="The objective, the finding, or the entry to be changed.")] = None,
    rating: Annotated[Rating | None, typer.Option(help="P, S, M or U.")] = None,
    role: Annotated[str | None, typer.Option(help="A participant's role.")] = None,
    organisation: Annotated[str | None, typer.Option(help="A participant's department.")] = None,
    when: Annotated[str | None, typer.Option(metavar="TEXT", help="When somebody was notified.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take it out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one thing. An approved report gets its next version by it."""
    if sum((text is not None, file is not None, remove)) != 1:
        raise InputInvalid("give the words, or --file, or --remove", next_step="give exactly one of them")
    words = text if file is None else _text(file)
    change = Edited(field=field, text=words, item=item, role=role, organisation=organisation, rating=rating, when=when)
    _say(_reports().edit(report, change, Said(person=by, reason=reason)), as_json)


@app.command()
def review(report: IdArgument, by: ByOption, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Say that you have read it as it is. Exit code 3 for an author, or while something is missing."""
    _say(_reports().review(report, Said(person=by, reason=reason)), as_json)


@app.command()
def approve(report: IdArgument, by: ByOption, reason: ReasonOption, as_json: JsonOption = False) -> None:
    """Approve exactly what it says. Exit code 3 for an author, or when nobody has reviewed it."""
    _say(_reports().approve(report, Said(person=by, reason=reason)), as_json)


@app.command()
def check(report: IdArgument, as_json: JsonOption = False) -> None:
    """What is missing, which numbers people wrote that stand in no record, whether a record has changed."""
    reports = _reports()
    findings = reports.check(reports.book(report).version(None))
    if as_json:
        print_json({"findings": plain(findings)})
    else:
        print_findings(findings)
        console().print(f"{len(findings)} findings")


@app.command()
def export(
    report: IdArgument,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="One page, nothing fetched.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Needs the extra 'pdf'.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="The report itself.")] = None,
    version: VersionOption = None,
) -> None:
    """Write the report as HTML, PDF or JSON."""
    if html is None and pdf is None and json is None:
        raise InputInvalid("no form was asked for", next_step="give --html, --pdf or --json")
    reports = _reports()
    found = reports.book(report).version(version)
    if json is not None:
        write_whole(json, aar_to_text(found))
        typer.echo(f"written: {json}", err=True)
    write_paper(reports.page(found), html=html, pdf=pdf, made_at=found.drafted.at)


@app.command()
def register(
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: stdout.")] = None,
) -> None:
    """All reports, one a line, as CSV."""
    reports = _reports()
    text = register_csv(reports.book(name).version(None) for name in reports.names())
    if output is None:
        typer.echo(text.encode(), nl=False)
        return
    write_whole(output, text)
    typer.echo(f"written: {output}", err=True)


@app.command()
def pack(
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="Status of this day. Default: today.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="One page, nothing fetched.")] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Needs the extra 'pdf'.")] = None,
    sign: Annotated[list[str] | None, typer.Option(metavar="ROLE=NAME", help="A line to sign on.")] = None,
    year: Annotated[Path, typer.Option("--year", help="The programme file.")] = Path("year.yaml"),
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
) -> None:
    """The management-review pack: the year, corrective actions, after-action reports, lines to sign on."""
    if html is None and pdf is None:
        raise InputInvalid("no form was asked for", next_step="give --html or --pdf")
    programme, entries = load_year(year, catalog)
    store, clock = composition.event_store(), composition.clock()
    of = Year(home(), year_log(store), clock, programme, entries)
    day = parse_day(on, "--on") if on else None
    page = review_pack(of, Actions(home(), store, clock), _reports(), programme.title, day, sign or ())
    write_paper(page, html=html, pdf=pdf, made_at=f"{day or of.today()}T00:00:00+00:00")


def _reports() -> AfterActions:
    return AfterActions(home(), composition.event_store(), composition.clock(), composition.record_holds)


def _text(file: Path) -> str:
    try:
        return read_input(file, 4 * LONGEST_PAGE).decode("utf-8")
    except UnicodeDecodeError:
        raise InputInvalid("not UTF-8", where=str(file), next_step="save it as UTF-8") from None


def _say(report: AfterAction, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(aar_to_text(report))
        return
    console().print(f"{report.id}: version {report.version}, {report.state.value}, content {short(report.content)}")
    print_findings(_reports().check(report))
