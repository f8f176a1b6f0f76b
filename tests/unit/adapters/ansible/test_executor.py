"""The executor over real processes: what it starts, what it says, what it leaves."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drorch.adapters.ansible import AnsibleExecutor
from drorch.adapters.ansible.attempt import AttemptFolder, AttemptRequest
from drorch.adapters.processes import ProcessRef
from drorch.core.errors import InputInvalid, NotFound
from drorch.estate.model import Estate
from drorch.run.ports import PlaybookState, PlaybookStatus

from .conftest import Runner, request_for


def until(condition: Callable[[], object], seconds: float = 30) -> bool:
    """Poll with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_with(text: str) -> list[int]:
    """Living processes with ``text`` as one of their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if text.encode() in arguments and ProcessRef.of(int(entry.name)):
                found.append(int(entry.name))
    return found


def test_a_good_playbook_gives_facts_and_processed_hosts(perform: Runner, tmp_path: Path) -> None:
    result = perform("good.yml", "here", "there", application="umoja")
    assert (result.status, result.rc, result.message) == (PlaybookStatus.ENDED, 0, "")
    assert result.processed == {"here", "there"}
    assert result.facts == {"said": "umoja", "run": "run-1", "step": "app/start"}
    folder = tmp_path / "runs/run-1/playbooks/app--start.1"
    assert "Emit" in (folder / "stdout").read_text()
    assert len(list((folder / "job_events").glob("*.json"))) > 5
    assert not (folder / "runner").exists()


def test_a_pattern_that_matches_no_host_is_visible_as_nothing_processed(perform: Runner) -> None:
    result = perform("elsewhere.yml")
    assert result.rc == 0
    assert result.processed == frozenset()


def test_a_mistyped_host_is_not_processed(perform: Runner) -> None:
    result = perform("good.yml", "here", "thre", application="umoja")
    assert "thre" not in result.processed


def test_an_ignored_failure_is_told(perform: Runner) -> None:
    result = perform("ignoring.yml")
    assert result.rc == 0
    assert result.ignored == {"here"}


@pytest.mark.needs("ssh")
@pytest.mark.parametrize("playbook", ["good.yml", "ignoring_unreachable.yml"])
def test_an_unreachable_host_is_dark_even_when_ignored(perform: Runner, playbook: str) -> None:
    result = perform(playbook, "here", "dead", application="umoja")
    assert result.dark == {"dead"}
    assert result.message.startswith("dead:")


def test_a_failure_has_a_message_for_people(perform: Runner) -> None:
    result = perform("failing.yml")
    assert result.rc == 2
    assert result.failures == {"here"}
    assert "Promote" in result.message
    assert "still in recovery" in result.message


def test_a_playbook_that_cannot_be_read_fails_with_a_reason(perform: Runner) -> None:
    result = perform("broken.yml")
    assert result.rc not in (0, None)
    assert result.processed == frozenset()
    assert result.message


def test_stop_leaves_no_process_of_the_tree(executor: AnsibleExecutor) -> None:
    marker = f"{3600 + os.getpid()}.{time.monotonic_ns()}"
    executor.launch(request_for("long.yml", marker=marker))
    assert until(lambda: processes_with(marker))
    assert executor.state("run-1", "app--start.1") is PlaybookState.RUNNING
    assert executor.wait("run-1", "app--start.1", 0.1) is None
    executor.stop("run-1", "app--start.1")
    assert until(lambda: not processes_with(marker), 5)
    result = executor.wait("run-1", "app--start.1", 1)
    assert result is not None
    assert result.status is PlaybookStatus.STOPPED
    executor.stop("run-1", "app--start.1")
    assert executor.state("run-1", "app--start.1") is PlaybookState.ENDED


def test_the_worker_keeps_the_time_limit_itself(executor: AnsibleExecutor) -> None:
    marker = f"{7200 + os.getpid()}.{time.monotonic_ns()}"
    executor.launch(request_for("long.yml", marker=marker, timeout_s=4))
    result = executor.wait("run-1", "app--start.1", 30)
    assert result is not None
    assert result.status is PlaybookStatus.TIMED_OUT
    assert until(lambda: not processes_with(marker), 5)


def test_a_killed_worker_is_lost_and_its_playbook_ended(executor: AnsibleExecutor, tmp_path: Path) -> None:
    marker = f"{9600 + os.getpid()}.{time.monotonic_ns()}"
    executor.launch(request_for("long.yml", marker=marker))
    folder = AttemptFolder.at(tmp_path / "runs", "run-1", "app--start.1")
    assert until(lambda: folder.playbook() and processes_with(marker))
    worker = folder.worker()
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    result = executor.wait("run-1", "app--start.1", 20)
    assert result is not None
    assert result.status is PlaybookStatus.LOST
    assert until(lambda: not processes_with(marker), 5)
    assert not folder.runner.exists()


def test_launching_twice_runs_once(executor: AnsibleExecutor, playbooks: Path, estate: Estate, tmp_path: Path) -> None:
    log = tmp_path / "log"
    (playbooks / "once.yml").write_text(
        '- hosts: "{{ drorch.hosts }}"\n  tasks:\n'
        "    - name: Write\n"
        f"      ansible.builtin.command: {{argv: [sh, -c, 'echo once >> {log}']}}\n"
    )
    asked = request_for("once.yml")
    threads = [threading.Thread(target=executor.launch, args=(asked,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert executor.wait(asked.run, asked.ident, 60) is not None
    executor.launch(asked)
    AnsibleExecutor(tmp_path / "runs", playbooks, estate, warm=False).launch(asked)
    result = executor.wait(asked.run, asked.ident, 1)
    assert result is not None
    assert result.rc == 0
    assert log.read_text() == "once\n"


def test_another_process_sees_a_playbook_that_goes_on(
    executor: AnsibleExecutor, playbooks: Path, estate: Estate, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    (playbooks / "waits.yml").write_text(
        '- hosts: "{{ drorch.hosts }}"\n  tasks:\n    - name: Wait\n'
        f"      ansible.builtin.wait_for: {{path: '{go}', timeout: 30}}\n"
    )
    asked = request_for("waits.yml")
    executor.launch(asked)
    executor.close()
    after_restart = AnsibleExecutor(tmp_path / "runs", playbooks, estate)
    assert after_restart.state(asked.run, asked.ident) is PlaybookState.RUNNING
    go.touch()
    result = after_restart.wait(asked.run, asked.ident, 30)
    assert result is not None
    assert result.processed == {"here"}


def test_an_attempt_whose_launcher_died_is_lost_and_never_run(executor: AnsibleExecutor, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        asked = AttemptRequest(run="run-1", ident="app--start.1")
        AttemptFolder.at(tmp_path / "runs", asked.run, asked.ident).open(asked)
        os._exit(0)
    os.waitpid(child, 0)
    result = executor.wait("run-1", "app--start.1", 5)
    assert result is not None
    assert result.status is PlaybookStatus.LOST
    folder = AttemptFolder.at(tmp_path / "runs", "run-1", "app--start.1")
    assert not folder.claim(ProcessRef(pid=os.getpid(), started=1))


def test_no_secret_is_in_any_file_of_the_run(
    perform: Runner, tmp_path: Path, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file = Path(estate.pgpass_file)
    result = perform("secret.yml", file=str(secret_file))
    assert result.rc == 0
    assert "pg-secret-0815" not in str(result)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "runs").rglob("*") if file.is_file())
    assert b"Print what must not be kept" in kept
    assert b"pg-secret-0815" not in kept
    assert b"no-log-value-4711" not in kept


def test_nothing_is_inherited_from_the_environment(
    tmp_path: Path, playbooks: Path, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "env-secret-1234")
    with AnsibleExecutor(tmp_path / "runs", playbooks, estate) as executor:
        asked = request_for("secret.yml", file="/dev/null")
        executor.launch(asked)
        result = executor.wait(asked.run, asked.ident, 60)
    assert result is not None
    assert "PATH=" in str(result.facts["said"])
    assert "env-secret-1234" not in str(result)


def test_bad_requests_are_refused_with_a_reason(executor: AnsibleExecutor) -> None:
    with pytest.raises(NotFound, match="no playbook"):
        executor.launch(request_for("missing.yml"))
    with pytest.raises(InputInvalid, match="outside"):
        executor.launch(request_for("../inventory.yml"))
    with pytest.raises(InputInvalid, match="not the name"):
        executor.launch(request_for("good.yml", ident="../x"))
    assert executor.state("run-1", "never") is PlaybookState.ABSENT
    with pytest.raises(NotFound, match="never launched"):
        executor.wait("run-1", "never", 0)
    executor.stop("run-1", "never")


def test_a_dead_warm_parent_is_replaced(tmp_path: Path, playbooks: Path, estate: Estate) -> None:
    with AnsibleExecutor(tmp_path / "runs", playbooks, estate) as executor:
        for number in (1, 2):
            asked = request_for("good.yml", ident=f"app--start.{number}", application="umoja")
            executor.launch(asked)
            result = executor.wait(asked.run, asked.ident, 60)
            assert result is not None
            assert result.rc == 0
            parents = processes_with("drorch.adapters.ansible.warm_server")
            mine = [pid for pid in parents if str(tmp_path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]
            assert len(mine) == 1
            parent = ProcessRef.of(mine[0])
            assert parent is not None
            os.kill(parent.pid, signal.SIGKILL)
            assert until(lambda dead=parent: not dead.is_alive())


def test_closing_leaves_no_process(tmp_path: Path, playbooks: Path, estate: Estate) -> None:
    with AnsibleExecutor(tmp_path / "runs", playbooks, estate) as executor:
        asked = request_for("good.yml", application="umoja")
        executor.launch(asked)
        assert executor.wait(asked.run, asked.ident, 60) is not None
    assert until(lambda: not processes_with(str(tmp_path / "runs" / ".ansible")), 10)


def test_variables_beside_the_inventory_reach_a_playbook(perform: Runner, tmp_path: Path) -> None:
    """From the warm parent too: it once listed the plugins that read them, and Ansible then left them out."""
    variables = tmp_path / "group_vars" / "all.yml"
    variables.parent.mkdir()
    variables.write_text("beside: the inventory\n")
    (tmp_path / "playbooks" / "beside.yml").write_text(
        '- hosts: "{{ drorch.hosts }}"\n'
        "  tasks:\n"
        "    - ansible.builtin.set_stats:\n"
        '        data: {drorch: {said: "{{ beside }}"}}\n'
    )
    assert perform("beside.yml", "here").facts == {"said": "the inventory"}
