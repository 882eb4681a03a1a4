"""Planted faults in decorated functions, which mutmut skips: each breaks a law or a sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim.control import FleetPlan, Observation, Plan
from sim.electrical.electrics import Electrics
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.system.battery import Battery
from sim.system.system import System
from sim.system.timing import Timing


class Steady:
    """Orders one share of the rating from every battery, for ever."""

    def __init__(self, share: float) -> None:
        self.share = share

    def start(self, system: System, rng: object) -> None:
        self.rating_mw = np.array([truck.battery.p_charge_max_mw for truck in system.vehicles])

    def decide(self, observation: Observation) -> Plan:
        rows = np.tile(self.share * self.rating_mw, (observation.forecast.n_periods, 1))
        return Plan(fleet=FleetPlan(p_mw=rows))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return shortened(load_scenario("ieee33"), 8)


@pytest.mark.parametrize(
    ("cls", "name", "factor", "share", "message"),
    [
        (Battery, "energy_initial_mwh", 1.1, 0.0, "the battery's balance is off"),
        (Battery, "energy_max_mwh", 1.2, -1.0, "stored energy .* leaves the limits"),
        (Battery, "energy_min_mwh", 0.5, 1.0, "stored energy .* leaves the limits"),
        (Electrics, "served_mw", 1.01, 0.0, "the grid's balance is off"),
        (Timing, "step_h", 1.1, 0.5, "energy: "),
    ],
)
def test_a_property_that_is_wrong_breaks_the_law_of_energy(
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    cls: type,
    name: str,
    factor: float,
    share: float,
    message: str,
) -> None:
    law_energy(scenario, live(scenario, Steady(share)).episode)
    right: Callable[[object], float] = vars(cls)[name].fget
    with monkeypatch.context() as planted:
        planted.setattr(cls, name, property(lambda self: right(self) * factor))
        episode = live(scenario, Steady(share)).episode
    with pytest.raises(Broken, match=message):
        law_energy(scenario, episode)


def test_load_that_is_lost_and_not_counted_is_missing_in_the_sum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dark = load_scenario("tiny", {"outages.per_line_year": 9000})

    def asked_and_lost_mw() -> tuple[float, float]:
        steps = live(dark, Steady(0.0)).episode.steps
        return float((steps["load_mw"] + steps["unserved_mw"]).sum()), steps["unserved_mw"].sum()

    asked_mw, lost_mw = asked_and_lost_mw()
    assert lost_mw > 0
    whole = live(load_scenario("tiny"), Steady(0.0)).episode.steps
    assert asked_mw == pytest.approx(whole["load_mw"].sum())
    right = vars(Electrics)["unserved_mw"].fget
    monkeypatch.setattr(Electrics, "unserved_mw", property(lambda self: 0.5 * right(self)))
    assert asked_and_lost_mw()[0] < asked_mw - 0.1
