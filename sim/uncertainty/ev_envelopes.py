"""Envelopes of power and energy between which a group of electric cars can be moved.

Of a car at home everything is known but when it will leave, which is taken as stated. Of a car yet
to come, the first three moments of what it adds are those of a sample of cars, given that it is not
back yet; cars are independent, so that cumulants add, and quantiles follow from the expansion of
Cornish and Fisher, "Moments and cumulants in the specification of distributions", Revue de
l'Institut International de Statistique 5, 1938.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.control import EvEnvelope, EvStates
from sim.system.evs import EvGroup
from sim.units import HOURS_PER_DAY, FloatArray, IntArray, frozen

N_CURVES = 4  # p_min, p_max, energy_min, energy_max
QUANTILE_Z = 1.6448536269514722
DAYS = 2  # a stay that begins on one day is over at the end of the next


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledStays:
    """A sample of stays of one kind of car, arrays ``(sample,)``.

    Hours count from the midnight before the arrival.

    Attributes
    ----------
    arrival_h, departure_h
        When the stay begins and ends [h].
    stored_mwh, need_mwh
        Energy on arrival, and that of the next trip [MWh].
    """

    arrival_h: FloatArray
    departure_h: FloatArray
    stored_mwh: FloatArray
    need_mwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EnvelopeForecaster:
    """Envelopes of cars at home and of cars yet to come.

    Attributes
    ----------
    period_h
        Length of a period [h].
    count
        Cars in each group, ``(group,)``.
    limits
        Charging and discharging power, their efficiencies and the capacity of one car,
        ``(group, 5)`` [MW, MW, -, -, MWh].
    cumulants
        First three cumulants of what one car adds that is not back by the start of a period, by
        periods since the midnight before its arrival,
        ``(group, period of not being back, cumulant, curve, period)``.
    """

    period_h: float
    count: FloatArray
    limits: FloatArray
    cumulants: FloatArray

    @classmethod
    def build(
        cls, groups: tuple[EvGroup, ...], stays: tuple[SampledStays, ...], period_h: float
    ) -> EnvelopeForecaster:
        """Prepare from samples of the stays of each group; equal groups may share one."""
        limits = _limits(groups)
        known: dict[tuple[int, bytes], FloatArray] = {}
        for own, row in zip(stays, limits, strict=True):
            key = (id(own), row.tobytes())
            if key not in known:
                known[key] = _cumulants(own, row, period_h)
        found = [known[id(own), row.tobytes()] for own, row in zip(stays, limits, strict=True)]
        n_rows = max(round(DAYS * HOURS_PER_DAY / period_h), 1)
        return cls(
            period_h=period_h,
            count=frozen([group.count for group in groups]),
            limits=frozen(limits),
            cumulants=frozen(np.array(found).reshape(len(groups), n_rows, 3, N_CURVES, n_rows)),
        )

    def known(
        self,
        now_h: float,
        period: int,
        n: int,
        group: IntArray,
        begin_h: FloatArray,
        departure_h: FloatArray,
        stored_mwh: FloatArray,
        need_mwh: FloatArray,
    ) -> FloatArray:
        """Return the envelopes of stays that are known, ``(curve, n, group)``."""
        total = np.zeros((len(self.count), N_CURVES, n))
        start_h = period * self.period_h
        own = (np.maximum(begin_h, now_h), departure_h, stored_mwh, need_mwh)
        _add_stays(total, group, *own, self.limits, start_h, self.period_h)
        return np.moveaxis(total, 0, -1)

    def forecast(self, now_h: float, period: int, n: int, evs: EvStates) -> EvEnvelope:
        """Return the envelopes of `n` periods from `period`, as seen at `now_h`."""
        begin_h = np.full(len(evs.group), now_h)
        at_home = self.known(
            now_h, period, n, evs.group, begin_h, evs.departure_h, evs.energy_mwh, evs.next_trip_mwh
        )
        total = np.zeros((3, *at_home.shape))
        total[0] = at_home
        n_groups = len(self.count)
        today = int(period * self.period_h // HOURS_PER_DAY)
        hour = period * self.period_h - today * HOURS_PER_DAY
        leaves_today = evs.departure_h < (today + 1) * HOURS_PER_DAY
        n_home = np.zeros((2, n_groups))
        for later, mine in enumerate((leaves_today, ~leaves_today)):
            n_home[later] = np.bincount(evs.group[mine], minlength=n_groups)
        _add_expected(
            total,
            self.cumulants,
            n_home,
            np.maximum(self.count - n_home.sum(axis=0), 0.0),
            round(hour / self.period_h),
            max(round(HOURS_PER_DAY / self.period_h), 1),
            # Before 4 h, who is away is so since yesterday.
            -1 if hour < 4.0 else 0,
        )
        bounds = _quantiles(total)
        most_mw, least_mw = self.count * self.limits[:, 0], -self.count * self.limits[:, 1]
        return EvEnvelope(
            p_min_mw=np.clip(bounds[:, 0], least_mw, 0.0),
            p_max_mw=np.clip(bounds[:, 1], 0.0, most_mw),
            energy_min_mwh=bounds[:, 2].copy(),
            energy_max_mwh=np.maximum(bounds[:, 3], 0.0),
        )


def _limits(groups: tuple[EvGroup, ...]) -> FloatArray:
    limits: FloatArray = np.array(
        [
            (
                group.p_mw,
                group.p_discharge_max_mw,
                group.efficiency_charge,
                group.efficiency_discharge or 1.0,
                group.energy_mwh,
            )
            for group in groups
        ],
        dtype=np.float64,
    ).reshape(len(groups), 5)
    return limits


def drawn_limits_mwh(
    groups: tuple[EvGroup, ...],
    group: IntArray,
    arrival_h: FloatArray,
    departure_h: FloatArray,
    stored_mwh: FloatArray,
    need_mwh: FloatArray,
    step_h: float,
    n_steps: int,
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that groups can have drawn by each step's end [MWh].

    Arrays ``(step, group)``, of stays that are known, from the start of an episode on: every car
    charges as late as its next trip allows, feeding in first what it can, or as early as possible.
    Each stay begins with what is missing if the car left full the time before.
    """
    known = EnvelopeForecaster(
        period_h=step_h,
        count=np.array([own.count for own in groups], dtype=np.float64),
        limits=_limits(groups),
        cumulants=np.empty(0),
    )
    begin_h = np.maximum(arrival_h, 0.0)
    curves = known.known(0.0, 0, n_steps, group, begin_h, departure_h, stored_mwh, need_mwh)
    return curves[2], curves[3]


def _quantiles(cumulants: FloatArray) -> FloatArray:
    """Return 5 % and 95 % quantiles from cumulants ``(3, ...)``."""
    std = np.sqrt(np.maximum(cumulants[1], 0.0))
    cube = np.where(std > 0, std, 1.0) ** 3
    skew = np.where(std > 1e-12, cumulants[2] / cube, 0.0)
    skew = np.clip(skew, -1.0, 1.0)
    shift = cumulants[0] + std * skew * (QUANTILE_Z**2 - 1) / 6
    found: FloatArray = np.stack([shift - QUANTILE_Z * std, shift + QUANTILE_Z * std])
    return found


def _cumulants(stays: SampledStays, limits: FloatArray, period_h: float) -> FloatArray:
    """Return cumulants of what a car adds, ``(period of not being back, 3, curve, period)``."""
    n_rows = max(round(DAYS * HOURS_PER_DAY / period_h), 1)
    order = np.argsort(-stays.arrival_h, kind="stable")
    late_first = -stays.arrival_h[order]
    own = np.empty((len(order), N_CURVES, n_rows))
    _each_stay(
        own,
        stays.arrival_h[order],
        stays.departure_h[order],
        stays.stored_mwh[order],
        stays.need_mwh[order],
        limits,
        period_h,
    )
    # Those not back by the start of period j are the first so many of this order.
    behind = np.searchsorted(late_first, -period_h * np.arange(n_rows), side="left")
    behind = np.maximum(behind, 1)
    found = np.empty((n_rows, 3, N_CURVES, n_rows))
    power = np.ones_like(own)
    for moment in range(3):
        power *= own
        found[:, moment] = np.cumsum(power, axis=0)[behind - 1] / behind[:, None, None]
    first, second, third = found[:, 0].copy(), found[:, 1].copy(), found[:, 2].copy()
    found[:, 1] = second - first**2
    found[:, 2] = third - 3 * first * second + 2 * first**3
    return found


@njit(cache=True)
def _add_stays(
    total: FloatArray,
    group: IntArray,
    begin_h: FloatArray,
    departure_h: FloatArray,
    stored_mwh: FloatArray,
    need_mwh: FloatArray,
    limits: FloatArray,
    start_h: float,
    period_h: float,
) -> None:
    own = np.empty((N_CURVES, total.shape[-1]))
    for s in range(len(group)):
        g = group[s]
        _bounds(
            own,
            begin_h[s] - start_h,
            departure_h[s] - start_h,
            stored_mwh[s],
            need_mwh[s],
            limits[g],
            period_h,
        )
        for curve in range(N_CURVES):
            for row in range(total.shape[-1]):
                total[g, curve, row] += own[curve, row]


@njit(cache=True)
def _add_expected(
    total: FloatArray,
    cumulants: FloatArray,
    n_home: FloatArray,
    n_away: FloatArray,
    now: int,
    per_day: int,
    first_day: int,
) -> None:
    """Add the cumulants of cars yet to come to `total`, ``(cumulant, curve, n, group)``.

    Parameters
    ----------
    cumulants
        See `EnvelopeForecaster`.
    n_home, n_away
        Cars at home that leave today, and later, ``(2, group)``; cars that are away, ``(group,)``.
    now, per_day
        Period of the day now, and periods of a day.
    first_day
        Day from which those have been away that are: 0 is today.
    """
    n, n_groups = total.shape[2:]
    last_row = cumulants.shape[-1] - 1
    for day in range(first_day, (now + n) // per_day + 1):
        first = now - day * per_day
        back = min(first, last_row) if day == first_day else 0
        for g in range(n_groups):
            coming = n_home[0, g] if day >= 0 else 0.0
            if day >= 1:
                coming += n_home[1, g]
            for moment in range(3):
                for curve in range(N_CURVES):
                    away = cumulants[g, back, moment, curve]
                    home = cumulants[g, 0, moment, curve]
                    for row in range(max(-first, 0), n):
                        at = min(first + row, last_row)
                        total[moment, curve, row, g] += away[at] * n_away[g] + home[at] * coming


@njit(cache=True)
def _each_stay(
    found: FloatArray,
    begin_h: FloatArray,
    departure_h: FloatArray,
    stored_mwh: FloatArray,
    need_mwh: FloatArray,
    limits: FloatArray,
    period_h: float,
) -> None:
    for s in range(len(found)):
        _bounds(found[s], begin_h[s], departure_h[s], stored_mwh[s], need_mwh[s], limits, period_h)


@njit(cache=True)
def _bounds(
    own: FloatArray,
    begin_h: float,
    departure_h: float,
    stored_mwh: float,
    need_mwh: float,
    limits: FloatArray,
    period_h: float,
) -> None:
    """Put the bounds of one stay into ``(curve, period)``; hours count from the first period.

    At the latest, a car empties itself at full power as far as it can, and fills to its need, or
    to what can be had of it, at full power just before it leaves.
    """
    charge_mw, discharge_mw, efficiency, out, capacity_mwh = limits
    fills_mw, empties_mw = charge_mw * efficiency, discharge_mw / out
    stay_h = max(departure_h - begin_h, 0.0)
    goal_mwh = min(need_mwh, stored_mwh + fills_mw * stay_h)
    latest_mwh = goal_mwh - fills_mw * stay_h  # on the line of the latest charge, as it begins
    turn_h = max((stored_mwh - latest_mwh) / (fills_mw + empties_mw), 0.0)
    most_mwh = (capacity_mwh - stored_mwh) / efficiency
    n_rows = own.shape[1]
    last = min(max(int(departure_h / period_h) + 1, 1), n_rows)
    for row in range(last):
        from_h, to_h = row * period_h, (row + 1) * period_h
        share = max(min(to_h, departure_h) - max(from_h, begin_h), 0.0) / period_h
        own[0, row], own[1, row] = -discharge_mw * share, charge_mw * share
        past_h = min(max(to_h - begin_h, 0.0), stay_h)
        lowest_mwh = max(stored_mwh - empties_mw * min(past_h, turn_h), 0.0)
        least_mwh = max(lowest_mwh, latest_mwh + fills_mw * past_h)
        own[2, row] = (least_mwh - lowest_mwh) / efficiency - (stored_mwh - lowest_mwh) * out
        own[3, row] = min(charge_mw * past_h, most_mwh)
    for row in range(last, n_rows):  # it is gone
        own[0, row] = own[1, row] = 0.0
        own[2, row], own[3, row] = own[2, last - 1], own[3, last - 1]
