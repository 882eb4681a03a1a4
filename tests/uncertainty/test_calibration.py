"""Forecasts are calibrated: truth follows them with slope 1, and bounds cover what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pandas as pd
import pytest

from sim.control import EvStates, Forecast, TravelTable
from sim.inspect.calibration import calibration
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import FloatArray

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

WHOLE_YEAR = {"profiles.months": list(range(1, 13))}
LEADS_H = (0.0, 1.0, 3.0, 6.0, 12.0, 23.0)


@lru_cache
def ieee33() -> Scenario:
    return load_scenario("ieee33", WHOLE_YEAR)


@lru_cache
def few_days() -> pd.DataFrame:
    return calibration(ieee33(), replications=100, seed=1)


@lru_cache
def report() -> pd.DataFrame:
    """Return the figures of 3,200 forecasts, from days all over the year."""
    return calibration(ieee33(), replications=800, seed=1)


@pytest.mark.parametrize("lead_h", LEADS_H)
@pytest.mark.parametrize("kind", ["load", "pv", "wind"])
def test_profiles(kind: str, lead_h: float) -> None:
    row = report().loc[(kind, lead_h)]
    assert row["slope"] == pytest.approx(1.0, abs=0.05)
    assert row["coverage"] == pytest.approx(0.9, abs=0.03)
    assert abs(row["bias"]) < 0.05


@pytest.mark.parametrize("lead_h", [0.0, 1.0, 3.0, 6.0])
def test_travel_times(lead_h: float) -> None:
    row = report().loc[("travel", lead_h)]
    assert row["slope"] == pytest.approx(1.0, abs=0.05)
    assert row["coverage"] == pytest.approx(0.9, abs=0.03)
    assert abs(row["bias"]) < 0.03


@pytest.mark.parametrize(("name", "replications"), [("ieee33", 300), ("oberrhein", 150)])
def test_travel_times_of_who_leaves_now_on_roads_without_incidents(
    name: str, replications: int
) -> None:
    """Drives take half an hour on one, mostly less than the quarter hour of now on the other."""
    quiet = load_scenario(name, {"incidents.per_day": 0})
    row = calibration(quiet, replications=replications).loc[("travel", 0.0)]
    assert row["slope"] == pytest.approx(1.0, abs=0.05)
    assert abs(row["bias"]) < 0.03
    assert row["coverage"] == pytest.approx(0.9, abs=0.03)


def test_travel_times_in_jams() -> None:
    """Drives of hours through traffic that changes, where drivers look for ways around it."""
    figures = travel_at(2.0, 100)
    assert figures["bias"].abs().max() < 0.06
    assert (figures["slope"] - 1).abs().max() < 0.12
    assert figures["coverage"].mean() == pytest.approx(0.9, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("intensity", [0.5, 1.0, 2.0, 4.0])
def test_travel_times_at_any_traffic(intensity: float) -> None:
    figures = travel_at(intensity, 1200)
    assert figures["bias"].abs().max() < 0.04
    assert (figures["slope"] - 1).abs().max() < 0.08
    assert (figures["coverage"] - 0.9).abs().max() < 0.05


def travel_at(intensity: float, replications: int) -> pd.DataFrame:
    busy = load_scenario("ieee33", {"traffic.intensity": intensity})
    return calibration(busy, replications=replications).loc["travel"]


def test_errors_grow_with_lead_time() -> None:
    for kind in ("load", "pv", "wind"):
        error = report().loc[kind]["mean_absolute_error"]
        assert error.is_monotonic_increasing
        assert error[23.0] > 1.5 * error[0.0]


def test_a_perfect_forecast_has_slope_1_no_error_and_nothing_to_cover() -> None:
    figures = calibration(load_scenario("tiny"), replications=3)
    profiles = figures.loc[["load", "pv"]]
    assert profiles["slope"].dropna().to_numpy() == pytest.approx(1.0)
    assert (profiles["mean_absolute_error"] == 0).all()
    assert profiles["coverage"].isna().all()
    assert figures["calibrated"].all()


def test_equal_seeds_give_equal_figures() -> None:
    scenario = load_scenario("ieee33")
    first, second, other = (calibration(scenario, replications=3, seed=k) for k in (5, 5, 6))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)


# ---- forecasters that are not calibrated fail ---------------------------------------------------


class Biased:
    """A calibrated forecaster whose forecasts somebody spoils on the way."""

    def __init__(self, inner: Forecaster, spoil: Callable[[Forecast], Forecast]) -> None:
        self._inner = inner
        self._spoil = spoil

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        return self._spoil(self._inner.issue(period, now_h, evs))


def drives(forecast: Forecast, **changed: FloatArray) -> TravelTable:
    """Return the driving times of a forecast with some of them changed."""
    return TravelTable(forecast.travel.everywhere()._replace(**changed))


def higher(forecast: Forecast) -> Forecast:
    """Shift mean and bounds up by a tenth."""
    return replace(
        forecast,
        profile_mean=forecast.profile_mean * 1.1,
        profile_lower=forecast.profile_lower * 1.1,
        profile_upper=forecast.profile_upper * 1.1,
        travel=drives(forecast, mean=forecast.travel_h * 1.1),
    )


def shifted(forecast: Forecast) -> Forecast:
    """Add the same to every mean: the slope does not see it."""
    return replace(
        forecast,
        profile_mean=forecast.profile_mean + 0.05,
        travel=drives(forecast, mean=forecast.travel_h + 0.05),
    )


def too_sure(forecast: Forecast) -> Forecast:
    """Halve the width of the bounds."""
    mean, travel = forecast.profile_mean, forecast.travel_h
    return replace(
        forecast,
        profile_lower=(mean + forecast.profile_lower) / 2,
        profile_upper=(mean + forecast.profile_upper) / 2,
        travel=drives(
            forecast,
            lower=(travel + forecast.travel_lower_h) / 2,
            upper=(travel + forecast.travel_upper_h) / 2,
        ),
    )


def too_bold(forecast: Forecast) -> Forecast:
    """Stretch the forecast about its level; mean error and bounds stay about right."""
    level, drive_h = forecast.profile_mean.mean(axis=1, keepdims=True), forecast.travel_h.mean()
    return replace(
        forecast,
        profile_mean=level + 1.2 * (forecast.profile_mean - level),
        travel=drives(forecast, mean=drive_h + 1.2 * (forecast.travel_h - drive_h)),
    )


@pytest.mark.parametrize(
    ("spoil", "figure"),
    [(higher, "slope"), (shifted, "bias"), (too_sure, "coverage"), (too_bold, "slope")],
)
def test_a_biased_forecaster_fails(spoil: Callable[[Forecast], Forecast], figure: str) -> None:
    """In every kind, at every lead time beyond the hour of issue."""

    def build(nature: Nature, realisation: Realisation) -> Forecaster:
        return Biased(CalibratedForecaster.build(nature, realisation), spoil)

    figures = calibration(ieee33(), replications=100, seed=1, forecaster=build)
    honest = few_days()
    later = figures[figures.index.get_level_values("lead_h") > 0]
    assert not later["calibrated"].any()
    moved = (figures[figure] - honest[figure]).abs()
    assert (moved[later.index] > 0.03).all()
