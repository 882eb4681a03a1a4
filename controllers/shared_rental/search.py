"""Decomposition: the owner's model bounds and proposes, the operators' programmes decide.

The owner's model is a relaxation: its bound is proven. Its routes, with energy truck by truck, give
an offer; the operators' own programmes at that offer give what it is really worth. Where something
is left between both, prices of single periods are moved by a level, each judged by the operators'
programmes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from controllers.optimisation.bilevel.decomposition import Iteration
from controllers.optimisation.solve import solve
from controllers.scheduling.problem.problem import PlanningError
from controllers.shared_rental.case import Case
from controllers.shared_rental.leader import alike, leader_model
from controllers.shared_rental.market_view import MarketView, market_view
from controllers.shared_rental.offers import CHARGE
from controllers.shared_rental.proposal import Decision, drives_of, offer_of, routes_of
from controllers.shared_rental.settlement import Settled, settle
from sim.control import SolveStatus


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """The best offer found.

    Attributes
    ----------
    settled
        The offer and what comes of it.
    bound_usd
        Proven bound of what is minimised [USD].
    objective_usd
        What is minimised: the owner's loss, or the cost of all beyond a day without trucks [USD].
    status
        How the owner's model ended.
    log
        Rounds.
    """

    settled: Settled
    bound_usd: float
    objective_usd: float
    status: SolveStatus
    log: tuple[Iteration, ...]


def best_offer(case: Case, decision: Decision) -> Found:
    """Return the best offer found, with a proven bound.

    Raises
    ------
    PlanningError
        Where the owner's model has no solution.
    """
    began = time.perf_counter()
    view = market_view(case, np.array(decision.levels))
    model = leader_model(case, view, alike(case), owner=decision.owner, tied=decision.tied)
    master = solve(model.model, limits=decision.limits)
    bound = master.bound
    if master.values is None or bound is None:
        raise PlanningError(f"the owner's model is {master.status}", master.status)
    # Trucks that are alike have pooled their energy: now each keeps its own, on the same drives.
    singles = tuple((k,) for k in range(case.n_vehicles))
    own = leader_model(
        case,
        view,
        singles,
        owner=decision.owner,
        tied=decision.tied,
        within=drives_of(model, master.values),
    )
    apart = solve(own.model, limits=decision.limits)
    if apart.values is None:
        raise PlanningError(f"the owner's model with given routes is {apart.status}", apart.status)
    routes = routes_of(case, own, apart.values)
    offer, told = offer_of(case, view, own, apart.values, routes, decision)
    base = _base_usd(view, case)
    log: list[Iteration] = []

    def logged(state: Settled) -> float:
        cost = _cost(case, decision, state) - (0.0 if decision.owner else base)
        upper = min([cost, *(entry.upper for entry in log)])
        entry = Iteration(
            lower=min(bound, upper),
            upper=upper,
            patterns=len(state.offer.legs),
            master=master.status,
            seconds=time.perf_counter() - began,
        )
        log.append(entry)
        return cost

    state = settle(case, offer, decision.step_mwh, told)
    cost = logged(state)
    if decision.owner:
        for area, t, level in _single_moves(state, decision):
            if log[-1].gap <= decision.tolerance:
                break
            price = state.offer.price_usd_per_mwh.copy()
            price[t, area] = level
            moved = settle(case, replace(offer, price_usd_per_mwh=price), decision.step_mwh)
            if _cost(case, decision, moved) < cost - 1e-6:
                state = moved
                cost = logged(state)
    return Found(
        settled=state,
        bound_usd=log[-1].lower,
        objective_usd=log[-1].upper,
        status=master.status,
        log=tuple(log),
    )


def _single_moves(state: Settled, decision: Decision) -> Iterator[tuple[int, int, float]]:
    """Yield areas, periods and levels next to the prices of what is offered."""
    levels = np.array(decision.levels)
    offered = sorted(
        {(leg.area, t) for leg in state.offer.legs for t in range(leg.first, leg.last)}
    )
    for area, t in offered:
        at = int(np.searchsorted(levels, state.offer.price_usd_per_mwh[t, area]))
        for other in (at + 1, at - 1, len(levels) - 1):
            if 0 <= other < len(levels) and other != at:
                yield area, t, float(levels[other])


def _cost(case: Case, decision: Decision, state: Settled) -> float:
    """Return what is minimised [USD]."""
    if decision.owner:
        return -state.owner_usd(case)
    return state.grid_usd + state.fleet_usd(case)


def _base_usd(view: MarketView, case: Case) -> float:
    """Return what the operators pay without trucks [USD]."""
    total = 0.0
    for area, operator in enumerate(case.operators):
        if operator is not None:
            total += sum(float(view.costs[area, t, CHARGE].usd[0]) for t in range(case.n_periods))
    return total
