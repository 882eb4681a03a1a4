"""An operator's answer is optimal at the published prices and visits, by a second formulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.shared_rental.offers import CHARGE, DISCHARGE, Answer, Leg
from controllers.shared_rental.operators import answer
from controllers.uncertainty_sets.chance.moments import kappa
from tests.controllers.shared_rental.morning import best, case, observation, scenario
from tests.controllers.shared_rental.oracle import least_cost, voltages_and_flows

AREAS = range(3)


def reference(own, legs, area, price, *, eps=None):
    """Least cost of the oracle; a chance row of the first line sees the loads' error only."""
    operator = own.operators[area]
    left = np.zeros(own.n_periods)
    if eps is not None:
        # Net load of the area per unit of its one load profile.
        system, forecast = scenario().system, observation().forecast
        loads = np.flatnonzero(system.bus_area[system.loads.bus] == area)
        (profile,) = set(system.loads.profile[loads].tolist())
        per_unit = system.loads.p_mw[loads].sum()
        left = kappa(eps) * per_unit * forecast.profile_step_std[:, profile]
    described = [
        {
            "first": leg.first,
            "last": leg.last,
            "sign": leg.direction,
            "most_mw": 0.5,
            "budget_mwh": leg.budget_mwh,
            "stored": -operator.import_usd_per_mwh
            if leg.direction == CHARGE
            else leg.stored_usd_per_mwh,
        }
        for leg in legs
    ]
    return least_cost(
        scenario().system, observation().forecast, area, described, price[:, area], left
    )


@pytest.mark.parametrize("area", AREAS)
def test_the_published_answer_is_optimal_without_errors(area):
    own, settled = case("none"), best("none").settled
    legs = settled.offer.of_area(area)
    wanted = reference(own, legs, area, settled.offer.price_usd_per_mwh)
    assert settled.answers[area].cost_usd == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("area", AREAS)
def test_the_published_answer_is_optimal_with_chance_rows(area):
    """Participation factors can only help: at zero the oracle costs at least as much."""
    own, settled = case(), best().settled
    legs = settled.offer.of_area(area)
    price = settled.offer.price_usd_per_mwh
    at_zero = reference(own, legs, area, price, eps=0.05)
    without = reference(own, legs, area, price)
    assert without - 0.01 <= settled.answers[area].cost_usd <= at_zero + 0.01


def test_an_answer_that_is_not_optimal_would_be_found_out():
    """A planted fault: what is told at another price costs more than the optimum there."""
    own, settled = case("none"), best("none").settled
    area = 0
    legs = settled.offer.of_area(area)
    dear = settled.offer.price_usd_per_mwh + 200.0
    wanted = reference(own, legs, area, dear)
    told = answer(own, area, legs, dear[:, area], WorkLimits(), settled.answers[area].use_mw)
    assert told.cost_usd > wanted + 1.0


@pytest.mark.parametrize("area", AREAS)
def test_rows_are_lindistflow(area):
    """Limits of voltages and flows stand where a walk through the feeder says."""
    system, forecast, t = scenario().system, observation().forecast, 3
    operator = case().operators[area]
    p_mw, q_mvar = np.zeros((2, system.grid.n_buses))
    np.subtract.at(p_mw, system.loads.bus, forecast.load_mw[t])
    np.subtract.at(q_mvar, system.loads.bus, forecast.load_mvar[t])
    np.add.at(p_mw, system.generators.bus, forecast.available_mw[t])
    p_mw[system.stations[operator.station].bus] += 0.3
    v, flow = voltages_and_flows(system, area, p_mw, q_mvar)
    stands = operator.rows.base[t] + 0.3 * operator.rows.of_p
    n = 33
    buses = np.flatnonzero(system.bus_area == area)
    assert stands[:n] == pytest.approx(v[buses] - 1.05**2, abs=1e-9)
    own = np.flatnonzero(np.isin(system.grid.lines.from_bus, buses))
    moved = operator.rows.of_p[n : n + len(own)] * 0.3
    assert sorted(np.abs(moved) > 0.1) == sorted(np.abs(moved) > 0)  # in or out of the path
    assert np.isfinite(flow[own]).all()


def leg(**changes) -> Leg:
    values = {
        "vehicle": 0,
        "area": 0,
        "first": 2,
        "last": 5,
        "direction": CHARGE,
        "budget_mwh": 0.7,
        "stored_usd_per_mwh": 0.0,
    }
    return Leg(**(values | changes))


def test_budget_power_and_window_are_kept():
    own = case()
    free = np.zeros(own.n_periods)
    found = answer(own, 0, [leg()], free, WorkLimits())
    (use,) = found.use_mw
    assert use.sum() * own.period_h <= 0.7 + 1e-9
    assert use[[0, 1, *range(5, 10)]] == pytest.approx(0.0)
    assert use.max() <= 0.5 + 1e-9


def test_nobody_rents_at_a_price_above_its_worth():
    own = case()
    dear = np.full(own.n_periods, 500.0)
    for direction in (CHARGE, DISCHARGE):
        found = answer(own, 2, [leg(area=2, direction=direction)], dear, WorkLimits())
        assert found.use_mw.sum() == pytest.approx(0.0, abs=1e-5)


def of_two_trucks(*, responds: bool) -> Answer:
    own = case()
    legs = [leg(vehicle=k, budget_mwh=1.4, responds=responds) for k in range(2)]
    return answer(own, 0, legs, np.full(own.n_periods, 30.0), WorkLimits())


def test_a_response_keeps_sign_power_and_budget():
    """Where responding is free of charge, factors stay within what battery and budget leave."""
    own = case()
    operator = own.operators[0]
    found = of_two_trucks(responds=True)
    reach = np.array([own.margin.reach(e, operator.error_mw) for e in operator.errors])
    reserved = found.factor * reach
    assert reserved.sum() > 0.01
    assert (found.use_mw - reserved >= -1e-7).all()
    assert (found.use_mw + reserved <= 0.5 + 1e-7).all()
    assert ((found.use_mw + reserved).sum(axis=1) <= 1.4 + 1e-6).all()


def test_an_owner_may_withhold_the_response():
    with_it, without = (of_two_trucks(responds=responds) for responds in (True, False))
    assert without.factor.max() == pytest.approx(0.0, abs=1e-9)
    assert without.cost_usd > with_it.cost_usd + 0.01


def test_the_cost_of_chance_rows_is_at_most_that_of_boxes_with_the_same_kappa():
    """At fixed prices and visits, each row has the same kappa: DRO <= RO; without errors least."""
    settled = best().settled
    cost = {}
    for name in ("none", "chance", "box"):
        own = case(name)
        cost[name] = sum(
            answer(
                own,
                area,
                settled.offer.of_area(area),
                settled.offer.price_usd_per_mwh[:, area],
                WorkLimits(),
            ).cost_usd
            for area in AREAS
        )
    assert cost["none"] <= cost["chance"] + 1e-6
    # The polyhedron of a cone asks for 0.5 % more than kappa.
    assert cost["chance"] <= cost["box"] + 0.01
    assert cost["box"] - cost["none"] > 0.1


def test_stored_energy_and_rent_are_told_apart():
    settled = best().settled
    for area, own in settled.answers.items():
        legs = settled.offer.of_area(area)
        price = settled.offer.price_usd_per_mwh[:, area]
        rent = sum(float(price @ use) for use in own.use_mw)
        assert own.rent_usd == pytest.approx(rent, abs=1e-6)
        if all(each.direction == CHARGE for each in legs):
            assert own.stored_usd <= 0
    assert replace(settled.offer, legs=()).of_area(0) == ()
