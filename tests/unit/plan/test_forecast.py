"""The forecast: imagined runs within the limits, P50 and P90 out of records, what buys most, honest silence."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.core.errors import InputInvalid
from drorch.orchestration.duration_history import load_history, save_history
from drorch.plan.build import build_plan
from drorch.plan.critical import earliest_finish
from drorch.plan.forecast import LEAST_RUNS, forecast, kind_of, records_of
from drorch.plan.history import RunTimes, StepTime, like
from drorch.plan.model import Kind, Limits, Plan, ValidateAct
from drorch.plan.rto import rto_findings
from drorch.plan.simulate import Simulator
from drorch.run.events import Event, StepStarted
from drorch.run.history import times_of
from drorch.testing.builders import small_catalog
from drorch.testing.fakes import MemoryJournal
from drorch.testing.plans import drill_plan, failover_plan
from drorch.testing.runs import RUN, Scene

GOLDEN = Path("tests/golden/forecast/drills.json")


def wide(plan: Plan) -> Plan:
    return replace(plan, limits=Limits(total=1000, per_site=1000))


def seconds_of(plan: Plan) -> list[float]:
    return [step.estimate_s for step in plan.steps]


def runs_of(plan: Plan, factors: list[float], kind: str | None = None) -> list[RunTimes]:
    """Runs in which every step took so many times its estimate."""
    found = []
    for number, factor in enumerate(factors):
        steps = tuple(
            StepTime(step=step.id, like=like(step), start_s=0, end_s=step.estimate_s * factor, wait_s=0.0)
            for step in plan.steps
        )
        found.append(RunTimes(run=f"{number:03d}", day=date(2013, 1, 1), kind=kind or plan.kind.value, steps=steps))
    return found


def test_without_limits_a_run_is_the_longest_chain() -> None:
    plan = wide(failover_plan(groups=3, applications=3))
    ran = Simulator(plan).run(seconds_of(plan))
    earliest = earliest_finish(plan)
    assert {step.id: end for step, end in zip(plan.steps, ran.end_s, strict=True)} == pytest.approx(dict(earliest))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_limits_are_kept_and_nothing_starts_too_early(groups: int, total: int, per_site: int, dice: object) -> None:
    plan = replace(failover_plan(groups=groups, applications=3), limits=Limits(total=total, per_site=per_site))
    seconds = [dice.uniform(0.5, 5) for _ in plan.steps]  # type: ignore[attr-defined]
    ran = Simulator(plan).run(seconds)
    begin = {s.id: end - took for s, end, took in zip(plan.steps, ran.end_s, seconds, strict=True)}
    end = {s.id: at for s, at in zip(plan.steps, ran.end_s, strict=True)}
    for step in plan.steps:
        assert all(begin[step.id] >= end[needed] - 1e-9 for needed in step.needs + step.after)
    playbooks = [s for s in plan.steps if kind_of(s, "").endswith(".yml")]
    for step in playbooks:
        beside = [o for o in playbooks if begin[o.id] <= begin[step.id] + 1e-9 < end[o.id] - 1e-9]
        assert len(beside) <= total
        assert sum(o.site == step.site for o in beside) <= per_site
    # The chain that decided leads from the beginning to the last end without a gap.
    last = max(range(len(seconds)), key=lambda at: ran.end_s[at])
    assert sum(seconds[at] for at in ran.path_to(last)) == pytest.approx(max(ran.end_s))


def test_runs_that_were_all_alike_are_forecast_as_they_were() -> None:
    plan = wide(failover_plan())
    found = forecast(plan, records_of(runs_of(plan, [1.0] * LEAST_RUNS)))
    whole = max(earliest_finish(plan).values())
    assert found.over is not None
    assert (found.over.p50_s, found.over.p90_s) == (pytest.approx(whole), pytest.approx(whole))
    assert found.runs == LEAST_RUNS


def test_one_run_less_is_no_forecast_and_says_so() -> None:
    plan = failover_plan()
    found = forecast(plan, records_of(runs_of(plan, [1.0] * (LEAST_RUNS - 1))))
    assert found.over is found.recovered is None
    assert f"{LEAST_RUNS - 1} of {LEAST_RUNS} runs recorded" in (found.reason or "")
    assert all(item.span is None and item.reason for item in found.applications)
    assert found.waves == found.gains == ()


def test_proofs_of_a_drill_say_nothing_about_a_failover() -> None:
    plan = failover_plan()
    found = forecast(plan, records_of(runs_of(plan, [1.0] * 20, kind="drill")))
    assert "ValidateAct (failover): 0 of 9" in (found.reason or "")


def test_slow_days_are_in_p90_and_not_in_p50_and_the_answer_is_always_the_same() -> None:
    plan = wide(failover_plan())
    records = records_of(runs_of(plan, [1.0] * 16 + [3.0] * 4))
    found = forecast(plan, records)
    whole = max(earliest_finish(plan).values())
    assert found.over is not None
    assert found.over.p50_s == pytest.approx(whole)
    assert found.over.p90_s >= 3 * whole - 0.01
    assert forecast(plan, records) == found


def test_the_step_that_buys_most_is_the_slow_one() -> None:
    plan = wide(failover_plan(groups=2, applications=2))
    slow = next(step for step in plan.steps if step.id.endswith("/recover"))
    plan = replace(plan, steps=tuple(replace(s, estimate_s=50.0) if s.id == slow.id else s for s in plan.steps))
    runs = [
        replace(run, steps=tuple(replace(t, like=f"{t.step}.yml") if t.step == slow.id else t for t in run.steps))
        for run in runs_of(plan, [1.0] * 12)
    ]
    one = replace(slow, estimate_s=50.0, act=replace(slow.act, playbook=f"{slow.id}.yml"))  # type: ignore[type-var]
    plan = replace(plan, steps=tuple(one if s.id == slow.id else s for s in plan.steps))
    found = forecast(plan, records_of(runs))
    assert found.gains[0].step == slow.id
    assert found.gains[0].gain_s == pytest.approx(25, abs=6)
    assert found.gains[0].critical_share == 1.0


def test_an_objective_shorter_than_the_path_is_found() -> None:
    text = small_catalog(("rto: {time: 2h", "rto: {time: 5s"))
    plan = drill_plan()
    name = next(step.act.application for step in plan.steps if isinstance(step.act, ValidateAct))
    plan = replace(
        plan,
        steps=tuple(
            replace(s, act=replace(s.act, application="directory"), estimate_s=9.0)
            if isinstance(s.act, ValidateAct) and s.act.application == name
            else s
            for s in plan.steps
        ),
    )
    (found,) = rto_findings(plan, text, records_of([]))
    assert found.code == "rto-out-of-reach"
    assert "directory" in found.message
    assert "the plan's estimates" in found.message
    assert list(rto_findings(plan, small_catalog(), records_of([]))) == []


def driven(plan: Plan) -> tuple[Event, ...]:
    journal = MemoryJournal()
    Scene(plan=plan, journal=journal).create().drive()
    return journal.read(RUN)


def test_the_times_of_a_run_come_out_of_its_events() -> None:
    plan = failover_plan()
    times = times_of(plan, "r", driven(plan))
    assert times is not None
    assert {item.step for item in times.steps} == set(plan.by_id)
    assert all(item.seconds >= 0 for item in times.steps)
    assert times.recovered_s == max(times.validated_s.values())
    # The same durations, imagined, give the same run again.
    took = {item.step: item for item in times.steps}
    seconds = [took[s.id].seconds + (took[s.id].wait_s or 0) for s in plan.steps]
    ran = Simulator(wide(plan)).run(seconds)
    for step, end in zip(plan.steps, ran.end_s, strict=True):
        if took[step.id].wait_s is not None:
            assert end <= took[step.id].end_s + 1e-6


def test_a_run_that_people_had_to_help_is_no_record() -> None:
    plan = failover_plan()
    events = driven(plan)
    assert times_of(plan, "r", events[:-1]) is None
    started = next(event for event in events if isinstance(event.body, StepStarted))
    assert times_of(plan, "r", (started, *events)) is None


def test_records_survive_a_file_and_nonsense_is_refused(tmp_path: Path) -> None:
    plan = failover_plan()
    runs = tuple(runs_of(plan, [1.0, 2.0]))
    save_history(tmp_path / "records.json", runs, "a test")
    assert [item.steps for item in load_history(tmp_path / "records.json").runs] == [item.steps for item in runs]
    for nonsense in (
        "[]",
        "{}",
        '{"schema": 2}',
        '{"schema": 1, "about": "", "runs": []}',
        "null",
        "\x00",
        "[" * 100_000,
    ):
        (tmp_path / "nonsense.json").write_text(nonsense)
        with pytest.raises(InputInvalid) as refused:
            load_history(tmp_path / "nonsense.json")
        assert str(refused.value.where).endswith("nonsense.json")


def drill_runs() -> tuple[RunTimes, ...]:
    return load_history(GOLDEN).runs


def test_p90_covers_held_out_runs_of_the_lab() -> None:
    """Real drills on the lab, as `tests/bench/record_durations.py` wrote them: the first ten foretell the last ten."""
    runs = drill_runs()
    known, held_out = runs[:10], runs[10:20]
    plan = build_plan(small_catalog(), kind=Kind.DRILL, lose="nyc", playbooks_id="sha256:0", limits=Limits(total=3))
    assert {step.id for step in plan.steps} == {item.step for item in runs[0].steps}
    found = forecast(plan, records_of(known))
    assert found.recovered is not None
    covered = [run for run in held_out if (run.recovered_s or math.inf) <= found.recovered.p90_s]
    assert len(covered) >= 8
    # A forecast that covers everything by being far too long would be no forecast.
    assert found.recovered.p90_s <= 2 * median(run.recovered_s or math.inf for run in held_out)
    assert found.recovered.p50_s < found.recovered.p90_s


def test_an_imagined_run_with_the_durations_of_a_real_one_is_that_run() -> None:
    plan = build_plan(small_catalog(), kind=Kind.DRILL, lose="nyc", playbooks_id="sha256:0", limits=Limits(total=3))
    for run in drill_runs():
        took = {item.step: item for item in run.steps}
        if any(item.wait_s is None for item in run.steps):
            continue
        ran = Simulator(plan).run([took[s.id].seconds + (took[s.id].wait_s or 0) for s in plan.steps])
        for step, end in zip(plan.steps, ran.end_s, strict=True):
            assert end == pytest.approx(took[step.id].end_s, abs=0.05)
