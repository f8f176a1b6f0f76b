"""Secrets planted wherever an estate keeps them, playbooks that blurt them out, and not one byte of them written."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from drorch.plan.model import Kind
from drorch.plan.playbook_folder import playbooks_folder
from drorch.run import events as ev
from tests.acceptance.conftest import wait_until
from tests.acceptance.control_room import ADA, GRACE, Room, room_in
from tests.acceptance.operator import processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(300)]
SLEEP = f"86399.{os.getpid()}"
VAULT_PASSWORD = "opens-every-vault-51"
PLANTED = {
    "vault_bind_password": 'vau"lted \\ pass/word+71',
    "inline_greeting": "inline-vault-7f3a91",
    "mail_api_token": "tok-en-83b1c7d2",
    "directory_password": "inventory-pw-19\\n",
}
BLURTS = """\
- name: Blurt everything out, then fail or hang
  hosts: "{{ drorch.hosts }}"
  vars:
    all_of_it:
      pgpass: "{{ lookup('ansible.builtin.file', drorch_pgpass_file) }}"
      key: "{{ lookup('ansible.builtin.file', drorch_dns_key_file) }}"
      bind: "{{ vault_bind_password }}"
      greeting: "{{ inline_greeting }}"
      api: "{{ mail_api_token }}"
      directory: "{{ directory_password }}"
  tasks:
    - name: Print
      ansible.builtin.debug: {var: all_of_it}
    - name: Print as JSON in JSON, and in base64 as a header would carry it
      ansible.builtin.debug:
        msg:
          - "{{ all_of_it | to_json | to_json }}"
          - "Authorization: Basic {{ ('drorch:' ~ vault_bind_password) | b64encode }}"
          - "{{ vault_bind_password | b64encode }} {{ directory_password | b64encode }}"
          - "{{ vault_bind_password | urlencode }} {{ mail_api_token | b64encode }}"
    - name: Tell drorch
      ansible.builtin.set_stats:
        data: {drorch: {leak: "{{ all_of_it }}", "{{ mail_api_token }}": 1}}
    - name: Fail with the secret in the message
      ansible.builtin.fail:
        msg: "cannot log in to ldap://cn=mail:{{ vault_bind_password }}@host as {{ all_of_it }} {{ inline_greeting }}"
      when: drorch.application != 'mobile-office'
    - name: Hang with the secret on the command line
      ansible.builtin.command: {argv: [sh, -c, "sleep SLEEP_S; true", "{{ mail_api_token }}"]}
""".replace("SLEEP_S", SLEEP)


@dataclass(kw_only=True)
class Listener:
    """Keeps everything the command ever said."""

    room: Room
    said: list[str] = field(default_factory=list)

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command, whatever comes of it."""
        told = self.room.desk.types(*words)
        self.said += [told.stdout, told.stderr]
        return told


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A lab, playbooks that blurt, an inventory with secrets in every place where there may be some."""
    playbooks = tmp_path / "playbooks"
    shutil.copytree(playbooks_folder(), playbooks, ignore=shutil.ignore_patterns("__pycache__"))
    (playbooks / "application" / "start.yml").write_text(BLURTS)
    monkeypatch.setenv("DRORCH_PLAYBOOKS", str(playbooks))
    desk = tmp_path / "desk"
    desk.mkdir()
    for room in room_in(desk, settings_of_desk={"DRORCH_PLAYBOOKS": str(playbooks)}):
        plant(room)
        yield Listener(room=room)


def plant(room: Room) -> None:
    """An estate of one's own, with vaults, in the folder of the desk (not in the state folder)."""
    folder = room.desk.folder
    password = folder / "vault-password"
    password.write_text(VAULT_PASSWORD + "\n")
    password.chmod(0o600)
    inventory = yaml.safe_load(room.lab.topology.inventory_file.read_text())
    inventory["all"]["vars"]["directory_password"] = PLANTED["directory_password"]
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    variables = folder / "group_vars" / "all"
    variables.mkdir(parents=True)
    (variables / "plain.yml").write_text(yaml.safe_dump({"mail_api_token": PLANTED["mail_api_token"]}))
    vaulted = folder / "vaulted.yml"
    vaulted.write_text(yaml.safe_dump({"vault_bind_password": PLANTED["vault_bind_password"]}))
    vault = [str(Path(sys.executable).with_name("ansible-vault")), "--vault-password-file", str(password)]
    subprocess.run([vault[0], "encrypt", *vault[1:], str(vaulted)], check=True, capture_output=True, timeout=60)
    vaulted.rename(variables / "vault.yml")
    inline = subprocess.run(
        [vault[0], "encrypt_string", *vault[1:], "--name", "inline_greeting", PLANTED["inline_greeting"]],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (variables / "inline.yml").write_text(inline.stdout)
    estate = yaml.safe_load(room.lab.estate_file.read_text())
    estate["inventory"] = str(folder / "inventory.yml")
    estate["ansible_env"]["ANSIBLE_VAULT_PASSWORD_FILE"] = str(password)
    (folder / "estate.yml").write_text(yaml.safe_dump(estate))


def secrets_of(room: Room) -> dict[str, str]:
    """Everything that must not be seen, by where it comes from."""
    pgpass = room.lab.topology.pgpass_file.read_text().strip().rpartition(":")[2]
    key = json.loads(room.lab.topology.dns_key_file.read_text())["secret"]
    return {**PLANTED, "pgpass": pgpass, "tsig": key, "vault password": VAULT_PASSWORD}


def forms(secret: str) -> set[bytes]:
    """As it is, as JSON, as JSON in JSON, as in a URL, in base64 alone and behind a user's name."""
    escaped = json.dumps(secret)[1:-1]
    return {
        form.encode()
        for form in (
            secret,
            escaped,
            json.dumps(escaped)[1:-1],
            quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode(),
            base64.b64encode(b"drorch:" + secret.encode()).decode(),
        )
    }


def everything(listener: Listener, archive: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte drorch has written or said."""
    for path in sorted(listener.room.desk.home.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as opened:
        for name in opened.namelist():
            yield f"archive {name}", opened.read(name)
    yield from ((f"said {place}", text.encode()) for place, text in enumerate(listener.said))


def test_no_secret_is_written_or_said_and_a_stop_leaves_no_process(listener: Listener) -> None:
    room = listener.room
    room.lab.break_("site", "nyc")
    plan = room.plan_file(Kind.FAILOVER, lose="nyc")
    people = ("--operator", ADA, "--approve", GRACE, "--declared-by", GRACE, "--reason", "secrets")
    estate = ("--estate", str(room.desk.folder / "estate.yml"))
    failed = listener.types("run", "start", str(plan), *people, *estate)
    assert failed.returncode == 1, failed.stderr
    run = str(room.desk.runs()[0]["run"])
    (stuck,) = [body for body in room.bodies(run) if isinstance(body, ev.StepFailed)]
    assert stuck.step == "directory/start"
    assert "cannot log in" in stuck.reason
    assert "[redacted]" in stuck.reason

    # Beyond the failed step stands one that hangs, with a secret on its command line: it is stopped with all below it.
    for step in ("directory/start", "directory/validate"):
        listener.types("run", "skip", run, step, "--by", ADA, "--reason", "go on")
    driver = room.desk.begins("run", "attach", run)
    try:
        wait_until(lambda: hanging() != [], deadline_s=60, what="the task that hangs")
        listener.types("run", "watch", run)
        tree = hanging()
        listener.types("run", "stop", run, "--by", GRACE, "--reason", "enough")
        assert driver.wait(60) == 1
    finally:
        if driver.poll() is None:
            driver.kill()
            driver.wait(10)
    wait_until(lambda: hanging() == [], what=f"the end of {tree}")
    assert [line for line in processes_naming(room.desk.home / "runs" / run) if "watcher" not in line] == []
    assert room.outcome(run) == "stopped"

    archive = room.desk.folder / "run.zip"
    for words in (
        ("run", "show", run),
        ("run", "show", run, "--json"),
        ("run", "watch", run, "--json"),
        ("report", "show", run),
        ("report", "show", run, "--json"),
        ("report", "export", run, "-o", str(archive)),
        ("report", "verify", str(archive)),
    ):
        told = listener.types(*words)
        assert told.returncode == 0, told.stdout + told.stderr
    looked_at = list(everything(listener, archive))
    leaks = {
        (where, name)
        for where, content in looked_at
        for name, secret in secrets_of(room).items()
        for form in forms(secret)
        if form in content
    }
    assert leaks == set()
    # The search itself can find something: what the playbooks printed is there, without the secrets.
    printed = [content for where, content in looked_at if where.endswith("directory--start.1/stdout")]
    assert len(printed) == 2, "in the state folder and in the archive"
    assert printed[0].count(b"[redacted]") >= 10
    assert b"Fail with the secret in the message" in printed[0]
    assert len(looked_at) > 60


def hanging() -> list[str]:
    """Command lines of the task that hangs, its shell, and whatever holds them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if SLEEP in line:
                found.append(f"{entry.name} {line.strip()}")
    return found
