"""A truck on the road: link by link, on the speeds of the day."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import simpy

from sim.control import VehicleStatus
from sim.system.stations import Station
from sim.system.vehicles import Truck
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.events import Breakdown
from sim.units import KWH_PER_MWH, SECONDS_PER_HOUR
from sim.world.onboard_battery import OnboardBattery
from sim.world.vehicle import DELAY_S, Interruption, Story, Vehicle


@dataclass(slots=True)
class Leg:
    """A link being driven."""

    link: int
    entered_at_km: float
    since_s: float


@dataclass(slots=True, kw_only=True)
class Driving:
    """How a truck moves, and where it is; a `sim.world.vehicle.Travel`.

    Attributes
    ----------
    truck
        What drives.
    roads
        The speeds of the day.
    stations
        The stations.
    node
        Road node where it stands, or which it left last.
    breakdowns
        Those to come.
    told_repair_s
        How long a repair is said to take [s].
    odometer_km
        Distance driven [km].
    leg
        Link being driven, None at a node.
    """

    truck: Truck
    roads: RoadConditions
    stations: tuple[Station, ...]
    node: int
    breakdowns: deque[Breakdown]
    told_repair_s: float
    odometer_km: float = 0.0
    leg: Leg | None = None
    _node_km: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._reach(self.node)

    def leave_s(self, time_s: float) -> float:
        """Return the moment itself: roads know no slots [s]."""
        return time_s

    def hindrance(self, vehicle: Vehicle, destination: int) -> str:
        """Return why it cannot set out for a station now, empty if it can."""
        goal, now_s = self._goal(destination), vehicle.world.env.now
        if goal is None:
            return "unreachable"
        _, time_h = self.roads.towards(goal, now_s)
        if not math.isfinite(time_h[self.node]):
            return "unreachable"
        if self.truck.kwh_per_km == 0.0:
            return ""
        # The battery must feed the tractor on the way that looks fastest now.
        need_mwh = self.roads.way_km(self.node, goal, now_s) * self.truck.kwh_per_km / KWH_PER_MWH
        return "" if vehicle.storage.energy_mwh >= need_mwh else "too little energy"

    def free_s(self, destination: int) -> float:
        """Return how long the fastest way takes on empty roads [s]."""
        goal = self._goal(destination)
        return math.inf if goal is None else self.roads.free_h(self.node, goal) * SECONDS_PER_HOUR

    def go(self, vehicle: Vehicle, destination: int) -> Story:
        """Drive link by link, choosing the way anew at each node on the speeds of that moment."""
        env, goal = vehicle.world.env, self._goal(destination)
        assert goal is not None  # `hindrance` has been asked
        _, time_h = self.roads.towards(goal, env.now)
        delay_s = self.roads.delay_s(env.now) if self.node != goal else 0.0
        vehicle.expect(delay_s + float(time_h[self.node]) * SECONDS_PER_HOUR)
        yield from vehicle.pause(delay_s)
        while self.node != goal:
            way, time_h = self.roads.towards(goal, env.now)
            expected_s = vehicle.ready_s
            vehicle.expect(float(time_h[self.node]) * SECONDS_PER_HOUR)
            if vehicle.ready_s > expected_s + DELAY_S:
                vehicle.world.called("delay")
            yield from self._cross(vehicle, int(way[self.node]))

    def settle(self, storage: OnboardBattery, start_s: float, now_s: float) -> None:
        """Book time and distance, and what the tractor drew."""
        storage.meter.travel_h += (now_s - start_s) / SECONDS_PER_HOUR
        if self.leg is None:
            return
        distance_km = self.roads.distance_km(self.leg.link, max(start_s, self.leg.since_s), now_s)
        storage.meter.distance_km += distance_km
        storage.draw(distance_km * self.truck.kwh_per_km / KWH_PER_MWH)

    def position_km(self, vehicle: Vehicle) -> tuple[float, float]:
        """Return where it is on the map [km]."""
        if self.leg is None:
            return self._node_km
        now_s = vehicle.world.env.now
        network, link = self.roads.roads, self.leg.link
        x, y = network.x_km, network.y_km
        since_s = self.leg.since_s
        driven_km = self.leg.entered_at_km + self.roads.distance_km(link, since_s, now_s)
        share = driven_km / float(network.length_km[link])
        end = int(network.to_node[link])
        return (
            float(x[self.node] + share * (x[end] - x[self.node])),
            float(y[self.node] + share * (y[end] - y[self.node])),
        )

    def _cross(self, vehicle: Vehicle, link: int) -> Story:
        """Cross one link, however often interrupted."""
        env, roads = vehicle.world.env, self.roads
        left_km = float(roads.roads.length_km[link])
        done_km = 0.0
        while left_km > 0.0:
            self.leg = Leg(link, done_km, env.now)
            sound_km = self._breakdown_in_km()
            stop: Interruption | None = None
            try:
                yield env.timeout(roads.crossing_s(link, min(left_km, sound_km), env.now))
                vehicle.settle()
                driven_km = min(left_km, sound_km)
                if sound_km <= left_km:
                    stop = self._break_down(vehicle)
            except simpy.Interrupt as interrupt:
                vehicle.settle()
                driven_km = roads.distance_km(link, self.leg.since_s, env.now)
                stop = Interruption.of(interrupt)
            self.odometer_km += driven_km
            done_km, left_km = done_km + driven_km, max(left_km - driven_km, 0.0)
            if stop is not None:
                self.leg = Leg(link, done_km, math.inf)
                yield from vehicle.stand_still(stop)
                vehicle.turn(VehicleStatus.DRIVING)
        self.leg = None
        self._reach(int(roads.roads.to_node[link]))

    def _breakdown_in_km(self) -> float:
        """Return the distance to the next breakdown [km]."""
        if not self.breakdowns:
            return math.inf
        return max(self.breakdowns[0].odometer_km - self.odometer_km, 0.0)

    def _break_down(self, vehicle: Vehicle) -> Interruption | None:
        """Return the repair by the road, or put off the one that can wait for the station."""
        broken = self.breakdowns.popleft()
        repair = Interruption(
            cause="breakdown", duration_s=broken.repair_s, told_s=self.told_repair_s
        )
        if broken.roadside:
            return repair
        vehicle.put_off.append(repair)
        return None

    def _goal(self, destination: int) -> int | None:
        return self.stations[destination].road_node

    def _reach(self, node: int) -> None:
        network = self.roads.roads
        self.node = node
        self._node_km = (float(network.x_km[node]), float(network.y_km[node]))
