"""Driving on links whose speed changes while one drives."""

from __future__ import annotations

from dataclasses import dataclass

from sim.system.roads import Roads
from sim.system.routing import links_towards, path_links
from sim.uncertainty.traffic import QUARTER_S
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadConditions:
    """The speeds of one replication, as those who drive meet them.

    Attributes
    ----------
    roads
        The network.
    speed_kmh
        ``(quarter hour, link)`` [km/h]; the last row holds from then on.
    """

    roads: Roads
    speed_kmh: FloatArray

    def speed_now(self, now_s: float) -> FloatArray:
        """Return the speeds at this moment, which everybody knows, ``(link,)`` [km/h]."""
        quarter = min(int(now_s // QUARTER_S), len(self.speed_kmh) - 1)
        speed: FloatArray = self.speed_kmh[quarter]
        return speed

    def towards(self, goal: int, now_s: float) -> tuple[IntArray, FloatArray]:
        """Return the next link and the time to `goal` from every node, at the speeds of now [h]."""
        roads = self.roads
        link_h = roads.length_km / self.speed_now(now_s)
        return links_towards(goal, roads.n_nodes, roads.from_node, roads.to_node, link_h)

    def way_km(self, start: int, goal: int, now_s: float) -> float:
        """Return the length of the way that looks fastest now [km]."""
        links = path_links(self.roads, start, goal, self.roads.length_km / self.speed_now(now_s))
        return float(self.roads.length_km[links].sum()) if links else 0.0

    def crossing_s(self, link: int, distance_km: float, now_s: float) -> float:
        """Return the time to drive `distance_km` on `link`, starting now [s].

        The speed changes for all who are on the link at the quarter hour, so nobody overtakes
        (Ichoua, Gendreau and Potvin, "Vehicle dispatching with time-dependent travel times",
        European Journal of Operational Research 144, 2003).
        """
        clock_s = now_s
        last = len(self.speed_kmh) - 1
        while True:
            quarter = min(int(clock_s // QUARTER_S), last)
            speed_km_s = self.speed_kmh[quarter, link] / SECONDS_PER_HOUR
            needed_s = distance_km / speed_km_s
            left_s = (quarter + 1) * QUARTER_S - clock_s
            if quarter == last or needed_s <= left_s:
                # Whole microseconds: a drive of 600 s ends at 600, not a rounding error later.
                return round(float(clock_s + needed_s), 6) - now_s
            distance_km -= speed_km_s * left_s
            clock_s += left_s

    def distance_km(self, link: int, start_s: float, now_s: float) -> float:
        """Return the distance driven on `link` between two moments [km]."""
        distance = 0.0
        clock_s = start_s
        last = len(self.speed_kmh) - 1
        while clock_s < now_s:
            quarter = min(int(clock_s // QUARTER_S), last)
            end_s = now_s if quarter == last else min((quarter + 1) * QUARTER_S, now_s)
            distance += self.speed_kmh[quarter, link] / SECONDS_PER_HOUR * (end_s - clock_s)
            clock_s = end_s
        return float(distance)
