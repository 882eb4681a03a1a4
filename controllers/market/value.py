"""Value of the stochastic solution and of perfect information: the clearings to compare with."""

from __future__ import annotations

import numpy as np

from controllers.market.case import Case, Scenarios
from controllers.market.clearing import Clearing, clear, dispatch_of, market_model
from controllers.optimisation.work_limits import WorkLimits


def mean_of(scenarios: Scenarios) -> Scenarios:
    """Return the mean of the scenarios as the only one."""
    weight = scenarios.probability
    return Scenarios(
        probability=np.ones(1),
        load_mw=np.tensordot(weight, scenarios.load_mw, axes=1)[None],
        available_mw=np.tensordot(weight, scenarios.available_mw, axes=1)[None],
    )


def only(scenarios: Scenarios, ordinal: int) -> Scenarios:
    """Return one of the scenarios as the only one."""
    return Scenarios(
        probability=np.ones(1),
        load_mw=scenarios.load_mw[[ordinal]],
        available_mw=scenarios.available_mw[[ordinal]],
    )


def clear_from_mean(
    case: Case, scenarios: Scenarios, limits: WorkLimits
) -> tuple[Clearing, Clearing]:
    """Clear stochastically, starting from what would be decided for the mean.

    Returns
    -------
    tuple
        The stochastic clearing, and the dispatch of all scenarios under the decisions for the mean:
        its welfare is the expected result of using the expected value (Birge & Louveaux,
        *Introduction to Stochastic Programming*, chapter 4).
    """
    mean = clear(market_model(case, mean_of(scenarios)), limits)
    model = market_model(case, scenarios)
    start = dispatch_of(model, mean)
    return clear(model, limits, start.values), start


def informed_usd(case: Case, scenarios: Scenarios, limits: WorkLimits) -> float:
    """Return the expected welfare where the scenario is known before anything is decided [USD]."""
    welfare = [
        clear(market_model(case, only(scenarios, ordinal)), limits).welfare_usd
        for ordinal in range(scenarios.n_scenarios)
    ]
    return float(scenarios.probability @ welfare)
