"""The radius of a set that contains a given share of paths, and sets around forecasts.

Split conformal prediction: of ``n`` exchangeable paths and one more, the one more has a gauge of at
most the ``ceil((n + 1) * coverage)``-th smallest of the ``n`` with probability at least
``coverage``, and at most ``1 / (n + 1)`` above it where gauges do not tie (Vovk, Gammerman, Shafer,
*Algorithmic Learning in a Random World*, 2005, ch. 2; Lei et al., J. American Statistical
Association 113, 2018). A path is inside jointly: in every component at every lead.
"""

from __future__ import annotations

import math

import numpy as np

from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.uncertainty_set import UncertaintySetError
from sim.control import Forecast
from sim.units import FloatArray

QUANTILE = 1.6448536269514722  # of the standard normal law, at 95 %
ROUNDING = 1e-9


def fit_radius(gauges: FloatArray, coverage: float) -> float:
    """Return the radius at which a set contains `coverage` of all paths.

    Parameters
    ----------
    gauges
        `BudgetedBox.gauge` of paths drawn from what the set shall cover, ``(path,)``.
    coverage
        Share of paths inside, in (0, 1).

    Raises
    ------
    UncertaintySetError
        Where the coverage is outside (0, 1), paths are too few for it, or the radius would be
        infinite because what counts as certain departs too often.
    """
    if not 0 < coverage < 1:
        raise UncertaintySetError(f"coverage(={coverage}) must lie in (0, 1), both ends excluded.")
    n = len(gauges)
    rank = math.ceil((n + 1) * coverage - ROUNDING)
    if rank > n:
        needed = math.ceil(coverage / (1 - coverage) - ROUNDING)
        raise UncertaintySetError(
            f"{n} paths cannot fix a coverage of {coverage}: at least {needed} are needed."
        )
    radius = float(np.sort(gauges)[rank - 1])
    if not np.isfinite(radius):
        raise UncertaintySetError(
            f"No finite radius covers {coverage} of the paths: values that the set holds for "
            "certain depart. Give them a deviation, or raise budgets of 0."
        )
    return radius


def forecast_box(
    forecast: Forecast,
    n_periods: int,
    *,
    over_components: float = np.inf,
    over_time: float = np.inf,
) -> BudgetedBox:
    """Return the set of radius 1 around a forecast of the electrical profiles.

    The centre is the mean; what counts as 1 is the distance to the 5 % and to the 95 % quantile,
    at least 1.645 standard deviations, as far as the quantiles of a normal law are [pu of the
    profile]: what is usually 0 and rarely much has quantiles that say too little.

    Parameters
    ----------
    forecast
        Conditional on all that was observed; so is the set.
    n_periods
        Leads that count, at most those of the forecast.
    over_components, over_time
        Budgets per period and per profile, in relative deviations.
    """
    if not 1 <= n_periods <= len(forecast.profile_mean):
        raise UncertaintySetError(
            f"n_periods(={n_periods}) must lie in [1, {len(forecast.profile_mean)}], the leads "
            "that the forecast covers."
        )
    ahead = slice(0, n_periods)
    mean, least = forecast.profile_mean[ahead], QUANTILE * forecast.profile_std[ahead]
    return BudgetedBox.around(
        mean,
        np.maximum(mean - forecast.profile_lower[ahead], least),
        np.maximum(forecast.profile_upper[ahead] - mean, least),
        over_components=over_components,
        over_time=over_time,
        floor=0.0,
    )
