"""What every executor does, the fake and the real ones: see `drorch.run.ports.Executor`."""

from __future__ import annotations

import pytest

from contract.harness import HOST, Case, ExecutorHarness
from drorch.run.ports import Executor, PlaybookRequest, PlaybookResult, PlaybookState, PlaybookStatus

RUN = "20130301-030000-abcd"
ONE = frozenset({HOST})
DEADLINE_S = 60.0


def launched(harness: ExecutorHarness, case: Case, *, ident: str = "a--x.1", timeout_s: float = 50.0) -> Executor:
    """An executor that was asked to run ``case``."""
    executor = harness.executor()
    executor.launch(PlaybookRequest(run=RUN, ident=ident, act=harness.act(case), timeout_s=timeout_s))
    return executor


def result_of(harness: ExecutorHarness, case: Case) -> PlaybookResult:
    """The result of a case that ends by itself."""
    result = launched(harness, case).wait(RUN, "a--x.1", DEADLINE_S)
    assert result is not None
    assert result.ident == "a--x.1"
    return result


def until_running(harness: ExecutorHarness, executor: Executor) -> None:
    """Wait until the ident is under way."""
    deadline = harness.clock.now().mono + DEADLINE_S
    while executor.state(RUN, "a--x.1") is not PlaybookState.RUNNING:
        assert harness.clock.now().mono < deadline
        harness.clock.sleep(0.05)


def test_a_playbook_that_succeeds(executor_factory: ExecutorHarness) -> None:
    result = result_of(executor_factory, Case.OK)
    assert (result.status, result.rc) == (PlaybookStatus.ENDED, 0)
    assert (result.processed, result.dark, result.failures, result.ignored) == (ONE, set(), set(), set())
    assert result.facts["answer"] == 42


def test_a_result_stays_also_for_the_next_process(executor_factory: ExecutorHarness) -> None:
    first = result_of(executor_factory, Case.OK)
    again = executor_factory.executor()
    assert again.state(RUN, "a--x.1") is PlaybookState.ENDED
    assert again.wait(RUN, "a--x.1", 0.0) == first


def test_what_was_never_launched_is_absent(executor_factory: ExecutorHarness) -> None:
    executor = launched(executor_factory, Case.OK, ident="a--x.1")
    assert executor.state(RUN, "a--x.2") is PlaybookState.ABSENT
    assert executor.state("20130301-030000-ffff", "a--x.1") is PlaybookState.ABSENT
    assert executor.wait(RUN, "a--x.1", DEADLINE_S) is not None


def test_an_ident_is_never_performed_twice(executor_factory: ExecutorHarness) -> None:
    result_of(executor_factory, Case.OK)
    executor = launched(executor_factory, Case.OK)
    launched(executor_factory, Case.FAILING)
    result = executor.wait(RUN, "a--x.1", DEADLINE_S)
    assert result is not None
    assert result.rc == 0
    assert executor_factory.times_performed(RUN, "a--x.1") == 1


def test_what_was_given_up_is_never_performed_by_whoever_asks_later(executor_factory: ExecutorHarness) -> None:
    executor = launched(executor_factory, Case.OK, ident="b--x.1")
    assert not executor.give_up(RUN, "b--x.1")
    assert executor.give_up(RUN, "a--x.1")
    assert not executor_factory.executor().give_up(RUN, "a--x.1")
    late = launched(executor_factory, Case.OK, ident="a--x.1")
    assert late.state(RUN, "a--x.1") is PlaybookState.ENDED
    result = late.wait(RUN, "a--x.1", DEADLINE_S)
    assert result is not None
    assert result.status is PlaybookStatus.LOST
    other = executor.wait(RUN, "b--x.1", DEADLINE_S)
    assert other is not None
    assert other.rc == 0
    assert executor_factory.times_performed(RUN, "a--x.1") == 0


def test_a_failed_task_is_a_failure_with_a_message(executor_factory: ExecutorHarness) -> None:
    result = result_of(executor_factory, Case.FAILING)
    assert (result.status, result.failures) == (PlaybookStatus.ENDED, ONE)
    assert result.rc != 0
    assert result.message


def test_an_ignored_failure_is_not_forgotten(executor_factory: ExecutorHarness) -> None:
    result = result_of(executor_factory, Case.IGNORING)
    assert (result.rc, result.ignored, result.processed) == (0, ONE, ONE)


@pytest.mark.needs("ssh")
def test_an_unreachable_host_is_dark(executor_factory: ExecutorHarness) -> None:
    result = result_of(executor_factory, Case.UNREACHABLE)
    assert result.dark == ONE
    assert result.rc != 0


def test_a_play_without_hosts_processes_nobody(executor_factory: ExecutorHarness) -> None:
    result = result_of(executor_factory, Case.NO_HOST)
    assert result.status is PlaybookStatus.ENDED
    assert HOST not in result.processed


def test_a_running_playbook_is_seen_waited_for_and_stopped_by_the_next_process(
    executor_factory: ExecutorHarness,
) -> None:
    until_running(executor_factory, launched(executor_factory, Case.ENDLESS))
    again = executor_factory.executor()
    assert again.state(RUN, "a--x.1") is PlaybookState.RUNNING
    assert again.wait(RUN, "a--x.1", 0.2) is None
    again.stop(RUN, "a--x.1")
    result = again.wait(RUN, "a--x.1", DEADLINE_S)
    assert result is not None
    assert result.status is PlaybookStatus.STOPPED
    assert again.state(RUN, "a--x.1") is PlaybookState.ENDED


def test_stopping_what_has_ended_changes_nothing(executor_factory: ExecutorHarness) -> None:
    first = result_of(executor_factory, Case.OK)
    executor = executor_factory.executor()
    executor.stop(RUN, "a--x.1")
    assert executor.wait(RUN, "a--x.1", 0.0) == first


def test_a_playbook_ends_at_its_timeout_without_anybody_stopping_it(executor_factory: ExecutorHarness) -> None:
    result = launched(executor_factory, Case.ENDLESS, timeout_s=3.0).wait(RUN, "a--x.1", DEADLINE_S)
    assert result is not None
    assert result.status is PlaybookStatus.TIMED_OUT


def test_a_process_that_vanished_is_lost(executor_factory: ExecutorHarness) -> None:
    executor = launched(executor_factory, Case.ENDLESS)
    until_running(executor_factory, executor)
    executor_factory.lose(RUN, "a--x.1")
    result = executor.wait(RUN, "a--x.1", DEADLINE_S)
    assert result is not None
    assert result.status is PlaybookStatus.LOST


@pytest.mark.parametrize("case", [Case.OK, Case.FAILING])
def test_waiting_again_gives_the_same_result(executor_factory: ExecutorHarness, case: Case) -> None:
    first = result_of(executor_factory, case)
    assert executor_factory.executor().wait(RUN, "a--x.1", 0.0) == first
