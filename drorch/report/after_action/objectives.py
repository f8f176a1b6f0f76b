"""The objectives of a run, what was measured of each, and the rating that follows from it (HSEEP P, S, M, U).

The rating is proposed; people may set another one with a reason, and both are shown. Nothing measured: nothing
proposed.
"""

from __future__ import annotations

from collections.abc import Iterator

from drorch.evidence.record.model import Report
from drorch.plan.model import Kind
from drorch.report.after_action.model import ObjectiveFacts, Rating

_MOVES = (Kind.SWITCHOVER, Kind.FAILOVER, Kind.FAILBACK)


def objectives_of(report: Report) -> tuple[ObjectiveFacts, ...]:
    """In the order in which they are asked for. None for a run that was not started."""
    if report.run.started is None:
        return ()
    return tuple(_objectives(report))


def _objectives(report: Report) -> Iterator[ObjectiveFacts]:
    totals, run = report.totals, report.run
    repeated = any(len(step.attempts) > 1 for step in report.steps)
    challenged = bool(report.refusals) or totals.steps_failed > 0 or repeated
    if totals.measured_scope:
        yield _recovered(report, challenged)
    if run.kind in _MOVES:
        statement = "Every application is back within its recovery time objective"
        yield _counted(report, "recovery-time", statement, totals.rto_met, totals.rto_measured, challenged=challenged)
        statement = "No application loses more data than its recovery point objective"
        yield _counted(report, "data-loss", statement, totals.rpo_met, totals.rpo_measured)
    if totals.remote_access:
        statement = "Every remote-access application is reached by that path (reachability only)"
        yield _counted(report, "remote-access", statement, totals.remote_access_reached, totals.remote_access)
    if report.baseline is not None:
        clean = report.baseline.clean
        rating = {True: Rating.P, False: Rating.M, None: None}[clean]
        statement = "Everything stands afterwards where it has to"
        yield _made(report, "clean", statement, None, None, rating, report.baseline.reason)


def _recovered(report: Report, challenged: bool) -> ObjectiveFacts:
    """Recovered too late is recovered: another objective is about time. Vacuous and not measured are not."""
    totals = report.totals
    counts = ("passed", "proved", "missed", "failed", "vacuous", "not_measured")
    told = [f"{getattr(totals, name)} {name.replace('_', ' ')}" for name in counts if getattr(totals, name)]
    working = totals.passed + totals.proved + totals.missed
    rating = Rating.S if challenged or totals.missed else Rating.P
    if working < totals.measured_scope:
        rating = Rating.M if working else Rating.U
    statement = "Every application works where it has to, under its own name"
    # A sum that the record does not hold is not shown as a number.
    single = working in (totals.passed, totals.proved)
    return _made(
        report,
        "recovered",
        statement,
        working if single else None,
        totals.measured_scope if single else None,
        rating,
        f"of {totals.measured_scope} in scope: {', '.join(told)}",
    )


def _counted(
    report: Report, name: str, statement: str, met: int, of: int, *, challenged: bool = False
) -> ObjectiveFacts:
    """Rated by counts: all met P (S after a refusal, a failed step or a second attempt), some M, none U."""
    scope = report.totals.remote_access if name == "remote-access" else report.totals.measured_scope
    if of == 0:
        return _made(report, name, statement, None, None, None, "not measured")
    basis = f"{met} of {of} met"
    if of < scope:
        basis += f"; {scope} were in scope, the others were not measured"
    rating = Rating.M if met else Rating.U
    if met == of == scope:
        rating = Rating.S if challenged else Rating.P
    return _made(report, name, statement, met, of, rating, basis)


def _made(
    report: Report, name: str, statement: str, met: int | None, of: int | None, rating: Rating | None, basis: str
) -> ObjectiveFacts:
    return ObjectiveFacts(
        id=f"{report.run.id}/{name}",
        run=report.run.id,
        statement=statement,
        met=met,
        of=of,
        proposed=rating,
        basis=basis,
    )
