"""Calibration of forecasts: slope and bias of truth on forecast, coverage of the bounds.

A forecast is calibrated if ``E[truth | forecast] = forecast``: then the truth regressed on the
forecast has slope 1, and the mean error is zero; and if 90 % of all truths lie within its bounds.
Mincer and Zarnowitz, "The evaluation of economic forecasts", 1969.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import pandas as pd

from sim.control import EvStates, Forecast
from sim.scenario import Scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.uncertainty.streams import stream
from sim.units import HOURS_PER_DAY, FloatArray

BuildForecaster: TypeAlias = Callable[[Nature, Realisation], Forecaster]

KINDS = ("load", "pv", "wind", "price", "travel")
LEADS_H = (0.0, 1.0, 3.0, 6.0, 12.0, 23.0)
LAST_TRAVEL_LEAD_H = 6.0
FORECASTS_PER_DAY = 4
COVERAGE_STATED = 0.9
SLOPE_TOLERANCE = 0.05
BIAS_TOLERANCE = 0.05
COVERAGE_TOLERANCE = 0.03
# Bounds closer than this leave nothing to cover: photovoltaics at night.
CERTAIN_PU = 1e-6
NO_EVS = EvStates.none()


def calibration(
    scenario: Scenario,
    *,
    replications: int = 500,
    seed: int | None = None,
    forecaster: BuildForecaster = CalibratedForecaster.build,
) -> pd.DataFrame:
    """Compare forecasts with what comes true.

    Each replication is a day at which four forecasts are issued, at random hours.

    Parameters
    ----------
    scenario
        Its days, roads and forecast skill; length of episodes and cars play no part.
    replications
        Number of days.
    seed
        Root of all randomness; None takes the scenario's.
    forecaster
        Who forecasts, built from the scenario's nature and a realisation.

    Returns
    -------
    pandas.DataFrame
        One row by ``kind`` (load, pv, wind, travel) and ``lead_h`` (time from the issue to the
        start of the period or the departure), with

        - ``n``: forecasts compared;
        - ``slope`` of the truth on the forecast mean, 1 if calibrated; NaN if all are equal;
        - ``bias``: mean of truth less forecast, relative to the mean truth;
        - ``coverage``: share of truths within the 90 % bounds, where these are open and above 0;
        - ``mean_absolute_error`` in ``unit``: pu of the profile, or h of driving;
        - ``calibrated``: slope within 0.05 of 1, bias within 0.05 of 0, coverage within 0.03 of
          0.9; a figure that cannot be had counts as met.
    """
    pairs: dict[tuple[str, float], list[FloatArray]] = defaultdict(list)
    root = scenario.seed if seed is None else seed
    nature = _nature(scenario)
    for replication in range(replications):
        realisation = nature.draw(root, replication)
        rng = stream(root, replication, "calibration")
        issuing = forecaster(nature, realisation)
        timing = nature.system.timing
        hours = min(round(HOURS_PER_DAY / timing.period_h), timing.n_periods)
        for period in rng.choice(hours, size=min(FORECASTS_PER_DAY, hours), replace=False):
            forecast = issuing.issue(int(period), float(period) * timing.period_h, NO_EVS)
            for kind, lead_h, rows in _profiles(nature, realisation, int(period), forecast):
                pairs[kind, lead_h].append(rows)
            for lead_h, row in _drives(nature, realisation, int(period), forecast, rng):
                pairs["travel", lead_h].append(row)
    figures = [
        {"kind": kind, "lead_h": lead_h, **_figures(np.concatenate(found), kind)}
        for (kind, lead_h), found in sorted(
            pairs.items(), key=lambda item: (KINDS.index(item[0][0]), item[0][1])
        )
    ]
    return pd.DataFrame(figures).set_index(["kind", "lead_h"])


def _nature(scenario: Scenario) -> Nature:
    """Return the scenario's nature with days long enough to see every forecast come true."""
    system, record = scenario.system, scenario.uncertainty.record
    timing = system.timing
    wanted = round(HOURS_PER_DAY / timing.period_h) + timing.horizon
    possible = len(record.values) // timing.steps_per_period
    timing = dataclasses.replace(timing, n_periods=min(wanted, possible))
    return Nature.build(dataclasses.replace(system, timing=timing), scenario.uncertainty)


def _profiles(
    nature: Nature, realisation: Realisation, period: int, forecast: Forecast
) -> Iterator[tuple[str, float, FloatArray]]:
    """Yield ``(profile, 4)`` of mean, lower, upper, truth by kind and lead [pu]."""
    kinds = np.array(nature.uncertainty.record.kind)
    for lead_h, lead in _leads(nature, len(forecast.profile_mean)):
        rows = np.stack(
            [
                forecast.profile_mean[lead],
                forecast.profile_lower[lead],
                forecast.profile_upper[lead],
                realisation.period_mean[period + lead],
            ],
            axis=1,
        )
        for kind in dict.fromkeys(kinds.tolist()):
            yield kind, lead_h, rows[kinds == kind]


def _drives(
    nature: Nature,
    realisation: Realisation,
    period: int,
    forecast: Forecast,
    rng: np.random.Generator,
) -> Iterator[tuple[float, FloatArray]]:
    """Yield ``(1, 4)`` of mean, lower, upper, truth of one drive between stations by lead [h]."""
    system = nature.system
    on_roads = [i for i, own in enumerate(system.stations) if own.road_node is not None]
    if len(on_roads) < 2:
        return
    conditions = realisation.conditions(system)
    for lead_h, lead in _leads(nature, len(forecast.travel_h)):
        if lead_h > LAST_TRAVEL_LEAD_H:
            return
        start, goal = rng.choice(on_roads, size=2, replace=False)
        truth = conditions.drive_h(
            system.stations[start].road_node,
            system.stations[goal].road_node,
            (period + lead) * system.timing.period_h,
        )
        row = [
            forecast.travel_h[lead, start, goal],
            forecast.travel_lower_h[lead, start, goal],
            forecast.travel_upper_h[lead, start, goal],
            truth,
        ]
        yield lead_h, np.array([row])


def _leads(nature: Nature, n: int) -> Iterator[tuple[float, int]]:
    """Yield the leads that are looked at, in hours and in periods, below `n` periods."""
    for lead_h in LEADS_H:
        lead = round(lead_h / nature.system.timing.period_h)
        if lead < n and abs(lead * nature.system.timing.period_h - lead_h) < 1e-9:
            yield lead_h, lead


def _figures(rows: FloatArray, kind: str) -> dict[str, object]:
    """Return the figures of ``(n, 4)`` means, lower and upper bounds and truths."""
    mean, lower, upper, truth = rows.T
    spread = np.var(mean)
    slope = float(np.cov(mean, truth, ddof=0)[0, 1] / spread) if spread > 1e-18 else np.nan
    level = float(truth.mean())
    bias = float((truth - mean).mean() / level) if level else np.nan
    # Where a bound is zero (no sun, no wind), more than 5 % of the days may lie on it, and the
    # interval covers more than it says by its nature.
    open_ = (upper - lower > CERTAIN_PU) & (lower > CERTAIN_PU)
    inside = (truth >= lower - 1e-12) & (truth <= upper + 1e-12)
    coverage = float(inside[open_].mean()) if open_.any() else np.nan
    misses = (
        abs(slope - 1) > SLOPE_TOLERANCE,
        abs(bias) > BIAS_TOLERANCE,
        abs(coverage - COVERAGE_STATED) > COVERAGE_TOLERANCE,
    )
    return {
        "n": len(rows),
        "slope": slope,
        "bias": bias,
        "coverage": coverage,
        "mean_absolute_error": float(np.abs(truth - mean).mean()),
        "unit": "h" if kind == "travel" else "pu",
        # Comparisons with NaN are false: a missing figure counts as met.
        "calibrated": not any(misses),
    }
