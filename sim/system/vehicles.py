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
        Driver, paid for the hours on the road, or by the shift [USD/h].
    shift_h
        Hours for which the driver is paid on every day on which the truck drives or exchanges
        power, whatever the hours on the road [h]; 0 where hours on the road are paid.
    usd_per_trip
        Paid for every departure [USD].
    trips_per_day
        Departures it may make between two midnights; None for as many as it likes.
    kwh_per_km
        Energy drawn from the battery while driving [kWh/km]; 0 for a tractor that burns fuel.
    """

    name: str
    battery: Battery
    initial_station: int
    usd_per_km: float = 0.0
    labour_usd_per_h: float = 0.0
    shift_h: float = 0.0
    usd_per_trip: float = 0.0
    trips_per_day: int | None = None
    kwh_per_km: float = 0.0

    def __post_init__(self) -> None:
        for key in ("usd_per_km", "labour_usd_per_h", "shift_h", "usd_per_trip", "kwh_per_km"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{key}(={value}) must be a finite number >= 0.")
        if self.trips_per_day is not None and self.trips_per_day < 0:
            raise ValueError(f"trips_per_day(={self.trips_per_day}) must be >= 0, or not given.")
