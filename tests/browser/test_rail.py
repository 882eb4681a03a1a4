"""The report of a run with trains, in a browser."""

from __future__ import annotations

import re
from pathlib import Path

from sim.report.html.page import write_report
from sim.study.compare import compare
from tests.browser.conftest import Visit
from tests.rail import railway

SHUTTLE = '''
import numpy as np
from sim.control import FleetPlan, Plan, Visit


class Shuttle:
    """Exchanges the places of two trains, which meet on single track."""

    def start(self, system, rng):
        del system, rng

    def decide(self, observation):
        if observation.period:
            return Plan()
        visits = ((Visit(station=1, depart_h=1.0),), (Visit(station=0, depart_h=1.0),))
        power = np.full((observation.forecast.n_periods, 2), 0.1)
        return Plan(fleet=FleetPlan(visits=visits, p_mw=power))
'''


def test_the_timetable_and_the_rails_on_the_map_are_drawn_and_told_in_words(
    visit: Visit, tmp_path: Path
) -> None:
    controller = tmp_path / "shuttle.py"
    controller.write_text(SHUTTLE, encoding="utf-8")
    scenario = railway(tmp_path / "rail")
    names = ["idle", f"{controller}:Shuttle"]
    compare(scenario, names, replications=1, verify="off", out=tmp_path / "out")
    page = visit(write_report(tmp_path / "out"))
    plot = page.locator("#timetable")
    assert plot.locator(".main-svg").count() >= 1
    assert re.search(r"Shuttle: trains run over 4 spans", plot.get_attribute("aria-label") or "")
    assert "halt" in plot.locator(".ytick").all_text_contents()
    assert page.locator("#map-picture .rails line").count() == 4
