"""Errors, named by what the operator should do next.

    DrorchError
     ├─ InputInvalid       correct the input named in `where`, call again        exit 2
     ├─ NotFound           name an existing thing                                exit 2
     ├─ Refused            an interlock or a missing approval said no            exit 3
     ├─ OperatorNeeded     a person has to decide before the run can go on       exit 4
     └─ Broken             drorch itself or its machine failed; see the text     exit 5
         ├─ ProviderFailed   the identity provider failed; use another way in    exit 5
         ├─ StoreAway        the event store does not answer now; try again      exit 5
         └─ JournalConflict  another driver writes this run; stop this one       exit 3

The exit codes are the CLI's contract (docs/operate.md). Every error says what is wrong, where, and what to do next.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a drorch process says when it ends."""

    OK = 0
    OBJECTIVES_MISSED = 1
    BAD_INPUT = 2
    REFUSED = 3
    WAITING = 4
    BROKEN = 5


class DrorchError(Exception):
    """Base of all errors that are shown to people without a traceback."""

    exit_code = ExitCode.BROKEN

    def __init__(self, what: str, *, where: str | None = None, next_step: str | None = None) -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  next: {self.next_step}" if self.next_step else text


class InputInvalid(DrorchError):
    """The input has to be corrected before the call can be repeated."""

    exit_code = ExitCode.BAD_INPUT


class NotFound(InputInvalid):
    """The named thing does not exist."""


class Refused(DrorchError):
    """An interlock or a missing approval refused a dangerous act. Nothing was changed."""

    exit_code = ExitCode.REFUSED


class OperatorNeeded(DrorchError):
    """The run waits for a decision by a person."""

    exit_code = ExitCode.WAITING


class Broken(DrorchError):
    """drorch itself, or the machine under it, failed."""


class JournalConflict(Broken):
    """Another driver appended to this run: this one must stop without acting."""

    exit_code = ExitCode.REFUSED


class StoreAway(Broken):
    """The event store does not answer now. Nothing is lost; the same call may work later."""


class ProviderFailed(Broken):
    """An identity provider cannot be reached, or answered something that cannot be believed."""
