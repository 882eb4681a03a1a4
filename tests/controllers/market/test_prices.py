"""Prices after redispatch are what a MW more costs it, found by re-solving from scratch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

import controllers.market.market as market
import gridhaul as gh
from controllers.market.clearing import clear, market_model
from controllers.market.prices import locational_marginal_price, stored_energy_price
from tests.controllers.market.six_bus import six_bus

HOURS = (6, 11, 16, 19, 20, 21)


def least_usd(found, energy_usd, extra=None, at=None):
    """Return the cost of the redispatch by HiGHS, modes integer, `extra` MW at (period, bus).

    `energy_usd` prices energy that the train may have at the start beside its own; None for none.
    """
    model = found.model
    linear, trains = model.linear, model.recourse.trains
    lower, upper = linear.lower.copy(), linear.upper.copy()
    for part in (model.commitment.on, model.routes.taken):
        lower[part] = upper[part] = np.round(found.values[part])
    row_lower, row_upper = linear.row_lower.copy(), linear.row_upper.copy()
    if at is not None:
        row = model.recourse.balance[0][at]
        row_lower[row] += extra
        row_upper[row] += extra
    matrix = np.hstack([linear.matrix.toarray(), np.zeros((linear.matrix.shape[0], 1))])
    matrix[trains.energy_row[0, 0, 0], -1] = -1.0
    solution = milp(
        np.append(linear.cost, 0.0 if energy_usd is None else energy_usd[0]),
        constraints=LinearConstraint(matrix, row_lower, row_upper),
        bounds=Bounds(np.append(lower, 0.0), np.append(upper, 0 if energy_usd is None else np.inf)),
        integrality=np.append(linear.integer, False),
        options={"mip_rel_gap": 0.0},
    )
    assert solution.status == 0
    return solution.fun


@pytest.fixture(scope="module")
def redispatched():
    """Return the redispatch, the price of energy and the prices of each hour of the day."""
    seen = []

    def spy(found, energy_usd=None):
        price = locational_marginal_price(found, energy_usd)
        seen.append((found, energy_usd, price))
        return price

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(market, "locational_marginal_price", spy)
        scenario = gh.load_scenario("six_bus_rail")
        gh.run(
            scenario, gh.ControllerSpec(name="market", parameters=(("gap", 1e-4),)), verify="off"
        )
    assert len(seen) == 24
    return seen


@pytest.mark.parametrize("hour", HOURS)
def test_a_price_is_what_one_more_mw_costs_the_redispatch(redispatched, hour):
    found, energy_usd, price = redispatched[hour - 1]
    base = least_usd(found, energy_usd)
    for bus in range(6):
        for step_mw in (0.1, 1.0):
            cost = least_usd(found, energy_usd, step_mw, (0, bus)) - base
            assert price[0, bus] == pytest.approx(cost / step_mw, abs=0.1)


def test_energy_that_is_used_up_is_no_scarcity(redispatched):
    """In hours 19 to 21 the train gives the last it has: a dual there is that of lost load."""
    day_ahead = redispatched[0][2]
    for hour in (19, 20, 21):
        found, _, price = redispatched[hour - 1]
        assert found.shed_mw.sum() < 1e-6
        assert price[0] == pytest.approx(day_ahead[hour - 1], abs=0.1)
        assert price[0, 3] == pytest.approx(44.59, abs=0.1)


def test_power_that_is_used_up_is():
    """With loads doubled for an hour all units and lines are full, and load is shed."""
    day = six_bus()
    load = day.demand.mw.copy()
    load[18] *= 1.6
    object.__setattr__(day.demand, "mw", load)
    found = clear(market_model(day))
    assert found.shed_mw[0, 18].sum() > 1.0
    price = locational_marginal_price(found)
    assert price[18].max() == pytest.approx(1045.0)
    assert price[10].max() < 60.0


def test_stored_energy_is_worth_what_it_replaces(redispatched):
    """A MWh in the evening gives 0.9 MWh at bus 4 instead of the dear unit, less wear."""
    value = stored_energy_price(redispatched[0][0])[:, 0]
    assert value[19] == pytest.approx(0.9 * (44.59 - 1.0), abs=0.02)
    assert (np.diff(value[8:21]) < 1e-6).all()
