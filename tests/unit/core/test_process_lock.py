"""One process at a time: see `drorch.core.process_lock`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drorch.core.errors import Broken
from drorch.core.process_lock import process_lock

HOLD = """
import sys
from pathlib import Path
from drorch.core.process_lock import process_lock
with process_lock(Path(sys.argv[1])) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


def test_of_two_processes_one_holds_it_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    with process_lock(path) as ours:
        assert not ours
    child.kill()
    child.communicate(timeout=30)
    with process_lock(path) as ours, process_lock(path) as again:
        assert ours
        assert not again
    with process_lock(path, wait=True) as ours:
        assert ours


def test_a_lock_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Broken, match="lock cannot be made"), process_lock(tmp_path / "file" / "lock"):
        pass
