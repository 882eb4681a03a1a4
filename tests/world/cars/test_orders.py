"""Orders to cars in the world: what is refused, what is seen, what it costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from sim.control import EvPlan, Observation, Plan
from sim.episode.episode import Episode
from sim.errors import PlanError
from sim.inspect.laws.witness import Diary, live
from sim.scenario import Scenario, load_scenario
from sim.units import FloatArray
from sim.world.guard import checked_plan
from tests.world.build import Scripted

PRICE = 60.0
FEEDING = {
    "name": "feeding", "bus": "18", "count": 50, "p_kw": 7.0, "energy_kwh": 50.0,
    "kwh_per_km": 0.15, "efficiency_charge": 0.9, "p_discharge_kw": 7.0,
    "efficiency_discharge": 0.9, "wear_usd_per_mwh": 5.0,
}  # fmt: skip
ALONE = {**FEEDING, "name": "alone", "orderable": False, "p_discharge_kw": 0.0, "bus": "30"}


@cache
def flat() -> Scenario:
    """Return a day at one price for energy bought, sold and stored, on which cars can feed in."""
    scenario = load_scenario("ieee33", {"ev": [FEEDING, ALONE]})
    tariff = scenario.system.tariff
    same = np.full_like(tariff.import_usd_per_mwh, PRICE)
    tariff = dataclasses.replace(
        tariff, import_usd_per_mwh=same, export_usd_per_mwh=same, stored_usd_per_mwh=PRICE
    )
    return dataclasses.replace(scenario, system=dataclasses.replace(scenario.system, tariff=tariff))


def day(p_mw: float | None, **group: object) -> tuple[Episode, Diary]:
    """Return a day on which the first group is ordered one power throughout."""
    scenario = flat()
    first = dataclasses.replace(scenario.system.evs[0], **group)
    system = dataclasses.replace(scenario.system, evs=(first, scenario.system.evs[1]))
    plan = Plan()
    if p_mw is not None:
        rows = np.full((system.timing.n_periods, 2), np.nan)
        rows[:, 0] = p_mw
        plan = Plan(ev=EvPlan(p_mw=rows))
    return live(dataclasses.replace(scenario, system=system), Scripted(plan))


def test_emptying_cars_earns_nothing() -> None:
    alone, _ = day(None)
    emptied, _ = day(1.0)
    assert emptied.metrics["ev_mwh"] < alone.metrics["ev_mwh"] - 0.3
    assert emptied.metrics["evs_short"] == 0
    assert emptied.metrics["cost_usd"] > alone.metrics["cost_usd"]
    booked = emptied.ledger.groupby("item")["usd"].sum()
    assert booked["stored_energy_change"] > 0.3 * PRICE
    wear = emptied.ledger[emptied.ledger["item"] == "wear"]
    assert set(wear["payee"]) == {"customers"}
    # Nobody has ordered anything: nothing is booked.
    quiet = alone.ledger[alone.ledger["payer"] != "fleet"]
    assert "stored_energy_change" not in set(quiet["item"])


def test_cars_that_cannot_feed_in_do_not() -> None:
    episode, _ = day(1.0, p_discharge_max_mw=0.0, efficiency_discharge=None)
    assert (episode.steps["ev_mw"] >= 0).all()


def test_a_controller_sees_what_it_orders() -> None:
    _, diary = day(-0.05)
    for observation in diary.observations:
        evs = observation.evs
        assert len(set(zip(evs.group.tolist(), evs.car.tolist(), strict=True))) == len(evs.car)
        np.testing.assert_allclose(evs.energy_mwh + evs.owed_mwh, 0.05)
        left_h = np.maximum(evs.departure_h - observation.now_h, 0.0)
        speed_mw = 0.007 * 0.9
        expected_h = left_h - (evs.next_trip_mwh - evs.energy_mwh) / speed_mw
        np.testing.assert_allclose(evs.laxity_h, expected_h, atol=1e-9)
        np.testing.assert_array_equal(evs.discharge_max_mw, 0.007 * (evs.group == 0))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (lambda h: np.zeros((h, 3)), r"shape \(periods, 2\)"),
        (lambda h: np.zeros((0 * h, 2)), "0 rows"),
        (lambda h: np.array([[np.inf, np.nan]]), "feeding must be finite, or NaN"),
        (lambda h: np.array([[0.0, 0.0]]), "orders alone, whose cars take no orders"),
        (lambda h: np.zeros((1, 2), dtype=np.complex128), "real numbers"),
    ],
)
def test_a_plan_without_meaning_is_refused(rows: Callable[[int], FloatArray], words: str) -> None:
    system = flat().system
    plan = Plan(ev=EvPlan(p_mw=rows(system.timing.horizon)))
    with pytest.raises(PlanError, match=words):
        checked_plan(plan, system, system.timing.horizon)


def test_cars_that_are_not_there_cannot_be_ordered() -> None:
    with pytest.raises(PlanError, match="has none"):
        checked_plan(Plan(ev=EvPlan(p_mw=np.zeros((1, 0)))), load_scenario("tiny").system, 4)


def test_an_order_to_rest_delays_and_a_withdrawn_one_resumes() -> None:
    def script(observation: Observation) -> Plan:
        row = np.array([[0.0 if 12 <= observation.period < 20 else np.nan, np.nan]])
        return Plan(ev=EvPlan(p_mw=row))

    episode, _ = live(flat(), Scripted(script))
    alone, _ = day(None)
    evening = slice(4 * 16, 4 * 20)
    assert episode.steps["ev_mw"][evening].sum() < 0.7 * alone.steps["ev_mw"][evening].sum()
    night = slice(4 * 20, 4 * 24)
    assert episode.steps["ev_mw"][night].sum() > alone.steps["ev_mw"][night].sum()
