"""Every page of the console in Chromium: accessibility rules, phone width, keyboard alone. No lab: runs on paper."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect

from drorch.app.accounts import Role
from drorch.run import events as ev
from drorch.testing.evidence import recorded_run
from drorch.testing.runs import RUN
from drorch.testing.web import PASSWORD, WebScene
from tests.acceptance.browsing import SHOTS, browser, launched
from tests.acceptance.fonts import WIDTHS, make_fonts
from tests.console.stage import DUE_RUN, OPEN_RUN, due_run, failed_run, put_samples, small_world, waiting_run
from tests.machine import program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
NOTO_SANS_N = 0.618
"""How far the letter n advances in Noto Sans, as a part of the size of the font."""
SERIOUS = {"serious", "critical"}
WAITING = "20130303-050000-waiting"
PAGES = (
    "/",
    "/runs",
    f"/runs/{OPEN_RUN}",
    f"/runs/{RUN}",
    f"/runs/{WAITING}",
    f"/runs/{OPEN_RUN}/plan",
    f"/runs/{OPEN_RUN}/steps/mail/start",
    f"/runs/{OPEN_RUN}/do/retry?step=mail/start",
    f"/runs/{OPEN_RUN}/do/resolve?step=mail/start",
    f"/runs/{WAITING}/do/approve",
    f"/runs/{WAITING}/do/stop",
    f"/runs/{OPEN_RUN}/do/override",
    f"/runs/{RUN}/do/pause",
    f"/runs/{DUE_RUN}",
    f"/runs/{DUE_RUN}/do/commit",
    "/runs/none-such",
    "/plans",
    "/plans/new",
    "/catalog",
    "/catalog/umoja",
    "/findings",
    "/year",
    "/reports",
    "/access",
    "/access/check",
    "/schedule",
    "/callouts",
    "/actions",
    "/search?q=mail",
    "/users",
    "/audit",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> WebScene:
    """Runs in every state, observations of today, one person who may everything."""
    home, catalog = small_world(tmp_path_factory.mktemp("console"))
    made = WebScene(home=home, catalog=catalog, year=Path("year.yaml").absolute())
    recorded_run(home, made.journal)
    failed_run(home, made.journal, made.clock)
    waiting_run(home, made.journal, made.clock)
    due_run(home, made.journal, made.clock, ev.AfterDeadline.COMMIT, within_s=1800)
    put_samples(home, made.clock, [("umoja", "brindisi"), ("mail", None), ("directory", "piscataway")])
    made.person("ada", *Role, person="Ada Person")
    return made


@pytest.fixture(scope="module")
def base(scene: WebScene) -> Iterator[str]:
    """The address of a server in this process."""
    server = uvicorn.Server(uvicorn.Config(scene.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, name="console")
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    scene.settings.closing.set()
    server.should_exit = True
    thread.join(20)


def logged_in(running: Browser, base: str, **more: object) -> BrowserContext:
    """A window in which Ada is logged in."""
    context = running.new_context(base_url=base, **more)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/login")
    page.fill("#login", "ada")
    page.fill("#password", PASSWORD)
    page.click("button.go")
    page.wait_for_url(re.compile("/$"))
    page.close()
    return context


@pytest.fixture(scope="module", params=WIDTHS)
def font(request: pytest.FixtureRequest) -> str:
    """How wide the letters are in the browser of the test."""
    return str(request.param)


@pytest.fixture(scope="module")
def lettered(running: Browser, font: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that has the fonts of this width and none of the machine's."""
    fonts = make_fonts(tmp_path_factory.mktemp("fonts") / font, font)
    with launched(running.browser_type, program("chromium"), fonts) as browser_with_fonts:
        yield browser_with_fonts


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules of axe-core, as a script."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def findings(page: Page, axe: str) -> list[str]:
    """What the rules for WCAG 2.2 AA find on the page, in one line each."""
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(axe)  # through the debugger: the page's own policy lets nothing in
    found = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{item['impact']} {item['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
        for item in found["violations"]
        if item["impact"] in SERIOUS
        for node in item["nodes"][:3]
    ]


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "fr"), ("light", "ar")])
def test_no_page_has_a_serious_accessibility_finding(
    running: Browser, base: str, axe: str, scheme: str, language: str
) -> None:
    context = logged_in(running, base, color_scheme=scheme, locale=language)
    page = context.new_page()
    wrong = {}
    for path in PAGES:
        page.goto(path)
        if found := findings(page, axe):
            wrong[path] = found
    page.goto(f"/runs/{OPEN_RUN}")
    page.locator("#waits a[href*='/do/skip']").first.click()
    expect(page.locator("#dialog[open]")).to_be_visible()
    if found := findings(page, axe):
        wrong["dialog"] = found
    context.close()
    assert wrong == {}


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_every_page_fits_a_phone(lettered: Browser, base: str, language: str, font: str) -> None:
    context = logged_in(lettered, base, viewport={"width": 360, "height": 740}, locale=language)
    page = context.new_page()
    too_wide = []
    for path in PAGES:
        page.goto(path)
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        if wide > 361:
            too_wide.append((path, wide))
    if folder := os.environ.get(SHOTS):
        page.goto(f"/runs/{OPEN_RUN}")
        page.screenshot(path=f"{folder}/phone-{language}-{font}.png", full_page=False)
    context.close()
    assert too_wide == []


def test_the_fonts_of_the_test_are_those_of_the_browser(lettered: Browser, font: str) -> None:
    assert letter_width(lettered) == pytest.approx(WIDTHS[font] * NOTO_SANS_N, rel=0.01)


def letter_width(using: Browser) -> float:
    """How far 100 letters advance, as a part of the size of the font."""
    page = using.new_page()
    page.set_content(f"<span id='letters' style='font: 100px system-ui'>{'n' * 100}</span>")
    wide = page.locator("#letters").evaluate("it => it.getBoundingClientRect().width")
    page.close()
    return float(wide) / 100 / 100


def test_one_decision_with_the_keyboard_alone(running: Browser, base: str, scene: WebScene) -> None:
    context = logged_in(running, base)
    page = context.new_page()
    page.goto(f"/runs/{OPEN_RUN}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if (page.evaluate("() => document.activeElement.getAttribute('href')") or "").endswith(
            "/do/retry?step=mail/start"
        ):
            break
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    dialog = page.locator("#dialog[open]")
    expect(dialog).to_contain_text("application/start.yml")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    assert (page.evaluate("() => document.activeElement.getAttribute('href')") or "").endswith(
        "/do/retry?step=mail/start"
    )
    page.keyboard.press("Enter")
    expect(dialog.get_by_label(re.compile("^Reason"))).to_be_visible()
    for _ in range(6):
        if page.evaluate("() => document.activeElement.id") == "reason":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("the port was taken")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("p.banner[role=status]")).to_be_visible()
    context.close()
    asked = [request.body for request in scene.inbox.pending(OPEN_RUN)]
    assert asked == [ev.RetryRequested(step="mail/start", person="Ada Person", reason="the port was taken")]


def test_right_to_left_the_page_is_mirrored(running: Browser, base: str) -> None:
    context = logged_in(running, base, locale="ar", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("/")
    brand = page.locator(".brand").bounding_box()
    assert brand is not None
    assert brand["x"] > 640
    context.close()


def test_everything_can_be_read_and_asked_without_scripts(running: Browser, base: str) -> None:
    context = logged_in(running, base, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/runs/{WAITING}")
    page.locator("#waits a[href*='/do/approve']").first.click()
    expect(page.get_by_role("heading", name=re.compile("Approve the plan"))).to_be_visible()
    context.close()
