"""A train on the line: segment by segment, each asked for when it is reached.

A train holds nothing but the segment it runs on, and a node holds any number of trains. So nobody
waits for a train that waits itself, and trains cannot block each other for good: two that face each
other on single track meet at a node, where one of them waits until the other is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import simpy

from sim.control import VehicleStatus
from sim.system.stations import Station
from sim.uncertainty.railway import RailConditions
from sim.units import SECONDS_PER_HOUR
from sim.world.clock import Order, Tick
from sim.world.onboard_battery import OnboardBattery
from sim.world.vehicle import DELAY_S, Interruption, Story, Vehicle


class Span(NamedTuple):
    """One segment that a train has run over.

    It asked for the segment at `ask_s`, entered it at `enter_s` and reached the other end at
    `arrive_s` [s]; without delay it would have taken `running_s`.
    """

    vehicle: int
    from_node: int
    to_node: int
    ask_s: float
    enter_s: float
    arrive_s: float
    running_s: float


@dataclass(slots=True, kw_only=True)
class Running:
    """How a train moves, and where it is; a `sim.world.vehicle.Travel`.

    Attributes
    ----------
    railway
        The network and the delays of the day.
    stations
        The stations.
    track
        One resource per segment.
    turn
        Its place among those who ask for a segment at one moment, in [0, 1).
    node
        Where it stands, or which node it left last.
    ahead
        Segments between it and its destination, the one it runs on included.
    on_line, waiting
        Whether it runs on the first of them, or waits for it.
    spans
        Takes the segments behind it; those of all trains come in order of arrival.
    """

    railway: RailConditions
    stations: tuple[Station, ...]
    track: tuple[simpy.PriorityResource, ...]
    turn: float
    node: int
    ahead: tuple[int, ...] = ()
    on_line: bool = False
    waiting: bool = False
    spans: list[Span]

    def leave_s(self, time_s: float) -> float:
        """Return the first slot at or after a moment [s]."""
        return self.railway.next_slot_s(time_s)

    def hindrance(self, vehicle: Vehicle, destination: int) -> str:  # noqa: ARG002 - no battery needed
        """Return why it cannot set out for a station now, empty if it can."""
        return "unreachable" if self._way(destination) is None else ""

    def free_s(self, destination: int) -> float:
        """Return the running time to a station [s]."""
        return self._running_s(self._way(destination) or ())

    def go(self, vehicle: Vehicle, destination: int) -> Story:
        """Run to a station; what is on the track decides when, never by which way."""
        self.ahead = self._way(destination) or ()
        vehicle.expect(self._running_s(self.ahead))
        while self.ahead:
            try:
                yield from self._run(vehicle, self.ahead[0])
            except simpy.Interrupt as interrupt:  # while it waited; it asks again afterwards
                yield from vehicle.stand_still(Interruption.of(interrupt))
                vehicle.turn(VehicleStatus.DRIVING)

    def settle(self, storage: OnboardBattery, start_s: float, now_s: float) -> None:
        """Book time under way, and time spent waiting for other trains."""
        hours = (now_s - start_s) / SECONDS_PER_HOUR
        storage.meter.travel_h += hours
        if self.waiting:
            storage.meter.track_wait_h += hours

    def position_km(self, vehicle: Vehicle) -> tuple[float, float]:
        """Return where it is on the map [km]; a late train stands before the end of its segment."""
        rails = self.railway.rails
        x, y = float(rails.x_km[self.node]), float(rails.y_km[self.node])
        if not self.on_line:
            return x, y
        segment = self.ahead[0]
        left_s = vehicle.moving_left_s() - self._running_s(self.ahead[1:])
        share = 1 - min(max(left_s / self.railway.running_s(segment), 0.0), 1.0)
        end = rails.other_end(segment, self.node)
        return (
            x + share * (float(rails.x_km[end]) - x),
            y + share * (float(rails.y_km[end]) - y),
        )

    def _run(self, vehicle: Vehicle, segment: int) -> Story:
        """Wait for a segment and run over it."""
        env, rails = vehicle.world.env, self.railway.rails
        ask_s = env.now
        # Those who ask at one moment take turns by vehicle, after all that happens at that moment.
        yield Tick(env, 0, Order.TRACK + self.turn)
        with self.track[segment].request(
            priority=(ask_s, vehicle.index)  # type: ignore[arg-type]
        ) as granted:
            if not granted.triggered:
                yield from self._wait(vehicle, segment, granted)
            end = rails.other_end(segment, self.node)
            enter_s, running_s = env.now, self.railway.running_s(segment)
            vehicle.settle()
            vehicle.storage.meter.spans += 1
            self.on_line = True
            vehicle.expect(self._running_s(self.ahead))
            yield from vehicle.pause(running_s)
            yield from self._lose(vehicle, self.railway.delay_s(segment, enter_s))
            vehicle.settle()
            self.on_line = False
            self.ahead = self.ahead[1:]
            span = Span(vehicle.index, self.node, end, ask_s, enter_s, env.now, running_s)
            self.spans.append(span)
            self.node = end

    def _wait(self, vehicle: Vehicle, segment: int, granted: simpy.Event) -> Story:
        """Wait in the node until the segment is free."""
        vehicle.settle()
        vehicle.storage.meter.track_waits += 1
        vehicle.log("waiting for track", detail=self.railway.rails.segment_name(segment))
        vehicle.hold(0.0)
        vehicle.world.called("delay")
        self.waiting = True
        try:
            yield granted
        finally:
            vehicle.settle()
            self.waiting = False
            vehicle.release()

    def _lose(self, vehicle: Vehicle, delay_s: float) -> Story:
        """Be late: it shows at the end of the running time, and nobody knows for how long."""
        if delay_s == 0.0:
            return
        vehicle.log("late", detail=self.railway.rails.segment_name(self.ahead[0]))
        vehicle.hold(self.railway.told_s)
        yield from vehicle.pause(min(delay_s, DELAY_S))
        if delay_s > DELAY_S:
            vehicle.world.called("delay")
            yield from vehicle.pause(delay_s - DELAY_S)
        vehicle.release()

    def _way(self, destination: int) -> tuple[int, ...] | None:
        goal = self.stations[destination].rail_node
        return None if goal is None else self.railway.rails.way(self.node, goal)

    def _running_s(self, segments: tuple[int, ...]) -> float:
        return sum(self.railway.running_s(segment) for segment in segments)
