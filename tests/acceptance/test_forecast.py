"""Forecast on the lab: what real runs leave is read, too few runs are said to be too few, the model is the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.app import composition
from drorch.lab.control import Lab
from drorch.orchestration.duration_history import load_history, recorded_runs, save_history
from drorch.plan.forecast import LEAST_RUNS, forecast, records_of
from drorch.plan.simulate import Simulator
from tests.acceptance.operator import Operator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
GOLDEN = Path(__file__).parents[1] / "golden" / "forecast" / "drills.json"


def test_durations_of_real_runs_are_read_and_imagined_again(lab: Lab, tmp_path: Path) -> None:
    operator = Operator.of(lab, tmp_path / "home")
    plans = [operator.drills("nyc").opened.plan for _ in range(2)]
    operator.ends_watches()
    history = recorded_runs(composition.parts(operator.home), None)
    assert (len(history.runs), history.left_out) == (2, 0)
    for plan, run in zip(plans, history.runs, strict=True):
        took = {item.step: item for item in run.steps}
        if all(item.wait_s is not None for item in run.steps):
            ran = Simulator(plan).run([took[s.id].seconds + (took[s.id].wait_s or 0) for s in plan.steps])
            ends = [took[step.id].end_s for step in plan.steps]
            assert list(ran.end_s) == pytest.approx(ends, abs=0.1)
    found = forecast(plans[0], records_of(history.runs))
    assert found.recovered is None
    assert f"2 of {LEAST_RUNS} runs recorded" in (found.reason or "")
    # With the runs of another day beside them there are enough.
    save_history(tmp_path / "two.json", history.runs, "two drills")
    enough = (*load_history(GOLDEN).runs, *load_history(tmp_path / "two.json").runs)
    assert forecast(plans[0], records_of(enough)).recovered is not None
