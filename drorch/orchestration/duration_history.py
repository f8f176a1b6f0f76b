"""The recorded durations of past runs: read out of the journal, saved to a file, read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drorch.core.codec import from_text, to_text
from drorch.core.errors import DrorchError, InputInvalid
from drorch.core.files import read_input, write_whole
from drorch.core.state_folder import run_folder
from drorch.orchestration.ports import Parts
from drorch.plan.files import load_plan_file
from drorch.plan.history import HISTORY_SCHEMA, Durations, RunTimes
from drorch.run.history import times_of
from drorch.year.run_records import record_of

MAX_BYTES = 64_000_000


@dataclass(frozen=True, kw_only=True)
class History:
    """Runs whose times can be used, of one estate; and how many were left out."""

    runs: tuple[RunTimes, ...]
    estate: str | None
    """None for a file, which says itself where it is from."""
    left_out: int
    """Not completed at the first try, of another estate, or without a readable record."""


def recorded_runs(parts: Parts, estate: str | None) -> History:
    """Every completed run of an estate (None: the only one there is). InputInvalid when several are there.

    What a lab needs says nothing about the real estate, so the two are never mixed.
    """
    found: dict[str, list[RunTimes]] = {}
    every = parts.journal.runs()
    for run in every:
        try:
            where = record_of(parts.home, run).run.estate
            times = times_of(load_plan_file(run_folder(parts.home, run).plan), run, parts.journal.read(run))
        except DrorchError:
            continue  # a run whose files are gone says nothing about durations
        if times is not None:
            found.setdefault(where, []).append(times)
    if estate is None and len(found) > 1:
        what = f"there are runs of several estates: {', '.join(sorted(found))}"
        raise InputInvalid(what, where="--estate-name", next_step="say whose durations to use")
    chosen = estate if estate is not None else next(iter(found), None)
    runs = tuple(found.get(chosen, ())) if chosen is not None else ()
    return History(runs=runs, estate=chosen, left_out=len(every) - len(runs))


def load_history(path: Path) -> History:
    """The runs of a file that :func:`save_history` wrote. InputInvalid when it is none."""
    step = "name a file that 'plan forecast --save-records' wrote"
    kept = from_text(Durations, read_input(path, MAX_BYTES), where=str(path), next_step=step)
    return History(runs=kept.runs, estate=None, left_out=0)


def save_history(path: Path, runs: Sequence[RunTimes], about: str) -> None:
    """Write the runs without their ids: a number each, so that the file may be passed on."""
    bare = tuple(replace(item, run=f"run-{number}") for number, item in enumerate(runs, start=1))
    write_whole(path, to_text(Durations(schema=HISTORY_SCHEMA, about=about, runs=bare), indent=1))
