"""A browser, and reports to look at in it.

Without Chromium these tests are skipped; with GRIDHAUL_REQUIRE_BROWSER=1 they fail, so that no
server says all is well without having looked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from sim.report.html.page import write_report
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run

# Opens a report and waits until every figure is drawn.
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("GRIDHAUL_REQUIRE_BROWSER"):
            pytest.fail("chromium is missing, and GRIDHAUL_REQUIRE_BROWSER asks for it")
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Yield what pages have complained about or asked for; there must be nothing at the end."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture(scope="module")
def opened(browser: Browser, report: Path) -> Iterator[Page]:
    """Yield the report on a page that all tests of a module share: drawing it takes long."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    yield _opened(context.new_page(), report, complaints)
    context.close()
    assert complaints == []


@pytest.fixture
def page(opened: Page) -> Page:
    """Return the shared page with its map as it was, for tests that leave the rest alone."""
    opened.set_viewport_size({"width": 1366, "height": 768})
    if opened.locator("#map-play").get_attribute("aria-pressed") == "true":
        opened.click("#map-play")
    opened.select_option("#map-controller", label="idle")
    opened.locator("#map-time").fill("78")
    return opened


def _opened(page: Page, report: Path, complaints: list[str]) -> Page:
    """Return a page with a report once every figure is drawn, and note what it complains about."""
    page.on("console", lambda message: complaints.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (complaints.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: _not_itself(request.url, report, complaints))
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-drawn='all']", state="attached")
    return page


@pytest.fixture
def visit(browser: Browser, complaints: list[str]) -> Iterator[Visit]:
    contexts = []

    def open_(report: Path, **settings: object) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **settings})
        contexts.append(context)
        return _opened(context.new_page(), report, complaints)

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a small comparison in which trucks drive."""
    folder = tmp_path_factory.mktemp("browser") / "study"
    compare(load_scenario("ieee33"), ["idle", "greedy"], replications=3, verify="off", out=folder)
    return write_report(folder)


@pytest.fixture(scope="session")
def report_of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of a single episode."""
    folder = tmp_path_factory.mktemp("browser") / "one"
    run(load_scenario("ieee33"), "greedy", verify="off", out=folder)
    return write_report(folder)


def _not_itself(url: str, report: Path, complaints: list[str]) -> None:
    # Data that the page has made itself come from no network.
    if url != report.as_uri() and not url.startswith(("data:", "blob:")):
        complaints.append(f"request: {url}")
