"""Forecasts know what has been metered: their errors are news, and no more than they say."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pytest

from sim.inspect.calibration import NO_EVS
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.dynamics import LAGS, dynamics
from sim.uncertainty.realisation import Nature

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

KINDS = ("load", "pv", "wind")
HOURS = (5, 10, 15, 20)
DAYS = 800


class Issues(NamedTuple):
    """Forecasts and what came true; ``(issue, lead, profile)`` or ``(issue, ..., profile)``."""

    mean: np.ndarray
    std: np.ndarray
    truth: np.ndarray
    metered: np.ndarray
    error_before: np.ndarray


@lru_cache
def nature() -> Nature:
    scenario = load_scenario("ieee33", {"timing.days": 2, "profiles.months": list(range(1, 13))})
    return Nature.build(scenario.system, scenario.uncertainty)


@lru_cache
def issues() -> Issues:
    """Return 3,200 forecasts from days all over the year; errors are in spreads."""
    rows = []
    for replication in range(DAYS):
        day = nature().draw(1, replication)
        forecaster = CalibratedForecaster.build(nature(), day)
        for hour in HOURS:
            before = forecaster.issue(hour - 1, hour - 1.0, NO_EVS)
            now = forecaster.issue(hour, float(hour), NO_EVS)
            rows.append(
                (
                    now.profile_mean,
                    now.profile_std,
                    day.period_mean[hour : hour + 24],
                    day.period_mean[hour - 2 : hour],
                    _in_spreads(
                        day.period_mean[hour - 1] - before.profile_mean[0], before.profile_std[0]
                    ),
                )
            )
    return Issues(*(np.array(column) for column in zip(*rows, strict=True)))


def _in_spreads(error: np.ndarray, std: np.ndarray) -> np.ndarray:
    return np.where(std > 1e-6, error / np.where(std > 1e-6, std, 1.0), np.nan)


def profiles(kind: str) -> list[int]:
    return [i for i, own in enumerate(nature().uncertainty.record.kind) if own == kind]


@pytest.mark.parametrize("lead", [0, 1, 3, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_the_error_just_metered_tells_nothing_of_the_next(kind: str, lead: int) -> None:
    seen = issues()
    found = []
    for i in profiles(kind):
        before = seen.error_before[:, i]
        after = _in_spreads(seen.truth - seen.mean, seen.std)[:, lead, i]
        both = np.isfinite(before) & np.isfinite(after)
        found.append(np.corrcoef(before[both], after[both])[0, 1])
    assert abs(np.mean(found)) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_two_metered_values_improve_the_next_hour_but_one_by_3_percent_at_most(kind: str) -> None:
    seen = issues()
    gains = []
    for i in profiles(kind):
        open_ = (seen.std[:, 1, i] > 1e-6) & (seen.std[:, 0, i] > 1e-6)
        truth, mean = seen.truth[open_, 1, i], seen.mean[open_, 1, i]
        forecast_only = np.column_stack([np.ones_like(mean), mean])
        both = np.column_stack([forecast_only, seen.metered[open_][:, :, i]])
        gains.append(1 - _residual(both, truth) / _residual(forecast_only, truth))
    assert np.mean(gains) < 0.03


def _residual(known: np.ndarray, truth: np.ndarray) -> float:
    return float((truth - known @ np.linalg.lstsq(known, truth, rcond=None)[0]).std())


@pytest.mark.parametrize("lead", [0, 1, 3, 6, 12, 23])
def test_errors_of_load_are_as_wide_as_stated(lead: int) -> None:
    """In scores, in which they are normal, and in power, as root mean squares."""
    errors = []
    for replication in range(150):
        day = nature().draw(1, replication)
        own = CalibratedForecaster.build(nature(), day)
        for hour in HOURS:
            ahead = slice(hour, hour + 24)
            spread, _ = nature().errors.moments(day.climatology_row[ahead])
            error = day.score[LAGS + hour + lead] - own.score_mean[hour, lead]
            errors.append(_in_spreads(error, spread[lead])[profiles("load")])
    assert np.nanstd(errors) == pytest.approx(1.0, abs=0.03)
    seen = issues()
    squares = np.square(seen.truth - seen.mean)[:, lead].mean(axis=0)
    stated = np.square(seen.std)[:, lead].mean(axis=0)
    ratio = np.sqrt(squares / stated)[profiles("load")]
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.03)


def test_a_forecast_that_its_reader_changes_changes_no_other_one() -> None:
    """Days of one month share what is computed once; what is issued are copies of it."""
    issuing = CalibratedForecaster.build(nature(), nature().draw(1, 0))
    first = issuing.issue(6, 6.0, NO_EVS)
    before = first.profile_correlation.copy()
    first.profile_correlation[:] = first.profile_std[:] = np.nan
    again = issuing.issue(6, 6.0, NO_EVS)
    np.testing.assert_array_equal(again.profile_correlation, before)
    assert np.isfinite(again.profile_std).all()


def test_neighbouring_plants_err_together_as_the_record_says() -> None:
    """Photovoltaic plants, all over the year, in pu, so that noon counts more than dusk.

    What is stated is what errors gather over five hours, on the side of caution: the normal
    law of samples knows no day on which all plants are at their worst.
    """
    seen = issues()
    later = slice(6, None)
    error = np.where(seen.std > 1e-4, seen.truth - seen.mean, 0.0)[:, later]
    stated = nature().dynamics.correlation.mean(axis=0)
    suns = profiles("pv")
    pairs = [(i, k) for i in suns for k in suns if i < k]
    found = []
    for i, k in pairs:
        both = (error[..., i] != 0) & (error[..., k] != 0)
        a, b = error[..., i][both], error[..., k][both]
        found.append(a @ b / np.sqrt((a @ a) * (b @ b)))
    beyond = np.array([stated[pair] for pair in pairs]) - found
    assert max(found) > 0.4
    assert beyond.min() > 0.0
    assert beyond.max() < 0.2
    assert np.corrcoef(beyond + found, found)[0, 1] > 0.9


def test_correlations_can_be() -> None:
    known = nature().dynamics
    assert np.linalg.eigvalsh(known.correlation).min() > -1e-9
    day = nature().draw(1, 0)
    told = CalibratedForecaster.build(nature(), day).issue(6, 6.0, NO_EVS)
    assert np.linalg.eigvalsh(told.series_correlation).min() > -1e-9
    assert np.linalg.eigvalsh(told.profile_correlation).min() > -1e-9
    assert np.diagonal(told.series_correlation) == pytest.approx(1.0)


def test_innovations_are_white_and_of_size_1() -> None:
    known = dynamics(nature().uncertainty.record, 3600)
    for i in profiles("wind") + profiles("load"):
        e = known.innovation[:, i]
        e = e[e != 0]
        assert np.square(e).mean() == pytest.approx(1.0, abs=0.05)
        assert abs(np.corrcoef(e[1:], e[:-1])[0, 1]) < 0.05


def test_nothing_but_the_past_is_read() -> None:
    """Scores that are not metered yet change no forecast."""
    day = nature().draw(1, 0)
    own = CalibratedForecaster.build(nature(), day)
    at = 10
    changed = day.score.copy()
    changed[LAGS + at :] += 1.0
    other = CalibratedForecaster.build(nature(), replace(day, score=changed))
    assert own.score_mean[: at + 1].tobytes() == other.score_mean[: at + 1].tobytes()
    assert not np.array_equal(own.score_mean[at + 1], other.score_mean[at + 1])


def test_another_profile_changes_no_other_noise() -> None:
    """All profiles share their weights; each makes its noise of its own innovations."""
    day = nature().draw(1, 0)
    table, period_of_day = day.climatology_row.T
    sample = nature().dynamics.sample[table, period_of_day]
    few, all_ = day.forecast_noise @ sample[..., :3], day.forecast_noise @ sample
    assert few == pytest.approx(all_[..., :3], abs=1e-12)
    uncertain = nature().dynamics.deviation[table, period_of_day] > 0
    assert all_.swapaxes(1, 2)[uncertain].std() == pytest.approx(1.0, abs=0.02)
