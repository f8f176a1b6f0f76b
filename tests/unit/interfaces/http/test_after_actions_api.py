"""After-action reports over the API: nobody reviews or approves what he wrote, or what he has not read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader
from unit.report.test_after_action import DRILL, RUN, store

from drorch.app.accounts import Role
from drorch.testing.clock import HandClock
from drorch.testing.web import WebScene

API = "/api/v1/after-actions"
WHY = {"reason": "because"}
SCHEMA = Path(__file__).parents[4] / "docs" / "after-action.schema.json"
TITLE = "Loss of New York: 联合国 <b>"


@pytest.fixture
def scene(scene: WebScene) -> WebScene:
    scene = WebScene(home=scene.home, catalog=scene.catalog, clock=HandClock(datetime(2026, 3, 20, 9, tzinfo=UTC)))
    for scenario in ("problem-failover", "drill"):
        store(scene.home, scenario)
    return scene


def post(client: TestClient, header: dict[str, str], path: str, code: int = 200, **body: object) -> dict[str, Any]:
    answer = client.post(f"{API}{path}", json={**WHY, **body}, headers=header)
    assert answer.status_code == code, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def pia(scene: WebScene) -> dict[str, str]:
    return scene.header("pia", Role.PLANNER)


@pytest.fixture
def omar(scene: WebScene) -> dict[str, str]:
    return scene.header("omar", Role.PLANNER, Role.APPROVER)


def completed(client: TestClient, pia: dict[str, str]) -> dict[str, Any]:
    made = post(client, pia, "", 201, runs=[RUN, DRILL], id="x", title=TITLE)
    for field, text in (("summary", "Payroll did not start."), ("background", "Yearly."), ("distribution", "Group")):
        post(client, pia, "/x/edit", field=field, text=text)
    post(client, pia, "/x/edit", field="recommendation", text="Open the port in the build")
    for finding in made["evidence"]["findings"]:
        if finding["severity"] != "minor":
            post(client, pia, "/x/edit", field="root-cause", text="A firewall rule", item=finding["key"])
    found: dict[str, Any] = client.get(f"{API}/x", headers=pia).json()
    return found


def test_drafted_completed_reviewed_approved_by_others(
    scene: WebScene, client: TestClient, pia: dict[str, str], omar: dict[str, str]
) -> None:
    report = completed(client, pia)
    jsonschema.validate(report, json.loads(SCHEMA.read_text(encoding="utf-8")))
    also_pia = scene.header("pia2", Role.APPROVER, Role.PLANNER, person="pia  PERSON")
    assert "is an author" in post(client, also_pia, "/x/review", 409, content=report["content"])["detail"]
    grace = scene.header("grace", Role.APPROVER)
    assert "nobody has reviewed" in post(client, grace, "/x/approve", 409, content=report["content"])["detail"]
    assert post(client, omar, "/x/review", content=report["content"])["reviewed"]["person"] == "Omar Person"
    assert "is an author" in post(client, also_pia, "/x/approve", 409, content=report["content"])["detail"]
    approved = post(client, grace, "/x/approve", content=report["content"])
    assert (approved["state"], approved["approved"]["person"]) == ("approved", "Grace Person")
    post(client, pia, "/x/edit", field="strength", text="Calm")
    (listed,) = client.get(API, headers=grace).json()["items"]
    assert (listed["version"], listed["state"], listed["approved"]) == (2, "draft", None)
    assert client.get(f"{API}/x", params={"version": 1}, headers=grace).json() == approved
    assert client.get(f"{API}/x", params={"version": 7}, headers=grace).status_code == 404
    assert client.get(f"{API}/register.csv", headers=grace).text.splitlines()[1].startswith("x,")


def test_nobody_approves_what_he_has_not_read(
    scene: WebScene, client: TestClient, pia: dict[str, str], omar: dict[str, str]
) -> None:
    read = completed(client, pia)["content"]
    post(client, pia, "/x/edit", field="summary", text="Everything was perfect.")
    before = scene.store.read("after-action/x")
    assert "something else than what was read" in post(client, omar, "/x/review", 409, content=read)["detail"]
    post(client, omar, "/x/review", 422)
    assert scene.store.read("after-action/x") == before
    now = client.get(f"{API}/x", headers=omar).json()["content"]
    post(client, omar, "/x/review", content=now)
    scene.broken_records[RUN] = "the record is not what the journal says"
    grace = scene.header("grace", Role.APPROVER)
    assert "not what the journal says" in post(client, grace, "/x/approve", 409, content=now)["detail"]


def test_it_is_edited_only_as_it_was_seen(client: TestClient, pia: dict[str, str]) -> None:
    post(client, pia, "", 201, runs=[RUN], id="x")
    etag = client.get(f"{API}/x", headers=pia).headers["etag"]
    assert client.get(f"{API}/x", headers={**pia, "If-None-Match": etag}).status_code == 304
    match = {**pia, "If-Match": etag}
    post(client, match, "/x/edit", field="summary", text="One")
    post(client, match, "/x/edit", 412, field="summary", text="Two")
    post(client, match, "", 412, runs=[RUN], id="x")


def test_as_a_page_and_as_pdf(client: TestClient, pia: dict[str, str]) -> None:
    completed(client, pia)
    page = client.get(f"{API}/x/report.html", headers=pia)
    assert page.headers["content-type"].startswith("text/html")
    assert "<b>" not in page.text.split("</head>")[1].split("</h1>")[0]
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-hashes' 'sha256-")
    assert policy.endswith("sandbox")
    assert "font-src data:" in policy
    pdf = client.get(f"{API}/x/report.pdf", headers=pia)
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert "Loss of New York" in PdfReader(BytesIO(pdf.content)).pages[0].extract_text()
    findings = client.get(f"{API}/x/findings", headers=pia).json()
    assert all({"severity", "code", "message"} <= set(item) for item in findings)


def test_what_is_wrong_is_told(client: TestClient, pia: dict[str, str]) -> None:
    post(client, pia, "", 422)
    post(client, pia, "", 404, runs=["no-such-run"])
    post(client, pia, "", 422, runs=[RUN], id="Not An Id")
    post(client, pia, "/y/edit", 404, field="summary", text="x")
    post(client, pia, "", 422, runs=[RUN], by="Somebody")
    for path in ("/y", "/y/findings", "/y/report.html", "/y/report.pdf", "/..%2fx"):
        assert client.get(f"{API}{path}", headers=pia).status_code == 404
