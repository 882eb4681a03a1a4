"""The laws hold where vehicles move on rails."""

from __future__ import annotations

import numpy as np
import pytest

from sim.control import Capabilities, FleetPlan, Observation, Plan, Visit
from sim.inspect.laws.determinism import law_determinism
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures
from sim.inspect.laws.money import law_money
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.witness import live
from sim.scenario import Scenario
from sim.system.system import System
from tests.rail import railway

LATE = {"rails.delay.mean_h": 0.7}
# A truck goes to and fro between two stations of the railway, and breaks down.
WITH_ROADS = {
    "road_nodes": "name,x_km,y_km\neast,20,1\nfar,30,1\n",
    "road_links": "from_node,to_node,length_km,free_speed_kmh,capacity_veh_h\neast,far,11,40,900\n",
    "stations": "name,bus,rail_node,road_node,plugs,set_up_min\nwest,west,west,,2,0\n"
    "east,east,east,east,2,15\nfar,far,far,far,2,0\nmine,mine,mine,,2,0\n",
    "vehicles": "name,battery,initial_station,usd_per_km\ntruck,wagon,far,1\n",
}
ROUGH = {
    "traffic.demand": [0.8] * 24,
    "traffic.sigma": 0.3,
    "breakdowns.per_1000_km": 20.0,
    "incidents.per_day": 20.0,
}


@pytest.fixture(scope="module", params=["rails", "roads and rails"])
def scenario(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Scenario:
    folder = tmp_path_factory.mktemp("laws") / "rail"
    if request.param == "rails":
        return railway(folder, LATE)
    return railway(folder, LATE | ROUGH, **WITH_ROADS)


class Shunting:
    """Sends every train somewhere else at every decision, and plans with all it is told."""

    capabilities = Capabilities(replan_on=frozenset({"arrival", "delay"}))

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.system = system
        self.rng = rng

    def decide(self, observation: Observation) -> Plan:
        seen = observation.vehicles
        told = float(seen.ready_h.sum() + np.nansum(observation.forecast.rail_h[0]))
        visits = tuple(
            (Visit(station=int(self.rng.integers(4)), depart_h=observation.now_h),)
            for _ in self.system.vehicles
        )
        shape = (observation.forecast.n_periods, len(self.system.vehicles))
        return Plan(
            fleet=FleetPlan(visits=visits, p_mw=self.rng.uniform(-2, 2, shape) * (told % 1))
        )


def no_guard(
    _battery: object, _energy_mwh: float, p_mw: float, q_mvar: float, _duration_h: float
) -> tuple[float, float]:
    return p_mw, q_mvar


def test_nobody_anticipates_the_delay_of_a_train(scenario: Scenario) -> None:
    law_non_anticipation(scenario, Shunting, (1, 2, 4, 7, 10))


def test_one_seed_gives_one_timetable(scenario: Scenario) -> None:
    law_determinism(scenario, Shunting)
    one, two = (live(scenario, Shunting())[0] for _ in range(2))
    assert one.spans.equals(two.spans)


def test_energy_and_money_close_on_rails_with_and_without_the_guard(scenario: Scenario) -> None:
    episode, _ = live(scenario, Shunting())
    assert len(episode.trips) > 4
    assert (episode.events["event"] == "late").any()
    assert (episode.events["event"] == "waiting for track").any()
    assert set(episode.trips["vehicle"]) == {own.name for own in scenario.system.vehicles}
    law_energy(scenario, episode)
    law_money(scenario, episode)
    law_named_failures(episode)
    law_energy(scenario, live(scenario, Shunting(), guard=no_guard)[0])
