"""The laws hold with several areas, rent, energy budgets and responses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import gridhaul as gh
from sim.control import Capabilities, FleetPlan, Observation, Plan, RentPlan, ResponsePlan, Visit
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.determinism import law_determinism
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.money import law_money
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live, no_guard
from sim.scenario import Scenario
from sim.system.system import System


class Restless:
    """Orders at random everything that areas bring, at every decision and between them."""

    capabilities = Capabilities(replan_on=frozenset({"arrival"}))

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.system, self.rng = system, rng

    def decide(self, observation: Observation) -> Plan:
        n, fleet, rng = observation.forecast.n_periods, len(self.system.vehicles), self.rng
        seen = observation.vehicles
        told = float(observation.load_mw.sum() + observation.forecast.load_mw.sum())
        told += 1e3 * float(seen.energy_mwh.sum())  # what has been exchanged so far
        visits = tuple(
            (
                Visit(
                    station=int(rng.integers(len(self.system.stations))),
                    depart_h=observation.now_h + float(rng.uniform(0, 2)),
                    charge_mwh=float(rng.uniform(0, 1)),
                    discharge_mwh=float(rng.uniform(0, 1)),
                ),
            )
            for _ in range(fleet)
        )
        p_mw = rng.uniform(-0.5, 0.5, (n, fleet)) + 1e-3 * (told % 1)
        return Plan(
            fleet=FleetPlan(visits=visits, p_mw=p_mw),
            response=ResponsePlan(factor=rng.uniform(-1, 1, (n, fleet))),
            rent=RentPlan(usd_per_mwh=rng.uniform(0, 50, (n, len(self.system.areas)))),
        )


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    whole = gh.load_scenario("shared_feeders")
    # Loads ripple inside the hour: the record is hourly.
    record = whole.uncertainty.record
    ripple = np.tile([0.95, 1.05, 0.9, 1.1], len(record.values) // 4)[:, None]
    values = np.clip(record.values * ripple, 0.0, None)
    record = dataclasses.replace(record, values=values)
    rough = dataclasses.replace(whole.uncertainty, record=record)
    return shortened(dataclasses.replace(whole, uncertainty=rough), 8)


@pytest.fixture(scope="module")
def witness(scenario: Scenario):
    return live(scenario, Restless())


def test_nobody_anticipates(scenario: Scenario) -> None:
    law_non_anticipation(scenario, Restless, (1, 3, 6))


def test_one_seed_gives_one_result(scenario: Scenario, witness) -> None:
    law_determinism(scenario, Restless, None, witness.episode)


def test_energy_and_money_close(scenario: Scenario, witness) -> None:
    assert not witness.diary.errors
    assert witness.episode.metrics["failed_decisions"] == 0
    assert {"rent", "stored energy"} <= set(witness.episode.ledger["item"])
    law_energy(scenario, witness.episode)
    law_money(scenario, witness.episode)


def test_energy_closes_without_the_guard(scenario: Scenario) -> None:
    found = live(scenario, Restless(), guard=no_guard)
    law_energy(scenario, found.episode)
    law_money(scenario, found.episode)
    assert (found.episode.vehicles["energy_mwh"] >= 0.05 * 1.5 - 1e-9).all()


def test_the_power_of_a_response_changes_between_steps(witness) -> None:
    """The plan holds for an hour, the response for a quarter: within hours powers differ."""
    exchanges = witness.episode.exchanges
    hour = (exchanges["time_h"] // 1).rename("hour")
    spread = exchanges.groupby(["vehicle", "station", hour])["p_mw"].agg(["min", "max"])
    assert (spread["max"] - spread["min"] > 1e-3).any()


@pytest.mark.parametrize("name", ["profit_usd_by_party.rental", "import_mwh_by_area.B"])
def test_a_share_that_does_not_fit_is_caught(scenario: Scenario, witness, name: str) -> None:
    wrong = witness.episode.metrics | {name: witness.episode.metrics[name] + 0.01}
    with pytest.raises(Broken, match="sums to"):
        law_money(scenario, dataclasses.replace(witness.episode, metrics=wrong))


def test_a_payment_inside_that_only_one_side_knows_is_caught(scenario: Scenario, witness) -> None:
    """Rent that goes to a supplier instead of the owner changes the cost of the whole."""
    book = witness.episode.ledger.copy()
    rent = book.index[book["item"] == "rent"][0]
    book.loc[rent, "payee"] = "suppliers"
    with pytest.raises(Broken, match="does not sum"):
        law_money(scenario, dataclasses.replace(witness.episode, ledger=book))
