"""``drorch callout``: the call-out exercise. Nothing shown here holds an address."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from drorch.app import composition
from drorch.app.settings import home
from drorch.callout.ack_page import AckPage, asgi_app
from drorch.callout.check import check_call_tree
from drorch.callout.files import read_private
from drorch.callout.load import checked_call_tree, load_call_tree
from drorch.callout.log import Callout, CalloutEvent
from drorch.callout.model import CallTree
from drorch.callout.operations import chosen_departments
from drorch.callout.rehearsal import Rehearsed, rehearse
from drorch.callout.result import CalloutResult, result_to_json, shown_as
from drorch.catalog.durations import show_duration
from drorch.catalog.files import load_catalog_file
from drorch.core.codec import plain
from drorch.core.errors import Broken, ExitCode, InputInvalid
from drorch.core.files import write_whole
from drorch.core.findings import errors
from drorch.interfaces.terminal.output import console, print_findings, print_json, print_table
from drorch.interfaces.terminal.year.callout_table import event_line, print_result
from drorch.year.log import year_log
from drorch.year.model import TestResult
from drorch.year.operations import Year, load_year
from drorch.year.statement import Said

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

TreeOption = Annotated[Path, typer.Option("--tree", help="The call tree (only its owner may read it).")]
CatalogOption = Annotated[Path, typer.Option("--catalog", help="The catalog file.")]
YearOption = Annotated[Path, typer.Option("--year", help="The programme file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
ByOption = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who says so.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
DepartmentOption = Annotated[
    list[str] | None, typer.Option("--department", help="Only this department; may be repeated. Default: all.")
]
ExerciseArgument = Annotated[str | None, typer.Argument(metavar="ID", help="Default: the latest exercise.")]
DEFAULT_TREE = Path("callout.yaml")
DEFAULT_CATALOG = Path("app_catalog.yaml")
DEFAULT_YEAR = Path("year.yaml")


@app.command()
def check(
    tree: TreeOption = DEFAULT_TREE, catalog: CatalogOption = DEFAULT_CATALOG, as_json: JsonOption = False
) -> None:
    """Check the call tree. Exit code 2 when there are errors."""
    loaded = load_call_tree(read_private(tree), str(tree))
    findings = check_call_tree(loaded, load_catalog_file(catalog))
    if as_json:
        print_json({"findings": plain(findings)})
    else:
        print_findings(findings)
        console().print(
            f"{loaded.title}: {len(loaded.branches)} departments, {len(loaded.people)} people; {len(findings)} findings"
        )
    if errors(findings):
        raise typer.Exit(int(ExitCode.BAD_INPUT))


@app.command()
def start(
    by: ByOption,
    reason: ReasonOption,
    department: DepartmentOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent and when; send nothing.")] = False,
    tree: TreeOption = DEFAULT_TREE,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Call everybody in the tree and wait for their acknowledgements. Exit code 1 when too few were reached."""
    text = read_private(tree)
    loaded = checked_call_tree(load_call_tree(text, str(tree)), load_catalog_file(catalog))
    if dry_run:
        _rehearse(loaded, chosen_departments(loaded, department or ()), as_json)
        return
    callouts = composition.callouts()
    exercise = callouts.begin(text, loaded, department or (), Said(person=by, reason=reason))
    console(stderr=True).print(f"exercise {exercise}; if this ends too early: drorch callout resume {exercise}")
    _drive(exercise, as_json)


@app.command()
def resume(exercise: ExerciseArgument = None, as_json: JsonOption = False) -> None:
    """Go on with an exercise whose process died. What may have gone out counts as an attempt."""
    _drive(composition.callouts().result(exercise).exercise, as_json)


@app.command()
def status(exercise: ExerciseArgument = None, as_json: JsonOption = False) -> None:
    """Who was reached so far, and after how long."""
    _show(composition.callouts().result(exercise), as_json)


@app.command()
def watch(exercise: ExerciseArgument = None) -> None:
    """Follow an exercise that another process drives, until it is over."""
    callouts, clock, told = composition.callouts(), composition.clock(), 0
    while True:
        tree, state, events = callouts.state(exercise)
        for event in events[told:]:
            _progress(tree, state, event)
        told = len(events)
        if state.over is not None:
            break
        clock.sleep(0.5)
    _show(callouts.result(exercise), False)


@app.command()
def stop(by: ByOption, reason: ReasonOption, exercise: ExerciseArgument = None) -> None:
    """Let no further message go out. Links that went out do not count any more."""
    event = composition.callouts().stop(exercise, Said(person=by, reason=reason))
    console().print("it stops" if event else "it was stopped already")


@app.command()
def report(
    exercise: ExerciseArgument = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to.")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the result into the year, with --by, --reason.")
    ] = False,
    by: Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Who records it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="What was done.")] = None,
    year: YearOption = DEFAULT_YEAR,
    catalog: CatalogOption = DEFAULT_CATALOG,
    as_json: JsonOption = False,
) -> None:
    """Show the result; on request write it as JSON, and into the year. Exit code 1 when too few were reached."""
    callouts = composition.callouts()
    if record:
        if by is None or reason is None:
            raise InputInvalid("a record has a name and a reason", where="--record", next_step="give --by and --reason")
        programme, entries = load_year(year, catalog)
        of_year = Year(home(), year_log(composition.event_store()), composition.clock(), programme, entries)
        for event, whys in callouts.record(exercise, of_year, programme.timezone, Said(person=by, reason=reason)):
            console(stderr=True).print(f"record {event.seq} of the year")
            for why in whys:
                console(stderr=True).print(f"  {why}", soft_wrap=True)
    found, text = callouts.report(exercise)
    if output is not None:
        write_whole(output, text)
        console(stderr=True).print(f"written: {output}", soft_wrap=True)
    _show(found, as_json)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")] = 8480,
) -> None:
    """Answer the links of the messages on this machine, until ended. To be put behind a server with TLS."""
    try:
        import uvicorn
    except ImportError as error:
        raise Broken(
            "the web server is not installed", next_step="install drorch with its extra: drorch[web]"
        ) from error
    page = asgi_app(AckPage(composition.callouts().exercises, composition.clock()))
    # Links are secrets: no line of any log may hold one.
    uvicorn.run(page, host="127.0.0.1", port=port, access_log=False, log_level="warning", server_header=False)


def _drive(exercise: str, as_json: bool) -> None:
    callouts = composition.callouts()
    callouts.drive(exercise, _progress)
    _show(callouts.result(exercise), as_json)


def _progress(tree: CallTree, state: Callout, event: CalloutEvent) -> None:
    line = event_line(tree, state, event)
    if line:
        console(stderr=True).print(f"{event.at:%H:%M:%S}Z  {line}", soft_wrap=True)


def _show(found: CalloutResult, as_json: bool) -> None:
    if as_json:
        print_json(result_to_json(found))
    else:
        print_result(found, composition.clock().now().wall)
    if found.outcome and any(item.result is TestResult.FAIL for item in found.departments):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def _rehearse(tree: CallTree, departments: Iterable[str], as_json: bool) -> None:
    planned, outcome, seconds = rehearse(tree, tuple(departments))
    if as_json:
        print_json(
            {
                "dry_run": True,
                "messages": [_rehearsed_json(tree, item) for item in planned],
                "outcome": outcome,
                "seconds": seconds,
            }
        )
        return
    rows = (
        (show_duration(i.seconds), i.send.department, shown_as(tree, tree.person[i.send.person]), i.send.kind.value,
         i.send.channel.value, i.send.attempt)
        for i in planned
    )  # fmt: skip
    print_table(
        "Dry run: what would be sent if nobody answered", ("after", "department", "who", "as", "by", "attempt"), rows
    )
    console().print(f"{len(planned)} messages, over after {show_duration(seconds)} ({outcome}); nothing was sent")


def _rehearsed_json(tree: CallTree, item: Rehearsed) -> dict[str, object]:
    return {
        "after_s": item.seconds,
        "department": item.send.department,
        "who": shown_as(tree, tree.person[item.send.person]),
        "as": item.send.kind.value,
        "by": item.send.channel.value,
        "attempt": item.send.attempt,
    }
