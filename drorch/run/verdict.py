"""Whether a playbook succeeded. rc 0 alone is not success: a play that matches no host ends with 0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from drorch.plan.model import PlaybookAct
from drorch.run.ports import PlaybookResult, PlaybookStatus


class PlaybookCode(StrEnum):
    """Why a playbook did not succeed. Stable for machines."""

    HOST_NOT_PROCESSED = "host-not-processed"
    UNREACHABLE = "unreachable"
    TASK_FAILED = "task-failed"
    TASK_IGNORED = "task-ignored"
    TIMED_OUT = "timed-out"
    STOPPED = "stopped"
    LOST = "lost"
    RC = "rc"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The judgement of one attempt. ``code`` is None on success; ``reason`` is for people."""

    code: PlaybookCode | None = None
    reason: str = ""

    @property
    def success(self) -> bool:
        """Whether the playbook did all of its work on all of its hosts."""
        return self.code is None


def judge_playbook(act: PlaybookAct, result: PlaybookResult) -> Verdict:
    """Success only if it ended with rc 0, nothing dark, failed or ignored, and every expected host was processed."""
    if result.status is not PlaybookStatus.ENDED:
        return _unfinished(act, result)
    missing = set(act.hosts) - result.processed
    findings = (
        (bool(result.dark), PlaybookCode.UNREACHABLE, f"unreachable: {_names(result.dark)}"),
        (bool(result.failures), PlaybookCode.TASK_FAILED, f"a task failed on {_names(result.failures)}"),
        (bool(result.ignored), PlaybookCode.TASK_IGNORED, f"a failed task was ignored on {_names(result.ignored)}"),
        (result.rc != 0, PlaybookCode.RC, f"{act.playbook} ended with rc {result.rc}"),
        (bool(missing), PlaybookCode.HOST_NOT_PROCESSED, f"{act.playbook} did nothing on {_names(missing)}"),
        (not act.hosts, PlaybookCode.HOST_NOT_PROCESSED, f"{act.playbook} has no expected host"),
    )
    for found, code, reason in findings:
        if found:
            return Verdict(code=code, reason=_with_message(reason, result.message))
    return Verdict()


def _unfinished(act: PlaybookAct, result: PlaybookResult) -> Verdict:
    said = {
        PlaybookStatus.TIMED_OUT: (PlaybookCode.TIMED_OUT, "took longer than its timeout and was ended"),
        PlaybookStatus.STOPPED: (PlaybookCode.STOPPED, "was stopped"),
        PlaybookStatus.LOST: (PlaybookCode.LOST, "is gone and left no result"),
    }
    code, reason = said.get(result.status, (PlaybookCode.LOST, "ended in an unknown way"))
    return Verdict(code=code, reason=_with_message(f"{act.playbook} {reason}", result.message))


def _with_message(reason: str, message: str) -> str:
    return f"{reason}: {message}" if message else reason


def _names(hosts: Iterable[str]) -> str:
    return ", ".join(sorted(hosts))
