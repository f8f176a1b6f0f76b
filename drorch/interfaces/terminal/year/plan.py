"""``drorch year plan``: lay out what a year still owes, say what stands against it, and book it on request."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drorch.app import composition
from drorch.app.settings import home
from drorch.catalog.durations import show_duration
from drorch.core.errors import ExitCode, InputInvalid
from drorch.core.files import write_whole
from drorch.core.ids import canonical_json
from drorch.interfaces.terminal.output import console, print_json, print_table
from drorch.year.local_time import local, parse_day
from drorch.year.log import year_log
from drorch.year.model import Programme
from drorch.year.operations import Year, load_year
from drorch.year.planning.codec import plan_to_json
from drorch.year.planning.model import Verdict, YearPlan
from drorch.year.planning.operations import book_plan, lay_out, load_planner_file
from drorch.year.statement import Said


def plan(
    number: Annotated[int | None, typer.Argument(metavar="[YEAR]", help="Like 2027. Default: this year.")] = None,
    from_day: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="As if it were this day. Default: tomorrow.")
    ] = None,
    planner: Annotated[Path, typer.Option("--planner", help="How tests are held.")] = Path("planner.yaml"),
    may_move: Annotated[
        bool, typer.Option("--may-move", help="Booked tests may move, as few as possible and at most two.")
    ] = False,
    retest_stale: Annotated[
        bool, typer.Option("--retest-stale", help="Also tests whose evidence does not hold any more ('year stale').")
    ] = False,
    book: Annotated[bool, typer.Option("--book", help="Write the plan into the log, with --by and --reason.")] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Who books it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write JSON to a file.")] = None,
    year: Annotated[Path, typer.Option("--year", help="The programme file.")] = Path("year.yaml"),
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")] = False,
) -> None:
    """Lay out every test that a year still owes; booked ones stay. Exit code 1 when not all of them fit."""
    programme, entries = load_year(year, catalog)
    of_year = Year(home(), year_log(composition.event_store()), composition.clock(), programme, entries)
    today = of_year.today()
    first = parse_day(from_day, "--from") if from_day else today + timedelta(days=1)
    if book and first <= today:
        raise InputInvalid("what is past cannot be booked", where="--from", next_step="leave out --from, or --book")
    if book and (by is None or reason is None):
        raise InputInvalid("who books, and why?", where="--book", next_step="give --by and --reason")
    rules = load_planner_file(planner, entries)
    found = lay_out(
        of_year, rules, programme, entries, number or first.year, first, may_move=may_move, retest_stale=retest_stale
    )
    data = plan_to_json(found)
    if output is not None:
        write_whole(output, canonical_json(data) + "\n")
    if as_json:
        print_json(data)
    else:
        _show(found, programme)
    if book:
        events = book_plan(of_year, found, Said(person=by or "", reason=reason or ""))
        console(stderr=True).print(f"booked: {len(events)} entries in the log of the year")
    if found.verdict is not Verdict.FEASIBLE:
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _show(found: YearPlan, programme: Programme) -> None:
    zone, out = programme.timezone, console()
    rows = [
        (local(item.start, zone), item.task.id, len(item.task.subjects), ", ".join(item.task.sites),
         show_duration(item.task.rule.length_s), "new")
        for item in found.placements
    ]  # fmt: skip
    rows += [
        (local(item.start, zone), item.id, len(item.subjects), ", ".join(item.sites), show_duration(item.length_s),
         "booked")
        for item in found.fixed
    ]  # fmt: skip
    print_table(f"Tests of {found.year}", ("start", "test", "subjects", "sites", "length", ""), sorted(rows))
    for move in found.moves:
        out.print(f"move {move.booking} from {local(move.before, zone)} to {local(move.after, zone)}", soft_wrap=True)
    for note in found.notes:
        out.print(f"note: {note}", soft_wrap=True)
    if found.left_out:
        cells = [
            (
                item.task.id,
                str(item.task.latest),
                "; ".join(f"{why} ({n} times)" if n else why for why, n in item.because),
            )
            for item in found.left_out
        ]
        print_table("Without a place", ("test", "at the latest", "what stood against it"), cells)
    if found.conflict:
        word = "minimal: without any one of these it is possible" if found.minimal else "not proved to be minimal"
        out.print(Text(f"Impossible together ({word}):", style="bold red"), soft_wrap=True)
        for reason in found.conflict:
            out.print(f"  - {reason.text}", soft_wrap=True)
    if found.verdict is Verdict.UNKNOWN:
        out.print(Text("not found within the bound, and not proved impossible", style="yellow"))
    counts = f"{len(found.placements)} new, {len(found.fixed)} booked, {len(found.left_out)} without a place"
    out.print(f"{found.verdict.value}: {counts}")
