"""The laws on a grid whose cars are ordered, and leave when they like."""

from __future__ import annotations

import numpy as np
import pytest

from controllers.multi_objective.multi_objective import MultiObjective, MultiObjectivePlanning
from sim.control import Capabilities, EvPlan, Observation, Plan
from sim.inspect.laws.determinism import law_determinism
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures
from sim.inspect.laws.money import law_money
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.system.system import System

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

CARS = [
    {"name": "feeding", "bus": "18", "count": 40, "p_kw": 7.0, "energy_kwh": 50.0,
     "kwh_per_km": 0.6, "efficiency_charge": 0.9, "p_discharge_kw": 7.0,
     "efficiency_discharge": 0.9, "wear_usd_per_mwh": 10.0},
    {"name": "of the fleet", "bus": "30", "count": 20, "p_kw": 7.0, "energy_kwh": 50.0,
     "kwh_per_km": 0.6, "owner": "fleet", "wear_usd_per_mwh": 10.0, "back_off_h": 3.0},
]  # fmt: skip


class OrdersCars:
    """Orders cars by what it sees of them: whatever leaks shows in its plans."""

    capabilities = Capabilities(requires=frozenset({"evs"}), replan_on=frozenset({"ev_arrival"}))

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.n_groups = len(system.evs)

    def decide(self, observation: Observation) -> Plan:
        evs = observation.evs
        energy_mwh = np.bincount(evs.group, evs.energy_mwh, minlength=self.n_groups)
        laxity_h = np.bincount(evs.group, evs.laxity_h, minlength=self.n_groups)
        p_mw = 0.2 * np.sin(50 * energy_mwh + laxity_h)
        p_mw[1] = -abs(p_mw[1])
        return Plan(ev=EvPlan(p_mw=p_mw[None]))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    overrides = {"ev": CARS, "ev_habits.departure_error_h": 0.5, "outages.per_line_year": 20.0}
    return shortened(load_scenario("ieee33", overrides), 12)


def test_nobody_anticipates_when_cars_come_and_leave(scenario: Scenario) -> None:
    law_non_anticipation(scenario, OrdersCars, (1, 4, 7, 10))


def test_one_seed_gives_one_result(scenario: Scenario) -> None:
    law_determinism(scenario, OrdersCars)


def test_energy_and_money_close(scenario: Scenario) -> None:
    episode, _ = live(scenario, OrdersCars())
    law_energy(scenario, episode)
    law_money(scenario, episode)
    law_named_failures(episode)
    assert episode.metrics["fallbacks"] == 0
    assert episode.metrics["evs_short"] == 0
    assert episode.metrics["clipped_mwh"] > 0
    items = set(zip(episode.ledger["payer"], episode.ledger["item"], strict=True))
    assert {("operator", "wear"), ("fleet", "wear")} <= items
    booked = episode.ledger[episode.ledger["item"] == "stored_energy_change"]
    assert {"operator", "customers"} == {*booked["payer"], *booked["payee"]}


def schedules() -> MultiObjective:
    """Return a controller that schedules cars beside trucks, with little effort."""
    return MultiObjective(
        MultiObjectivePlanning(orders=1, sweeps=1, levels=2, trials=0, retrials=0, prices=0)
    )


def test_who_schedules_cars_beside_trucks_keeps_the_laws(scenario: Scenario) -> None:
    short = shortened(scenario, 6)
    law_non_anticipation(short, schedules, (1, 4))
    law_determinism(short, schedules)
    episode, diary = live(short, schedules())
    law_energy(short, episode)
    law_money(short, episode)
    law_named_failures(episode)
    assert episode.metrics["fallbacks"] == 0
    assert episode.metrics["evs_short"] == 0
    assert all(np.isfinite(plan.ev.p_mw).all() for plan in diary.plans if plan.ev is not None)
    assert any((np.abs(plan.ev.p_mw) > 0.01).any() for plan in diary.plans if plan.ev is not None)
