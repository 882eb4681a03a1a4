"""Driving times between stations, expected from the speeds that are.

The states of the links are Gaussian (see `sim.uncertainty.traffic`), so what will be follows from
what is by conditioning, in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from sim.control import TravelHours, TravelTimes
from sim.system.roads import Roads
from sim.system.routing import path_links
from sim.system.system import System
from sim.uncertainty.events import Incidents
from sim.uncertainty.model import Traffic
from sim.uncertainty.traffic import demand_by_quarter
from sim.uncertainty.travel_moments import incident_delays, way_times
from sim.uncertainty.travel_records import Delays, IncidentLaw, Links, TrafficLaw, Ways
from sim.uncertainty.volume_delay import Laws, laws_of
from sim.units import HOURS_PER_DAY, FloatArray, IntArray, frozen

WAYS = 2
DETOUR = 10.0  # a link of the first way counts so many times when the second one is looked for

# Ways found so far, by forecaster. Controllers are shown forecasters, so these are kept elsewhere:
# who changed them would change later episodes of this process.
_FOUND: WeakKeyDictionary[TravelForecaster, dict[int, Ways]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class TravelForecaster:
    """Expected driving times between stations.

    Between two stations a driver takes the better, as expected, of two ways: the fastest one, and
    the fastest one that avoids its links where it can. Mean traffic slows all links by one factor,
    so both are those of empty roads. Link times are log-normal above the free time, so means and
    covariances over a way are exact; the way's excess time is taken as log-normal with these two
    moments. Speeds hold for a quarter hour: the way is driven quarter hour by quarter hour, so a
    jam costs no more than it lasts, and a drive that ends within the quarter hour of its departure
    meets the speeds of then.

    Attributes
    ----------
    roads, traffic, incidents
        The network, its traffic, and what may block a link.
    node
        Road node of each place, None for one that no road reaches; stations at one road node share
        a place.
    place
        Place of each station, ``(station,)``.
    free_link_h, usual_link_h
        Driving time on empty roads, ``(link,)``, and in the mean traffic of the hour,
        ``(24, link)`` [h].
    demand
        Mean volume over capacity, ``(96,)`` [-].
    usual
        How likely an incident is on each link when nothing is known of it, ``(link,)``.
    laws
        The volume-delay functions of the links.
    law, incident_law
        Parameters of traffic and of incidents, as the moments need them.
    """

    roads: Roads
    traffic: Traffic
    incidents: Incidents
    node: tuple[int | None, ...]
    place: IntArray
    free_link_h: FloatArray
    usual_link_h: FloatArray
    demand: FloatArray
    usual: FloatArray
    laws: Laws
    law: TrafficLaw
    incident_law: IncidentLaw

    @classmethod
    def build(cls, system: System, traffic: Traffic, incidents: Incidents) -> TravelForecaster:
        """Prepare what all departures have in common."""
        roads = system.roads
        node = tuple(dict.fromkeys(station.road_node for station in system.stations))
        free_link_h = roads.length_km / roads.free_speed_kmh
        demand = frozen(demand_by_quarter(traffic))
        laws = laws_of(roads, traffic)
        usual_link_h = np.empty((24, roads.n_links))
        for hour in range(24):
            x = demand[4 * hour + 2]
            factor = np.empty(len(laws.alpha))
            for law, (alpha, beta) in enumerate(zip(laws.alpha, laws.beta, strict=True)):
                spread = math.exp(traffic.sigma**2 * beta * (beta - 1) / 2)
                factor[law] = 1 + alpha * x**beta * spread
            usual_link_h[hour] = free_link_h * factor[laws.of_link]
        length_km = roads.length_km
        rate_h = incidents.per_day / HOURS_PER_DAY * length_km / roads.network_km
        return cls(
            roads=roads,
            traffic=traffic,
            incidents=incidents,
            node=node,
            place=frozen([node.index(own.road_node) for own in system.stations], np.int64),
            free_link_h=frozen(free_link_h),
            usual_link_h=frozen(usual_link_h),
            demand=demand,
            usual=frozen(np.minimum(rate_h * incidents.duration_h, 1.0)),
            laws=laws,
            law=TrafficLaw(
                demand,
                traffic.day_share,
                traffic.correlation_h,
                traffic.sigma,
                laws.alpha,
                laws.beta,
            ),
            incident_law=IncidentLaw(
                incidents.duration_h, frozen((1 - incidents.capacity_loss) ** -laws.beta)
            ),
        )

    def ways_from(self, place: int) -> Ways:
        """Return the ways from one place; they are looked for when they are first asked for."""
        found = _FOUND.setdefault(self, {})
        if place not in found:
            found[place] = self._find_ways(place)
        return found[place]

    def _find_ways(self, place: int) -> Ways:
        found: dict[tuple[int, int], list[int]] = {}
        for j, goal in enumerate(self.node):
            avoiding_h = self.free_link_h.copy()
            for way in range(WAYS):
                path = path_links(self.roads, self.node[place], goal, avoiding_h)
                if path is None:
                    break
                found[j, way] = path
                avoiding_h[path] *= DETOUR
        longest = max((len(path) for path in found.values()), default=0)
        links = np.full((len(self.node), WAYS, max(longest, 1)), -1, dtype=np.int64)
        free_h = np.full(links.shape[:2], np.inf)
        usual_h = np.full((24, *free_h.shape), np.inf)
        for key, path in found.items():
            links[key][: len(path)] = path
            free_h[key] = self.free_link_h[path].sum()
            usual_h[:, *key] = [each[path].sum() for each in self.usual_link_h]
        crossing_h = usual_h / np.maximum((links >= 0).sum(axis=-1), 1)
        n_laws = len(self.laws.alpha)
        share = np.ones((*free_h.shape, n_laws))
        if n_laws > 1:
            for key, path in found.items():
                own_h, law = self.free_link_h[path], self.laws.of_link[path]
                share[key] = np.bincount(law, own_h, n_laws) / max(own_h.sum(), 1e-300)
        return Ways(
            *(frozen(links, np.int64), frozen(free_h), frozen(usual_h), frozen(crossing_h)),
            *(frozen(np.unique(links[links >= 0]), np.int64), frozen(share)),
        )

    def forecast(
        self,
        state_now: FloatArray,
        stretch_now: FloatArray,
        now_h: float,
        lead_h: FloatArray,
        late_h: tuple[FloatArray, FloatArray, FloatArray] | None = None,
    ) -> TravelTimes:
        """Return mean, 5 % and 95 % quantile of driving times, worked out when they are read.

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
        late_h
            Mean, 5 % and 95 % quantile of the delay of starting trips, each ``(H,)`` [h].
        """
        return ExpectedTravel(
            self,
            Links(
                self.free_link_h,
                np.array(state_now),
                np.array(stretch_now),
                self.usual,
                self.laws.of_link,
            ),
            now_h % HOURS_PER_DAY,
            lead_h,
            late_h,
        )


class ExpectedTravel:
    """Driving times as expected at one moment; see `TravelForecaster.forecast`.

    Parameters
    ----------
    forecaster
        Who expects them.
    links
        The links at that moment.
    hour_of_day
        Its clock time [h].
    lead_h, late_h
        Departures from that moment, and delays of starting trips, ``(H,)`` [h].
    """

    __slots__ = ("_delays", "_everywhere", "_forecaster", "_hour", "_late_h", "_lead_h", "_links")

    def __init__(
        self,
        forecaster: TravelForecaster,
        links: Links,
        hour_of_day: float,
        lead_h: FloatArray,
        late_h: tuple[FloatArray, FloatArray, FloatArray] | None,
    ) -> None:
        self._forecaster = forecaster
        self._links = links
        self._hour = hour_of_day
        self._lead_h = lead_h
        self._late_h = late_h
        self._delays: Delays | None = None
        self._everywhere: TravelHours | None = None

    def from_station(self, station: int, departures: int | None = None) -> TravelHours:
        """Return the driving times from one station; see `TravelTimes.from_station`."""
        place = self._forecaster.place
        found = self._from_place(int(place[station]), departures)
        mean, lower, upper = (each[:, place] for each in found)
        return TravelHours(mean, lower, upper)

    def everywhere(self) -> TravelHours:
        """Return all driving times; see `TravelTimes.everywhere`."""
        if self._everywhere is None:
            place = self._forecaster.place
            links = frozen(np.arange(self._forecaster.roads.n_links), np.int64)
            self._delays = self._incident_delays(links, self._lead_h)
            found = [self._from_place(start) for start in range(len(self._forecaster.node))]
            shape = len(self._lead_h), 0, 0
            mean, lower, upper = (
                np.stack(each, axis=1)[:, place[:, None], place] if found else np.empty(shape)
                for each in (zip(*found, strict=True) if found else ((), (), ()))
            )
            self._everywhere = TravelHours(mean, lower, upper)
        return self._everywhere

    def _incident_delays(self, which: IntArray, lead_h: FloatArray) -> Delays:
        """Return the delays by incidents on the links `which`."""
        law, incidents = self._forecaster.law, self._forecaster.incident_law
        return incident_delays(self._links, law, incidents, self._hour, lead_h, which)

    def _from_place(self, place: int, departures: int | None = None) -> TravelHours:
        """Return the driving times from one place, each ``(H, place)`` [h]."""
        law, lead_h = self._forecaster.law, self._lead_h[:departures]
        ways = self._forecaster.ways_from(place)
        delays = self._delays
        if delays is None:
            delays = self._incident_delays(ways.used, lead_h)
        hours = way_times(ways, self._links, law, delays, self._hour, lead_h)
        if self._late_h is not None:
            drives = np.arange(len(self._forecaster.node)) != place
            for each, late_h in zip(hours, self._late_h, strict=True):
                each += late_h[:departures, None] * drives
        return TravelHours(*hours)
