"""What a stochastic clearing is worth beside one of the forecast, and what knowing would be."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controllers.models.market.case import Case, Scenarios
from controllers.models.market.clearing import Clearing, clear, dispatch_of, market_model
from controllers.solve import WorkLimits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Values:
    """Expected welfare by what is known when commitment, routes and modes are decided.

    Attributes
    ----------
    stochastic
        The clearing that knows the scenarios and their probabilities.
    mean_first_usd
        Welfare where they are decided for the mean of the scenarios [USD].
    informed_usd
        Welfare where they are decided for the scenario that comes [USD]; bounds of the clearings
        stand in for clearings that are not proven.
    """

    stochastic: Clearing
    mean_first_usd: float
    informed_usd: float

    @property
    def of_stochastic_solution_usd(self) -> float:
        """Return what deciding for all scenarios gains over deciding for their mean [USD]."""
        return self.stochastic.welfare_usd - self.mean_first_usd

    @property
    def of_perfect_information_usd(self) -> float:
        """Return what knowing the scenario would gain [USD]."""
        return self.informed_usd - self.stochastic.welfare_usd


def mean_of(scenarios: Scenarios) -> Scenarios:
    """Return the mean of the scenarios as the only one."""
    weight = scenarios.probability
    return Scenarios(
        probability=np.ones(1),
        load_mw=np.tensordot(weight, scenarios.load_mw, axes=1)[None],
        available_mw=np.tensordot(weight, scenarios.available_mw, axes=1)[None],
    )


def clear_from_mean(
    case: Case, scenarios: Scenarios, limits: WorkLimits | None = None
) -> tuple[Clearing, Clearing]:
    """Clear stochastically, starting from what would be decided for the mean.

    Returns
    -------
    tuple
        The stochastic clearing, and the dispatch of all scenarios under the decisions for the mean.
    """
    mean = clear(market_model(case, mean_of(scenarios)), limits)
    model = market_model(case, scenarios)
    start = dispatch_of(model, mean)
    return clear(model, limits, start.values), start


def values(case: Case, scenarios: Scenarios, limits: WorkLimits | None = None) -> Values:
    """Return the values of the stochastic solution and of perfect information."""
    stochastic, start = clear_from_mean(case, scenarios, limits)
    informed = 0.0
    for ordinal, weight in enumerate(scenarios.probability):
        own = replace(
            scenarios,
            probability=np.ones(1),
            load_mw=scenarios.load_mw[[ordinal]],
            available_mw=scenarios.available_mw[[ordinal]],
        )
        informed += float(weight) * clear(market_model(case, own), limits).welfare_usd
    return Values(
        stochastic=stochastic,
        mean_first_usd=start.welfare_usd,
        informed_usd=informed,
    )
