"""The laws hold where vehicles move on rails."""

from __future__ import annotations

import numpy as np
import pytest

from sim.control import FleetPlan, Observation, Plan, Visit
from sim.scenario import Scenario
from sim.system.system import System
from tests.contract.laws import (
    law_determinism,
    law_energy,
    law_money,
    law_named_failures,
    law_non_anticipation,
    live,
)
from tests.rail import railway


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    return railway(tmp_path_factory.mktemp("laws") / "rail", {"rails.delay.mean_h": 0.7})


class Shunting:
    """Sends every train somewhere else at every decision, and plans with all it is told."""

    replan_on = frozenset({"arrival", "delay"})

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
    episode, _, _ = live(scenario, Shunting())
    assert len(episode.trips) > 4
    assert (episode.events["event"] == "late").any()
    assert (episode.events["event"] == "waiting for track").any()
    law_energy(scenario, episode)
    law_money(scenario, episode)
    law_named_failures(episode)
    law_energy(scenario, live(scenario, Shunting(), guard=no_guard)[0])
