"""The figures are those of the journal and the reports, survive a restart, and are absent when not measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drorch.actions.events import Assigned
from drorch.actions.model import ActionSeverity, Subject, SubjectKind
from drorch.actions.operations import Actions, ByHand
from drorch.core.files import write_whole
from drorch.core.state_folder import run_folder
from drorch.evidence.record.codec import report_from_text, report_to_text
from drorch.evidence.record.model import ApplicationVerdict, Measured
from drorch.metrics.snapshot import Page
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.testing.builders import small_catalog
from drorch.testing.runs import RUN, Scene, done, failed, start, unknown
from drorch.testing.streams import edit_file
from drorch.year.statement import Said

from .state import State, scraped, text_of, values_of

FAILOVER = build_plan(small_catalog(), kind=Kind.FAILOVER, lose="nyc", playbooks_id="sha256:" + "0" * 64)
WITNESS = "nyc/witness"
DRIVER = ev.DriverAttached(host="testhost", pid=1)


def test_values_are_those_of_the_report(recorded: State) -> None:
    value = scraped(recorded.exposition())
    report = json.loads(run_folder(recorded.home, RUN).report("json").read_text(encoding="utf-8"))
    ended = datetime.fromisoformat(report["run"]["ended"]["wall"]).timestamp()
    assert len(report["applications"]) == 3
    for application in report["applications"]:
        labels = {"app": application["id"], "kind": "failover"}
        times = application["recovery_time"]
        measured = times[f"from_{times['counts']}"]
        assert value("app_rto_achieved_seconds", **labels) == measured["seconds"]
        assert value("app_rto_achieved_upper_bound_seconds", **labels) == pytest.approx(
            measured["seconds"] + measured["plus"]
        )
        assert value("app_rto_target_seconds", app=application["id"]) == times["rto_s"]
        point = application["recovery_point"]
        assert value("app_rpo_achieved_seconds", **labels) == point["lost_s"]["seconds"]
        assert value("app_rpo_target_seconds", app=application["id"]) == point["rpo_s"]
        assert value("app_records_lost", **labels) == point["records_lost"]
        assert value("app_verdict", **labels, verdict=application["verdict"]) == 1
        assert value("app_last_test_timestamp_seconds", **labels) == ended
        assert value("app_rto_achieved_timestamp_seconds", **labels) == ended
        assert value("app_last_successful_test_timestamp_seconds", app=application["id"]) == ended
    assert value("last_run_end_timestamp_seconds", kind="failover", outcome="completed") == ended
    assert value("last_run_result", kind="failover", result=report["result"]["overall"]) == 1
    assert value("last_run_applications", kind="failover", verdict="pass") == report["totals"]["passed"]
    assert value("journal_events_total") == report["run"]["journal_events"]
    assert value("app_remote_access_reached", app="archive") == 1
    steps = [value("run_steps_total", act=act, outcome="done") for act in ("playbook", "validate", "witness")]
    assert sum(number or 0 for number in steps) == report["totals"]["steps_done"] == 9


def test_the_catalog_is_counted(state: State) -> None:
    value = scraped(state.exposition())
    assert value("catalog_applications", arrangement="standby", scope="enterprise", tier="1") == 2
    assert value("catalog_claimed_applications", scope="departmental") == 2
    assert value("catalog_names", provenance="attested") == 1
    assert value("catalog_objectives", objective="rto", provenance="synthetic") == 5
    info = {"arrangement": "mirror", "department": "dm", "scope": "enterprise", "site": "brindisi", "tier": "1"}
    assert value("app_info", app="umoja", recovery_site="valencia", **info) == 1
    assert value("apps", tier="4", verdict="no-recovery-site") == 1
    assert value("apps", tier="1", verdict="never-tested") == 3


def test_a_restart_loses_no_series(recorded: State) -> None:
    before, after = recorded.exposition(), recorded.exposition()
    for page in Page:
        old, new = values_of(text_of(before, page)), values_of(text_of(after, page))
        assert old.keys() == new.keys()
        own = {key for key in old if "_refresh_" in key[0]}
        assert {key: old[key] for key in old.keys() - own} == {key: new[key] for key in new.keys() - own}


def test_what_was_never_measured_is_absent(recorded: State) -> None:
    path = run_folder(recorded.home, RUN).report("json")
    report = report_from_text(path.read_bytes())
    first, second, third = report.applications
    blind = replace(
        first,
        verdict=ApplicationVerdict.NOT_MEASURED,
        recovery_time=replace(first.recovery_time, from_disruption=None, from_declaration=None, met=None),
        recovery_point=replace(first.recovery_point, lost_s=None, records_lost=None, met=None),
        observation=replace(first.observation, samples=0),
    )
    lost = Measured(seconds=0.0, plus=0.0, minus=0.0)
    whole = replace(second, recovery_point=replace(second.recovery_point, lost_s=lost, records_lost=0))
    write_whole(path, report_to_text(replace(report, applications=(blind, whole, third))))
    value = scraped(recorded.exposition())
    for name in ("rto_achieved_seconds", "rto_achieved_timestamp_seconds", "rpo_achieved_seconds", "records_lost"):
        assert value(f"app_{name}", app=first.id, kind="failover") is None
        assert value(f"app_{name}", app=second.id, kind="failover") is not None
    assert value("app_rpo_achieved_seconds", app=second.id, kind="failover") == 0
    assert value("app_evidence_timestamp_seconds", app=first.id) is None
    assert value("app_last_successful_test_timestamp_seconds", app=first.id) is None
    assert value("app_last_test_timestamp_seconds", app=first.id, kind="failover") is not None
    assert value("app_rto_achieved_seconds", app="umoja", kind="failover") is None


def test_nothing_is_read_again_until_a_file_changes(recorded: State) -> None:
    exposition = recorded.exposition()
    text_of(exposition, Page.FIXED)
    reads = recorded.journal.reads
    recorded.clock.advance(30)
    before = scraped(exposition)("data_refresh_timestamp_seconds")
    assert recorded.journal.reads == reads
    assert before == recorded.clock.now().wall.timestamp()
    report = run_folder(recorded.home, RUN).report("json")
    report.unlink()
    assert scraped(exposition)("runs_without_report") == 1
    assert recorded.journal.reads > reads
    assert scraped(exposition)("app_rto_achieved_seconds", app="mail", kind="failover") is None


def under_way(state: State, *bodies: ev.Body) -> None:
    """A failover that was started and has come as far as ``bodies`` say."""
    state.keep_plan(FAILOVER)
    Scene(plan=FAILOVER, journal=state.sql, clock=state.clock).create()
    more(state, DRIVER, ev.RunStarted(), *bodies)


def more(state: State, *bodies: ev.Body) -> None:
    """Append events, one second apart."""
    for body in bodies:
        last = state.sql.read(RUN)[-1]
        state.clock.advance(1.0)
        state.sql.append([ev.Event(run=RUN, seq=last.seq + 1, at=state.clock.now(), body=body)])


def test_a_run_in_progress(state: State) -> None:
    declared = state.clock.now().wall.timestamp()
    under_way(state, *done(WITNESS), start("nyc-platform/recover"))
    exposition = state.exposition()
    value = scraped(exposition)
    assert value("runs_active", kind="failover") == 1
    assert value("active_steps", kind="failover", status="running") == 1
    assert value("active_steps", kind="failover", status="done") == 1
    assert value("app_recovery_start_timestamp_seconds", app="mail") == declared
    assert value("app_recovery_start_timestamp_seconds", app="umoja") is None
    assert [value("operator_needed", reason=reason) for reason in ("decision", "interrupted")] == [0, 0]
    state.clock.advance(4)
    back = ("nyc-platform/recover", "directory/start", "directory/validate")
    more(state, ev.StepSucceeded(step=back[0], attempt=1), *done(back[1]), *done(back[2]))
    value = scraped(exposition)
    assert value("app_recovery_start_timestamp_seconds", app="directory") is None
    assert value("app_recovery_start_timestamp_seconds", app="mail") == declared
    assert value("run_step_duration_seconds_count", act="playbook") == 2
    assert value("run_step_duration_seconds_bucket", act="playbook", le="2.0") == 1
    assert value("run_step_duration_seconds_bucket", act="playbook", le="+Inf") == 2


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ((ev.Paused(person="Ana", reason="r"),), "pause"),
        (unknown(WITNESS), "unknown-step"),
        ((*failed(WITNESS), ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r")), "decision"),
    ],
)
def test_what_waits_for_a_person(state: State, bodies: tuple[ev.Body, ...], reason: str) -> None:
    under_way(state, *bodies)
    state.clock.advance(100)
    value = scraped(state.exposition())
    assert value("operator_needed", reason=reason) == 1
    since = value("operator_needed_since_timestamp_seconds", reason=reason)
    assert since is not None
    assert 100 <= state.clock.now().wall.timestamp() - since <= 102
    assert value("app_recovery_start_timestamp_seconds", app="mail") is not None


def test_a_dead_driver_is_noticed_without_any_event(state: State) -> None:
    under_way(state, start(WITNESS))
    exposition = state.exposition()
    assert scraped(exposition)("operator_needed", reason="interrupted") == 0
    state.alive = False
    assert scraped(exposition)("operator_needed", reason="interrupted") == 1
    state.alive = True
    assert scraped(exposition)("operator_needed", reason="interrupted") == 0


def test_a_run_taken_over_by_a_later_one_waits_no_more(state: State) -> None:
    under_way(state, *failed(WITNESS), ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r"))
    assert scraped(state.exposition())("operator_needed", reason="decision") == 1
    later = "20130301-040000-later"
    write_whole(run_folder(state.home, later, must_exist=False).plan, run_folder(state.home, RUN).plan.read_text())
    for event in state.sql.read(RUN)[:-3]:
        state.sql.append([ev.Event(run=later, seq=event.seq, at=state.clock.now(), body=event.body)])
    value = scraped(state.exposition())
    assert value("operator_needed", reason="decision") == 0
    assert value("runs_active", kind="failover") == 1
    assert value("runs_total", kind="failover", outcome="incomplete") == 1


def test_a_decision_takes_an_incomplete_run_up_again(state: State) -> None:
    under_way(state, *failed(WITNESS), ev.RunEnded(outcome=ev.RunOutcome.INCOMPLETE, reason="r"))
    exposition = state.exposition()
    assert scraped(exposition)("runs_active", kind="failover") == 0
    more(state, ev.RetryRequested(step=WITNESS, person="Ana", reason="r"), *done(WITNESS, 2))
    value = scraped(exposition)
    assert value("runs_active", kind="failover") == 1
    assert value("run_step_retries_total", act="witness") == 1
    assert value("run_steps_total", act="witness", outcome="failed") == 1
    assert value("run_steps_total", act="witness", outcome="done") == 1
    assert value("runs_total", kind="failover", outcome="incomplete") == 1
    assert value("run_wait_seconds_total", kind="failover", reason="decision") == 1


def damaged_report(state: State) -> None:
    run_folder(state.home, RUN).report("json").write_text('{"schema": 1, "run": 7}', encoding="utf-8")


def missing_plan(state: State) -> None:
    run_folder(state.home, RUN).plan.unlink()


@pytest.mark.parametrize(("damage", "what"), [(damaged_report, "report"), (missing_plan, "run")])
def test_unreadable_records_are_counted(recorded: State, damage: Callable[[State], None], what: str) -> None:
    damage(recorded)
    value = scraped(recorded.exposition())
    assert value("data_unreadable", what=what) == 1
    assert value("data_refresh_successful") == 1


def test_a_bad_catalog_leaves_the_last_good_one(state: State) -> None:
    exposition = state.exposition()
    assert scraped(exposition)("catalog_load_successful") == 1
    text = state.catalog.read_text(encoding="utf-8")
    state.catalog.write_text(text.replace("depends_on: [umoja]", "depends_on: [nobody]"), encoding="utf-8")
    value = scraped(exposition)
    assert value("catalog_load_successful") == 0
    assert value("app_rto_target_seconds", app="umoja") == 14400
    assert 'severity="error"' in text_of(exposition, Page.FIXED)
    state.catalog.write_text(text + "# mended\n", encoding="utf-8")
    assert scraped(exposition)("catalog_load_successful") == 1
    state.catalog.unlink()
    assert scraped(exposition)("catalog_load_successful") == 0


def test_an_unreadable_journal_leaves_the_last_figures(recorded: State) -> None:
    exposition = recorded.exposition()
    checked = scraped(exposition)("data_refresh_timestamp_seconds")
    recorded.clock.advance(60)
    for ending in ("", "-wal", "-shm"):
        Path(f"{recorded.home / 'store.sqlite'}{ending}").unlink(missing_ok=True)
    (recorded.home / "store.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 50)
    value = scraped(exposition)
    assert value("data_refresh_successful") == 0
    assert value("data_refresh_timestamp_seconds") == checked
    assert value("journal_events_total") is not None
    never = scraped(recorded.exposition())
    assert never("data_refresh_successful") == 0
    assert never("journal_events_total") is None


def test_corrective_actions_are_counted_become_overdue_by_the_day_and_open_again_by_a_run(state: State) -> None:
    exposition = state.exposition()
    assert "drorch_corrective_actions" not in text_of(exposition, Page.FIXED), "without a log nothing is known"
    actions = Actions(state.home, state.store, state.clock)
    who = Said(person="Amina", reason="r")
    subject = Subject(kind=SubjectKind.EXERCISE, id="training/dm")
    actions.open(ByHand(title="Old numbers", severity=ActionSeverity.MAJOR, subjects=(subject,)), who)
    tomorrow = actions.today() + timedelta(days=1)
    actions.assign(Assigned(id="ca-1", owner="Olga", organisation="DM", due=tomorrow), who)
    value = scraped(exposition)
    assert value("corrective_actions", severity="major", status="open") == 1
    assert value("corrective_actions", severity="major", status="overdue") == 0
    state.clock.advance(2 * 86400)
    assert scraped(exposition)("corrective_actions", severity="major", status="overdue") == 1
    edit_file(state.home / "store.sqlite", "actions", 2, "Olga", "Eve")
    exposition = state.exposition()  # of a process that begins now: one that lives has verified what was there before
    assert scraped(exposition)("data_unreadable", what="actions") == 1
    assert "drorch_corrective_actions{" not in text_of(exposition, Page.FIXED), "what cannot be read is not 0"
