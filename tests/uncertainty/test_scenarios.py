"""Samples of forecasts have the moments that the forecast states, and cover what comes true."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from sim.control import Forecast
from sim.inspect.calibration import NO_EVS
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import ExactForecaster
from sim.uncertainty.realisation import Nature, Realisation

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

N = 4000


@lru_cache
def nature() -> Nature:
    scenario = load_scenario("ieee33")
    return Nature.build(scenario.system, scenario.uncertainty)


@lru_cache
def drawn(replication: int) -> Realisation:
    return nature().draw(1, replication)


@lru_cache
def forecast(replication: int = 0, period: int = 6) -> Forecast:
    forecaster = CalibratedForecaster.build(nature(), drawn(replication))
    return forecaster.issue(period, float(period), NO_EVS)


@lru_cache
def sampled() -> np.ndarray:
    return forecast().scenarios(N, np.random.default_rng(1))


def test_means_and_spreads_are_those_stated() -> None:
    stated, own = forecast(), sampled()
    assert own.shape == (N, *stated.profile_mean.shape)
    wide = stated.profile_std > 1e-4
    off = (own.mean(axis=0) - stated.profile_mean)[wide] / stated.profile_std[wide]
    # What is usually 0 and rarely much has a mean that 4,000 samples do not settle.
    assert np.quantile(np.abs(off), 0.9) < 4 / np.sqrt(N)
    assert np.abs(off).max() < 0.2
    ratio = own.std(axis=0)[wide] / stated.profile_std[wide]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.01)
    assert np.quantile(np.abs(ratio - 1), 0.95) < 0.1


def test_quantiles_are_those_stated() -> None:
    stated, own = forecast(), sampled()
    wide = stated.profile_std > 1e-4
    inside = (own >= stated.profile_lower) & (own <= stated.profile_upper)
    assert inside.mean(axis=0)[wide].mean() == pytest.approx(0.9, abs=0.015)


def test_errors_correlate_over_leads_and_between_profiles_as_stated() -> None:
    """Rank correlations, which the map from scores to values leaves as they are."""
    stated = forecast()
    rank = sampled().argsort(axis=0).argsort(axis=0) / N - 0.5
    load, sun, other = 0, nature().system.profiles.index("PV4"), 10
    lead = 5
    for (i, a), (k, b) in (
        ((load, lead), (load, lead + 2)),
        ((sun, lead), (sun, lead + 1)),
        ((sun, lead), (other, lead)),
        ((sun, lead), (other, lead + 1)),
        ((load, lead), (sun, lead)),
    ):
        chol = [np.linalg.cholesky(stated.profile_correlation[j]) for j in (i, k)]
        wanted = stated.series_correlation[i, k] * (chol[0] @ chol[1].T)[a, b]
        found = 2 * np.sin(np.pi / 6 * np.corrcoef(rank[:, a, i], rank[:, b, k])[0, 1])
        assert found == pytest.approx(wanted, abs=0.06), (i, a, k, b)
    assert stated.series_correlation[sun, other] > 0.2  # neighbours err together


def test_samples_stay_within_what_can_be() -> None:
    """No sun at night, nothing below 0."""
    own = sampled()
    assert own.min() >= 0
    dark = (forecast().profile_upper == 0) & (forecast().profile_std == 0)
    assert dark.any()
    assert np.all(own[:, dark] == 0)


def test_days_that_come_true_lie_within_the_bands_of_samples() -> None:
    """Days of all months; each profile, and the sum of the plants under one sky.

    The record has values that come again and again, and bounds lie on them: what is nearer to a
    band than 3 % of the spread counts as inside.
    """
    scenario = load_scenario("ieee33", {"profiles.months": list(range(1, 13))})
    year = Nature.build(scenario.system, scenario.uncertainty)
    suns = [i for i, kind in enumerate(year.uncertainty.record.kind) if kind == "pv"]
    inside, inside_sum = [], []
    for replication in range(200):
        day = year.draw(1, replication)
        forecaster = CalibratedForecaster.build(year, day)
        for period in (3, 8, 14):
            told = forecaster.issue(period, float(period), NO_EVS)
            own = told.scenarios(100, np.random.default_rng(replication))
            truth = day.period_mean[period:]
            inside.append(_inside(own, truth))
            inside_sum.append(_inside(own[:, :, suns].sum(axis=2), truth[:, suns].sum(axis=1)))
    assert np.concatenate(inside).mean() == pytest.approx(0.9, abs=0.03)
    assert np.concatenate(inside_sum).mean() == pytest.approx(0.9, abs=0.03)


def _inside(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    low, high = np.quantile(samples, [0.05, 0.95], axis=0)
    slack = 0.03 * samples.std(axis=0)
    return ((truth >= low - slack) & (truth <= high + slack))[low > 1e-6]


def test_an_exact_forecast_has_one_scenario() -> None:
    exact = ExactForecaster(nature(), drawn(0)).issue(3, 3.0, NO_EVS)
    own = exact.scenarios(5, np.random.default_rng(1))
    assert np.array_equal(own, np.repeat(exact.profile_mean[None], 5, axis=0))


def test_an_error_of_0_makes_forecasts_exact() -> None:
    scenario = load_scenario("ieee33", {"forecast.error": 0})
    known = Nature.build(scenario.system, scenario.uncertainty)
    day = known.draw(1, 0)
    told = CalibratedForecaster.build(known, day).issue(3, 3.0, NO_EVS)
    for name in ("mean", "lower", "upper"):
        assert np.array_equal(getattr(told, f"profile_{name}"), day.period_mean[3:])
    assert told.profile_std.max() == 0
    own = told.scenarios(3, np.random.default_rng(1))
    assert np.array_equal(own, np.repeat(told.profile_mean[None], 3, axis=0))
