"""The ``drorch`` command: puts the groups together and turns errors into text and exit codes."""

from __future__ import annotations

import os
import sys

import typer
from typer.exceptions import TyperException

from drorch import __version__
from drorch.core.errors import DrorchError, ExitCode
from drorch.interfaces.terminal import catalog, doctor, plan, remote, report, serve, store, user
from drorch.interfaces.terminal.access import commands as access
from drorch.interfaces.terminal.lab import commands as lab
from drorch.interfaces.terminal.lab import demo
from drorch.interfaces.terminal.output import print_error
from drorch.interfaces.terminal.runs import operator_acts as operate
from drorch.interfaces.terminal.runs import probe
from drorch.interfaces.terminal.year import action, callout, schedule
from drorch.interfaces.terminal.year import after_action as aar
from drorch.interfaces.terminal.year import commands as year

app = typer.Typer(
    name="drorch",
    help="Disaster-recovery orchestration and failover testing with measured evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(catalog.app, name="catalog", help="The catalog: check, show, diff, import.")
app.add_typer(plan.app, name="plan", help="Recovery plans: build, show, check, diff.")
app.add_typer(operate.app, name="run", help="Runs: start, list, show, watch and operator decisions.")
app.add_typer(report.app, name="report", help="The record of a run: show, write as HTML, text or JSON.")
app.add_typer(access.app, name="access", help="Could remote access carry the people who need it?")
app.add_typer(probe.app, name="probe", help="Look at the services now, independently of any playbook.")
app.add_typer(serve.app, name="serve", help="Answer until ended: console and REST API; metrics for Prometheus.")
app.add_typer(user.app, name="user", help="Accounts and tokens of the web, and its audit log.")
app.add_typer(year.app, name="year", help="The year: who owes which test, records by hand, planned tests, windows.")
app.add_typer(action.app, name="action", help="Corrective actions: open, assign, do, verify, close.")
app.add_typer(callout.app, name="callout", help="The call-out exercise: check the tree, call, who was reached.")
app.add_typer(schedule.app, name="schedule", help="What begins by itself: when, and what became of it.")
app.add_typer(aar.app, name="aar", help="After-action reports: draft from evidence, edit, review, approve, export.")
app.add_typer(store.app, name="store", help="The event store: export, restore, check.")
app.add_typer(lab.app, name="lab", help="The embedded four-site lab: up, status, break, heal, down.")
app.command(name="doctor", help="Would a run work from here? Looks at machine, journal, files, name servers.")(
    doctor.doctor
)
app.command(name="demo", help="Lose New York on the lab, recover, measure, fail back, write the report.")(demo.demo)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
    """Disaster-recovery orchestration and failover testing with measured evidence.

    With 'drorch --server URL --token-file FILE' in front, run, plan and report ask a server instead.
    """
    if version:
        typer.echo(f"drorch {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point. Exit codes: see ``drorch.core.errors.ExitCode``."""
    try:
        chosen = remote.app if remote.wanted(sys.argv[1:]) else app
        code = chosen(standalone_mode=False, prog_name="drorch")
    except DrorchError as error:
        print_error(error)
        code = int(error.exit_code)
    except typer.Exit as ended:
        code = ended.exit_code
    except (typer.Abort, KeyboardInterrupt):
        print_error(DrorchError("interrupted", next_step="a run that was under way goes on with 'drorch run attach'"))
        code = int(ExitCode.BROKEN)
    except TyperException as error:
        # Wrong usage: typer's own text says which option or argument, and how to get help.
        show = getattr(error, "show", None)
        show() if show is not None else print_error(error)
        code = int(ExitCode.BAD_INPUT)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to tell and nowhere to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = int(ExitCode.OK)
    except OSError as error:
        print_error(DrorchError(f"{error.strerror or error}", where=str(error.filename) if error.filename else None))
        code = int(ExitCode.BAD_INPUT)
    sys.exit(code or 0)
