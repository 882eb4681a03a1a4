"""Driving on links whose speed changes while one drives."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from sim.system.roads import Roads
from sim.system.routing import links_towards, path_links
from sim.uncertainty.events import Incident
from sim.uncertainty.traffic import QUARTER_S
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray


class RoadConditions:
    """The speeds of one replication, as those who drive meet them.

    Parameters
    ----------
    roads
        The network.
    speed_kmh
        Speeds without incidents, ``(quarter hour, link)`` [km/h]; the last row holds from then on.
    incidents
        What stretches the time above the free one on a link, and when.
    trip_delay_h
        Time lost at the start of a trip by the step of its departure, ``(step,)`` [h]; the last
        holds from then on.
    step_h
        Length of a step [h].
    """

    def __init__(
        self,
        roads: Roads,
        speed_kmh: FloatArray,
        incidents: Sequence[Incident] = (),
        trip_delay_h: FloatArray | None = None,
        step_h: float = 1.0,
    ) -> None:
        self.roads = roads
        self._speed_kmh = speed_kmh
        self._delay_h = np.zeros(1) if trip_delay_h is None else trip_delay_h
        self._step_s = step_h * SECONDS_PER_HOUR
        found = np.array(incidents, dtype=np.float64).reshape(-1, len(Incident._fields))
        self._link = found[:, 0].astype(np.int64)
        self._start_s, self._end_s, self._stretch = found[:, 1:].T
        # Speeds stay as they are from one of these moments to the next, but for quarter hours.
        self._changes_s: list[float] = np.unique([self._start_s, self._end_s]).tolist()
        # When speeds were asked for last (quarter hour, changes before), what they were, and the
        # ways towards each goal.
        self._then: tuple[int, int] | None = None
        self._stretch_then = self._speed_then = np.empty(0)
        self._towards: dict[int, tuple[IntArray, FloatArray]] = {}
        self._on_link: dict[int, list[Incident]] = defaultdict(list)
        for incident in incidents:
            self._on_link[incident.link].append(incident)

    def stretch_now(self, now_s: float) -> FloatArray:
        """Return the factor on the time above the free one, known to all, ``(link,)``."""
        self._look(now_s)
        return self._stretch_then

    def speed_now(self, now_s: float) -> FloatArray:
        """Return the speeds at this moment, known to all, ``(link,)`` [km/h]."""
        self._look(now_s)
        return self._speed_then

    def _look(self, now_s: float) -> None:
        """Find the speeds of a moment; they change once a quarter hour, and with incidents."""
        quarter = min(int(now_s // QUARTER_S), len(self._speed_kmh) - 1)
        then = quarter, bisect.bisect_right(self._changes_s, now_s)
        if then == self._then:
            return
        if self._then is None or then[1] != self._then[1]:
            stretch = np.ones(self.roads.n_links)
            lasting = (self._start_s <= now_s) & (now_s < self._end_s)
            np.multiply.at(stretch, self._link[lasting], self._stretch[lasting])
            stretch.setflags(write=False)
            self._stretch_then = stretch
        self._then = then
        self._towards.clear()
        speed = self._speed_kmh[quarter]
        if len(self._link):
            free = self.roads.free_speed_kmh
            speed = free / (1 + (free / speed - 1) * self._stretch_then)
            speed.setflags(write=False)
        self._speed_then = speed

    def delay_s(self, depart_s: float) -> float:
        """Return the time that a trip which departs at this moment loses at its start [s]."""
        step = min(int(depart_s / self._step_s + 1e-9), len(self._delay_h) - 1)
        # Whole microseconds, as in `crossing_s`.
        return round(float(self._delay_h[step]) * SECONDS_PER_HOUR, 6)

    def towards(self, goal: int, now_s: float) -> tuple[IntArray, FloatArray]:
        """Return the next link and the time to `goal` from every node, at the speeds of now [h]."""
        self._look(now_s)
        if goal not in self._towards:
            roads = self.roads
            link_h = roads.length_km / self._speed_then
            self._towards[goal] = links_towards(
                goal, roads.n_nodes, roads.from_node, roads.to_node, link_h
            )
        return self._towards[goal]

    def way_km(self, start: int, goal: int, now_s: float) -> float:
        """Return the length of the way that looks fastest now [km]."""
        links = path_links(self.roads, start, goal, self.roads.length_km / self.speed_now(now_s))
        return float(self.roads.length_km[links].sum()) if links else 0.0

    def free_h(self, start: int, goal: int) -> float:
        """Return the time of the fastest way on empty roads [h]."""
        roads = self.roads
        link_h = roads.length_km / roads.free_speed_kmh
        _, time_h = links_towards(goal, roads.n_nodes, roads.from_node, roads.to_node, link_h)
        return float(time_h[start])

    def drive_h(self, start: int | None, goal: int | None, depart_h: float) -> float:
        """Return how long a drive takes that looks for the fastest way anew at each node [h].

        Infinite where no road leads.
        """
        if start is None or goal is None:
            return math.inf
        node, clock_s = start, depart_h * SECONDS_PER_HOUR
        if start != goal:
            clock_s += self.delay_s(clock_s)
        while node != goal:
            way, time_h = self.towards(goal, clock_s)
            if not math.isfinite(time_h[node]):
                return math.inf
            link = int(way[node])
            clock_s += self.crossing_s(link, float(self.roads.length_km[link]), clock_s)
            node = int(self.roads.to_node[link])
        return clock_s / SECONDS_PER_HOUR - depart_h

    def crossing_s(self, link: int, distance_km: float, now_s: float) -> float:
        """Return the time to drive `distance_km` on `link`, starting now [s].

        The speed changes for all who are on the link at the same moment, so nobody overtakes
        (Ichoua, Gendreau and Potvin, "Vehicle dispatching with time-dependent travel times",
        European Journal of Operational Research 144, 2003).
        """
        clock_s = now_s
        while True:
            speed_km_s, until_s = self._pace(link, clock_s)
            needed_s = distance_km / speed_km_s
            if clock_s + needed_s <= until_s:
                # Whole microseconds: a drive of 600 s ends at 600, not a rounding error later.
                return max(round(clock_s + needed_s, 6) - now_s, 0.0)
            distance_km -= speed_km_s * (until_s - clock_s)
            clock_s = until_s

    def distance_km(self, link: int, start_s: float, now_s: float) -> float:
        """Return the distance driven on `link` between two moments [km]."""
        distance = 0.0
        clock_s = start_s
        while clock_s < now_s:
            speed_km_s, until_s = self._pace(link, clock_s)
            end_s = min(until_s, now_s)
            distance += speed_km_s * (end_s - clock_s)
            clock_s = end_s
        return distance

    def _pace(self, link: int, clock_s: float) -> tuple[float, float]:
        """Return the speed on a link at a moment [km/s], and until when it holds [s]."""
        last = len(self._speed_kmh) - 1
        quarter = min(int(clock_s // QUARTER_S), last)
        until_s = math.inf if quarter == last else float((quarter + 1) * QUARTER_S)
        speed = float(self._speed_kmh[quarter, link])
        stretch = 1.0
        for incident in self._on_link.get(link, ()):
            if incident.start_s <= clock_s < incident.end_s:
                stretch *= incident.stretch
                until_s = min(until_s, incident.end_s)
            elif clock_s < incident.start_s:
                until_s = min(until_s, incident.start_s)
        if stretch > 1.0:
            free = float(self.roads.free_speed_kmh[link])
            speed = free / (1 + (free / speed - 1) * stretch)
        return speed / SECONDS_PER_HOUR, until_s
