"""``drorch lab``: the embedded four-site lab."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from drorch.app.settings import home
from drorch.catalog.files import load_catalog_file
from drorch.core.codec import plain
from drorch.core.errors import Broken, NotFound, Refused
from drorch.interfaces.terminal.output import console, print_json, print_table
from drorch.lab.control import Lab
from drorch.lab.status import LabStatus

app = typer.Typer(no_args_is_help=True)
Folder = Annotated[Path | None, typer.Option(help="The lab's folder. Without it: the lab of this state folder.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
What = Annotated[
    str, typer.Argument(help="site, app, app-stuck, app-readonly, app-old-data, db, replication, link, ...")
]
Target = Annotated[str, typer.Argument(help="Id of a site, an application, a protection group or a link.")]


def pointer() -> Path:
    """File in the state folder that says where the running lab is."""
    return home() / "lab.json"


def find_lab_folder(folder: Path | None) -> Path:
    """``folder``, else the one the state folder points to. NotFound when it points to none."""
    if folder is not None:
        return folder.absolute()
    try:
        return Path(json.loads(pointer().read_text(encoding="utf-8"))["folder"])
    except FileNotFoundError as error:
        raise NotFound("no lab was started from here", where=str(pointer()), next_step="'drorch lab up'") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Broken(f"unreadable: {error!r}", where=str(pointer()), next_step="name the lab with --folder") from error


def remember(lab: Lab) -> None:
    """Make this the lab of the state folder."""
    pointer().write_text(json.dumps({"folder": str(lab.folder)}) + "\n", encoding="utf-8")


def forget(folder: Path) -> None:
    """The state folder points to this lab no more."""
    path = pointer()
    if path.exists() and find_lab_folder(None) == folder:
        path.unlink()


@app.command()
def up(
    catalog: Annotated[Path, typer.Option(help="Catalog to build.")] = Path("app_catalog.yaml"),
    folder: Annotated[Path | None, typer.Option(help="New or empty folder. Default: a new temporary one.")] = None,
    json_output: Json = False,
) -> None:
    """Start the lab: databases, names, applications of every site."""
    if folder is None and pointer().exists() and (find_lab_folder(None) / "lab.json").exists():
        raise Refused(
            "a lab was started from here already", where=str(find_lab_folder(None)), next_step="'drorch lab down'"
        )
    lab = Lab.up(load_catalog_file(catalog), folder, _say)
    remember(lab)
    if json_output:
        print_json({"folder": str(lab.folder), "estate": str(lab.estate_file)})
    else:
        console().print(f"the lab is up in {lab.folder}; estate file: {lab.estate_file}", soft_wrap=True)


def _say(text: str) -> None:
    """Progress goes to stderr: stdout is for the result."""
    sys.stderr.write(f"lab: {text}\n")


@app.command()
def status(folder: Folder = None, json_output: Json = False) -> None:
    """What is up, what is down, what is broken on purpose."""
    state = Lab.open(find_lab_folder(folder)).status()
    if json_output:
        print_json(plain(state))
    else:
        _print_status(state)


def _print_status(state: LabStatus) -> None:
    def word(value: bool | None) -> str:
        return {True: "up", False: "down", None: "-"}[value]

    print_table(
        f"Lab in {state.folder}",
        ("site", "address", "power", "application server", "name server"),
        [
            (
                site.site,
                site.address,
                "on" if site.power else "off",
                word(site.application_server),
                word(site.name_server),
            )
            for site in state.sites
        ],
    )
    print_table(
        "Databases",
        ("protection group", "site", "port", "role"),
        [(node.group, node.site, node.port, node.role) for node in state.databases],
    )
    print_table(
        "Applications",
        ("application", "protection group", "started at", "drill at", "names point to"),
        [
            (
                entry.id,
                entry.group,
                ", ".join(entry.started) or "-",
                ", ".join(entry.drill) or "-",
                ", ".join(dict.fromkeys(site or "?" for site in entry.names.values())),
            )
            for entry in state.applications
        ],
    )
    console().print("broken: " + (", ".join(state.faults) or "nothing"), soft_wrap=True)


@app.command(name="break")
def break_(what: What, target: Target, folder: Folder = None, json_output: Json = False) -> None:
    """Break something for real."""
    changed = Lab.open(find_lab_folder(folder)).break_(what, target)
    _tell(json_output, changed, f"{what} {target} is broken", "it was broken already")


@app.command()
def heal(
    what: Annotated[str, typer.Argument(help="As for break, or 'all'.")],
    target: Annotated[str, typer.Argument(help="As for break; not needed for 'all'.")] = "",
    folder: Folder = None,
    json_output: Json = False,
) -> None:
    """Heal what was broken. Roles are not repaired: fail back with a plan."""
    lab = Lab.open(find_lab_folder(folder))
    if what != "all":
        _tell(json_output, lab.heal(what, target), f"{what} {target} is healed", "it was not broken")
        return
    problems = lab.heal_all()
    if json_output:
        print_json({"not_healed": problems})
    else:
        console().print("\n".join(problems) or "everything runs", soft_wrap=True)


def _tell(json_output: bool, changed: bool, done: str, already: str) -> None:
    if json_output:
        print_json({"changed": changed})
    else:
        console().print(done if changed else already, soft_wrap=True)


@app.command()
def reset(folder: Folder = None) -> None:
    """Everything as it was when the lab came up: new databases, names, power; nothing broken. Its ports stay."""
    lab = Lab.open(find_lab_folder(folder))
    lab.reset(_say)
    console().print(f"the lab in {lab.folder} is as new", soft_wrap=True)


@app.command()
def down(folder: Folder = None) -> None:
    """End every process of the lab and remove what it made."""
    try:
        where = find_lab_folder(folder)
    except NotFound:
        console().print("no lab is up")
        return
    if (where / "lab.json").exists():
        Lab.open(where).down()
    forget(where)
    console().print("the lab is down", soft_wrap=True)
