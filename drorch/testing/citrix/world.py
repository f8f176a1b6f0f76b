"""What all simulators of one installation look at: accounts, sessions, limits, machines, minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Box:
    """One machine with desktops."""

    name: str
    group: str
    zone: str = "Primary"
    sessions: int = 0
    load_index: int = 0
    registration: str = "Registered"
    maintenance: bool = False
    power: str = "On"


@dataclass
class World:
    """One installation. Changed by the simulators and by tests."""

    passwords: dict[str, str] = field(default_factory=dict)
    resources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Published names by user; others get ``everybody``."""
    everybody: tuple[str, ...] = ("Desktop", "Mail", "Accounts")
    sessions: dict[str, str] = field(default_factory=dict)
    """Gateway session to user."""
    max_users: int = 0
    """0: no limit here."""
    refused: set[str] = field(default_factory=set)
    """Users whose password was refused, to be seen once each."""
    tries: Counter[str] = field(default_factory=Counter)
    """Passwords tried, by user."""
    denied: dict[str, int] = field(default_factory=lambda: {"license": 0, "ica": 0, "sta": 2, "auth": 877})
    others: tuple[str, ...] = ()
    """Users who are logged on besides."""
    boxes: list[Box] = field(default_factory=list)
    minutes: dict[datetime, dict[str, int]] = field(default_factory=dict)
    """Concurrent sessions by minute and delivery group."""
    failures: list[tuple[datetime, int]] = field(default_factory=list)
    licences: tuple[int, int] = (447, 800)
    licensing_model: str = "Concurrent"
    fail_login: Callable[[str, int], bool] = lambda _user, _number: False
    """Whether the store fails this login (user, how many logins so far)."""
    logins: int = 0

    @property
    def logged_on(self) -> tuple[str, ...]:
        """Everybody at the gateway."""
        return (*self.sessions.values(), *self.others)

    @property
    def desktops(self) -> int:
        """Sessions on machines."""
        return sum(box.sessions for box in self.boxes)

    @property
    def full(self) -> bool:
        """Whether the gateway takes nobody more."""
        return self.max_users != 0 and len(self.logged_on) >= self.max_users
