"""Figures that explain a day agree with the ledger of limits and with the balance of power."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sim.episode.episode import Episode
from sim.report.figures import loading, penalty, supply
from sim.report.figures.drawing import GREY, colours
from sim.scenario import load_scenario
from sim.study.run import run

SCENARIO = load_scenario("ieee33")


@pytest.fixture(scope="module")
def episode() -> Episode:
    return run(SCENARIO, "greedy", verify="off")


@pytest.fixture(scope="module")
def usd(episode: Episode) -> pd.DataFrame:
    system = SCENARIO.system
    limits = penalty.Limits(
        v_min_pu=system.grid.v_min_pu,
        v_max_pu=system.grid.v_max_pu,
        voltage_usd_per_pu_h=system.penalties.voltage_usd_per_pu_h,
        loading_usd_per_percent_h=system.penalties.loading_usd_per_percent_h,
        step_h=system.timing.step_h,
    )
    return penalty.by_place_and_time(episode.vm_pu, episode.loading_percent, limits)


def test_penalties_by_place_and_hour_add_up_to_the_penalty(
    episode: Episode, usd: pd.DataFrame
) -> None:
    by_kind = usd.groupby("kind")["usd"].sum()
    assert by_kind["voltage"] == pytest.approx(episode.metrics["penalty_voltage_usd"])
    assert by_kind["loading"] == pytest.approx(episode.metrics["penalty_loading_usd"])
    drawn = penalty.figure_by_hour({"greedy": usd}, episode.start, 24.0)
    assert sum(np.sum(trace.y) for trace in drawn.data) == pytest.approx(
        episode.metrics["penalty_usd"]
    )
    assert drawn.layout.yaxis.range[1] >= max(np.max(trace.y) for trace in drawn.data)


def test_the_dearest_places_are_named_and_told_in_words(usd: pd.DataFrame) -> None:
    places = penalty.dearest(usd)
    assert places["usd"].is_monotonic_decreasing
    assert set(places["place"].str.split().str[0]) <= {"bus", "branch"}
    words = penalty.alternative({"greedy": usd, "saint": usd.iloc[:0]})
    assert str(places["place"].iloc[0]) in words
    assert "saint: no penalty." in words
    assert len(penalty.figure_by_place({"greedy": usd, "saint": usd.iloc[:0]}).data) == 2


def test_sources_cover_uses_and_losses(episode: Episode) -> None:
    steps = episode.steps
    balance = sum(supply.shares(steps).values())
    assert balance == pytest.approx(steps["loss_mw"].to_numpy(), abs=1e-6)
    assert len(supply.figure({"greedy": steps}, episode.start, 24.0).data) > 4


def test_each_area_has_a_price() -> None:
    scenario = load_scenario("shared_feeders", {"timing.hours": 2})
    episode = run(scenario, "idle", verify="off")
    steps = episode.steps
    prices = supply.import_prices(steps)
    assert list(prices) == ["price in A", "price in B", "price in C"]
    figure = supply.figure({"idle": steps}, episode.start, 2.0)
    drawn = {trace.name: trace.y for trace in figure.data}
    for area in scenario.system.areas:
        name, tariff = f"price in {area.name}", area.tariff.import_usd_per_mwh
        np.testing.assert_array_equal(drawn[name], np.resize(tariff, len(steps)))


def test_the_highest_loading_is_drawn_with_its_branch(episode: Episode) -> None:
    drawn = loading.figure({"greedy": episode.loading_percent}, episode.start)
    assert max(drawn.data[0].y) == pytest.approx(episode.metrics["loading_percent_max"])
    step = int(np.argmax(drawn.data[0].y))
    branch = drawn.data[0].customdata[step]
    assert episode.loading_percent[branch].iloc[step] == max(drawn.data[0].y)


def test_a_controller_has_one_colour_in_every_study() -> None:
    assert colours(["idle", "greedy"])["greedy"] == colours(["greedy", "idle", "x"])["greedy"]
    assert colours(["greedy", "idle"])["idle"] == GREY
    names = ["idle", "greedy", "rolling", "reactive", "market"]
    assert len(set(colours(names).values())) == len(names)
