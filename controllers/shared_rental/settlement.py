"""Offer, answers and accounts that agree with each other.

Operators are separate given prices and visits, except that what is on board when a truck arrives,
and what that has cost, follow from earlier answers: answers are repeated until both agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controllers.optimisation.work_limits import WorkLimits
from controllers.shared_rental.accounts import Accounts, accounts
from controllers.shared_rental.case import Case
from controllers.shared_rental.offers import CHARGE, Answer, Leg, Offer, within_stored
from controllers.shared_rental.operators import answer
from sim.units import FloatArray

# Answers are repeated at most so often.
_REPEATS = 10

# Prices of stored energy may differ by this from what it has cost [USD/MWh].
_AGREED_USD = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """An offer and what comes of it.

    Attributes
    ----------
    offer, answers, accounts
        The offer, the answer of each area that has a station, and the batteries' accounts.
    """

    offer: Offer
    answers: dict[int, Answer]
    accounts: Accounts

    @property
    def rent_usd(self) -> float:
        """Rent of all operators [USD]."""
        return sum(own.rent_usd for own in self.answers.values())

    @property
    def grid_usd(self) -> float:
        """What all operators pay to others than the owner and each other [USD]."""
        return sum(own.cost_usd - own.rent_usd - own.stored_usd for own in self.answers.values())

    def fleet_usd(self, case: Case) -> float:
        """Return what wear, trips, and energy missing at the end cost the owner [USD]."""
        batteries, end = case.batteries, case.end
        usd = 0.0
        for area, own in self.answers.items():
            for leg, use in zip(self.offer.of_area(area), own.use_mw, strict=True):
                k = leg.vehicle
                wear = float(batteries.wear_usd_per_mwh[k])
                if leg.direction == CHARGE:
                    wear += float(batteries.charging_usd_per_mwh[k])
                usd += wear * float(use.sum()) * case.period_h
        for k, route in enumerate(self.offer.routes):
            usd += case.space.route_usd(k, route)
        short = np.maximum(end.target_mwh - self.accounts.energy_mwh[-1], 0.0)
        return usd + float(end.missing_usd_per_mwh @ short)

    def owner_usd(self, case: Case) -> float:
        """Return the owner's profit [USD]."""
        return self.rent_usd + self.accounts.owner_usd - self.fleet_usd(case)


def settle(
    case: Case,
    offer: Offer,
    step_mwh: float,
    told: dict[int, FloatArray] | None = None,
    *,
    reprice: bool = True,
) -> Settled:
    """Return offer, answers and accounts that agree.

    Parameters
    ----------
    case
        The case.
    offer
        Prices, routes and legs; budgets are cut to what the batteries can keep.
    step_mwh
        Budgets are multiples of this [MWh].
    told
        Power by area, ``(leg of the area, period)``, where operators are told what to do.
    reprice
        Whether stored energy is priced at what it has cost; otherwise prices stay.
    """
    limits = WorkLimits()
    answers: dict[int, Answer] = {}
    kept: dict[int, tuple[Leg, ...]] = {}
    for _ in range(_REPEATS):
        for area, operator in enumerate(case.operators):
            legs = offer.of_area(area)
            if operator is None or kept.get(area) == legs:
                continue
            price = offer.price_usd_per_mwh[:, area]
            order = None if told is None else told[area]
            answers[area] = answer(case, area, legs, price, limits, order)
            kept[area] = legs
        books = accounts(case, offer, answers)
        if told is not None:
            break
        agreed = within_stored(case, offer, answers, step_mwh)
        if reprice:
            legs = tuple(_repriced(case, leg, books) for leg in agreed.legs)
            agreed = replace(agreed, legs=legs)
        if agreed.legs == offer.legs:
            break
        offer = agreed
    return Settled(offer=offer, answers=answers, accounts=books)


def _repriced(case: Case, leg: Leg, books: Accounts) -> Leg:
    if leg.direction == CHARGE:
        return leg
    inside = float(books.usd_per_mwh[leg.first, leg.vehicle])
    usd = inside / float(case.batteries.efficiency_discharge[leg.vehicle])
    if abs(usd - leg.stored_usd_per_mwh) < _AGREED_USD:
        return leg
    return replace(leg, stored_usd_per_mwh=usd)
