"""NetScaler: numbers as text or not, unlimited, pairs, sessions that end, counters that begin anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from drorch.access.ports import Denial, GatewayReading, SourceFailed, Trouble
from drorch.adapters.citrix.nitro import NetScaler
from drorch.adapters.citrix.wire import Endpoint
from drorch.testing.citrix.nitro import NO_LIMIT, NitroSimulator
from drorch.testing.citrix.server import serve
from drorch.testing.citrix.world import Box, World

from .conftest import QuickClock

NOW = datetime.now(UTC)
Secrets = Callable[[str], Callable[[], object]]


@contextmanager
def gateway(secret: Secrets, clock: QuickClock, *nodes: NitroSimulator, session: bool = False) -> Iterator[NetScaler]:
    with ExitStack() as stack:
        endpoints = [Endpoint(url=stack.enter_context(serve(node)), call_s=5) for node in nodes]
        word = secret("nitro-Pa55word")
        made = NetScaler("adc", "gw", endpoints, user="drpoll", secret=word, clock=clock, session=session)  # type: ignore[arg-type]
        try:
            yield made
        finally:
            made.close()


def reading_of(source: NetScaler) -> GatewayReading:
    (found,) = source.read(NOW).readings
    assert isinstance(found, GatewayReading)
    return found


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("as_object", [True, False])
@pytest.mark.parametrize("session", [True, False])
def test_the_same_reading_however_it_is_told(
    secret: Secrets, clock: QuickClock, as_text: bool, as_object: bool, session: bool
) -> None:
    world = World(others=("anna", "bela", "cleo"), boxes=[Box(name="v", group="f", sessions=2)], max_users=1500)
    node = NitroSimulator(world=world, as_text=as_text, as_object=as_object)
    with gateway(secret, clock, node, session=session) as source:
        found = reading_of(source)
    assert (found.sessions, found.ica_only, found.max_users, found.throughput_mbit_s) == (3, True, 1500, 200)
    assert found.denials == {
        Denial.NO_LICENSE: 0,
        Denial.ICA_LICENSE: 0,
        Denial.STA: 2,
        Denial.CONFIG: 0,
        Denial.AUTH: 877,
    }
    assert found.lease_until == (datetime.now(UTC) + timedelta(days=546)).date()
    assert node.tokens == set(), "a session was left at the appliance"
    assert ("POST /nitro/v1/config/login" in node.asked) is session


@pytest.mark.parametrize(
    ("of_server", "of_gateway", "expected"), [(0, NO_LIMIT, math.inf), (0, 900, 900), (50, 900, 50)]
)
def test_unlimited_is_0_or_4294967295(
    secret: Secrets, clock: QuickClock, of_server: int, of_gateway: int, expected: float
) -> None:
    node = NitroSimulator(world=World(max_users=of_server), max_users=of_gateway)
    with gateway(secret, clock, node) as source:
        assert reading_of(source).max_users == expected


def test_no_licence_at_all_is_no_unlimited_one(secret: Secrets, clock: QuickClock) -> None:
    class Bare(NitroSimulator):
        def _rows(self, path, request):  # type: ignore[no-untyped-def]
            if path == "/config/nslicense":
                return [{"sslvpn": False, "f_ica_users": 0, "f_sslvpn_users": 0, "modelid": "4 vCPUs"}]
            return super()._rows(path, request)

    with gateway(secret, clock, Bare(lease_days=0)) as source:
        found = reading_of(source)
    assert (found.max_users, found.concurrent_licences, found.throughput_mbit_s) == (0, 0, None)
    assert found.lease_until == datetime.now(UTC).date(), "a lease of 0 days has ended"


def test_of_a_pair_only_the_primary_counts_also_after_a_switch(secret: Secrets, clock: QuickClock) -> None:
    first, second = NitroSimulator(world=World(others=("anna",))), NitroSimulator(primary=False)
    with gateway(secret, clock, first, second) as source:
        before = reading_of(source)
        first.primary, second.primary = False, True
        second.world.others = ("bela", "cleo")
        second.restart("Tue Nov 24 10:00:00 2026")
        after = reading_of(source)
    assert (before.sessions, after.sessions) == (1, 2)
    assert before.counting_since != after.counting_since
    assert after.denials[Denial.AUTH] == 0
    assert not any("/stat/vpn" in call for call in second.asked[: second.asked.index("GET /nitro/v1/stat/hanode") + 1])


def test_a_pair_of_which_one_node_is_gone(secret: Secrets, clock: QuickClock) -> None:
    with gateway(secret, clock, NitroSimulator(world=World(others=("anna",)))) as source:
        url = source._wires[0]._endpoint.url
        endpoints = [Endpoint(url="http://127.0.0.1:9", call_s=2), Endpoint(url=url)]
        word = secret("nitro-Pa55word")
        pair = NetScaler("adc", "gw", endpoints, user="drpoll", secret=word, clock=clock)  # type: ignore[arg-type]
        assert reading_of(pair).sessions == 1
        pair.close()


@pytest.mark.parametrize(("first", "second"), [(True, True), (False, False)])
def test_two_primaries_or_none_are_not_guessed_between(
    secret: Secrets, clock: QuickClock, first: bool, second: bool
) -> None:
    with (
        gateway(secret, clock, NitroSimulator(primary=first), NitroSimulator(primary=second)) as source,
        pytest.raises(SourceFailed) as caught,
    ):
        source.read(NOW)
    assert "primary" in caught.value.what


def test_a_session_that_ended_is_opened_once_more(secret: Secrets, clock: QuickClock) -> None:
    node = NitroSimulator()
    with gateway(secret, clock, node, session=True) as source:
        source.read(NOW)
        node.expire()
        assert reading_of(source).sessions == 0
        assert node.asked.count("POST /nitro/v1/config/login") == 2
        node.error = (444, "Session expired")
        with pytest.raises(SourceFailed) as caught:
            source.read(NOW)
        assert caught.value.trouble is Trouble.EXPIRED
        assert node.asked.count("POST /nitro/v1/config/login") == 3


@pytest.mark.parametrize(
    ("code", "trouble"),
    [(354, Trouble.AUTH), (355, Trouble.AUTH), (1027, Trouble.EXPIRED), (258, Trouble.MISSING), (2138, Trouble.HTTP)],
)
def test_error_codes(secret: Secrets, clock: QuickClock, code: int, trouble: Trouble) -> None:
    node = NitroSimulator(error=(code, "says the appliance"))
    with gateway(secret, clock, node) as source:
        with pytest.raises(SourceFailed) as caught:
            source.read(NOW)
        asked = len(node.asked)
        if trouble is Trouble.AUTH:
            with pytest.raises(SourceFailed):
                source.read(NOW)
            assert len(node.asked) == asked, "a refused password was sent again"
    assert caught.value.trouble is trouble


def test_what_a_missing_right_takes_away(secret: Secrets, clock: QuickClock) -> None:
    node = NitroSimulator(forbidden={"nslaslicense", "system", "vpnvserver"})
    with gateway(secret, clock, node) as source:
        with pytest.raises(SourceFailed) as caught:
            source.read(NOW)
        assert caught.value.trouble is Trouble.FORBIDDEN
        failed = {check.call: check.trouble for check in source.checks() if check.trouble}
        assert failed == dict.fromkeys(
            ("/config/vpnvserver", "/config/nslaslicense", "/stat/system"), Trouble.FORBIDDEN
        )
        node.forbidden.discard("vpnvserver")
        assert reading_of(source).lease_until is not None, "without the lease the licence's own end counts"
