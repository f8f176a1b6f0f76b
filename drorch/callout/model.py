"""Frozen values of a call-out exercise: people, the call tree, its rules. Addresses never show in a repr.

Durations are seconds. Nothing here is written to a report: see :mod:`drorch.callout.result`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Protocol


class Channel(StrEnum):
    """The way a message goes."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Cascade(StrEnum):
    """Who is called when."""

    LEVELS = "levels"
    """A person is called once the one above has acknowledged, is covered by a deputy, or is given up."""
    PARALLEL = "parallel"
    """Everybody at once."""


class Shown(StrEnum):
    """How much a report says about single people. Addresses are never in it."""

    NAMES = "names"
    ROLES = "roles"
    TOTALS = "totals"


class Encryption(StrEnum):
    """How the connection to the mail server is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"
    """Only to a server on this machine."""


class CallKind(StrEnum):
    """Why somebody is called."""

    OWN = "own"
    """As a member of the tree: these are the ones expected."""
    DEPUTY = "deputy"
    """In place of somebody who did not answer."""
    ESCALATION = "escalation"
    """To be told that somebody could not be reached."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may be called. ``called_by`` None: the head of a department, or only a deputy."""

    id: str
    name: str
    role: str
    department: str
    called_by: str | None = None
    deputies: tuple[str, ...] = ()
    addresses: Mapping[Channel, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """The tree of one department: its head, and who is told when somebody cannot be reached."""

    department: str
    head: str
    escalation: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules of the exercise. Every wait and every repetition has an end."""

    cascade: Cascade = Cascade.LEVELS
    attempts: int = 3
    """Messages to one person for one reason, per channel."""
    retry_after_s: float = 300.0
    deputy_after_s: float = 600.0
    ends_after_s: float = 3600.0
    needed_share: float = 1.0
    """Share of those expected that has to be reached or covered; below it the exercise has failed."""
    shown: Shown = Shown.ROLES


@dataclass(frozen=True, kw_only=True)
class Smtp:
    """The mail server. ``password_file`` names a file that only its owner can read."""

    host: str
    port: int
    encryption: Encryption
    sender: str
    user: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    timeout_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class CallTree:
    """The file ``callout.yaml`` as understood."""

    id: str
    title: str
    link_base: str
    policy: Policy
    branches: tuple[Branch, ...]
    people: tuple[Person, ...]
    smtp: Smtp | None = None
    webhook_timeout_s: float = 10.0
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    source: str | None = None

    @cached_property
    def person(self) -> Mapping[str, Person]:
        """People by id."""
        return MappingProxyType({item.id: item for item in self.people})

    def branch(self, department: str) -> Branch | None:
        """The tree of a department; None when it has none."""
        return next((item for item in self.branches if item.department == department), None)

    def members(self, department: str) -> tuple[Person, ...]:
        """Those expected: the head and everybody called from there, level by level, in the order of the file."""
        branch = self.branch(department)
        found: dict[str, Person] = {}
        level = [item for item in self.people if branch and item.id == branch.head]
        while level:
            found.update({item.id: item for item in level})
            above = {item.id for item in level}
            level = [item for item in self.people if item.called_by in above and item.id not in found]
        return tuple(found.values())

    def addresses(self, departments: Iterable[str]) -> frozenset[tuple[Channel, str]]:
        """Every address that an exercise of these departments may write to: the adapters refuse all others."""
        wanted: set[str] = set()
        for department in departments:
            branch = self.branch(department)
            for member in self.members(department):
                wanted |= {member.id, *member.deputies}
            wanted |= set(branch.escalation) if branch else set()
        return frozenset(pair for name in wanted if name in self.person for pair in self.person[name].addresses.items())


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to one address. Its link and its address are not for any log."""

    channel: Channel
    address: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    link: str = field(repr=False)
    reference: str
    """``<exercise>/<number>``: tells a repeated message from another one."""


class Sending(StrEnum):
    """How sending a message ended."""

    SENT = "sent"
    """Taken by the server. Whether anybody read it is shown by an acknowledgement only."""
    NOT_SENT = "not-sent"
    UNKNOWN = "unknown"
    """Nobody knows: no answer in time, or drorch died between intention and end. It may have gone out."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What the adapter says about one message. ``why`` names no address."""

    sending: Sending
    why: str = ""


class Notifier(Protocol):
    """The port that messages go out through, one per channel. The real ones are in ``drorch.adapters.notify``."""

    def send(self, message: Message) -> Delivery:
        """Send one message, within the adapter's timeouts.

        Refused, before anything is opened, when the address is not one the notifier was made for. Everything else that
        goes wrong is said in the answer, which names no address.
        """
        ...
