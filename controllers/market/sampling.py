"""Monte Carlo scenarios of the load, reduced to a few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.market.case import Case, Scenarios
from controllers.market.reduction import fast_forward_selection


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadError:
    """How forecasts of the load err, all loads alike.

    Attributes
    ----------
    daily, hourly
        Standard deviations of a factor of the day and of factors of each period [-].
    """

    daily: float = 0.10
    hourly: float = 0.02

    def __post_init__(self) -> None:
        for name in ("daily", "hourly"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name}(={value}) must lie in [0, 1).")


def load_scenarios(
    case: Case, error: LoadError, rng: np.random.Generator, n_samples: int, n_scenarios: int
) -> Scenarios:
    """Return representatives of samples of the load; renewables are as forecast.

    Parameters
    ----------
    case
        The market; its forecast is the mean.
    error
        Standard deviations.
    rng
        Random stream to draw the samples from.
    n_samples, n_scenarios
        How many to draw, how many to keep.
    """
    daily = rng.standard_normal((n_samples, 1))
    hourly = rng.standard_normal((n_samples, case.n_periods))
    factor = np.maximum(1.0 + error.daily * daily + error.hourly * hourly, 0.0)
    total = factor * case.demand.mw.sum(axis=1)
    equal = np.full(n_samples, 1.0 / n_samples)
    chosen, probability = fast_forward_selection(total, equal, n_scenarios)
    return Scenarios(
        probability=probability,
        load_mw=factor[chosen][:, :, None] * case.demand.mw,
        available_mw=np.broadcast_to(
            case.renewables.mw, (n_scenarios, *case.renewables.mw.shape)
        ).copy(),
    )
