"""One contract for silences: the fake, and the adapter over Debian's real Alertmanager."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from drorch.adapters.notify.alertmanager import AlertmanagerSilences
from drorch.core.errors import Broken
from drorch.estate.model import AlertSource
from drorch.orchestration.ports import Silences
from drorch.testing.silences import RecordedSilences
from tests.machine import program

RULES = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"
MARK, OTHER = "drorch 20261124-1", "drorch 20261124-2"


class Case(Protocol):
    """An implementation and a look at what is silent."""

    silences: Silences

    def silent(self) -> dict[str, tuple[tuple[str, ...], datetime]]: ...


class Faked:
    def __init__(self) -> None:
        self.silences = RecordedSilences()

    def silent(self) -> dict[str, tuple[tuple[str, ...], datetime]]:
        return self.silences.silent()


class Real:
    """Over a server; looks with a request of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.silences = AlertmanagerSilences(AlertSource(url=url))

    def rows(self) -> list[dict[str, Any]]:
        rows = httpx.get(f"{self.url}/api/v2/silences", trust_env=False).json()
        return [row for row in rows if row["status"]["state"] != "expired"]

    def silent(self) -> dict[str, tuple[tuple[str, ...], datetime]]:
        found = {}
        for row in self.rows():
            assert row["createdBy"] not in found, "a silence was doubled"
            applications = next(item for item in row["matchers"] if item["name"] == "app")["value"].split("|")
            found[row["createdBy"]] = (tuple(applications), datetime.fromisoformat(row["endsAt"]))
        return found

    def alert(self, **labels: str) -> None:
        """An alert as Prometheus sends it."""
        ends = (now() + timedelta(minutes=5)).isoformat()
        httpx.post(f"{self.url}/api/v2/alerts", json=[{"labels": labels, "endsAt": ends}], trust_env=False)

    def called(self) -> set[str]:
        """Alerts nobody silenced, by name."""
        rows = httpx.get(f"{self.url}/api/v2/alerts?silenced=false", trust_env=False).json()
        return {row["labels"]["alertname"] for row in rows}


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real one on loopback, ended by its own pid."""
    folder = tmp_path_factory.mktemp("alertmanager")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    words = [f"--web.listen-address={url.removeprefix('http://')}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        words += [f"--config.file={RULES}", f"--storage.path={folder}"]
        running = subprocess.Popen([program("prometheus-alertmanager"), *words], stdout=log, stderr=log)
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                with suppress(httpx.HTTPError):
                    if httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                        break
                time.sleep(0.1)
            yield url
        finally:
            running.terminate()
            running.wait(10)


@pytest.fixture(params=["fake", "alertmanager"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    made: Case = Faked() if request.param == "fake" else Real(request.getfixturevalue("alertmanager"))
    yield made
    for mark in (MARK, OTHER):
        made.silences.lift(mark)


def ensure(case: Case, mark: str, *applications: str, minutes: int = 15) -> datetime:
    until = (now() + timedelta(minutes=minutes)).replace(microsecond=0)
    case.silences.ensure(mark, applications, starts=now(), until=until, why="switchover, operator Ada")
    return until


def test_a_silence_covers_the_applications_until_its_end(case: Case) -> None:
    until = ensure(case, MARK, "mail", "umoja")
    assert case.silent() == {MARK: (("mail", "umoja"), until)}


def test_asked_again_it_is_prolonged_and_not_doubled(case: Case) -> None:
    ensure(case, MARK, "mail", minutes=5)
    later = ensure(case, MARK, "mail", minutes=30)
    assert case.silent() == {MARK: (("mail",), later)}


def test_each_run_has_its_own_and_lifts_only_that(case: Case) -> None:
    ensure(case, MARK, "mail")
    until = ensure(case, OTHER, "umoja")
    assert case.silences.lift(MARK) == 1
    assert case.silent() == {OTHER: (("umoja",), until)}
    assert case.silences.lift(MARK) == 0


def test_what_was_lifted_can_be_silenced_again(case: Case) -> None:
    ensure(case, MARK, "mail")
    case.silences.lift(MARK)
    until = ensure(case, MARK, "mail")
    assert case.silent() == {MARK: (("mail",), until)}


def test_only_alerts_of_these_applications_are_silent_and_never_drorchs_own(alertmanager: str) -> None:
    real = Real(alertmanager)
    ensure(real, MARK, "mail")
    try:
        real.alert(alertname="ServiceDown", app="mail")
        real.alert(alertname="OtherDown", app="mailing-list")
        real.alert(alertname="DrorchRecoveryWillMissRto", app="mail")
        until = time.monotonic() + 10
        while time.monotonic() < until and len(real.called()) < 2:
            time.sleep(0.1)
        assert real.called() == {"OtherDown", "DrorchRecoveryWillMissRto"}
    finally:
        real.silences.lift(MARK)


def test_a_server_that_is_gone_or_refuses_is_said_in_words(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Broken, match="does not answer"):
            AlertmanagerSilences(AlertSource(url=url)).lift(MARK)
    with pytest.raises(Broken, match="token cannot be read"):
        AlertmanagerSilences(AlertSource(url=url, token_file=str(tmp_path / "none"))).lift(MARK)
