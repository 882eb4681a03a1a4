"""Groups of electric cars as storage: an inner approximation of their envelopes, as linear rows.

The envelopes of a group are sums over its cars, and what lies between them can be moved but for a
few percent: sums of bounds are outer (Müller et al., *Aggregation and disaggregation of energetic
flexibility from distributed energy resources*, IEEE Trans. Smart Grid 10(2), 2019). So a plan stays
inside the quantiles that leave less, below the cars that are at home throughout a period, and a
share of the power away from the bounds, and feeds in once what cars hold now.

Envelopes count energy drawn from the grid. Feeding in and drawing again loses energy in the cars,
so rows follow the drawn energy that would store what is stored, ``y``: one MWh fed in lowers it by
``1 / (efficiency_charge * efficiency_discharge)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from controllers.optimisation.assembly import Assembly
from sim.control import EvEnvelope, EvStates, Observation
from sim.system.evs import EvGroup
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

# Share of a group's power that plans leave alone: cars that are full cannot charge for others.
_SPARE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cars:
    """Groups of cars that are ordered, arrays ``(period, group)`` unless said otherwise.

    Attributes
    ----------
    group
        Which of `System.evs` they are, ``(group,)``.
    charge_max_mw, discharge_max_mw
        Between what the power may be chosen, neither negative [MW].
    lower_mwh, upper_mwh
        Bounds of ``y`` at the end of each period [MWh]. Some path between them is always possible.
    round_trip
        ``efficiency_charge * efficiency_discharge``, ``(group,)`` [-].
    wear_usd_per_mwh
        ``(group,)`` [USD/MWh].
    stored_usd_per_mwh
        What ``y`` is worth at the end, ``(group,)`` [USD/MWh].
    baseline_mwh
        ``y`` at the end without any orders, ``(group,)`` [MWh].
    """

    group: IntArray
    charge_max_mw: FloatArray
    discharge_max_mw: FloatArray
    lower_mwh: FloatArray
    upper_mwh: FloatArray
    round_trip: FloatArray
    wear_usd_per_mwh: FloatArray
    stored_usd_per_mwh: FloatArray
    baseline_mwh: FloatArray

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.group)

    @property
    def most_mw(self) -> float:
        """Largest power of all groups together [MW]."""
        most = np.maximum(self.charge_max_mw, self.discharge_max_mw)
        return float(most.max(axis=0, initial=0.0).sum())

    @property
    def baseline_usd(self) -> float:
        """What the energy of the baseline is worth at the end [USD]."""
        return float(self.stored_usd_per_mwh @ self.baseline_mwh)

    def reachable(self, period_h: float) -> Self:
        """Return the same with bounds that hold some path: that of the latest charging."""
        up = self.charge_max_mw * period_h
        down = self.discharge_max_mw * period_h / self.round_trip
        upper = self.upper_mwh
        lower = np.minimum(self.lower_mwh, upper)
        # What has to be there later has to begin now.
        needed, allowed = lower.copy(), upper.copy()
        for t in range(len(needed) - 2, -1, -1):
            needed[t] = np.maximum(needed[t], needed[t + 1] - up[t + 1])
            allowed[t] = np.minimum(allowed[t], allowed[t + 1] + down[t + 1])
        path, here = np.empty_like(lower), np.zeros(self.n_groups)
        for t in range(len(path)):
            goal = np.maximum(np.minimum(here, allowed[t]), needed[t])
            here = np.clip(goal, here - down[t], here + up[t])
            path[t] = here
        return replace(self, lower_mwh=np.minimum(lower, path), upper_mwh=np.maximum(upper, path))


def orderable_groups(system: System) -> IntArray:
    """Return the groups of cars that plans may order, indices into `System.evs`."""
    return np.array([g for g, group in enumerate(system.evs) if group.orderable], dtype=np.int64)


def cars_of(system: System, observation: Observation, group: IntArray, live: BoolArray) -> Cars:
    """Return groups of cars as they may be ordered from now on.

    Parameters
    ----------
    system
        What exists.
    observation
        What is known now.
    group
        The groups, indices into `System.evs`.
    live
        Whether their buses are supplied, ``(group,)``.
    """
    forecast, period_h = observation.forecast, system.timing.period_h
    groups: tuple[EvGroup, ...] = tuple(system.evs[g] for g in group.tolist())
    charge = np.array([each.efficiency_charge for each in groups])
    discharge = np.array([each.efficiency_discharge or 1.0 for each in groups])
    round_trip = charge * discharge
    price = system.tariff.stored_usd_per_mwh * charge
    bounds = forecast.ev_envelope if len(group) else _no_envelope(forecast.n_periods)
    most_mw = _throughout(bounds.p_max_mw[0][:, group])
    feed_mw = _throughout(-bounds.p_min_mw[1][:, group])
    if forecast.n_periods:
        end_h = (observation.period + 1) * period_h
        most_mw[0], feed_mw[0] = _at_home(system, observation.evs, group, observation.now_h, end_h)
    share = np.where(live, 1.0 - _SPARE, 0.0)
    # Energy that is fed in before it is drawn again counts as if nothing of it were drawn yet.
    least_mwh = bounds.energy_min_mwh[1][:, group]
    lower_mwh = np.minimum(least_mwh, least_mwh / round_trip)
    return Cars(
        group=group,
        charge_max_mw=share * np.maximum(most_mw, 0.0),
        discharge_max_mw=share * np.maximum(feed_mw, 0.0),
        lower_mwh=_fed_in_once(lower_mwh, bounds.p_max_mw[0][:, group]),
        upper_mwh=np.maximum(bounds.energy_max_mwh[0][:, group], 0.0),
        round_trip=round_trip,
        wear_usd_per_mwh=np.array([each.wear_usd_per_mwh for each in groups]),
        stored_usd_per_mwh=price,
        baseline_mwh=forecast.ev_mw[:, group].sum(axis=0) * period_h,
    ).reachable(period_h)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CarVariables:
    """Indices of the variables of cars, ``(period, group)``.

    Attributes
    ----------
    charge_mw, discharge_mw
        Power, both non-negative.
    energy_mwh
        ``y`` at the end of each period.
    energy_row
        Row of each energy balance.
    """

    charge_mw: IntArray
    discharge_mw: IntArray
    energy_mwh: IntArray
    energy_row: IntArray

    def p_mw(self, values: FloatArray) -> FloatArray:
        """Return the net power of a solution, positive injecting, ``(period, group)`` [MW]."""
        return values[self.discharge_mw] - values[self.charge_mw]


def add_cars(assembly: Assembly, cars: Cars, period_h: float) -> CarVariables:
    """Add power and energy of groups of cars, what they cost, and the rows that tie them."""
    shape = cars.charge_max_mw.shape
    wear = np.broadcast_to(cars.wear_usd_per_mwh * period_h, shape).ravel()
    n = len(wear)
    charge = assembly.variables(n, upper=cars.charge_max_mw.ravel(), cost=wear).reshape(shape)
    discharge = assembly.variables(n, upper=cars.discharge_max_mw.ravel(), cost=wear)
    discharge = discharge.reshape(shape)
    value = np.zeros(shape)
    value[-1:] = -cars.stored_usd_per_mwh
    energy = assembly.variables(
        n, lower=cars.lower_mwh.ravel(), upper=cars.upper_mwh.ravel(), cost=value.ravel()
    ).reshape(shape)
    rows = assembly.rows(n, lower=0.0, upper=0.0).reshape(shape)
    assembly.entries(rows, energy, 1.0)
    assembly.entries(rows[1:], energy[:-1], -1.0)
    assembly.entries(rows, charge, -period_h)
    assembly.entries(rows, discharge, period_h / cars.round_trip)
    assembly.offset += cars.baseline_usd
    return CarVariables(
        charge_mw=charge, discharge_mw=discharge, energy_mwh=energy, energy_row=rows
    )


def _no_envelope(n_periods: int) -> EvEnvelope:
    """Return the envelope of no groups over some periods."""
    nothing = np.zeros((2, n_periods, 0))
    return EvEnvelope(
        p_min_mw=nothing, p_max_mw=nothing, energy_min_mwh=nothing, energy_max_mwh=nothing
    )


def _throughout(mean_mw: FloatArray) -> FloatArray:
    """Return what there is throughout each period: the least of its mean and its neighbours'."""
    padded = np.concatenate([mean_mw[:1], mean_mw, mean_mw[-1:]])
    least: FloatArray = np.minimum(mean_mw, np.minimum(padded[:-2], padded[2:]))
    return least


def _fed_in_once(lower_mwh: FloatArray, at_home_mw: FloatArray) -> FloatArray:
    """Return lower bounds that do not feed in the same energy on two stays.

    Envelopes take cars to come home as full as if nobody had ordered them. What a car has fed in
    before it leaves it does not bring back: after the hour with the fewest cars at home the
    bound falls no further.
    """
    if not len(lower_mwh):
        return lower_mwh
    emptiest = at_home_mw.argmin(axis=0)
    least = np.take_along_axis(lower_mwh, emptiest[None], axis=0)
    later = np.arange(len(lower_mwh))[:, None] > emptiest
    return np.where(later, np.maximum(lower_mwh, least), lower_mwh)


def _at_home(
    system: System, evs: EvStates, group: IntArray, now_h: float, end_h: float
) -> tuple[FloatArray, FloatArray]:
    """Return what cars at home can charge and feed in until `end_h`, ``(group,)`` [MW]."""
    n, hours = len(system.evs), max(end_h - now_h, 1e-9)
    efficiency = np.array([each.efficiency_charge for each in system.evs])[evs.group]
    back = np.array([each.efficiency_discharge or 1.0 for each in system.evs])[evs.group]
    stays = evs.departure_h >= end_h
    charge = np.minimum(evs.charge_max_mw, evs.owed_mwh / (efficiency * hours))
    feed = np.minimum(evs.discharge_max_mw, evs.energy_mwh * back / hours)
    # Who feeds in for so long still has the time to charge what the next trip takes.
    loses_h = hours * (1.0 + feed / (back * efficiency * evs.charge_max_mw))
    feed = np.where(evs.laxity_h > loses_h, feed, 0.0)
    charge_mw = np.bincount(evs.group, np.where(stays, charge, 0.0), minlength=n)
    feed_mw = np.bincount(evs.group, np.where(stays, feed, 0.0), minlength=n)
    return charge_mw[group].astype(np.float64), feed_mw[group].astype(np.float64)
