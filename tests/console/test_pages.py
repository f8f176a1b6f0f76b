"""The pages without a browser: what they say, who may ask what, and that nothing is asked without a reason."""

from __future__ import annotations

import re

import pytest

from drorch.app.accounts import Role
from drorch.interfaces.http.security.signin import offer_first_admin
from drorch.plan.codec import plan_id
from drorch.report.after_action.operations import Draft
from drorch.run import events as ev
from drorch.run.recorder import Recorder
from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.runs import RUN, approvals
from drorch.testing.web import WebScene
from drorch.year.statement import Said
from tests.console.conftest import Visit, csrf_of
from tests.console.stage import OPEN_RUN, plan_for, put_run, put_samples, waiting_run

PAGES = (
    "/",
    "/runs",
    f"/runs/{OPEN_RUN}",
    f"/runs/{RUN}",
    f"/runs/{OPEN_RUN}/plan",
    f"/runs/{OPEN_RUN}/steps/mail/start",
    f"/runs/{OPEN_RUN}/do/retry?step=mail/start",
    "/plans",
    "/catalog",
    "/catalog/umoja",
    "/findings",
    "/search?q=mail",
    "/year",
    "/access",
    "/access/check",
    "/schedule",
    "/callouts",
    "/reports",
    "/actions",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_holds_no_inline_script_or_style(visit: Visit, path: str) -> None:
    page = visit(Role.OPERATOR).get(path)
    assert page.status_code == 200
    assert "<h1>" in page.text or "dialog-title" in page.text
    for inline in (" style=", "<style", " onclick=", "<script>", "javascript:"):
        assert inline not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_nobody_unknown_sees_a_page(visit: Visit, path: str) -> None:
    answer = visit().get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"][:10]) == (303, "/login?to=")


def test_what_people_and_playbooks_wrote_is_escaped(visit: Visit) -> None:
    page = visit(Role.OPERATOR).get(f"/runs/{OPEN_RUN}").text
    assert "the listener &lt;b&gt;did not&lt;/b&gt; open" in page
    assert "<b>did not" not in page


def test_the_output_of_a_playbook_shows_no_secret(visit: Visit) -> None:
    page = visit(Role.VIEWER).get(f"/runs/{OPEN_RUN}/steps/mail/start").text
    assert "fatal: no listener" in page
    assert "hunter22" not in page


def test_a_confirmation_says_what_runs_and_what_can_start_then(visit: Visit) -> None:
    page = visit(Role.OPERATOR).get(f"/runs/{OPEN_RUN}/do/retry?step=mail/start").text
    assert "application/start.yml" in page
    assert "mail/validate" in page
    assert 'name="reason" required' in page


def test_a_decision_reaches_the_inbox_with_the_name_of_who_is_logged_in(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.OPERATOR)
    token = csrf_of(client.get(f"/runs/{OPEN_RUN}/do/retry?step=mail/start").text)
    data = {"csrf_token": token, "step": "mail/start", "reason": "port was taken", "person": "Somebody Else"}
    answer = client.post(f"/runs/{OPEN_RUN}/do/retry", data=data, follow_redirects=False)
    assert answer.status_code == 303
    (request,) = scene.inbox.pending(OPEN_RUN)
    assert request.body == ev.RetryRequested(step="mail/start", person="Ada Person", reason="port was taken")
    assert scene.drivers.alive(scene.home, OPEN_RUN)


@pytest.mark.parametrize(
    ("role", "data", "status"),
    [
        (Role.OPERATOR, {"step": "mail/start", "reason": "  "}, 409),
        (Role.OPERATOR, {"step": "directory/start", "reason": "because"}, 409),
        (Role.OPERATOR, {"step": "no/such", "reason": "because"}, 404),
        (Role.VIEWER, {"step": "mail/start", "reason": "because"}, 403),
        (Role.APPROVER, {"step": "mail/start", "reason": "because"}, 403),
    ],
)
def test_what_may_not_be_asked_changes_nothing(
    scene: WebScene, visit: Visit, role: Role, data: dict[str, str], status: int
) -> None:
    client = visit(role)
    token = csrf_of(client.get("/").text)
    answer = client.post(f"/runs/{OPEN_RUN}/do/retry", data={"csrf_token": token, **data})
    assert answer.status_code == status
    assert scene.inbox.pending(OPEN_RUN) == ()


def test_a_form_without_its_token_changes_nothing(scene: WebScene, visit: Visit) -> None:
    answer = visit(Role.OPERATOR).post(f"/runs/{OPEN_RUN}/do/retry", data={"step": "mail/start", "reason": "because"})
    assert answer.status_code == 403
    assert scene.inbox.pending(OPEN_RUN) == ()


def test_evidence_is_uploaded_and_kept_with_its_hash(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.OPERATOR)
    token = csrf_of(client.get("/").text)
    answer = client.post(
        f"/runs/{OPEN_RUN}/do/resolve",
        data={"csrf_token": token, "step": "mail/start", "reason": "started by hand"},
        files={"evidence_file": ("../screen shot.txt", b"it listens")},
        follow_redirects=False,
    )
    assert answer.status_code == 303
    (request,) = scene.inbox.pending(OPEN_RUN)
    assert isinstance(request.body, ev.StepResolved)
    kept = scene.home / "runs" / OPEN_RUN / request.body.evidence.split(" ")[0]
    assert kept.read_bytes() == b"it listens"
    assert "sha256:" in request.body.evidence


def test_a_text_as_evidence_never_names_a_file_of_the_server(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.OPERATOR)
    token = csrf_of(client.get("/").text)
    data = {"csrf_token": token, "step": "mail/start", "reason": "by hand", "evidence": "/etc/hostname"}
    client.post(f"/runs/{OPEN_RUN}/do/resolve", data=data)
    (request,) = scene.inbox.pending(OPEN_RUN)
    assert isinstance(request.body, ev.StepResolved)
    assert "sha256" not in request.body.evidence


def test_two_persons_who_are_one_cannot_approve(scene: WebScene, visit: Visit) -> None:
    run = waiting_run(scene.home, scene.journal, scene.clock)
    scene.person("olga2", Role.APPROVER, person="olga  OPERATOR")
    client = visit(Role.APPROVER, login="olga2")
    page = client.get(f"/runs/{run}/do/approve").text
    plan = scene.context.service.open(run).plan
    data = {"csrf_token": csrf_of(page), "plan": plan_id(plan), "reason": "read it"}
    answer = client.post(f"/runs/{run}/do/approve", data=data)
    assert answer.status_code == 409
    assert "needs the approval of somebody else" in answer.text
    assert scene.inbox.pending(run) == ()


def test_what_is_not_observed_now_is_never_shown_as_served(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.VIEWER)
    assert "No probe looks at this moment" in client.get("/").text
    put_samples(scene.home, scene.clock, [("umoja", "brindisi"), ("mail", None)])
    assert "served from its primary site" in client.get("/catalog/umoja").text
    assert "state bad" in client.get("/catalog/mail").text
    scene.clock.advance(60)
    page = client.get("/catalog/umoja").text
    assert "not observed now" in page
    assert "served from its primary site" not in page


def test_a_run_that_cannot_be_read_is_shown_as_such(scene: WebScene, visit: Visit) -> None:
    (scene.home / "runs" / OPEN_RUN / "plan.json").write_text("{}")
    page = visit(Role.VIEWER).get("/runs").text
    assert "cannot be read" in page


def test_a_failed_run_whose_reports_are_gone_names_what_waits(visit: Visit) -> None:
    page = visit(Role.VIEWER).get("/").text
    assert "What waits for whom" in page
    assert "mail/start" in page


def test_an_unknown_run_is_a_page_that_says_so(visit: Visit) -> None:
    answer = visit(Role.VIEWER).get("/runs/20200101-000000-none")
    assert answer.status_code == 404
    assert "there is no run" in answer.text


@pytest.mark.parametrize("path", ["/users", "/audit"])
def test_accounts_and_audit_are_for_admins(visit: Visit, path: str) -> None:
    assert visit(Role.OPERATOR).get(path).status_code == 403
    assert visit(Role.ADMIN, login="root").get(path).status_code == 200


def test_an_admin_makes_an_account_and_the_audit_log_says_so(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.ADMIN, login="root")
    data = {"csrf_token": csrf_of(client.get("/users").text), "login": "grace", "person": "Grace", "role": "approver"}
    assert "has to have 12" in client.post("/users", data={**data, "password": "short"}).text
    assert scene.context.accounts.find("grace") is None
    page = client.post("/users", data={**data, "password": "correct horse battery"})
    assert "Grace" in page.text
    assert "POST /users" in client.get("/audit").text


def test_the_first_page_makes_an_admin_once(scene: WebScene, visit: Visit) -> None:
    code = offer_first_admin(scene.records, scene.context.accounts, scene.clock)
    client = visit()
    assert client.get("/first").status_code == 200
    data = {"code": code or "", "login": "root", "person": "Root", "password": "correct horse battery"}
    assert client.post("/first", data={**data, "code": "wrong"}).status_code == 409
    assert "Root" in client.post("/first", data=data).text
    assert visit().post("/first", data=data).status_code == 409


def test_a_plan_is_built_read_and_prepared_once(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.OPERATOR, Role.PLANNER)
    token = csrf_of(client.get("/plans/new").text)
    wrong = client.post("/plans", data={"csrf_token": token, "kind": "failover", "lose": "", "total": "3"})
    assert wrong.status_code == 422
    page = client.post("/plans", data={"csrf_token": token, "kind": "drill", "lose": "nyc", "total": "3"})
    assert "Prepare the run" in page.text
    assert "svg" in page.text
    (plan,) = scene.home.joinpath("plans").glob("*.json")
    once = re.search(r'name="once" value="([^"]+)"', page.text)
    assert once is not None
    path, form = f"/plans/{plan.stem}/run", {"csrf_token": token, "once": once[1]}
    assert client.post(path, data={**form, "reason": " "}).status_code == 409


def test_the_report_page_lets_no_script_run(visit: Visit) -> None:
    answer = visit(Role.VIEWER).get(f"/runs/{RUN}/report")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]


def test_a_report_of_an_earlier_end_is_not_shown_as_the_result(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.VIEWER)
    assert "report of the earlier end" not in client.get(f"/runs/{RUN}").text.lower()
    recorder = Recorder.attach(scene.journal, scene.clock, scene.context.service.open(RUN).plan, RUN)
    recorder.record(ev.DifferenceAccepted(code="c", subject="s", person="Ana", reason="because"))
    assert "report of the earlier end" in client.get(f"/runs/{RUN}").text.lower()
    assert "no report yet" in client.get(f"/runs?q={RUN}").text


def test_an_after_action_report_is_listed_and_opens(scene: WebScene, visit: Visit) -> None:
    who = Said(person="Ana", reason="because")
    kept = scene.context.after_actions.draft(Draft(runs=(RUN,)), who)
    client = visit(Role.VIEWER)
    assert f"/after-action/{kept.id}" in client.get("/reports").text
    page = client.get(f"/after-action/{kept.id}")
    assert page.status_code == 200
    assert RUN in page.text
    assert client.get("/after-action/none").status_code == 404


def test_a_run_that_was_overtaken_waits_for_nobody(scene: WebScene, visit: Visit) -> None:
    client = visit(Role.VIEWER)
    assert "What waits for whom" in client.get("/").text
    later = put_run(
        scene.home, scene.journal, scene.clock, plan_for(SMALL_CATALOG_YAML), *approvals(plan_for(SMALL_CATALOG_YAML)),
        ev.RunStarted(), ev.RunEnded(outcome=ev.RunOutcome.STOPPED, reason="enough"), run="20130304-060000-later",
    )  # fmt: skip
    page = client.get("/").text
    assert later in client.get("/runs").text
    assert "What waits for whom" not in page
