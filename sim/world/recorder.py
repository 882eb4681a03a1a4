"""The recorder: meter readings, events and decisions, as they happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.control import Plan
from sim.electrical.meters import StationExchange, as_floats
from sim.errors import printable
from sim.system.system import System
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray
from sim.world.cars.fleet import EvMeter
from sim.world.outcomes import figures_text
from sim.world.plan_hash import hash_of_orders
from sim.world.rail import Span
from sim.world.vehicle import Vehicle
from sim.world.vehicle_meter import Metering


class Reading(NamedTuple):
    """One vehicle over one step: amounts of the step, state at its end; see `Metering`."""

    charged_mwh: float
    discharged_mwh: float
    standing_mwh: float
    traction_mwh: float
    departures: float
    distance_km: float
    travel_h: float
    queue_h: float
    repair_h: float
    spans: float
    track_waits: float
    track_wait_h: float
    energy_mwh: float
    status: float
    station: float
    x_km: float
    y_km: float


class Event(NamedTuple):
    """Something a vehicle did."""

    time_h: float
    vehicle: str
    event: str
    station: str
    detail: str


class Decision(NamedTuple):
    """What a decision said of itself; `trigger` is what called for it between the periods."""

    time_h: float
    period: int
    status: str
    objective_usd: float
    bound_usd: float
    gap: float
    fallback: str
    clipped_mwh: float
    orders: str
    figures: str
    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RentReadings:
    """What rent is paid for.

    Attributes
    ----------
    price
        In force as each step began, ``(step, area)`` [USD/MWh or USD/h].
    connected_h, charged_mwh, discharged_mwh
        Use of each area's stations, ``(step, vehicle, area)`` [h, MWh].
    """

    price: FloatArray
    connected_h: FloatArray
    charged_mwh: FloatArray
    discharged_mwh: FloatArray

    @classmethod
    def none_yet(cls, system: System) -> RentReadings:
        """Return readings to be written into."""
        n_steps, n_areas = system.timing.n_steps, len(system.areas)
        uses = np.zeros((3, n_steps, len(system.vehicles), n_areas))
        return cls(
            price=np.zeros((n_steps, n_areas)),
            connected_h=uses[0],
            charged_mwh=uses[1],
            discharged_mwh=uses[2],
        )

    def read(self, step: int, vehicle: int, meter: Metering, station_area: IntArray) -> None:
        """Take what a vehicle did in a step."""
        for station, hours in meter.connected_h.items():
            self.connected_h[step, vehicle, station_area[station]] += hours
        for station, exchange in meter.exchanges.items():
            area = station_area[station]
            self.charged_mwh[step, vehicle, area] += exchange.charged_mwh
            self.discharged_mwh[step, vehicle, area] += exchange.discharged_mwh


class Recorder:
    """Takes notes during an episode.

    Attributes
    ----------
    readings
        One `Reading` per step and vehicle, steps first.
    exchanges
        What flowed between vehicles and stations, one list per step.
    events, decisions
        In order of time.
    ev_mw
        Mean net power drawn by electric cars, ``(step, group)``; later steps are zero [MW].
    ev_exchanged_mwh, ev_stored_mwh
        Energy that cars charged plus discharged at the grid side in each step, and the energy
        stored in those at home at its end, ``(step, group)`` [MWh].
    ev_moved_mwh
        What orders left in the cars by the end of the episode, ``(group,)`` [MWh]; see
        `EvFleet.moved_mwh`.
    spans
        Segments of track that trains have run over, in order of arrival.
    rent
        What rent is paid for, None where there is no contract.
    decision_s
        Wall clock of each decision [s].
    n_steps
        Steps that are over.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._step_h = system.timing.step_h
        self.readings: list[Reading] = []
        self.exchanges: list[list[StationExchange]] = [[] for _ in range(system.timing.n_steps)]
        self.events: list[Event] = []
        self.decisions: list[Decision] = []
        self.ev_mw = np.zeros((system.timing.n_steps, len(system.evs)))
        self.ev_exchanged_mwh = np.zeros_like(self.ev_mw)
        self.ev_stored_mwh = np.zeros_like(self.ev_mw)
        self.ev_moved_mwh = np.zeros(len(system.evs))
        self.spans: list[Span] = []
        self.rent = None if system.rent is None else RentReadings.none_yet(system)
        self._station_area = system.station_area
        self.decision_s: list[float] = []
        self.n_steps = 0

    def read(self, step: int, vehicle: Vehicle) -> None:
        """Read a vehicle's meter at the end of `step`; vehicles come in order."""
        meter = vehicle.read_meter()
        step_h = self._step_h
        for station, exchange in meter.exchanges.items():
            partly = exchange.hours < step_h * (1 - 1e-9)
            self.exchanges[step].append(
                StationExchange(
                    step,
                    vehicle.index,
                    station,
                    exchange.energy_mwh / step_h,
                    exchange.reactive_mvarh / step_h,
                    max(exchange.highest_mw, 0.0) if partly else exchange.highest_mw,
                    min(exchange.lowest_mw, 0.0) if partly else exchange.lowest_mw,
                    partly or exchange.changed,
                )
            )
        if self.rent is not None:
            self.rent.read(step, vehicle.index, meter, self._station_area)
        x_km, y_km = vehicle.position_km()
        self.readings.append(
            Reading(
                meter.charged_mwh,
                meter.discharged_mwh,
                meter.standing_mwh,
                meter.traction_mwh,
                meter.departures,
                meter.distance_km,
                meter.travel_h,
                meter.queue_h,
                meter.repair_h,
                meter.spans,
                meter.track_waits,
                meter.track_wait_h,
                vehicle.storage.energy_mwh,
                vehicle.status,
                vehicle.station,
                x_km,
                y_km,
            )
        )

    def happened(self, time_s: float, vehicle: int, event: str, station: int, detail: str) -> None:
        """Note an event."""
        self.events.append(
            Event(
                time_s / SECONDS_PER_HOUR,
                self._system.vehicles[vehicle].name,
                event,
                self._system.stations[station].name,
                detail,
            )
        )

    def charged(self, step: int, meter: EvMeter) -> None:
        """Note what electric cars exchanged in a step."""
        drawn_mwh = meter.charged_mwh - meter.discharged_mwh
        self.ev_mw[step] = drawn_mwh / self._step_h
        self.ev_exchanged_mwh[step] = meter.charged_mwh + meter.discharged_mwh
        self.ev_stored_mwh[step] = meter.stored_mwh

    def decided(
        self,
        now_s: float,
        period: int,
        plan: Plan,
        clipped_mwh: float,
        seconds: float,
        trigger: str = "",
    ) -> None:
        """Note a decision, what called for it, and what was withheld from the one before it."""
        outcome = plan.outcome
        gap = outcome.gap
        if self.decisions:
            self.clipped(clipped_mwh)
        self.decisions.append(
            Decision(
                now_s / SECONDS_PER_HOUR,
                period,
                str(outcome.status),
                np.nan if outcome.objective_usd is None else outcome.objective_usd,
                np.nan if outcome.bound_usd is None else outcome.bound_usd,
                np.nan if gap is None else gap,
                printable(outcome.fallback),
                0.0,
                hash_of_orders(plan),
                figures_text(outcome.figures),
                trigger,
            )
        )
        self.decision_s.append(seconds)

    def clipped(self, energy_mwh: float) -> None:
        """Note what the guard withheld from the decision in force."""
        self.decisions[-1] = self.decisions[-1]._replace(clipped_mwh=energy_mwh)

    def table(self) -> Readings:
        """Return all readings so far as arrays."""
        n_vehicles, n_fields = len(self._system.vehicles), len(Reading._fields)
        values = as_floats(self.readings, n_fields)
        n_steps = len(self.readings) // max(n_vehicles, 1)
        evs = EvReadings(self.ev_exchanged_mwh, self.ev_stored_mwh, self.ev_moved_mwh)
        return Readings(values.reshape(n_steps, n_vehicles, n_fields), evs, self.rent)


class EvReadings(NamedTuple):
    """What meters of groups of cars said; see `Recorder`, whose names these are without ``ev``."""

    exchanged_mwh: FloatArray
    stored_mwh: FloatArray
    moved_mwh: FloatArray


class Readings:
    """Readings as arrays: ``readings["energy_mwh"]`` is ``(step, vehicle)``; all are `rows`.

    `evs` are those of electric cars, `rent` what rent is paid for, None without a contract.
    """

    def __init__(
        self, values: FloatArray, evs: EvReadings, rent: RentReadings | None = None
    ) -> None:
        self.rows = values
        self.evs = evs
        self.rent = rent

    def __getitem__(self, name: str) -> FloatArray:
        return self.rows[:, :, Reading._fields.index(name)]
