"""The steps of a plan, one function each. Ids, playbooks and variables are the table in docs/architecture.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from drorch.catalog.model import Application
from drorch.plan import timings
from drorch.plan.model import (
    Act,
    ApplicationScope,
    NamesAct,
    Phase,
    PlaybookAct,
    Repeat,
    ReplicationAct,
    Step,
    SubjectKind,
    ValidateAct,
    WitnessAct,
)
from drorch.plan.selection import Move
from drorch.plan.timings import Timing

Needs = tuple[str, ...]


def database_host(group: str, site: str) -> str:
    """Inventory name of the database node of a group at a site."""
    return f"db-{group}-{site}"


def application_host(site: str) -> str:
    """Inventory name of a site's application server."""
    return f"apps-{site}"


def _playbook(name: str, hosts: Iterable[str], **variables: object) -> PlaybookAct:
    return PlaybookAct(playbook=name, hosts=tuple(hosts), variables=MappingProxyType(variables))


def _proof(
    subject_kind: SubjectKind, subject: str, verb: str, *, title: str, phase: Phase, act: Act, site: str, needs: Needs,
    timing: Timing,
) -> Step:  # fmt: skip
    return Step(
        id=f"{subject}/{verb}", title=title, subject_kind=subject_kind, subject=subject, phase=phase, act=act,
        site=site, needs=needs, timeout_s=timing.timeout_s, estimate_s=timing.estimate_s, repeat=Repeat.SAFE,
    )  # fmt: skip


def witness(lost_site: str, witnesses: tuple[str, ...]) -> Step:
    """Failover: the site is proved lost before anything is promoted."""
    return _proof(
        SubjectKind.SITE, lost_site, "witness",
        title=f"Prove from {' and '.join(witnesses)} that {lost_site} answers nowhere",
        phase=Phase.CHECK, act=WitnessAct(site=lost_site, witnesses=witnesses), site=witnesses[0], needs=(),
        timing=timings.WITNESS,
    )  # fmt: skip


def site_names(site: str, applications: tuple[str, ...]) -> Step:
    """The names of ``applications`` point to ``site`` at every name server."""
    return _proof(
        SubjectKind.SITE, site, "names",
        title=f"Names of {len(applications)} applications point to {site}", phase=Phase.CHECK,
        act=NamesAct(applications=applications, site=site), site=site, needs=(), timing=timings.NAMES,
    )  # fmt: skip


def group_names(move: Move) -> Step:
    """Failback: the group's names still point to where it was recovered."""
    names = tuple(app.id for app in move.applications)
    return _proof(
        SubjectKind.GROUP, move.group.id, "names",
        title=f"Names of {move.group.id} point to {move.from_site}", phase=Phase.CHECK,
        act=NamesAct(applications=names, site=move.from_site), site=move.from_site, needs=(), timing=timings.NAMES,
    )  # fmt: skip


def largest_lag(move: Move) -> float:
    """Seconds a standby may be behind: the strictest recovery point objective of the group, within limits."""
    strictest = min((app.rpo.seconds for app in move.applications), default=timings.LARGEST_LAG_S)
    return max(timings.SMALLEST_LAG_S, min(timings.LARGEST_LAG_S, strictest))


def replication(move: Move, verb: str, *, primary: str, standby: str, needs: Needs, phase: Phase = Phase.CHECK) -> Step:
    """The group streams from ``primary`` to ``standby`` and is up to date."""
    act = ReplicationAct(group=move.group.id, primary=primary, standby=standby, max_lag_s=largest_lag(move))
    return _proof(
        SubjectKind.GROUP, move.group.id, verb,
        title=f"{move.group.id} replicates from {primary} to {standby}", phase=phase, act=act, site=standby,
        needs=needs, timing=timings.REPLICATION,
    )  # fmt: skip


def validate(scope: ApplicationScope, site: str, *, needs: Needs, drill: bool = False) -> Step:
    """The application is proved served from ``site`` by probes that know nothing of the playbooks."""
    act = ValidateAct(application=scope.application, site=site, drill=drill, remote_access=scope.remote_access)
    what = "is reached by remote access" if scope.remote_access else f"is served from {site}"
    return _proof(
        SubjectKind.APPLICATION, scope.application, "validate",
        title=f"{'Copy of ' if drill and not scope.remote_access else ''}{scope.application} {what}",
        phase=Phase.VALIDATE, act=act, site=site, needs=needs, timing=timings.VALIDATE,
    )  # fmt: skip


def _group_step(
    move: Move, verb: str, playbook: str, *, title: str, phase: Phase, site: str, hosts: Iterable[str], needs: Needs,
    timing: Timing, repeat: Repeat, after: Needs = (), variables: Mapping[str, object] | None = None,
    undo: str | None = None,
) -> Step:  # fmt: skip
    other = move.from_site if site == move.to_site else move.to_site
    inputs: dict[str, object] = {"group": move.group.id, "site": site, "other_site": other, **(variables or {})}
    return Step(
        id=f"{move.group.id}/{verb}", title=title, subject_kind=SubjectKind.GROUP, subject=move.group.id, phase=phase,
        act=_playbook(playbook, hosts, **inputs), site=site, needs=needs, after=after, timeout_s=timing.timeout_s,
        estimate_s=timing.estimate_s, repeat=repeat,
        undo=None if undo is None else _playbook(undo, hosts, **inputs),
    )  # fmt: skip


def _nodes(move: Move, *sites: str) -> tuple[str, ...]:
    return tuple(database_host(move.group.id, site) for site in sites)


def recover(move: Move, needs: Needs) -> Step:
    """Failover: promote the standby, the old primary being lost."""
    return _group_step(
        move, "recover", f"{move.group.method}/recover.yml",
        title=f"Promote the {move.to_site} side of {move.group.id}",
        phase=Phase.RECOVER, site=move.to_site, hosts=_nodes(move, move.to_site), needs=needs, timing=timings.RECOVER,
        repeat=Repeat.AFTER_PROBE,
    )  # fmt: skip


def fence(move: Move, needs: Needs) -> Step:
    """Switchover, failback: nobody writes at the old side any more."""
    names = tuple(app.id for app in move.applications)
    return _group_step(
        move, "fence", "application/stop.yml", title=f"Stop the applications of {move.group.id} at {move.from_site}",
        phase=Phase.FENCE, site=move.from_site, hosts=(application_host(move.from_site),), needs=needs,
        timing=timings.FENCE, repeat=Repeat.SAFE, variables={"applications": names},
    )  # fmt: skip


def handover(move: Move, needs: Needs) -> Step:
    """Switchover, failback: the roles of the two database nodes are exchanged without loss."""
    return _group_step(
        move, "handover", f"{move.group.method}/handover.yml",
        title=f"Hand {move.group.id} over from {move.from_site} to {move.to_site}", phase=Phase.RECOVER,
        site=move.to_site, hosts=_nodes(move, move.from_site, move.to_site), needs=needs, timing=timings.HANDOVER,
        repeat=Repeat.AFTER_PROBE,
    )  # fmt: skip


def return_old_primary(move: Move, needs: Needs) -> Step:
    """Failback: the old primary comes back as a standby of the present one."""
    return _group_step(
        move, "return", f"{move.group.method}/return.yml",
        title=f"Bring {move.group.id} at {move.to_site} back as a standby of {move.from_site}", phase=Phase.RETURN,
        site=move.to_site, hosts=_nodes(move, move.to_site, move.from_site), needs=needs, timing=timings.RETURN,
        repeat=Repeat.AFTER_PROBE,
    )  # fmt: skip


def drill_copy(move: Move, needs: Needs) -> Step:
    """Drill: a copy of the standby is started apart."""
    return _group_step(
        move, "drill", f"{move.group.method}/drill.yml", title=f"Copy {move.group.id} apart at {move.to_site}",
        phase=Phase.RECOVER, site=move.to_site, hosts=_nodes(move, move.to_site), needs=needs,
        timing=timings.DRILL_COPY, repeat=Repeat.AFTER_PROBE, undo=f"{move.group.method}/drill_cleanup.yml",
    )  # fmt: skip


def drill_clean_up(move: Move, needs: Needs, after: Needs) -> Step:
    """Drill: the copy is stopped and removed."""
    return _group_step(
        move, "drill-clean-up", f"{move.group.method}/drill_cleanup.yml",
        title=f"Remove the copy of {move.group.id} at {move.to_site}", phase=Phase.CLEAN_UP, site=move.to_site,
        hosts=_nodes(move, move.to_site), needs=needs, after=after, timing=timings.DRILL_CLEAN_UP, repeat=Repeat.SAFE,
    )  # fmt: skip


def ready(move: Move, needs: Needs) -> Step:
    """Readiness: both database nodes could be recovered as they are."""
    return _group_step(
        move, "ready", f"{move.group.method}/check.yml", title=f"{move.group.id} could be recovered at {move.to_site}",
        phase=Phase.CHECK, site=move.from_site, hosts=_nodes(move, move.from_site, move.to_site), needs=needs,
        timing=timings.READY, repeat=Repeat.SAFE,
    )  # fmt: skip


def _application_step(
    move: Move, app: Application, verb: str, *, title: str, phase: Phase, needs: Needs, timing: Timing,
    act: PlaybookAct, after: Needs = (), undo: PlaybookAct | None = None,
) -> Step:  # fmt: skip
    # All application playbooks ask for a state ("started", "stopped"): performing them twice is harmless.
    return Step(
        id=f"{app.id}/{verb}", title=title, subject_kind=SubjectKind.APPLICATION, subject=app.id, phase=phase,
        act=act, site=move.to_site, needs=needs, after=after, timeout_s=timing.timeout_s, estimate_s=timing.estimate_s,
        repeat=Repeat.SAFE, undo=undo,
    )  # fmt: skip


def _on_application(move: Move, app: Application, playbook: str, *, drill: bool, **more: object) -> PlaybookAct:
    return _playbook(
        f"application/{playbook}", (application_host(move.to_site),), application=app.id, group=move.group.id,
        site=move.to_site, other_site=move.from_site, drill=drill, **more,
    )  # fmt: skip


def start(move: Move, app: Application, needs: Needs, *, lost_site: str | None = None) -> Step:
    """Start the application where its data is now and switch its name in the same play.

    ``lost_site``: its loss is proved before this step, so its name server does not have to answer.
    """
    undo = _playbook(
        "application/stop.yml", (application_host(move.to_site),), applications=(app.id,), group=move.group.id,
        site=move.to_site, other_site=move.from_site,
    )  # fmt: skip
    return _application_step(
        move, app, "start", title=f"Start {app.id} at {move.to_site} and switch its name", phase=Phase.SERVE,
        needs=needs, timing=timings.START,
        act=_on_application(move, app, "start.yml", drill=False, **({"lost_site": lost_site} if lost_site else {})),
        undo=undo,
    )  # fmt: skip


def drill_start(move: Move, app: Application, needs: Needs) -> Step:
    """Drill: start the isolated copy of the application."""
    return _application_step(
        move, app, "drill-start", title=f"Start the copy of {app.id} at {move.to_site}", phase=Phase.SERVE,
        needs=needs, timing=timings.START, act=_on_application(move, app, "drill_start.yml", drill=True),
        undo=_on_application(move, app, "drill_stop.yml", drill=True),
    )  # fmt: skip


def drill_stop(move: Move, app: Application, needs: Needs, after: Needs) -> Step:
    """Drill: stop the isolated copy, however its start and its validation ended."""
    return _application_step(
        move, app, "drill-stop", title=f"Stop the copy of {app.id} at {move.to_site}", phase=Phase.CLEAN_UP,
        needs=needs, after=after, timing=timings.STOP, act=_on_application(move, app, "drill_stop.yml", drill=True),
    )  # fmt: skip
