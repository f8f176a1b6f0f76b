"""Runs over the API: started once, by who is logged in; asked of by the right people; two persons are two persons."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.core.ids import content_hash
from drorch.plan.codec import plan_id
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import done, failed
from drorch.testing.web import WebScene

API = "/api/v1"
PLAN = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])], kind=Kind.SWITCHOVER)
WHY = {"reason": "because"}


def plan(client: TestClient, header: dict[str, str], kind: str = "drill") -> str:
    answer = client.post(f"{API}/plans", json={"kind": kind, "lose": "nyc"}, headers=header)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def bodies(scene: WebScene, run: str) -> list[ev.Body]:
    return [request.body for request in scene.inbox.pending(run)]


def test_a_plan_is_built_kept_and_shown(scene: WebScene, client: TestClient) -> None:
    header = scene.header("paula", Role.PLANNER)
    whole = plan(client, header)
    assert plan(client, header) == whole
    assert [item["id"] for item in client.get(f"{API}/plans", headers=header).json()["items"]] == [whole]
    short = whole.removeprefix("sha256:")[:12]
    assert client.get(f"{API}/plans/{short}", headers=header).json()["id"] == whole
    assert client.get(f"{API}/plans/{whole}/diff/{short}", headers=header).json() == []
    assert client.get(f"{API}/plans/{whole}/graph.svg", headers=header).text.startswith("<svg")
    assert client.get(f"{API}/plans/{'0' * 12}", headers=header).status_code == 404


def test_a_start_happens_once_per_key_and_person(scene: WebScene, client: TestClient) -> None:
    olga = scene.header("olga", Role.OPERATOR)
    wish = {"plan": plan(client, olga), "reason": "yearly drill"}
    key = {"Idempotency-Key": "one"}
    assert client.post(f"{API}/runs", json=wish, headers=olga).status_code == 422
    first = client.post(f"{API}/runs", json=wish, headers={**olga, **key})
    again = client.post(f"{API}/runs", json=wish, headers={**olga, **key})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["run"] == again.json()["run"]
    assert [first.json()["again"], again.json()["again"]] == [False, True]
    other = client.post(f"{API}/runs", json={**wish, "reason": "another"}, headers={**olga, **key})
    assert other.status_code == 422
    assert len(scene.journal.runs()) == 1
    assert scene.drivers.started == [first.json()["run"]]
    # The key of somebody else is another key.
    omar = scene.header("omar", Role.OPERATOR)
    third = client.post(f"{API}/runs", json=wish, headers={**omar, **key})
    assert third.json()["run"] != first.json()["run"]


def test_a_server_that_died_between_key_and_run_starts_it_once_with_the_same_id(
    scene: WebScene, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = scene.header("olga", Role.OPERATOR)
    wish = {"plan": plan(client, olga), "reason": "yearly drill"}
    key = {**olga, "Idempotency-Key": "one"}

    def dies(events: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(scene.journal, "append", dies)
        assert client.post(f"{API}/runs", json=wish, headers=key).status_code == 500
    with monkeypatch.context() as patch:
        patch.setattr(scene.drivers, "start", dies_starting := lambda home, run: dies(run))
        assert dies_starting
        assert client.post(f"{API}/runs", json=wish, headers=key).status_code == 500
    answer = client.post(f"{API}/runs", json=wish, headers=key)
    assert answer.status_code == 201
    assert scene.journal.runs() == (answer.json()["run"],)
    assert scene.drivers.started == [answer.json()["run"]]
    assert scene.ids.made == 3
    assert answer.json()["run"].startswith("20130301-030001")


def test_the_person_of_an_act_is_who_is_logged_in(scene: WebScene, client: TestClient) -> None:
    olga = scene.header("olga", Role.OPERATOR, person="Olga Operator")
    wish = {"plan": plan(client, olga), "reason": "yearly drill"}
    forged = client.post(f"{API}/runs", json={**wish, "operator": "Boss"}, headers={**olga, "Idempotency-Key": "x"})
    assert forged.status_code == 422
    run = client.post(f"{API}/runs", json=wish, headers={**olga, "Idempotency-Key": "one"}).json()["run"]
    first = scene.journal.read(run)[0].body
    assert isinstance(first, ev.RunCreated)
    assert first.operator == "Olga Operator"
    assert client.post(f"{API}/runs/{run}/pause", json={**WHY, "person": "Boss"}, headers=olga).status_code == 422


def test_a_failover_needs_a_declaration(scene: WebScene, client: TestClient) -> None:
    olga = scene.header("olga", Role.OPERATOR, person="Olga Operator")
    wish = {"plan": plan(client, olga, "failover"), "reason": "smoke"}
    assert client.post(f"{API}/runs", json=wish, headers={**olga, "Idempotency-Key": "1"}).status_code == 422
    answer = client.post(f"{API}/runs", json={**wish, "declare": True}, headers={**olga, "Idempotency-Key": "2"})
    declared = [e.body for e in scene.journal.read(answer.json()["run"]) if isinstance(e.body, ev.Declared)]
    assert [(item.site, item.person, item.reason) for item in declared] == [("nyc", "Olga Operator", "smoke")]


def test_a_commit_policy_is_agreed_at_the_start(scene: WebScene, client: TestClient) -> None:
    olga = scene.header("olga", Role.OPERATOR, person="Olga Operator")
    wish = {"plan": plan(client, olga, "failover"), "reason": "nyc is dark", "declare": True}
    policy = {"commit": "commit", "commit_within_s": 600}
    answer = client.post(f"{API}/runs", json={**wish, **policy}, headers={**olga, "Idempotency-Key": "1"})
    assert answer.status_code == 201, answer.text
    run = answer.json()["run"]
    agreed = [event.body for event in scene.journal.read(run) if isinstance(event.body, ev.CommitAgreed)]
    then = ev.AfterDeadline.COMMIT
    assert agreed == [ev.CommitAgreed(then=then, within_s=600, person="Olga Operator", reason="nyc is dark")]
    other = client.post(f"{API}/runs", json={**wish, "commit": "none"}, headers={**olga, "Idempotency-Key": "1"})
    assert other.status_code == 422, "another policy under the same key is another wish"
    assert len(scene.journal.runs()) == 1


@pytest.mark.parametrize(
    "policy",
    [
        {"commit": "commit"},
        {"commit": "none", "commit_within_s": 5},
        {"commit_within_s": 5},
        {"commit": "undo", "commit_within_s": 5},
        {"commit": "perhaps"},
        {"commit": "commit", "commit_within_s": -1},
        {"commit": "commit", "commit_within_s": 1.5},
    ],
)
def test_a_policy_that_cannot_be_agreed_starts_nothing(
    scene: WebScene, client: TestClient, policy: dict[str, object]
) -> None:
    olga = scene.header("olga", Role.OPERATOR)
    wish = {"plan": plan(client, olga, "failover"), "reason": "nyc is dark", "declare": True}
    key = {**olga, "Idempotency-Key": "1"}
    assert client.post(f"{API}/runs", json={**wish, **policy}, headers=key).status_code in (400, 409, 422)
    assert scene.journal.runs() == ()
    # The key was not used up: the mended wish is taken.
    assert client.post(f"{API}/runs", json=wish, headers=key).status_code == 201


def test_a_key_of_an_older_version_still_stands_for_its_wish(scene: WebScene, client: TestClient) -> None:
    olga = scene.header("olga", Role.OPERATOR)
    wish = {"plan": plan(client, olga), "reason": "yearly drill"}
    assert client.post(f"{API}/runs", json=wish, headers={**olga, "Idempotency-Key": "1"}).status_code == 201
    (kept,) = scene.records.of("start")
    older = {
        **wish, "begin": True, "declare": False, "approve": False, "approval_within_s": 0, "watch": None,
    }  # fmt: skip
    assert kept.data["asked"] == content_hash(older)


def test_one_person_is_one_person_with_two_tokens_two_accounts_or_another_spelling(
    scene: WebScene, client: TestClient
) -> None:
    run = scene.run("r1", PLAN, operator="Olga Operator")
    body = {**WHY, "plan": plan_id(PLAN)}
    same = (
        scene.header("olga", Role.OPERATOR, Role.APPROVER, person="Olga Operator"),
        scene.header("olga", Role.APPROVER),
        scene.header("olga-glass", Role.APPROVER, person="olga   OPERATOR"),
    )
    for header in same:
        answer = client.post(f"{API}/runs/{run}/approve", json=body, headers=header)
        assert answer.status_code == 409, answer.text
        assert "somebody else" in answer.json()["detail"]
    assert bodies(scene, run) == []
    ana = scene.header("ana", Role.APPROVER, person="Ana Approver")
    assert client.post(f"{API}/runs/{run}/approve", json=body, headers=ana).status_code == 202
    assert bodies(scene, run) == [ev.Approved(plan_id=plan_id(PLAN), person="Ana Approver", reason="because")]


def test_an_override_needs_two_persons_who_are_logged_in(scene: WebScene, client: TestClient) -> None:
    run = scene.run("r1", PLAN, operator="Olga Operator")
    olga = scene.header("olga", Role.OPERATOR, Role.APPROVER, person="Olga Operator")
    url = f"{API}/runs/{run}/overrides"
    assert client.post(url, json={**WHY, "interlock": "two-persons"}, headers=olga).status_code == 422
    made = client.post(url, json={**WHY, "interlock": "window"}, headers=olga).json()
    assert bodies(scene, run) == []
    twin = scene.header("olga2", Role.APPROVER, person="Olga  operator")
    for header in (olga, twin):
        assert client.post(f"{url}/{made['id']}/confirm", headers=header).status_code == 409
    ana = scene.header("ana", Role.APPROVER, person="Ana Approver")
    assert client.post(f"{url}/{made['id']}/confirm", headers=ana).status_code == 202
    (body,) = bodies(scene, run)
    assert isinstance(body, ev.InterlockOverridden)
    assert (body.person, body.second_person) == ("Olga Operator", "Ana Approver")
    assert client.get(url, headers=ana).json() == []
    assert client.post(f"{url}/{made['id']}/confirm", headers=ana).status_code == 404


def test_every_act_reaches_the_inbox_in_the_persons_name(scene: WebScene, client: TestClient) -> None:
    run = scene.run("r1", PLAN, ev.RunStarted(), *failed("a/x"))
    olga = scene.header("olga", Role.OPERATOR, person="Olga Operator")
    step = {**WHY, "step": "a/x"}
    for act, body in (
        ("pause", WHY),
        ("retry", step),
        ("skip", step),
        ("resolve", {**step, "evidence": "seen on the console"}),
        ("stop", WHY),
    ):
        answer = client.post(f"{API}/runs/{run}/{act}", json=body, headers=olga)
        assert answer.status_code in (202, 409), (act, answer.text)
    asked = bodies(scene, run)
    assert [type(item).__name__ for item in asked][:2] == ["Paused", "RetryRequested"]
    assert {item.person for item in asked} == {"Olga Operator"}


def test_evidence_text_never_opens_a_file_of_the_server(scene: WebScene, client: TestClient) -> None:
    run = scene.run("r1", PLAN, ev.RunStarted(), *failed("a/x"))
    olga = scene.header("olga", Role.OPERATOR)
    secret = scene.home / "secret"
    secret.write_text("hidden", encoding="utf-8")
    body = {**WHY, "step": "a/x", "evidence": str(secret)}
    assert client.post(f"{API}/runs/{run}/resolve", json=body, headers=olga).status_code == 202
    (asked,) = bodies(scene, run)
    assert isinstance(asked, ev.StepResolved)
    assert asked.evidence == str(secret)
    assert not (scene.home / "runs" / run / "evidence").exists()


def test_an_uploaded_file_is_kept_under_its_hash(scene: WebScene, client: TestClient) -> None:
    run = scene.run("r1", PLAN)
    olga = scene.header("olga", Role.OPERATOR)
    answer = client.post(
        f"{API}/runs/{run}/evidence", params={"name": "../../x y.png"}, content=b"picture", headers=olga
    )
    assert answer.status_code == 201
    (kept,) = (scene.home / "runs" / run / "evidence").iterdir()
    assert kept.read_bytes() == b"picture"
    assert kept.name in answer.json()["evidence"]
    assert client.post(f"{API}/runs/{run}/evidence", params={"name": "x"}, headers=olga).status_code == 422


def test_who_has_an_old_view_is_told_so(scene: WebScene, client: TestClient) -> None:
    run = scene.run("r1", PLAN, ev.RunStarted(), *failed("a/x"))
    olga = scene.header("olga", Role.OPERATOR)
    seen = client.get(f"{API}/runs/{run}", headers=olga)
    tag = seen.headers["etag"]
    assert client.get(f"{API}/runs/{run}", headers={**olga, "If-None-Match": tag}).status_code == 304
    step = client.get(f"{API}/runs/{run}/steps/a/x", headers=olga).headers["etag"]
    assert client.post(f"{API}/runs/{run}/pause", json=WHY, headers={**olga, "If-Match": tag}).status_code == 202
    assert client.post(f"{API}/runs/{run}/stop", json=WHY, headers={**olga, "If-Match": tag}).status_code == 412
    body = {**WHY, "step": "a/x"}
    match = {**olga, "If-Match": step}
    assert client.post(f"{API}/runs/{run}/retry", json=body, headers=match).status_code == 202
    assert client.post(f"{API}/runs/{run}/skip", json=body, headers=match).status_code == 412


def test_an_attach_starts_one_driver(scene: WebScene, client: TestClient) -> None:
    run = scene.run("r1", PLAN)
    olga = scene.header("olga", Role.OPERATOR)
    answers = [client.post(f"{API}/runs/{run}/attach", headers=olga).json() for _ in range(2)]
    assert [item["started"] for item in answers] == [True, False]
    assert scene.drivers.started == [run]


def test_lists_come_in_pages_and_a_broken_run_is_in_them(scene: WebScene, client: TestClient) -> None:
    header = scene.header("vera", Role.VIEWER)
    for number in range(5):
        scene.run(f"r{number}", PLAN, ev.RunStarted(), *done("a/x"))
    (scene.home / "runs" / "r3" / "plan.json").write_text("{}", encoding="utf-8")
    found, cursor = [], None
    while True:
        page = client.get(f"{API}/runs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}, headers=header)
        found += page.json()["items"]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert [item["run"] for item in found] == ["r4", "r3", "r2", "r1", "r0"]
    assert "is missing" in found[1]["problem"]
    assert (found[1]["outcome"], found[1]["kind"]) == ("not ended", "switchover")  # the journal knows
    assert found[0]["done"] == 1
    assert client.get(f"{API}/runs", params={"cursor": "AAAA"}, headers=header).status_code == 422


def test_a_problem_says_what_where_and_what_next(scene: WebScene, client: TestClient) -> None:
    header = scene.header("vera", Role.VIEWER)
    answer = client.get(f"{API}/runs/nothing", headers=header)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == 404
    assert answer.json()["exit_code"] == 2
    assert "there is no run" in answer.json()["detail"]
    assert answer.json()["next_step"]
    big = client.post(f"{API}/plans", content=b"x" * 1_000_001, headers=header)
    assert big.status_code == 413
    assert big.headers["content-type"] == "application/problem+json"
    wrong = client.post(f"{API}/session", json={"login": "a", "password": ["hunter2"]})
    assert "hunter2" not in wrong.text


def test_a_stranger_name_for_this_server_is_refused(scene: WebScene) -> None:
    from drorch.interfaces.serving.application import create_app

    app = create_app(scene.context, replace(scene.settings, hosts=frozenset({"127.0.0.1", "[::1]"})))
    for host, status in (("http://evil.example", 421), ("http://127.0.0.1:8433", 200), ("http://[::1]:1", 200)):
        with TestClient(app, base_url=host) as client:
            assert client.get(f"{API}/health").status_code == status


def test_the_api_says_what_it_is(scene: WebScene, client: TestClient) -> None:
    header = scene.header("vera", Role.VIEWER)
    document = client.get(f"{API}/openapi.json", headers=header).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/runs/{run}/approve" in document["paths"]
    json.dumps(document)
