"""The real command and a real mail server: killed in the middle (SIGKILL), taken up again, answered by real links."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from contract.test_notifier import Mailbox, mail_server

from drorch.testing.callout import SMALL_TREE_YAML

LINK = re.compile(r"http://127\.0\.0\.1:\d+/callout/\S+")
PATIENCE_S = 30.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "drorch", "callout", *words]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "DRORCH_HOME": str(home), "PYTHONPATH": str(Path.cwd())}


def until(what: str, question: object) -> None:
    end = time.monotonic() + PATIENCE_S
    while not question():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.05)


def links(box: Mailbox) -> list[str]:
    found = (LINK.search(mail.get_payload(decode=True).decode()) for _, mail in list(box.mails))
    return [match[0] for match in found if match]


@contextmanager
def serving(home: Path, port: int) -> Iterator[None]:
    server = subprocess.Popen(command(home, "serve", "--port", str(port)), env=environment(home))
    try:
        until("the page does not answer", lambda: _answers(port))
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 404
    except httpx.HTTPError:
        return False


def test_killed_in_the_middle_and_taken_up_again(tmp_path: Path) -> None:
    page, box = free_port(), Mailbox(wait_s=1.0)
    home = tmp_path / "home"
    tree = tmp_path / "callout.yaml"
    catalog = Path(__file__).parents[2] / "app_catalog.yaml"
    with mail_server(box) as port, serving(home, page):
        text = (
            SMALL_TREE_YAML.replace("2525", str(port)).replace("8480", str(page)).replace("timeout: 2s", "timeout: 9s")
        )
        tree.write_text(text.replace("retry_after: 60s", "retry_after: 2s"))
        tree.chmod(0o600)
        start = command(
            home, "start", "--tree", str(tree), "--catalog", str(catalog), "--by", "Olga", "--reason", "yearly"
        )  # fmt: skip
        first = subprocess.Popen(start, env=environment(home), cwd=tmp_path, stderr=subprocess.DEVNULL)
        until("no mail came", lambda: box.mails)
        # The server has the mail in hand and has not said so yet.
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE_S)
        second = subprocess.Popen(
            command(home, "resume", "--json"), env=environment(home), cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        pressed: set[str] = set()

        def everybody_answers() -> bool:
            for link in links(box):
                if link not in pressed:
                    # What a mail scanner does first.
                    assert httpx.get(link, trust_env=False).status_code == 200
                    httpx.post(link, trust_env=False)
                    pressed.add(link)
            return second.poll() is not None

        until("it does not end", everybody_answers)
        out, shown = second.communicate(timeout=PATIENCE_S)
    result = json.loads(out)
    (department,) = result["departments"]
    assert second.returncode == 0, shown
    assert (department["expected"], department["reached"]) == (3, 3)
    assert result["messages"]["unknown"] == 1
    # The link of the message of the dead process counted: nobody had to be written to again for it.
    assert result["messages"]["intended"] == len(box.mails)
    assert "example.org" not in out + shown
