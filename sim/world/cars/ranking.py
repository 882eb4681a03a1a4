"""Which cars of a group charge first, and which feed in first.

Charging goes to the cars with the least laxity, counted in the hours in which the orders in force
let the group charge: who can only charge in the two cheap hours before he leaves has little time,
however long he stays. Where a plan orders one period only, all later hours count, and this is the
laxity by the clock.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.units import FloatArray, IntArray
from sim.world.cars.records import Records


@njit(cache=True)
def energy(cars: Records, c: int, capacity_mwh: float, now_h: float) -> float:
    """Return the energy stored in a car [MWh]."""
    now_mwh = cars[c].energy_mwh + cars[c].stored_mw * (now_h - cars[c].since_h)
    return float(min(max(now_mwh, 0.0), capacity_mwh))


@njit(cache=True)
def laxity(cars: Records, c: int, capacity_mwh: float, speed_mw: float, now_h: float) -> float:
    """Return how long the car could wait before it has to charge at full power [h]."""
    surplus_mwh = energy(cars, c, capacity_mwh, now_h) - cars[c].need_mwh
    return float(max(cars[c].stated_h - now_h, 0.0) + surplus_mwh / speed_mw)


@njit(cache=True)
def look_ahead(
    stays: Records,
    cars: Records,
    groups: Records,
    home: IntArray,
    usable_h: FloatArray,
    period_h: float,
    reach_h: float,
) -> None:
    """Note when every car leaves, as stated, in usable hours.

    `usable_h`, ``(boundary of period, group)``, is the hour of each boundary plus the hours after
    it in which the group may not charge; there are none of them after `reach_h`.
    """
    for g in range(len(groups)):
        for s in range(groups[g].next_stay, groups[g].end_stay):
            if stays[s].arrival_h >= reach_h:
                break
            stays[s].usable_h = _at(usable_h, g, stays[s].stated_h, period_h, reach_h)
        for k in range(groups[g].first_stay, groups[g].first_stay + groups[g].n_home):
            c = home[k]
            cars[c].usable_h = _at(usable_h, g, cars[c].stated_h, period_h, reach_h)


@njit(cache=True)
def _at(usable_h: FloatArray, g: int, hour: float, period_h: float, reach_h: float) -> float:
    if hour >= reach_h:
        return hour
    k = max(int(hour / period_h), 0)
    share = hour / period_h - k
    return float(usable_h[k, g] + share * (usable_h[k + 1, g] - usable_h[k, g]))


@njit(cache=True)
def rank(cars: Records, groups: Records, g: int, c: int, now_h: float) -> float:
    """Return by what cars are put into order, least first for a charge, last for a discharge [h].

    It is the laxity in usable hours, up to a constant of the group. In a discharge, who runs empty
    sooner than out of laxity ranks by the energy it has, so that many stay able to discharge.
    """
    speed_mw = groups[g].charge_max_mw * groups[g].efficiency_charge
    stored_mwh = energy(cars, c, groups[g].capacity_mwh, now_h)
    laxity_h = cars[c].usable_h + (stored_mwh - cars[c].need_mwh) / speed_mw
    if groups[g].order_mw > 0:
        return float(min(laxity_h - groups[g].usable_h, stored_mwh / speed_mw))
    return float(laxity_h)


@njit(cache=True)
def sort(cars: Records, groups: Records, home: IntArray, g: int, now_h: float) -> None:
    """Put the cars of a group that are at home into order, least rank first."""
    first, n = groups[g].first_stay, groups[g].n_home
    own = home[first : first + n].copy()
    rank_h = np.empty(n)
    for k in range(n):
        rank_h[k] = rank(cars, groups, g, own[k], now_h)
    order = np.argsort(rank_h, kind="mergesort")
    for k in range(n):
        home[first + k] = own[order[k]]
