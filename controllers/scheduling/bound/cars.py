"""The pricing problem of a group of cars: convex dynamic programming over its energy.

The cost to go of an energy is convex and piecewise linear; it is kept as its slopes in ascending
order and their lengths. A period adds the slopes of its power (an infimal convolution merges sorted
slopes: Rockafellar, *Convex Analysis*, 1970, section 16) and cuts what lies outside its bounds.
Where burning energy would pay, the cost of a period is not convex; its chord takes its place, which
is nowhere above it, so that the result stays a lower bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from controllers.scheduling.problem.cars import Cars
from sim.units import FloatArray


class PricedCars(NamedTuple):
    """Answer of the groups of cars to prices.

    Attributes
    ----------
    usd
        Lower bound of what all groups pay [USD].
    p_mw
        Their injections, ``(period, group)`` [MW].
    """

    usd: float
    p_mw: FloatArray


def price_cars(cars: Cars, price_p: FloatArray, period_h: float) -> PricedCars:
    """Return the cheapest powers of groups of cars.

    Parameters
    ----------
    cars
        The groups.
    price_p
        Price of an injection for a period, ``(period, group)`` [USD/MW].
    period_h
        Length of a period [h].
    """
    usd, p_mw = cars.baseline_usd, np.zeros(price_p.shape)
    for g in range(cars.n_groups):
        wear, trip = float(cars.wear_usd_per_mwh[g]), float(cars.round_trip[g])
        price = np.ascontiguousarray(price_p[:, g]) / period_h
        up = cars.charge_max_mw[:, g] * period_h
        down = cars.discharge_max_mw[:, g] * period_h / trip
        found, moved = cheapest_path(
            wear - price,
            trip * (wear + price),
            up,
            down,
            np.ascontiguousarray(cars.lower_mwh[:, g]),
            np.ascontiguousarray(cars.upper_mwh[:, g]),
            -float(cars.stored_usd_per_mwh[g]),
        )
        usd += found
        p_mw[:, g] = np.where(moved > 0, -moved, -moved * trip) / period_h
    return PricedCars(usd=usd, p_mw=p_mw)


@njit(cache=True)
def cheapest_path(
    up_usd: FloatArray,
    down_usd: FloatArray,
    up: FloatArray,
    down: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    end_usd: float,
) -> tuple[float, FloatArray]:
    """Return the least cost of a path that starts at 0, and its steps, ``(period,)`` [MWh].

    Parameters
    ----------
    up_usd, down_usd
        Cost of going up and down, ``(period,)`` [USD/MWh].
    up, down
        Longest step up and down, ``(period,)`` [MWh].
    lower, upper
        Bounds after each step, ``(period,)`` [MWh]; some path keeps them.
    end_usd
        Cost of what there is at the end [USD/MWh].
    """
    n = len(up)
    rise, fall, fixed_usd = up_usd.copy(), down_usd.copy(), 0.0
    for t in range(n):
        if rise[t] + fall[t] < 0.0:
            chord = (rise[t] * up[t] - fall[t] * down[t]) / max(up[t] + down[t], 1e-12)
            fixed_usd += (rise[t] - chord) * up[t]
            rise[t], fall[t] = chord, -chord
    # Of the cost to go after each period: where it begins, what it is there, slopes and lengths.
    first, least = np.empty(n), np.empty(n)
    slope, length = np.zeros((n, 2 * n + 1)), np.zeros((n, 2 * n + 1))
    count = np.zeros(n, dtype=np.int64)
    last = n - 1
    first[last], least[last] = lower[last], end_usd * lower[last]
    slope[last, 0], length[last, 0], count[last] = end_usd, upper[last] - lower[last], 1
    for t in range(n - 1, 0, -1):
        # Before the step, energy lies up to `up` below and `down` above where it leads.
        at, usd = first[t] - up[t], least[t] + rise[t] * up[t]
        out, k, charged, fed = 0, 0, False, False
        while k < count[t] or not charged or not fed:
            a = slope[t, k] if k < count[t] else np.inf
            b = -rise[t] if not charged else np.inf
            c = fall[t] if not fed else np.inf
            if b <= a and b <= c:
                s, size, charged = b, up[t], True
            elif a <= c:
                s, size = a, length[t, k]
                k += 1
            else:
                s, size, fed = c, down[t], True
            # Cut what lies outside the bounds before the step.
            skipped = min(max(lower[t - 1] - at, 0.0), size)
            at, usd, size = at + skipped, usd + s * skipped, size - skipped
            size = min(size, max(upper[t - 1] - at, 0.0))
            if out == 0:
                first[t - 1], least[t - 1] = at, usd
            if size > 0.0:
                slope[t - 1, out], length[t - 1, out] = s, size
                out += 1
                at, usd = at + size, usd + s * size
        count[t - 1] = out
    steps = np.empty(n)
    here, total = 0.0, 0.0
    for t in range(n):
        step = _step(
            here, first[t], slope[t], length[t], count[t], (rise[t], fall[t], up[t], down[t])
        )
        steps[t] = step
        total += rise[t] * step if step > 0 else -fall[t] * step
        here += step
    return total + fixed_usd + end_usd * here, steps


@njit(cache=True)
def _step(
    here: float,
    first: float,
    slope: FloatArray,
    length: FloatArray,
    count: int,
    power: tuple[float, float, float, float],
) -> float:
    """Return the best step from an energy."""
    rise, fall, up, down = power
    place = max(first, here - down)
    end = here + up
    begin = first
    for k in range(count):
        until = begin + length[k]
        while place < min(until, end) - 1e-12:
            goes_down = place < here - 1e-12
            if slope[k] + (-fall if goes_down else rise) >= 0.0:
                return place - here
            place = min(until, here) if goes_down else min(until, end)
        begin = until
    return place - here
