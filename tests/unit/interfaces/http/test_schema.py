"""The API holds what its OpenAPI document says, whatever is sent: no 5xx, no answer outside the schema."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from unit.callout.parts import Exercise
from unit.interfaces.http.worlds import SOURCES, prepared

from drorch.actions.model import ActionSeverity, Subject, SubjectKind
from drorch.actions.operations import ByHand
from drorch.app.accounts import Role
from drorch.core.files import write_whole
from drorch.plan.model import Kind
from drorch.report.after_action.operations import Draft
from drorch.run import events as ev
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import failed
from drorch.testing.web import ESTATE, WebScene
from drorch.year.statement import Said

ROOT = Path(__file__).parents[4]
PLAN = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])], kind=Kind.SWITCHOVER)
EXAMPLES = int(os.environ.get("DRORCH_SCHEMA_EXAMPLES", "5"))
"""Right and wrong requests of each, for every operation."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = {
    "run": "r1",
    "subject": "a",
    "verb": "x",
    "login": "all",
    "site": "nyc",
    "application": "umoja",
    "action": "ca-1",
    "report": "aar-known",
    "schedule": "drill-finance",
    "test": "day-2013",
    "exercise": "20130304-150000-0001",
}
"""Path parameters that exist, so that requests get past the first 404."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> WebScene:
    folder = tmp_path_factory.mktemp("web")
    for name in ("app_catalog.yaml", "year.yaml", "capacity.yaml", "schedule.yaml", "planner.yaml"):
        shutil.copy(ROOT / name, folder / name)
    write_whole(folder / "estate.yml", ESTATE)
    write_whole(folder / "access.yaml", SOURCES)
    (folder / "home").mkdir()
    made = WebScene(
        home=folder / "home",
        catalog=folder / "app_catalog.yaml",
        estate=folder / "estate.yml",
        year=folder / "year.yaml",
        capacity=folder / "capacity.yaml",
        schedule=folder / "schedule.yaml",
        planner=folder / "planner.yaml",
        access=folder / "access.yaml",
    )
    made.run("r1", PLAN, ev.RunStarted(), *failed("a/x"))
    shutil.copy(ROOT / "tests/golden/reports/ok-failover.json", made.home / "runs" / "r1" / "report.json")
    somebody = Said(person="Somebody Else", reason="known")
    about = (Subject(kind=SubjectKind.APPLICATION, id="umoja"),)
    wish = ByHand(title="known", severity=ActionSeverity.MINOR, subjects=about, estate="nowhere")
    made.context.actions.open(wish, somebody)
    made.context.after_actions.draft(Draft(runs=("r1",), id="aar-known"), somebody)
    prepared(made, folder)
    Exercise(made.home, clock=made.clock, store=made.store).begin()
    made.settings.closing.set()  # streams end at once
    return made


@pytest.fixture(scope="module")
def header(scene: WebScene) -> dict[str, str]:
    return scene.header("all", *Role)


@pytest.fixture(scope="module")
def operations(scene: WebScene, header: dict[str, str]) -> list[Any]:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", scene.app, headers=header)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_whatever_is_sent_the_answers_are_those_of_the_schema(operations: list[Any], header: dict[str, str]) -> None:
    seen: Counter[int] = Counter()
    wrong: list[str] = []

    def ask(case: Case, known: bool) -> None:
        if known:
            case.path_parameters = {
                name: KNOWN.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        answer = case.call(headers=header)
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                many = settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                )
                many(given(strategy, st.booleans())(ask))()
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, operation.label  # nothing in it could be wrong
            except BaseException as error:
                wrong.append(f"{operation.label} ({mode.value}): {error}")
    print(f"{len(operations)} operations, {sum(seen.values())} requests: {dict(sorted(seen.items()))}")
    assert not wrong, "\n".join(wrong)
    assert len(operations) > 115
    assert seen[200] > 150
    assert seen[422] > 100
    assert not any(status >= 500 for status in seen)
