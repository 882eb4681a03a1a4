"""From an offer and its answers to the orders that carry them out."""

from __future__ import annotations

import numpy as np

from controllers.shared_rental.case import Case, Operator
from controllers.shared_rental.offers import CHARGE, Answer, Leg, Offer
from sim.control import FleetPlan, GridPlan, RentPlan, ResponsePlan, Visit
from sim.units import FloatArray

# A generator is ordered down only by more than this [MW].
_LEAST_CURTAILMENT_MW = 1e-4

# No cap binds beyond so many standard deviations.
_FAR = 3.0


def visits_of(case: Case, offer: Offer, first_h: float) -> tuple[tuple[Visit, ...], ...]:
    """Return the itineraries: a visit for each trip, and one for each leg that begins later.

    Parameters
    ----------
    case
        The case.
    offer
        The offer.
    first_h
        When its first period begins [h].
    """
    return tuple(_itinerary(case, offer, vehicle, first_h) for vehicle in range(len(offer.routes)))


def _itinerary(case: Case, offer: Offer, vehicle: int, first_h: float) -> tuple[Visit, ...]:
    space, hours = case.space, case.period_h
    station, since = int(space.start_station[vehicle]), int(space.start_period[vehicle])
    stays = [(since, station, since)]  # departure, station, arrival
    for period, goal in offer.routes[vehicle]:
        stays.append((period, goal, period + int(space.duration[period, station, goal])))
        station = goal
    legs = [leg for leg in offer.legs if leg.vehicle == vehicle]
    visits = []
    for i, (departure, goal, arrival) in enumerate(stays):
        until = stays[i + 1][0] if i + 1 < len(stays) else case.n_periods
        here = [leg for leg in legs if arrival <= leg.first < until]
        if i == 0:
            starts = [leg.first for leg in here]
        else:
            starts = [departure, *(leg.first for leg in here[1:])]
        budgets: list[Leg | None] = [*here] if here else [None] * len(starts)
        for start, leg in zip(starts, budgets, strict=True):
            mwh = 0.0 if leg is None else leg.budget_mwh
            charges = leg is not None and leg.direction == CHARGE
            visits.append(
                Visit(
                    station=goal,
                    depart_h=first_h + start * hours,
                    charge_mwh=mwh if charges else 0.0,
                    discharge_mwh=0.0 if charges else mwh,
                )
            )
    return tuple(visits)


def fleet_power(
    case: Case, offer: Offer, answers: dict[int, Answer]
) -> tuple[FloatArray, ResponsePlan]:
    """Return the power of the trucks, ``(period, vehicle)`` [MW], and how it responds."""
    p_mw, factor = np.zeros((2, case.n_periods, case.n_vehicles))
    for area, answer in answers.items():
        for i, leg in enumerate(offer.of_area(area)):
            p_mw[:, leg.vehicle] += leg.direction * answer.use_mw[i]
            factor[:, leg.vehicle] += answer.factor[i]
    return p_mw, ResponsePlan(factor=factor)


def fleet_plan(p_mw: FloatArray, visits: tuple[tuple[Visit, ...], ...] | None = None) -> FleetPlan:
    """Return the orders to the trucks; itineraries stay where None."""
    return FleetPlan(visits=visits, p_mw=p_mw, q_mvar=np.zeros_like(p_mw))


def rent_plan(offer: Offer) -> RentPlan:
    """Return the prices."""
    return RentPlan(usd_per_mwh=offer.price_usd_per_mwh.astype(np.float64))


def grid_plan(case: Case, offer: Offer, answers: dict[int, Answer], n_generators: int) -> GridPlan:
    """Return the caps on generators: what is planned, and above it the room that limits leave."""
    caps = np.full((case.n_periods, n_generators), np.inf)
    for area, operator in enumerate(case.operators):
        if operator is None or not len(operator.generators):
            continue
        injected = np.zeros(case.n_periods)
        factor = np.zeros(case.n_periods)
        for i, leg in enumerate(offer.of_area(area)):
            injected += leg.direction * answers[area].use_mw[i]
            factor += answers[area].factor[i]
        caps[:, operator.generators] = _caps(
            case, operator, injected, factor, answers[area].curtailed_mw
        )
    return GridPlan(generation_limit_mw=caps)


def _caps(
    case: Case,
    operator: Operator,
    injected_mw: FloatArray,
    factor: FloatArray,
    curtailed_mw: FloatArray,
) -> FloatArray:
    """Return caps, ``(period, generator of the area)`` [MW]."""
    rows = operator.rows
    caps = operator.available_mw - curtailed_mw
    std = np.sqrt(np.array([np.diag(error.covariance).sum() for error in operator.errors]))
    far = _FAR * std[:, None] * operator.error_mw.max(initial=0.0)
    hurts = -rows.of_curtailed
    for t in range(case.n_periods):
        stands = rows.base[t] + rows.of_p * injected_mw[t] + rows.of_curtailed @ curtailed_mw[t]
        room = np.full(len(operator.generators), np.inf)
        tight = np.flatnonzero((hurts > 1e-12).any(axis=1) & (stands > -2.0))
        for row in tight.tolist():
            response = -rows.of_p[row] * operator.error_mw * factor[t]
            left = case.margin.reach(operator.errors[t], rows.of_error[row] + response)
            slack = max(-(stands[row] + left), 0.0)
            most = np.where(hurts[row] > 1e-12, slack / hurts[row].clip(min=1e-12), np.inf)
            room = np.minimum(room, most)
        planned = curtailed_mw[t] > _LEAST_CURTAILMENT_MW
        close = room < far[t]
        caps[t] = np.where(planned | close, caps[t] + np.where(planned, 0.0, room), np.inf)
    return caps
