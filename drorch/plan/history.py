"""How long the steps of past runs took: what a forecast rests on. Frozen values, seconds from the run's start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from drorch.core.errors import InputInvalid
from drorch.plan.model import ManualAct, PlaybookAct, Step

HISTORY_SCHEMA = 1


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
    start_s: float
    end_s: float
    wait_s: float | None

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


def history_to_json(runs: Sequence[RunTimes], *, about: str) -> dict[str, object]:
    """Plain data; ``about`` says where and when it was measured."""
    return {
        "schema": HISTORY_SCHEMA,
        "about": about,
        "runs": [
            {
                "run": run.run,
                "day": run.day.isoformat(),
                "kind": run.kind,
                "validated_s": {name: round(seconds, 3) for name, seconds in run.validated_s.items()},
                "steps": [
                    [item.step, item.like, round(item.start_s, 3), round(item.end_s, 3),
                     None if item.wait_s is None else round(item.wait_s, 3)]
                    for item in run.steps
                ],
            }
            for run in runs
        ],
    }  # fmt: skip


def history_from_json(data: object, source: str) -> tuple[RunTimes, ...]:
    """Inverse of :func:`history_to_json`. InputInvalid naming ``source`` when it is none."""
    try:
        if not isinstance(data, dict) or data["schema"] != HISTORY_SCHEMA:
            raise ValueError("another schema")
        return tuple(_run(run) for run in data["runs"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is not a file of recorded durations: {type(error).__name__}: {error}"
        raise InputInvalid(
            what, where=source, next_step="name a file that 'plan forecast --save-records' wrote"
        ) from None


def _run(data: Mapping[str, object]) -> RunTimes:
    steps, validated = data["steps"], data["validated_s"]
    if not isinstance(steps, list) or not isinstance(validated, dict):
        raise TypeError("steps and validated_s")
    return RunTimes(
        run=str(data["run"]),
        day=date.fromisoformat(str(data["day"])),
        kind=str(data["kind"]),
        steps=tuple(
            StepTime(step=str(step), like=str(kind), start_s=float(start), end_s=float(end),
                     wait_s=None if wait is None else float(wait))
            for step, kind, start, end, wait in steps
        ),
        validated_s=MappingProxyType({str(name): float(seconds) for name, seconds in validated.items()}),
    )  # fmt: skip
