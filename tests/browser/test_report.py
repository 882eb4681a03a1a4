"""The report as its readers use it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from sim.report.html.page import write_report
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run
from tests.browser.conftest import Visit

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"


# Trucks are not where they were, or the day is over and play has to be pressed again.
ELSEWHERE = """before => {
  const button = document.getElementById("map-play");
  if (button.getAttribute("aria-pressed") === "false") button.click();
  const trucks = [...document.querySelectorAll("#map-picture .truck")];
  return trucks.some((truck, i) => truck.getAttribute("transform") !== before[i]);
}"""


def positions(page: Page) -> list[str]:
    trucks = page.locator("#map-picture .truck")
    return [str(trucks.nth(i).get_attribute("transform")) for i in range(trucks.count())]


def clock(page: Page) -> str:
    return page.locator("#map-clock").inner_text()


def column(page: Page, table: str, number: int) -> list[str]:
    cells = page.locator(f"{table} tbody tr > :nth-child({number})")
    return cells.all_inner_texts()


def test_every_figure_is_drawn_and_told_in_words(page: Page) -> None:
    plots = page.locator(".plot")
    assert plots.count() == 14
    for i in range(plots.count()):
        assert plots.nth(i).locator(".main-svg").count() >= 1
        words = plots.nth(i).get_attribute("aria-label") or ""
        assert re.search(r"(idle|greedy).*\d", words), words
    assert page.locator("#map-words").inner_text().startswith("Lowest ")


def test_the_slider_goes_through_the_day(page: Page) -> None:
    slider = page.locator("#map-time")
    slider.focus()
    page.keyboard.press("Home")
    assert clock(page).endswith("00:15")
    page.keyboard.press("ArrowRight")
    assert clock(page).endswith("00:30")
    assert slider.get_attribute("aria-valuetext") == clock(page)
    early = page.locator("#map-picture .buses").inner_html()
    page.keyboard.press("End")
    assert clock(page).endswith("00:00")
    assert page.locator("#map-picture .buses").inner_html() != early


def test_play_moves_the_trucks_until_it_is_paused(page: Page) -> None:
    page.select_option("#map-controller", label="greedy")
    page.locator("#map-time").focus()
    page.keyboard.press("Home")
    at_home = positions(page)
    while positions(page) == at_home:  # to the first trip
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert page.locator("#map-play").get_attribute("aria-pressed") == "true"
    for _ in range(2):
        page.wait_for_function(ELSEWHERE, arg=positions(page))
    page.keyboard.press("End")
    page.keyboard.press("Home")  # whoever moves the slider stops the play
    assert page.locator("#map-play").get_attribute("aria-pressed") == "false"
    still = positions(page)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert positions(page) == still


def test_play_is_a_button_too(page: Page) -> None:
    before = clock(page)
    page.locator("#map-play").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "before => document.querySelector('#map-clock').innerText !== before", arg=before
    )
    page.click("#map-play")
    assert page.locator("#map-play").get_attribute("aria-pressed") == "false"


CLASH = """() => {
  const frame = document.getElementById("map-picture").getBoundingClientRect();
  const marks = ["#map-picture .labels text[visibility=visible]", "#map-picture .truck"];
  const boxes = marks.map(own => [...document.querySelectorAll(own)]
    .filter(mark => mark.getAttribute("visibility") !== "hidden")
    .map(mark => [mark.textContent, mark.getBoundingClientRect()]));
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const found = [];
  for (const own of boxes) own.forEach(([name, box], i) => {
    if (box.left < frame.left || box.right > frame.right || box.top < frame.top
      || box.bottom > frame.bottom) found.push(`${name} leaves the frame`);
    for (const [other, its] of own.slice(i + 1)) {
      if (meet(box, its)) found.push(`${name} on ${other}`);
    }
  });
  return found;
}"""


def test_the_map_opens_on_the_best_zooms_and_keeps_its_labels_apart(
    visit: Visit, report: Path
) -> None:
    page = visit(report)
    best = "document.getElementById('map-controller').selectedOptions[0].text"
    assert page.evaluate(best) == "idle"  # greedy costs more on these days
    assert re.search(r"[1-9]\d* below", page.locator("#map-words").inner_text())  # its worst step
    names = page.locator("#map-picture .labels text[visibility=visible]")
    assert names.count() == 6
    for width in (1366, 400):
        page.set_viewport_size({"width": width, "height": 900})
        for step in (0, 40, 72, 95):
            page.locator("#map-time").fill(str(step))
            assert page.evaluate(CLASH) == []
    sizes = "getComputedStyle(document.querySelector('#map-picture .labels text')).fontSize"
    assert page.evaluate(sizes) == "12.5px"
    whole = [mark.get_attribute("transform") for mark in page.locator(".buses path").all()]
    page.click("#map-in")
    page.click("#map-in")
    near = [mark.get_attribute("transform") for mark in page.locator(".buses path").all()]
    assert len(set(whole) & set(near)) <= 1
    assert page.evaluate(CLASH) == []
    page.click("#map-all")
    again = [mark.get_attribute("transform") for mark in page.locator(".buses path").all()]
    assert again == whole
    page.wait_for_function("() => document.documentElement.scrollWidth <= 400")


def test_lines_roads_and_cars_show_how_they_are_at_the_time(page: Page) -> None:
    drawn = {"lines": set[str](), "roads": set[str](), "cars": set[str]()}
    for step in range(0, 96, 5):
        page.locator("#map-time").fill(str(step))
        for kind, marks, what in (
            ("lines", ".feeder line", "class"),
            ("roads", ".roads line", "class"),
            ("cars", ".cars path", "fill"),
        ):
            drawn[kind] |= set(
                page.locator(f"#map-picture {marks}").evaluate_all(
                    f"marks => marks.map(mark => mark.getAttribute('{what}') || '')"
                )
            )
    assert {"", "open", "busy", "over"} <= drawn["lines"]
    assert {"", "slow"} <= drawn["roads"]
    assert len(drawn["cars"]) == 2  # charging and not
    title = page.locator("#map-picture .feeder line title").first.text_content() or ""
    assert re.fullmatch(r"0-1: \d+ %", title)
    assert "Highest loading " in page.locator("#map-words").inner_text()


def test_another_controller_is_another_day_of_trucks(page: Page) -> None:
    page.locator("#map-time").focus()
    page.keyboard.press("End")
    page.select_option("#map-controller", label="idle")
    idle = page.locator("#map-trucks").inner_text()
    page.select_option("#map-controller", label="greedy")
    assert page.locator("#map-trucks").inner_text() != idle


def test_buses_beyond_their_limits_have_another_shape(page: Page) -> None:
    words = page.locator("#map-words").inner_text()
    found = re.search(r"(\d+) below, (\d+) above", words)
    assert found, words
    shapes = [
        str(mark.get_attribute("d")) for mark in page.locator("#map-picture .buses path").all()
    ]
    beyond = [shape for shape in shapes if shape.startswith(("M-7.5 -5", "M-7.5 5"))]
    assert len(beyond) == int(found[1]) + int(found[2]) > 0


def test_a_line_out_of_service_is_drawn_while_it_is_out(visit: Visit, tmp_path: Path) -> None:
    fixed = {"line": "5-6", "from_h": 18.0, "hours": 2.0}
    scenario = load_scenario("ieee33", {"outages.fixed": [fixed]})
    run(scenario, "idle", verify="off", out=tmp_path / "run")
    page = visit(write_report(tmp_path / "run"))
    drawn = page.locator("#map-picture .outage line:not(.near)")
    words = page.locator("#map-words")
    for step, is_out in ((71, False), (72, True), (79, True), (80, False)):  # ends of steps
        page.locator("#map-time").fill(str(step))
        assert clock(page).endswith(f"{(step + 1) // 4}:{15 * ((step + 1) % 4):02d}")
        assert drawn.is_visible() == is_out
        assert ("Out of service: line 5-6." in words.inner_text()) == is_out
        assert page.locator("#map-picture .feeder .tripped").count() == int(is_out)
        # What lies behind it has no supply: 12 buses and the lines between them.
        assert ("Without supply: 12 buses." in words.inner_text()) == is_out
        assert page.locator("#map-picture .feeder .dead").count() == 12 * int(is_out)
    page.locator("#map-time").fill("75")
    dashes = drawn.evaluate("mark => getComputedStyle(mark).strokeDasharray")
    still_open = page.locator("#map-picture .feeder .open").first
    assert dashes != still_open.evaluate("mark => getComputedStyle(mark).strokeDasharray")
    title = page.locator("#map-picture .outage title")
    hours = r"out of service from \d+ \w+ 18:00 to \d+ \w+ 20:00"
    assert re.fullmatch(f"line 5-6: {hours}", title.text_content() or "")
    box = drawn.bounding_box()
    assert box is not None
    under = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('.outage') !== null",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
    )
    assert under
    assert "Bold and dashed" in page.locator("#map figcaption").inner_text()


def test_tables_sort_by_click_and_by_enter(page: Page) -> None:
    page.click(".days summary")
    table = ".days table"
    header = page.locator(f"{table} thead th").nth(2)
    original = column(page, table, 1)
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    usd = [float(text.replace(",", "")) for text in column(page, table, 3)]
    assert usd == sorted(usd)
    header.locator("button").focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert column(page, table, 3) == [f"{value:,.0f}" for value in sorted(usd, reverse=True)]
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "none"
    assert column(page, table, 1) == original


def test_rows_that_explain_stay_below_what_they_explain(page: Page) -> None:
    table = page.locator("table[data-sortable]").first
    before = table.locator("tbody tr").all_inner_texts()
    table.locator("thead button").nth(1).click()
    after = table.locator("tbody tr").all_inner_texts()
    assert after != before
    first = next(i for i, text in enumerate(after) if text.startswith("Objective"))
    assert after[first + 1].startswith("Mean of the worst")


def test_the_theme_is_the_systems_until_the_reader_chooses(visit: Visit, report: Path) -> None:
    page = visit(report, color_scheme="dark")
    html = page.locator("html")
    text = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    assert html.get_attribute("data-theme") == "dark"
    light_on_dark = page.evaluate(text)
    page.locator("#theme").focus()
    page.keyboard.press("Enter")
    assert html.get_attribute("data-theme") == "light"
    assert page.evaluate(text) != light_on_dark
    page.reload()
    page.wait_for_selector("html[data-drawn='all']", state="attached")
    assert html.get_attribute("data-theme") == "light"


def test_paper_is_white_and_nothing_is_cut_off(visit: Visit, report: Path) -> None:
    page = visit(report, color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 718


SCROLLED = """[...document.querySelectorAll(".scroll")]
  .filter(own => own.scrollWidth > own.clientWidth + 1)
  .map(own => own.querySelector("caption").innerText)"""


@pytest.mark.slow
def test_tables_of_six_controllers_fit_without_sideways_scrolling(
    visit: Visit, tmp_path: Path
) -> None:
    names = ["idle", "curtail", "stationary", "greedy", "day_ahead", "rolling"]
    compare("tiny", names, replications=3, verify="off", out=tmp_path / "six")
    page = visit(write_report(tmp_path / "six"))
    assert page.locator("thead th").filter(has_text="rolling").count() > 2
    for width in (1366, 800):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(SCROLLED) == []
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    assert "Unserved load" not in page.locator("main").inner_text()  # zero everywhere
    page.locator("summary").filter(has_text="zero or missing").click()
    assert "Unserved load" in page.locator("main").inner_text()


def test_what_has_the_focus_is_seen(visit: Visit, report: Path) -> None:
    page = visit(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.slow
def test_every_figure_gives_its_data(visit: Visit, report: Path) -> None:
    page = visit(report)
    links = page.locator("[data-offer] a")
    assert links.count() == 15
    for i in range(links.count()):
        if i == 8:  # Chromium gives a page ten downloads
            page = visit(report)
            links = page.locator("[data-offer] a")
        with page.expect_download() as started:
            links.nth(i).click()
        name = started.value.suggested_filename
        rows = list(csv.reader(io.StringIO(Path(started.value.path()).read_text("utf-8"))))
        assert len(rows) > 1, name
        assert {len(row) for row in rows} == {len(rows[0])}, name
        assert "controller" in rows[0] or "greedy" in rows[0], name


def test_a_single_episode_has_its_report(visit: Visit, report_of_one: Path) -> None:
    page = visit(report_of_one)
    assert page.locator("#map-picture .truck").count() == 3
    assert page.locator("#waterfall .main-svg").count() >= 1
    assert page.locator("#paired").count() == 0
    page.locator("#map-time").focus()
    page.keyboard.press("Home")
    start = positions(page)
    page.keyboard.press("End")
    assert positions(page) != start


def test_a_grid_without_positions_is_drawn_as_a_tree(visit: Visit, tmp_path: Path) -> None:
    import scenarios

    folder = tmp_path / "nowhere"
    folder.mkdir()
    for file in Path(scenarios.__file__).parent.joinpath("tiny").iterdir():
        text = file.read_text("utf-8")
        if file.name == "buses.csv":
            text = text.replace("10,30,0", "10,0,0")
        (folder / file.name).write_text(text, "utf-8")
    run(load_scenario(folder), "idle", verify="off", out=tmp_path / "out")
    page = visit(write_report(tmp_path / "out"))
    assert "as a tree" in page.locator("#map figcaption").inner_text()
    buses = page.locator("#map-picture .buses path")
    assert buses.first.get_attribute("transform") != buses.last.get_attribute("transform")


@pytest.mark.parametrize("hostile", [SCRIPT, IMAGE])
def test_names_from_scenario_files_are_only_names(
    visit: Visit, tmp_path: Path, hostile: str
) -> None:
    import scenarios

    folder = tmp_path / hostile.replace("/", "")
    folder.mkdir()
    for file in Path(scenarios.__file__).parent.joinpath("tiny").iterdir():
        text = file.read_text("utf-8").replace("A village", hostile).replace("village", hostile)
        text = text.replace("Two buses", hostile)
        if file.name == "vehicles.csv":
            text = text.replace("\ntruck,", f"\n{hostile},")
        (folder / file.name).write_text(text, "utf-8")
    for name in ("idle", "greedy"):
        run(load_scenario(folder), name, verify="off", out=tmp_path / name)
        page = visit(write_report(tmp_path / name))
        assert hostile in page.locator("h1").inner_text()
        assert hostile.replace("/", "") in page.locator("header .kicker").inner_text()
        assert hostile in page.locator("#map-trucks").inner_text()
        assert page.locator("img").count() == 0


def test_a_formula_in_a_name_stays_text_in_a_spreadsheet(visit: Visit, report: Path) -> None:
    page = visit(report)
    page.evaluate(
        """document.querySelector('script[data-table="cost"]').textContent =
           '{"columns":["=1+1"],"values":[["@SUM(A1)", -2, "a,b"]]}'"""
    )
    with page.expect_download() as started:
        page.click('[data-offer="cost"] a')
    text = Path(started.value.path()).read_bytes().decode("utf-8")
    assert text == "'=1+1\r\n'@SUM(A1)\r\n-2\r\n\"a,b\"\r\n"


@pytest.mark.slow
def test_two_hundred_episodes_open_at_once(browser: Browser, visit: Visit, tmp_path: Path) -> None:
    scenario = load_scenario("ieee33")
    compare(scenario, ["idle", "greedy"], replications=100, verify="off", out=tmp_path / "study")
    report = write_report(tmp_path / "study")
    assert report.stat().st_size < 8_000_000
    page = visit(report)
    paints = "performance.getEntriesByType('paint').map(entry => entry.startTime)"
    assert max(page.evaluate(paints)) < 3000
    drawn = page.evaluate("performance.getEntriesByName('map drawn')[0].startTime")
    assert drawn < 3000
    assert page.locator(".days tbody tr").count() == 100
