"""``uncertainty = "off"``: one day, known in advance."""

from __future__ import annotations

import numpy as np
import pytest

from sim.control import EvStates
from sim.errors import InputError
from sim.scenario import Scenario, load_scenario
from sim.study.execution.runner import nature_of
from sim.uncertainty.calibrated import CalibratedForecaster

NOBODY = EvStates.none()


@pytest.fixture(scope="module")
def certain() -> Scenario:
    storm = {"incidents.per_day": 100.0, "breakdowns.per_1000_km": 50.0}
    more = {"outages.per_line_year": 100.0, "profiles.months": [5, 6]}
    return load_scenario("ieee33", {"uncertainty": "off", **storm, **more})


def test_every_replication_and_seed_lives_the_first_day_of_the_season(certain: Scenario) -> None:
    nature = nature_of(certain)
    one, other = nature.draw(1, 0), nature.draw(2, 7)
    assert str(one.start) == str(other.start) == "2016-05-01T00:00:00"
    for name in ("profile", "link_speed_kmh", "trip_delay_h"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.incidents == one.outages == ()
    assert not any(one.breakdowns)


def test_forecasts_of_profiles_come_true(certain: Scenario) -> None:
    nature = nature_of(certain)
    drawn = nature.draw(1, 0)
    forecast = CalibratedForecaster.build(nature, drawn).issue(3, 3.0, NOBODY)
    np.testing.assert_array_equal(forecast.profile_mean, drawn.period_mean[3:])
    assert forecast.profile_std.max() == 0.0


def test_settings_that_are_switched_off_are_checked_all_the_same() -> None:
    with pytest.raises(InputError, match=r"capacity_loss"):
        load_scenario("ieee33", {"uncertainty": "off", "incidents.capacity_loss": 3.0})
    with pytest.raises(InputError, match=r"uncertainty.*'on' or 'off'"):
        load_scenario("ieee33", {"uncertainty": "maybe"})
