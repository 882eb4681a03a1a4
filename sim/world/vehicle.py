"""A vehicle's life: be at a station, go to the next one, again.

What is common to all vehicles stands here: the story, the queue for a plug, the set-up, the orders,
interruptions. How a vehicle gets to the next station is a `Travel` (`sim.world.driving`,
`sim.world.rail`), what it exchanges there is `sim.world.onboard_battery`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import simpy

from sim.control import VehicleStatus, Visit
from sim.system.stations import Station
from sim.system.vehicles import Train, Truck
from sim.units import HOURS_PER_DAY, SECONDS_PER_HOUR
from sim.world.guard import Guard
from sim.world.onboard_battery import EnergyBudget, OnboardBattery
from sim.world.vehicle_meter import Metering, Trip

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

    @classmethod
    def of(cls, interrupt: simpy.Interrupt) -> Interruption:
        """Return the cause of an interrupt."""
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
    guard: Guard
    supplied: Callable[[int], bool]
    log: Callable[[int, str, int, str], None]
    called: Callable[[str], None]


class Travel(Protocol):
    """How a vehicle gets from station to station, and where it is meanwhile."""

    def leave_s(self, time_s: float) -> float:
        """Return the first moment at or after `time_s` at which it may leave a station [s]."""

    def hindrance(self, vehicle: Vehicle, destination: int) -> str:
        """Return why it cannot set out for a station now, empty if it can."""

    def free_s(self, destination: int) -> float:
        """Return how long the way takes from here when nothing is in the way [s]."""

    def go(self, vehicle: Vehicle, destination: int) -> Story:
        """Get there, however often interrupted, and keep `Vehicle.expect` up to date."""

    def settle(self, storage: OnboardBattery, start_s: float, now_s: float) -> None:
        """Book what the way took between two moments."""

    def position_km(self, vehicle: Vehicle) -> tuple[float, float]:
        """Return where it is on the map [km]."""


@dataclass(slots=True)
class Vehicle:
    """One vehicle as a SimPy process.

    Attributes
    ----------
    index
        Position in `System.vehicles`.
    spec
        What it is.
    world
        What it shares with the others.
    travel
        How it moves.
    storage
        Its battery, exact at every event.
    station
        Where it stands, or to which it goes.
    status
        What it is doing.
    settled_s
        Up to when energy and meters are booked [s].
    ready_s
        When it was, or is expected to be, connected [s].
    held, told_s, rest_s
        Whether it is kept for a time that nobody knows; then, how long that is said to be, and what
        is left to do afterwards [s].
    under_way
        Whether it is between two stations, be it that it stands still there.
    put_off
        Repairs that wait for the next station.
    trips, trips_today
        Trips that have ended; departures since midnight.
    itinerary
        Visits not started.
    power_order
        Returns the power in force and for how long [MW, Mvar, h].
    """

    index: int
    spec: Truck | Train
    world: Surroundings
    travel: Travel
    storage: OnboardBattery
    station: int
    status: VehicleStatus = VehicleStatus.QUEUEING
    settled_s: float = 0.0
    ready_s: float = 0.0
    held: bool = False
    told_s: float = 0.0
    rest_s: float = 0.0
    under_way: bool = False
    put_off: deque[Interruption] = field(default_factory=deque)
    trips: list[Trip] = field(default_factory=list)
    trips_today: int = 0
    itinerary: deque[Visit] = field(default_factory=deque)
    power_order: Callable[[], tuple[float, float, float]] = lambda: (0.0, 0.0, 0.0)
    _orders: simpy.Event = field(init=False)
    process: simpy.Process = field(init=False)

    def __post_init__(self) -> None:
        self._orders = self.world.env.event()
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
        if self.held:
            return (now_s + self.told_s + self.rest_s) / SECONDS_PER_HOUR
        return max(self.ready_s, now_s) / SECONDS_PER_HOUR

    def position_km(self) -> tuple[float, float]:
        """Return where it is on the map [km]."""
        return self.travel.position_km(self)

    # -- what the world says to it -------------------------------------------------------------

    def assign(self, visits: Iterable[Visit]) -> None:
        """Replace the itinerary; a trip under way is finished first."""
        before, self.itinerary = self.itinerary, deque(visits)
        if not (before or self.itinerary):
            return  # it waits for orders, and there are none
        self._orders.succeed()
        self._orders = self.world.env.event()

    def follow_orders(self) -> None:
        """Exchange from now on what is ordered, as far as the guard allows."""
        if self.status is not VehicleStatus.CONNECTED:
            return
        self.settle()
        if not self.world.supplied(self.world.stations[self.station].bus):
            self.storage.cut_off()
            return
        p_mw, q_mvar, duration_h = self.power_order()
        refused = self.storage.order(self.world.guard, p_mw, q_mvar, duration_h)
        if refused:
            self.log("refused", detail=refused)

    def read_meter(self) -> Metering:
        """Return what happened since the last reading."""
        self.settle()
        return self.storage.read_meter()

    # -- its story -----------------------------------------------------------------------------

    def live(self) -> Story:
        """Be at a station until the next visit is due, go there, again."""
        connected = yield from self._stay(set_up_h=0.0)
        while True:
            visit = self.itinerary.popleft()
            self.storage.budget = EnergyBudget.of(visit)
            # Who stays only begins a new budget: nothing is set up anew.
            stays = connected and visit.station == self.station
            if visit.station != self.station:
                yield from self._go(visit.station)
            set_up_h = 0.0 if stays else self.world.stations[self.station].set_up_h
            connected = yield from self._stay(set_up_h)

    def _stay(self, set_up_h: float) -> Generator[simpy.Event, Any, bool]:
        """Queue, set up, exchange power; an interruption sends the vehicle back to the queue.

        Returns whether the vehicle was connected in the end.
        """
        env, connected = self.world.env, False
        while not self._due():
            try:
                with self.world.plugs[self.station].request(
                    priority=(env.now, self.index)  # type: ignore[arg-type]
                ) as plug:
                    self.turn(VehicleStatus.QUEUEING)
                    if not plug.triggered:
                        self.log("queued")
                    yield from self._until_due(plug)
                    if not plug.triggered:
                        return False
                    self.turn(VehicleStatus.SETTING_UP)
                    set_up_s = round(set_up_h * SECONDS_PER_HOUR, 6)
                    self.ready_s = env.now + set_up_s
                    yield env.timeout(set_up_s)
                    self.turn(VehicleStatus.CONNECTED)
                    connected = True
                    self.log("connected")
                    self.world.called("arrival")
                    self.follow_orders()
                    yield from self._until_due()
                    self.log("disconnected")
            except simpy.Interrupt as interrupt:
                connected, set_up_h = False, self.world.stations[self.station].set_up_h
                yield from self.stand_still(Interruption.of(interrupt))
            finally:
                self._disconnect()
        return connected

    def _go(self, destination: int) -> Story:
        """Make a trip, unless something is in its way."""
        env = self.world.env
        hindrance = self.travel.hindrance(self, destination)
        if hindrance:
            self.log(hindrance, destination)
            return
        if self.trips_today == self.spec.trips_per_day:
            self.log("refused", destination, f"{self.trips_today} trips a day are all")
            return
        self.trips_today += 1
        self.storage.meter.departures += 1
        self.log("departed", destination)
        trip = Trip(
            vehicle=self.index,
            origin=self.station,
            destination=destination,
            depart_s=env.now,
            free_s=self.travel.free_s(destination),
        )
        self.station = destination
        self.turn(VehicleStatus.DRIVING)
        self.under_way = True
        yield from self.travel.go(self, destination)
        self.under_way = False
        trip.arrive_s = env.now
        self.trips.append(trip)
        self.log("arrived")
        while self.put_off:
            yield from self.stand_still(self.put_off.popleft())

    def pause(self, duration_s: float) -> Story:
        """Let time pass on the way, however often interrupted."""
        env = self.world.env
        while duration_s > 0.0:
            since_s = env.now
            try:
                yield env.timeout(duration_s)
                return
            except simpy.Interrupt as interrupt:
                duration_s -= env.now - since_s
                yield from self.stand_still(Interruption.of(interrupt))
                self.turn(VehicleStatus.DRIVING)

    def stand_still(self, interruption: Interruption) -> Story:
        """Wait until the interruption, and every one that comes on top of it, is over."""
        env = self.world.env
        self._disconnect()
        self.turn(VehicleStatus.BROKEN)
        self.log("interrupted", detail=interruption.cause)
        end_s = env.now + interruption.duration_s
        # What is told is all that is known; a repair that takes longer stays "so long from now".
        self.hold(interruption.told_s)
        self.world.called("delay")
        while env.now < end_s:
            try:
                yield env.timeout(end_s - env.now)
            except simpy.Interrupt as another:
                also = Interruption.of(another)
                self.log("interrupted", detail=also.cause)
                self.told_s = max(self.told_s, also.told_s)
                end_s = max(end_s, env.now + also.duration_s)
        self.release()
        self.log("resumed")

    # -- small things --------------------------------------------------------------------------

    def settle(self) -> None:
        """Bring energy and meters up to this moment."""
        now_s = self.world.env.now
        duration_h = (now_s - self.settled_s) / SECONDS_PER_HOUR
        if duration_h <= 0.0:
            return
        powered_h = self.storage.advance(duration_h)
        if self.status is VehicleStatus.CONNECTED:
            refused = self.storage.book(self.station, powered_h, duration_h)
            if refused:
                self.log("refused", detail=refused)
        elif self.status is VehicleStatus.DRIVING:
            self.travel.settle(self.storage, self.settled_s, now_s)
        elif self.status is VehicleStatus.QUEUEING:
            self.storage.meter.queue_h += duration_h
        elif self.status is VehicleStatus.BROKEN and self.under_way:
            self.storage.meter.repair_h += duration_h
        self.settled_s = now_s
        if now_s % SECONDS_PER_DAY == 0.0:  # meters are read at every midnight
            self.trips_today, self.storage.throughput_today_mwh = 0, 0.0

    def turn(self, status: VehicleStatus) -> None:
        """Do something else from now on."""
        self.settle()
        self.status = status
        if status is VehicleStatus.CONNECTED:
            self.ready_s = self.world.env.now

    def expect(self, moving_s: float) -> None:
        """Expect to arrive so much later, and to set up then."""
        set_up_s = self.world.stations[self.station].set_up_h * SECONDS_PER_HOUR
        self.ready_s = self.world.env.now + moving_s + set_up_s

    def moving_left_s(self) -> float:
        """Return how long it has yet to move, if nothing keeps it [s]."""
        left_s = self.rest_s if self.held else max(self.ready_s - self.world.env.now, 0.0)
        return left_s - self.world.stations[self.station].set_up_h * SECONDS_PER_HOUR

    def hold(self, told_s: float) -> None:
        """Be kept from now on, for a time that is said to be `told_s`."""
        if not self.held:
            self.rest_s = max(self.ready_s - self.world.env.now, 0.0)
        self.held, self.told_s = True, told_s

    def release(self) -> None:
        """Go on with what is left to do."""
        self.held, self.ready_s = False, self.world.env.now + self.rest_s

    def log(self, event: str, station: int | None = None, detail: str = "") -> None:
        """Note what happens now; without a station it is that of the vehicle."""
        self.world.log(self.index, event, self.station if station is None else station, detail)

    def _due(self) -> bool:
        return bool(self.itinerary) and self._leave_s() <= self.world.env.now

    def _leave_s(self) -> float:
        """Return when it may leave for its next visit [s]."""
        depart_s = self.itinerary[0].depart_h * SECONDS_PER_HOUR
        return self.travel.leave_s(max(depart_s, self.world.env.now))

    def _until_due(self, *others: simpy.Event) -> Story:
        """Wait until the next visit is due, or one of `others` has happened."""
        env = self.world.env
        while not self._due() and not any(event.triggered for event in others):
            events = [self._orders, *others]
            if self.itinerary:
                events.append(env.timeout(max(self._leave_s() - env.now, 0.0)))
            yield simpy.AnyOf(env, events)

    def _disconnect(self) -> None:
        self.settle()
        self.storage.cut_off()
