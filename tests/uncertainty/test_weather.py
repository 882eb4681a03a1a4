"""Harder weather and worse forecasts: only what is asked for changes, and forecasts know it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from sim.inspect.calibration import calibration
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.model import ForecastSkill, Record
from sim.uncertainty.realisation import Nature, Realisation
from sim.uncertainty.storm import Storm
from sim.uncertainty.weather import with_gusts, with_storm

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

STORM = {
    "storm.hours": 8,
    "storm.capacity_loss": 0.4,
    "storm.pv_loss": 0.8,
    "storm.wind_gain": 0.8,
}


@lru_cache
def ieee33(*overrides: tuple[str, Any]) -> Scenario:
    return load_scenario("ieee33", dict(overrides))


def record(*overrides: tuple[str, Any]) -> Record:
    return ieee33(*overrides).uncertainty.record


def draw(scenario: Scenario) -> Realisation:
    return Nature.build(scenario.system, scenario.uncertainty).draw(1, 2)


def test_gusts_keep_the_mean_of_every_hour_and_the_range_of_the_wind() -> None:
    calm, gusty = record(), record(("wind.gusts", 1.0))
    wind = calm.kind.index("wind")
    hours = [own.values.reshape(-1, 4, len(own.kind)).mean(axis=1) for own in (calm, gusty)]
    assert hours[0] == pytest.approx(hours[1], abs=1e-12)
    assert gusty.values[:, wind].min() >= 0
    assert gusty.values[:, wind].max() <= calm.values[:, wind].max() + 1e-12
    spread = [own.values[:, wind].reshape(-1, 4).std(axis=1).mean() for own in (calm, gusty)]
    assert spread[1] > 3 * spread[0]
    others = [i for i in range(len(calm.kind)) if i != wind]
    assert np.array_equal(calm.values[:, others], gusty.values[:, others])


def test_forecasts_know_the_usual_gusts() -> None:
    """The announced spread of steps inside periods is that of the steps, on the average."""
    scenario = ieee33(("wind.gusts", 1.0))
    nature = Nature.build(scenario.system, scenario.uncertainty)
    wind = scenario.uncertainty.record.kind.index("wind")
    steps = scenario.uncertainty.record.values[:, wind].reshape(-1, 4)
    rows = nature.climatology.table, nature.climatology.period_of_day
    announced = np.square(nature.climatology.ripple[:, :, wind][rows]).mean()
    assert announced == pytest.approx(steps.var(axis=1).mean(), rel=0.05)


def test_gusts_need_steps_inside_a_period() -> None:
    own = record()
    assert with_gusts(own, 1.0, ("x",) * len(own.kind), own.step_s) is own


def test_a_storm_takes_the_sun_and_brings_the_wind_at_its_hour_only() -> None:
    fair, foul = record(), record(*STORM.items())
    hour = (np.arange(len(fair.values)) + 0.5) / 4 % 24
    outside = (hour < 12) | (hour > 20)
    assert np.array_equal(fair.values[outside], foul.values[outside])
    at_height = np.abs(hour - 16) < 0.2
    for i, kind in enumerate(fair.kind):
        before, after = fair.values[at_height, i], foul.values[at_height, i]
        if kind == "pv":
            assert after == pytest.approx(0.2 * before, rel=0.02, abs=1e-9)
        elif kind == "wind":
            missing = fair.values[:, i].max() - before
            assert after == pytest.approx(before + 0.8 * missing, rel=0.02)
        else:
            assert np.array_equal(before, after)
    assert with_storm(fair, Storm(hours=8)) is fair


def test_a_storm_slows_all_roads_at_once() -> None:
    fair, foul = (draw(ieee33(*own)) for own in ((), tuple(STORM.items())))
    assert np.array_equal(fair.link_state, foul.link_state)
    assert np.array_equal(fair.link_speed_kmh[:48], foul.link_speed_kmh[:48])
    assert (foul.link_speed_kmh[60:68] < fair.link_speed_kmh[60:68]).all()


@pytest.mark.parametrize(
    "overrides",
    [
        {"wind.gusts": 1.0}, STORM, {"load.scale": 2.0}, {"pv.scale": 0.0}, {"forecast.error": 3.0},
        {"traffic.intensity": 3.0}, {"incidents.per_day": 40.0}, {"breakdowns.per_1000_km": 20.0},
        {"outages.fixed": [{"line": "2-3", "from_h": 18.0, "hours": 2.0}]},
    ],
    ids=lambda own: next(iter(own)),
)  # fmt: skip
def test_an_axis_changes_no_other_stream(overrides: dict[str, object]) -> None:
    before, after = draw(ieee33()), draw(load_scenario("ieee33", overrides))
    assert before.start == after.start
    assert np.array_equal(before.forecast_noise, after.forecast_noise)
    assert np.array_equal(before.link_state, after.link_state)
    assert np.array_equal(before.ev_sessions.arrival_h, after.ev_sessions.arrival_h)
    key = next(iter(overrides)).partition(".")[0]
    if key != "incidents":
        assert before.incidents == after.incidents
    if key != "breakdowns":
        assert before.breakdowns == after.breakdowns
    if key != "outages":
        assert before.outages == after.outages
    if key not in ("wind", "storm"):
        assert np.array_equal(before.profile, after.profile)


def test_worse_forecasts_grow_to_the_climatology_and_exact_ones_are_exact() -> None:
    skill = {"near": 0.1, "far": 0.4}
    usual = np.square(ForecastSkill(**skill).share(np.array([0.0, 1.0, 6.0, 24.0])))
    assert np.array_equal(ForecastSkill(**skill).scaled(usual), usual)
    assert np.array_equal(ForecastSkill(**skill, error=0).scaled(usual), np.zeros(4))
    slightly = ForecastSkill(**skill, error=1.01).scaled(usual)
    assert np.sqrt(slightly / usual) == pytest.approx(1.01, rel=0.002)
    hopeless = ForecastSkill(**skill, error=100).scaled(usual)
    assert (hopeless > 0.98).all()
    assert (hopeless < 1).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [{"forecast.error": 0.5}, {"forecast.error": 2.0}, STORM, {"wind.gusts": 1.0}],
    ids=["half", "double", "storm", "gusts"],
)
def test_forecasts_stay_calibrated(overrides: dict[str, object]) -> None:
    """Slopes of poor forecasts scatter more, and bounds closer than days are apart cover less.

    Far ahead a poor forecast says little, and 800 days out of 366 leave its slope uncertain by
    0.05.
    """
    scenario = load_scenario("ieee33", {"profiles.months": list(range(1, 13)), **overrides})
    figures = calibration(scenario, replications=2400, seed=1)
    profiles = figures.loc[["load", "pv", "wind"]]
    assert (profiles["slope"] - 1).abs().max() < 0.06
    assert profiles["bias"].abs().max() < 0.05
    assert (profiles["coverage"] - 0.9).abs().max() < 0.05
    travel = figures.loc["travel"]
    assert (travel["slope"] - 1).abs().max() < 0.1
    assert (travel["coverage"] - 0.9).abs().max() < 0.05


def test_storms_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="capacity_loss"):
        Storm(capacity_loss=1.0)
    with pytest.raises(ValueError, match="wind_gain"):
        Storm(wind_gain=2.0)
