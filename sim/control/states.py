"""What is known of vehicles, cars and units now."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from sim.control.plan import Visit
from sim.units import BoolArray, FloatArray, IntArray


class VehicleStatus(enum.IntEnum):
    """What a vehicle is doing.

    Attributes
    ----------
    DRIVING
        On the road or on rails towards `VehicleStates.station`, waiting for a free track included.
    QUEUEING
        At the station, waiting for a free plug.
    SETTING_UP
        At the station, plug in hand, not yet connected.
    CONNECTED
        At the station, exchanging power as ordered.
    BROKEN
        Interrupted: it stands still, wherever it is, until it is repaired.
    """

    DRIVING = 0
    QUEUEING = 1
    SETTING_UP = 2
    CONNECTED = 3
    BROKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VehicleStates:
    """State of the fleet now, arrays ``(vehicle,)``.

    Attributes
    ----------
    status
        `VehicleStatus` codes.
    station
        Station where the vehicle stands, or to which it drives.
    ready_h
        When it is, or is expected to be, connected [h]; now or earlier where it is connected. Made
        of what is known now: speeds on the road ahead, running times of the track ahead, the
        set-up, what is told about a repair and about the rest of a delay that has begun; no
        queueing, no delays to come.
    energy_mwh
        Stored energy [MWh].
    p_mw, q_mvar
        Power exchanged at this moment [MW, Mvar].
    itinerary
        Visits in force that have not been started, per vehicle, in order.
    trips_today, throughput_today_mwh
        Departures, and energy charged plus discharged at the grid side [MWh], since midnight; the
        world allows no more than `Truck.trips_per_day` and `Battery.throughput_per_day_mwh`.
    charge_left_mwh, discharge_left_mwh
        What the budget of the visit leaves to be charged and discharged [MWh]; infinite where it
        has none.
    """

    status: IntArray
    station: IntArray
    ready_h: FloatArray
    energy_mwh: FloatArray
    p_mw: FloatArray
    q_mvar: FloatArray
    itinerary: tuple[tuple[Visit, ...], ...]
    trips_today: IntArray
    throughput_today_mwh: FloatArray
    charge_left_mwh: FloatArray
    discharge_left_mwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvStates:
    """Electric cars at home now, in order of arrival, arrays ``(car,)``.

    Attributes
    ----------
    group, car
        Which car it is: index into `System.evs`, and number in the group.
    energy_mwh, owed_mwh
        Energy in the battery, and missing in it [MWh].
    charge_from_h
        When the car starts, or started, to charge on its own [h].
    departure_h
        Stated departure [h]; the car may leave earlier or later.
    next_trip_mwh
        Energy the next day's trips take [MWh].
    charge_max_mw, discharge_max_mw
        Largest charging and discharging power at the grid side, neither negative [MW].
    laxity_h
        How long the car could wait before it has to charge at full power to have the energy of its
        next trip at the stated departure [h]; negative where it cannot have it any more.
    """

    group: IntArray
    car: IntArray
    energy_mwh: FloatArray
    owed_mwh: FloatArray
    charge_from_h: FloatArray
    departure_h: FloatArray
    next_trip_mwh: FloatArray
    charge_max_mw: FloatArray
    discharge_max_mw: FloatArray
    laxity_h: FloatArray

    def copy(self) -> EvStates:
        """Return the same in arrays of their own."""
        return EvStates(
            group=self.group.copy(),
            car=self.car.copy(),
            energy_mwh=self.energy_mwh.copy(),
            owed_mwh=self.owed_mwh.copy(),
            charge_from_h=self.charge_from_h.copy(),
            departure_h=self.departure_h.copy(),
            next_trip_mwh=self.next_trip_mwh.copy(),
            charge_max_mw=self.charge_max_mw.copy(),
            discharge_max_mw=self.discharge_max_mw.copy(),
            laxity_h=self.laxity_h.copy(),
        )

    @classmethod
    def none(cls) -> EvStates:
        """Return the states of no cars."""
        nothing, nobody = np.empty(0), np.empty(0, dtype=np.int64)
        return cls(
            group=nobody,
            car=nobody,
            energy_mwh=nothing,
            owed_mwh=nothing,
            charge_from_h=nothing,
            departure_h=nothing,
            next_trip_mwh=nothing,
            charge_max_mw=nothing,
            discharge_max_mw=nothing,
            laxity_h=nothing,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitStates:
    """State of the thermal units now, arrays ``(unit,)``.

    Attributes
    ----------
    on
        Whether it is on.
    hours_in_state
        For how long it has been on, or off [h].
    p_mw
        Output of the last step [MW]; before the first step that of `ThermalUnit.initial_mw`, NaN
        where it is not known. That of the slack unit is what it balanced, not what was planned.
    """

    on: BoolArray
    hours_in_state: FloatArray
    p_mw: FloatArray
