"""``drorch access``: could remote access carry the people? What is enough is decided in ``drorch.access``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drorch.access.assess import Status
from drorch.access.codec import assessment_to_json
from drorch.access.operations import assess_file, load_model, lose, lost_to_json
from drorch.app import composition
from drorch.catalog.files import load_catalog_file
from drorch.core.errors import ExitCode
from drorch.interfaces.terminal.access import live as access_live
from drorch.interfaces.terminal.access import test as access_test
from drorch.interfaces.terminal.access.table import print_assessment, print_lost
from drorch.interfaces.terminal.output import print_json

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
        found = assess_file(file, composition.clock().now().wall)
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
