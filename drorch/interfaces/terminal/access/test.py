"""``drorch access test``: the yearly test of working from elsewhere (docs/denial-of-access-test.md)."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.text import Text

from drorch.access.denial_test.course import Standing
from drorch.access.denial_test.driver import Drive, Warden
from drorch.access.denial_test.model import Method, Outcome
from drorch.access.denial_test.operations import DEMAND, RESULT, AccessTests
from drorch.access.denial_test.prechecks import Bound
from drorch.access.denial_test.text import report_text, result_to_json
from drorch.access.poll import load_sources_file
from drorch.app import composition
from drorch.core.errors import ExitCode, InputInvalid, NotFound
from drorch.evidence.export import write_archive
from drorch.evidence.signatures import load_signer
from drorch.interfaces.terminal.output import console, print_json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

IdArgument = Annotated[str, typer.Argument(metavar="TEST", help="Id of the test.")]
ByOption = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who says so.")]
KeyOption = Annotated[Path, typer.Option("--key", help="Private Ed25519 key (PEM) that signs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
STYLES = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.STOPPED: "yellow"}


@app.callback()
def root() -> None:
    """The yearly test: could everybody work from elsewhere? Held with staff, or with test accounts."""


@app.command()
def prepare(
    file: Annotated[Path, typer.Argument(help="The test as planned.")],
    by: ByOption,
    key: KeyOption,
    model: Annotated[Path, typer.Option("--model", help="The capacity model.")] = Path("capacity.yaml"),
    as_json: JsonOption = False,
) -> None:
    """Freeze the test, the model and the demand, and sign them. Then the departments agree to their demand."""
    stands = _tests().prepare(file, model, by, load_signer(key))
    _show(stands, as_json)


@app.command()
def sign(
    test: IdArgument,
    department: Annotated[str, typer.Option(help="For which department.")],
    by: ByOption,
    what: Annotated[str, typer.Option(help="demand (before the test) or result (after it).")] = RESULT,
    application: Annotated[
        list[str] | None, typer.Option(help="Observed day: an application its people reached. May be repeated.")
    ] = None,
) -> None:
    """A person of a department agrees: to the demand before, to the result after."""
    if what not in (DEMAND, RESULT):
        raise InputInvalid(f"{what!r} cannot be signed", where="--what", next_step=f"write {DEMAND} or {RESULT}")
    made = _tests().sign(test, department, what, by, application or ())
    console().print(f"{made.person} signed the {made.what} of {made.department}", soft_wrap=True)


@app.command()
def start(
    test: IdArgument,
    by: ByOption,
    sources: Annotated[Path, typer.Option("--sources", help="The systems to watch.")] = Path("access.yaml"),
    bind_licences: Annotated[
        int | None, typer.Option(help="User or device licences: how many the ramp will bind.")
    ] = None,
    bind_days: Annotated[int | None, typer.Option(help="And for how many days.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the test in this process until it is over, stopped, or a guard stops it. Exit code 0 only for a pass."""
    tests, parts = composition.access_tests(on_wait=_waiting), composition.access_parts()
    prepared = tests.load(test)
    planned, configs = prepared.test, load_sources_file(sources, prepared.model)
    driver = None
    if planned.method is Method.RAMP:
        way = next((item for item in configs if item.id == planned.way), None)
        if way is None:
            raise NotFound(f"there is no source {planned.way!r}", where=str(sources), next_step="name it there")
        driver = composition.login_driver(way)
    bound = None
    if bind_licences is not None or bind_days is not None:
        bound = Bound(licences=bind_licences or 0, days=bind_days or 0)
    signal.signal(signal.SIGTERM, _interrupt)

    def warden(test: str) -> Warden:
        return composition.warden(test, sources, planned.way or "")

    stands = Drive(parts, tests, configs, driver, warden).start(test, by, bound)
    _show(stands, as_json)
    raise typer.Exit(int(ExitCode.OK if stands.judgement.outcome is Outcome.PASS else ExitCode.OBJECTIVES_MISSED))


@app.command()
def status(test: IdArgument, as_json: JsonOption = False) -> None:
    """How a test stands."""
    _show(_tests().standing(test), as_json)


@app.command()
def stop(
    test: IdArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
) -> None:
    """Stop a test under way: everybody is logged off. One whose process is gone is ended, and what is left is named."""
    tests = _tests()
    if tests.standing(test).running is not False:
        tests.stop(test, by, reason)
        console().print("asked to stop; it logs off what it logged on (drorch access test status)", soft_wrap=True)
        return
    stands = tests.end_interrupted(test)
    _show(stands, False)


@app.command()
def report(
    test: IdArgument,
    key: KeyOption,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.zip", help="Default: access-test-TEST.zip here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Seal the evidence of a test that has ended: result, journal and demand, signed. Nothing can be added then."""
    stands, data = _tests().report(test, load_signer(key))
    path = output or Path(f"access-test-{test}.zip")
    write_archive(path, data)
    _show(stands, as_json)
    if not as_json:
        console().print(f"evidence: {path}", soft_wrap=True)


def _tests() -> AccessTests:
    return composition.access_tests()


def _waiting(seconds: float, why: str) -> None:
    typer.echo(f"{why}; waiting for {seconds:.0f} s, the test stands still meanwhile", err=True)


def _show(stands: Standing, as_json: bool) -> None:
    state = stands.state
    if as_json:
        print_json({**result_to_json(stands), "state": state, "warnings": list(stands.warnings)})
        return
    out = console()
    out.print(
        Text(f"{stands.test.id}: {state}", style=STYLES.get(stands.judgement.outcome, "") if state == "ended" else "")
    )
    out.print(Text(report_text(stands)), soft_wrap=True)
    for warning in stands.warnings:
        out.print(Text(warning, style="yellow"), soft_wrap=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Ends the test as Ctrl-C does: everybody is logged off. A second one must not stop that.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGINT)
