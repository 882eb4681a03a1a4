"""The figure of cars: what they drew, inside what they could have drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sim.control import EvPlan, Plan
from sim.episode.episode import Episode
from sim.inspect.laws.witness import live
from sim.report.figures import cars
from sim.scenario import load_scenario
from tests.world.build import Scripted

V2G = {"ev.*.p_discharge_kw": 7, "ev.*.efficiency_discharge": 0.9}


@pytest.fixture(scope="module")
def lived() -> dict[str, Episode]:
    scenario = load_scenario("residential_ev", {"timing.hours": 12, **V2G})
    rows = np.random.default_rng(0).uniform(-0.1, 0.1, (12, 10))
    plans = {
        "nothing": Plan(),
        "charging": Plan(ev=EvPlan(p_mw=np.minimum(rows, 0.0))),
        "noise": Plan(ev=EvPlan(p_mw=rows)),
        "all in": Plan(ev=EvPlan(p_mw=np.full((12, 10), 9.0))),
        "all out": Plan(ev=EvPlan(p_mw=np.full((12, 10), -9.0))),
    }
    return {name: live(scenario, Scripted(plan))[0] for name, plan in plans.items()}


def test_what_cars_draw_lies_between_the_least_and_the_most(lived: dict[str, Episode]) -> None:
    for episode in lived.values():
        table = episode.ev_groups
        night = table[table["time_h"] < 4]  # then nobody has come home from a drained stay
        assert (night["drawn_mwh"] >= night["least_mwh"] - 1e-9).all()
        if (night["p_mw"] >= 0).all():  # who feeds in and charges again draws losses on top
            assert (night["drawn_mwh"] <= night["most_mwh"] + 1e-9).all()
    for name, bound in (("all in", "least_mwh"), ("all out", "most_mwh")):
        night = lived[name].ev_groups.query("time_h < 4")
        np.testing.assert_allclose(night["drawn_mwh"], night[bound], atol=1e-7)


def test_the_figure_draws_sums_over_groups_and_says_them(lived: dict[str, Episode]) -> None:
    tables = {name: own.ev_groups for name, own in lived.items()}
    drawn = cars.figure(tables, pd.Timestamp("2016-05-01"), 12.0)
    assert len(drawn.data) == 3 * len(tables)
    for k, table in enumerate(tables.values()):
        least, most, done = (trace.y for trace in drawn.data[3 * k : 3 * k + 3])
        assert len(done) == 48
        expected = table.groupby("time_h")["drawn_mwh"].sum()
        np.testing.assert_allclose(done, expected)
        assert (np.asarray(most) >= np.asarray(least)).all()
    low, high = drawn.layout.yaxis.range
    assert low < min(trace.y.min() for trace in drawn.data)
    assert high > max(trace.y.max() for trace in drawn.data)
    assert "Under all out the cars had drawn" in cars.alternative(tables)
