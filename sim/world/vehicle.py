"""A truck's life: be at a station, drive to the next one, again."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import simpy

from sim.control import VehicleStatus, Visit
from sim.system.stations import Station
from sim.system.vehicles import Truck
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.events import Breakdown
from sim.units import HOURS_PER_DAY, KWH_PER_MWH, SECONDS_PER_HOUR
from sim.world.guard import Guard
from sim.world.metering import Exchange, Metering, Trip

# A vehicle that is expected so much later than before is delayed [s].
DELAY_S = 300.0

SECONDS_PER_DAY = HOURS_PER_DAY * SECONDS_PER_HOUR

Story: TypeAlias = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """Cause of a SimPy interrupt: the vehicle stands still for a while.

    Attributes
    ----------
    cause
        What happened, for the event log.
    duration_s
        How long it lasts [s].
    told_s
        How long it is said to last: all that anybody knows before it is over [s].
    """

    cause: str
    duration_s: float
    told_s: float = 0.0


def _interruption(interrupt: simpy.Interrupt) -> Interruption:
    if not isinstance(interrupt.cause, Interruption):
        raise TypeError(f"vehicles are interrupted by an Interruption, not {interrupt.cause!r}")
    return interrupt.cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What vehicles share.

    Attributes
    ----------
    env
        SimPy's environment.
    stations
        The stations.
    plugs
        Plugs of each station; waiting vehicles are served by arrival, ties by vehicle.
    roads
        The speeds of the day.
    guard
        Limits ordered power.
    supplied
        Says whether a bus has power now.
    log
        Takes ``(vehicle, event, station, detail)``.
    called
        Takes the name of something that a controller may want to react to.
    """

    env: simpy.Environment
    stations: tuple[Station, ...]
    plugs: tuple[simpy.PriorityResource, ...]
    roads: RoadConditions
    guard: Guard
    supplied: Callable[[int], bool]
    log: Callable[[int, str, int, str], None]
    called: Callable[[str], None]


@dataclass(slots=True)
class Leg:
    """A link being driven."""

    link: int
    entered_at_km: float
    since_s: float


@dataclass(slots=True)
class Vehicle:
    """One truck as a SimPy process. Its energy is exact at every event.

    Attributes
    ----------
    index
        Position in `System.vehicles`.
    spec
        What it is.
    world
        What it shares with the others.
    station
        Where it stands, or to which it drives.
    status
        What it is doing.
    energy_mwh
        Stored energy at `settled_s` [MWh].
    p_mw, q_mvar
        Power exchanged at this moment [MW, Mvar].
    withheld_mw, clipped_mwh
        Power ordered but withheld by the guard at this moment [MW], and its energy since the last
        decision [MWh].
    odometer_km, breakdowns
        Distance driven [km], and the breakdowns to come.
    told_repair_s
        How long a repair is said to take [s].
    trips
        Drives that have ended.
    trips_today, throughput_today_mwh
        Departures and energy exchanged since midnight [MWh].
    """

    index: int
    spec: Truck
    world: Surroundings
    station: int
    energy_mwh: float
    status: VehicleStatus = VehicleStatus.QUEUEING
    p_mw: float = 0.0
    q_mvar: float = 0.0
    withheld_mw: float = 0.0
    clipped_mwh: float = 0.0
    settled_s: float = 0.0
    ready_s: float = 0.0
    told_s: float = 0.0
    rest_s: float = 0.0
    odometer_km: float = 0.0
    breakdowns: deque[Breakdown] = field(default_factory=deque)
    told_repair_s: float = 0.0
    trips: list[Trip] = field(default_factory=list)
    trips_today: int = 0
    throughput_today_mwh: float = 0.0
    node: int = -1
    leg: Leg | None = None
    itinerary: deque[Visit] = field(default_factory=deque)
    meter: Metering = field(default_factory=Metering)
    power_order: Callable[[], tuple[float, float, float]] = lambda: (0.0, 0.0, 0.0)
    _repairs: deque[Interruption] = field(default_factory=deque)
    _node_km: tuple[float, float] = field(init=False)
    _orders: simpy.Event = field(init=False)
    process: simpy.Process = field(init=False)

    def __post_init__(self) -> None:
        self._orders = self.world.env.event()
        self._reach(self.world.stations[self.station].road_node)
        self.process = self.world.env.process(self.live())

    @property
    def ready_h(self) -> float:
        """When it was, or is expected to be, connected [h]."""
        now_s = self.world.env.now
        if self.status is VehicleStatus.CONNECTED:
            return self.ready_s / SECONDS_PER_HOUR
        if self.status is VehicleStatus.QUEUEING:
            set_up_h = self.world.stations[self.station].set_up_h
            return now_s / SECONDS_PER_HOUR + set_up_h
        if self.status is VehicleStatus.BROKEN:
            return (now_s + self.told_s + self.rest_s) / SECONDS_PER_HOUR
        return max(self.ready_s, now_s) / SECONDS_PER_HOUR

    # -- what the world says to it -------------------------------------------------------------

    def assign(self, visits: Iterable[Visit]) -> None:
        """Replace the itinerary; a trip under way is finished first."""
        self.itinerary = deque(visits)
        self._orders.succeed()
        self._orders = self.world.env.event()

    def exchange(self, p_mw: float, q_mvar: float, duration_h: float) -> None:
        """Exchange power from now on, within what the guard allows for `duration_h`."""
        if self.status is not VehicleStatus.CONNECTED:
            return
        self.settle()
        if not self.world.supplied(self.world.stations[self.station].bus):
            self.p_mw = self.q_mvar = self.withheld_mw = 0.0
            return
        p, q = self.world.guard(self.spec.battery, self.energy_mwh, p_mw, q_mvar, duration_h)
        p = self._within_cycles(p, duration_h)
        self.withheld_mw = abs(p_mw - p) if abs(p_mw - p) > 1e-9 else 0.0
        # The inverter obeys its ratings whatever the guard lets through.
        self.p_mw, self.q_mvar = self.spec.battery.rated(p, q)
        if abs(self.p_mw - p) > 1e-9:
            self._log("refused", detail=f"{p:.6g} MW is beyond the rating")

    def read_meter(self) -> Metering:
        """Return what happened since the last reading."""
        self.settle()
        reading, self.meter = self.meter, Metering()
        return reading

    # -- its story -----------------------------------------------------------------------------

    def live(self) -> Story:
        """Be at a station until the next visit is due, drive there, again."""
        yield from self._stay(set_up_h=0.0)
        while True:
            visit = self.itinerary.popleft()
            if visit.station != self.station:
                yield from self._drive(visit.station)
            yield from self._stay(self.world.stations[self.station].set_up_h)

    def _stay(self, set_up_h: float) -> Story:
        """Queue, set up, exchange power; an interruption sends the truck back to the queue."""
        env = self.world.env
        while not self._due():
            try:
                with self.world.plugs[self.station].request(
                    priority=(env.now, self.index)  # type: ignore[arg-type]
                ) as plug:
                    self._turn(VehicleStatus.QUEUEING)
                    if not plug.triggered:
                        self._log("queued")
                    yield from self._until_due(plug)
                    if not plug.triggered:
                        return
                    self._turn(VehicleStatus.SETTING_UP)
                    set_up_s = round(set_up_h * SECONDS_PER_HOUR, 6)
                    self.ready_s = env.now + set_up_s
                    yield env.timeout(set_up_s)
                    self._turn(VehicleStatus.CONNECTED)
                    self._log("connected")
                    self.world.called("arrival")
                    self.exchange(*self.power_order())
                    yield from self._until_due()
                    self._log("disconnected")
            except simpy.Interrupt as interrupt:
                set_up_h = self.world.stations[self.station].set_up_h
                yield from self._stand_still(_interruption(interrupt))
            finally:
                self._disconnect()

    def _drive(self, destination: int) -> Story:
        """Drive link by link, choosing the way anew at each node on the speeds of that moment."""
        goal = self.world.stations[destination].road_node
        _, time_h = self.world.roads.towards(goal, self.world.env.now)
        if not math.isfinite(time_h[self.node]):
            self._log("unreachable", destination)
            return
        if not self._carries_enough(goal):
            self._log("too little energy", destination)
            return
        if self.trips_today == self.spec.trips_per_day:
            self._log("refused", destination, f"{self.trips_today} trips a day are all")
            return
        self.trips_today += 1
        self.meter.departures += 1
        self._log("departed", destination)
        trip = Trip(
            vehicle=self.index,
            origin=self.station,
            destination=destination,
            depart_s=self.world.env.now,
            free_s=self.world.roads.free_h(self.node, goal) * SECONDS_PER_HOUR,
        )
        self.station = destination
        self._turn(VehicleStatus.DRIVING)
        delay_s = self.world.roads.delay_s(self.world.env.now) if self.node != goal else 0.0
        self._expect(delay_s + float(time_h[self.node]) * SECONDS_PER_HOUR)
        yield from self._lose(delay_s)
        while self.node != goal:
            way, time_h = self.world.roads.towards(goal, self.world.env.now)
            expected_s = self.ready_s
            self._expect(float(time_h[self.node]) * SECONDS_PER_HOUR)
            if self.ready_s > expected_s + DELAY_S:
                self.world.called("delay")
            yield from self._cross(int(way[self.node]))
        trip.arrive_s = self.world.env.now
        self.trips.append(trip)
        self._log("arrived")
        while self._repairs:
            yield from self._stand_still(self._repairs.popleft())

    def _lose(self, delay_s: float) -> Story:
        """Lose time before the first link, however often interrupted."""
        env = self.world.env
        while delay_s > 0.0:
            since_s = env.now
            try:
                yield env.timeout(delay_s)
                return
            except simpy.Interrupt as interrupt:
                delay_s -= env.now - since_s
                yield from self._stand_still(_interruption(interrupt))
                self._turn(VehicleStatus.DRIVING)

    def _cross(self, link: int) -> Story:
        """Cross one link, however often interrupted."""
        env, roads = self.world.env, self.world.roads
        left_km = float(roads.roads.length_km[link])
        done_km = 0.0
        while left_km > 0.0:
            self.leg = Leg(link, done_km, env.now)
            sound_km = self._breakdown_in_km()
            stop: Interruption | None = None
            try:
                yield env.timeout(roads.crossing_s(link, min(left_km, sound_km), env.now))
                self.settle()
                driven_km = min(left_km, sound_km)
                if sound_km <= left_km:
                    stop = self._break_down()
            except simpy.Interrupt as interrupt:
                self.settle()
                driven_km = roads.distance_km(link, self.leg.since_s, env.now)
                stop = _interruption(interrupt)
            self.odometer_km += driven_km
            done_km, left_km = done_km + driven_km, max(left_km - driven_km, 0.0)
            if stop is not None:
                self.leg = Leg(link, done_km, math.inf)
                yield from self._stand_still(stop)
                self._turn(VehicleStatus.DRIVING)
        self.leg = None
        self._reach(int(roads.roads.to_node[link]))

    def _stand_still(self, interruption: Interruption) -> Story:
        """Wait until the interruption, and every one that comes on top of it, is over."""
        env = self.world.env
        self._disconnect()
        self._turn(VehicleStatus.BROKEN)
        self._log("interrupted", detail=interruption.cause)
        end_s = env.now + interruption.duration_s
        # What is told is all that is known; a repair that takes longer stays "so long from now".
        self.told_s = interruption.told_s
        self.rest_s = max(self.ready_s - env.now, 0.0)
        self.world.called("delay")
        while env.now < end_s:
            try:
                yield env.timeout(end_s - env.now)
            except simpy.Interrupt as another:
                also = _interruption(another)
                self._log("interrupted", detail=also.cause)
                self.told_s = max(self.told_s, also.told_s)
                end_s = max(end_s, env.now + also.duration_s)
        self.ready_s = env.now + self.rest_s
        self._log("resumed")

    def _breakdown_in_km(self) -> float:
        """Return the distance to the next breakdown [km]."""
        if not self.breakdowns:
            return math.inf
        return max(self.breakdowns[0].odometer_km - self.odometer_km, 0.0)

    def _break_down(self) -> Interruption | None:
        """Return the repair by the road, or put off the one that can wait for the station."""
        broken = self.breakdowns.popleft()
        repair = Interruption(
            cause="breakdown", duration_s=broken.repair_s, told_s=self.told_repair_s
        )
        if broken.roadside:
            return repair
        self._repairs.append(repair)
        return None

    # -- small things --------------------------------------------------------------------------

    def settle(self) -> None:
        """Bring energy and meters up to this moment."""
        now_s = self.world.env.now
        duration_h = (now_s - self.settled_s) / SECONDS_PER_HOUR
        if duration_h <= 0.0:
            return
        battery, meter = self.spec.battery, self.meter
        before = self.energy_mwh
        self.energy_mwh, powered_h = battery.advance(before, self.p_mw, duration_h)
        meter.standing_mwh += before - self.energy_mwh - battery.internal_mw(self.p_mw) * powered_h
        if self.status is VehicleStatus.CONNECTED:
            self._settle_exchange(powered_h, duration_h)
        elif self.status is VehicleStatus.DRIVING:
            self._settle_drive(duration_h)
        elif self.status is VehicleStatus.QUEUEING:
            meter.queue_h += duration_h
        self.settled_s = now_s
        if now_s % SECONDS_PER_DAY == 0.0:  # meters are read at every midnight
            self.trips_today, self.throughput_today_mwh = 0, 0.0

    def _settle_exchange(self, powered_h: float, duration_h: float) -> None:
        if self.p_mw > 0.0:
            self.meter.discharged_mwh += self.p_mw * powered_h
        elif self.p_mw < 0.0:
            self.meter.charged_mwh -= self.p_mw * powered_h
        self.throughput_today_mwh += abs(self.p_mw) * powered_h
        self.clipped_mwh += self.withheld_mw * duration_h
        if self.p_mw == 0.0 == self.q_mvar and not self.meter.exchanges:
            return  # nothing flows, as for most of a truck's life
        exchange = self.meter.exchanges.setdefault(self.station, Exchange())
        if self.p_mw == 0.0 or powered_h > 0.0:
            exchange.add(self.p_mw, self.q_mvar, powered_h if self.p_mw else duration_h)
        if self.p_mw != 0.0 and powered_h < duration_h:
            full = "full" if self.p_mw < 0.0 else "empty"
            if duration_h - powered_h > 1e-6:
                self._log("refused", detail=f"{self.p_mw:.6g} MW: the battery is {full}")
            self.p_mw = 0.0  # the battery's limit, whatever was ordered
            exchange.add(0.0, self.q_mvar, duration_h - powered_h)

    def _settle_drive(self, duration_h: float) -> None:
        self.meter.road_h += duration_h
        if self.leg is None:
            return
        start_s = max(self.settled_s, self.leg.since_s)
        distance = self.world.roads.distance_km(self.leg.link, start_s, self.world.env.now)
        self.meter.distance_km += distance
        # soc_min limits the exchange with the grid; traction may use what is below it.
        traction = min(distance * self.spec.kwh_per_km / KWH_PER_MWH, self.energy_mwh)
        self.meter.traction_mwh += traction
        self.energy_mwh -= traction

    def position_km(self) -> tuple[float, float]:
        """Return where it is on the map [km]."""
        if self.leg is None:
            return self._node_km
        network = self.world.roads.roads
        x, y = network.x_km, network.y_km
        link = self.leg.link
        driven_km = self.leg.entered_at_km + self.world.roads.distance_km(
            link, self.leg.since_s, self.world.env.now
        )
        share = driven_km / float(network.length_km[link])
        end = int(network.to_node[link])
        return (
            float(x[self.node] + share * (x[end] - x[self.node])),
            float(y[self.node] + share * (y[end] - y[self.node])),
        )

    def _reach(self, node: int) -> None:
        network = self.world.roads.roads
        self.node = node
        self._node_km = (float(network.x_km[node]), float(network.y_km[node]))

    def _within_cycles(self, p_mw: float, duration_h: float) -> float:
        """Return what of a power held for `duration_h` the day's cycles leave [MW]."""
        left_mwh = max(self.spec.battery.throughput_per_day_mwh - self.throughput_today_mwh, 0.0)
        if abs(p_mw) * duration_h <= left_mwh:
            return p_mw
        return math.copysign(left_mwh / duration_h, p_mw)

    def _due(self) -> bool:
        return bool(self.itinerary) and (
            self.itinerary[0].depart_h * SECONDS_PER_HOUR <= self.world.env.now
        )

    def _until_due(self, *others: simpy.Event) -> Story:
        """Wait until the next visit is due, or one of `others` has happened."""
        env = self.world.env
        while not self._due() and not any(event.triggered for event in others):
            events = [self._orders, *others]
            if self.itinerary:
                depart_s = self.itinerary[0].depart_h * SECONDS_PER_HOUR
                events.append(env.timeout(max(depart_s - env.now, 0.0)))
            yield simpy.AnyOf(env, events)

    def _turn(self, status: VehicleStatus) -> None:
        self.settle()
        self.status = status
        if status is VehicleStatus.CONNECTED:
            self.ready_s = self.world.env.now

    def _expect(self, driving_s: float) -> None:
        set_up_s = self.world.stations[self.station].set_up_h * SECONDS_PER_HOUR
        self.ready_s = self.world.env.now + driving_s + set_up_s

    def _disconnect(self) -> None:
        self.settle()
        self.p_mw = self.q_mvar = self.withheld_mw = 0.0

    def _carries_enough(self, goal: int) -> bool:
        """Say whether the battery can feed the tractor on the way that looks fastest now."""
        if self.spec.kwh_per_km == 0.0:
            return True
        roads = self.world.roads
        distance_km = roads.way_km(self.node, goal, self.world.env.now)
        return self.energy_mwh >= distance_km * self.spec.kwh_per_km / KWH_PER_MWH

    def _log(self, event: str, station: int | None = None, detail: str = "") -> None:
        self.world.log(self.index, event, self.station if station is None else station, detail)
