"""``drorch year``: how the year stands, what was done by hand, what is planned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drorch.app import composition
from drorch.app.settings import home
from drorch.catalog.durations import parse_duration, show_duration
from drorch.catalog.files import load_catalog_file
from drorch.catalog.text import MAX_BYTES
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, InputInvalid, NotFound
from drorch.core.files import read_input, write_whole
from drorch.core.findings import errors
from drorch.interfaces.terminal.output import console, print_findings, print_json, print_table
from drorch.interfaces.terminal.year.plan import plan
from drorch.interfaces.terminal.year.table import print_stale, print_status
from drorch.schedules.feed import feed_entries
from drorch.year.check import check_programme
from drorch.year.codec import event_to_json, status_to_json
from drorch.year.freshness import stale_to_json
from drorch.year.load import load_programme
from drorch.year.local_time import local, parse_day, parse_instant
from drorch.year.log import ApprovalWithdrawn, Booked, Moved, Recorded, StandingApproval, Withdrawn, YearEvent, year_log
from drorch.year.model import Activity, TestResult
from drorch.year.operations import Claim, Wish, Year, load_year
from drorch.year.statement import Said

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

YearOption = Annotated[Path, typer.Option("--year", help="The programme file.")]
CatalogOption = Annotated[Path, typer.Option("--catalog", help="The catalog file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
ByOption = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who says so.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="What was done, or why.")]
DEFAULT_YEAR = Path("year.yaml")
DEFAULT_CATALOG = Path("app_catalog.yaml")


@app.command()
def status(
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day, like 2013-12-30. Default: today.")
    ] = None,
    obligation: Annotated[str | None, typer.Option(help="Show every duty of this obligation.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every duty.")] = False,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """How the year stands at the end of a day. Exit code 1 when something is late."""
    found, findings = _year(year, catalog).status(parse_day(on, "--on") if on else None)
    if obligation is not None and obligation not in found.totals():
        known = ", ".join(found.totals()) or "none"
        raise NotFound(f"no obligation {obligation!r} is in force on {found.on}", next_step=f"in force: {known}")
    # What has changed since a test can only be told of today.
    stale = _year(year, catalog).freshness(found).stale if on is None else None
    if as_json:
        told = {"stale": None if stale is None else [stale_to_json(item) for item in stale]}
        print_json({**status_to_json(found), **told, "findings": plain(findings)})
    else:
        print_status(found, obligation, every)
        if stale:
            console().print(f"{len(stale)} recovery tests are stale: see 'drorch year stale'")
        print_findings(findings)
    if found.late:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


app.command("plan")(plan)


@app.command()
def stale(
    year: YearOption = DEFAULT_YEAR, catalog: CatalogOption = DEFAULT_CATALOG, as_json: JsonOption = False
) -> None:
    """Tests whose evidence does not hold any more: what changed since, and what to test anew. Exit code 1 with any."""
    of = _year(year, catalog)
    found = of.freshness(of.status()[0])
    if as_json:
        fresh = [{"application": item.application, "run": item.run} for item in found.fresh]
        print_json({"on": found.on.isoformat(), "stale": [stale_to_json(item) for item in found.stale], "fresh": fresh})
    else:
        print_stale(found)
    if found.stale:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


@app.command()
def check(
    year: YearOption = DEFAULT_YEAR, catalog: CatalogOption = DEFAULT_CATALOG, as_json: JsonOption = False
) -> None:
    """Check the programme file. Exit code 2 when there are errors."""
    entries = load_catalog_file(catalog)
    programme = load_programme(read_input(year, MAX_BYTES), str(year), entries)
    findings = check_programme(programme, entries)
    if as_json:
        print_json({"findings": plain(findings)})
    else:
        print_findings(findings)
        console().print(
            f"{programme.title}: {len(programme.obligations)} obligations, {len(programme.exemptions)} exemptions, "
            f"{len(programme.windows.rules)} windows; {len(findings)} findings"
        )
    if errors(findings):
        raise typer.Exit(int(ExitCode.BAD_INPUT))


@app.command()
def record(
    activity: Annotated[Activity, typer.Argument(help="What was done.")],
    subjects: Annotated[list[str], typer.Argument(help="Ids of those who did it.")],
    by: ByOption,
    reason: ReasonOption,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="When. Default: today, or the run's day.")
    ] = None,
    evidence: Annotated[list[Path] | None, typer.Option(help="A file that shows it; its SHA-256 is kept.")] = None,
    run: Annotated[str | None, typer.Option(help="The run that shows it (joint technology tests).")] = None,
    result: Annotated[TestResult | None, typer.Option(help="Default: pass, or the run's result.")] = None,
    component: Annotated[str | None, typer.Option(help="Which component of the plan.")] = None,
    signed_off_by: Annotated[str | None, typer.Option(help="Who signed for the department.")] = None,
    took_part: Annotated[int | None, typer.Option(help="How many took part, or were reached.")] = None,
    expected: Annotated[int | None, typer.Option(help="How many were expected.")] = None,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Write down a test or exercise that drorch did not run itself. It stays for ever; a wrong one is withdrawn."""
    claim = Claim(
        activity=activity,
        subjects=tuple(dict.fromkeys(subjects)),
        day=parse_day(on, "--on") if on else None,
        result=result,
        files=tuple(evidence or ()),
        run=run,
        component=component,
        signed_off_by=signed_off_by,
        took_part=took_part,
        expected=expected,
    )
    event, warnings = _year(year, catalog).record(claim, Said(person=by, reason=reason))
    if as_json:
        print_json({**event_to_json(event), "warnings": list(warnings)})
        return
    console().print(f"record {event.seq}: {_told(event)}", soft_wrap=True)
    for warning in warnings:
        console().print(Text(f"  {warning}", style="yellow"), soft_wrap=True)


@app.command()
def withdraw(
    number: Annotated[int, typer.Argument(help="Number of the record.")],
    by: ByOption,
    reason: ReasonOption,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
) -> None:
    """Let a record not count any more. Both stay in the log."""
    _say(_year(year, catalog).withdraw(number, Said(person=by, reason=reason)))


@app.command()
def records(
    year: YearOption = DEFAULT_YEAR, catalog: CatalogOption = DEFAULT_CATALOG, as_json: JsonOption = False
) -> None:
    """Everything people said about the year, in order."""
    events = _year(year, catalog).events()
    if as_json:
        print_json([event_to_json(event) for event in events])
        return
    rows = ((item.seq, f"{item.at:%Y-%m-%d %H:%M}Z", item.person, _told(item), item.reason) for item in events)
    print_table(f"{len(events)} entries", ("number", "written", "by", "what", "reason"), rows)


@app.command()
def book(
    booking: Annotated[str, typer.Argument(metavar="ID", help="A new id for the test.")],
    activity: Annotated[Activity, typer.Argument(help="What is to be done.")],
    subjects: Annotated[list[str], typer.Argument(help="Ids of those it is for.")],
    title: Annotated[str, typer.Option(help="What calendars show.")],
    site: Annotated[list[str], typer.Option(help="A site it needs; may be given again.")],
    start: Annotated[str, typer.Option(metavar="TIME", help="By the clock of the first site: 2013-03-09T06:00.")],
    length: Annotated[str, typer.Option(metavar="DURATION", help="Like 90m or 4h.")],
    by: ByOption,
    reason: ReasonOption,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
) -> None:
    """Plan a test. Exit code 3 when a site is not open for all of it."""
    wish = Wish(
        id=booking,
        activity=activity,
        title=title,
        sites=tuple(dict.fromkeys(site)),
        subjects=tuple(dict.fromkeys(subjects)),
        start=start,
        seconds=_seconds(length),
    )
    _say(_year(year, catalog).book(wish, Said(person=by, reason=reason)))


@app.command()
def move(
    booking: Annotated[str, typer.Argument(metavar="ID", help="Id of the planned test.")],
    start: Annotated[str, typer.Option(metavar="TIME", help="By the clock of its first site.")],
    by: ByOption,
    reason: ReasonOption,
    length: Annotated[str | None, typer.Option(metavar="DURATION", help="Default: as it was.")] = None,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
) -> None:
    """Give a planned test another time."""
    seconds = _seconds(length) if length else None
    _say(_year(year, catalog).move(booking, start, seconds, Said(person=by, reason=reason)))


@app.command("call-off")
def call_off(
    booking: Annotated[str, typer.Argument(metavar="ID", help="Id of the planned test.")],
    by: ByOption,
    reason: ReasonOption,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
) -> None:
    """Say that a planned test will not be held. It stays in the feed, marked."""
    _say(_year(year, catalog).call_off(booking, Said(person=by, reason=reason)))


@app.command()
def ics(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.")
    ] = None,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
) -> None:
    """Write the planned tests, and what the schedule begins by itself, as an iCalendar feed."""
    text = _year(year, catalog).feed(feed_entries(composition.schedule_store(), composition.clock().now().wall))
    if output is None:
        typer.echo(text.encode(), nl=False)
        return
    write_whole(output, text)
    typer.echo(f"written: {output}", err=True)


@app.command()
def window(
    site: Annotated[str, typer.Argument(help="Id of the site.")],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="By the site's clock. Default: now.")] = None,
    length: Annotated[str, typer.Option(metavar="DURATION", help="Open for at least so long.")] = "0s",
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Whether a site is open for tests at a time, and when it is next. Exit code 1 when it is closed."""
    programme, _ = load_year(year, catalog)
    windows = programme.windows
    if site not in windows.zones:
        raise NotFound(f"there is no site {site!r}", next_step=f"sites are: {', '.join(windows.zones)}")
    zone, seconds = windows.zones[site], _seconds(length)
    instant = parse_instant(at, zone, "--at") if at else composition.clock().now().wall
    is_open = windows.is_open_for(instant, site, seconds)
    coming = windows.next_open(instant, site, for_s=seconds)
    why = [f"{rule.effect.value} {rule.id}: {rule.reason}" for rule in windows.why(instant, site)]
    if as_json:
        print_json({"site": site, "at": instant, "open": is_open, "because": why, "next_open": coming})
    else:
        console().print(f"{site} at {local(instant, zone)}: {'open' if is_open else 'closed'}")
        for line in why:
            console().print(f"  {line}", soft_wrap=True)
        if not is_open:
            console().print(f"  next open: {local(coming, zone) if coming else 'never, as far as can be seen'}")
    if not is_open:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _year(year: Path, catalog: Path) -> Year:
    programme, entries = load_year(year, catalog)
    return Year(home(), year_log(composition.event_store()), composition.clock(), programme, entries)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InputInvalid(str(error), where="--length", next_step="write it like 4h") from None


def _say(event: YearEvent) -> None:
    console().print(f"{event.seq}: {_told(event)}", soft_wrap=True)


def _told(event: YearEvent) -> str:
    body = event.body
    if isinstance(body, Recorded):
        shown = ", ".join([*(item.name for item in body.evidence), *([f"run {body.run}"] if body.run else [])])
        what = "/".join(part for part in (", ".join(body.subjects), body.component) if part)
        return f"{body.activity.value} of {what} on {body.day}: {body.result.value} ({shown})"
    if isinstance(body, Withdrawn):
        return f"record {body.record} withdrawn"
    if isinstance(body, Booked | Moved):
        verb = "planned for" if isinstance(body, Booked) else "moved to"
        return f"{body.id} {verb} {body.start:%Y-%m-%d %H:%M}Z, {show_duration(body.duration_s)}"
    if isinstance(body, StandingApproval):
        return f"drills of the schedule {body.schedule} may start by themselves until {body.until}"
    if isinstance(body, ApprovalWithdrawn):
        return f"drills of the schedule {body.schedule} wait for people again"
    return f"{body.id} called off"
