"""A driver in a process of its own, for faults that only a process can have: ``HOME STEPS [FAULT N]``.

``limit``: no file may grow beyond N bytes. ``freeze``: it stands still once event N is written, before it acts on it;
N = 0: the last one. ``tell``: playbooks take a moment, and HOME/reached is made once event N is written.

Playbooks are files made exclusively in HOME/attempts, so that performing one twice would show.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from stores import store_at

from drorch.adapters.clock import SystemClock
from drorch.core.errors import DrorchError
from drorch.core.patient import Patience, PatientStore
from drorch.run.driver import Driver
from drorch.run.events import Event, RunEnded
from drorch.run.journal import RunJournal
from drorch.run.ports import Executor, PlaybookRequest, PlaybookResult, PlaybookState, PlaybookStatus
from drorch.testing.fakes import FakeObserver
from drorch.testing.plans import layered_plan
from drorch.testing.runs import RUN


class FolderExecutor(Executor):
    """Each attempt is a file in a folder; all succeed at once. Several processes may share the folder."""

    def __init__(self, folder: Path, takes_s: float = 0.0) -> None:
        self._folder, self._takes_s = folder, takes_s
        folder.mkdir(exist_ok=True)

    def launch(self, request: PlaybookRequest) -> None:
        """See the port."""
        # Whole or not at all, also when this process is frozen in the middle.
        draft = self._folder.with_name(f"draft-{os.getpid()}-{request.ident}")
        draft.write_text(request.act.hosts[0], encoding="utf-8")
        with suppress(FileExistsError):
            os.link(draft, self._folder / request.ident)

    def state(self, run: str, ident: str) -> PlaybookState:
        """See the port."""
        return PlaybookState.ENDED if (self._folder / ident).exists() else PlaybookState.ABSENT

    def wait(self, run: str, ident: str, timeout_s: float) -> PlaybookResult | None:
        """See the port."""
        time.sleep(self._takes_s)
        host = frozenset({f"host-{ident.partition('--')[0]}"})
        nobody: frozenset[str] = frozenset()
        performed = (self._folder / ident).stat().st_size > 0
        return PlaybookResult(
            ident=ident,
            status=PlaybookStatus.ENDED if performed else PlaybookStatus.LOST,
            rc=0 if performed else None,
            processed=host,
            dark=nobody,
            failures=nobody,
            ignored=nobody,
            changed=nobody,
        )

    def give_up(self, run: str, ident: str) -> bool:
        """See the port. An empty file: not performed."""
        with suppress(FileExistsError), (self._folder / ident).open("x"):
            return True
        return False

    def stop(self, run: str, ident: str) -> None:
        """See the port."""


def driver_at(home: Path, steps: int, *, patience_s: float = 60.0) -> Driver:
    """A driver of the one run in ``home``."""
    clock = SystemClock()
    patience = Patience(clock, limit_s=patience_s, on_wait=tell_wait, pause_s=0.2)
    store = PatientStore(store_at(home, min(5.0, patience_s)), patience)
    return Driver(
        journal=RunJournal(store),
        waits=patience.take_waits,
        executor=FolderExecutor(home / "attempts"),
        observer=FakeObserver(),
        clock=clock,
        plan=layered_plan(steps, width=10),
        run=RUN,
        poll_s=0.05,
    )


def tell_wait(seconds: float, why: str) -> None:
    """Said on standard error, as the command does."""
    sys.stderr.write(f"waits {seconds:.1f} s: {why}\n")
    sys.stderr.flush()


def main(home: Path, steps: int, fault: str = "", number: int = 0) -> int:
    """Drive; the exit code is the one of the ``drorch`` command."""
    driver = driver_at(home, steps)

    def freeze(event: Event) -> None:
        if event.seq == number or (number == 0 and isinstance(event.body, RunEnded)):
            os.kill(os.getpid(), signal.SIGSTOP)

    def tell(event: Event) -> None:
        if event.seq == number:
            (home / "reached").touch()

    if fault == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
    elif fault == "freeze":
        driver.on_event = freeze
    elif fault == "tell":
        driver.on_event, driver.executor = tell, FolderExecutor(home / "attempts", takes_s=0.3)
    try:
        sys.stdout.write(f"{driver.drive()}\n")
    except DrorchError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4], *map(int, sys.argv[4:5])))
