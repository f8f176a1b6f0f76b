"""Whether a run's record is what its journal and evidence say: it is built again and compared, field by field.

A record is a file. Before people approve what rests on it, or close an action by it, it has to be shown that nobody
wrote into it.
"""

from __future__ import annotations

from drorch.catalog.files import load_catalog_file
from drorch.core.codec import plain
from drorch.core.errors import DrorchError
from drorch.core.files import read_file
from drorch.core.state_folder import RunContext, run_folder, watch_folder
from drorch.evidence.codec import read_present
from drorch.evidence.record.build import build_report
from drorch.evidence.record.files import load_report
from drorch.evidence.record.model import Report
from drorch.orchestration import baselines
from drorch.orchestration.boot_log import boots_of
from drorch.orchestration.lost_runs import lost
from drorch.orchestration.measurement import measure_run
from drorch.orchestration.ports import Parts
from drorch.plan.check import check_plan
from drorch.plan.files import load_plan_file

COMPARED = (
    *("run", "totals", "applications", "remote_access", "not_recoverable", "steps", "refusals", "operator_acts"),
    *("undone", "baseline", "protection"),
)


def why_record_does_not_hold(parts: Parts, run: str) -> str | None:
    """Why the record of this run may not be relied on, as a sentence; None when it holds.

    What cannot be built again (a file is gone or damaged) does not hold: unknown is never green.
    """
    try:
        stored = load_report(parts.home, run)
        built = _built(parts, run, stored)
    except DrorchError as error:
        return f"the record of the run {run} cannot be built again from its evidence: {error}".split("\n", 1)[0]
    before, now = plain(stored), plain(built)
    if stored.result.overall is not built.result.overall:
        return (
            f"the record of the run {run} says {stored.result.overall.value}, its journal and evidence say "
            f"{built.result.overall.value}"
        )
    for name in COMPARED:
        if before[name] != now[name]:
            place = _difference(before[name], now[name], name)
            return f"the record of the run {run} is not what its journal and evidence say: {place} differs"
    return None


def _built(parts: Parts, run: str, stored: Report) -> Report:
    folder = run_folder(parts.home, run)
    context = read_file(folder.context, RunContext)
    plan, catalog = load_plan_file(folder.plan), load_catalog_file(folder.catalog)
    watch = watch_folder(parts.home, context.watch)
    present = read_present(folder.present.read_text("utf-8"), str(folder.present)) if folder.present.exists() else {}
    events = parts.journal.read(run)
    if not events:
        raise lost(run)
    measured = measure_run(
        catalog=catalog,
        plan=plan,
        events=events,
        samples=parts.watching.samples(watch.path),
        canaries=parts.watching.canaries(watch.path),
        present=present,
        boots=boots_of(folder),
    )
    after = baselines.aftermath(baselines.Kept(folder=folder, plan=plan, catalog=catalog), events)
    return build_report(
        run_id=run,
        plan=plan,
        catalog=catalog,
        events=events,
        outages=measured.outages,
        losses=measured.losses,
        scores=measured.scores,
        findings=(*check_plan(plan, catalog), *after.findings),
        comparison=after.comparison,
        protection=after.protection,
        estate=stored.run.estate,
        timings=stored.timings,
    )


def _difference(before: object, now: object, place: str) -> str:
    """The first place where two plain values differ."""
    if isinstance(before, dict) and isinstance(now, dict) and before.keys() == now.keys():
        name = next(key for key in before if before[key] != now[key])
        return _difference(before[name], now[name], f"{place}.{name}")
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        index = next(number for number, pair in enumerate(zip(before, now, strict=True)) if pair[0] != pair[1])
        return _difference(before[index], now[index], f"{place}[{index}]")
    return place
