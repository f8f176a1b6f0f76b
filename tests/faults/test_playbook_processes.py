"""Processes of a real playbook are killed, or stopped with the run: the run says so, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml
from contract.ansible_harness import AnsibleHarness
from contract.harness import HOST, Case

from drorch.adapters.ansible.attempt import AttemptFolder
from drorch.adapters.processes import ProcessRef, children
from drorch.core.errors import OperatorNeeded
from drorch.plan.model import Kind, Plan, PlaybookAct, Repeat
from drorch.run import events as ev
from drorch.run.driver import Driver
from drorch.run.events import RunOutcome
from drorch.run.ports import PlaybookRequest, PlaybookStatus
from drorch.run.progress import StepStatus
from drorch.run.recorder import Recorder
from drorch.run.state import RunState, fold
from drorch.testing.builders import small_step
from drorch.testing.fakes import FakeObserver, MemoryInbox, MemoryJournal
from drorch.testing.plans import make_plan
from drorch.testing.runs import RUN, created

IDENT = "a--act.1"
DEADLINE_S = 60.0


class Playing:
    """A run of one step whose playbook does not end by itself, driven in a thread."""

    def __init__(self, folder: Path) -> None:
        self.harness = AnsibleHarness(folder)
        act = self.harness.act(Case.ENDLESS)
        self.plan: Plan = make_plan([small_step("a/act", act=act, repeat=Repeat.NEVER)], kind=Kind.READINESS)
        assert act.hosts == (HOST,)
        self.journal, self.inbox = MemoryJournal(), MemoryInbox()
        Recorder.create(self.journal, self.harness.clock, self.plan, RUN, created(self.plan))
        self.executor = self.harness.executor()
        self.attempt = AttemptFolder.at(folder / "runs", RUN, IDENT)
        self._ended: Future[RunOutcome] = Future()
        threading.Thread(target=self._drive, daemon=True).start()

    def _drive(self) -> None:
        driver = Driver(
            journal=self.journal,
            executor=self.executor,
            observer=FakeObserver(),
            clock=self.harness.clock,
            plan=self.plan,
            run=RUN,
            inbox=self.inbox,
            poll_s=0.1,
        )
        try:
            self._ended.set_result(driver.drive())
        except BaseException as error:
            self._ended.set_exception(error)

    def outcome(self) -> RunOutcome:
        """How the run ended, or what the driver raised."""
        return self._ended.result(DEADLINE_S)

    @property
    def state(self) -> RunState:
        """The state as the journal has it."""
        return fold(self.plan, self.journal.read(RUN))

    def tree(self) -> list[ProcessRef]:
        """Worker, ansible-playbook, its task workers and what the task started, once the task runs."""
        deadline = self.harness.clock.now().mono + DEADLINE_S
        while self.harness.clock.now().mono < deadline:
            worker = self.attempt.worker()
            found = [] if worker is None else [worker, *below(worker)]
            begun = any(command_of(process).startswith("sleep 600") for process in found)
            if begun and self.attempt.playbook() in found:
                return found
            self.harness.clock.sleep(0.05)
        raise AssertionError("the playbook did not begin its task")

    def wait_until_gone(self, processes: list[ProcessRef]) -> None:
        """Fails the test when one of them does not end."""
        deadline = self.harness.clock.now().mono + DEADLINE_S
        while alive := [command_of(process) for process in processes if process.is_alive()]:
            assert self.harness.clock.now().mono < deadline, f"still there: {alive}"
            self.harness.clock.sleep(0.05)


def below(root: ProcessRef) -> list[ProcessRef]:
    """Every process under this one."""
    direct = children(root.pid)
    return [*direct, *(process for child in direct for process in below(child))]


def command_of(process: ProcessRef) -> str:
    """Its command line; empty when it has ended."""
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[Playing]:
    """The run, under way."""
    made = Playing(tmp_path)
    yield made
    made.harness.close()


def assert_unknown_and_asked_for(playing: Playing) -> None:
    """The step may not be repeated by itself: a person is asked, and nothing was performed again."""
    with pytest.raises(OperatorNeeded, match="nobody can tell"):
        playing.outcome()
    assert playing.state.steps["a/act"].status is StepStatus.UNKNOWN
    assert [path.name for path in playing.attempt.path.parent.iterdir()] == [IDENT]


def test_the_worker_of_a_playbook_is_killed(playing: Playing) -> None:
    tree = playing.tree()
    assert len(tree) >= 3
    os.kill(tree[0].pid, signal.SIGKILL)
    assert_unknown_and_asked_for(playing)
    playing.wait_until_gone(tree)


def test_the_worker_is_killed_when_its_playbook_has_just_begun(playing: Playing) -> None:
    deadline = playing.harness.clock.now().mono + DEADLINE_S
    while (playbook := playing.attempt.playbook()) is None:
        assert playing.harness.clock.now().mono < deadline
    worker = playing.attempt.worker()
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert_unknown_and_asked_for(playing)
    playing.wait_until_gone([worker, playbook])


def test_ansible_playbook_is_killed(playing: Playing) -> None:
    tree = playing.tree()
    playbook = playing.attempt.playbook()
    assert playbook in tree
    os.kill(playbook.pid, signal.SIGKILL)
    assert_unknown_and_asked_for(playing)
    playing.wait_until_gone(tree)


def test_stop_leaves_no_process_of_the_playbook(playing: Playing) -> None:
    tree = playing.tree()
    playing.inbox.put(RUN, ev.StopRequested(person="Olga", reason="enough"))
    assert playing.outcome() is RunOutcome.STOPPED
    playing.wait_until_gone(tree)
    stands = playing.state.steps["a/act"]
    assert (stands.status, stands.code) == (StepStatus.FAILED, "stopped")


def test_the_driver_leaves_and_another_one_stops_the_same_playbook(playing: Playing) -> None:
    """Drivers are not the parents of playbooks: what one started the next one can end."""
    tree = playing.tree()
    second = Driver(
        journal=playing.journal,
        executor=playing.harness.executor(),
        observer=FakeObserver(),
        clock=playing.harness.clock,
        plan=playing.plan,
        run=RUN,
        inbox=MemoryInbox(),
        poll_s=0.1,
    )
    second.inbox.put(RUN, ev.StopRequested(person="Olga", reason="enough"))
    assert second.drive() is RunOutcome.STOPPED
    playing.wait_until_gone(tree)


def test_what_a_playbook_started_to_stay_stays(tmp_path: Path) -> None:
    """Only what is under way is ended with a playbook: a server that a task started goes on."""
    harness = AnsibleHarness(tmp_path)
    noted = tmp_path / "server.pid"
    leave = f"setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $! > {noted}"
    play = [{"hosts": HOST, "tasks": [{"ansible.builtin.raw": leave}]}]
    (tmp_path / "playbooks" / "leave.yml").write_text(yaml.safe_dump(play))
    executor = harness.executor()
    act = PlaybookAct(playbook="leave.yml", hosts=(HOST,))
    executor.launch(PlaybookRequest(run=RUN, ident=IDENT, act=act, timeout_s=50))
    try:
        result = executor.wait(RUN, IDENT, DEADLINE_S)
        assert result is not None
        assert (result.status, result.rc) == (PlaybookStatus.ENDED, 0)
        worker = AttemptFolder.at(tmp_path / "runs", RUN, IDENT).worker()
        deadline = harness.clock.now().mono + DEADLINE_S
        while worker is not None and worker.is_alive():
            assert harness.clock.now().mono < deadline
            harness.clock.sleep(0.02)
        left = ProcessRef.of(int(noted.read_text()))
        assert left is not None
        os.kill(left.pid, signal.SIGKILL)
    finally:
        harness.close()
