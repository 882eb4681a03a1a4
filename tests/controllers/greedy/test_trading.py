"""When to buy and when to sell, by rule."""

import pytest

from controllers.greedy.trading import EndPrice, best_trade, quotes
from tests.controllers.scheduling.build import battery

LOSSLESS = battery(efficiency_charge=1.0, efficiency_discharge=1.0, wear_usd_per_mwh=0.0)


def trade(prices, energy=0.75, stored=50.0, cells=LOSSLESS, least=1.0, missing=None):
    """Return the trade; energy at the end is worth `stored`, below the middle `missing`."""
    end = EndPrice(
        target_mwh=0.75,
        missing_usd_per_mwh=stored if missing is None else missing,
        surplus_usd_per_mwh=stored,
    )
    return best_trade(cells, energy, quotes(cells, prices), end, least, 1.0)


def test_it_buys_before_a_dearer_hour_and_sells_before_a_cheaper_one():
    assert trade([40.0, 100.0]).sign == -1
    assert trade([40.0, 100.0]).energy_mwh == pytest.approx(0.6)
    assert trade([100.0, 40.0]).sign == 1
    assert trade([100.0, 40.0]).energy_mwh == pytest.approx(0.6)


def test_the_profit_is_that_of_the_best_later_hour():
    assert trade([40.0, 60.0, 100.0]).profit_usd_per_mwh == pytest.approx(60.0)


def test_it_waits_while_enough_hours_before_the_sale_are_cheaper():
    # Filling takes two and a half hours.
    assert trade([45.0, 40.0, 40.0, 40.0, 100.0], energy=0.15).energy_mwh == 0.0
    assert trade([45.0, 40.0, 45.0, 45.0, 100.0], energy=0.15).sign == -1
    assert trade([45.0, 40.0, 45.0, 45.0, 100.0], energy=0.15).energy_mwh > 0


def test_two_valleys_are_used_twice():
    day = [40.0, 80.0, 45.0, 100.0]
    signs = []
    energy = 0.15
    for now in range(4):
        found = trade(day[now:], energy=energy, stored=0.0)
        signs.append(found.sign if found.energy_mwh else 0)
        energy = {-1: 1.35, 0: energy, 1: 0.15}[signs[-1]]
    assert signs == [-1, 1, -1, 1]


def test_losses_and_wear_that_eat_the_spread_forbid_the_trade():
    worn = battery(efficiency_charge=0.9, efficiency_discharge=0.9, wear_usd_per_mwh=10.0)
    assert trade([40.0, 60.0], stored=50.0, cells=worn, energy=0.75).energy_mwh == 0.0


def test_the_price_of_stored_energy_is_one_more_hour():
    assert trade([40.0], stored=50.0).sign == -1
    assert trade([60.0], stored=50.0).sign == 1
    assert trade([50.0], stored=50.0).energy_mwh == 0.0


def test_a_battery_ends_at_its_target_where_more_is_worth_nothing():
    below = trade([40.0], energy=0.5, stored=0.0, missing=110.0)
    assert (below.sign, below.energy_mwh) == (-1, pytest.approx(0.25))
    above = trade([40.0], energy=1.0, stored=0.0, missing=110.0)
    assert (above.sign, above.energy_mwh) == (1, pytest.approx(0.25))
    assert trade([100.0], stored=0.0, missing=110.0).energy_mwh == 0.0


def test_what_is_sold_below_the_target_is_bought_back_in_the_cheapest_hours():
    day, energy, signs = [100.0, 60.0, 45.0, 60.0], 0.75, []
    for now in range(4):
        found = trade(day[now:], energy=energy, stored=0.0, missing=110.0)
        signs.append(found.sign if found.energy_mwh else 0)
        energy -= signs[-1] * min(found.energy_mwh, 0.5)
    assert signs == [1, 1, -1, -1]
    assert energy == pytest.approx(0.75)


def test_a_full_battery_buys_nothing_and_an_empty_one_sells_nothing():
    assert trade([40.0, 100.0], energy=1.35).energy_mwh == 0.0
    assert trade([100.0, 40.0], energy=0.15).energy_mwh == 0.0
