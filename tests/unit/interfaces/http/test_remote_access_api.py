"""Remote access and the yearly test over the API: departments sign for themselves, and nobody for what he held."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from unit.interfaces.http.worlds import SOURCES, held, prepared, signer

from drorch.access.denial_test.seal import open_evidence
from drorch.app.accounts import Account, Role
from drorch.core.errors import Refused
from drorch.testing.web import PASSWORD, WebScene

ROOT = Path(__file__).parents[4]
API = "/api/v1/access"


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    for name in ("app_catalog.yaml", "year.yaml", "capacity.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "access.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "home").mkdir()
    return WebScene(
        home=tmp_path / "home",
        catalog=tmp_path / "app_catalog.yaml",
        year=tmp_path / "year.yaml",
        capacity=tmp_path / "capacity.yaml",
        access=tmp_path / "access.yaml",
    )


@pytest.fixture
def client(scene: WebScene) -> Iterator[TestClient]:
    with TestClient(scene.app, base_url="http://127.0.0.1", raise_server_exceptions=False) as made:
        yield made


def of_department(scene: WebScene, login: str, person: str, *departments: str) -> dict[str, str]:
    account = Account(login=login, person=person, roles=frozenset({Role.DEPARTMENT}), made_by="test")
    scene.context.accounts.add(replace(account, departments=departments), PASSWORD)
    return scene.header(login)


def get(client: TestClient, header: dict[str, str], path: str) -> Any:
    answer = client.get(f"{API}{path}", headers=header)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_source_that_was_never_read_is_never_green(scene: WebScene, client: TestClient) -> None:
    found = get(client, scene.header("vera", Role.VIEWER), "/check")
    assert found["status"] != "green"
    (source,) = found["sources"]
    assert (source["id"], source["age_s"], source["late"], source["text"]) == ("licences", None, True, "never asked")
    scene.access.unlink()
    assert client.get(f"{API}/check", headers=scene.header("vera")).status_code == 404


def test_a_department_signs_for_itself_at_the_right_time(scene: WebScene, client: TestClient, tmp_path: Path) -> None:
    test = prepared(scene, tmp_path, by="Ada Admin")
    dm = of_department(scene, "dora", "Dora Head", "dm")
    ada = of_department(scene, "ada", "ada  ADMIN", "dm", "dgacm")
    url = f"{API}/tests/{test}/sign"
    demand, result = {"department": "dm", "what": "demand"}, {"department": "dm", "what": "result"}
    assert get(client, dm, f"/tests/{test}")["state"] == "prepared"
    foreign = client.post(url, json={**demand, "department": "dgacm"}, headers=dm)
    assert (foreign.status_code, "departments" in foreign.json()["detail"]) == (403, True)
    own = client.post(url, json=demand, headers=ada)
    assert (own.status_code, "prepared or started" in own.json()["detail"]) == (409, True), "white space is no person"
    assert client.post(url, json=result, headers=dm).status_code == 409, "there is no result yet"
    assert client.post(url, json={**demand, "person": "Boss"}, headers=dm).status_code == 422
    signed = client.post(url, json=demand, headers=dm)
    assert (signed.status_code, signed.json()["person"]) == (201, "Dora Head")
    held(scene, test)
    shown = client.get(f"{API}/tests/{test}", headers=dm)
    assert (shown.json()["state"], shown.json()["outcome"]) == ("ended", "interrupted")
    etag = shown.headers["etag"]
    reached = {**result, "applications": ["umoja"]}
    assert client.post(url, json=reached, headers={**dm, "If-Match": '"old"'}).status_code == 412
    assert client.post(url, json=reached, headers={**dm, "If-Match": etag}).status_code == 201
    department = next(item for item in get(client, dm, f"/tests/{test}")["departments"] if item["id"] == "dm")
    assert (department["demand_agreed_by"], department["signed_off_by"]) == ("Dora Head", "Dora Head")
    assert "Dora Head" in client.get(f"{API}/tests/{test}/report.txt", headers=dm).text


def test_the_archive_is_there_once_it_is_sealed(scene: WebScene, client: TestClient, tmp_path: Path) -> None:
    test = prepared(scene, tmp_path)
    held(scene, test)
    olga = scene.header("olga", Role.OPERATOR)
    url = f"{API}/tests/{test}/evidence.zip"
    assert client.get(url, headers=olga).status_code == 404
    scene.context.access_tests.report(test, signer(tmp_path))
    data = client.get(url, headers=olga).content
    assert "journal.jsonl" in zipfile.ZipFile(BytesIO(data)).namelist()
    assert open_evidence(data, "answer").test == test
    (listed,) = get(client, olga, "/tests")["items"]
    assert (listed["test"], listed["state"]) == (test, "sealed")


def test_of_a_test_on_another_machine_nobody_here_says_that_its_process_is_gone(
    scene: WebScene, client: TestClient, tmp_path: Path
) -> None:
    test, tests = prepared(scene, tmp_path), scene.context.access_tests
    tests.write(test, "started", {"host": "elsewhere"}, "Ada Admin")
    state = get(client, scene.header("vera", Role.VIEWER), f"/tests/{test}")["state"]
    assert state == "begun on elsewhere: only there can be seen whether it goes on"
    with pytest.raises(Refused, match="begun on elsewhere"):
        tests.end_interrupted(test)
    tests.stop(test, "Grace", "called off")
    assert tests.stop_asked(test) == "Grace: called off"


def test_a_test_under_way_is_told_apart_from_one_whose_process_is_gone(
    scene: WebScene, client: TestClient, tmp_path: Path
) -> None:
    test = prepared(scene, tmp_path)
    tests = scene.context.access_tests
    tests.write(test, "started", {"host": "here"}, "Ada Admin")
    vera = scene.header("vera", Role.VIEWER)
    with tests.alone(test):
        assert get(client, vera, f"/tests/{test}")["state"] == "running"
    assert get(client, vera, f"/tests/{test}")["state"].startswith("interrupted")
    tests.write("changed", "prepared", {"test": "changed", "demand": "sha256:0"}, "Ada Admin")
    assert client.get(f"{API}/tests/changed", headers=vera).status_code == 422, "a changed demand is no test"
    assert client.get(f"{API}/tests/nothing", headers=vera).status_code == 404
