"""The live table of a run: what is under way, what is done, what failed and which applications answer from where.

On a terminal it is one table drawn anew in place; anywhere else (a pipe, a log) it is one line per event that matters.
It folds the same events as everything else and holds no state of its own beyond them.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from drorch.core.clock import Clock
from drorch.core.ids import short
from drorch.interfaces.terminal.output import console
from drorch.plan.codec import plan_id
from drorch.plan.model import ManualAct, Plan, Step, SubjectKind
from drorch.run import events as ev
from drorch.run.pace import is_slow
from drorch.run.rules import StepBody

STATE_STYLE = {"done": "green", "running": "cyan", "failed": "bold red", "unknown": "bold yellow", "waiting": "dim"}
SHOWN_RUNNING = 10
SHOWN_FAILED = 8
_NOTHING_USUAL: Final[Mapping[str, float]] = MappingProxyType({})


class RunView:
    """Show a run while it goes on. ``with RunView(...) as view: driver(on_event=view.take)``. Safe for threads."""

    def __init__(
        self,
        plan: Plan,
        run: str,
        clock: Clock,
        *,
        quiet: bool = False,
        usual_s: Mapping[str, float] = _NOTHING_USUAL,
    ) -> None:
        """``usual_s``: what is usual for each kind of step (``run.pace.usual``), for the warning about slow ones."""
        self._usual_s = usual_s
        self._plan = plan
        self._run = run
        self._clock = clock
        self._states: dict[str, str] = {step.id: "waiting" for step in plan.steps}
        self._since: dict[str, float] = {}
        self._reasons: dict[str, str] = {}
        self._began = clock.now().mono
        self._lock = threading.Lock()
        self._console = console()
        self._live: Live | None = None
        self._quiet = quiet

    def __enter__(self) -> RunView:
        if self._console.is_terminal and not self._quiet:
            self._live = Live(console=self._console, get_renderable=self.draw, refresh_per_second=4)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def take(self, event: ev.Event) -> None:
        """Fold one event of the journal into the table; callable from any thread."""
        with self._lock:
            body = event.body
            if isinstance(body, StepBody):
                self._take_step(body, event.at.mono)
            elif isinstance(body, ev.UndoSucceeded):
                self._line("undone", body.step)
            elif isinstance(body, ev.UndoFailed):
                self._line("UNDO FAILED", f"{body.step}  {body.code}: {body.reason}")
            elif isinstance(body, ev.StoreWaited):
                self._line("STORE IS BACK", f"it was waited for {body.seconds:.0f} s: {body.reason}")
            elif isinstance(body, ev.InterlockRefused):
                self._line("REFUSED", f"{body.interlock}: {body.reason}")
            elif isinstance(body, ev.RunEnded):
                self._line("run ended", f"{body.outcome.value}  {body.reason}")

    def _take_step(self, body: StepBody, mono: float) -> None:
        match body:
            case ev.StepStarted():
                self._set(body.step, "running", mono)
                act = self._plan.by_id[body.step].act
                if isinstance(act, ManualAct):
                    then = f"(then: drorch run sign-off {self._run} {body.step})"
                    self._line("BY HAND", f"{body.step}  {act.role}: {act.text}  {then}")
            case ev.StepSucceeded():
                self._set(body.step, "done", mono)
            case ev.StepFailed():
                self._set(body.step, "failed", mono, f"{body.code}: {body.reason}")
            case ev.StepUnknown():
                self._set(body.step, "unknown", mono, body.reason)
            case ev.StepResolved() | ev.StepSkipped():
                what = "signed off" if isinstance(body, ev.StepResolved) else "skipped"
                self._set(body.step, "done", mono, f"{what} by {body.person}: {body.reason}")
            case _:
                pass

    def _set(self, step: str, state: str, mono: float, reason: str = "") -> None:
        took = mono - self._since.get(step, mono)
        self._states[step] = state
        self._since[step] = mono
        if reason:
            self._reasons[step] = reason
        if state != "running":
            self._line(state, f"{step}  {took:.1f} s  {reason}".rstrip())

    def _line(self, what: str, text: str) -> None:
        if self._live is None and not self._quiet:
            elapsed = self._clock.now().mono - self._began
            self._console.print(Text(f"{elapsed:7.1f} s  {what:<9} {text}"), soft_wrap=True)

    def draw(self) -> Group:
        """The table as it stands now."""
        with self._lock:
            return Group(self._head(), self._groups(), self._running(), self._failed())

    def _head(self) -> Table:
        done = sum(state == "done" for state in self._states.values())
        total = max(1, len(self._states))
        head = Table.grid(padding=(0, 2))
        elapsed = self._clock.now().mono - self._began
        head.add_row(
            Text(f"{self._plan.kind.value}  run {self._run}  plan {short(plan_id(self._plan))}", style="bold"),
            ProgressBar(total=total, completed=done, width=30),
            Text(f"{done}/{total} steps  {elapsed:.0f} s"),
        )
        return head

    def _groups(self) -> Table:
        table = Table(header_style="bold", expand=False)
        for column in ("protection group", "data", "applications", "proved", "failed"):
            table.add_column(column)
        for group, steps in sorted(self._by_group().items()):
            data = [step for step in steps if step.subject_kind is SubjectKind.GROUP]
            starts = [step for step in steps if step.id.endswith("/start") or step.id.endswith("/drill-start")]
            proofs = [step for step in steps if step.id.endswith("/validate")]
            bad = sum(self._states[step.id] in {"failed", "unknown"} for step in steps)
            failed = Text(str(bad), style="bold red" if bad else "dim")
            table.add_row(group, self._share(data), self._share(starts), self._share(proofs), failed)
        return table

    def _by_group(self) -> dict[str, list[Step]]:
        found: dict[str, list[Step]] = {}
        group_of = {step.subject: step.subject for step in self._plan.steps if step.subject_kind is SubjectKind.GROUP}
        for step in self._plan.steps:
            named = getattr(step.act, "variables", {}).get("group")
            if isinstance(named, str):
                group_of[step.subject] = named
        for step in self._plan.steps:
            if step.subject_kind is not SubjectKind.SITE:
                found.setdefault(group_of.get(step.subject, "by remote access"), []).append(step)
        return found

    def _share(self, steps: list[Step]) -> Text:
        counts = Counter(self._states[step.id] for step in steps)
        if not steps:
            return Text("-", style="dim")
        style = "green" if counts["done"] == len(steps) else "cyan" if counts["running"] else ""
        return Text(f"{counts['done']}/{len(steps)}", style=style)

    def _running(self) -> Text:
        now = self._clock.now().mono
        under_way = sorted(step for step, state in self._states.items() if state == "running")
        text = Text(f"under way ({len(under_way)}): ", style="cyan")
        text.append(", ".join(f"{step} {now - self._since[step]:.0f}s" for step in under_way[:SHOWN_RUNNING]))
        if len(under_way) > SHOWN_RUNNING:
            text.append(f", and {len(under_way) - SHOWN_RUNNING} more")
        for step in under_way:
            act = self._plan.by_id[step].act
            if isinstance(act, ManualAct):
                text.append(f"\nby hand: {step}  {act.role}: {act.text}", style="bold yellow")
            slow = is_slow(self._plan.by_id[step], now - self._since[step], self._usual_s)
            if slow is not None:
                text.append(f"\n{step} is {slow}", style="bold yellow")
        return text

    def _failed(self) -> Text:
        text = Text()
        failed = [step for step, state in self._states.items() if state in {"failed", "unknown"}]
        for step in failed[:SHOWN_FAILED]:
            text.append(f"{self._states[step]}  {step}  {self._reasons.get(step, '')}\n", style="bold red")
        return text
