"""The commit of a run in the console: agreed when it is prepared, waited for in sight of everybody, asked once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from drorch.app.accounts import Role
from drorch.interfaces.console.views.journal import _TEXTS
from drorch.interfaces.console.views.operator_acts import run_actions
from drorch.orchestration.operator_requests import RunNow
from drorch.run import events as ev
from drorch.run.recorder import Recorder
from drorch.testing.web import ESTATE, WebScene
from tests.console.conftest import Visit, csrf_of
from tests.console.stage import DUE_PLAN, DUE_RUN, due_run, small_world

PLAN = DUE_PLAN
RUN = DUE_RUN


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    """A server with an estate, so that a run can be prepared."""
    home, catalog = small_world(tmp_path)
    estate = tmp_path / "estate.yaml"
    estate.write_text(ESTATE, encoding="utf-8")
    return WebScene(home=home, catalog=catalog, estate=estate, year=tmp_path / "year.yaml")


def now(scene: WebScene) -> RunNow:
    return scene.context.operations.now(RUN)


def test_every_event_of_a_journal_has_a_sentence() -> None:
    bodies: set[Any] = set(get_args(ev.Body))
    assert bodies
    assert set(_TEXTS) == bodies


def test_what_waits_for_its_commit_is_offered_commit_and_undo(scene: WebScene, visit: Visit) -> None:
    due_run(scene.home, scene.journal, scene.clock, ev.AfterDeadline.COMMIT, within_s=1800)
    client = visit(Role.OPERATOR)
    first = client.get("/").text
    assert "the commit of what was done" in first
    page = client.get(f"/runs/{RUN}").text
    assert "waits for a person" in page
    assert re.search(r'id="need-do-1-commit-[^"]*" data-dialog href="/runs/\S+/do/commit"', page)
    assert re.search(r'id="need-do-\d-undo-', page)
    assert "it is committed by itself" in page
    deadline = now(scene).state.head.commit_due_at
    assert deadline is not None
    assert f"{deadline.wall:%Y-%m-%d %H}" in page
    for sentence in (
        "Olga Operator agrees that the run waits for its commit: commit 30 min",
        "everything is done; the run waits for its commit",
    ):
        assert sentence in page


@pytest.mark.parametrize("then", [ev.AfterDeadline.COMMIT, ev.AfterDeadline.UNDO])
def test_a_deadline_that_passed_with_nobody_there_is_said(
    scene: WebScene, visit: Visit, then: ev.AfterDeadline
) -> None:
    due_run(scene.home, scene.journal, scene.clock, then, within_s=60)
    scene.clock.advance(61)
    page = visit(Role.OPERATOR).get(f"/runs/{RUN}").text
    assert "UTC has passed: a driver that is at the run" in page
    assert "When nobody decides before" not in page
    assert "waits for a person" in page


def test_a_commit_is_confirmed_with_what_follows_and_reaches_the_inbox(scene: WebScene, visit: Visit) -> None:
    due_run(scene.home, scene.journal, scene.clock, ev.AfterDeadline.NONE)
    client = visit(Role.OPERATOR)
    page = client.get(f"/runs/{RUN}/do/commit").text
    for sentence in ("The 2 steps that were done stay as they are", "its protection groups are free", "departments"):
        assert sentence in page
    form = {"csrf_token": csrf_of(page), "person": "Somebody Else"}
    assert client.post(f"/runs/{RUN}/do/commit", data={**form, "reason": " "}).status_code == 409
    assert scene.inbox.pending(RUN) == ()
    answer = client.post(f"/runs/{RUN}/do/commit", data={**form, "reason": "all looked"}, follow_redirects=False)
    assert answer.status_code == 303
    (request,) = scene.inbox.pending(RUN)
    assert request.body == ev.Committed(person="Ada Person", reason="all looked")
    assert scene.drivers.alive(scene.home, RUN), "nobody drove it: a driver has to take the commit up"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.PLANNER])
def test_only_an_operator_commits(scene: WebScene, visit: Visit, role: Role) -> None:
    due_run(scene.home, scene.journal, scene.clock, ev.AfterDeadline.NONE)
    client = visit(role)
    page = client.get(f"/runs/{RUN}").text
    assert "/do/commit" not in page
    data = {"csrf_token": csrf_of(page), "reason": "because"}
    assert client.post(f"/runs/{RUN}/do/commit", data=data).status_code == 403
    assert scene.inbox.pending(RUN) == ()


def test_a_commit_is_offered_only_while_it_is_due(scene: WebScene, visit: Visit) -> None:
    at = scene.clock.now()
    due_run(scene.home, scene.journal, scene.clock, ev.AfterDeadline.NONE)
    assert "commit" in {action.id for action in run_actions(now(scene), at)}
    client = visit(Role.OPERATOR)
    committed = ev.Committed(person="Olga Operator", reason="all looked")
    ended = ev.RunEnded(outcome=ev.RunOutcome.COMPLETED, reason="committed")
    Recorder.attach(scene.journal, scene.clock, PLAN, RUN).record(committed, ended)
    assert "commit" not in {action.id for action in run_actions(now(scene), at)}
    page = client.get(f"/runs/{RUN}").text
    assert "committed by Olga Operator" in page
    assert "/do/commit" not in page
    data = {"csrf_token": csrf_of(page), "reason": "again"}
    assert client.post(f"/runs/{RUN}/do/commit", data=data).status_code == 409
    assert scene.inbox.pending(RUN) == ()


def prepared(client: TestClient, lose: str = "nyc", **form: str) -> tuple[Response, str]:
    """What the console answers to a failover that is prepared with these fields, and the page of its plan."""
    page = client.get("/plans/new").text
    made = client.post("/plans", data={"csrf_token": csrf_of(page), "kind": "failover", "lose": lose, "total": "3"})
    once = re.search(r'name="once" value="([^"]+)"', made.text)
    path = re.search(r'action="(/plans/[^"]+/run)"', made.text)
    assert once is not None
    assert path is not None
    data = {"csrf_token": csrf_of(made.text), "once": once[1], "reason": "nyc is dark", "declare": "yes", **form}
    return client.post(path[1], data=data, follow_redirects=False), made.text


def test_the_policy_is_agreed_where_a_run_is_prepared(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.OPERATOR, Role.PLANNER)
    answer, plan = prepared(client, commit="commit", commit_minutes="30")
    assert "When everything is done" in plan
    assert answer.status_code == 303, answer.text
    (run,) = scene.journal.runs()
    agreed = [event.body for event in scene.journal.read(run) if isinstance(event.body, ev.CommitAgreed)]
    expected = ev.CommitAgreed(then=ev.AfterDeadline.COMMIT, within_s=1800, person="Ada Person", reason="nyc is dark")
    assert agreed == [expected]
    assert "When all is done it waits 30 min for a person" in client.get(f"/runs/{run}").text


def test_without_a_policy_nothing_is_agreed(scene: WebScene, visit: Visit) -> None:
    answer, _ = prepared(visit(Role.OPERATOR, Role.PLANNER))
    assert answer.status_code == 303, answer.text
    (run,) = scene.journal.runs()
    assert not any(isinstance(event.body, ev.CommitAgreed) for event in scene.journal.read(run))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"commit": "commit"}, "needs a deadline"),
        ({"commit": "none", "commit_minutes": "5"}, "a deadline means nothing"),
        ({"commit_minutes": "5"}, "a deadline for nothing"),
        ({"commit": "commit", "commit_minutes": "0"}, "whole minutes"),
        ({"commit": "commit", "commit_minutes": "٣"}, "whole minutes"),
        ({"commit": "commit", "commit_minutes": "9" * 5000}, "whole minutes"),
        ({"commit": "perhaps", "commit_minutes": "5"}, "no commit policy"),
        ({"commit": "undo", "commit_minutes": "5"}, "no undo takes back"),
    ],
)
def test_what_cannot_be_agreed_prepares_nothing(scene: WebScene, visit: Visit, form: dict[str, str], said: str) -> None:
    answer, plan = prepared(visit(Role.OPERATOR, Role.PLANNER), **form)
    assert answer.status_code == 409
    assert said in answer.text
    assert scene.journal.runs() == ()
    assert 'value="undo"' not in plan, "this plan cannot be undone as a whole: it is not offered"
