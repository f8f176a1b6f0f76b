"""The observer over real little services: every false green stays red, with and without a watcher process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drorch.adapters.clock import SystemClock, boot_id
from drorch.adapters.probes.observer import ProbeObserver
from drorch.adapters.probes.present import collect_present
from drorch.adapters.probes.spec import WatchSpec, watch_target
from drorch.core.clock import Instant
from drorch.core.codec import to_text
from drorch.estate.model import ApplicationNames, DatabaseNode, Endpoint, Estate, NameServer
from drorch.evidence import outage, recovery_point
from drorch.evidence.codec import read_canaries, read_present, read_samples
from drorch.evidence.model import LossStatus, OutageStatus, Sample, SampleReason
from drorch.plan.model import Act, NamesAct, PlaybookAct, ReplicationAct, ValidateAct, WitnessAct
from drorch.testing.services import SITES, FakeApplication, Services, free_port, names_of

NAME = "mail.apps.drorch.test"
GROUP = "nyc-office"
VALIDATE = ValidateAct(application="mail", site="piscataway")


def until(holds: Callable[[], bool], deadline_s: float = 15.0) -> None:
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


class World:
    """One application with a copy at two sites, its names, and perhaps a watcher."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services = services
        self.folder = folder
        self.port = free_port(SITES["nyc"], SITES["piscataway"])
        self.drill_port = free_port(SITES["piscataway"])
        self.copies = {
            site: FakeApplication(application="mail", site=site, data_address=SITES[site])
            for site in ("nyc", "piscataway")
        }
        self.names: dict[str, ApplicationNames] = {"mail": names_of("mail", self.port, self.drill_port)}
        self.watcher: subprocess.Popen[str] | None = None

    @property
    def estate(self) -> Estate:
        nodes = tuple(
            DatabaseNode(group=GROUP, site=site, endpoint=Endpoint(address=SITES[site], port=5432))
            for site in ("nyc", "piscataway")
        )
        return self.services.estate(self.names, nodes)

    def start(self, site: str) -> None:
        self.services.open(SITES[site], self.port, self.copies[site])

    def stop(self, site: str) -> None:
        self.services.close(SITES[site], self.port)

    def observer(self, *, watched: bool = False) -> ProbeObserver:
        path = self.folder / "samples.jsonl" if watched else None
        return ProbeObserver(self.estate, path, SystemClock(), groups={"mail": GROUP}, boot=boot_id())

    def watch(self, *, max_s: float = 60.0) -> None:
        spec = WatchSpec(
            targets=(watch_target(self.estate, "mail", group=GROUP, grid_s=0.1),),
            name_servers=self.services.name_servers,
            sites=SITES,
            samples=str(self.folder / "samples.jsonl"),
            canaries=str(self.folder / "canaries.jsonl"),
            stop_file=str(self.folder / "watch.stop"),
            max_s=max_s,
            full_every_s=0.3,
            canary_every_s=0.25,
        )
        path = self.folder / "watch.json"
        path.write_text(to_text(spec))
        assert WatchSpec.from_text(path.read_text()) == spec
        command = [sys.executable, "-m", "drorch.adapters.probes.watcher", str(path)]
        self.watcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def end_watch(self) -> dict[str, int]:
        assert self.watcher is not None
        self.watcher.send_signal(signal.SIGTERM)
        told, _ = self.watcher.communicate(timeout=10)
        assert self.watcher.returncode == 0
        counts: dict[str, int] = json.loads(told)
        return counts

    def samples(self) -> tuple[Sample, ...]:
        path = self.folder / "samples.jsonl"
        return read_samples(path.read_text()) if path.exists() else ()

    def last(self) -> Sample | None:
        return next(reversed(self.samples()), None)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Services() as services:
        made = World(services, tmp_path)
        try:
            yield made
        finally:
            if made.watcher is not None and made.watcher.poll() is None:
                made.watcher.kill()
                made.watcher.communicate()


def now() -> Instant:
    return SystemClock().now()


def recovered(world: World) -> None:
    world.start("piscataway")
    world.services.point(NAME, "piscataway")


def test_a_recovered_application_is_proved(world: World) -> None:
    recovered(world)
    proof = world.observer().prove(VALIDATE, since=now(), deadline_s=5)
    assert proof.holds, proof
    assert proof.facts["data_site"] == "piscataway"
    assert proof.facts["names"] == {"piscataway": "piscataway", "valencia": "piscataway"}


def old_data(world: World) -> None:
    world.copies["piscataway"].data_address = SITES["nyc"]


def other_groups_data(world: World) -> None:
    world.copies["piscataway"].data_port = 5999


def name_not_switched(world: World) -> None:
    world.services.point(NAME, "nyc")
    world.start("nyc")


def stale_server(world: World) -> None:
    world.services.point(NAME, "nyc", at="valencia")


def silent_server(world: World) -> None:
    world.services.silence("valencia")


def read_only(world: World) -> None:
    world.copies["piscataway"].refusal = (503, {"error": "read-only", "detail": "read-only transaction"})


def in_recovery(world: World) -> None:
    world.copies["piscataway"].changes["in_recovery"] = True


def read_mismatch(world: World) -> None:
    world.copies["piscataway"].changes["token"] = "another"


def foreign(world: World) -> None:
    world.copies["piscataway"].changes["application"] = "directory"


def drill_copy(world: World) -> None:
    world.copies["piscataway"].changes["drill"] = True


def not_listening(world: World) -> None:
    world.stop("piscataway")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (old_data, "wrong-data-site"),
        (other_groups_data, "wrong-data-site"),
        (name_not_switched, "wrong-site"),
        (stale_server, "name-disagrees"),
        (silent_server, "name-disagrees"),
        (read_only, "read-only"),
        (in_recovery, "read-only"),
        (read_mismatch, "read-mismatch"),
        (foreign, "wrong-identity"),
        (drill_copy, "wrong-identity"),
        (not_listening, "refused"),
    ],
)
def test_a_false_green_is_red(world: World, fault: Callable[[World], None], code: str) -> None:
    recovered(world)
    fault(world)
    proof = world.observer().prove(VALIDATE, since=now(), deadline_s=0.5)
    assert (proof.holds, proof.code) == (False, code), proof
    assert proof.reason


def test_it_waits_until_the_service_is_there(world: World) -> None:
    world.services.point(NAME, "piscataway")
    world.watch()
    until(lambda: len(world.samples()) > 2)
    world.start("piscataway")
    assert world.observer(watched=True).prove(VALIDATE, since=now(), deadline_s=10).holds
    world.end_watch()


def test_old_samples_of_a_watch_prove_nothing(world: World) -> None:
    recovered(world)
    world.watch()
    until(lambda: len(world.samples()) > 5)
    world.copies["piscataway"].refusal = (503, {"error": "read-only", "detail": ""})
    since = now()
    until(lambda: (last := world.last()) is not None and last.started > since.mono and not last.good)
    proof = world.observer(watched=True).prove(VALIDATE, since=now(), deadline_s=1)
    assert (proof.holds, proof.code) == (False, "read-only")


def test_a_dead_watch_is_not_waited_for(world: World) -> None:
    recovered(world)
    proof = world.observer(watched=True).prove(VALIDATE, since=now(), deadline_s=8)
    assert proof.holds, proof


def test_the_watcher_sees_an_outage_and_its_losses_as_they_were(world: World) -> None:
    world.start("nyc")
    world.services.point(NAME, "nyc")
    world.watch()
    until(lambda: len(world.copies["nyc"].canaries) >= 6 and len(world.samples()) >= 10)
    before_down = time.monotonic()
    world.stop("nyc")
    after_down = time.monotonic()
    lost = world.copies["nyc"].canaries[-2:]
    world.copies["piscataway"].canaries = world.copies["nyc"].canaries[:-2]
    until(lambda: (last := world.last()) is not None and last.reason is SampleReason.REFUSED)
    world.services.point(NAME, "piscataway", at="piscataway")
    until(lambda: (last := world.last()) is not None and last.reason is SampleReason.NAME_DISAGREES)
    world.services.point(NAME, "piscataway")
    before_up = time.monotonic()
    world.start("piscataway")
    after_up = time.monotonic()
    until(lambda: sum(sample.good and sample.started > after_up for sample in world.samples()) >= 3)
    (world.folder / "present.json").write_text(to_text(collect_present(world.estate, ["mail"])))
    counts = world.end_watch()
    samples = world.samples()
    assert counts["samples"] == len(samples)
    found = outage.measure("mail", samples, expect_outage=True, expected_after="piscataway")
    assert found.status is OutageStatus.RECOVERED
    assert found.began is not None
    assert found.ended is not None
    assert found.began.earliest <= after_down
    assert before_down <= found.began.latest
    assert found.ended.earliest <= after_up
    assert before_up <= found.ended.latest
    first_bad = next(index for index, sample in enumerate(samples) if not sample.good)
    last_bad = max(index for index, sample in enumerate(samples) if not sample.good)
    assert all(sample.full for sample in samples[first_bad + 1 : last_bad + 2])
    assert any(not sample.full for sample in samples)
    slots = [sample.slot for sample in samples]
    assert len(set(slots)) == len(slots)
    present = read_present((world.folder / "present.json").read_text())["mail"]
    loss = recovery_point.measure("mail", read_canaries((world.folder / "canaries.jsonl").read_text()), present, found)
    assert loss.status is LossStatus.MEASURED
    assert list(loss.lost_numbers) == lost
    assert loss.seconds is not None
    assert loss.seconds.seconds > 0


def test_a_watch_that_never_went_red_is_vacuous(world: World) -> None:
    recovered(world)
    world.watch()
    until(lambda: len(world.samples()) > 5)
    world.end_watch()
    found = outage.measure("mail", world.samples(), expect_outage=True, expected_after="piscataway")
    assert found.status is OutageStatus.VACUOUS


def test_the_watch_ends_by_its_stop_file_and_by_its_time(world: World) -> None:
    recovered(world)
    world.watch()
    until(lambda: len(world.samples()) > 0)
    (world.folder / "watch.stop").touch()
    assert world.watcher is not None
    assert world.watcher.wait(10) == 0
    world.watcher.communicate()
    (world.folder / "watch.stop").unlink()
    world.watch(max_s=0.5)
    assert world.watcher.wait(10) == 0
    world.watcher.communicate()


def test_a_bad_watch_file_is_one_clear_error(world: World) -> None:
    for text in ("", "[]", "{}", '{"schema": 9}', '{"schema": 1, "targets": [{}]}'):
        path = world.folder / "watch.json"
        path.write_text(text)
        command = [sys.executable, "-m", "drorch.adapters.probes.watcher", str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert ended.returncode == 2
        assert "let drorch write the file" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_drill_is_looked_for_at_its_own_name_and_port(world: World) -> None:
    copy = FakeApplication(
        application="mail", site="piscataway", data_address=SITES["piscataway"], data_port=6000, drill=True
    )
    world.services.open(SITES["piscataway"], world.drill_port, copy)
    world.services.point("mail.drill.apps.drorch.test", "piscataway")
    act = ValidateAct(application="mail", site="piscataway", drill=True)
    assert world.observer().prove(act, since=now(), deadline_s=5).holds
    copy.drill = False
    proof = world.observer().prove(act, since=now(), deadline_s=0.5)
    assert proof.code == "wrong-identity"


def test_remote_access_goes_through_the_gateway(world: World) -> None:
    inside = FakeApplication(application="mail", site="brindisi", data_address=SITES["brindisi"])
    gate = free_port(SITES["nyc"])
    world.names = {"gate": names_of("gate", gate, 1), "mail": names_of("mail", world.port, 2, via="gate")}
    world.services.point("gate.apps.drorch.test", "nyc")
    world.services.open(SITES["nyc"], gate, inside)
    act = ValidateAct(application="mail", site="brindisi", remote_access=True)
    observer = ProbeObserver(world.estate, None, SystemClock())
    proof = observer.prove(act, since=now(), deadline_s=5)
    assert proof.holds, proof
    assert proof.facts["names"] == {"piscataway": "nyc", "valencia": "nyc"}


def test_a_lost_site_is_witnessed_and_a_living_one_is_not(world: World) -> None:
    act = WitnessAct(site="nyc", witnesses=("brindisi", "valencia"))
    proof = world.observer().prove(act, since=now(), deadline_s=10)
    assert proof.holds, proof
    assert proof.facts["witnesses"] == {"brindisi": {"refused": 6}, "valencia": {"refused": 6}}
    world.start("nyc")
    proof = world.observer().prove(act, since=now(), deadline_s=10)
    assert (proof.holds, proof.code) == (False, "site-answers")
    assert "application mail" in proof.reason


@pytest.mark.parametrize(
    ("site", "witnesses"),
    [("moon", ("nyc",)), ("nyc", ("moon",)), ("nyc", ()), ("nyc", ("nyc",)), ("nyc", ("brindisi", "brindisi"))],
)
def test_a_witness_that_is_none_proves_nothing(world: World, site: str, witnesses: tuple[str, ...]) -> None:
    proof = world.observer().prove(WitnessAct(site=site, witnesses=witnesses), since=now(), deadline_s=5)
    assert (proof.holds, proof.code) == (False, "witness-unusable")


@contextmanager
def swallowing(address: str) -> Iterator[Endpoint]:
    """A port whose queue is full: whoever connects hears nothing, as behind a cut line."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind((address, 0))
        full.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield Endpoint(address=address, port=full.getsockname()[1])


def test_a_witness_that_is_cut_off_itself_proves_no_loss(world: World) -> None:
    with ExitStack() as lines:
        silent = tuple(
            NameServer(site=site, endpoint=lines.enter_context(swallowing(SITES[site])))
            for site in ("piscataway", "valencia", "brindisi")
        )
        estate = replace(world.estate, name_servers=silent, databases=(), ssh={})
        act = WitnessAct(site="nyc", witnesses=("brindisi", "valencia"))
        proof = ProbeObserver(estate, None, SystemClock()).prove(act, since=now(), deadline_s=10)
    assert (proof.holds, proof.code) == (False, "witness-unusable")
    assert "brindisi and valencia" in proof.reason


def test_names_are_asked_at_every_server(world: World) -> None:
    act = NamesAct(applications=("mail",), site="piscataway")
    world.services.point(NAME, "piscataway")
    assert world.observer().prove(act, since=now(), deadline_s=2).holds
    world.services.point(NAME, "nyc", at="valencia")
    proof = world.observer().prove(act, since=now(), deadline_s=0.1)
    assert (proof.holds, proof.code) == (False, "name-differs")
    assert "disagree" in proof.reason
    world.services.point(NAME, "nyc")
    assert not world.observer().prove(act, since=now(), deadline_s=0.1).holds


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (PlaybookAct(playbook="x.yml", hosts=("a",)), "not-for-observers"),
        (ValidateAct(application="unknown", site="nyc"), "broken"),
        (NamesAct(applications=("mail",), site="moon"), "site-unknown"),
        (NamesAct(applications=("unknown",), site="nyc"), "name-differs"),
        (ReplicationAct(group="none", primary="nyc", standby="piscataway", max_lag_s=1), "database-unknown"),
        (ReplicationAct(group=GROUP, primary="nyc", standby="piscataway", max_lag_s=1), "database-unreachable"),
    ],
)
def test_what_cannot_be_proved_is_said_and_never_raised(world: World, act: Act, code: str) -> None:
    proof = world.observer().prove(act, since=now(), deadline_s=0.1)
    assert (proof.holds, proof.code) == (False, code), proof
