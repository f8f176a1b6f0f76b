"""``drorch access doctor``, ``poll`` and ``check`` against a whole simulated installation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from drorch.app import composition
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.interfaces.terminal.access.commands import app
from drorch.testing.citrix.asgi import Fault
from drorch.testing.citrix.installation import Installation, installation

ROOT = Path(__file__).parents[3]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path / "state"))
    shutil.copy(ROOT / "capacity.yaml", tmp_path)
    with installation(tmp_path) as found:
        yield found


def call(*args: str) -> Result:
    result = CliRunner().invoke(app, args)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def data(*args: str) -> Any:
    return json.loads(call(*args, "--json").stdout)


def polled(*args: str) -> dict[str, dict[str, Any]]:
    return {item["source"]: item for item in data("poll", *args)}


def constraints(found: Any) -> dict[tuple[str, str], Any]:
    return {(item["site"], item["constraint"]): item for item in found["constraints"]}


def test_doctor_says_what_works_and_what_is_missing(made: Installation) -> None:
    assert call("doctor").exit_code == 0
    made.nitro[0].forbidden = {"vpnvserver"}
    made.door.second_factor = True
    result = call("doctor", "--json")
    assert result.exit_code == 1
    found = {(name, item["call"]): item for name, items in json.loads(result.stdout).items() for item in items}
    failed = {key: item["trouble"] for key, item in found.items() if item["trouble"]}
    assert failed == {("adc-nyc", "/config/vpnvserver"): "forbidden", ("login-nyc", "login"): "second_factor"}
    assert "command policy" in found["adc-nyc", "/config/vpnvserver"]["found"]
    assert made.nyc.sessions == {}


def test_a_round_then_the_check_shows_what_was_read(made: Installation) -> None:
    first = polled()
    assert {name: item["trouble"] for name, item in first.items()} == dict.fromkeys(first)
    assert first["monitor-nyc"]["minutes"] == 120
    again = polled()
    assert all(item["skipped"].startswith("due in") for item in again.values())
    assert polled("--all")["licence-file"]["skipped"], "licences are never asked early"
    found = data("check")
    rows = constraints(found)
    assert rows["nyc", "gateway_session"]["used"] == 450
    assert rows["nyc", "gateway_session"]["seats"] == 1500
    assert rows["nyc", "vda"]["used"] == 6 * 15 + 14 * 17
    # A machine with 15 sessions at index 3300 carries 15 + ⌊(8000 − 3300) / 220⌋ = 36; one with 17 at 3700: 17 + 19.
    assert rows["nyc", "vda"]["seats"] == 6 * 36 + 14 * 36
    assert rows[None, "license"]["seats"] == 800
    assert {"site": "nyc", "constraint": "vda"} in found["measured"]
    assert {"site": "nyc", "constraint": "bandwidth"} not in found["measured"]
    assert all(item["age_s"] < 300 for item in found["sources"])
    screen = call("check").stdout
    for part in ("measured", "declared", "loss of the site nyc", "no forecast", "Sources", "bottleneck"):
        assert part in screen


def test_what_was_never_read_is_unknown_and_what_is_late_is_not_green(
    made: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = data("check")
    assert {reason["text"] for reason in before["reasons"] if reason["status"] == "unknown"} >= {
        "the source adc-nyc was never read: never asked"
    }
    call("poll")
    later = composition.clock().now().wall + timedelta(minutes=40)

    class Later(type(composition.clock())):  # type: ignore[misc]
        def now(self):  # type: ignore[no-untyped-def]
            found = super().now()
            return type(found)(mono=found.mono + 2400, wall=later)

    monkeypatch.setattr(composition, "clock", Later)
    found = data("check")
    texts = {reason["text"]: reason["status"] for reason in found["reasons"]}
    assert texts["the source adc-nyc was last read 40 min ago"] == "amber"
    assert constraints(found)["nyc", "gateway_session"]["stale"]


def test_a_refused_secret_is_held_back_until_its_file_changes(made: Installation, tmp_path: Path) -> None:
    file = tmp_path / "adc"
    file.write_text("wr0ng-Pa55word")
    assert polled()["adc-nyc"]["trouble"] == "auth"
    asked = len(made.nitro[0].asked)
    held = polled("--all")["adc-nyc"]
    assert "not sent again" in held["skipped"]
    assert call("poll", "--all").exit_code == 1
    assert len(made.nitro[0].asked) == asked
    file.write_text("nitro-Pa55word")
    assert polled("--all")["adc-nyc"]["trouble"] is None


def test_one_broken_source_does_not_hide_the_others(made: Installation) -> None:
    made.rest.break_with(Fault.BROKEN)
    made.monitors[0].break_with(Fault.RATE_LIMITED, retry_after="900")
    found = polled()
    assert (found["rest"]["trouble"], found["monitor-nyc"]["trouble"]) == ("http", "rate_limited")
    assert found["adc-nyc"]["readings"] == 1
    texts = [reason["text"] for reason in data("check")["reasons"] if reason["status"] == "unknown"]
    assert any(text.startswith("the source rest was never read: ") for text in texts)


def test_denials_make_it_red_and_counters_that_begin_anew_are_said(made: Installation) -> None:
    call("poll")
    made.nyc.denied["license"] += 3
    call("poll", "--all")
    found = data("check")
    assert found["turned_away"]["gateway-nyc"]["denials"]["no_license"] == 3
    assert any("turned 3 away" in reason["text"] and reason["status"] == "red" for reason in found["reasons"])
    made.nitro[0].restart("Tue Nov 24 11:00:00 2026")
    call("poll", "--all")
    found = data("check")
    assert found["turned_away"]["gateway-nyc"]["counted_anew"]


def test_grace_and_another_licence_model_than_declared_are_said(made: Installation) -> None:
    made.nyc.licensing_model = "UserDevice"
    call("poll")
    texts = [reason["text"] for reason in data("check")["reasons"]]
    assert any("declared concurrent, and the system says user-or-device" in text for text in texts)


def test_an_old_licence_file_is_old_also_when_it_was_read_now(made: Installation) -> None:
    made.write_licences(at=datetime.now(UTC) - timedelta(days=3))
    call("poll")
    assert constraints(data("check"))[None, "license"]["stale"]


def test_two_rounds_at_once_are_refused(made: Installation) -> None:
    from drorch.access.poll import LOCK
    from drorch.app.settings import home
    from drorch.core.process_lock import process_lock

    with process_lock(home() / LOCK), pytest.raises(Refused, match="under way"):
        call("poll")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("site: nyc", "site: elsewhere", "no site 'elsewhere'"),
        ("http://127.0.0.1", "http://192.0.2.1", "not encrypted"),
        ("secret_file: adc", "secret: hunter2", "secret"),
        ("customer: acme", "client_id: x", "customer"),
    ],
)
def test_wrong_files_are_said_with_their_line(made: Installation, old: str, new: str, told: str) -> None:
    text = made.sources.read_text()
    assert old in text
    if new == "client_id: x":
        made.sources.write_text(text.replace("  customer: acme\n", ""))
    else:
        made.sources.write_text(text.replace(old, new))
    with pytest.raises(InputInvalid) as caught:
        call("poll")
    assert told in str(caught.value)
    assert "access.yaml:" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_source_is_named(made: Installation) -> None:
    with pytest.raises(NotFound, match="adc-nyc"):
        call("poll", "adc-nycc")
