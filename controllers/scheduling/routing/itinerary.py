"""The best route and powers of one vehicle, by dynamic programming over place and energy."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.units import BoolArray, FloatArray, IntArray

# Slack on energy limits against rounding [MWh].
_SLACK_MWH = 1e-9


@njit(cache=True)
def _value_at(values: FloatArray, energy_mwh: float, first_mwh: float, width_mwh: float) -> float:
    """Return the value of an energy between grid points, linearly interpolated."""
    place = (energy_mwh - first_mwh) / width_mwh
    if place <= 0:
        return float(values[0])
    cell = int(place)
    if cell >= len(values) - 1:
        return float(values[-1])
    share = place - cell
    # Infinite neighbours do not count where the point itself is on the grid.
    if share < 1e-9:
        return float(values[cell])
    return float((1 - share) * values[cell] + share * values[cell + 1])


@njit(cache=True)
def _between(power_mw: float, levels_mw: FloatArray, cost: FloatArray) -> float:
    """Return the cost of a power between two levels, linearly interpolated."""
    n = 1
    while n < len(levels_mw) - 1 and levels_mw[n] < power_mw:
        n += 1
    share = (power_mw - levels_mw[n - 1]) / (levels_mw[n] - levels_mw[n - 1])
    return float((1 - share) * cost[n - 1] + share * cost[n])


@njit(cache=True)
def _trips(
    t: int,
    s: int,
    lower_mwh: FloatArray,
    keep: float,
    hours: float,
    auxiliary_mw: float,
    cost: FloatArray,
    full: BoolArray,
    queue_usd: float,
    duration: IntArray,
    arrival: IntArray,
    trip_usd: FloatArray,
    trip_mwh: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the trips that can start now: cost, and what they make of the energy.

    Returns
    -------
    tuple
        Per goal: cost, infinite where there is no trip [USD]; least energy to start with [MWh];
        share of it and constant that make the energy on arrival [-], [MWh].
    """
    n_periods, n_stations = full.shape
    usd = np.full(n_stations, np.inf)
    least, share, constant = np.zeros(n_stations), np.zeros(n_stations), np.zeros(n_stations)
    for j in range(n_stations):
        d = duration[t, s, j]
        if d == 0 or t + d > n_periods:
            continue
        usd[j] = trip_usd[t, s, j]
        least[j], share[j], constant[j] = -np.inf, 1.0, -trip_mwh[s, j]
        for i in range(t, t + d):
            usd[j] += cost[i, n_stations, 0]
            if i >= t + arrival[t, s, j] and full[i, j]:
                usd[j] += queue_usd
            share[j] *= keep
            constant[j] = keep * constant[j] - hours * auxiliary_mw
            needed = (lower_mwh[i + 1] - _SLACK_MWH - constant[j]) / share[j]
            least[j] = max(least[j], needed)
    return usd, least, share, constant


@njit(cache=True)
def _best_action(
    t: int,
    s: int,
    energy_mwh: float,
    value: FloatArray,
    first_mwh: float,
    width_mwh: float,
    lower_mwh: FloatArray,
    upper_mwh: FloatArray,
    keep: float,
    hours: float,
    efficiency_charge: float,
    efficiency_discharge: float,
    auxiliary_mw: float,
    levels_mw: FloatArray,
    drop_mwh: FloatArray,
    cost: FloatArray,
    full: bool,
    queue_usd: float,
    duration: IntArray,
    usd: FloatArray,
    least: FloatArray,
    share: FloatArray,
    constant: FloatArray,
) -> tuple[float, int, float]:
    """Return value, station to be at next, and power of the best action in one state.

    `drop_mwh` is what a period at each level takes out of the battery; `usd`, `least`, `share`
    and `constant` are the trips of `_trips`.
    """
    n_stations, n_levels = value.shape[1], len(levels_mw)
    best, goal, power = np.inf, s, 0.0
    floor, ceiling = lower_mwh[t + 1] - _SLACK_MWH, upper_mwh[t + 1] + _SLACK_MWH
    rest = keep * energy_mwh - hours * auxiliary_mw
    later = value[t + 1, s]
    if full:
        best = cost[t, n_stations, 0] + queue_usd
        best += _value_at(later, rest, first_mwh, width_mwh)
    else:
        for n in range(n_levels):
            after = rest - drop_mwh[n]
            if after < floor or after > ceiling:
                continue
            candidate = cost[t, s, n] + _value_at(later, after, first_mwh, width_mwh)
            if candidate < best:
                best, power = candidate, levels_mw[n]
        # Two more candidates fill and empty the battery exactly.
        for fills in (True, False):
            if fills:
                p = -(upper_mwh[t + 1] - rest) / (hours * efficiency_charge)
            else:
                p = (rest - lower_mwh[t + 1]) * efficiency_discharge / hours
            if p < levels_mw[0] or p > levels_mw[-1]:
                continue
            inner = p / efficiency_discharge if p > 0 else p * efficiency_charge
            after = rest - hours * inner
            if after < floor or after > ceiling:
                continue
            candidate = _between(p, levels_mw, cost[t, s])
            candidate += _value_at(later, after, first_mwh, width_mwh)
            if candidate < best:
                best, power = candidate, p
    for j in range(n_stations):
        if usd[j] == np.inf or energy_mwh < least[j]:
            continue
        after = share[j] * energy_mwh + constant[j]
        candidate = usd[j] + _value_at(value[t + duration[t, s, j], j], after, first_mwh, width_mwh)
        if candidate < best - 1e-9:
            best, goal, power = candidate, j, 0.0
    return best, goal, power


@njit(cache=True)
def best_itinerary(
    start_station: int,
    start_period: int,
    energy_mwh: float,
    stored_usd_per_mwh: float,
    n_energies: int,
    lower_mwh: FloatArray,
    upper_mwh: FloatArray,
    keep: float,
    hours: float,
    efficiency_charge: float,
    efficiency_discharge: float,
    auxiliary_mw: float,
    levels_mw: FloatArray,
    cost: FloatArray,
    full: BoolArray,
    queue_usd: float,
    duration: IntArray,
    arrival: IntArray,
    trip_usd: FloatArray,
    trip_mwh: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Return the best route and powers of one vehicle.

    Parameters
    ----------
    start_station, start_period
        Where and when it is first connected; the period lies within the look-ahead.
    energy_mwh
        Stored energy now [MWh].
    stored_usd_per_mwh
        Value of stored energy at the end [USD/MWh].
    n_energies
        Points of the energy grid; between them values are interpolated.
    lower_mwh, upper_mwh
        Energy limits, ``(period + 1,)`` [MWh].
    keep, hours, efficiency_charge, efficiency_discharge, auxiliary_mw
        As in `Storage`.
    levels_mw
        Powers to choose from, ascending, ``(level,)`` [MW].
    cost
        Cost of each power, ``(period, station + 1, level)`` [USD]; see `power_costs`.
    full
        Where the others hold all plugs, ``(period, station)``.
    queue_usd
        What a period without a plug costs [USD].
    duration, arrival, trip_usd, trip_mwh
        Trips of the vehicle, as in `TimeSpace`.

    Returns
    -------
    tuple
        Station at which it starts each period (or to which it drives), ``(period,)``: a change
        is a departure. Power, ``(period,)`` [MW].
    """
    n_periods, n_stations = full.shape
    first_mwh, last_mwh = lower_mwh.min(), upper_mwh.max()
    width_mwh = max(last_mwh - first_mwh, 1e-9) / (n_energies - 1)
    value = np.full((n_periods + 1, n_stations, n_energies), np.inf)
    for e in range(n_energies):
        value[n_periods, :, e] = -stored_usd_per_mwh * (first_mwh + e * width_mwh)
    drop_mwh = np.empty(len(levels_mw))
    for n in range(len(levels_mw)):
        p = levels_mw[n]
        drop_mwh[n] = hours * (p / efficiency_discharge if p > 0 else p * efficiency_charge)
    for t in range(n_periods - 1, start_period - 1, -1):
        for s in range(n_stations):
            usd, least, share, constant = _trips(
                t, s, lower_mwh, keep, hours, auxiliary_mw, cost, full, queue_usd, duration,
                arrival, trip_usd, trip_mwh,
            )  # fmt: skip
            for e in range(n_energies):
                value[t, s, e], _, _ = _best_action(
                    t, s, first_mwh + e * width_mwh, value, first_mwh, width_mwh, lower_mwh,
                    upper_mwh, keep, hours, efficiency_charge, efficiency_discharge,
                    auxiliary_mw, levels_mw, drop_mwh, cost, full[t, s], queue_usd, duration,
                    usd, least, share, constant,
                )  # fmt: skip
    station = np.full(n_periods, start_station)
    power = np.zeros(n_periods)
    energy = energy_mwh
    for _ in range(start_period):
        energy = keep * energy - hours * auxiliary_mw
    t, s = start_period, start_station
    while t < n_periods:
        usd, least, share, constant = _trips(
            t, s, lower_mwh, keep, hours, auxiliary_mw, cost, full, queue_usd, duration,
            arrival, trip_usd, trip_mwh,
        )  # fmt: skip
        _, goal, p = _best_action(
            t, s, energy, value, first_mwh, width_mwh, lower_mwh, upper_mwh, keep, hours,
            efficiency_charge, efficiency_discharge, auxiliary_mw, levels_mw, drop_mwh, cost,
            full[t, s], queue_usd, duration, usd, least, share, constant,
        )  # fmt: skip
        d = 1
        if goal != s:
            d = duration[t, s, goal]
            energy -= trip_mwh[s, goal]
        station[t:] = goal
        power[t] = p
        inner = p / efficiency_discharge if p > 0 else p * efficiency_charge
        energy = keep * energy - hours * (auxiliary_mw + inner)
        for _ in range(d - 1):
            energy = keep * energy - hours * auxiliary_mw
        t, s = t + d, goal
    return station, power
