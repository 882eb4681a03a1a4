"""The cheapest schedule of one vehicle at given prices: a lower bound without rounding error.

A dynamic programme over (period, station, energy). Its value functions are kept at the points of
an energy grid and read linearly in between, and they never exceed the true ones:

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

import numpy as np
from numba import njit

from sim.units import FloatArray, IntArray


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
    """Return `f` between its points; constant beyond its finite part."""
    if place <= lowest:
        return float(f[lowest])
    cell = int(np.floor(place))
    if cell >= len(f) - 1:
        return float(f[-1])
    share = place - cell
    return float((1 - share) * f[cell] + share * f[cell + 1])


@njit(cache=True)
def values(
    start_usd: FloatArray,
    rest_usd: FloatArray,
    charge_usd: FloatArray,
    discharge_usd: FloatArray,
    charge_levels: IntArray,
    discharge_levels: IntArray,
    keep: float,
    loss_levels: float,
    trip_usd: FloatArray,
    trip_levels: FloatArray,
    duration: IntArray,
    first_period: int,
) -> FloatArray:
    """Return a lower bound of the cost to go.

    Parameters
    ----------
    start_usd
        Cost of holding an energy at the end, ``(point,)`` [USD]; infinite where not allowed.
    rest_usd
        Cost of being connected for a period, ``(period, station)`` [USD].
    charge_usd, discharge_usd
        Cost of moving one level of energy, in pieces of rising cost,
        ``(period, station, piece)`` [USD]; infinite where nothing can be exchanged.
    charge_levels, discharge_levels
        Lengths of the pieces, ``(piece,)``.
    keep
        Share of the energy left after a period [-].
    loss_levels
        What a period at rest moves the lowest point of the grid by, in cells, beyond the share
        that is kept.
    trip_usd
        Cost of trips, ``(period, from station, to station)`` [USD].
    trip_levels
        Energy of trips, ``(from station, to station)``, in cells.
    duration
        Periods of trips, ``(period, from station, to station)``; 0 where there is none.
    first_period
        The first period that matters.

    Returns
    -------
    FloatArray
        ``(period + 1, station, point)`` [USD].
    """
    n_periods, n_stations = rest_usd.shape
    n = len(start_usd)
    allowed = np.isfinite(start_usd)
    value = np.full((n_periods + 1, n_stations, n), np.inf)
    for s in range(n_stations):
        value[n_periods, s] = start_usd
    exact = keep == 1.0 and loss_levels == 0.0
    work, other, best = np.empty(n), np.empty(n), np.empty(n)
    for t in range(n_periods - 1, first_period - 1, -1):
        for s in range(n_stations):
            here, ahead = value[t, s], value[t + 1, s]
            best[:] = ahead
            for sign in (1, -1):
                usd = charge_usd[t, s] if sign > 0 else discharge_usd[t, s]
                reach = charge_levels if sign > 0 else discharge_levels
                if not np.isfinite(usd[0]):
                    continue
                work[:] = ahead
                for piece in range(len(reach)):
                    if reach[piece] > 0:
                        _slide(work, usd[piece], reach[piece], sign, other)
                        work, other = other, work
                for i in range(n):
                    best[i] = min(best[i], work[i])
            if exact:
                other[:] = best
            else:
                _pull_back(best, keep, -loss_levels, other)
            for i in range(n):
                here[i] = rest_usd[t, s] + other[i]
            for j in range(n_stations):
                d = duration[t, s, j]
                if d == 0:
                    continue
                usd_trip = trip_usd[t, s, j]
                goal = value[t + d, j]
                if exact and trip_levels[s, j] == 0.0:
                    for i in range(n):
                        here[i] = min(here[i], usd_trip + goal[i])
                else:
                    scale, shift = _shift_of(keep, loss_levels, trip_levels[s, j], d)
                    _pull_back(goal, scale, shift, other)
                    for i in range(n):
                        here[i] = min(here[i], usd_trip + other[i])
            for i in range(n):
                if not allowed[i]:
                    here[i] = np.inf
    return value


@njit(cache=True)
def _shift_of(
    keep: float, loss_levels: float, trip_levels: float, periods: int
) -> tuple[float, float]:
    """Return scale and shift of the energy over a trip; its energy is booked at departure."""
    scale, shift = keep, -loss_levels - trip_levels
    for _ in range(periods - 1):
        scale, shift = keep * scale, keep * shift - loss_levels
    return scale, shift


@njit(cache=True)
def follow_values(
    value: FloatArray,
    station: int,
    period: int,
    point: int,
    rest_usd: FloatArray,
    charge_usd: FloatArray,
    discharge_usd: FloatArray,
    charge_levels: IntArray,
    discharge_levels: IntArray,
    keep: float,
    loss_levels: float,
    trip_usd: FloatArray,
    trip_levels: FloatArray,
    duration: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return the best path from a point of the grid; see `values` for the arguments.

    Between points the path goes on from the nearest one.

    Returns
    -------
    tuple
        Station at which the vehicle starts each period, or to which it drives; levels of energy
        moved, positive charging; both ``(period,)``.
    """
    n_periods, n_stations = rest_usd.shape
    n = value.shape[2]
    goals, moved = np.full(n_periods, station), np.zeros(n_periods, dtype=np.int64)
    t, s = period, station
    while t < n_periods:
        centre = int(np.round(min(max(keep * point - loss_levels, 0.0), n - 1.0)))
        ahead = value[t + 1, s]
        best, levels, goal = ahead[centre], 0, s
        for sign in (1, -1):
            usd = charge_usd[t, s] if sign > 0 else discharge_usd[t, s]
            reach = charge_levels if sign > 0 else discharge_levels
            if not np.isfinite(usd[0]):
                continue
            place, spent = centre, 0.0
            for piece in range(len(reach)):
                for _ in range(reach[piece]):
                    place, spent = place + sign, spent + usd[piece]
                    if 0 <= place < n and spent + ahead[place] < best:
                        best, levels = spent + ahead[place], place - centre
        best += rest_usd[t, s]
        after = centre + levels
        for j in range(n_stations):
            d = duration[t, s, j]
            if d == 0:
                continue
            scale, shift = _shift_of(keep, loss_levels, trip_levels[s, j], d)
            place = int(np.round(min(max(scale * point + shift, 0.0), n - 1.0)))
            if trip_usd[t, s, j] + value[t + d, j, place] < best - 1e-9:
                best, goal, levels, after = trip_usd[t, s, j] + value[t + d, j, place], j, 0, place
        goals[t:] = goal
        moved[t] = levels
        t += 1 if goal == s else duration[t, s, goal]
        s, point = goal, after
    return goals, moved
