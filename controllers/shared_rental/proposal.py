"""From a solution of the owner's model to an offer: legs with budgets, and prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.time_space import Route
from controllers.shared_rental.case import Case
from controllers.shared_rental.leader import Arc, Drive, LeaderModel
from controllers.shared_rental.market_view import MarketView
from controllers.shared_rental.offers import CHARGE, DISCHARGE, Leg, Offer, in_steps
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided, and how.

    Attributes
    ----------
    levels
        Price levels, ascending [USD/MWh].
    step_mwh
        Budgets are multiples of this [MWh].
    owner
        Whether the owner leads; otherwise one decides for all.
    tied
        Whether each truck goes to one station and stays.
    tolerance
        Gap at which the search ends [-].
    limits
        Work limits of the owner's model.
    """

    levels: tuple[float, ...]
    step_mwh: float
    owner: bool
    tied: bool
    tolerance: float
    limits: WorkLimits


def offer_of(
    case: Case,
    view: MarketView,
    model: LeaderModel,
    values: FloatArray,
    routes: tuple[Route, ...],
    decision: Decision,
) -> tuple[Offer, dict[int, FloatArray]]:
    """Return the offer that a solution describes, and the power of its legs by area."""
    n, hours = case.n_periods, case.period_h
    price = np.full((n, len(case.operators)), max(decision.levels) if decision.owner else 0.0)
    for (area, t, _), level in decided(model, values).items():
        price[t, area] = view.levels[level]
    used: dict[tuple[int, int], FloatArray] = {}
    for k in range(case.n_vehicles):
        used[k, CHARGE], used[k, DISCHARGE] = np.zeros(n), np.zeros(n)
    for arc, v in model.charge_mw.items():
        k = model.groups[arc.group][0]
        used[k, CHARGE][arc.period] += values[v]
        used[k, DISCHARGE][arc.period] += values[model.discharge_mw[arc]].sum()
    legs = []
    for k, route in enumerate(routes):
        station = case.space.stations_of(k, route)
        for first, last, direction in _spans(station, used[k, CHARGE], used[k, DISCHARGE]):
            mwh = float(used[k, direction][first:last].sum()) * hours
            mwh += decision.step_mwh * (0.5 if decision.owner else 1.0)
            legs.append(
                Leg(
                    vehicle=k,
                    area=int(case.area[station[first]]),
                    first=first,
                    last=last,
                    direction=direction,
                    budget_mwh=in_steps(mwh, decision.step_mwh),
                    stored_usd_per_mwh=0.0,
                )
            )
    legs.sort(key=lambda leg: (leg.first, leg.vehicle))
    offer = Offer(routes=routes, legs=tuple(legs), price_usd_per_mwh=price)
    planned = {
        area: np.array([_window(leg, used[leg.vehicle, leg.direction]) for leg in own])
        if (own := offer.of_area(area))
        else np.zeros((0, n))
        for area in range(len(case.operators))
    }
    return offer, planned


def _window(leg: Leg, power: FloatArray) -> FloatArray:
    within = np.zeros_like(power)
    within[leg.first : leg.last] = power[leg.first : leg.last]
    return within


def _spans(
    station: IntArray, charged: FloatArray, discharged: FloatArray
) -> list[tuple[int, int, int]]:
    """Return first and last period, and direction, of what a truck does without a break."""
    spans: list[tuple[int, int, int]] = []
    for t in np.flatnonzero(charged + discharged > 1e-6).tolist():
        direction = CHARGE if charged[t] > discharged[t] else DISCHARGE
        if spans:
            first, _, before = spans[-1]
            if before == direction and (station[first : t + 1] == station[t]).all():
                spans[-1] = (first, t + 1, direction)
                continue
        spans.append((t, t + 1, direction))
    return spans


def decided(found: LeaderModel, values: FloatArray) -> dict[tuple[int, int, int], int]:
    """Return the level chosen in each area, period and direction where there is one."""
    return {key[:3]: key[3] for key, z in found.level.items() if values[z] > 0.5}


def drives_of(found: LeaderModel, values: FloatArray) -> frozenset[Drive]:
    """Return the stays and drives of a solution."""
    return frozenset(
        (arc.period, arc.station, arc.goal) for arc, v in found.flow.items() if values[v] > 0.5
    )


def around(case: Case, drives: frozenset[Drive]) -> frozenset[Drive]:
    """Return drives, those a period earlier and later, and all stays."""
    near = {(t + step, s, goal) for t, s, goal in drives for step in (-1, 0, 1)}
    stays = {(t, s, s) for t in range(case.n_periods) for s in range(case.space.n_stations)}
    return frozenset({drive for drive in near if 0 <= drive[0] < case.n_periods} | stays)


def routes_of(case: Case, found: LeaderModel, values: FloatArray) -> tuple[Route, ...]:
    """Return routes of the trucks that make up the flows; trucks that are alike may swap."""
    space = case.space
    left = {arc: round(float(values[v])) for arc, v in found.flow.items()}
    routes: list[Route] = [()] * case.n_vehicles
    for g, trucks in enumerate(found.groups):
        for k in trucks:
            t, s = int(space.start_period[k]), int(space.start_station[k])
            route = []
            while t < case.n_periods:
                goals = [s, *(goal for goal in range(space.n_stations) if goal != s)]
                goal = next(goal for goal in goals if left.get(Arc(g, t, s, goal), 0) > 0)
                left[Arc(g, t, s, goal)] -= 1
                if goal == s:
                    t += 1
                    continue
                route.append((t, goal))
                t += int(space.duration[t, s, goal])
                s = goal
            routes[k] = tuple(route)
    return tuple(routes)
