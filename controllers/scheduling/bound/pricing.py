"""The pricing problem of one vehicle: dynamic programming over period, place and energy.

Its value functions are kept at the points of an energy grid and read linearly in between, and they
never exceed the true ones, so that they bound the cheapest schedule at given prices from below:

- The cost of power is convex and piecewise linear in the energy it moves, on either side of zero.
  Its kinks are moved outwards to the grid, their slopes kept, which only makes power cheaper. The
  infimal convolution with a function on the grid is then, on every cell, a minimum of linear
  functions; hence concave, and nowhere below the chord between the cell's ends.
- Standing losses and trips that use energy shift the energy off the grid. Where that puts a
  convex kink inside a cell, both ends are lowered by what the chord exceeds it.

What is lost is of second order in the width of a cell. The convolution with one linear piece is a
minimum over a sliding window (Lemire, *Streaming maximum-minimum filter using no more than three
comparisons per element*, Nordic J. Computing 13, 2006), so that a state costs a constant number of
operations however many powers there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sim.units import FloatArray, IntArray


class PowerCosts(NamedTuple):
    """What a vehicle pays while it is connected.

    Attributes
    ----------
    rest_usd
        Cost of being connected for a period, ``(period, station)`` [USD].
    charge_usd, discharge_usd
        Cost of moving one level of energy, in pieces of rising cost,
        ``(period, station, piece)`` [USD]; infinite where no power can flow.
    charge_levels, discharge_levels
        Lengths of the pieces, ``(piece,)`` [levels].
    """

    rest_usd: FloatArray
    charge_usd: FloatArray
    discharge_usd: FloatArray
    charge_levels: IntArray
    discharge_levels: IntArray


class StandingLosses(NamedTuple):
    """What a period at rest takes out of the battery.

    Attributes
    ----------
    keep
        Share of the energy left [-].
    levels
        What the period moves the lowest point of the grid by [cells].
    """

    keep: float
    levels: float


class PricedTrips(NamedTuple):
    """The trips of a vehicle.

    Attributes
    ----------
    usd
        Cost, ``(period, from station, to station)`` [USD].
    levels
        Energy, ``(from station, to station)`` [cells].
    duration
        ``(period, from station, to station)`` [periods]; 0 where there is no trip.
    """

    usd: FloatArray
    levels: FloatArray
    duration: IntArray


@njit(cache=True)
def _slide(u: FloatArray, usd: float, reach: int, sign: int, out: FloatArray) -> None:
    """Set ``out[i] = min over 0 <= j <= reach of u[i + sign * j] + usd * j``."""
    n = len(u)
    queue = np.empty(n, dtype=np.int64)
    head, tail = 0, 0
    for step in range(n):
        i = n - 1 - step if sign > 0 else step
        # Every candidate is compared as seen from i.
        while tail > head and u[queue[tail - 1]] + usd * abs(queue[tail - 1] - i) >= u[i]:
            tail -= 1
        queue[tail] = i
        tail += 1
        if abs(queue[head] - i) > reach:
            head += 1
        first = queue[head]
        out[i] = u[first] + usd * abs(first - i)


@njit(cache=True)
def _pull_back(f: FloatArray, scale: float, shift: float, out: FloatArray) -> None:
    """Set `out` to a lower bound of ``f(scale * x + shift)`` on the grid and between.

    Positions are in cells; `scale` is at most 1. Below its first finite point `f` counts as
    constant for two cells, so that no cell mixes finite and infinite ends.
    """
    n = len(f)
    lowest = 0
    while lowest < n and f[lowest] == np.inf:
        lowest += 1
    out[:] = np.inf
    if lowest == n:
        return
    dip_before = 0.0
    for i in range(n):
        here = scale * i + shift
        if here < lowest - 2:
            continue
        value = _read(f, here, lowest)
        there = here + scale
        dip = 0.0
        if i + 1 < n:
            kink = np.floor(here) + 1.0
            if kink < there:
                share = (kink - here) / scale
                chord = (1 - share) * value + share * _read(f, there, lowest)
                dip = max(0.0, chord - _read(f, kink, lowest))
        out[i] = value - max(dip, dip_before)
        dip_before = dip


@njit(cache=True)
def _read(f: FloatArray, place: float, lowest: int) -> float:
    """Return `f` between its points; constant outside its finite part."""
    if place <= lowest:
        return float(f[lowest])
    cell = int(np.floor(place))
    if cell >= len(f) - 1:
        return float(f[-1])
    share = place - cell
    return float((1 - share) * f[cell] + share * f[cell + 1])


@njit(cache=True)
def _stay(
    ahead: FloatArray,
    usd: FloatArray,
    reach: IntArray,
    sign: int,
    best: FloatArray,
    work: tuple[FloatArray, FloatArray],
) -> None:
    """Lower `best` to what a period of charging (`sign` 1) or discharging (-1) leads to.

    Parameters
    ----------
    ahead
        Cost to go at the end of the period, ``(point,)`` [USD].
    usd, reach
        Cost per level [USD] and length of each piece, ``(piece,)``.
    sign
        Direction on the grid.
    best
        Changed in place, ``(point,)`` [USD].
    work
        Two arrays ``(point,)`` that are overwritten.
    """
    if not np.isfinite(usd[0]):
        return
    now, other = work
    now[:] = ahead
    for piece in range(len(reach)):
        if reach[piece] > 0:
            _slide(now, usd[piece], reach[piece], sign, other)
            now, other = other, now
    for i in range(len(best)):
        best[i] = min(best[i], now[i])


@njit(cache=True)
def cost_to_go(
    end_usd: FloatArray,
    power: PowerCosts,
    losses: StandingLosses,
    trips: PricedTrips,
    first_period: int,
) -> FloatArray:
    """Return a lower bound of the cost to go.

    Parameters
    ----------
    end_usd
        Cost of holding an energy at the end, ``(point,)`` [USD]; infinite where not allowed.
    power
        What a connected vehicle pays.
    losses
        What a period at rest takes.
    trips
        Where the vehicle can drive.
    first_period
        The first period that matters.

    Returns
    -------
    FloatArray
        ``(period + 1, station, point)`` [USD].
    """
    n_periods, n_stations = power.rest_usd.shape
    n = len(end_usd)
    allowed = np.isfinite(end_usd)
    value = np.full((n_periods + 1, n_stations, n), np.inf)
    for s in range(n_stations):
        value[n_periods, s] = end_usd
    exact = losses.keep == 1.0 and losses.levels == 0.0
    work, other, best = np.empty(n), np.empty(n), np.empty(n)
    for t in range(n_periods - 1, first_period - 1, -1):
        for s in range(n_stations):
            here, ahead = value[t, s], value[t + 1, s]
            best[:] = ahead
            _stay(ahead, power.charge_usd[t, s], power.charge_levels, 1, best, (work, other))
            _stay(ahead, power.discharge_usd[t, s], power.discharge_levels, -1, best, (work, other))
            if exact:
                other[:] = best
            else:
                _pull_back(best, losses.keep, -losses.levels, other)
            for i in range(n):
                here[i] = power.rest_usd[t, s] + other[i]
            for j in range(n_stations):
                d = trips.duration[t, s, j]
                if d == 0:
                    continue
                usd_trip = trips.usd[t, s, j]
                goal = value[t + d, j]
                if exact and trips.levels[s, j] == 0.0:
                    for i in range(n):
                        here[i] = min(here[i], usd_trip + goal[i])
                else:
                    scale, shift = _shift_of(losses, trips.levels[s, j], d)
                    _pull_back(goal, scale, shift, other)
                    for i in range(n):
                        here[i] = min(here[i], usd_trip + other[i])
            for i in range(n):
                if not allowed[i]:
                    here[i] = np.inf
    return value


@njit(cache=True)
def _shift_of(losses: StandingLosses, trip_levels: float, periods: int) -> tuple[float, float]:
    """Return scale and shift of the energy over a trip; its energy is booked at departure."""
    scale, shift = losses.keep, -losses.levels - trip_levels
    for _ in range(periods - 1):
        scale, shift = losses.keep * scale, losses.keep * shift - losses.levels
    return scale, shift


@njit(cache=True)
def _best_move(
    ahead: FloatArray, centre: int, usd: FloatArray, reach: IntArray, sign: int, best: float
) -> tuple[float, int]:
    """Return the least cost of a move from `centre` [USD], and its levels; 0 above `best`."""
    levels = 0
    place, spent = centre, 0.0
    for piece in range(len(reach)):
        for _ in range(reach[piece]):
            place, spent = place + sign, spent + usd[piece]
            if 0 <= place < len(ahead) and spent + ahead[place] < best:
                best, levels = spent + ahead[place], place - centre
    return best, levels


@njit(cache=True)
def best_path(
    value: FloatArray,
    start: tuple[int, int, int],
    power: PowerCosts,
    losses: StandingLosses,
    trips: PricedTrips,
) -> tuple[IntArray, IntArray]:
    """Return the best path from a point of the grid; between points it takes the nearest one.

    Parameters
    ----------
    value
        The cost to go, ``(period + 1, station, point)`` [USD].
    start
        Station, period and point to start from.
    power, losses, trips
        As in `cost_to_go`.

    Returns
    -------
    tuple
        Station at which the vehicle starts each period, or to which it drives; levels of energy
        moved, positive charging; both ``(period,)``.
    """
    n_periods, n_stations = power.rest_usd.shape
    n = value.shape[2]
    s, t, point = start
    goals, moved = np.full(n_periods, s), np.zeros(n_periods, dtype=np.int64)
    while t < n_periods:
        centre = int(np.round(min(max(losses.keep * point - losses.levels, 0.0), n - 1.0)))
        ahead = value[t + 1, s]
        best, levels, goal = ahead[centre], 0, s
        for sign in (1, -1):
            usd = power.charge_usd[t, s] if sign > 0 else power.discharge_usd[t, s]
            reach = power.charge_levels if sign > 0 else power.discharge_levels
            if not np.isfinite(usd[0]):
                continue
            found, by = _best_move(ahead, centre, usd, reach, sign, best)
            if by != 0:
                best, levels = found, by
        best += power.rest_usd[t, s]
        after = centre + levels
        for j in range(n_stations):
            d = trips.duration[t, s, j]
            if d == 0:
                continue
            scale, shift = _shift_of(losses, trips.levels[s, j], d)
            place = int(np.round(min(max(scale * point + shift, 0.0), n - 1.0)))
            usd_trip = trips.usd[t, s, j]
            if usd_trip + value[t + d, j, place] < best - 1e-9:
                best, goal, levels, after = usd_trip + value[t + d, j, place], j, 0, place
        goals[t:] = goal
        moved[t] = levels
        t += 1 if goal == s else trips.duration[t, s, goal]
        s, point = goal, after
    return goals, moved
