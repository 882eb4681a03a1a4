"""Links with volume-delay functions of their own: speeds, incidents, forecasts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.scenario import Scenario, load_scenario
from sim.scenario.export import export_scenario
from sim.uncertainty.events import Incidents, draw_incidents
from sim.uncertainty.realisation import Nature
from sim.uncertainty.traffic import link_speed
from sim.uncertainty.travel import TravelForecaster
from sim.uncertainty.volume_delay import laws_of

QUIET = {"traffic.demand": [0.8] * 24, "incidents.per_day": 0.0}


def with_laws(scenario: Scenario, alpha: float, beta: float) -> Scenario:
    """Return a scenario whose odd links have these parameters; the others have none."""
    roads = scenario.system.roads
    odd = np.arange(roads.n_links) % 2 == 1
    own = replace(roads, alpha=np.where(odd, alpha, np.nan), beta=np.where(odd, beta, np.nan))
    return replace(scenario, system=replace(scenario.system, roads=own))


def travel(scenario: Scenario) -> TravelForecaster:
    return Nature.build(scenario.system, scenario.uncertainty).travel


def test_speeds_follow_the_function_of_each_link() -> None:
    scenario = with_laws(load_scenario("ieee33", QUIET), 0.6, 2.0)
    roads, traffic = scenario.system.roads, scenario.uncertainty.traffic
    state = np.zeros((1, roads.n_links))
    share = (
        link_speed(scenario.system, traffic, laws_of(roads, traffic), state, 0)[0]
        / roads.free_speed_kmh
    )
    ratio = 0.8 * np.exp(-(traffic.sigma**2) / 2)
    assert share[1::2] == pytest.approx(1 / (1 + 0.6 * ratio**2))
    assert share[::2] == pytest.approx(1 / (1 + 0.15 * ratio**4))


def test_columns_of_the_table_reach_the_roads(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    export_scenario("tiny", folder)
    table = folder / "road_links.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},alpha,beta", *(f"{row},0.7,3" for row in rows)]) + "\n")
    scenario = load_scenario(str(folder))
    laws = laws_of(scenario.system.roads, scenario.uncertainty.traffic)
    assert (laws.alpha.tolist(), laws.beta.tolist()) == ([0.7], [3.0])


def test_parameters_that_all_links_share_change_nothing() -> None:
    """Bit by bit: the parameters of the traffic, written out for every link."""
    scenario = load_scenario("ieee33")
    traffic = scenario.uncertainty.traffic
    spelled_out = with_laws(scenario, traffic.alpha, traffic.beta)
    n_links = scenario.system.roads.n_links
    now = np.linspace(-1, 1, n_links), np.ones(n_links), 7.2, np.arange(6.0)
    for one, other in zip(
        travel(scenario).forecast(*now).everywhere(),
        travel(spelled_out).forecast(*now).everywhere(),
        strict=True,
    ):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(("sigma", "tolerance"), [(0.0, 1e-9), (0.3, 0.02)])
def test_a_forecast_is_the_mean_over_links_of_different_functions(
    sigma: float, tolerance: float
) -> None:
    """Far ahead, the state of now tells nothing: means of log-normal link times add up."""
    scenario = with_laws(load_scenario("ieee33", {**QUIET, "traffic.sigma": sigma}), 0.9, 1.5)
    forecaster = travel(scenario)
    n_links = scenario.system.roads.n_links
    found = forecaster.forecast(np.zeros(n_links), np.ones(n_links), 0.0, np.array([23.0]))
    alpha, beta = laws_of(scenario.system.roads, scenario.uncertainty.traffic).by_link()
    mean_h = forecaster.free_link_h * (
        1 + alpha * 0.8**beta * np.exp(sigma**2 * beta * (beta - 1) / 2)
    )
    ways = forecaster.ways_from(0)
    for place in range(1, len(forecaster.node)):
        station = int(np.flatnonzero(forecaster.place == place)[0])
        best = min(mean_h[way[way >= 0]].sum() for way in ways.links[place] if (way >= 0).any())
        assert found.from_station(0).mean[0, station] == pytest.approx(best, rel=tolerance)


def test_an_incident_stretches_a_link_by_its_own_exponent() -> None:
    scenario = with_laws(load_scenario("ieee33"), 0.15, 2.0)
    beta = np.where(np.arange(scenario.system.roads.n_links) % 2 == 1, 2.0, 4.0)
    incidents = Incidents(per_day=50.0, capacity_loss=0.5)
    found = draw_incidents(scenario.system, incidents, beta, 1, 0)
    assert {each.link % 2: each.stretch for each in found} == {0: 16.0, 1: 4.0}
