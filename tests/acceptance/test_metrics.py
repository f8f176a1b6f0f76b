"""A real Prometheus scrapes `drorch serve metrics` over a recorded run; a real Alertmanager delivers its alert."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from stores import journal_at

from drorch.core.files import write_whole
from drorch.core.state_folder import run_folder
from drorch.metrics.snapshot import Page
from drorch.run import events as ev
from drorch.testing.builders import catalog_text
from drorch.testing.clock import HandClock
from drorch.testing.evidence import recorded_run
from drorch.testing.runs import RUN
from tests.machine import program

from .conftest import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
TOKEN = "a-token-that-only-this-test-knows"
WAITING = "20130301-050000-waits"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def process(log: Path, arguments: Sequence[str | Path], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process with its output in ``log``; ended by its own pid, whatever happens."""
    with log.open("ab") as stream:
        running = subprocess.Popen(
            [*map(str, arguments)], stdout=stream, stderr=stream, cwd=log.parent, env={**os.environ, **environment}
        )
    try:
        yield running
    finally:
        end(running)


def end(running: subprocess.Popen[bytes]) -> int:
    """End it politely, then not; its exit code."""
    if running.poll() is None:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
    return running.wait(10)


class Receiver(ThreadingHTTPServer):
    """Takes what Alertmanager delivers."""

    daemon_threads = True

    def __init__(self) -> None:
        self.delivered: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Deliveries)

    def __enter__(self) -> Receiver:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Deliveries(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.delivered.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@dataclass(kw_only=True)
class Watched:
    """Everything under way: drorch's endpoint, Prometheus, Alertmanager and who is called."""

    home: Path
    drorch: subprocess.Popen[bytes]
    drorch_port: int
    prometheus: httpx.Client
    receiver: Receiver

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """What Prometheus answers now, by labels (without those of the scrape)."""
        told = self.prometheus.get("/api/v1/query", params={"query": expression})
        told.raise_for_status()
        answer = told.json()
        assert answer["status"] == "success", answer
        return {
            tuple(sorted((k, v) for k, v in item["metric"].items() if k not in {"job", "instance"})): float(
                item["value"][1]
            )
            for item in answer["data"]["result"]
        }

    def one(self, name: str, **labels: str) -> float:
        """The value of exactly one series."""
        chosen = ",".join(f'{key}="{value}"' for key, value in labels.items())
        found = self.query(f"{name}{{{chosen}}}")
        assert len(found) == 1, found
        return next(iter(found.values()))


def state_folder(home: Path) -> None:
    """One whole failover of 2013 with its report, and a second one that waits for its approval ever since."""
    home.mkdir()
    (home / "app_catalog.yaml").write_text(catalog_text(), encoding="utf-8")
    with journal_at(home) as journal:
        folder = recorded_run(home, journal)
        write_whole(run_folder(home, WAITING, must_exist=False).plan, folder.plan.read_text(encoding="utf-8"))
        first = journal.read(RUN)[0].body
        assert isinstance(first, ev.RunCreated)
        now = HandClock().now()
        for seq, body in enumerate((first, ev.ApprovalAwaited(person="Olga", reason="r", within_s=0)), start=1):
            journal.append([ev.Event(run=WAITING, seq=seq, at=now, body=body)])


def serve(home: Path, port: int) -> list[str | Path]:
    return [
        *(sys.executable, "-m", "drorch", "serve", "metrics", "--listen", f"127.0.0.1:{port}"),
        *("--token-file", home / "token", "--catalog", home / "app_catalog.yaml"),
    ]


def configure(folder: Path, *, drorch: int, alertmanager: int, receiver: int) -> None:
    """The files of deploy/ with the ports of this test and no patience."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "scrape.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager}"]
    for job in config["scrape_configs"]:
        job |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
        job["authorization"]["credentials_file"] = str(folder / "home" / "token")
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{drorch}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copy(DEPLOY / "prometheus" / "rules.yml", folder / "rules.yml")
    text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    assert text.count("127.0.0.1:9465") == 2
    (folder / "alertmanager.yml").write_text(text.replace("127.0.0.1:9465", f"127.0.0.1:{receiver}"), encoding="utf-8")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    prometheus = program("prometheus")
    alertmanager = program("prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("metrics")
    home = folder / "home"
    state_folder(home)
    (home / "token").write_text(TOKEN, encoding="ascii")
    (home / "token").chmod(0o600)
    ports = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        configure(folder, drorch=ports[0], alertmanager=ports[1], receiver=int(receiver.server_address[1]))
        drorch = stack.enter_context(process(folder / "drorch.log", serve(home, ports[0]), DRORCH_HOME=str(home)))
        stack.enter_context(
            process(
                folder / "alertmanager.log",
                [
                    *(alertmanager, f"--config.file={folder / 'alertmanager.yml'}", "--cluster.listen-address="),
                    *(f"--storage.path={folder / 'am'}", f"--web.listen-address=127.0.0.1:{ports[1]}"),
                ],
            )
        )
        stack.enter_context(
            process(
                folder / "prometheus.log",
                [
                    *(prometheus, f"--config.file={folder / 'prometheus.yml'}"),
                    *(f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{ports[2]}"),
                ],
            )
        )
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{ports[2]}", timeout=5))
        made = Watched(home=home, drorch=drorch, drorch_port=ports[0], prometheus=client, receiver=receiver)
        wait_until(lambda: scraped(made), deadline_s=40, what="a scrape of both pages")
        yield made
        end(made.drorch)


def scraped(watched: Watched) -> bool:
    try:
        return watched.query("sum(up)") == {(): 2.0}
    except (httpx.TransportError, httpx.HTTPStatusError):
        return False  # not listening yet, or "503 Service Unavailable" while it starts


def test_prometheus_has_the_values_of_the_report(watched: Watched) -> None:
    report = json.loads(run_folder(watched.home, RUN).report("json").read_text(encoding="utf-8"))
    assert len(report["applications"]) == 3
    for application in report["applications"]:
        labels = {"app": application["id"], "kind": "failover"}
        times, point = application["recovery_time"], application["recovery_point"]
        measured = times[f"from_{times['counts']}"]["seconds"]
        assert watched.one("drorch_app_rto_achieved_seconds", **labels) == measured
        assert watched.one("drorch_app_rto_target_seconds", app=application["id"]) == times["rto_s"]
        assert watched.one("drorch_app_rpo_achieved_seconds", **labels) == point["lost_s"]["seconds"]
        assert watched.one("drorch_app_verdict", **labels, verdict=application["verdict"]) == 1
    assert watched.one("drorch_last_run_result", kind="failover") == 1
    assert watched.one("drorch_journal_events_total") == report["run"]["journal_events"] + 2
    assert watched.query("drorch_app_rto_achieved_seconds{app='umoja'}") == {}
    ratio = 'drorch_app_rto_achieved_seconds / on (app) group_left () drorch_app_rto_target_seconds{app="mail"}'
    assert list(watched.query(ratio).values()) == [pytest.approx(10.0 / 14400)]


def test_an_alert_reaches_who_is_called(watched: Watched) -> None:
    def called() -> bool:
        return any(path == "/pager" and names(body) == {"DrorchOperatorNeeded"} for path, body in delivered())

    def delivered() -> list[tuple[str, dict[str, Any]]]:
        return list(watched.receiver.delivered)

    def names(body: dict[str, Any]) -> set[str]:
        return {alert["labels"]["alertname"] for alert in body["alerts"]}

    wait_until(called, deadline_s=40, what="a call")
    (alert,) = next(body for path, body in delivered() if names(body) == {"DrorchOperatorNeeded"})["alerts"]
    assert (alert["status"], alert["labels"]["reason"]) == ("firing", "approval")
    assert alert["annotations"]["summary"].endswith("for a person: approval")
    # What needs time before it fires, or has nothing to fire about, called nobody.
    assert {name for _, body in delivered() for name in names(body)} == {"DrorchOperatorNeeded"}


def test_a_restart_of_drorch_loses_no_series(watched: Watched) -> None:
    everything = '{__name__=~"drorch_.+"}'
    before = watched.query(everything)
    assert len(before) > 150
    assert end(watched.drorch) == 0
    wait_until(lambda: watched.query("sum(up)") == {(): 0.0}, what="Prometheus noticing that drorch is gone")
    assert watched.query(everything) == {}
    again = time.time()
    with process(watched.home / "again.log", serve(watched.home, watched.drorch_port), DRORCH_HOME=str(watched.home)):
        wait_until(
            lambda: (
                max(watched.query("drorch_data_refresh_timestamp_seconds").values(), default=0.0) > again
                and watched.query("sum(up)") == {(): 2.0}
            ),
            deadline_s=40,
            what="a scrape of the new process",
        )
        after = watched.query(everything)
    own = {key for key in before if any("_refresh_" in value or "_load_success_" in value for _, value in key)}
    assert after.keys() == before.keys()
    assert {key: after[key] for key in after.keys() - own} == {key: before[key] for key in before.keys() - own}


def test_without_the_token_nothing_is_said(watched: Watched) -> None:
    with process(watched.home / "third.log", serve(watched.home, 0), DRORCH_HOME=str(watched.home)):
        log = watched.home / "third.log"
        wait_until(lambda: log.read_text(encoding="utf-8").count("listening on") == len(Page), what="listening")
        for line in log.read_text(encoding="utf-8").splitlines():
            answer = httpx.get(line.removeprefix("listening on "), timeout=5)
            assert (answer.status_code, answer.content) == (401, b"")
            assert httpx.get(line.split()[-1], headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
