"""Driving times between stations, as a forecast states them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from sim.units import FloatArray


class TravelHours(NamedTuple):
    """Driving times [h] for departures at the start of each period; infinite without a road.

    Attributes
    ----------
    mean, lower, upper
        Mean, 5 % and 95 % quantile, ``(H, to station)`` or ``(H, from station, to station)``.
    """

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray


@runtime_checkable
class TravelTimes(Protocol):
    """Driving times, worked out when they are read.

    Of a thousand stations a truck needs those from where it stands, and all pairs take minutes.
    """

    def from_station(self, station: int, departures: int | None = None) -> TravelHours:
        """Return the driving times from one station, each ``(H, station)`` [h].

        Those of the first `departures` alone, if it is given: who leaves now needs one.
        """

    def everywhere(self) -> TravelHours:
        """Return the driving times between all stations, each ``(H, station, station)`` [h]."""


@dataclass(frozen=True, slots=True, eq=False)
class TravelTable:
    """Driving times that are known.

    Parameters
    ----------
    hours
        Between all stations, each ``(H, station, station)`` [h].
    """

    hours: TravelHours

    def from_station(self, station: int, departures: int | None = None) -> TravelHours:
        """Return the driving times from one station; see `TravelTimes.from_station`."""
        mean, lower, upper = (each[:departures, station] for each in self.hours)
        return TravelHours(mean, lower, upper)

    def everywhere(self) -> TravelHours:
        """Return all driving times; see `TravelTimes.everywhere`."""
        return self.hours
