"""What an engineer does at 03:00, each act by command on the real lab, and the report that shows it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from drorch.lab.daemons.databases import connect
from drorch.lab.daemons.supervisor import ask
from drorch.plan.model import Kind
from drorch.run import events as ev
from tests.acceptance.conftest import wait_until
from tests.acceptance.control_room import ADA, GRACE, HENRY, Room, room_in
from tests.acceptance.test_baseline import point

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(400)]
GROUP, MIRROR = "nyc-platform", "brindisi-enterprise"
WHY = ("--reason", "seen with my own eyes")
BY_ADA, BY_GRACE = ("--by", ADA, *WHY), ("--by", GRACE, *WHY)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One lab for all; each test leaves it as it was."""
    yield from room_in(tmp_path_factory.mktemp("room"))


def goes_home(room: Room, lost: str) -> str:
    """A failback without anything in its way."""
    run = room.prepares(Kind.FAILBACK, lose=lost)
    with room.driving(run, code=0):
        pass
    return run


def files_of_drills(room: Room) -> list[str]:
    """Everything that lies where drills make their copies, on every node."""
    folders = [room.lab.topology.drill_data_folder(node).parent for node in room.lab.topology.nodes]
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))


def stream(room: Room, group: str = GROUP, site: str = "nyc") -> list[tuple[object, ...]]:
    """Who receives the log of the primary and since when: a connection made anew is another row."""
    with connect(room.lab.topology, room.lab.topology.node(group, site)) as primary:
        return primary.execute(
            "SELECT pid, backend_start, application_name, state FROM pg_stat_replication"
            " WHERE application_name <> 'pg_basebackup'"
        ).fetchall()


def test_a_plan_is_prepared_approved_by_its_hash_and_a_step_done_by_hand_is_signed_off(room: Room) -> None:
    before = room.lab.status()
    run = room.prepares(Kind.SWITCHOVER, lose="brindisi", approve=(), more=("--approval-deadline", "10m"))
    told = room.types("run", "watch", run)
    assert f"waits for somebody other than {ADA}, since" in told
    assert "approval within 600 s" in told
    (need,) = [need for need in room.needs(run) if need["what"] == "approval within 600 s"]
    assert isinstance(need["seconds"], float)
    assert need["seconds"] > 0

    # Not by its operator, not another plan, not a hash that is none.
    plan = room.hash_of(run)
    for code, person, what in ((3, ADA, plan), (3, GRACE, "0" * 12), (2, GRACE, "plan")):
        room.types("run", "approve", run, "--by", person, "--plan", what, *WHY, code=code)
    assert not any(isinstance(body, ev.Approved) for body in room.bodies(run))

    room.lab.break_("app-stuck", "reports")
    with room.driving(run, code=1):
        wait_until(lambda: bool(room.watch(run)["driven"]), what="a driver")
        assert not any(isinstance(body, ev.RunStarted | ev.StepStarted) for body in room.bodies(run))
        room.types("run", "approve", run, "--by", GRACE, "--plan", plan, *WHY)
        room.waits(run, ev.StepFailed, step="reports/start")
    assert room.outcome(run) == "incomplete"
    told = room.types("run", "watch", run)
    assert f"waits for {ADA}, since" in told
    assert "reports/start: it failed" in told
    assert "blocks 1" in told

    # Ada does by hand what the playbook could not, and signs it off with what she saw.
    room.lab.heal("app-stuck", "reports")
    answer = ask(room.lab.topology.control_socket("valencia"), "PUT", "/applications/reports", {"state": "started"})
    assert isinstance(answer, dict)
    assert answer["writable"] is True
    point(room.lab, "reports", "valencia")
    protocol = room.desk.folder / "by hand.txt"
    protocol.write_text("started by hand at 03:12, name changed by hand\n")
    room.types("run", "resolve", run, "reports/start", *BY_ADA, "--evidence", str(protocol), "--attach")
    assert room.outcome(run) == "completed"
    assert ("done by hand", "reports/start", ADA) in room.decisions(run)
    (kept,) = (room.desk.home / "runs" / run / "evidence").iterdir()
    assert kept.read_bytes() == protocol.read_bytes()
    (signed,) = [body for body in room.bodies(run) if isinstance(body, ev.StepResolved)]
    assert kept.name in signed.evidence
    assert "sha256:" in signed.evidence
    facts = room.report(run)["run"]
    assert isinstance(facts, dict)
    assert [approval["person"] for approval in facts["approvals"]] == [GRACE]
    shares = room.report(run)["time_share"]
    assert isinstance(shares, dict)
    assert {wait["what"] for wait in shares["waits"]} >= {"approval", "decision"}
    text = room.report_text(run)
    assert f"{ADA} done by hand reports/start: seen with my own eyes" in text
    assert room.served("umoja", "reports") == dict.fromkeys(("umoja", "reports"), (("valencia",), {"valencia"}))

    # The way home, with a pause in it and a step that is performed again.
    home = room.prepares(Kind.FAILBACK, lose="brindisi")
    room.lab.break_("app-stuck", "umoja")
    with room.driving(home, code=1):
        room.waits(home, ev.StepStarted, step=f"{MIRROR}/return")
        room.types("run", "pause", home, *BY_GRACE)
        room.waits(home, ev.Paused)
        room.waits(home, ev.StepSucceeded, step=f"{MIRROR}/return", what="the end of what was under way")
        (need,) = room.needs(home)
        assert need["what"] == f"paused by {GRACE}: seen with my own eyes"
        assert need["who"] == ADA
        room.types("run", "resume", home, "--by", ADA, *WHY)
        room.waits(home, ev.StepFailed, step="umoja/start")
    bodies = room.bodies(home)
    paused, resumed = (
        next(place for place, body in enumerate(bodies) if isinstance(body, kind)) for kind in (ev.Paused, ev.Resumed)
    )
    assert not any(isinstance(body, ev.StepStarted) for body in bodies[paused:resumed])
    room.lab.heal("app-stuck", "umoja")
    room.types("run", "retry", home, "umoja/start", *BY_ADA, "--attach")
    assert room.outcome(home) == "completed"
    assert [act[:2] for act in room.decisions(home)] == [("pause", None), ("resume", None), ("retry", "umoja/start")]
    steps = {step["id"]: step for step in room.report(home)["steps"]}  # type: ignore[attr-defined]
    assert [attempt["outcome"] for attempt in steps["umoja/start"]["attempts"]] == ["failed", "done"]
    assert "WAITED FOR PEOPLE" in room.report_text(home)
    wait_until(lambda: room.lab.status() == before, what="the lab as it was before")


def test_an_approval_that_does_not_come_in_time_refuses_the_run(room: Room) -> None:
    before = room.lab.status()
    run = room.prepares(Kind.DRILL, lose="nyc", approve=(), more=("--approval-deadline", "1s"))
    with room.driving(run, code=3):
        pass
    assert room.outcome(run) == "refused"
    assert not any(isinstance(body, ev.StepStarted) for body in room.bodies(run))
    late = room.types("run", "approve", run, "--by", GRACE, "--plan", room.hash_of(run), *WHY, code=3)
    assert "the deadline for the approval has passed" in late
    assert "approval-deadline: the plan was not approved within 1 s" in room.report_text(run)
    assert room.lab.status() == before


def test_a_step_is_skipped_and_what_was_done_is_undone(room: Room) -> None:
    before = room.lab.status()
    room.lab.break_("app-stuck", "mail")
    room.lab.break_("site", "nyc")
    run = room.prepares(Kind.FAILOVER, lose="nyc")
    with room.driving(run, code=1):
        pass
    assert [need["step"] for need in room.needs(run)] == ["mail/start"]
    # The loss itself is never waved through, and a step that is done needs no risk taken.
    room.types("run", "skip", run, "nyc/witness", *BY_ADA, code=3)
    room.types("run", "skip", run, "directory/start", *BY_ADA, code=3)
    room.types("run", "skip", run, "mail/start", *BY_ADA)
    room.types("run", "skip", run, "mail/validate", *BY_ADA, "--attach", code=1)
    assert room.outcome(run) == "completed"
    assert room.decisions(run) == [("skip", "mail/start", ADA), ("skip", "mail/validate", ADA)]
    steps = {step["id"]: step["outcome"] for step in room.report(run)["steps"]}  # type: ignore[attr-defined]
    assert (steps["mail/start"], steps["mail/validate"], steps["directory/validate"]) == ("skipped", "skipped", "done")
    verdicts = {app["id"]: app["verdict"] for app in room.report(run)["applications"]}  # type: ignore[attr-defined]
    assert "pass" not in verdicts.values(), "nobody watched before the loss, and mail was never proved"
    assert f"{ADA} skip mail/start: seen with my own eyes" in room.report_text(run)

    # Undone is what was done and can be undone, dependents first: not the mail that never started, not the promotion.
    assert room.served("directory", "mobile-office")["directory"][0] == ("piscataway",)
    room.types("run", "undo", run, *BY_ADA, "--attach", code=1)
    assert room.outcome(run) == "undone"
    undone = [body.step for body in room.bodies(run) if isinstance(body, ev.UndoSucceeded)]
    assert sorted(undone) == ["directory/start", "mobile-office/start"]
    assert undone[-1] == "directory/start", "the others need it"
    assert [started for started, _ in room.served("directory", "mail", "mobile-office").values()] == [(), (), ()]
    assert "undo" in {act for act, _, _ in room.decisions(run)}
    text = room.report_text(run)
    assert "UNDONE" in text
    assert "directory/start undone" in text

    # An ended run is not undone twice; a new run brings everything home.
    room.types("run", "undo", run, *BY_ADA, code=3)
    room.lab.heal("site", "nyc")
    room.lab.heal("app-stuck", "mail")
    point(room.lab, "mail", "piscataway")
    recovered = room.prepares(Kind.FAILBACK, lose="nyc")
    started = {
        app: ask(room.lab.topology.control_socket("piscataway"), "PUT", f"/applications/{app}", {"state": "started"})
        for app in ("directory", "mail", "mobile-office")
    }
    assert all(isinstance(answer, dict) and answer["writable"] for answer in started.values())
    with room.driving(recovered, code=0):
        pass
    wait_until(lambda: room.lab.status() == before, what="the lab as it was before")


def test_a_drill_is_stopped_and_cleaned_up_twice_and_nothing_else_is_touched(room: Room) -> None:
    before, protection = room.lab.status(), stream(room)
    kept = room.lab.topology.drill_data_folder(room.lab.topology.node(GROUP, "piscataway")).with_name("notes")
    kept.write_text("not made by any drill\n")
    files = files_of_drills(room)
    try:
        run = room.prepares(Kind.DRILL, lose="nyc")
        with room.driving(run, code=1):
            room.waits(run, ev.StepSucceeded, step=f"{GROUP}/drill")
            room.types("run", "stop", run, *BY_GRACE)
        assert room.outcome(run) == "stopped"
        assert room.decisions(run) == [("stop", None, GRACE)]
        left = room.report(run)["baseline"]
        assert isinstance(left, dict)
        assert f"drill-copy-left/{GROUP}@piscataway" in {found["name"] for found in left["differences"]}
        assert files_of_drills(room) != files
        assert "not clean" in room.report_text(run)
        for _ in ("once", "and once more, when nothing is left"):
            room.types("run", "cleanup", run, *BY_ADA, "--attach", code=1)
            assert room.outcome(run) == "cleaned-up"
            assert_nothing_left(room, run)
            assert files_of_drills(room) == files
        assert [act for act, _, _ in room.decisions(run)] == ["stop", "clean up", "clean up"]
        assert kept.read_text() == "not made by any drill\n"
        assert stream(room) == protection, "replication was never interrupted, not even for a moment"
        assert room.lab.status() == before
    finally:
        kept.unlink()


def assert_nothing_left(room: Room, run: str) -> None:
    """The report says that all is as it was, and that the standby received all the time."""
    report = room.report(run)
    left, protection = report["baseline"], report["protection"]
    assert isinstance(left, dict)
    assert isinstance(protection, list)
    assert (left["clean"], left["differences"]) == (True, [])
    assert [found["gaps"] for found in protection] == [[]]


def test_what_a_drill_left_is_accepted_by_name(room: Room) -> None:
    planted = room.lab.topology.drill_data_folder(room.lab.topology.node(GROUP, "piscataway"))
    planted.mkdir(mode=0o755)
    try:
        run = room.prepares(Kind.DRILL, lose="nyc")
        with room.driving(run, code=1):
            pass
        name = f"drill-copy-left/{GROUP}@piscataway"
        journal = room.journal_bytes()
        room.types("run", "accept-difference", run, "drill-copy-left/other", *BY_GRACE, code=2)
        room.types("run", "accept-difference", run, name, "--by", GRACE, "--reason", " ", code=2)
        assert room.journal_bytes() == journal
        assert f"accepted: {name}" in room.types("run", "accept-difference", run, name, *BY_GRACE)
        room.types("run", "accept-difference", run, name, *BY_GRACE, code=3)
    finally:
        assert list(planted.iterdir()) == [], "what the drill did not make was not touched"
        planted.rmdir()
    assert ("accept difference", None, GRACE) in room.decisions(run)
    assert f"accepted by {GRACE}: seen with my own eyes" in room.report_text(run)


def test_two_persons_take_the_risk_of_a_lag(room: Room) -> None:
    before = room.lab.status()
    node = room.lab.topology.node(MIRROR, "valencia")
    set_replay(room, "pause")
    try:
        run = room.prepares(Kind.SWITCHOVER, lose="brindisi")
        with room.driving(run, code=1):
            pass
        check = f"{MIRROR}/check"
        (need,) = room.needs(run)
        assert need["step"] == check
        assert "did not arrive within 2 s" in str(need["what"])
        assert room.served("umoja")["umoja"][0] == ("brindisi",), "nothing was stopped"

        # One person is not enough, twice the same one neither, and without the override nobody skips it.
        lag = ("run", "override", run, "lag", "--step", check, *WHY)
        room.types(*lag, "--by", ADA, code=2)
        room.types(*lag, "--by", ADA, "--by", "ada  operator", code=3)
        room.types("run", "skip", run, check, *BY_ADA, code=3)
        room.types("run", "override", run, "site-lost", "--by", ADA, "--by", GRACE, *WHY, code=3)
        room.types(*lag, "--by", GRACE, "--by", HENRY)
        room.types("run", "skip", run, check, *BY_ADA)
    finally:
        set_replay(room, "resume")
    room.types("run", "attach", run)
    assert room.outcome(run) == "completed"
    assert ("override", check, f"{GRACE} and {HENRY}") in room.decisions(run)
    assert ("skip", check, ADA) in room.decisions(run)
    assert "lag: seen with my own eyes" in room.report_text(run)
    assert room.served("umoja") == {"umoja": (("valencia",), {"valencia"})}
    goes_home(room, "brindisi")
    wait_until(lambda: room.lab.status() == before, what="the lab as it was before")
    assert node.site == "valencia"


def set_replay(room: Room, what: str) -> None:
    """Let the standby of the mirror fall behind while it receives, or catch up again."""
    # Replay that goes on at once may cancel the very query that let it: it has been let go all the same.
    with (
        suppress(psycopg.errors.SerializationFailure),
        connect(room.lab.topology, room.lab.topology.node(MIRROR, "valencia")) as standby,
    ):
        standby.execute(f"SELECT pg_wal_replay_{what}()".encode())
