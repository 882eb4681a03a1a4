"""Information-gap decision theory: how far wind may fall short before welfare falls too low.

The robustness function (Ben-Haim, *Info-Gap Decision Theory*, 2006): the largest horizon ``alpha``
such that welfare stays at or above a share ``1 - beta`` of what the forecast promises, whatever the
wind in ``[(1 - alpha) forecast, (1 + alpha) forecast]``. Wind can be spilled, so welfare never
falls with more of it, the worst case is the lower end, and one level suffices.

A cap on emissions binds the schedule for the forecast. On a day with less wind the units burn what
it takes, so neither side of the comparison is capped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from controllers.market.clearing import (
    Clearing,
    MarketModel,
    clear,
    cleared,
    dispatch_of,
    market_model,
)
from controllers.optimisation.model import LinearModel
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.problem import PlanningError
from sim.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Robust:
    """The most robust decisions.

    Attributes
    ----------
    alpha
        Share of the wind that may be missing [-].
    alpha_bound
        Proven upper bound of it [-].
    clearing
        The clearing under that wind.
    """

    alpha: float
    alpha_bound: float
    clearing: Clearing


def most_robust(
    base: Clearing, beta: float, limits: WorkLimits, horizon_limits: WorkLimits
) -> Robust:
    """Maximise the share of wind that may be missing.

    Parameters
    ----------
    base
        The clearing with the wind that is forecast; with scenarios of the load, welfare is
        expected welfare.
    beta
        Share of the welfare with all wind that may be given up [-].
    limits
        Work limits of clearing without the cap on emissions, where there is one.
    horizon_limits
        Work limits of the search for the share; the gap is that of ``alpha``.

    Raises
    ------
    PlanningError
        If nothing was found.
    """
    case = base.model.case
    if np.isfinite(case.emission_cap_lb):
        model = market_model(replace(case, emission_cap_lb=np.inf), base.model.scenarios)
        base = clear(model, limits, dispatch_of(model, base).values)
    model = base.model
    linear = _with_horizon(model, base.welfare_usd - beta * abs(base.welfare_usd))
    # What the decisions of the base can bear is a first answer.
    first = model.first_stage
    lower, upper = linear.lower.copy(), linear.upper.copy()
    lower[first] = upper[first] = base.values[first]
    rigid = replace(linear, lower=lower, upper=upper, integer=np.zeros_like(linear.integer))
    start = solve(rigid).values
    solution = solve(linear, limits=horizon_limits, start=start, presolve=False)
    if solution.values is None or solution.objective is None:
        raise PlanningError("No robust clearing was found.", solution.status)
    bound = 1.0 if solution.bound is None else min(-solution.bound, 1.0)
    found = cleared(model, replace(solution, bound=None))
    return Robust(alpha=-solution.objective, alpha_bound=bound, clearing=found)


def _with_horizon(model: MarketModel, least_welfare_usd: float) -> LinearModel:
    """Return the model that maximises ``alpha``, its last variable."""
    linear = model.linear
    n = len(linear.cost)
    used = model.recourse.renewable.ravel()
    available = model.scenarios.available_mw.ravel()
    rows = np.arange(len(used))
    falls_short = sparse.csr_array(
        (
            np.concatenate([np.ones(len(used)), available]),
            (np.concatenate([rows, rows]), np.concatenate([used, np.full(len(used), n)])),
        ),
        shape=(len(used), n + 1),
    )
    # In thousands of USD, so that the row's numbers are like those of the others.
    welfare = sparse.csr_array(np.append(linear.cost, 0.0)[None] / 1000.0)
    wider = sparse.csr_array(
        (linear.matrix.data, linear.matrix.indices, linear.matrix.indptr),
        shape=(linear.matrix.shape[0], n + 1),
    )
    most_usd = -least_welfare_usd - linear.offset
    return LinearModel(
        cost=_last(n + 1, -1.0),
        matrix=sparse.csr_array(sparse.vstack([wider, falls_short, welfare])),
        row_lower=np.concatenate([linear.row_lower, np.full(len(used) + 1, -np.inf)]),
        row_upper=np.concatenate([linear.row_upper, available, [most_usd / 1000.0]]),
        lower=np.append(linear.lower, 0.0),
        upper=np.append(linear.upper, 1.0),
        integer=np.append(linear.integer, False),
    )


def _last(n: int, value: float) -> FloatArray:
    vector = np.zeros(n)
    vector[-1] = value
    return vector
