"""Driving times between stations, expected from the speeds that are.

The states of the links are Gaussian (see `sim.uncertainty.traffic`), so what will be follows from
what is by conditioning, in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.system.routing import path_links
from sim.system.system import System
from sim.uncertainty.events import Incidents
from sim.uncertainty.model import Traffic
from sim.uncertainty.traffic import demand_by_quarter
from sim.uncertainty.travel_moments import IncidentLaw, Links, TrafficLaw, Ways, way_times
from sim.units import HOURS_PER_DAY, FloatArray, IntArray

WAYS = 2
DETOUR = 10.0  # a link of the first way counts so many times when the second one is looked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TravelForecaster:
    """Expected driving times between stations.

    Between two stations a driver takes the better, as expected, of two ways: the fastest one under
    the mean traffic of the hour, and the fastest one that avoids its links where it can. Link times
    are log-normal above the free time, so means and covariances over a way are exact; the way's
    excess time is taken as log-normal with these two moments. Speeds hold for a quarter hour: the
    way is driven quarter hour by quarter hour, so a jam costs no more than it lasts, and a drive
    that ends within the quarter hour of its departure meets the speeds of then.

    Attributes
    ----------
    incidents
        What may block a link.
    ways
        Links of the ways by hour of departure, origin and destination, padded with -1,
        ``(24, place, place, way, position)``.
    free_h, usual_h
        Driving time of these ways on empty roads and in the mean traffic of the hour,
        ``(24, place, place, way)`` [h]; infinite where no road leads.
    crossing_h
        Mean of the latter over the way's links, same shape [h].
    usual
        How likely an incident is on each link when nothing is known of it, ``(link,)``.
    place
        Place of each station: those at one road node share their ways, ``(station,)``.
    """

    system: System
    traffic: Traffic
    incidents: Incidents
    ways: IntArray
    free_h: FloatArray
    usual_h: FloatArray
    crossing_h: FloatArray
    free_link_h: FloatArray
    demand: FloatArray
    usual: FloatArray
    place: IntArray

    @classmethod
    def build(cls, system: System, traffic: Traffic, incidents: Incidents) -> TravelForecaster:
        """Find the ways of every hour."""
        roads = system.roads
        nodes = list(dict.fromkeys(station.road_node for station in system.stations))
        free_link_h = roads.length_km / roads.free_speed_kmh
        demand = demand_by_quarter(traffic)
        found: dict[tuple[int, int, int, int], list[int]] = {}
        usual_link_h = np.empty((24, roads.n_links))
        for hour in range(24):
            x = demand[4 * hour + 2]
            spread = math.exp(traffic.sigma**2 * traffic.beta * (traffic.beta - 1) / 2)
            link_h = free_link_h * (1 + traffic.alpha * x**traffic.beta * spread)
            usual_link_h[hour] = link_h
            for i, origin in enumerate(nodes):
                for j, destination in enumerate(nodes):
                    avoiding_h = link_h.copy()
                    for way in range(WAYS):
                        path = path_links(roads, origin, destination, avoiding_h)
                        if path is None:
                            break
                        found[hour, i, j, way] = path
                        avoiding_h[path] *= DETOUR
        n = len(nodes)
        longest = max((len(path) for path in found.values()), default=0)
        ways = np.full((24, n, n, WAYS, max(longest, 1)), -1, dtype=np.int64)
        free_h, usual_h = np.full((2, 24, n, n, WAYS), np.inf)
        for key, path in found.items():
            ways[key][: len(path)] = path
            free_h[key] = free_link_h[path].sum()
            usual_h[key] = usual_link_h[key[0], path].sum()
        length_km = roads.length_km
        rate_h = incidents.per_day / HOURS_PER_DAY * length_km / length_km.sum()
        return cls(
            system=system,
            traffic=traffic,
            incidents=incidents,
            ways=ways,
            free_h=free_h,
            usual_h=usual_h,
            crossing_h=usual_h / np.maximum((ways >= 0).sum(axis=-1), 1),
            free_link_h=free_link_h,
            demand=demand,
            usual=np.minimum(rate_h * incidents.duration_h, 1.0),
            place=np.array([nodes.index(own.road_node) for own in system.stations], dtype=np.int64),
        )

    def forecast(
        self, state_now: FloatArray, stretch_now: FloatArray, now_h: float, lead_h: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return mean, 5 % and 95 % quantile of driving times, each ``(H, station, station)`` [h].

        Parameters
        ----------
        state_now
            States of the links now, which their speeds reveal, ``(link,)``.
        stretch_now
            Factor by which incidents stretch the excess times now, ``(link,)``.
        now_h
            Hours since the episode's start, which is a midnight.
        lead_h
            Departure times from now, ``(H,)`` [h].
        """
        traffic, incidents = self.traffic, self.incidents
        by_place = way_times(
            Ways(self.ways, self.free_h, self.usual_h, self.crossing_h),
            Links(
                self.free_link_h,
                np.ascontiguousarray(state_now),
                np.ascontiguousarray(stretch_now),
                self.usual,
            ),
            TrafficLaw(
                self.demand,
                traffic.day_share,
                traffic.correlation_h,
                traffic.sigma,
                traffic.alpha,
                traffic.beta,
            ),
            IncidentLaw(incidents.duration_h, (1 - incidents.capacity_loss) ** -traffic.beta),
            now_h % HOURS_PER_DAY,
            lead_h,
        )
        if len(self.place) == self.ways.shape[1]:
            return by_place
        mean, lower, upper = (each[:, self.place[:, None], self.place] for each in by_place)
        return mean, lower, upper
