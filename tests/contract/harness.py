"""What the executor suite needs of an adapter under test. Each adapter gives one harness in ``conftest.py``."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from drorch.core.clock import Clock
from drorch.plan.model import PlaybookAct
from drorch.run.ports import Executor
from drorch.testing.clock import HandClock
from drorch.testing.fakes import ENDLESS, Ending, FakeExecutor

HOST = "contract-host"
"""The one host of every case."""


class Case(StrEnum):
    """Playbooks the suite runs; each plays on `HOST` unless said otherwise."""

    OK = "ok"
    """Succeeds and emits the drorch fact ``answer: 42``."""
    FAILING = "failing"
    """A task fails."""
    IGNORING = "ignoring"
    """A task fails and is ignored; the play goes on and ends with rc 0."""
    UNREACHABLE = "unreachable"
    """The host cannot be reached."""
    NO_HOST = "no-host"
    """The play's host pattern matches nothing."""
    ENDLESS = "endless"
    """Does not end by itself within a minute."""


class ExecutorHarness(Protocol):
    """An adapter with its playbooks."""

    clock: Clock

    def act(self, case: Case) -> PlaybookAct:
        """The act of a case; its ``hosts`` is always ``(HOST,)``."""
        ...

    def executor(self) -> Executor:
        """A new executor over the same artifacts, as after a restart of drorch."""
        ...

    def times_performed(self, run: str, ident: str) -> int:
        """How often the playbook was really started."""
        ...

    def lose(self, run: str, ident: str) -> None:
        """Make the running process vanish without a result."""
        ...

    def close(self) -> None:
        """End everything that was started."""
        ...


class FakeHarness:
    """The fake at the port."""

    def __init__(self) -> None:
        self.clock: HandClock = HandClock()
        one = frozenset({HOST})
        endings = {
            Case.OK: Ending(facts={"answer": 42}),
            Case.FAILING: Ending(rc=2, failures=one, message="it failed"),
            Case.IGNORING: Ending(ignored=one),
            Case.UNREACHABLE: Ending(rc=4, dark=one, missing=one),
            Case.NO_HOST: Ending(missing=one),
            Case.ENDLESS: ENDLESS,
        }
        self._fake = FakeExecutor(self.clock, {f"{case}.yml": ending for case, ending in endings.items()})

    def act(self, case: Case) -> PlaybookAct:
        return PlaybookAct(playbook=f"{case}.yml", hosts=(HOST,))

    def executor(self) -> Executor:
        return self._fake

    def times_performed(self, run: str, ident: str) -> int:
        return self._fake.performed.count(ident)

    def lose(self, run: str, ident: str) -> None:
        self._fake.lose(run, ident)

    def close(self) -> None:
        pass
