"""Without pseudo terminals no playbook runs: said before a run starts, with what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from drorch.adapters.ansible import executor
from drorch.adapters.ansible.terminals import check_terminals
from drorch.core.errors import Broken

from .conftest import Runner


def none_left() -> tuple[int, int]:
    """As in a container without /dev/pts."""
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def test_one_is_opened_and_closed() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    check_terminals()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_where_there_is_none_nothing_is_begun(monkeypatch: pytest.MonkeyPatch, perform: Runner) -> None:
    with pytest.raises(Broken) as told:
        check_terminals(none_left)
    assert "no pseudo terminal" in told.value.what
    assert "devpts" in str(told.value.next_step)
    monkeypatch.setattr(executor, "check_terminals", lambda: check_terminals(none_left))
    made = executor.AnsibleExecutor.__new__(executor.AnsibleExecutor)
    with pytest.raises(Broken):
        made.__enter__()
