"""Household electric cars that charge at a bus."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EvGroup:
    """Equal cars behind one bus; each comes home once a day and charges until it is full.

    Attributes
    ----------
    name
        Unique name; it keys the group's random streams.
    bus
        Index of the bus.
    count
        Number of cars.
    p_mw
        Charging power of one car, unit power factor [MW].
    energy_mwh
        Capacity of one battery [MWh].
    mwh_per_km
        Consumption [MWh/km].
    efficiency_charge
        Stored over drawn, in (0, 1].
    back_off_h
        Charging starts a uniform random time of at most so long after arrival [h]; 0 charges at
        once.
    """

    name: str
    bus: int
    count: int
    p_mw: float
    energy_mwh: float
    mwh_per_km: float
    efficiency_charge: float = 1.0
    back_off_h: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count(={self.count}) must be >= 0.")
        for name in ("p_mw", "energy_mwh", "mwh_per_km"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}(={value}) must be a finite number > 0.")
        if not 0 < self.efficiency_charge <= 1:
            raise ValueError(f"efficiency_charge(={self.efficiency_charge}) must be in (0, 1].")
        if not 0 <= self.back_off_h <= 24:
            raise ValueError(f"back_off_h(={self.back_off_h}) must be in [0, 24].")

    @property
    def range_km(self) -> float:
        """Distance that a full battery can drive [km]."""
        return self.energy_mwh / self.mwh_per_km
