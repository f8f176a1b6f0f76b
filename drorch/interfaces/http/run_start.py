"""Start a run over the web: by a kept plan, for the person who is logged in, once per key."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from drorch.app.accounts import Role
from drorch.core.errors import InputInvalid, JournalConflict
from drorch.core.ids import content_hash
from drorch.core.records import Stale
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.problems import HttpProblem
from drorch.interfaces.http.security.principal import Principal
from drorch.orchestration.service import Approval, Request, Service
from drorch.plan.model import Kind, Plan
from drorch.plan.store import PlanStore
from drorch.run import events as ev
from drorch.run.commit_policy import agreement_problem

START = "start"
KEY_LASTS = timedelta(days=30)
LONGEST_KEY = 200


@dataclass(frozen=True, kw_only=True)
class StartWish:
    """What a person wants started. ``begin`` False: only prepared, it waits for 'attach'."""

    plan: str
    reason: str
    begin: bool = True
    declare: bool = False
    """The person declares the plan's site lost."""
    approve: bool = False
    """The person approves the plan; counts where no second person is needed, and needs the role."""
    approval_within_s: int = 0
    watch: str | None = None
    commit: ev.AfterDeadline | None = None
    """The run waits to be committed when all is done, and what follows when nobody does; None: it ends by itself."""
    commit_within_s: int = 0
    """Seconds from the last step until then; 0: no deadline."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """``again``: it had been started with this key before; nothing was done now."""

    run: str
    plan: str
    again: bool


@dataclass(frozen=True)
class _Reserved:
    run: str

    def new_run_id(self) -> str:
        """The id that was reserved with the key."""
        return self.run


def start_run(context: WebContext, who: Principal, wish: StartWish, key: str) -> Started:
    """Record the run and let a driver of its own take it up.

    The same person, key and wish give the same run, however often and after whatever crash; another wish under a key
    that was used is a HttpProblem 422. InputInvalid when plan, catalog, playbooks or declaration do not fit.
    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise InputInvalid(
            "the key is empty or too long",
            where="Idempotency-Key",
            next_step=f"send something random, at most {LONGEST_KEY} characters",
        )
    plan = PlanStore(context.home).find(wish.plan)
    if plan.kind is Kind.FAILOVER and not wish.declare:
        raise InputInvalid(
            "a failover needs a declaration of the site loss",
            where="declare",
            next_step="declare it, with the reason, when you know that the site is lost",
        )
    if wish.approve and not who.has(Role.APPROVER):
        raise HttpProblem(403, f"{who.name} has not the role approver", next_step="leave 'approve' away")
    agreed = _agreed(who, wish, plan)
    run, again = _reserved(context, who, wish, key)
    request = Request(
        plan=plan,
        catalog_file=context.files.catalog,
        estate_file=context.files.estate_file(),
        operator=who.name,
        approvals=(Approval(person=who.name, reason=wish.reason),) if wish.approve else (),
        declared_by=who.name if wish.declare else None,
        declared_because=wish.reason if wish.declare else "",
        awaits=ev.ApprovalAwaited(person=who.name, reason=wish.reason, within_s=wish.approval_within_s),
        commit=agreed,
        watch=wish.watch,
        default_year=context.files.year,
    )
    events = context.journal.read(run)
    if not events:
        again = False
        try:
            Service(replace(context.parts, ids=_Reserved(run)), context.of_estate).begin(request)
        except JournalConflict:
            again = True  # the same request, twice at once: the other one has recorded it
    taken = any(isinstance(event.body, ev.DriverAttached) for event in events)
    if wish.begin and not taken:
        context.drivers.start(context.home, run)
    return Started(run=run, plan=wish.plan, again=again)


def _agreed(who: Principal, wish: StartWish, plan: Plan) -> ev.CommitAgreed | None:
    """The commit policy of the wish. InputInvalid when it cannot be agreed for the plan."""
    if wish.commit is None:
        if wish.commit_within_s:
            raise InputInvalid(
                "a deadline for nothing", where="commit_within_s", next_step="say commit: none, commit or undo as well"
            )
        return None
    agreed = ev.CommitAgreed(then=wish.commit, within_s=wish.commit_within_s, person=who.name, reason=wish.reason)
    problem = agreement_problem(plan, agreed)
    if problem is not None:
        raise InputInvalid(problem[0], where="commit", next_step=problem[1])
    return agreed


def _asked(wish: StartWish) -> str:
    """The hash of what is wished. What was left away does not count: an older version's key is still the same wish."""
    said = asdict(wish)
    if wish.commit is None:
        del said["commit"], said["commit_within_s"]
    return content_hash(said)


def _reserved(context: WebContext, who: Principal, wish: StartWish, key: str) -> tuple[str, bool]:
    """The run's id for the key, and whether the key was used before. On disk before anything is begun."""
    name = hashlib.sha256(f"{' '.join(who.name.split()).casefold()}\n{key}".encode("utf-8", "replace")).hexdigest()
    asked = _asked(wish)
    run = context.parts.ids.new_run_id()
    until = context.clock.now().wall + KEY_LASTS
    try:
        context.records.put(START, name, {"asked": asked, "run": run}, owner=who.name, expected=0, until=until)
    except Stale:
        kept = context.records.get(START, name)
        if kept is None or kept.data["asked"] != asked:
            raise HttpProblem(
                422,
                "this key was used for another request",
                where="Idempotency-Key",
                next_step="use a new key for a new run",
            ) from None
        return str(kept.data["run"]), True
    return run, False
