"""Schedule, the year to come, forecast and doctor over the API, on the sample files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.app.doctor import Check, Health
from drorch.catalog.files import load_catalog_file
from drorch.schedules.events import Adopted, ScheduleEvent
from drorch.schedules.load import load_schedules
from drorch.testing.web import ESTATE, WebScene

ROOT = Path(__file__).parents[4]
API = "/api/v1"
WHY = {"reason": "because"}
FILES = ("app_catalog.yaml", "year.yaml", "capacity.yaml", "schedule.yaml", "planner.yaml")


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "home").mkdir()
    (tmp_path / "estate.yml").write_text(ESTATE, encoding="utf-8")
    catalog, year, capacity, schedule, planner = (tmp_path / name for name in FILES)
    return WebScene(
        home=tmp_path / "home",
        catalog=catalog,
        estate=tmp_path / "estate.yml",
        year=year,
        capacity=capacity,
        schedule=schedule,
        planner=planner,
    )


@pytest.fixture
def client(scene: WebScene) -> Iterator[TestClient]:
    with TestClient(scene.app, base_url="http://127.0.0.1", raise_server_exceptions=False) as made:
        yield made


def get(client: TestClient, header: dict[str, str], path: str, **params: Any) -> Any:
    answer = client.get(f"{API}{path}", headers=header, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_schedule_as_the_command_shows_it(scene: WebScene, client: TestClient) -> None:
    reader = scene.header("vera", Role.VIEWER)
    assert [item for item in get(client, reader, "/schedule/findings") if item["severity"] == "error"] == []
    listed = get(client, reader, "/schedule")
    assert listed["total"] == len(listed["items"]) > 5
    drill = next(item for item in listed["items"] if item["id"] == "drill-finance")
    assert (drill["next"], drill["last"], drill["standing_approval"]) == ("2013-03-02T13:00:00Z", None, None)
    coming = get(client, reader, "/schedule/next", days=2, limit=500)["items"]
    assert [item["nominal"] for item in coming] == sorted(item["nominal"] for item in coming)
    assert "drill-finance@2013-03-02T13:00:00Z" in [item["key"] for item in coming]
    first = get(client, reader, "/schedule/next", days=2, limit=1)
    rest = get(client, reader, "/schedule/next", days=2, limit=500, cursor=first["next"])
    assert first["items"] + rest["items"] == coming
    assert client.get(f"{API}/schedule/nothing", headers=reader).status_code == 404


def test_a_standing_approval_is_for_what_was_read(scene: WebScene, client: TestClient) -> None:
    ada, pia = scene.header("ada", Role.APPROVER), scene.header("pia", Role.PLANNER)
    shown = get(client, ada, "/schedule/drill-finance")
    wish = {**WHY, "family": shown["drill"]["family"], "until": "2013-12-31"}
    url = f"{API}/schedule/drill-finance"
    assert client.post(f"{url}/approve", json={**wish, "family": "sha256:other"}, headers=ada).status_code == 412
    assert client.post(f"{url}/approve", json={**wish, "until": "2015-01-01"}, headers=ada).status_code == 422
    assert client.post(f"{url}/withdraw", json=WHY, headers=pia).status_code == 404
    assert scene.store.read("year") == (), "a refusal writes nothing"
    made = client.post(f"{url}/approve", json=wish, headers=ada)
    assert (made.status_code, made.json()["person"]) == (201, "Ada Person")
    assert get(client, ada, "/schedule/drill-finance")["standing_approval"]["seq"] == 1
    move = f"{API}/schedule/switchover-new-york/approve"
    assert "only drills" in client.post(move, json=wish, headers=ada).json()["detail"]
    assert client.post(f"{url}/withdraw", json=WHY, headers=pia).status_code == 200
    assert get(client, ada, "/schedule/drill-finance")["standing_approval"] is None


def test_what_nobody_took_is_missed(scene: WebScene, client: TestClient) -> None:
    catalog = load_catalog_file(scene.catalog)
    schedules = load_schedules(scene.schedule.read_bytes(), "schedule.yaml", catalog)
    schedule = schedules.by_id("readiness-new-york")
    assert schedule is not None
    at = scene.clock.now().wall
    scene.schedule_store.append(ScheduleEvent(key=schedule.id, seq=1, at=at, body=Adopted(schedule=schedule)))
    scene.clock.advance(7 * 86_400)
    reader = scene.header("vera", Role.VIEWER)
    missed = get(client, reader, "/schedule/missed")
    assert missed == {"not_held": [], "unclaimed": ["readiness-new-york@2013-03-04T07:30:00Z"]}
    assert get(client, reader, "/schedule/history")["items"] == []


def test_the_plan_of_the_year_is_booked_as_it_was_read(scene: WebScene, client: TestClient) -> None:
    pia = scene.header("pia", Role.PLANNER)
    read = client.get(f"{API}/year/plan", headers=pia)
    assert read.status_code == 200, read.text
    etag, plan = read.headers["etag"], read.json()
    url = f"{API}/year/plan/book"
    assert client.post(url, json=WHY, headers=pia).status_code == 428
    assert client.post(url, json=WHY, headers={**pia, "If-Match": '"other"'}).status_code == 412
    assert scene.store.read("year") == ()
    booked = client.post(url, json=WHY, headers={**pia, "If-Match": etag})
    assert plan["verdict"] == "feasible"
    assert booked.status_code == 201, booked.text
    assert len(booked.json()["events"]) == len(plan["tests"]) + len(plan["moves"]) > 0
    assert {event["person"] for event in booked.json()["events"]} == {"Pia Person"}
    again = client.post(url, json=WHY, headers={**pia, "If-Match": etag})
    assert again.status_code == 412, "what is booked has changed the plan"


def test_stale_and_the_pack_for_the_review(scene: WebScene, client: TestClient) -> None:
    reader = scene.header("vera", Role.VIEWER)
    assert get(client, reader, "/year/stale") == {"on": "2013-02-28", "stale": [], "fresh": []}
    page = client.get(f"{API}/year/review.html", params={"sign": "Chair=A. Name <i>"}, headers=reader)
    assert page.status_code == 200
    assert "A. Name &lt;i&gt;" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert client.get(f"{API}/year/review.pdf", headers=reader).content.startswith(b"%PDF")
    tomorrow = (datetime(2013, 3, 1, tzinfo=UTC) + timedelta(days=9)).date().isoformat()
    assert client.get(f"{API}/year/review.html", params={"on": tomorrow}, headers=reader).status_code == 422
    assert client.get(f"{API}/year/review.html", params={"sign": "nobody"}, headers=reader).status_code == 422


def test_the_loss_of_a_site_and_no_forecast_without_runs(scene: WebScene, client: TestClient) -> None:
    reader = scene.header("vera", Role.VIEWER)
    found = get(client, reader, "/forecast/lose/nyc", at="2013-06-01")
    assert found["lose"]["on"] == "2013-06-01"
    assert sum(found["lose"]["totals"].values()) == 76
    assert (found["records"]["runs"], found["forecast"]["recovered"]) == (0, None)
    assert found["forecast"]["reason"]
    assert client.get(f"{API}/forecast/lose/atlantis", headers=reader).status_code == 404
    planner = scene.header("pia", Role.PLANNER)
    plan = client.post(f"{API}/plans", json={"kind": "failover", "lose": "nyc"}, headers=planner).json()["id"]
    of_plan = get(client, reader, f"/plans/{plan}/forecast")
    assert (of_plan["plan"], of_plan["lose"], of_plan["forecast"]["over"]) == (plan, None, None)


def test_faults_of_the_programme_are_told(scene: WebScene, client: TestClient) -> None:
    reader = scene.header("vera", Role.VIEWER)
    assert [item for item in get(client, reader, "/year/findings") if item["severity"] == "error"] == []
    text = scene.year.read_text(encoding="utf-8")
    scene.year.write_text(text.replace("subject: oaj", "subject: umoja", 1), encoding="utf-8")
    assert text != scene.year.read_text(encoding="utf-8")
    assert [item for item in get(client, reader, "/year/findings") if item["severity"] == "error"]


def test_doctor_counts_what_cannot_be_looked_at_as_bad(scene: WebScene, client: TestClient) -> None:
    header = scene.header("olga", Role.OPERATOR)
    assert get(client, header, "/doctor")["attention"] == 0
    scene.checks += [
        Check(name="journal", health=Health.UNKNOWN, said="cannot be looked at", next_step="look at it by hand"),
        Check(name="catalog", health=Health.WARNING, said="2 warnings"),
    ]
    found = get(client, header, "/doctor")
    assert found["attention"] == 1
    assert [item["health"] for item in found["checks"]] == ["good", "unknown", "warning"]
