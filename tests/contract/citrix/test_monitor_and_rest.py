"""Monitor, REST and licences: pages, tokens that expire, rows that repeat, links to elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drorch.access.model import LicenceModel, MachineState
from drorch.access.ports import Denial, LicenceReading, PoolReading, SourceFailed, Trouble
from drorch.adapters.citrix.licences import LicenceFile
from drorch.testing.citrix.cloud import CloudSimulator, CvadSimulator
from drorch.testing.citrix.odata import MonitorSimulator
from drorch.testing.citrix.world import Box

from .conftest import QuickClock
from .test_wire import NOW, opened


@pytest.mark.parametrize("kind", ["monitor-ntlm", "monitor-cloud"])
def test_minutes_are_the_sum_of_the_groups_over_all_pages(kind: str, tmp_path: Path, clock: QuickClock) -> None:
    with opened(kind, tmp_path, clock) as (source, simulator):
        assert isinstance(simulator, MonitorSimulator)
        simulator.page = 3
        simulator.world.failures = [(NOW, 3), (NOW, 3), (NOW, 4), (NOW, 1), (NOW - timedelta(hours=3), 3)]
        answer = source.read(NOW - timedelta(minutes=5))
    assert [(item.minute, item.sessions, item.logons, item.logon_s) for item in answer.minutes] == [
        (NOW - timedelta(minutes=back), 412, 4, 122.0) for back in (5, 4, 3, 2, 1)
    ]
    assert answer.denials == {Denial.NO_CAPACITY: 2, Denial.NO_LICENSE: 1, Denial.CONFIG: 0, Denial.OTHER: 1}
    assert simulator.most_in_flight == 1


def test_a_page_that_lies_elsewhere_is_not_fetched(tmp_path: Path, clock: QuickClock) -> None:
    with opened("monitor-cloud", tmp_path, clock) as (source, simulator):
        assert isinstance(simulator, MonitorSimulator)
        simulator.page, simulator.foreign_link = 1, True
        with pytest.raises(SourceFailed) as caught:
            source.read(NOW - timedelta(hours=1))
    assert caught.value.trouble is Trouble.REDIRECTED
    assert "monitor.invalid" in caught.value.what


def test_pages_that_do_not_end_end(tmp_path: Path, clock: QuickClock) -> None:
    with opened("monitor-cloud", tmp_path, clock) as (source, simulator):
        assert isinstance(simulator, MonitorSimulator)
        simulator.endless = True
        with pytest.raises(SourceFailed, match="do not end"):
            source.read(NOW - timedelta(hours=1))


@pytest.mark.parametrize("kind", ["monitor-cloud", "cvad", "cloud-licence"])
def test_an_expired_token_is_replaced_once(kind: str, tmp_path: Path, clock: QuickClock) -> None:
    with opened(kind, tmp_path, clock) as (source, simulator):
        assert isinstance(simulator, MonitorSimulator | CvadSimulator | CloudSimulator)
        tokens = simulator.tokens
        assert tokens is not None
        source.read(NOW)
        tokens.valid.clear()
        source.read(NOW)
        assert tokens.given == 2
        tokens.refuses_all = True
        with pytest.raises(SourceFailed) as caught:
            source.read(NOW)
        assert caught.value.trouble is Trouble.EXPIRED
        assert tokens.given == 3


def test_machines_by_pool_over_all_pages(tmp_path: Path, clock: QuickClock) -> None:
    with opened("cvad", tmp_path, clock) as (source, simulator):
        assert isinstance(simulator, CvadSimulator)
        simulator.world.boxes += [
            Box(name="x", group="Finance", maintenance=True),
            Box(name="y", group="Finance", registration="Unregistered", power="Off"),
            Box(name="z", group="Finance", registration="Unregistered"),
            Box(name="other", group="Kiosk", sessions=9),
        ]
        pool, licence = source.read(NOW).readings
        assert "Finance: 8, Kiosk: 1" in [check.found for check in source.checks()]
    assert isinstance(pool, PoolReading)
    assert [machine.state for machine in pool.machines] == [
        *[MachineState.REGISTERED] * 5,
        MachineState.MAINTENANCE,
        MachineState.OFF,
        MachineState.UNREGISTERED,
    ]
    assert sum(machine.sessions for machine in pool.machines) == 100
    assert isinstance(licence, LicenceReading)
    assert (licence.in_use, licence.count, licence.grace) == (447, None, False)


def test_an_empty_pool_is_told_as_empty(tmp_path: Path, clock: QuickClock) -> None:
    with opened("cvad", tmp_path, clock) as (source, simulator):
        assert isinstance(simulator, CvadSimulator)
        simulator.world.boxes.clear()
        pool, _ = source.read(NOW).readings
    assert isinstance(pool, PoolReading)
    assert pool.machines == ()


def test_the_licence_file(tmp_path: Path) -> None:
    file = tmp_path / "licences.json"
    at = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    rows = [
        {"PLD": "MPS_ENT_CCU", "Count": 500, "InUseCount": 100, "Overdraft": 50},
        {"PLD": "MPS_ENT_CCU", "Count": 300, "InUseCount": 47},
    ]
    text = json.dumps(
        {"WrittenAt": at.isoformat(), "Pools": [*rows, {"PLD": "XDT_ENT_UD", "Count": 40, "InUseCount": 9}]}
    )
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    source = LicenceFile("l", file, {"MPS_ENT_CCU": "ccu", "XDT_ENT_UD": "ud"})
    ccu, ud = source.read(NOW).readings
    assert isinstance(ccu, LicenceReading)
    assert isinstance(ud, LicenceReading)
    assert (ccu.count, ccu.in_use, ccu.overdraft, ccu.at, ccu.model) == (800, 147, 50, at, LicenceModel.CONCURRENT)
    assert ud.model is LicenceModel.USER_OR_DEVICE
    for content, trouble in ((text[:60], Trouble.PARSE), ("x" * 1_000_001, Trouble.TOO_LARGE)):
        file.write_text(content)
        with pytest.raises(SourceFailed) as caught:
            source.read(NOW)
        assert caught.value.trouble is trouble
    file.unlink()
    with pytest.raises(SourceFailed) as caught:
        source.read(NOW)
    assert caught.value.trouble is Trouble.UNREACHABLE
