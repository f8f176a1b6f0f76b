"""What a run left different is accepted behind its end, and changes nothing else about the run."""

import pytest

from drorch.core.errors import InputInvalid
from drorch.plan.codec import plan_id
from drorch.run import events as ev
from drorch.run.codec import body_from_json, body_to_json, kind_of
from drorch.run.state import IllegalEvent, fold, objection
from drorch.run.waits import time_shares
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import approvals, created, done, events_of, failed, started

PLAN = make_plan([playbook_step("a/x")])
BODY = ev.DifferenceAccepted(code="role-changed", subject="finance@nyc", person="Grace", reason="known")
COMPLETED = ev.RunEnded(outcome=ev.RunOutcome.COMPLETED, reason="all done")
INCOMPLETE = ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="a/x failed")


@pytest.mark.parametrize(("how", "end"), [(done, COMPLETED), (failed, INCOMPLETE)])
def test_it_comes_behind_the_end_and_leaves_the_run_ended(how, end) -> None:
    state = started(PLAN, *how("a/x"), end, BODY, BODY)
    assert state.ended == end
    assert state.steps == started(PLAN, *how("a/x"), end).steps


def test_it_cannot_come_while_the_run_goes_on() -> None:
    with pytest.raises(IllegalEvent, match="has not ended"):
        started(PLAN, *done("a/x"), BODY)


def test_a_run_that_was_refused_left_nothing() -> None:
    refused = [created(PLAN), *approvals(PLAN), ev.RunEnded(outcome=ev.RunOutcome.REFUSED, reason="no")]
    assert objection(fold(PLAN, events_of(*refused)), BODY) == "the run has not started: it left nothing different"


def test_it_keeps_its_fields_in_the_journal_and_takes_no_others() -> None:
    assert kind_of(BODY) == "difference-accepted"
    assert body_from_json("difference-accepted", body_to_json(BODY)) == BODY
    with pytest.raises(InputInvalid, match="unknown field 'plan'"):
        body_from_json("difference-accepted", {**body_to_json(BODY), "plan": plan_id(PLAN)})


def test_the_time_until_it_is_not_time_of_the_run() -> None:
    bodies = [created(PLAN), *approvals(PLAN), ev.RunStarted(), *done("a/x"), COMPLETED]
    assert time_shares(events_of(*bodies, BODY)) == time_shares(events_of(*bodies))
