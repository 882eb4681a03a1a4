"""A storm: once a day all roads lose capacity while the wind rises and the sun goes.

It comes at the same hour every day and is announced: forecasts know it, as they know the rush hour.
What traffic and weather do around it stays random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.units import HOURS_PER_DAY, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What a storm does at its height.

    Attributes
    ----------
    peak_h
        Hour of the day of its height [h].
    hours
        How long it blows, half of that before and half after its height, at most 24; 0 for no
        storm [h].
    capacity_loss
        Share of the capacity that every road loses, in [0, 1) [-].
    pv_loss
        Share of photovoltaic output lost, in [0, 1] [-].
    wind_gain
        How far wind output rises towards the highest of its record, in [0, 1] [-].
    """

    peak_h: float = 16.0
    hours: float = 0.0
    capacity_loss: float = 0.0
    pv_loss: float = 0.0
    wind_gain: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("peak_h", 24), ("hours", 24), ("pv_loss", 1), ("wind_gain", 1)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= most):
                raise ValueError(f"{name}(={value}) must be in [0, {most}].")
        if not 0 <= self.capacity_loss < 1:
            raise ValueError(f"capacity_loss(={self.capacity_loss}) must be in [0, 1).")

    def strength(self, hour_of_day: FloatArray) -> FloatArray:
        """Return how strong it is, from 0 to 1 at its height: ``cos^2`` over its duration [-]."""
        if self.hours == 0:
            return np.zeros_like(hour_of_day)
        half_day = HOURS_PER_DAY / 2
        since_h = (hour_of_day - self.peak_h + half_day) % HOURS_PER_DAY - half_day
        blowing = np.abs(since_h) < self.hours / 2
        strength: FloatArray = np.where(blowing, np.cos(np.pi * since_h / self.hours) ** 2, 0.0)
        return strength
