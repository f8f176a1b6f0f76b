"""``drorch --server``: the same answers and exit codes as on the machine itself; the token's person stands for acts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stores import journal_at, store_at

from drorch.adapters.clock import SystemClock
from drorch.app import composition
from drorch.app.accounts import Account, Accounts, Role
from drorch.core.files import write_whole
from drorch.core.ids import canonical_json
from drorch.core.state_folder import run_folder
from drorch.interfaces.terminal.main import main
from drorch.plan.codec import plan_id, plan_to_text
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.journal import RunRequests
from drorch.run.recorder import Recorder
from drorch.testing.builders import SMALL_CATALOG_YAML
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import created, failed
from drorch.testing.services import free_port
from drorch.testing.web import ESTATE
from tests.acceptance.test_serving import serving, until_it_answers

pytestmark = pytest.mark.slow
PLAN = make_plan([playbook_step("a/x"), playbook_step("b/x", needs=["a/x"])], kind=Kind.SWITCHOVER)
RUN = "20130301-030000-abcd"


@dataclass
class Desk:
    home: Path
    base: str
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    out: str = ""
    err: str = ""

    def here(self, *words: str) -> int:
        self.monkeypatch.setattr("sys.argv", ["drorch", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        self.out, self.err = self.capsys.readouterr()
        return int(ended.value.code or 0)

    def there(self, *words: str, token: str = "olga") -> int:
        return self.here("--server", self.base, "--token-file", str(self.home / f"{token}.token"), *words)

    def asked(self) -> list[ev.Body]:
        with store_at(self.home) as store:
            return [request.body for request in RunRequests(store).pending(RUN)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    home = tmp_path_factory.mktemp("home")
    write_whole(home / "estate.yml", ESTATE)
    write_whole(home / "catalog.yaml", SMALL_CATALOG_YAML)
    folder = run_folder(home, RUN, must_exist=False)
    write_whole(folder.plan, plan_to_text(PLAN))
    write_whole(folder.catalog, SMALL_CATALOG_YAML)
    write_whole(folder.context, canonical_json({"estate": str(home / "estate.yml"), "watch": RUN}))
    with journal_at(home) as journal:
        Recorder.create(journal, SystemClock(), PLAN, RUN, created(PLAN)).record(ev.RunStarted(), *failed("a/x"))
    accounts = Accounts(composition.records(home), SystemClock(), composition.hasher())
    people = (("olga", "Olga Operator", Role.OPERATOR), ("ana", "Ana Approver", Role.APPROVER))
    for login, person, role in people:
        accounts.add(Account(login=login, person=person, roles=frozenset({role})))
        file = home / f"{login}.token"
        file.touch(mode=0o600)
        file.write_text(accounts.issue(login, label="test", roles=[role], days=1, by="test")[1], encoding="utf-8")
    port = free_port("127.0.0.1")
    words = ("--port", str(port), "--catalog", str(home / "catalog.yaml"), "--estate", str(home / "estate.yml"))
    with serving(home, *words):
        until_it_answers(f"http://127.0.0.1:{port}")
        yield home, f"http://127.0.0.1:{port}"


@pytest.fixture
def desk(server: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("DRORCH_HOME", str(server[0]))
    return Desk(server[0], server[1], capsys, monkeypatch)


@pytest.mark.parametrize("words", [("run", "list"), ("run", "show", RUN)])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_same_is_said_here_and_there(desk: Desk, words: tuple[str, ...], form: tuple[str, ...]) -> None:
    assert desk.here(*words, *form) == 0
    here = desk.out
    assert desk.there(*words, *form) == 0, desk.err
    assert desk.out == here


def test_watch_says_the_same_but_for_the_time(desk: Desk) -> None:
    told = []
    for ask in (desk.here, desk.there):
        assert ask("run", "watch", RUN, "--json") == 0
        data = json.loads(desk.out)
        told.append({name: data[name] for name in ("run", "kind", "events", "outcome", "driven", "steps", "done")})
    assert told[0] == told[1]
    assert desk.there("run", "watch", RUN) == 0
    assert f"run {RUN}  switchover  not driven  0/2 steps" in desk.out


@pytest.mark.parametrize(
    "words",
    [
        ("run", "show", "nothing"),
        ("run", "retry", RUN, "a/y", "--reason", "r"),
        ("run", "resume", RUN, "--reason", "r"),
        ("run", "commit", RUN, "--reason", "r"),
        ("report", "show", RUN),
    ],
)
def test_errors_have_the_same_words_and_exit_codes(desk: Desk, words: tuple[str, ...]) -> None:
    by = ("--by", "Olga Operator") if words[0] == "run" and words[1] != "show" else ()
    here = desk.here(*words, *by)
    said = desk.err
    assert desk.there(*words, *by) == here != 0
    what = said.split(": ", 2)[-1].splitlines()[0]
    assert what in desk.err


def test_acts_are_the_tokens_persons_and_files_travel(desk: Desk, tmp_path: Path) -> None:
    assert desk.there("run", "pause", RUN, "--reason", "wait") == 0
    assert "pause asked for" in desk.out
    shown = tmp_path / "screen.png"
    shown.write_bytes(b"picture")
    assert desk.there("run", "resolve", RUN, "a/x", "--reason", "by hand", "--evidence", str(shown)) == 0
    assert [getattr(body, "person", "") for body in desk.asked()] == ["Olga Operator"] * 2
    resolved = desk.asked()[1]
    assert isinstance(resolved, ev.StepResolved)
    name = resolved.evidence.split()[0]
    assert (desk.home / "runs" / RUN / name).read_bytes() == b"picture"
    before = desk.asked()
    assert desk.there("run", "stop", RUN, "--reason", "r", "--by", "Ana Approver") == 2
    assert "Olga Operator's" in desk.err
    assert desk.there("run", "stop", RUN, "--reason", "r", token="ana") == 3
    assert "has not the role operator" in desk.err
    hashed = plan_id(PLAN)
    assert desk.there("run", "approve", RUN, "--plan", hashed, "--reason", "read") == 3
    assert desk.asked() == before
    assert desk.there("run", "approve", RUN, "--plan", hashed, "--reason", "read", token="ana") == 3
    assert "the run has started" in desk.err


def test_a_plan_is_built_and_a_run_prepared_there(desk: Desk) -> None:
    assert desk.there("plan", "build", "--kind", "drill", "--lose", "nyc", "--json") == 0, desk.err
    built = json.loads(desk.out)["id"]
    assert desk.there("plan", "list", "--json") == 0
    assert [row["id"] for row in json.loads(desk.out)] == [built]
    assert desk.there("run", "start", built, "--reason", "yearly", "--prepare", "--json") == 0, desk.err
    run = json.loads(desk.out)["run"]
    assert desk.there("run", "show", run) == 0


def test_a_commit_policy_is_agreed_there(desk: Desk) -> None:
    assert desk.there("plan", "build", "--kind", "drill", "--lose", "nyc", "--json") == 0, desk.err
    start = ("run", "start", json.loads(desk.out)["id"], "--reason", "yearly", "--prepare")
    assert desk.there(*start, "--commit", "commit", "--commit-after", "30m") == 2
    assert "a drill has nothing to commit" in desk.err
    assert desk.there(*start, "--commit-after", "30m") == 2
    assert "a deadline for nothing" in desk.err


def test_what_cannot_work_is_said(desk: Desk, tmp_path: Path) -> None:
    token = str(desk.home / "olga.token")
    assert desk.here("--server", "http://10.0.0.1", "--token-file", token, "run", "list") == 2
    assert "https" in desk.err
    assert desk.here("--server", "http://127.0.0.1:1", "--token-file", token, "run", "list") == 5
    assert "cannot be reached" in desk.err
    loose = tmp_path / "token"
    loose.write_text("x" * 40, encoding="utf-8")
    loose.chmod(0o644)
    assert desk.here("--server", desk.base, "--token-file", str(loose), "run", "list") == 2
    loose.chmod(0o600)
    assert desk.here("--server", desk.base, "--token-file", str(loose), "run", "list") == 3
    assert "token is wrong" in desk.err
    assert desk.there("lab", "up") == 2
