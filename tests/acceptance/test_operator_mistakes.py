"""What people type wrong at 03:00: each is refused with what to do next, and the journal is the same byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drorch.core.ids import content_hash
from drorch.plan.model import Kind
from tests.acceptance.control_room import ADA, GRACE, HENRY, Room, room_in

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(240)]
WHY = ("--reason", "because")
ACTS = ("pause", "resume", "stop", "undo", "cleanup")
ON_A_STEP = ("retry", "skip", "resolve")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A lab, a run that waits for its approval, and one that has ended."""
    yield from room_in(tmp_path_factory.mktemp("mistakes"))


@pytest.fixture(scope="module")
def waiting(room: Room) -> str:
    """A switchover that nobody has approved."""
    return room.prepares(Kind.SWITCHOVER, lose="brindisi", approve=())


@pytest.fixture(scope="module")
def ended(room: Room) -> str:
    """A readiness run that is completed."""
    run = room.prepares(Kind.READINESS, lose="brindisi", approve=())
    with room.driving(run, code=0):
        pass
    return run


def refused(room: Room, code: int, *words: str) -> str:
    """Exit code, a next step, no traceback; nothing changed in journal, inbox and run folders."""
    before = (room.journal_bytes(), files(room))
    said = room.types(*words, code=code)
    assert "next:" in said or code == 2, said
    assert len(said.strip().splitlines()) <= 12, said
    assert (room.journal_bytes(), files(room)) == before
    return said


def files(room: Room) -> list[tuple[str, bytes]]:
    """All files of all runs."""
    return [(str(path), path.read_bytes()) for path in sorted((room.desk.home / "runs").rglob("*")) if path.is_file()]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.usefixtures("waiting", "ended")
def test_a_run_that_is_not_there(room: Room, act: str) -> None:
    assert "there is no run 'nothing'" in refused(room, 2, "run", act, "nothing", "--by", ADA, *WHY)


@pytest.mark.parametrize("act", ON_A_STEP)
def test_a_step_that_is_not_there(room: Room, waiting: str, act: str) -> None:
    more = ("--evidence", "seen") if act == "resolve" else ()
    said = refused(room, 2, "run", act, waiting, "umoja/strat", "--by", ADA, *WHY, *more)
    assert "did you mean" in said
    assert "umoja/start" in said


@pytest.mark.parametrize("act", [*ACTS, *ON_A_STEP])
@pytest.mark.parametrize(("by", "why"), [(" ", "because"), (ADA, " "), (ADA, "")])
def test_nobody_or_no_reason(room: Room, waiting: str, act: str, by: str, why: str) -> None:
    step = ("umoja/start",) if act in ON_A_STEP else ()
    more = ("--evidence", "seen") if act == "resolve" else ()
    said = refused(room, 2, "run", act, waiting, *step, "--by", by, "--reason", why, *more)
    assert re.search(r"the (person|reason) is empty", said)


@pytest.mark.parametrize("act", ["retry", "resume", "undo", "cleanup"])
def test_not_in_this_state(room: Room, waiting: str, act: str) -> None:
    step = ("umoja/start",) if act == "retry" else ()
    refused(room, 3, "run", act, waiting, *step, "--by", ADA, *WHY)


@pytest.mark.parametrize("act", ["pause", "stop", "retry", "undo", "cleanup"])
def test_a_run_that_has_ended(room: Room, ended: str, act: str) -> None:
    step = ("umoja/validate",) if act == "retry" else ()
    refused(room, 3, "run", act, ended, *step, "--by", ADA, *WHY)


def test_approvals_that_are_none(room: Room, waiting: str, ended: str) -> None:
    plan = room.hash_of(waiting)
    approve = ("run", "approve", waiting)
    assert "somebody else" in refused(room, 3, *approve, "--by", ADA, "--plan", plan, *WHY)
    assert "somebody else" in refused(room, 3, *approve, "--by", " ada   operator", "--plan", plan, *WHY)
    other = room.hash_of(ended)
    assert "the run has the plan" in refused(room, 3, *approve, "--by", GRACE, "--plan", other, *WHY)
    for typed in ("", "latest", plan[:8], plan + "zz"):
        refused(room, 2, *approve, "--by", GRACE, "--plan", typed, *WHY)
    refused(room, 2, *approve, "--by", GRACE, "--plan", plan, "--reason", " ")


def test_overrides_that_are_none(room: Room, waiting: str) -> None:
    lag = ("run", "override", waiting, "lag", "--step", "brindisi-enterprise/check", *WHY)
    refused(room, 2, *lag, "--by", GRACE)
    assert "person" in refused(room, 3, *lag, "--by", GRACE, "--by", "GRACE approver")
    never = ("run", "override", waiting, "two-persons", "--by", GRACE, "--by", HENRY, *WHY)
    assert "never overridden" in refused(room, 3, *never)
    refused(room, 3, *lag[:4], "--step", "umoja/start", "--by", GRACE, "--by", HENRY, *WHY)


def crafted(room: Room, name: str) -> Path:
    """A plan file whose hash is right and whose content nobody would build."""
    made = json.loads(room.plan_file(Kind.READINESS, lose="nyc").read_text(encoding="utf-8"))
    moving = json.loads(room.plan_file(Kind.SWITCHOVER, lose="nyc").read_text(encoding="utf-8"))
    stop = next(step for step in moving["steps"] if step["act"].get("playbook") == "application/stop.yml")
    ready = next(step for step in made["steps"] if step["act"]["act"] == "playbook")
    if name == "stop":
        made["steps"].insert(0, {**stop, "needs": [], "after": []})
    elif name == "template":
        ready["act"]["variables"]["group"] = f"{{{{ lookup('ansible.builtin.pipe', 'touch {mark_of(room)}') }}}}"
    else:
        ready["act"]["playbook"] = "../elsewhere.yml"
    body = {field: value for field, value in made.items() if field != "id"}
    file = room.desk.folder / f"crafted-{name}.json"
    file.write_text(json.dumps({**body, "id": content_hash(body)}), encoding="utf-8")
    return file


def mark_of(room: Room) -> Path:
    """What would be there if Ansible had performed a template."""
    return room.desk.folder / "performed"


@pytest.mark.parametrize("name", ["stop", "template", "path"])
def test_a_plan_that_drorch_did_not_build(room: Room, name: str) -> None:
    file = str(crafted(room, name))
    before = room.lab.status()
    for words in (("run", "start", file, "--operator", ADA), ("run", "prepare", file, "--operator", ADA, *WHY)):
        said = refused(room, 2, *words)
        assert "build the plan again" in said
        assert "template" in said or "not what drorch builds" in said
    assert room.desk.types("plan", "check", file).returncode == 2
    assert room.lab.status() == before  # everything serves from where it served
    assert not mark_of(room).exists()
