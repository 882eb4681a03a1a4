"""The report of a stress study as its readers use it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.report.html.page import write_report
from sim.scenario import load_scenario
from sim.study.stress.run import stress
from tests.browser.conftest import Visit


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress") / "study"
    stress(
        load_scenario("ieee33"),
        ["greedy", "idle"],
        pack="traffic",
        replications=2,
        verify="off",
        out=folder,
    )
    return write_report(folder)


def test_curves_are_drawn_told_in_words_and_give_their_data(visit: Visit, report: Path) -> None:
    page = visit(report)
    plots = page.locator(".plot")
    keys = [str(plots.nth(i).get_attribute("id")) for i in range(plots.count())]
    assert keys[:3] == ["points-0", "curve-0-objective-usd", "difference-0"]
    assert "curve-0-delay-h" in keys
    for i in range(plots.count()):
        assert plots.nth(i).locator(".main-svg").count() >= 1
        words = plots.nth(i).get_attribute("aria-label") or ""
        assert re.search(r"(idle|greedy): .*\d at ", words), words
    assert page.locator(".findings").inner_text().count("No crossover of idle and greedy") == 1
    assert "Delay on the way per trip rises" in page.locator(".findings").inner_text()
    with page.expect_download() as download:
        page.click("[data-offer='curve-0-delay-h'] a")
    text = Path(download.value.path()).read_text()
    assert text.splitlines()[0] == "controller,level,position,mean,ci95_low,ci95_high,episodes"
    assert len(text.splitlines()) == 1 + 2 * 6


def test_the_contents_lead_to_every_part(visit: Visit, report: Path) -> None:
    page = visit(report)
    goals = page.locator(".contents a").evaluate_all("links => links.map(a => a.hash.slice(1))")
    assert goals == page.locator("main h2").evaluate_all("parts => parts.map(h => h.id)")


def test_the_theme_turns_and_tables_sort(visit: Visit, report: Path) -> None:
    page = visit(report)
    before = page.evaluate("document.documentElement.dataset.theme")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") != before
    table = page.locator("table").first
    assert table.locator("tbody th").first.inner_text() == "as given"
    table.locator("thead button").first.click()
    assert table.locator("tbody th").all_inner_texts() == sorted(
        ["as given", "free flow", "rush hour", "gridlock", "incident day", "correlated storm"]
    )
