"""Cars leave before they come home."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import stats

from sim.control import EvStates
from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.uncertainty.evs import EvForecaster, EvHabits, EvSessions, charging_mw, draw_sessions

N_CARS, N_DAYS = 300, 6


def sessions_of_single_cars(**group: float) -> EvSessions:
    """Return the stays of cars each of which is a group of its own."""
    system = load_scenario("tiny").system
    car = EvGroup(name="car", bus=0, count=1, p_mw=0.007, energy_mwh=0.04, mwh_per_km=0.0002)
    cars = tuple(dataclasses.replace(car, name=f"car {k}", **group) for k in range(N_CARS))
    timing = dataclasses.replace(
        system.timing, n_periods=round(24 * N_DAYS / system.timing.period_h)
    )
    system = dataclasses.replace(system, evs=cars, timing=timing)
    return draw_sessions(system, EvHabits(), 1, 0)


def test_no_car_arrives_before_it_has_left() -> None:
    found = sessions_of_single_cars()
    for car in range(N_CARS):
        own = found.group == car
        arrival_h, departure_h = found.arrival_h[own], found.departure_h[own]
        assert (np.diff(arrival_h) > 0).all()
        assert (arrival_h[1:] > departure_h[:-1]).all()
        assert (departure_h >= arrival_h).all()


def test_arrivals_keep_their_law() -> None:
    found, habits = sessions_of_single_cars(), EvHabits()
    whole = (found.arrival_h > 0) & (found.arrival_h < 24 * (N_DAYS - 1))
    hour = (found.arrival_h[whole] - 4) % 24 + 4
    law = stats.weibull_min(habits.arrival_shape, scale=habits.arrival_scale_h)
    low, high = law.cdf([4, 28])
    # Cut to (4, 28] hours; that they come after the departure moves the law by half a percent.
    test = stats.kstest(hour, lambda x: (law.cdf(x) - low) / (high - low))
    assert test.statistic < 1.63 / np.sqrt(len(hour)) + 0.006  # level 1 %


def test_who_waits_for_midnight_charges_after_it_and_is_full_in_the_morning() -> None:
    at_once, waits = sessions_of_single_cars(), sessions_of_single_cars(charge_from_h=24.0)
    np.testing.assert_array_equal(at_once.start_h, at_once.arrival_h)
    np.testing.assert_array_equal(at_once.arrival_h, waits.arrival_h)
    speed_mw = 0.007
    latest_h = np.maximum(waits.departure_h - waits.owed_mwh / speed_mw, waits.arrival_h)
    midnight_h = 24 * np.ceil((waits.arrival_h - 4.0) / 24)
    later = waits.arrival_h > 0
    expected_h = np.minimum(np.maximum(waits.arrival_h, midnight_h), latest_h)
    np.testing.assert_allclose(waits.start_h[later], expected_h[later])
    assert (waits.start_h[later] > waits.arrival_h[later] + 3).mean() > 0.5


def test_the_baseline_knows_of_the_hour() -> None:
    """In the mean over days, cars that wait draw what the forecast of the baseline says."""
    system = load_scenario(
        "residential_ev", {"ev.*.charge_from_h": 22, "ev.*.back_off_h": 3}
    ).system
    expected = EvForecaster.build(system, EvHabits()).forecast(8, 16, EvStates.none())
    days = [draw_sessions(system, EvHabits(), 1, k) for k in range(40)]
    # At 8 h hardly anybody is at home; who still is would be known.
    away = [
        dataclasses.replace(
            own, owed_mwh=np.where((own.arrival_h > 8) & (own.arrival_h < 24), own.owed_mwh, 0.0)
        )
        for own in days
    ]
    lived = np.mean([charging_mw(system, own, 8, 16) for own in away], axis=0)
    assert lived[:14].sum() < 0.1 * lived.sum()
    np.testing.assert_allclose(lived.sum(axis=1), expected.sum(axis=1), atol=0.05)
