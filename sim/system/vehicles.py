"""Vehicles that carry batteries: trucks on roads, trains on rails."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.system.areas import FLEET
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
        Driver, paid for the hours on the road, repairs there included, or by the shift [USD/h].
    shift_h
        Hours for which the driver is paid on every day on which the truck drives or exchanges
        power, whatever the hours on the road [h]; 0 where hours on the road are paid.
    usd_per_trip
        Paid for every departure [USD].
    trips_per_day
        Departures it may make between two midnights; None for as many as it likes.
    kwh_per_km
        Energy drawn from the battery while driving [kWh/km]; 0 for a tractor that burns fuel.
    terminal_station
        Index of the station at which it has to be when the episode ends, or pay for the way there;
        None where it may end anywhere.
    owner
        The party to whom it belongs.
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
    terminal_station: int | None = None
    owner: str = FLEET

    def __post_init__(self) -> None:
        costs = ("usd_per_km", "labour_usd_per_h", "shift_h", "usd_per_trip", "kwh_per_km")
        _require_not_negative(self, *costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Wagons with batteries, and what pulls them; all its wagons are one battery.

    Attributes
    ----------
    name
        Unique name among all vehicles.
    battery
        The battery of all wagons together.
    initial_station
        Index of the station at which it stands, connected, when the episode starts.
    usd_per_span
        Paid for every segment of track it enters [USD]; crew and traction are in it.
    trips_per_day
        Departures it may make between two midnights; None for as many as it likes.
    terminal_station, owner
        As in `Truck`.
    """

    name: str
    battery: Battery
    initial_station: int
    usd_per_span: float = 0.0
    trips_per_day: int | None = None
    terminal_station: int | None = None
    owner: str = FLEET

    def __post_init__(self) -> None:
        _require_not_negative(self, "usd_per_span")


def _require_not_negative(vehicle: Truck | Train, *costs: str) -> None:
    for key in costs:
        value = getattr(vehicle, key)
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{key}(={value}) must be a finite number >= 0.")
    if vehicle.trips_per_day is not None and vehicle.trips_per_day < 0:
        raise ValueError(f"trips_per_day(={vehicle.trips_per_day}) must be >= 0, or not given.")
