"""Forecasts are worked out when they are read, from what was known when they were issued."""

from __future__ import annotations

import dataclasses
import functools
import pickle

import numpy as np
import pytest

from sim.control import EvStates, Forecast, Observation, Plan
from sim.inspect.laws.non_anticipation import fingerprint
from sim.scenario import load_scenario
from sim.uncertainty import issued
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature
from tests.world.build import Scripted, ScriptedWorld

PARTS = tuple(field.name for field in dataclasses.fields(Forecast))


@functools.cache
def nature() -> Nature:
    """Return days with electric cars and many incidents."""
    scenario = load_scenario("ieee33", {"timing.horizon_h": 6, "incidents.per_day": 40})
    return Nature.build(scenario.system, scenario.uncertainty)


def lived(own: Scripted) -> list[Observation]:
    realisation = nature().draw(3, 0)
    forecaster = CalibratedForecaster.build(nature(), realisation)
    ScriptedWorld(nature().system, realisation, forecaster, own).run()
    return own.seen


def test_what_a_forecast_says_does_not_depend_on_when_and_in_which_order_it_is_read() -> None:
    at_once: list[object] = []

    def reading(observation: Observation) -> Plan:
        at_once.append(fingerprint(observation.forecast))
        return Plan()

    lived(Scripted(reading))
    afterwards = lived(Scripted(Plan()))
    for own, before in zip(afterwards, at_once, strict=True):
        for name in reversed(PARTS):
            getattr(own.forecast, name)
        assert fingerprint(own.forecast) == before


def test_who_changes_what_it_is_shown_reads_the_same_forecast() -> None:
    untouched, changed = lived(Scripted(Plan()))[20], lived(Scripted(Plan()))[20]
    assert len(changed.evs.group) > 0
    for states in dataclasses.fields(EvStates):
        getattr(changed.evs, states.name)[:] = 0
    changed.link_speed_kmh[:] = 1.0
    changed.forecast.profile_mean[:] = np.nan
    for name in PARTS:
        if name != "profile_mean":
            own, other = (getattr(seen.forecast, name) for seen in (changed, untouched))
            assert fingerprint(own) == fingerprint(other), name


def test_a_copy_and_a_pickle_hold_all_parts() -> None:
    forecast = lived(Scripted(Plan()))[5].forecast
    again = pickle.loads(pickle.dumps(forecast))
    assert fingerprint(again) == fingerprint(forecast)
    other = dataclasses.replace(forecast, profile_std=np.zeros_like(forecast.profile_std))
    assert other.profile_std.max() == 0.0 < forecast.profile_std.max()
    np.testing.assert_array_equal(other.load_mw, forecast.load_mw)


def test_who_reads_no_forecast_pays_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the first one, which stands in for meters that have not been read."""
    worked_out: list[float] = []
    means = issued._means

    def counting(*arguments: np.ndarray) -> np.ndarray:
        worked_out.append(1.0)
        return means(*arguments)

    monkeypatch.setattr(issued, "_means", counting)
    assert len(lived(Scripted(Plan()))) == 24
    assert len(worked_out) == 1


def test_what_a_forecast_has_not_is_refused_by_name() -> None:
    forecast = lived(Scripted(Plan()))[0].forecast
    with pytest.raises(AttributeError, match="'Forecast' has no attribute 'wind'"):
        forecast.wind  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="score_mean"):
        forecast.score_mean  # type: ignore[attr-defined]  # noqa: B018
