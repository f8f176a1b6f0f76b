"""How long the steps of past runs took: what a forecast rests on. Frozen values, seconds from the run's start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

from drorch.core.codec import MICROSECONDS
from drorch.plan.model import ManualAct, PlaybookAct, Step

HISTORY_SCHEMA: Final = 2


def like(step: Step) -> str:
    """What steps are compared by: the playbook, the kind of proof, or the very thing a person does by hand."""
    if isinstance(step.act, ManualAct):
        return step.id
    return step.act.playbook if isinstance(step.act, PlaybookAct) else type(step.act).__name__


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """One attempt that succeeded. ``wait_s``: from the moment it could start to its start, where no limit held it."""

    step: str
    like: str
    start_s: float = field(metadata=MICROSECONDS)
    end_s: float = field(metadata=MICROSECONDS)
    wait_s: float | None = field(metadata=MICROSECONDS)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end_s - self.start_s


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """One run that was completed. ``validated_s``: application to the end of its validation."""

    run: str
    day: date
    kind: str
    steps: tuple[StepTime, ...]
    validated_s: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def recovered_s(self) -> float | None:
        """When the last application was validated; None when none was."""
        return max(self.validated_s.values(), default=None)


@dataclass(frozen=True, kw_only=True)
class Durations:
    """The content of a file of recorded durations; ``about`` says where and when they were measured."""

    schema: Literal[2]
    about: str
    runs: tuple[RunTimes, ...]
