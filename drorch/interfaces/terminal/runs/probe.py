"""``drorch probe``: look at the services now, once or again and again, and keep a standing watch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drorch.app import composition, settings
from drorch.catalog.files import load_catalog_file
from drorch.catalog.model import Catalog
from drorch.core.codec import plain
from drorch.core.errors import ExitCode, InputInvalid
from drorch.core.ids import is_slug
from drorch.estate.files import load_estate
from drorch.estate.model import Estate
from drorch.evidence.model import Sample
from drorch.interfaces.terminal.output import console, print_json
from drorch.orchestration.boot_log import refuse_watch_of_another_boot
from drorch.plan.files import load_plan_file

app = typer.Typer(no_args_is_help=True)

Applications = Annotated[list[str] | None, typer.Argument(help="Application ids. Default: all of the catalog.")]
CatalogFile = Annotated[Path, typer.Option("--catalog", help="The catalog file.")]
EstateFile = Annotated[Path | None, typer.Option("--estate", help="Where things answer. Default: the running lab's.")]
DEFAULT_CATALOG = Path("app_catalog.yaml")
COLUMNS = ("application", "state", "served by", "data at", "names", "ms", "why")


@app.command()
def now(
    applications: Applications = None,
    catalog: CatalogFile = DEFAULT_CATALOG,
    estate: EstateFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """One full sample of each application: own name at every name server, identity, one write and read.

    Exit codes: 0 all good, 1 at least one is bad, 2 bad input.
    """
    loaded, reached = _load(catalog, estate)
    samples = composition.probe_now(reached, loaded, applications or [])
    if as_json:
        print_json(plain(samples))
    else:
        console().print(_table(samples))
    if not all(sample.good for sample in samples):
        raise typer.Exit(int(ExitCode.OBJECTIVES_MISSED))


@app.command()
def watch(
    applications: Applications = None,
    catalog: CatalogFile = DEFAULT_CATALOG,
    estate: EstateFile = None,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
    looks: Annotated[int | None, typer.Option(min=1, help="End after so many looks. Default: until Ctrl-C.")] = None,
    stand: Annotated[
        str | None, typer.Option("--stand", metavar="NAME", help="Start a standing watch of that name and return.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="With --stand: watch what this plan covers, for 'run start --watch'.")
    ] = None,
) -> None:
    """A live table of all applications; or, with --stand and --plan, a watch that stays for a run to use."""
    loaded, reached = _load(catalog, estate)
    if stand is not None:
        _stand(stand, plan, loaded, reached)
        return
    clock = composition.clock()
    with Live(console=console(), auto_refresh=False, transient=False) as live:
        left = looks
        try:
            while left is None or left > 0:
                begun = clock.now()
                samples = composition.probe_now(reached, loaded, applications or [])
                live.update(_table(samples), refresh=True)
                left = None if left is None else left - 1
                if left != 0:
                    clock.sleep(every - clock.now().since(begun))
        except KeyboardInterrupt:
            return


def _stand(name: str, plan: Path | None, catalog: Catalog, estate: Estate) -> None:
    if plan is None:
        raise InputInvalid("a standing watch needs a plan", next_step="add --plan with a file of 'drorch plan build'")
    if not is_slug(name):
        raise InputInvalid(f"{name!r} is no name for a watch", next_step="use small letters, digits and hyphens")
    refuse_watch_of_another_boot(composition.parts(settings.home()), name)
    folder = composition.service().stand_watch(name, plan=load_plan_file(plan), catalog=catalog, estate=estate)
    typer.echo(f"the watch stands: {folder.path}")


def _load(catalog: Path, estate: Path | None) -> tuple[Catalog, Estate]:
    return load_catalog_file(catalog), load_estate(estate or settings.default_estate())


def _table(samples: Sequence[Sample]) -> Table:
    good = sum(sample.good for sample in samples)
    table = Table(title=f"{good} of {len(samples)} good", title_justify="left", header_style="bold")
    for column in COLUMNS:
        table.add_column(column, overflow="fold", justify="right" if column == "ms" else "left")
    for sample in samples:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in _row(sample)))
    return table


def _row(sample: Sample) -> tuple[Text | str, ...]:
    pointed = sorted({site or "no answer" for site in sample.names.values()})
    why = "" if sample.reason is None else f"{sample.reason.value}: {sample.detail}".removesuffix(": ")
    return (
        sample.application,
        Text("good", style="green") if sample.good else Text("bad", style="bold red"),
        sample.served_by or "-",
        sample.data_site or "-",
        ", ".join(pointed) or "-",
        f"{1000 * (sample.ended - sample.started):.0f}",
        why,
    )
