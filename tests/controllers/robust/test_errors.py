"""The set of forecast errors covers what it says, and margins hold for all of it."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import pytest

from controllers.robust.error_parts import Felt, felt_directions, first_leads, split
from controllers.robust.errors import Budgets, ForecastErrors
from sim.control import Forecast
from sim.inspect.calibration import NO_EVS
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature

N_LEADS = 8
N_ROWS = 40
FREE = Budgets(over_components=np.inf, over_time=np.inf)
BUDGETED = Budgets(over_components=2.0, over_time=4.0)


@lru_cache
def nature() -> Nature:
    scenario = load_scenario("ieee33")
    return Nature.build(scenario.system, scenario.uncertainty)


def told(replication: int, period: int | None = None) -> tuple[Forecast, np.ndarray]:
    """One forecast of a day, at an hour drawn, and the path that came true."""
    day = nature().draw(5, replication)
    last = nature().system.timing.n_periods - N_LEADS
    if period is None:
        period = int(np.random.default_rng([7, replication]).integers(last + 1))
    forecast = CalibratedForecaster.build(nature(), day).issue(period, float(period), NO_EVS)
    return forecast, day.period_mean[None, period : period + N_LEADS]


def rows() -> np.ndarray:
    """Rows that feel all profiles much alike, as voltages do."""
    n_profiles = told(0, 8)[0].profile_mean.shape[1]
    return 1 + 0.3 * np.random.default_rng(3).normal(size=(N_ROWS, n_profiles))


def felt() -> Felt:
    """The rows in every period."""
    return Felt(np.repeat(np.arange(N_LEADS), N_ROWS), np.tile(rows(), (N_LEADS, 1)))


def errors(
    forecast: Forecast,
    budgets: Budgets = FREE,
    coverage: float = 0.9,
    seed: int = 1,
    *,
    follows: bool = True,
) -> ForecastErrors:
    std = np.tile(forecast.profile_std[4], (N_ROWS, 1))
    return ForecastErrors.of(
        forecast,
        N_LEADS,
        felt_directions(rows(), std, 3),
        felt(),
        coverage=coverage,
        samples=2000,
        budgets=budgets,
        rng=np.random.default_rng(seed),
        follows=follows,
    )


@pytest.mark.parametrize("budgets", [FREE, BUDGETED])
@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_fresh_samples_lie_inside_as_often_as_asked(budgets, coverage):
    forecast, _ = told(0, 8)
    fresh = forecast.scenarios(4000, np.random.default_rng(2))[:, :N_LEADS]
    inside = errors(forecast, budgets, coverage).contains(forecast, fresh, felt())
    assert inside.mean() == pytest.approx(coverage, abs=0.04)


@pytest.mark.parametrize("budgets", [FREE, BUDGETED])
@pytest.mark.parametrize("follows", [True, False])
def test_no_path_of_the_set_exceeds_a_margin(budgets, follows):
    """With signals the margin is for what is beside them, without for everything."""
    told_there, _ = told(0, 8)
    forecast = dataclasses.replace(told_there, profile_step_std=told_there.profile_std)
    own = errors(forecast, budgets, follows=follows)
    fresh = forecast.scenarios(2000, np.random.default_rng(2))[:, :N_LEADS]
    fresh = fresh[own.contains(forecast, fresh, felt())]
    known, latest = split(first_leads(forecast, N_LEADS), fresh)
    slope, tightest = rows(), 0.0
    for t in range(N_LEADS):
        most, now, of_signal = own.margin(slope, t)
        assert (now <= most + 1e-9).all()
        error = (fresh[:, t] - forecast.profile_mean[t]) @ slope.T
        signal = known[:, t] @ own.directions.T @ of_signal.T
        assert follows or not signal.any()
        assert (error - signal <= most + 1e-6).all()
        assert (latest[:, t] @ slope.T <= now + 1e-6).all()
        tightest = max(tightest, float(((error - signal) / most).max()))
    assert tightest > 0.8


def test_a_ripple_and_an_error_add_up_as_squares():
    forecast, _ = told(0, 8)
    own = errors(forecast)
    calm = dataclasses.replace(own, ripple_pu=np.zeros_like(own.ripple_pu))
    for t in range(N_LEADS):
        ripple = own.ripples * np.sqrt(rows() ** 2 @ own.ripple_pu[t] ** 2)
        alone = calm.margin(rows(), t).most
        assert own.margin(rows(), t).most == pytest.approx(np.hypot(alone, ripple))


def test_what_is_known_when_a_period_begins_does_not_depend_on_what_comes_after():
    forecast, _ = told(0, 8)
    near = first_leads(forecast, N_LEADS)
    one, two = forecast.scenarios(2, np.random.default_rng(4))[:, None, :N_LEADS]
    for t in range(1, N_LEADS):
        other = two.copy()
        other[:, :t] = one[:, :t]
        known, changed = split(near, one)[0], split(near, other)[0]
        assert np.allclose(known[:, : t + 1], changed[:, : t + 1], rtol=0, atol=1e-12)
        assert np.abs(known - changed).max() > 1e-3 or t == N_LEADS - 1


def test_where_nothing_is_uncertain_there_are_no_margins():
    forecast, _ = told(0, 8)
    zeros = np.zeros_like(forecast.profile_std)
    certain = dataclasses.replace(
        forecast,
        profile_std=zeros,
        profile_step_std=zeros,
        profile_lower=forecast.profile_mean,
        profile_upper=forecast.profile_mean,
    )
    own = errors(certain)
    for t in range(N_LEADS):
        assert not own.margin(rows(), t).most.any()


@pytest.mark.slow
@pytest.mark.parametrize("budgets", [FREE, BUDGETED])
def test_days_that_come_true_lie_inside_as_often_as_asked(budgets):
    """2,000 days, one forecast each, each with a set of its own.

    Fitted on samples of each forecast, not on days.
    """
    inside = []
    for replication in range(2000):
        forecast, truth = told(replication)
        own = errors(forecast, budgets, seed=replication)
        inside.append(bool(own.contains(forecast, truth, felt())[0]))
    print(f"{budgets}: 90 % asked, {np.mean(inside):.1%} inside")  # noqa: T201
    assert np.mean(inside) == pytest.approx(0.9, abs=0.03)
