"""People in front of a browser: Debian's Chromium, driven by Playwright, against a console that really runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect, sync_playwright

from tests.machine import library, program

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
PASSWORD = "correct horse battery staple"
START_S = 30.0
SHOTS = "CONSOLE_SCREENSHOTS"
"""Names a folder: then pictures for the documentation are put there."""


@contextmanager
def browser() -> Iterator[Browser]:
    """Headless, and gone at the end. Without Chromium there is nothing to test with."""
    chromium = program("chromium")
    library("libatomic.so.1")
    with sync_playwright() as playwright, launched(playwright.chromium, chromium) as running:
        yield running


@contextmanager
def launched(kind: BrowserType, chromium: str, environment: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """A browser of this kind; ``environment`` is added to the test's own."""
    running = kind.launch(executable_path=chromium, args=list(ARGUMENTS), env={**os.environ, **(environment or {})})
    try:
        yield running
    finally:
        running.close()


@dataclass(kw_only=True)
class Server:
    """``drorch serve`` as a process. May be killed and started again on the same port."""

    home: Path
    catalog: Path
    environment: Mapping[str, str]
    port: int = 0
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.home.parent / "serve.log"

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.log.write_text("")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "drorch", "serve", "--port", str(self.port), "--catalog", str(self.catalog)],
                env={**os.environ, **self.environment, "DRORCH_HOME": str(self.home)},
                cwd=Path(__file__).parents[2],
                stdout=log,
                stderr=log,
                text=True,
            )
        until = time.monotonic() + START_S
        while (found := re.search(r"listening on http://127\.0\.0\.1:(\d+)/", self.text())) is None:
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < until, self.text()
            time.sleep(0.05)
        self.port = int(found[1])

    def text(self) -> str:
        """What it said."""
        return self.log.read_text(encoding="utf-8")

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """As a machine that loses power does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """Let it end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


@dataclass(kw_only=True)
class Visitor:
    """One person in one browser window. Everything is done by what a person sees: names of buttons and fields."""

    server: Server
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)
    """What the browser complained about: blocked by the policy, errors in scripts."""

    @classmethod
    def at(
        cls, server: Server, running: Browser, *, width: int = 1280, language: str = "en-GB", **more: object
    ) -> Visitor:
        """A new window of a browser that knows nothing yet."""
        context = running.new_context(
            viewport={"width": width, "height": 900},
            locale=language,
            base_url=server.base,
            **more,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        visitor = cls(server=server, context=context, page=page)
        page.on("pageerror", lambda error: visitor.problems.append(str(error)))
        page.on("console", lambda message: visitor._hear(message.type, message.text))
        return visitor

    def _hear(self, kind: str, text: str) -> None:
        lost = "ERR_CONNECTION" in text or "ERR_INCOMPLETE" in text or "ERR_EMPTY" in text
        if kind == "error" and not lost:
            self.problems.append(text)

    def logs_in(self, login: str) -> Visitor:
        """Through the page for it."""
        self.page.goto("/login")
        self.page.get_by_label("Name of the user").fill(login)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(re.compile(r"/$|/\?"))
        return self

    def goes(self, path: str) -> None:
        """To a page of the console."""
        answer = self.page.goto(path)
        assert answer is not None, path
        assert answer.ok, f"{path}: {answer.status}"

    def builds(self, kind: str, site: str) -> str:
        """A plan; its hash as the page shows it."""
        self.goes("/plans/new")
        self.page.get_by_label("Kind").select_option(kind)
        self.page.get_by_label(re.compile("^Site that is lost")).select_option(site)
        self.page.get_by_label("Playbooks under way at once").fill("3")
        self.page.get_by_role("button", name="Build", exact=True).click()
        return self.page.locator("#hash").inner_text().replace(" ", "").strip()

    def prepares(self, reason: str, *, declares: bool = False) -> str:
        """A run of the plan on this page; the run's id."""
        if declares:
            self.page.get_by_label(re.compile("I declare")).check()
        self.page.get_by_label(re.compile("^Reason")).fill(reason)
        self.page.get_by_role("button", name="Prepare the run").click()
        self.page.wait_for_url(re.compile(r"/runs/[^/]+$|/runs/[^/]+\?"))
        return self.page.url.split("/runs/")[1].split("?")[0]

    def asks(
        self, link: str, *, reason: str, button: str, fill: Mapping[str, str] | None = None, file: Path | None = None
    ) -> None:
        """Open the dialog behind a button of the page, fill it in, confirm."""
        self.page.locator(link).first.click()
        dialog = self.page.locator("#dialog[open]")
        expect(dialog.get_by_role("heading").first).to_be_visible()
        for label, text in (fill or {}).items():
            dialog.get_by_label(label).fill(text)
        if file is not None:
            dialog.get_by_label("or a file").set_input_files(str(file))
        dialog.get_by_label(re.compile("^Reason")).fill(reason)
        dialog.get_by_role("button", name=button, exact=True).click()
        expect(self.page.locator("p.banner[role=status]")).to_be_visible()

    def sees_state(self, *words: str, within_s: float = 120) -> None:
        """The state of the run in large letters, renewed by the page itself."""
        expect(self.page.locator("#head .state")).to_contain_text(re.compile("|".join(words)), timeout=within_s * 1000)

    def numbers(self) -> list[int]:
        """Numbers of the events that stand in the log of this page."""
        return [
            int(text) for text in self.page.locator("#log > li").evaluate_all("items => items.map(i => i.dataset.seq)")
        ]

    def shot(self, name: str, *, whole: bool = True) -> None:
        """A picture for the documentation, when somebody wants one."""
        folder = os.environ.get(SHOTS)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=whole)
