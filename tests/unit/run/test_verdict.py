"""rc 0 alone is not success. Each false green is red with its own code."""

from dataclasses import replace

import pytest

from drorch.plan.model import PlaybookAct
from drorch.run.ports import PlaybookResult, PlaybookStatus
from drorch.run.verdict import PlaybookCode, judge_playbook

ACT = PlaybookAct(playbook="m/recover.yml", hosts=("db-1", "db-2"))
GOOD = PlaybookResult(
    ident="i",
    status=PlaybookStatus.ENDED,
    rc=0,
    processed=frozenset({"db-1", "db-2"}),
    dark=frozenset(),
    failures=frozenset(),
    ignored=frozenset(),
    changed=frozenset(),
)
NONE = frozenset[str]()
ONE = frozenset({"db-1"})


def test_all_hosts_processed_and_nothing_wrong_is_success() -> None:
    assert judge_playbook(ACT, GOOD).success
    assert judge_playbook(ACT, replace(GOOD, processed=GOOD.processed | {"localhost"})).success


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"processed": NONE}, PlaybookCode.HOST_NOT_PROCESSED, "db-1, db-2"),
        ({"processed": ONE}, PlaybookCode.HOST_NOT_PROCESSED, "db-2"),
        ({"dark": ONE, "rc": 4, "processed": NONE}, PlaybookCode.UNREACHABLE, "db-1"),
        ({"dark": ONE}, PlaybookCode.UNREACHABLE, "db-1"),
        ({"failures": ONE, "rc": 2}, PlaybookCode.TASK_FAILED, "db-1"),
        ({"failures": ONE}, PlaybookCode.TASK_FAILED, "db-1"),
        ({"ignored": ONE}, PlaybookCode.TASK_IGNORED, "db-1"),
        ({"rc": 1}, PlaybookCode.RC, "rc 1"),
        ({"rc": None}, PlaybookCode.RC, "rc None"),
        ({"rc": 1, "processed": NONE}, PlaybookCode.RC, "rc 1"),
        ({"status": PlaybookStatus.TIMED_OUT}, PlaybookCode.TIMED_OUT, "timeout"),
        ({"status": PlaybookStatus.STOPPED}, PlaybookCode.STOPPED, "stopped"),
        ({"status": PlaybookStatus.LOST}, PlaybookCode.LOST, "no result"),
    ],
)
def test_anything_less_is_not(change: dict[str, object], code: PlaybookCode, said: str) -> None:
    verdict = judge_playbook(ACT, replace(GOOD, message="the first message", **change))  # type: ignore[arg-type]
    assert verdict.code is code
    assert not verdict.success
    assert said in verdict.reason
    assert verdict.reason.endswith(": the first message")


def test_an_act_that_expects_no_host_proves_nothing() -> None:
    assert judge_playbook(replace(ACT, hosts=()), GOOD).code is PlaybookCode.HOST_NOT_PROCESSED
