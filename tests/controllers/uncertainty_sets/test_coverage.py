"""Sets cover what they say: whole paths of all electrical series over 8 hours, on `ieee33`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from controllers.uncertainty_sets.coverage import fit_radius, forecast_box
from sim.control import Forecast
from sim.inspect.calibration import NO_EVS
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature

N_LEADS = 8
BUDGETS = ({}, {"over_components": 6.0, "over_time": 4.0}, {"over_components": 3.0})


@lru_cache
def nature() -> Nature:
    scenario = load_scenario("ieee33")
    return Nature.build(scenario.system, scenario.uncertainty)


@lru_cache
def told(replication: int) -> tuple[Forecast, np.ndarray]:
    """One forecast of a day, at an hour drawn, and the path that came true."""
    day = nature().draw(5, replication)
    last = nature().system.timing.n_periods - N_LEADS
    period = int(np.random.default_rng([7, replication]).integers(last + 1))
    forecast = CalibratedForecaster.build(nature(), day).issue(period, float(period), NO_EVS)
    return forecast, day.period_mean[None, period : period + N_LEADS]


@pytest.mark.parametrize("budgets", BUDGETS)
def test_samples_of_a_forecast_lie_inside_as_often_as_asked(budgets):
    forecast, _ = told(0)
    own = forecast_box(forecast, N_LEADS, **budgets)
    fitted, fresh = (
        own.gauge(forecast.scenarios(4000, np.random.default_rng(k))[:, :N_LEADS]) for k in (1, 2)
    )
    for coverage in (0.5, 0.9):
        inside = fresh <= fit_radius(fitted, coverage)
        assert inside.mean() == pytest.approx(coverage, abs=0.03)


def test_more_leads_than_the_forecast_has_are_refused():
    forecast, _ = told(0)
    with pytest.raises(ValueError, match="n_periods"):
        forecast_box(forecast, len(forecast.profile_mean) + 1)


@pytest.mark.slow
def test_days_that_come_true_lie_inside_as_often_as_asked():
    """2,000 days, one forecast each: the radius is fitted on the first half of them.

    Fitted on samples of each forecast instead, sets are larger than they need be.
    """
    gauges: dict[int, list[float]] = {k: [] for k in range(len(BUDGETS))}
    by_samples: dict[int, list[bool]] = {k: [] for k in range(len(BUDGETS))}
    for replication in range(2000):
        forecast, truth = told.__wrapped__(replication)
        rng = np.random.default_rng([8, replication])
        samples = forecast.scenarios(400, rng)[:, :N_LEADS]
        for k, budgets in enumerate(BUDGETS):
            own = forecast_box(forecast, N_LEADS, **budgets)
            gauges[k].append(float(own.gauge(truth)[0]))
            by_samples[k].append(gauges[k][-1] <= fit_radius(own.gauge(samples), 0.9))
    for k, found in gauges.items():
        first, second = np.array(found[:1000]), np.array(found[1000:])
        for coverage in (0.5, 0.8, 0.9, 0.95):
            inside = (second <= fit_radius(first, coverage)).mean()
            print(f"{BUDGETS[k]}: {coverage:.0%} asked, {inside:.1%} inside")  # noqa: T201
            assert inside == pytest.approx(coverage, abs=0.03)
        print(f"by samples of the forecast, 90 % asked: {np.mean(by_samples[k]):.1%}")  # noqa: T201
        assert np.mean(by_samples[k]) >= 0.87
