"""``drorch access``: could remote access carry the people? What is enough is decided in ``drorch.capacity``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drorch.app import wiring
from drorch.app.access import assess_file, load_model, lose, lost_to_json
from drorch.app.settings import load_catalog_file
from drorch.capacity.assess import Status
from drorch.capacity.codec import assessment_to_json
from drorch.cli import access_live, access_test
from drorch.cli.access_table import print_assessment, print_lost
from drorch.cli.output import print_json
from drorch.core.errors import ExitCode

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

DEFAULT_MODEL = Path("capacity.yaml")
DEFAULT_CATALOG = Path("app_catalog.yaml")


@app.callback()
def access() -> None:
    """Could remote access carry the people who need it?"""


@app.command()
def model(
    file: Annotated[Path, typer.Option("--model", help="The capacity model.")] = DEFAULT_MODEL,
    lost: Annotated[str | None, typer.Option("--lose", help="Show what the loss of this site means.")] = None,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", help="For --lose: catalog of the applications that move.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")] = False,
) -> None:
    """Required, modelled and proven seats; each limit; the loss of each single thing. Exit code 0 only when green."""
    if lost is None:
        found = assess_file(file, wiring.clock().now().wall)
        print_json(assessment_to_json(found)) if as_json else print_assessment(found)
        status = found.status
    else:
        chosen = catalog or (DEFAULT_CATALOG if DEFAULT_CATALOG.exists() else None)
        result = lose(load_model(file), lost, load_catalog_file(chosen) if chosen else None)
        print_json(lost_to_json(result)) if as_json else print_lost(result)
        status = result.status
    raise typer.Exit(int(ExitCode.OK if status is Status.GREEN else ExitCode.OBJECTIVES_MISSED))


access_live.add_to(app)
app.add_typer(access_test.app, name="test", help="The yearly test: prepare, sign, start, status, stop, report.")
