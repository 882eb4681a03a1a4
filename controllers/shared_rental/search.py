"""Decomposition: the owner's model bounds and proposes, the operators' programmes decide.

The owner's model is a relaxation: its bound is proven. On its drives, with energy truck by truck, a
second model gives an offer; the operators' own programmes at that offer give what it is really
worth. Where something is left between both, drives an hour earlier or later are added; then prices
at which operators rent less than expected are moved by a level.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from controllers.optimisation.bilevel.decomposition import Iteration
from controllers.optimisation.solve import solve
from controllers.scheduling.problem.problem import PlanningError
from controllers.shared_rental.case import Case
from controllers.shared_rental.leader import alike, leader_model
from controllers.shared_rental.market_view import MarketView, market_view, use_costs
from controllers.shared_rental.offers import CHARGE, Offer
from controllers.shared_rental.proposal import Decision, around, drives_of, offer_of, routes_of
from controllers.shared_rental.settlement import Settled, settle
from sim.control import SolveStatus
from sim.units import FloatArray

Move: TypeAlias = Callable[[Offer], Offer]

# Where operators rent less than this below what the owner's model expects, prices stay [MW].
LACKING_MW = 0.01


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
    levels = np.array(decision.levels)
    responding, silent = (use_costs(case, responds=responds) for responds in (True, False))
    view = market_view(case, levels, responding, silent)
    model = leader_model(case, view, alike(case), owner=decision.owner, tied=decision.tied)
    master = solve(model.model, limits=decision.limits)
    bound = master.bound
    if master.values is None or bound is None:
        raise PlanningError(f"the owner's model is {master.status}", master.status)
    base = 0.0 if decision.owner else _base_usd(view, case)
    log: list[Iteration] = []
    best: Settled | None = None

    def logged(state: Settled) -> bool:
        """Log a round, and return whether it is the best so far."""
        cost = _cost(case, decision, state) - base
        before = min([np.inf, *(entry.upper for entry in log)])
        upper = min(cost, before)
        log.append(
            Iteration(
                lower=min(bound, upper),
                upper=upper,
                patterns=len(state.offer.legs),
                master=master.status,
                seconds=time.perf_counter() - began,
            )
        )
        return cost < before

    # Trucks that are alike have pooled their energy: now each keeps its own, on the same drives,
    # and where that costs too much, on drives an hour earlier or later.
    drives = drives_of(model, master.values)
    singles = tuple((k,) for k in range(case.n_vehicles))
    near = around(case, drives)
    rounds = [(drives, view, True), (near, view, True)]
    if decision.owner:
        # What a response reserves pays no rent: it may be better to withhold it.
        without = market_view(case, levels, silent)
        rounds = [(drives, view, True), (drives, without, False), (near, view, True),
                  (near, without, False)]  # fmt: skip
    for within, seen, responds in rounds:
        own = leader_model(
            case, seen, singles, owner=decision.owner, tied=decision.tied, within=within
        )
        apart = solve(own.model, limits=decision.limits)
        if apart.values is None:
            continue
        routes = routes_of(case, own, apart.values)
        offer, planned = offer_of(case, seen, own, apart.values, routes, decision)
        offer = replace(offer, legs=tuple(replace(leg, responds=responds) for leg in offer.legs))
        state = settle(case, offer, decision.step_mwh, None if decision.owner else planned)
        if logged(state):
            best, expected = state, planned
        if log[-1].gap <= decision.tolerance:
            break
    if best is None:
        raise PlanningError("the owner's model has no routes truck by truck")
    if decision.owner:
        for move in _next_prices(best, expected, decision):
            if log[-1].gap <= decision.tolerance:
                break
            state = settle(case, move(best.offer), decision.step_mwh)
            if logged(state):
                best = state
    return Found(
        settled=best,
        bound_usd=log[-1].lower,
        objective_usd=log[-1].upper,
        status=master.status,
        log=tuple(log),
    )


def _next_prices(
    state: Settled, expected: dict[int, FloatArray], decision: Decision
) -> Iterator[Move]:
    """Yield offers with the next price where less is rented than expected."""
    levels = np.array(decision.levels)
    for area, own in state.answers.items():
        lacks = expected[area].sum(axis=0) - own.use_mw.sum(axis=0) > LACKING_MW
        for t in np.flatnonzero(lacks).tolist():
            at = int(np.searchsorted(levels, state.offer.price_usd_per_mwh[t, area]))
            for other in (at - 1, at + 1):
                if 0 <= other < len(levels):
                    yield partial(_priced, area, t, float(levels[other]))


def _priced(area: int, t: int, level: float, offer: Offer) -> Offer:
    price = offer.price_usd_per_mwh.copy()
    price[t, area] = level
    return replace(offer, price_usd_per_mwh=price)


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
