"""Cars leave before they come home."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import stats

from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.uncertainty.evs import EvHabits, EvSessions, draw_sessions

N_CARS, N_DAYS = 300, 6


def sessions_of_single_cars() -> EvSessions:
    """Return the stays of cars each of which is a group of its own."""
    system = load_scenario("tiny").system
    cars = tuple(
        EvGroup(name=f"car {k}", bus=0, count=1, p_mw=0.007, energy_mwh=0.04, mwh_per_km=0.0002)
        for k in range(N_CARS)
    )
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
