"""A machine that cannot look at a playbook for a while neither ends it nor calls it failed."""

from __future__ import annotations

import errno

import pytest

from drorch.run.events import RunOutcome, StepSucceeded
from drorch.run.ports import PlaybookResult
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import RUN, Scene


def test_playbook_goes_on_while_it_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(plan=make_plan([playbook_step("a/act", timeout_s=600.0)])).create()
    wait, troubles, stopped = scene.executor.wait, [errno.EMFILE, errno.EIO, errno.ENOSPC], list[str]()

    def troubled(run: str, ident: str, timeout_s: float) -> PlaybookResult | None:
        if troubles:
            raise OSError(troubles.pop(), "made to fail")
        return wait(run, ident, timeout_s)

    monkeypatch.setattr(scene.executor, "wait", troubled)
    monkeypatch.setattr(scene.executor, "stop", lambda run, ident: stopped.append(ident))
    assert scene.drive() is RunOutcome.COMPLETED
    assert troubles == []
    assert stopped == []
    assert sum(isinstance(event.body, StepSucceeded) for event in scene.journal.read(RUN)) == 1
