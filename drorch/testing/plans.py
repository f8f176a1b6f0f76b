"""Small plans made by hand, for tests of a run: no catalog is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from drorch.plan.model import (
    PLAN_SCHEMA,
    Act,
    Kind,
    Limits,
    Phase,
    Plan,
    PlaybookAct,
    Repeat,
    ReplicationAct,
    Selection,
    Step,
    SubjectKind,
    ValidateAct,
    WitnessAct,
)

PRIMARY = "nyc"
STANDBY = "piscataway"


def playbook_step(
    step_id: str,
    *,
    needs: Sequence[str] = (),
    after: Sequence[str] = (),
    site: str = STANDBY,
    repeat: Repeat = Repeat.SAFE,
    estimate_s: float = 1.0,
    timeout_s: float = 60.0,
) -> Step:
    """A state-changing step whose playbook is ``<verb>.yml`` on the host ``host-<subject>``."""
    subject, verb = step_id.split("/")
    act = PlaybookAct(playbook=f"{verb}.yml", hosts=(f"host-{subject}",))
    return _step(step_id, act, needs, after, site=site, repeat=repeat, estimate_s=estimate_s, timeout_s=timeout_s)


def proof_step(step_id: str, act: Act, *, needs: Sequence[str] = (), after: Sequence[str] = ()) -> Step:
    """A step that only looks."""
    return _step(step_id, act, needs, after)


def validate_step(application: str, *, needs: Sequence[str] = ()) -> Step:
    """``<application>/validate`` at the standby site."""
    return proof_step(f"{application}/validate", ValidateAct(application=application, site=STANDBY), needs=needs)


def make_plan(
    steps: Sequence[Step], *, kind: Kind = Kind.READINESS, lost_site: str | None = None, limits: Limits | None = None
) -> Plan:
    """A plan of these steps; readiness needs no approval."""
    return Plan(
        schema=PLAN_SCHEMA,
        kind=kind,
        title="made by hand",
        selection=Selection(),
        lost_site=lost_site,
        catalog_id="sha256:" + "c" * 64,
        estate_id=None,
        playbooks_id="sha256:" + "b" * 64,
        scope=(),
        steps=tuple(steps),
        limits=limits or Limits(),
    )


def failover_plan(groups: int = 2, applications: int = 2) -> Plan:
    """Witness, then per group recover, then per application start and validate; each group's second application
    needs its first."""
    witness = proof_step(f"{PRIMARY}/witness", WitnessAct(site=PRIMARY, witnesses=("brindisi", "valencia")))
    steps = [witness]
    for group in (f"g{number}" for number in range(groups)):
        recover = playbook_step(f"{group}/recover", needs=[witness.id], repeat=Repeat.AFTER_PROBE)
        steps.append(recover)
        before: list[str] = []
        for application in (f"{group}-a{number}" for number in range(applications)):
            start = playbook_step(f"{application}/start", needs=[recover.id, *before])
            validate = validate_step(application, needs=[start.id])
            steps += [start, validate]
            before = [validate.id]
    return make_plan(steps, kind=Kind.FAILOVER, lost_site=PRIMARY)


def drill_plan(applications: int = 2) -> Plan:
    """A drill of one group with its clean-up, as the table in docs/architecture.md has it."""
    check = proof_step("g/check", ReplicationAct(group="g", primary=PRIMARY, standby=STANDBY, max_lag_s=5.0))
    drill = playbook_step("g/drill", needs=[check.id])
    steps, stops = [check, drill], []
    for application in (f"a{number}" for number in range(applications)):
        start = playbook_step(f"{application}/drill-start", needs=[drill.id])
        validate = validate_step(application, needs=[start.id])
        stop = playbook_step(f"{application}/drill-stop", after=[start.id, validate.id])
        steps += [start, validate, stop]
        stops.append(stop.id)
    clean_up = playbook_step("g/drill-clean-up", after=[drill.id, *stops])
    protected = proof_step(
        "g/protected",
        ReplicationAct(group="g", primary=PRIMARY, standby=STANDBY, max_lag_s=5.0),
        after=[clean_up.id],
    )
    return make_plan([*steps, clean_up, protected], kind=Kind.DRILL)


def with_undo(plan: Plan, *verbs: str) -> Plan:
    """The same plan with an undo playbook ``undo_<verb>.yml`` for the steps with these verbs."""
    steps: list[Step] = []
    for step in plan.steps:
        verb = step.id.split("/")[1]
        undo = PlaybookAct(playbook=f"undo_{verb}.yml", hosts=(f"host-{step.subject}",))
        steps.append(replace(step, undo=undo) if verb in verbs else step)
    return replace(plan, steps=tuple(steps))


def layered_plan(steps: int, width: int = 100) -> Plan:
    """``steps`` playbook steps in layers of ``width``; each needs two of the layer before."""
    made: list[Step] = []
    for number in range(steps):
        layer, place = divmod(number, width)
        needs = [f"s{(layer - 1) * width + (place + shift) % width}/act" for shift in (0, 1)] if layer else []
        made.append(playbook_step(f"s{number}/act", needs=tuple(dict.fromkeys(needs))))
    return make_plan(made, limits=Limits(total=64, per_site=64))


def _step(
    step_id: str,
    act: Act,
    needs: Sequence[str],
    after: Sequence[str],
    *,
    site: str = STANDBY,
    repeat: Repeat = Repeat.SAFE,
    estimate_s: float = 1.0,
    timeout_s: float = 60.0,
) -> Step:
    subject = step_id.split("/")[0]
    return Step(
        id=step_id,
        title=step_id,
        subject_kind=SubjectKind.GROUP if isinstance(act, ReplicationAct) else SubjectKind.APPLICATION,
        subject=subject,
        phase=Phase.RECOVER,
        act=act,
        site=site,
        needs=tuple(needs),
        after=tuple(after),
        timeout_s=timeout_s,
        estimate_s=estimate_s,
        repeat=repeat,
    )
