"""``drorch user``: accounts, tokens, audit log; what is mistyped changes nothing."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from drorch.app import composition
from drorch.app.accounts import Accounts, Role
from drorch.interfaces.terminal.main import main

PASSWORD = "correct horse battery staple"


@dataclass
class Desk:
    home: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    out: str = ""
    err: str = ""

    def types(self, *words: str, stdin: str = "") -> int:
        self.monkeypatch.setattr("sys.argv", ["drorch", "user", *words])
        self.monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        self.out, self.err = self.capsys.readouterr()
        return int(ended.value.code or 0)

    @property
    def accounts(self) -> Accounts:
        return Accounts(composition.records(self.home), composition.clock(), composition.hasher())

    def add(self, login: str, *roles: str) -> None:
        words = [word for role in roles for word in ("--role", role)]
        code = self.types("add", login, "--person", f"{login} P", "--by", "Root", *words, stdin=f"{PASSWORD}\n")
        assert code == 0, self.err


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("DRORCH_HOME", str(tmp_path))
    return Desk(tmp_path, capsys, monkeypatch)


def test_an_account_is_made_listed_changed_and_closed(desk: Desk) -> None:
    desk.add("ada", "operator", "viewer")
    assert desk.accounts.checked("ada", PASSWORD) is not None
    assert desk.accounts.checked("ada", "wrong") is None
    assert desk.types("list", "--json") == 0
    (told,) = json.loads(desk.out)
    assert (told["login"], told["roles"], told["made_by"]) == ("ada", ["operator", "viewer"], "Root")
    assert "argon2" not in desk.out
    assert desk.types("roles", "ada", "--role", "viewer", "--by", "Root") == 0
    assert desk.accounts.get("ada").roles == {Role.VIEWER}
    assert desk.types("disable", "ada", "--by", "Root") == 0
    assert desk.accounts.checked("ada", PASSWORD) is None


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("Ada",), PASSWORD, "is no login"),
        (("ada",), "short", "12 to 256 characters"),
        (("ada", "--break-glass"), "seventeen letters", "20 to 256 characters"),
        (("root",), PASSWORD, "is taken"),
    ],
)
def test_what_is_mistyped_makes_no_account(desk: Desk, words: tuple[str, ...], stdin: str, said: str) -> None:
    desk.add("root", "admin")
    code = desk.types("add", *words, "--person", "Ada P", "--role", "viewer", "--by", "Root", stdin=stdin)
    assert code in (2, 3)
    assert said in desk.err
    assert [account.login for account in desk.accounts.all()] == ["root"]


def test_the_last_admin_stays(desk: Desk) -> None:
    desk.add("root", "admin")
    assert desk.types("disable", "root", "--by", "Root") == 2
    assert desk.types("roles", "root", "--role", "viewer", "--by", "Root") == 2
    desk.add("two", "admin")
    assert desk.types("disable", "root", "--by", "Root") == 0


def test_a_token_is_shown_once_and_ends(desk: Desk) -> None:
    desk.add("ada", "operator", "viewer")
    assert desk.types("token", "issue", "ada", "--label", "cron", "--role", "viewer", "--by", "Root") == 0
    text = desk.out.strip()
    found = desk.accounts.of_token(text)
    assert found is not None
    assert found[1].roles == {Role.VIEWER}
    assert desk.types("token", "issue", "ada", "--label", "x", "--role", "admin", "--by", "Root") == 2
    assert desk.types("token", "list") == 0
    assert text.split("_")[2] not in desk.out
    files = [file for file in desk.home.glob("store.sqlite*") if file.is_file()]
    assert files
    assert not any(text.split("_")[2].encode() in file.read_bytes() for file in files)
    assert desk.accounts.of_token(text[:-1] + ("a" if text[-1] != "a" else "b")) is None
    assert desk.types("token", "revoke", found[1].id, "--by", "Root") == 0
    assert desk.accounts.of_token(text) is None


def test_everything_is_in_the_audit_log_and_a_changed_line_is_seen(desk: Desk) -> None:
    desk.add("ada", "operator")
    desk.types("token", "issue", "ada", "--label", "cron", "--by", "Root")
    assert desk.types("audit", "--json") == 0
    told = json.loads(desk.out)
    assert [entry["act"] for entry in told["entries"]] == ["user add", "user token issue"]
    store = desk.home / "store.sqlite"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    with sqlite3.connect(store) as forger:
        forger.execute("UPDATE events SET body = replace(body, 'operator', 'viewer') WHERE stream = 'audit'")
    assert desk.types("audit") == 1
    assert "BREAKS AT ENTRY 1" in desk.out
