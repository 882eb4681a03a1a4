"""Locational marginal prices by re-solving: what a little more load costs the dispatch.

The dual of a bus balance is one of many where the optimum is degenerate: a train that has just used
up its energy, or that idles in a mode it cannot leave, then has "prices" of lost load with nothing
shed. The price here is the difference quotient ``(f(D + d e) - f(D)) / d`` of the dispatch with
commitment and routes as cleared and the trains' modes free. In a redispatch, energy that a train
could have had from the hours before is not lost to it: it costs what the day-ahead clearing says
stored energy is worth in that hour, so that energy used up is no scarcity. Exhausted power is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from controllers.market.clearing import Clearing, MarketModel
from controllers.optimisation.model import LinearModel
from controllers.optimisation.shifted_rows import ShiftedRows
from controllers.scheduling.problem.problem import PlanningError
from sim.control import SolveStatus
from sim.units import FloatArray

# The quotient's step [MW, MWh]: small against what a kink in the costs may lie away, large against
# the tolerances of the solver.
STEP_MW = 0.01


def locational_marginal_price(
    clearing: Clearing, energy_usd_per_mwh: FloatArray | None = None
) -> FloatArray:
    """Return what one more MWh of load costs, its benefit aside, ``(period, bus)`` [USD/MWh].

    With scenarios, the expected cost of load added in all of them.

    Parameters
    ----------
    clearing
        Whose commitment and routes are kept.
    energy_usd_per_mwh
        What more energy in a train at the start costs, ``(train,)`` [USD/MWh]; None where there is
        none.

    Raises
    ------
    PlanningError
        If there is no dispatch.
    """
    model = clearing.model
    dispatch = ShiftedRows(dispatch_model(clearing, energy_usd_per_mwh))
    base_usd = _base(dispatch)
    balance = model.recourse.balance
    price = np.empty(balance.shape[1:])
    for period, bus in np.ndindex(price.shape):
        more_usd = dispatch.objective(balance[:, period, bus], STEP_MW) - base_usd
        price[period, bus] = more_usd / STEP_MW / model.case.period_h
    # At a bus without load nothing can be shed.
    demand = model.case.demand
    scarce = demand.lost_load_usd_per_mwh + demand.benefit_usd_per_mwh.max(axis=1, initial=0.0)
    # Below what a solver's tolerances leave of the quotient there is nothing to tell.
    told: FloatArray = np.where(np.isfinite(price), price, scarce[:, None])
    return told.round(6)


def stored_energy_price(clearing: Clearing) -> FloatArray:
    """Return what a MWh less in a train costs, ``(period, train)`` [USD/MWh].

    The marginal value of stored energy at the end of each period, with all periods still open.

    Raises
    ------
    PlanningError
        If there is no dispatch.
    """
    dispatch = ShiftedRows(dispatch_model(clearing, None))
    rows = clearing.model.recourse.trains.energy_row
    price = np.zeros(rows.shape[1:])
    base_usd = _base(dispatch) if price.size else 0.0
    for period, train in np.ndindex(price.shape):
        less_usd = dispatch.objective(rows[:, period, train], -STEP_MW) - base_usd
        price[period, train] = less_usd / STEP_MW
    most = clearing.model.case.demand.lost_load_usd_per_mwh
    return np.where(np.isfinite(price), price, most)


def dispatch_model(clearing: Clearing, energy_usd_per_mwh: FloatArray | None) -> LinearModel:
    """Return the dispatch with commitment and routes as cleared, modes free.

    Parameters
    ----------
    clearing
        What was decided.
    energy_usd_per_mwh
        As in `locational_marginal_price`.
    """
    model = clearing.model
    linear = model.linear
    lower, upper = linear.lower.copy(), linear.upper.copy()
    for part in (model.commitment.on, model.routes.taken):
        lower[part] = upper[part] = np.round(clearing.values[part])
    found = replace(linear, lower=lower, upper=upper, integer=np.zeros(len(lower), dtype=np.bool_))
    return found if energy_usd_per_mwh is None else _with_energy(model, found, energy_usd_per_mwh)


def _with_energy(model: MarketModel, linear: LinearModel, usd_per_mwh: FloatArray) -> LinearModel:
    """Return a model in which trains can have more energy at the start, at a price."""
    rows = model.recourse.trains.energy_row[:, 0]
    n, n_rows = rows.size, linear.matrix.shape[0]
    column = sparse.csr_array((np.full(n, -1.0), (rows.ravel(), np.arange(n))), shape=(n_rows, n))
    cost = model.scenarios.probability[:, None] * usd_per_mwh
    return replace(
        linear,
        cost=np.concatenate([linear.cost, cost.ravel()]),
        matrix=sparse.csr_array(sparse.hstack([linear.matrix, column])),
        lower=np.concatenate([linear.lower, np.zeros(n)]),
        upper=np.concatenate([linear.upper, np.full(n, np.inf)]),
        integer=np.concatenate([linear.integer, np.zeros(n, dtype=np.bool_)]),
    )


def _base(dispatch: ShiftedRows) -> float:
    usd = dispatch.objective()
    if not np.isfinite(usd):
        reason = "The dispatch with fixed commitment gave no prices."
        raise PlanningError(reason, SolveStatus.FAILED)
    return usd
