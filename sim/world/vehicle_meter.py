"""What is measured on board of a vehicle."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Exchange:
    """Exchange with the grid at one station since the last reading.

    Attributes
    ----------
    hours
        Time connected [h].
    energy_mwh, reactive_mvarh
        Net, positive injecting [MWh, Mvarh].
    charged_mwh, discharged_mwh
        Both ways, neither negative [MWh].
    highest_mw, lowest_mw
        Largest and lowest injection that flowed [MW].
    changed
        Whether the power changed meanwhile.
    """

    hours: float = 0.0
    energy_mwh: float = 0.0
    reactive_mvarh: float = 0.0
    charged_mwh: float = 0.0
    discharged_mwh: float = 0.0
    highest_mw: float = -math.inf
    lowest_mw: float = math.inf
    changed: bool = False

    def add(self, p_mw: float, q_mvar: float, duration_h: float) -> None:
        """Note that power flowed for a while."""
        self.changed |= self.hours > 0.0 and p_mw != self.highest_mw
        self.hours += duration_h
        self.energy_mwh += p_mw * duration_h
        self.discharged_mwh += max(p_mw, 0.0) * duration_h
        self.charged_mwh += max(-p_mw, 0.0) * duration_h
        self.reactive_mvarh += q_mvar * duration_h
        self.highest_mw = max(self.highest_mw, p_mw)
        self.lowest_mw = min(self.lowest_mw, p_mw)


@dataclass(slots=True)
class Metering:
    """What a vehicle did since the last reading; amounts are non-negative.

    Attributes
    ----------
    charged_mwh, discharged_mwh
        Exchanged with the grid [MWh].
    standing_mwh, traction_mwh
        Taken from the battery by self-discharge and auxiliaries, and by driving [MWh].
    departures
        Trips begun.
    distance_km, travel_h, queue_h, repair_h
        Driven, under way, waiting for a plug, standing still between stations [km, h].
    spans, track_waits, track_wait_h
        Segments of track entered, those of them that were not free, time waited for them [h].
    exchanges
        Exchange with the grid by station.
    connected_h
        Time connected, by station [h].
    """

    charged_mwh: float = 0.0
    discharged_mwh: float = 0.0
    standing_mwh: float = 0.0
    traction_mwh: float = 0.0
    departures: int = 0
    distance_km: float = 0.0
    travel_h: float = 0.0
    queue_h: float = 0.0
    repair_h: float = 0.0
    spans: int = 0
    track_waits: int = 0
    track_wait_h: float = 0.0
    exchanges: dict[int, Exchange] = field(default_factory=dict)
    connected_h: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Trip:
    """A trip between stations.

    Attributes
    ----------
    vehicle, origin, destination
        Who drove, from which station, to which.
    depart_s, arrive_s
        Start and end [s].
    free_s
        Time the fastest way takes on empty roads, or by running times of the track [s].
    """

    vehicle: int
    origin: int
    destination: int
    depart_s: float
    free_s: float
    arrive_s: float = math.nan
