"""A second process that outlives the one that holds a ramp: when that one dies, it logs off what was left logged on.

It knows the sessions from a pipe and keeps them in memory only. The end of the pipe, by a kill as well, is its signal.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from drorch.core.errors import Broken

END_S = 120.0
"""Longest time for logging off what is left."""


class WardenProcess:
    """See the port `drorch.access.denial_test.driver.Warden`. The holder's end of the pipe."""

    def __init__(self, home: Path, test: str, sources: Path, way: str) -> None:
        """``sources`` and ``way`` as for the ramp of the test. Broken when it cannot be started."""
        words = (str(home), test, str(sources.absolute()), way)
        command = [sys.executable, "-m", "drorch.app.warden_process", *words]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                text=True,
            )
        except OSError as error:
            what = f"the process that logs off after a crash cannot be started: {error.strerror}"
            raise Broken(what, where=test, next_step="free memory or processes, then start the test") from error

    def holds(self, account: int, ticket: Mapping[str, object]) -> None:
        """This account is logged on. Broken when nobody is there to know."""
        self._tell({"on": account, "ticket": ticket})

    def released(self, account: int) -> None:
        """This account was logged off."""
        with contextlib.suppress(Broken):
            self._tell({"off": account})

    def close(self) -> None:
        """Nothing more comes: it logs off what it still knows, and ends."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_S)

    def _tell(self, what: Mapping[str, object]) -> None:
        try:
            if self._process.stdin is None:
                raise OSError
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise Broken(
                "the process that logs off after a crash is gone",
                next_step="look at memory and processes; the test stops and logs everybody off",
            ) from None
