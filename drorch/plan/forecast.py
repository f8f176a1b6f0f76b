"""How long a plan will take: P50 and P90 out of the recorded durations of past runs, or an honest "no forecast".

The method. The plan is run many times in the mind (`plan.simulate`), within its limits. Each time one place in the
history is drawn, the same for all kinds of steps, because a slow day is slow for everything; each step then takes one
of the durations that steps of its kind took in that run. Nobody has seen the slowest run yet: a new run is slower than
all of n past ones with probability 1/(n+1), so in this share of the imagined runs each step takes longer than it ever
did, by an exponential tail whose mean is (longest - median) / ln n. With fewer than `LEAST_RUNS` runs P90 would lie in
that tail alone, and nothing is forecast.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from drorch.plan.graph import ancestors, depths, waits_for
from drorch.plan.history import RunTimes, like
from drorch.plan.model import Plan, PlaybookAct, Step, ValidateAct
from drorch.plan.simulate import Simulated, Simulator

LEAST_RUNS = 9
"""Runs in which steps of a kind were seen. With 9 the largest of them is the P90 of the next: 9 / (9 + 1)."""
IMAGINED = 400
SHOWN_GAINS = 5
_CANDIDATES = 8
_FOR_GAINS = 100
_SEED = 20130101
"""The same question has the same answer."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Seconds from the start of the run: half of the runs are over by ``p50_s``, nine of ten by ``p90_s``."""

    p50_s: float
    p90_s: float


@dataclass(frozen=True, kw_only=True)
class ApplicationForecast:
    """When an application will be validated. ``span`` None: no forecast, see ``reason``."""

    application: str
    span: Span | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class WaveForecast:
    """When all steps of one wave (by depth in the graph) are over."""

    wave: int
    steps: int
    span: Span | None


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What it would buy if one step took half as long. ``critical_share``: in how many imagined runs it decided."""

    step: str
    critical_share: float
    gain_s: float


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The whole plan. ``recovered`` is the last validation, ``over`` the end of the run with its clean-up."""

    runs: int
    """The fewest runs in which one of the plan's kinds of steps was seen."""
    recovered: Span | None
    over: Span | None
    reason: str | None
    applications: tuple[ApplicationForecast, ...]
    waves: tuple[WaveForecast, ...]
    gains: tuple[Gain, ...]


@dataclass(frozen=True, kw_only=True)
class Records:
    """Durations by kind of step, one list for each run in which it was seen, oldest run first."""

    seconds: Mapping[str, tuple[tuple[float, ...], ...]]

    def runs(self, kind: str) -> int:
        """In how many runs it was seen."""
        return len(self.seconds.get(kind, ()))

    def typical(self, kind: str) -> float | None:
        """The median over all records of a kind of step in seconds; None without one."""
        every = [seconds for run in self.seconds.get(kind, ()) for seconds in run]
        return median(every) if every else None


def kind_of(step: Step, run_kind: str) -> str:
    """What durations of a step are kept by: its playbook, or the kind of proof in this kind of run."""
    return like(step) if isinstance(step.act, PlaybookAct) else f"{like(step)} ({run_kind})"


def records_of(runs: Iterable[RunTimes]) -> Records:
    """Durations with the wait before each start, where a limit did not cause it."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for run in sorted(runs, key=lambda item: (item.day, item.run)):
        of_run: dict[str, list[float]] = {}
        for item in run.steps:
            name = item.like if item.like.endswith(".yml") else f"{item.like} ({run.kind})"
            if item.wait_s is not None:
                of_run.setdefault(name, []).append(item.wait_s + item.seconds)
        for name, seconds in of_run.items():
            found.setdefault(name, []).append(tuple(seconds))
    return Records(seconds={name: tuple(lists) for name, lists in found.items()})


def forecast(plan: Plan, records: Records, *, imagined: int = IMAGINED) -> Forecast:
    """P50 and P90 per application, per wave and for all. InputInvalid when the plan has a cycle."""
    kinds = [kind_of(step, plan.kind.value) for step in plan.steps]
    pairs = zip(plan.steps, kinds, strict=True)
    unknown = {step.id: reason for step, kind in pairs if (reason := _reason(kind, records)) is not None}
    simulator = Simulator(plan)
    drawn = _draw(plan, kinds, records, imagined)
    ran = [simulator.run(seconds) for seconds in drawn]
    reason = "; ".join(sorted(set(unknown.values()))) or (None if plan.steps else "the plan has no steps")
    proofs = [at for at, step in enumerate(plan.steps) if isinstance(step.act, ValidateAct)]
    whole = reason is None
    return Forecast(
        runs=min((records.runs(kind) for kind in kinds), default=0),
        recovered=_span([max(run.end_s[at] for at in proofs) for run in ran]) if whole and proofs else None,
        over=_span([max(run.end_s) for run in ran]) if whole else None,
        reason=reason,
        applications=tuple(_applications(plan, ran, unknown)),
        waves=tuple(_waves(plan, ran)) if whole else (),
        gains=_gains(plan, simulator, drawn[:_FOR_GAINS], ran[:_FOR_GAINS], proofs) if whole and proofs else (),
    )


def _reason(kind: str, records: Records) -> str | None:
    seen = records.runs(kind)
    return None if seen >= LEAST_RUNS else f"{kind}: {seen} of {LEAST_RUNS} runs recorded"


def _draw(plan: Plan, kinds: Sequence[str], records: Records, imagined: int) -> list[list[float]]:
    """Durations of each step in plan order, for each imagined run. A kind without records takes the plan's estimate."""
    dice = random.Random(_SEED)
    tails = {kind: _tail(records.seconds[kind]) for kind in set(kinds) if records.runs(kind) > 1}
    fewest = min((records.runs(kind) for kind in kinds), default=0)
    found: list[list[float]] = []
    for _ in range(imagined):
        place, slower = dice.random(), dice.random() < 1 / (fewest + 1)
        by_how_much = -math.log(1 - dice.random())
        seconds: list[float] = []
        for step, kind in zip(plan.steps, kinds, strict=True):
            runs = records.seconds.get(kind)
            if not runs:
                seconds.append(step.estimate_s)
            elif slower and kind in tails:
                longest, excess = tails[kind]
                seconds.append(longest + by_how_much * excess)
            else:
                seconds.append(dice.choice(runs[int(place * len(runs))]))
        found.append(seconds)
    return found


def _tail(runs: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The longest duration, and how far beyond it the tail reaches on average."""
    every = [seconds for run in runs for seconds in run]
    longest = max(every)
    return longest, (longest - median(every)) / math.log(max(len(runs), 2))


def _span(seconds: Sequence[float]) -> Span:
    ordered = sorted(seconds)
    at = [max(0, math.ceil(share * len(ordered)) - 1) for share in (0.5, 0.9)]
    return Span(p50_s=round(ordered[at[0]], 2), p90_s=round(ordered[at[1]], 2))


def _applications(plan: Plan, ran: Sequence[Simulated], unknown: Mapping[str, str]) -> Iterable[ApplicationForecast]:
    before = ancestors(waits_for(plan.steps))
    proofs = {step.act.application: at for at, step in enumerate(plan.steps) if isinstance(step.act, ValidateAct)}
    for scope in plan.scope:
        at = proofs.get(scope.application)
        if at is None:
            reason = scope.reason or "nothing of this plan validates it"
            yield ApplicationForecast(application=scope.application, span=None, reason=reason)
            continue
        name = plan.steps[at].id
        missing = sorted({unknown[step] for step in (*before[name], name) if step in unknown})
        span = None if missing else _span([run.end_s[at] for run in ran])
        yield ApplicationForecast(application=scope.application, span=span, reason="; ".join(missing) or None)


def _waves(plan: Plan, ran: Sequence[Simulated]) -> Iterable[WaveForecast]:
    depth = depths(plan)
    for wave in sorted(set(depth.values())):
        members = [at for at, step in enumerate(plan.steps) if depth[step.id] == wave]
        span = _span([max(run.end_s[at] for at in members) for run in ran])
        yield WaveForecast(wave=wave + 1, steps=len(members), span=span)


def _gains(
    plan: Plan, simulator: Simulator, drawn: Sequence[Sequence[float]], ran: Sequence[Simulated], proofs: Sequence[int]
) -> tuple[Gain, ...]:
    """The steps that decide most often, each imagined at half its time in the same runs, by what that buys."""
    deciding: Counter[int] = Counter()
    for run in ran:
        deciding.update(run.path_to(max(proofs, key=lambda at: run.end_s[at])))
    usual = median(max(run.end_s[at] for at in proofs) for run in ran)
    found: list[Gain] = []
    for at, times in deciding.most_common(_CANDIDATES):
        faster = ([s / 2 if place == at else s for place, s in enumerate(seconds)] for seconds in drawn)
        then = median(max(end[proof] for proof in proofs) for end in (simulator.run(s).end_s for s in faster))
        gain = Gain(step=plan.steps[at].id, critical_share=times / len(ran), gain_s=round(usual - then, 2))
        found.append(gain)
    found.sort(key=lambda gain: (-gain.gain_s, gain.step))
    return tuple(found[:SHOWN_GAINS])
