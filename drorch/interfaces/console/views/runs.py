"""A run for people: how it stands in one word, its steps in the order of concern, and what waits for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drorch.core.clock import Instant
from drorch.interfaces.console.views.labels import N_
from drorch.interfaces.console.views.operator_acts import policy_said
from drorch.interfaces.console.views.sentence import Say
from drorch.orchestration.operator_requests import RunNow
from drorch.plan.model import ManualAct, NamesAct, PlaybookAct, ReplicationAct, Step, ValidateAct, WitnessAct
from drorch.run import events as ev
from drorch.run.commit_policy import commit_overdue
from drorch.run.interlocks import groups_of
from drorch.run.pace import Slow, slow_steps
from drorch.run.progress import SATISFIED, StepStatus
from drorch.run.rules import RunHead
from drorch.run.state import RunState
from drorch.run.waits import INTERRUPTED, Needed, TimeShares, needed_now, time_shares

CONCERN = ("failed", "unknown", "running", "ready", "blocked", "skipped", "waiting", "undone", "done-by-hand", "done")
"""States of steps, the gravest first."""
_PROOFS = {
    ValidateAct: N_("proof: the application answers"),
    WitnessAct: N_("proof: the site is lost"),
    ReplicationAct: N_("proof: the data is replicated"),
    NamesAct: N_("proof: the names point there"),
    ManualAct: N_("by hand: a person signs it off"),
}


@dataclass(frozen=True, kw_only=True)
class RunCard:
    """One run in a few words. ``code`` is one of `words.RUN`."""

    run: str
    code: str
    kind: str
    title: str
    lost_site: str | None
    operator: str
    plan_id: str
    created: Instant | None
    started: Instant | None
    last: Instant | None
    seq: int
    """Number of the last event."""
    steps: int
    done: int
    failed: int
    running: int
    driven: bool
    outcome: str | None
    outcome_reason: str
    needed: tuple[Needed, ...]
    groups: frozenset[str] = frozenset()
    """Protection groups that the plan acts on."""
    problem: str = ""
    """Why it cannot be read."""

    @property
    def open(self) -> bool:
        """Whether something may still happen."""
        return self.outcome is None and self.code != "unreadable"

    @property
    def share(self) -> float:
        """Done steps, 0 to 1."""
        return self.done / self.steps if self.steps else 0.0


def run_card(now: RunNow) -> RunCard:
    """The card of a run as it stands."""
    state, head = now.state, now.state.head
    needed = needed_now(state, now.events, driven=now.driven)
    return RunCard(
        run=now.run,
        code=run_code(state, needed, driven=now.driven),
        kind=now.plan.kind.value,
        title=now.plan.title,
        lost_site=now.plan.lost_site,
        operator=head.created.operator if head.created else "",
        plan_id=head.created.plan_id if head.created else "",
        created=now.events[0].at if now.events else None,
        started=head.started_at,
        last=now.events[-1].at if now.events else None,
        seq=now.events[-1].seq if now.events else 0,
        steps=len(now.plan.steps),
        done=sum(step.status in SATISFIED for step in state.steps.values()),
        failed=len(state.with_status(StepStatus.FAILED, StepStatus.UNKNOWN)),
        running=len(state.with_status(StepStatus.RUNNING)),
        driven=now.driven,
        outcome=head.ended.outcome.value if head.ended else None,
        outcome_reason=head.ended.reason if head.ended else "",
        needed=needed,
        groups=groups_of(now.plan),
    )


def unreadable(run: str, problem: str) -> RunCard:
    """A run whose files are gone or damaged is shown as such, never left out."""
    return RunCard(
        run=run, code="unreadable", kind="", title="", lost_site=None, operator="", plan_id="", created=None,
        started=None, last=None, seq=0, steps=0, done=0, failed=0, running=0, driven=False, outcome=None,
        outcome_reason="", needed=(), problem=problem,
    )  # fmt: skip


def run_code(state: RunState, needed: Sequence[Needed], *, driven: bool) -> str:
    """How the run stands, in one of the words of `words.RUN`."""
    if state.ended is not None:
        return state.ended.outcome.value
    if any(need.reason != INTERRUPTED for need in needed):
        return "needs-person"
    if state.head.started_at is None and not driven:
        return "prepared"
    return "interrupted" if any(need.reason == INTERRUPTED for need in needed) else "under-way"


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """One step in the table. ``code`` is one of `words.STEP`."""

    id: str
    title: str
    subject: str
    site: str
    phase: str
    act: str
    playbook: str | None
    code: str
    attempt: int
    ident: str | None
    started: Instant | None
    ended: Instant | None
    seconds: float | None
    """How long the last attempt took, or has been under way."""
    estimate_s: float
    why: str
    blocked_by: tuple[str, ...]
    person: str
    slow: Slow | None

    @property
    def decidable(self) -> bool:
        """Whether somebody has to decide about it."""
        return self.code in {"failed", "unknown"}


def step_row(now: RunNow, step: Step, at: Instant, slow: Mapping[str, Slow]) -> StepRow:
    """The row of one step."""
    stands = now.state.steps[step.id]
    blocked = now.state.blocked.get(step.id, ())
    code = stands.status.value
    if stands.status is StepStatus.WAITING:
        code = "blocked" if blocked else "ready" if now.state.progress.is_ready(step.id) else "waiting"
    seconds = None
    if stands.started is not None and stands.status is StepStatus.RUNNING:
        seconds = at.since(stands.started)
    elif stands.started is not None and stands.ended is not None:
        seconds = stands.ended.since(stands.started)
    playbook = step.act.playbook if isinstance(step.act, PlaybookAct) else None
    return StepRow(
        id=step.id,
        title=step.title,
        subject=step.subject,
        site=step.site,
        phase=step.phase.value,
        act=N_("playbook") if playbook else _PROOFS[type(step.act)],
        playbook=playbook,
        code=code,
        attempt=stands.attempt,
        ident=stands.ident,
        started=stands.started,
        ended=stands.ended,
        seconds=seconds,
        estimate_s=step.estimate_s,
        why=" ".join(part for part in (stands.code and f"{stands.code}:", stands.reason) if part),
        blocked_by=blocked,
        person=stands.person,
        slow=slow.get(step.id),
    )


def step_rows(now: RunNow, at: Instant, usual_s: Mapping[str, float]) -> tuple[StepRow, ...]:
    """All steps, the gravest state first, then in the order of the plan."""
    slow = {item.step: item for item in slow_steps(now.state, at, usual_s)}
    rows = [step_row(now, step, at, slow) for step in now.plan.steps]
    rank = {code: place for place, code in enumerate(CONCERN)}
    return tuple(sorted(rows, key=lambda row: rank[row.code]))


@dataclass(frozen=True, kw_only=True)
class RunView:
    """Everything the page of a run shows of the journal."""

    card: RunCard
    at: Instant
    seq: int
    counts: Mapping[str, int]
    """Steps by code, every code there."""
    shares: TimeShares
    requests: int
    elapsed_s: float | None
    driver: ev.DriverAttached | None
    approvals: tuple[ev.Approved, ...]
    declared: ev.Declared | None
    refusals: tuple[ev.InterlockRefused, ...]
    commit: Say | None
    """What was agreed about its end; None: it ends by itself."""


def _commit_said(head: RunHead, at: Instant) -> Say | None:
    if head.committed is not None or head.undo is not None:
        return None
    return policy_said(head.agreed, head.commit_due_at, overdue=commit_overdue(head, at))


def run_view(now: RunNow, at: Instant, rows: Sequence[StepRow], *, requests: int) -> RunView:
    """The head of the page. ``requests``: what people asked and no driver has taken yet."""
    head = now.state.head
    began = head.started_at
    over = now.events[-1].at if head.ended and now.events else at
    return RunView(
        card=run_card(now),
        at=at,
        seq=now.events[-1].seq if now.events else 0,
        counts={code: sum(row.code == code for row in rows) for code in CONCERN},
        shares=time_shares(now.events, manual=now.plan.manual, now=at),
        requests=requests,
        elapsed_s=over.since(began) if began else None,
        driver=head.drivers[-1] if head.drivers else None,
        approvals=head.approvals,
        declared=head.declared,
        refusals=head.refusals,
        commit=_commit_said(head, at),
    )
