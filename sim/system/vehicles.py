"""Vehicles that carry batteries."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.system.battery import Battery


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
    """A battery on a trailer, pulled over roads.

    Attributes
    ----------
    name
        Unique name; it keys the truck's random streams.
    battery
        The battery it carries.
    initial_station
        Index of the station at which it stands, connected, when the episode starts.
    usd_per_km
        Fuel and tyres [USD/km].
    labour_usd_per_h
        Driver, paid for the hours on the road [USD/h].
    kwh_per_km
        Energy drawn from the battery while driving [kWh/km]; 0 for a tractor that burns fuel.
    """

    name: str
    battery: Battery
    initial_station: int
    usd_per_km: float = 0.0
    labour_usd_per_h: float = 0.0
    kwh_per_km: float = 0.0

    def __post_init__(self) -> None:
        for key in ("usd_per_km", "labour_usd_per_h", "kwh_per_km"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{key}(={value}) must be a finite number >= 0.")
