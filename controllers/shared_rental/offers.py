"""What the owner offers, and what the operators make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from controllers.scheduling.problem.time_space import Route
from controllers.shared_rental.case import Case
from sim.units import FloatArray

CHARGE, DISCHARGE = -1, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A visit, or a part of one: one truck serves one operator in one direction.

    Attributes
    ----------
    vehicle, area
        Who serves whom.
    first, last
        Periods ``first <= t < last`` in which it may be used.
    direction
        `CHARGE` or `DISCHARGE`.
    budget_mwh
        Most that may be exchanged at the grid connection [MWh].
    stored_usd_per_mwh
        What the operator pays for the stored energy that he discharges, or is credited for what he
        charges in addition to what he pays for it now (then by period, see `Operator`)
        [USD/MWh at the grid connection].
    responds
        Whether the operator may have errors of the forecast answered with it. What a response
        reserves takes from the budget and pays no rent.
    """

    vehicle: int
    area: int
    first: int
    last: int
    direction: int
    budget_mwh: float
    stored_usd_per_mwh: float
    responds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """A decision of the owner.

    Attributes
    ----------
    routes
        Departures of each truck.
    legs
        In order of their beginning.
    price_usd_per_mwh
        Rent for each MWh exchanged, ``(period, area)`` [USD/MWh].
    """

    routes: tuple[Route, ...]
    legs: tuple[Leg, ...]
    price_usd_per_mwh: FloatArray

    def of_area(self, area: int) -> tuple[Leg, ...]:
        """Return the legs in an area."""
        return tuple(leg for leg in self.legs if leg.area == area)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What one operator does.

    Attributes
    ----------
    use_mw
        Power of each leg in each period, ``(leg of the area, period)``, not negative [MW].
    factor
        Participation factors, same shape [MW/MW].
    curtailed_mw
        ``(period, generator of the area)`` [MW].
    cost_usd
        What the operator minimises: energy, limits, rent, stored energy [USD].
    rent_usd, stored_usd
        Rent among it, and what is paid for stored energy, negative where he is paid [USD].
    """

    use_mw: FloatArray
    factor: FloatArray
    curtailed_mw: FloatArray
    cost_usd: float
    rent_usd: float
    stored_usd: float


def stored_mwh(case: Case, offer: Offer, answers: dict[int, Answer]) -> FloatArray:
    """Return stored energy at period boundaries, ``(period + 1, vehicle)`` [MWh]."""
    batteries = case.batteries
    power = internal_mw(case, offer, answers)
    energy = np.empty((case.n_periods + 1, case.n_vehicles))
    energy[0] = batteries.energy_mwh
    used = np.column_stack(
        [case.space.route_mwh(k, offer.routes[k]) for k in range(case.n_vehicles)]
    )
    for t in range(case.n_periods):
        drawn = batteries.hours * (power[t] + batteries.auxiliary_mw)
        energy[t + 1] = batteries.keep * energy[t] - drawn - used[t]
    return energy


def internal_mw(case: Case, offer: Offer, answers: dict[int, Answer]) -> FloatArray:
    """Return what the batteries give inside, ``(period, vehicle)`` [MW]."""
    batteries = case.batteries
    power = np.zeros((case.n_periods, case.n_vehicles))
    for area, answer in answers.items():
        for leg, use in zip(offer.of_area(area), answer.use_mw, strict=True):
            k = leg.vehicle
            if leg.direction == CHARGE:
                power[:, k] -= use * batteries.efficiency_charge[k]
            else:
                power[:, k] += use / batteries.efficiency_discharge[k]
    return power


def within_stored(case: Case, offer: Offer, answers: dict[int, Answer], step_mwh: float) -> Offer:
    """Return the offer with budgets that the batteries can keep, whatever of them is used.

    Parameters
    ----------
    case
        The case.
    offer, answers
        The offer, and what is used of it.
    step_mwh
        Budgets are multiples of this [MWh].
    """
    batteries = case.batteries
    energy = stored_mwh(case, offer, answers)
    legs = []
    for leg in offer.legs:
        k, before = leg.vehicle, energy[leg.first, leg.vehicle]
        if leg.direction == CHARGE:
            room = batteries.upper_mwh[k, leg.last] - before
            most = room / batteries.efficiency_charge[k]
        else:
            room = before - batteries.lower_mwh[k, leg.last]
            most = room * batteries.efficiency_discharge[k]
        legs.append(replace(leg, budget_mwh=min(leg.budget_mwh, in_steps(most, step_mwh))))
    return replace(offer, legs=tuple(legs))


def in_steps(mwh: float, step_mwh: float) -> float:
    """Return the largest multiple of the step that an energy holds [MWh]."""
    return max(math.floor(mwh / step_mwh + 1e-6), 0) * step_mwh
