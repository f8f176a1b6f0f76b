"""Every fault that any HTTP service can have, against every client that reads one: a typed error, and no secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drorch.access.ports import AccessSource, Account, SourceFailed, Trouble
from drorch.access.sources import Way
from drorch.adapters.citrix.cvad import Cvad
from drorch.adapters.citrix.licences import CloudLicences
from drorch.adapters.citrix.login import CitrixLogins, LoginConfig
from drorch.adapters.citrix.monitor import Monitor
from drorch.adapters.citrix.nitro import NetScaler
from drorch.adapters.citrix.secret import read_secret
from drorch.adapters.citrix.tokens import CloudBearer
from drorch.adapters.citrix.wire import Endpoint
from drorch.testing.citrix.asgi import Fault, Simulator
from drorch.testing.citrix.cloud import CloudSimulator, CvadSimulator, TokenBook
from drorch.testing.citrix.front import Door, FrontDoor
from drorch.testing.citrix.nitro import NitroSimulator
from drorch.testing.citrix.odata import MonitorSimulator
from drorch.testing.citrix.server import Certificates, make_certificates, serve
from drorch.testing.citrix.world import Box, World

from .conftest import SECRETS, QuickClock, shown

KINDS = ("nitro", "monitor-ntlm", "monitor-cloud", "cvad", "cloud-licence")
EXPECTED = {
    Fault.RATE_LIMITED: Trouble.RATE_LIMITED,
    Fault.TRUNCATED: Trouble.PARSE,
    Fault.CUT_JSON: Trouble.PARSE,
    Fault.SLOW: Trouble.TIMEOUT,
    Fault.SILENT: Trouble.TIMEOUT,
    Fault.LOGIN_REDIRECT: Trouble.REDIRECTED,
    Fault.LOGIN_PAGE: Trouble.REDIRECTED,
    Fault.HUGE: Trouble.TOO_LARGE,
    Fault.BROKEN: Trouble.HTTP,
    Fault.FORBIDDEN: Trouble.FORBIDDEN,
    Fault.MISSING: Trouble.MISSING,
}
PATHS = {
    "nitro": "/stat/vpn",
    "monitor-ntlm": "/SessionActivitySummaries",
    "monitor-cloud": "/SessionActivitySummaries",
    "cvad": "/Machines",
    "cloud-licence": "/licensing",
}
BOXES = [Box(name=f"vda-{number}", group="Finance", sessions=20, load_index=4000) for number in range(5)]
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


def world() -> World:
    minutes = {NOW - timedelta(minutes=back): {"g1": 300, "g2": 112} for back in range(1, 8)}
    return World(boxes=list(BOXES), minutes=minutes, others=("anna", "bela"))


@contextmanager
def opened(
    kind: str,
    folder: Path,
    clock: QuickClock,
    *,
    call_s: float = 5.0,
    password: str | None = None,
    certificates: Certificates | None = None,
    ca_file: Path | None = None,
) -> Iterator[tuple[AccessSource, Simulator]]:
    """A client and the simulator it talks to."""
    tokens = TokenBook(customer="acme")
    cloud = CloudSimulator(world=world(), tokens=tokens)
    simulator: Simulator = {
        "nitro": lambda: NitroSimulator(world=world()),
        "monitor-ntlm": lambda: MonitorSimulator(world=world()),
        "monitor-cloud": lambda: MonitorSimulator(world=world(), tokens=tokens, prefix="/monitorodata"),
        "cvad": lambda: CvadSimulator(world=world()),
        "cloud-licence": lambda: cloud,
    }[kind]()

    def keep(value: str) -> Callable[[], object]:
        path = folder / "secret"
        path.write_text(password or value)
        path.chmod(0o600)
        return lambda: read_secret(path)

    with serve(simulator, certificates) as url, serve(cloud) as cloud_url:

        def at(path: str = "") -> Endpoint:
            return Endpoint(url=url + path, ca_file=ca_file, call_s=call_s, most_bytes=200_000)

        def bearer() -> CloudBearer:
            endpoint = Endpoint(url=cloud_url, call_s=5)
            secret = keep("cloud-5ecret")
            return CloudBearer(endpoint, customer="acme", client_id="dr-client", secret=secret, clock=clock)  # type: ignore[arg-type]

        if kind == "nitro":
            source = NetScaler("s", "g", [at()], user="drpoll", secret=keep("nitro-Pa55word"), clock=clock)  # type: ignore[arg-type]
        elif kind == "monitor-ntlm":
            users = folder / "users"
            users.write_text("UN:drmon:ntlm-Pa55word\n")
            os.environ["NTLM_USER_FILE"] = str(users)
            account = ("UN\\drmon", keep("ntlm-Pa55word"))
            source = Monitor("s", "nyc", at("/Citrix/Monitor/OData/v4/Data"), clock=clock, ntlm=account)  # type: ignore[arg-type, assignment]
        elif kind == "monitor-cloud":
            source = Monitor("s", "nyc", at("/monitorodata"), clock=clock, bearer=bearer())  # type: ignore[assignment]
        elif kind == "cvad":
            basic = ("UN\\drrest", keep("rest-Pa55word"))
            pools = {"Finance": "finance-nyc"}
            source = Cvad("s", at("/cvad/manage"), pools=pools, licence="ccu", clock=clock, basic=basic)  # type: ignore[arg-type, assignment]
        else:
            source = CloudLicences("s", "ud", at(), bearer=bearer(), clock=clock)  # type: ignore[assignment]
        try:
            yield source, simulator
        finally:
            source.close()
            os.environ.pop("NTLM_USER_FILE", None)


def failure_of(source: AccessSource) -> SourceFailed:
    with pytest.raises(SourceFailed) as caught:
        source.read(NOW - timedelta(hours=1))
    text = shown(caught.value) + repr(source) + repr(vars(source))
    for word in (*SECRETS, "tok-"):
        assert word not in text
    assert caught.value.where
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize("fault", EXPECTED)
@pytest.mark.parametrize("kind", KINDS)
def test_faults_are_typed(kind: str, fault: Fault, tmp_path: Path, clock: QuickClock) -> None:
    call_s = 0.6 if fault in (Fault.SLOW, Fault.SILENT) else 5.0
    with opened(kind, tmp_path, clock, call_s=call_s) as (source, simulator):
        simulator.break_with(fault, PATHS[kind])
        assert failure_of(source).trouble is EXPECTED[fault]


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_fault_it_is_read(kind: str, tmp_path: Path, clock: QuickClock) -> None:
    with opened(kind, tmp_path, clock) as (source, simulator):
        answer = source.read(NOW - timedelta(hours=1))
        assert answer.readings or answer.minutes
        assert [check.found for check in source.checks() if check.trouble] == []
        assert simulator.most_in_flight == 1


@pytest.mark.parametrize("kind", KINDS)
def test_429_is_obeyed_as_long_as_it_says_and_not_for_ever(kind: str, tmp_path: Path, clock: QuickClock) -> None:
    with opened(kind, tmp_path, clock) as (source, simulator):
        simulator.break_with(Fault.RATE_LIMITED, PATHS[kind], times=2, retry_after="7")
        assert source.read(NOW - timedelta(hours=1))
        assert clock.slept == [7.0, 7.0]
        clock.slept.clear()
        simulator.break_with(Fault.RATE_LIMITED, PATHS[kind], retry_after="3600")
        assert failure_of(source).trouble is Trouble.RATE_LIMITED
        assert clock.slept == []


def test_retry_after_may_be_a_date(tmp_path: Path, clock: QuickClock) -> None:
    with opened("cvad", tmp_path, clock) as (source, simulator):
        moment = (datetime.now(UTC) + timedelta(seconds=20)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        simulator.break_with(Fault.RATE_LIMITED, "/Machines", times=1, retry_after=moment)
        source.read(NOW)
        assert len(clock.slept) == 1
        assert 15 < clock.slept[0] <= 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_password_is_tried_once(kind: str, tmp_path: Path, clock: QuickClock) -> None:
    with opened(kind, tmp_path, clock, password="wr0ng-Pa55word") as (source, simulator):
        assert failure_of(source).trouble is Trouble.AUTH
        asked = len(simulator.asked)
        if kind != "monitor-ntlm":  # a site's monitor is read once a round: the round after is held back by the caller
            assert failure_of(source).trouble is Trouble.AUTH
            assert len(simulator.asked) == asked
        checks = source.checks()
        assert {check.trouble for check in checks} == {Trouble.AUTH}


@pytest.mark.parametrize("kind", ["nitro", "monitor-ntlm", "cvad"])
def test_tls_is_verified_with_ones_own_ca(kind: str, tmp_path: Path, clock: QuickClock) -> None:
    certificates = make_certificates(tmp_path)
    with opened(kind, tmp_path, clock, certificates=certificates) as (source, simulator):
        assert failure_of(source).trouble is Trouble.TLS
        assert simulator.asked == []
    with opened(kind, tmp_path, clock, certificates=certificates, ca_file=certificates.ca) as (source, _):
        assert source.read(NOW - timedelta(hours=1))


def test_nobody_there_is_unreachable(tmp_path: Path, clock: QuickClock) -> None:
    path = tmp_path / "secret"
    path.write_text("nitro-Pa55word")
    path.chmod(0o600)
    endpoint = Endpoint(url="http://127.0.0.1:9")
    source = NetScaler("s", "g", [endpoint], user="u", secret=lambda: read_secret(path), clock=clock)
    assert failure_of(source).trouble is Trouble.UNREACHABLE


def test_a_login_has_the_same_faults(tmp_path: Path, clock: QuickClock) -> None:
    path = tmp_path / "secret"
    path.write_text("login-Pa55word")
    path.chmod(0o600)
    for fault, trouble in EXPECTED.items():
        door = FrontDoor(door=Door.NFACTOR, world=World(passwords={"probe": "login-Pa55word"}))
        door.break_with(fault, "/Resources/List")
        with serve(door) as url:
            endpoint = Endpoint(url=url, call_s=0.6 if fault in (Fault.SLOW, Fault.SILENT) else 5, most_bytes=200_000)
            config = LoginConfig(site="nyc", way=Way.GATEWAY_NFACTOR, endpoint=endpoint, store="/Citrix/StoreWeb")
            login = CitrixLogins(config, clock).log_in(Account(user="probe", password_file=str(path)))
        assert login.reading.trouble is trouble, fault
        assert [item.succeeded for item in login.reading.phases] == [True, True, True, False]
        assert door.world.sessions == {}, f"{fault}: a session was left at the gateway"
        assert "login-Pa55word" not in repr(vars(login))
