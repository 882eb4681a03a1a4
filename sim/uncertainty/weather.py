"""Harder weather than was measured: changes of the record, before anything is drawn from it.

Climatology and forecasts are made from the changed record, so they stay calibrated, and nothing
else that is random changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.uncertainty.model import Record
from sim.uncertainty.storm import Storm
from sim.uncertainty.streams import stream
from sim.units import HOURS_PER_DAY, SECONDS_PER_HOUR, FloatArray, frozen


def with_storm(record: Record, storm: Storm) -> Record:
    """Return the record with less sun and more wind while the storm blows, every day.

    ``pv * (1 - pv_loss s)`` and ``wind + wind_gain s (highest - wind)`` with the strength s of the
    storm in the middle of the step; the highest value is that of the record.
    """
    if storm.hours == 0 or storm.pv_loss == storm.wind_gain == 0:
        return record
    steps = np.arange(len(record.values), dtype=np.float64)
    hour = (steps + 0.5) * record.step_s / SECONDS_PER_HOUR
    strength = storm.strength(hour % HOURS_PER_DAY)
    values = record.values.copy()
    for i, kind in enumerate(record.kind):
        if kind == "pv":
            values[:, i] *= 1 - storm.pv_loss * strength
        elif kind == "wind":
            values[:, i] += storm.wind_gain * strength * (values[:, i].max() - values[:, i])
    return replace(record, values=frozen(values))


def with_gusts(record: Record, gusts: float, names: Sequence[str], period_s: int) -> Record:
    """Return the record with wind that swings inside every period, whose mean stays.

    Parameters
    ----------
    record
        Whole periods count; a rest at its end is left as it is.
    gusts
        Largest swing inside a period as a share of what the wind can fall or rise between 0 and the
        highest value of the record, in [0, 1] [-].
    names
        Names of the profiles, which key the swings.
    period_s
        Length of a period, over which the mean is kept [s].
    """
    per_period = period_s // record.step_s
    if gusts == 0 or per_period < 2:
        return record
    values = record.values.copy()
    n_periods = len(values) // per_period
    for i, (name, kind) in enumerate(zip(names, record.kind, strict=True)):
        if kind == "wind":
            steps = values[: n_periods * per_period, i].reshape(n_periods, per_period)
            swing = stream(0, 0, "weather.gusts", name).uniform(-1, 1, steps.shape)
            steps += gusts * _room(steps)[:, None] * _balanced(swing)
    return replace(record, values=frozen(values))


def _room(steps: FloatArray) -> FloatArray:
    """Return how far all steps of a period can fall and rise, ``(period,)`` [pu]."""
    room: FloatArray = np.minimum(steps.min(axis=1), steps.max() - steps.max(axis=1))
    return room


def _balanced(swing: FloatArray) -> FloatArray:
    """Return swings whose mean in each period is 0 and whose largest is 1."""
    centred = swing - swing.mean(axis=1, keepdims=True)
    balanced: FloatArray = centred / np.abs(centred).max(axis=1, keepdims=True)
    return balanced
