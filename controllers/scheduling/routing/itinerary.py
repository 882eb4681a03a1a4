"""Dynamic programming over period, place and energy: the best route and powers of one vehicle.

Backward recursion over the value of a state (Bellman, *Dynamic Programming*, 1957); values between
the points of the energy grid are interpolated linearly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sim.units import BoolArray, FloatArray, IntArray

# Slack on energy limits against rounding [MWh].
_SLACK_MWH = 1e-9


class Start(NamedTuple):
    """Where and when a vehicle is first connected, and its stored energy now [MWh].

    The period lies within the look-ahead.
    """

    station: int
    period: int
    energy_mwh: float


class BatteryModel(NamedTuple):
    """The battery of one vehicle.

    Attributes
    ----------
    lower_mwh, upper_mwh
        Energy limits, ``(period + 1,)`` [MWh].
    keep, hours, efficiency_charge, efficiency_discharge, auxiliary_mw
        As in `Batteries`.
    """

    lower_mwh: FloatArray
    upper_mwh: FloatArray
    keep: float
    hours: float
    efficiency_charge: float
    efficiency_discharge: float
    auxiliary_mw: float


class StageCosts(NamedTuple):
    """What a period costs.

    Attributes
    ----------
    levels_mw
        Powers to choose from, ascending, ``(level,)`` [MW].
    cost
        Cost of each power, ``(period, station + 1, level)`` [USD]; see `power_costs`.
    full
        Where the others hold all plugs, ``(period, station)``.
    queue_usd
        What a period without a plug costs [USD].
    """

    levels_mw: FloatArray
    cost: FloatArray
    full: BoolArray
    queue_usd: float


class Trips(NamedTuple):
    """Trips of one vehicle, as in `TimeSpace`.

    Attributes
    ----------
    duration, arrival
        ``(period, from station, to station)`` [periods].
    usd
        Cost, same shape [USD].
    mwh
        Stored energy used, ``(from station, to station)`` [MWh].
    """

    duration: IntArray
    arrival: IntArray
    usd: FloatArray
    mwh: FloatArray


class EndValue(NamedTuple):
    """What stored energy costs at the end, as in `EndCost`; what is fixed is left out.

    Attributes
    ----------
    target_mwh
        Energy aimed at [MWh].
    missing_usd_per_mwh, surplus_usd_per_mwh
        Price of energy below and above it [USD/MWh].
    """

    target_mwh: float
    missing_usd_per_mwh: float
    surplus_usd_per_mwh: float


class _EnergyGrid(NamedTuple):
    """The lowest point of the energy grid and the distance between two points [MWh]."""

    first_mwh: float
    width_mwh: float


class _Departures(NamedTuple):
    """The trips that can start in one state, arrays ``(goal,)``.

    Attributes
    ----------
    periods
        Duration of the trip.
    usd
        Cost, infinite where there is no trip [USD].
    least_mwh
        Least energy to start with [MWh].
    share, constant_mwh
        The energy on arrival is ``share * energy + constant_mwh`` [-, MWh].
    """

    periods: IntArray
    usd: FloatArray
    least_mwh: FloatArray
    share: FloatArray
    constant_mwh: FloatArray


@njit(cache=True)
def _value_at(values: FloatArray, energy_mwh: float, grid: _EnergyGrid) -> float:
    """Return the value of an energy between grid points, linearly interpolated."""
    place = (energy_mwh - grid.first_mwh) / grid.width_mwh
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
def _departures(
    t: int, s: int, battery: BatteryModel, costs: StageCosts, trips: Trips
) -> _Departures:
    """Return the trips that can start in period `t` at station `s`."""
    n_periods, n_stations = costs.full.shape
    periods = trips.duration[t, s].copy()
    usd = np.full(n_stations, np.inf)
    least, share, constant = np.zeros(n_stations), np.zeros(n_stations), np.zeros(n_stations)
    for j in range(n_stations):
        d = periods[j]
        if d == 0 or t + d > n_periods:
            continue
        usd[j] = trips.usd[t, s, j]
        least[j], share[j], constant[j] = -np.inf, 1.0, -trips.mwh[s, j]
        for i in range(t, t + d):
            usd[j] += costs.cost[i, n_stations, 0]
            if i >= t + trips.arrival[t, s, j] and costs.full[i, j]:
                usd[j] += costs.queue_usd
            share[j] *= battery.keep
            constant[j] = battery.keep * constant[j] - battery.hours * battery.auxiliary_mw
            needed = (battery.lower_mwh[i + 1] - _SLACK_MWH - constant[j]) / share[j]
            least[j] = max(least[j], needed)
    return _Departures(periods, usd, least, share, constant)


@njit(cache=True)
def _best_stay(
    t: int,
    s: int,
    energy_mwh: float,
    later: FloatArray,
    grid: _EnergyGrid,
    battery: BatteryModel,
    costs: StageCosts,
    drop_mwh: FloatArray,
    target_mwh: float,
) -> tuple[float, float]:
    """Return value [USD] and power [MW] of the best period at the station.

    `later` is the value of the energies at its end, ``(point,)``; `drop_mwh` is what a period at
    each level takes out of the battery, ``(level,)``; `target_mwh` is the energy for the end.
    """
    levels_mw, cost = costs.levels_mw, costs.cost[t, s]
    lowest, highest = battery.lower_mwh[t + 1], battery.upper_mwh[t + 1]
    rest = battery.keep * energy_mwh - battery.hours * battery.auxiliary_mw
    if costs.full[t, s]:
        usd = costs.cost[t, costs.full.shape[1], 0] + costs.queue_usd
        usd += _value_at(later, rest, grid)
        return usd, 0.0
    best, power = np.inf, 0.0
    floor, ceiling = lowest - _SLACK_MWH, highest + _SLACK_MWH
    for n in range(len(levels_mw)):
        after = rest - drop_mwh[n]
        if after < floor or after > ceiling:
            continue
        candidate = cost[n] + _value_at(later, after, grid)
        if candidate < best:
            best, power = candidate, levels_mw[n]
    # Three more candidates fill and empty the battery exactly, and take it to its target.
    for goal in (highest, lowest, min(max(target_mwh, lowest), highest)):
        if goal > rest:
            p = -(goal - rest) / (battery.hours * battery.efficiency_charge)
        else:
            p = (rest - goal) * battery.efficiency_discharge / battery.hours
        if p < levels_mw[0] or p > levels_mw[-1]:
            continue
        inner = p / battery.efficiency_discharge if p > 0 else p * battery.efficiency_charge
        after = rest - battery.hours * inner
        if after < floor or after > ceiling:
            continue
        candidate = _between(p, levels_mw, cost)
        candidate += _value_at(later, after, grid)
        if candidate < best:
            best, power = candidate, p
    return best, power


@njit(cache=True)
def _best_goal(
    t: int,
    s: int,
    energy_mwh: float,
    stay_usd: float,
    value: FloatArray,
    grid: _EnergyGrid,
    departures: _Departures,
) -> tuple[float, int]:
    """Return the best value [USD], and the goal of the trip that has it, or `s` if none has."""
    best, goal = stay_usd, s
    for j in range(len(departures.usd)):
        if departures.usd[j] == np.inf or energy_mwh < departures.least_mwh[j]:
            continue
        after = departures.share[j] * energy_mwh + departures.constant_mwh[j]
        arrived = value[t + departures.periods[j], j]
        candidate = departures.usd[j] + _value_at(arrived, after, grid)
        if candidate < best - 1e-9:
            best, goal = candidate, j
    return best, goal


@njit(cache=True)
def _cost_to_go(
    first_period: int,
    end: EndValue,
    n_energies: int,
    grid: _EnergyGrid,
    battery: BatteryModel,
    costs: StageCosts,
    trips: Trips,
    drop_mwh: FloatArray,
) -> FloatArray:
    """Return the cost to go of all states, ``(period + 1, station, point)`` [USD]."""
    n_periods, n_stations = costs.full.shape
    value = np.full((n_periods + 1, n_stations, n_energies), np.inf)
    for e in range(n_energies):
        above = grid.first_mwh + e * grid.width_mwh - end.target_mwh
        price = end.surplus_usd_per_mwh if above > 0 else end.missing_usd_per_mwh
        value[n_periods, :, e] = -price * above
    for t in range(n_periods - 1, first_period - 1, -1):
        for s in range(n_stations):
            departures = _departures(t, s, battery, costs, trips)
            later = value[t + 1, s]
            for e in range(n_energies):
                energy = grid.first_mwh + e * grid.width_mwh
                usd, _ = _best_stay(
                    t, s, energy, later, grid, battery, costs, drop_mwh, end.target_mwh
                )
                value[t, s, e], _ = _best_goal(t, s, energy, usd, value, grid, departures)
    return value


@njit(cache=True)
def _energy_grid(battery: BatteryModel, n_energies: int) -> _EnergyGrid:
    """Return the grid from the lowest limit of the battery to the highest."""
    first_mwh, last_mwh = battery.lower_mwh.min(), battery.upper_mwh.max()
    return _EnergyGrid(first_mwh, max(last_mwh - first_mwh, 1e-9) / (n_energies - 1))


@njit(cache=True)
def _drop_mwh(battery: BatteryModel, levels_mw: FloatArray) -> FloatArray:
    """Return what a period at each level takes out of the battery, ``(level,)`` [MWh]."""
    drop_mwh = np.empty(len(levels_mw))
    for n in range(len(levels_mw)):
        p = levels_mw[n]
        inner = p / battery.efficiency_discharge if p > 0 else p * battery.efficiency_charge
        drop_mwh[n] = battery.hours * inner
    return drop_mwh


@njit(cache=True)
def cost_to_go(
    first_period: int,
    end: EndValue,
    n_energies: int,
    battery: BatteryModel,
    costs: StageCosts,
    trips: Trips,
) -> FloatArray:
    """Return what a vehicle costs from a period on, ``(period + 1, station, point)`` [USD].

    Infinite before `first_period` and where nothing is possible. The points are equidistant, from
    the lowest energy limit to the highest; the other arguments are those of `best_itinerary`.
    """
    grid = _energy_grid(battery, n_energies)
    drop_mwh = _drop_mwh(battery, costs.levels_mw)
    return _cost_to_go(first_period, end, n_energies, grid, battery, costs, trips, drop_mwh)


@njit(cache=True)
def best_itinerary(
    start: Start,
    end: EndValue,
    n_energies: int,
    battery: BatteryModel,
    costs: StageCosts,
    trips: Trips,
) -> tuple[IntArray, FloatArray]:
    """Return the best route and powers of one vehicle.

    Parameters
    ----------
    start
        Where it begins.
    end
        What stored energy costs at the end.
    n_energies
        Points of the energy grid.
    battery
        Its battery.
    costs
        What power and plugs cost.
    trips
        Where it can drive.

    Returns
    -------
    tuple
        Station at which it starts each period (or to which it drives), ``(period,)``: a change
        is a departure. Power, ``(period,)`` [MW].
    """
    n_periods = costs.full.shape[0]
    levels_mw = costs.levels_mw
    keep, hours, auxiliary_mw = battery.keep, battery.hours, battery.auxiliary_mw
    grid = _energy_grid(battery, n_energies)
    drop_mwh = _drop_mwh(battery, levels_mw)
    value = _cost_to_go(start.period, end, n_energies, grid, battery, costs, trips, drop_mwh)
    station = np.full(n_periods, start.station)
    power = np.zeros(n_periods)
    energy = start.energy_mwh
    for _ in range(start.period):
        energy = keep * energy - hours * auxiliary_mw
    t, s = start.period, start.station
    while t < n_periods:
        departures = _departures(t, s, battery, costs, trips)
        later = value[t + 1, s]
        usd, p = _best_stay(t, s, energy, later, grid, battery, costs, drop_mwh, end.target_mwh)
        _, goal = _best_goal(t, s, energy, usd, value, grid, departures)
        d = 1
        if goal != s:
            p = 0.0
            d = departures.periods[goal]
            energy -= trips.mwh[s, goal]
        station[t:] = goal
        power[t] = p
        inner = p / battery.efficiency_discharge if p > 0 else p * battery.efficiency_charge
        energy = keep * energy - hours * (auxiliary_mw + inner)
        for _ in range(d - 1):
            energy = keep * energy - hours * auxiliary_mw
        t, s = t + d, goal
    return station, power
