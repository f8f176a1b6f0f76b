"""``drorch access doctor|poll|check``: the systems that carry remote access, asked and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from drorch.access.assess import Status
from drorch.access.codec import assessment_to_json
from drorch.access.live_check import Checked, check_files, extras_to_json
from drorch.access.operations import load_model
from drorch.access.poll import AccessParts, Polled, checks, load_sources_file, poll
from drorch.access.ports import CallCheck
from drorch.access.sources import SourceConfig
from drorch.app import composition
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, NotFound
from drorch.interfaces.terminal.access.table import print_assessment
from drorch.interfaces.terminal.output import console, print_json, print_table

DEFAULT_MODEL = Path("capacity.yaml")
DEFAULT_SOURCES = Path("access.yaml")
ModelOption = Annotated[Path, typer.Option("--model", help="The capacity model.")]
SourcesOption = Annotated[Path, typer.Option("--sources", help="The systems to ask (docs/citrix.md).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
SHOWN_GAPS = 5


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="doctor")(doctor)
    app.command(name="poll")(poll_command)
    app.command(name="check")(check_command)


def doctor(
    only: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Default: all.")] = None,
    sources: SourcesOption = DEFAULT_SOURCES,
    model: ModelOption = DEFAULT_MODEL,
    as_json: JsonOption = False,
) -> None:
    """Make each call by itself: what works, what answers, which right is missing. Exit code 1 when something fails."""
    parts, configs = _open(sources, model, only or ())
    found = checks(parts, configs)
    if as_json:
        print_json(plain(found))
    else:
        rows = (
            (name, item.call, item.gives, _verdict(item), item.found) for name, items in found.items() for item in items
        )
        print_table("Calls", ("source", "call", "for", "", "found"), rows)
    if any(item.trouble is not None for items in found.values() for item in items):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def poll_command(
    only: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Default: all.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Ask also those that are not due (licences never early).")
    ] = False,
    jitter: Annotated[bool, typer.Option(help="Put each source off by up to a tenth of its interval.")] = False,
    sources: SourcesOption = DEFAULT_SOURCES,
    model: ModelOption = DEFAULT_MODEL,
    as_json: JsonOption = False,
) -> None:
    """One round over the sources that are due, into the archive. Exit code 1 when one could not be read."""
    parts, configs = _open(sources, model, only or ())
    done = poll(parts, configs, every=every, jitter=jitter)
    if as_json:
        print_json(plain(done))
    else:
        print_table(
            "Round", ("source", "kind", "", "new minutes", "readings", "text"), (_polled(item) for item in done)
        )
    if any(item.trouble is not None for item in done):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


def check_command(
    ask: Annotated[bool, typer.Option("--poll", help="Ask the sources that are due first.")] = False,
    sources: SourcesOption = DEFAULT_SOURCES,
    model: ModelOption = DEFAULT_MODEL,
    as_json: JsonOption = False,
) -> None:
    """The capacity model with what was last read in it. Exit code 0 only when green."""
    parts, configs = _open(sources, model, ())
    if ask:
        poll(parts, configs)
    found = check_files(parts, model=model, sources=sources)
    if as_json:
        print_json({**assessment_to_json(found.assessment), **extras_to_json(found)})
    else:
        _print(found)
    green = found.assessment.status is Status.GREEN
    raise typer.Exit(int(ExitCode.OK if green else ExitCode.OBJECTIVES_MISSED))


def _open(sources: Path, model: Path, only: list[str] | tuple[str, ...]) -> tuple[AccessParts, list[SourceConfig]]:
    configs = load_sources_file(sources, load_model(model))
    known = [item.id for item in configs]
    for name in only:
        if name not in known:
            raise NotFound(
                f"there is no source {name!r}", where=str(sources), next_step=f"name one of {', '.join(known)}"
            )
    return composition.access_parts(), [item for item in configs if not only or item.id in only]


def _print(found: Checked) -> None:
    print_assessment(found.assessment, found.measured)
    rows = (
        (
            item.source,
            item.kind.value,
            "never" if item.age_s is None else f"{item.age_s / 60:.0f} min",
            Text("late", style="yellow") if item.late else "",
            item.trouble.value if item.trouble else "",
            item.text,
        )
        for item in found.sources
    )
    print_table("Sources", ("source", "kind", "read", "", "trouble", "text"), rows)
    out = console()
    for gateway, change in found.turned_away.items():
        text = ", ".join(f"{denial.value} {number}" for denial, number in change.denials.items() if number) or "nobody"
        least = " at least (counted anew)" if change.anew else ""
        out.print(f"turned away at {gateway} in {change.seconds / 60:.0f} min{least}: {text}", soft_wrap=True)
    for gap in found.gaps[:SHOWN_GAPS]:
        minutes = (gap.until - gap.since).total_seconds() / 60
        out.print(f"not observed at {gap.site}: {gap.since:%Y-%m-%d %H:%M}Z, {minutes:.0f} min", soft_wrap=True)
    if len(found.gaps) > SHOWN_GAPS:
        out.print(f"and {len(found.gaps) - SHOWN_GAPS} more gaps in the last seven days")


def _verdict(item: CallCheck) -> Text:
    if item.trouble is None:
        return Text("works", style="green")
    return Text(item.trouble.value, style="bold red")


def _polled(item: Polled) -> tuple[object, ...]:
    if item.skipped is not None:
        state = Text("skipped", style="bold red" if item.trouble else "dim")
        return (item.source, item.kind.value, state, "", "", item.skipped)
    state = Text("read", style="green") if item.trouble is None else Text(item.trouble.value, style="bold red")
    return (item.source, item.kind.value, state, item.minutes, item.readings, item.text)
