"""Forecasts are calibrated: truth follows them with slope 1, and bounds cover what they say."""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from functools import lru_cache

import numpy as np
import pytest

from sim.control import EvStates
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.realisation import Nature

N_DAYS = 500
LEADS = (0, 1, 3, 6, 12, 23)
HORIZON = 24
NO_EVS = EvStates(
    group=np.empty(0, dtype=np.int64),
    owed_mwh=np.empty(0),
    charge_from_h=np.empty(0),
    departure_h=np.empty(0),
    next_trip_mwh=np.empty(0),
)


@lru_cache
def forecasts_and_truth() -> dict[str, dict[int, np.ndarray]]:
    """Return ``(n, 4)`` arrays of mean, lower, upper, truth by kind of profile and lead.

    Four forecasts a day, at random hours, from days all over the year.
    """
    scenario = load_scenario("ieee33", {"profiles.months": list(range(1, 13))})
    system = scenario.system
    timing = dataclasses.replace(system.timing, n_periods=48, horizon=HORIZON)
    system = dataclasses.replace(system, timing=timing)
    nature = Nature.build(system, scenario.uncertainty)
    rng = np.random.default_rng(0)
    found: dict[str, dict[int, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for replication in range(N_DAYS):
        realisation = nature.draw(7, replication)
        forecaster = CalibratedForecaster.build(nature, realisation)
        issued = {
            int(issue): forecaster.issue(int(issue), float(issue), NO_EVS)
            for issue in rng.choice(24, size=4, replace=False)
        }
        for (issue, forecast), lead in itertools.product(issued.items(), LEADS):
            rows = np.stack(
                [
                    forecast.profile_mean[lead],
                    forecast.profile_lower[lead],
                    forecast.profile_upper[lead],
                    realisation.period_mean[issue + lead],
                ],
                axis=1,
            )
            for kind in ("load", "pv", "wind"):
                found[kind][lead].append(rows[np.array(nature.uncertainty.record.kind) == kind])
    return {
        kind: {lead: np.concatenate(rows) for lead, rows in leads.items()}
        for kind, leads in found.items()
    }


def slope(rows: np.ndarray) -> float:
    mean, truth = rows[:, 0], rows[:, 3]
    return float(np.cov(mean, truth)[0, 1] / np.var(mean, ddof=1))


def coverage(rows: np.ndarray) -> float:
    """Return how often the bounds cover the truth where there is something to know."""
    open_ = rows[:, 2] - rows[:, 1] > 1e-6
    inside = (rows[:, 3] >= rows[:, 1] - 1e-12) & (rows[:, 3] <= rows[:, 2] + 1e-12)
    return float(inside[open_].mean())


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("kind", ["load", "pv", "wind"])
def test_profiles(kind: str, lead: int) -> None:
    rows = forecasts_and_truth()[kind][lead]
    assert slope(rows) == pytest.approx(1.0, abs=0.05)
    assert coverage(rows) == pytest.approx(0.9, abs=0.03)


@lru_cache
def drives() -> dict[int, np.ndarray]:
    """Return ``(n, 4)`` arrays of mean, lower, upper and true driving time by lead [h]."""
    scenario = load_scenario("ieee33")
    timing = dataclasses.replace(scenario.system.timing, n_periods=30, horizon=HORIZON)
    system = dataclasses.replace(scenario.system, timing=timing)
    nature = Nature.build(system, scenario.uncertainty)
    rng = np.random.default_rng(1)
    found: dict[int, list[list[float]]] = defaultdict(list)
    for replication in range(250):
        realisation = nature.draw(11, replication)
        conditions = RoadConditions(system.roads, realisation.link_speed_kmh, realisation.incidents)
        forecaster = CalibratedForecaster.build(nature, realisation)
        for issue in rng.choice(24, size=3, replace=False):
            forecast = forecaster.issue(int(issue), float(issue), NO_EVS)
            for lead in (0, 1, 3, 5):
                i, j = rng.choice(len(system.stations), size=2, replace=False)
                truth = conditions.drive_h(
                    system.stations[i].road_node,
                    system.stations[j].road_node,
                    float(issue + lead),
                )
                found[lead].append(
                    [
                        forecast.travel_h[lead, i, j],
                        forecast.travel_lower_h[lead, i, j],
                        forecast.travel_upper_h[lead, i, j],
                        truth,
                    ]
                )
    return {lead: np.array(rows) for lead, rows in found.items()}


@pytest.mark.parametrize("lead", [0, 1, 3, 5])
def test_travel_times(lead: int) -> None:
    rows = drives()[lead]
    bias = float((rows[:, 3] - rows[:, 0]).mean() / rows[:, 0].mean())
    assert slope(rows) == pytest.approx(1.0, abs=0.05)
    assert abs(bias) < 0.03
    assert coverage(rows) == pytest.approx(0.9, abs=0.03)
