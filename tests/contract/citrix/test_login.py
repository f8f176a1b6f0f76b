"""Synthetic logins: each way in, and each place where one has to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drorch.access.ports import Account, Trouble
from drorch.access.sources import Way
from drorch.adapters.citrix.login import CitrixLogins, Login, LoginConfig
from drorch.adapters.citrix.wire import Endpoint
from drorch.testing.citrix.front import Door, FrontDoor
from drorch.testing.citrix.server import serve
from drorch.testing.citrix.world import World

from .conftest import QuickClock

DOORS = list(Door)
Files = Callable[[str], Path]


def front(door: Door, **switches: object) -> FrontDoor:
    return FrontDoor(door=door, world=World(passwords={"probe": "login-Pa55word"}), **switches)  # type: ignore[arg-type]


def log_in(door: FrontDoor, file: Path, clock: QuickClock, *, leave: bool = True, **config: object) -> Login:
    with serve(door) as url:
        way = Way(door.door.value)
        made = LoginConfig(site="nyc", way=way, endpoint=Endpoint(url=url, call_s=5), store=door.store, **config)  # type: ignore[arg-type]
        login = CitrixLogins(made, clock).log_in(Account(user="probe", password_file=str(file)))
        if leave:
            login.log_off()
    return login


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("reissue", [True, False])
def test_all_phases_and_out_again(door: Door, reissue: bool, secret_file: Files, clock: QuickClock) -> None:
    there = front(door, reissue=reissue)
    login = log_in(there, secret_file("login-Pa55word"), clock, launch="Mail", expect=3)
    assert login.reading.succeeded, login.detail
    assert {item.phase for item in login.reading.phases} >= {"password", "store", "resources", "launch"}
    assert login.resources == {"Desktop", "Mail", "Accounts"}
    assert login.log_off()
    assert there.logged_off == 1
    assert there.world.sessions == {}


@pytest.mark.parametrize("door", DOORS)
def test_a_refused_password_is_sent_once(door: Door, secret_file: Files, clock: QuickClock) -> None:
    there = front(door)
    login = log_in(there, secret_file("wr0ng-Pa55word"), clock)
    assert login.reading.trouble is Trouble.AUTH
    assert there.world.tries == {"probe": 1}
    assert "wr0ng-Pa55word" not in login.detail + repr(login.reading)


@pytest.mark.parametrize("door", DOORS)
def test_it_stops_at_a_second_factor(door: Door, secret_file: Files, clock: QuickClock) -> None:
    there = front(door, second_factor=True)
    login = log_in(there, secret_file("login-Pa55word"), clock)
    assert login.reading.trouble is Trouble.SECOND_FACTOR
    assert not login.reading.succeeded
    assert there.world.tries == {"probe": 1}
    assert there.world.sessions == {}


@pytest.mark.parametrize("door", [Door.STOREFRONT, Door.NFACTOR])
def test_an_expired_password_is_not_filled_into_the_form_that_changes_it(
    door: Door, secret_file: Files, clock: QuickClock
) -> None:
    there = front(door, expired_password=True)
    login = log_in(there, secret_file("login-Pa55word"), clock)
    assert login.reading.trouble is Trouble.AUTH
    assert "expired" in login.detail
    assert there.world.tries == {}


@pytest.mark.parametrize("door", [Door.CLASSIC, Door.NFACTOR])
def test_a_full_gateway_is_not_a_success(door: Door, secret_file: Files, clock: QuickClock) -> None:
    there = front(door)
    there.world.max_users, there.world.others = 1, ("anna",)
    login = log_in(there, secret_file("login-Pa55word"), clock)
    assert login.reading.trouble is not None
    assert there.world.denied["license"] == 1


@pytest.mark.parametrize(
    ("launches", "trouble"), [(["failure"], Trouble.HTTP), (["retry"], Trouble.TIMEOUT), (["success"], None)]
)
def test_launch(launches: list[str], trouble: Trouble | None, secret_file: Files, clock: QuickClock) -> None:
    there = front(Door.NFACTOR, launches=launches)
    login = log_in(there, secret_file("login-Pa55word"), clock, launch="Desktop")
    assert login.reading.trouble is trouble
    assert there.world.sessions == {}


def test_fewer_resources_than_expected(secret_file: Files, clock: QuickClock) -> None:
    there = front(Door.STOREFRONT)
    login = log_in(there, secret_file("login-Pa55word"), clock, expect=4)
    assert login.reading.trouble is Trouble.MISSING
    assert there.logged_off == 1


def test_a_held_session_stays_until_it_is_logged_off(secret_file: Files, clock: QuickClock) -> None:
    there = front(Door.CLASSIC)
    file = secret_file("login-Pa55word")
    with serve(there) as url:
        made = LoginConfig(site="nyc", way=Way.GATEWAY_CLASSIC, endpoint=Endpoint(url=url, call_s=5), store=there.store)
        login = CitrixLogins(made, clock).log_in(Account(user="probe", password_file=str(file)))
        assert list(there.world.sessions.values()) == ["probe"]
        assert login.log_off()
        assert login.log_off()
    assert there.logged_off == 1


def test_a_secret_that_others_can_read_is_not_used(secret_file: Files, clock: QuickClock) -> None:
    file = secret_file("login-Pa55word")
    file.chmod(0o644)
    there = front(Door.STOREFRONT)
    login = log_in(there, file, clock)
    assert login.reading.trouble is Trouble.AUTH
    assert there.world.tries == {}
