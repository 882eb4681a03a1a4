"""The contract between the world and a controller. Read this page first.

Once a period the world shows a controller an `Observation` and gets back a `Plan`::

    class Controller(Protocol):
        def start(self, system: System, rng: np.random.Generator) -> None: ...
        def decide(self, observation: Observation) -> Plan: ...

An observation is plain data: what is metered now, what is known of the vehicles, and a `Forecast`.
Nothing reachable from it is the world or the realisation, and its arrays are copies.

A plan is composed of parts; a part that is None keeps what is in force. Rows that a plan does not
reach stay in force too, so a day-ahead controller plans once and returns `Plan()` ever after.

Times are hours since the episode's start. Period ``h`` covers ``[h, h + 1) * period_h``. Power is
positive when it injects into the grid.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sim.system.system import System
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An order to drive: leave for `station` at `depart_h`.

    A vehicle stays where it is until the first visit of its itinerary is due, then drives, queues,
    sets up and exchanges power until the next one is due. A visit that is due while the vehicle
    still drives or sets up starts as soon as that is done; one that is due while it queues ends the
    queueing.

    A train leaves on the first departure slot at or after that moment (`Rails.next_slot`), and
    stays connected until then.

    Attributes
    ----------
    station
        Index of the station to go to.
    depart_h
        When to leave for it [h since the episode's start].
    """

    station: int
    depart_h: float


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvStates:
    """Electric cars at home now, in order of arrival, arrays ``(car,)``.

    Attributes
    ----------
    group
        Index into `System.evs`.
    owed_mwh
        Energy missing in the battery [MWh].
    charge_from_h
        When the car starts, or started, to charge on its own [h].
    departure_h
        Stated departure [h].
    next_trip_mwh
        Energy the next day's trips take [MWh].
    """

    group: IntArray
    owed_mwh: FloatArray
    charge_from_h: FloatArray
    departure_h: FloatArray
    next_trip_mwh: FloatArray


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """What is expected from now on, as seen at `issued_h`. Row 0 is the period that starts now.

    Powers are period means. `H` counts the periods from now to the look-ahead or the end of the
    episode, whichever is nearer.

    Attributes
    ----------
    issued_h
        When the forecast was issued [h].
    profile_mean, profile_lower, profile_upper, profile_std
        Conditional mean, 5 % and 95 % quantiles and standard deviation of the period means of
        every profile, ``(H, profile)`` [pu of the profile].
    profile_step_std
        Standard deviation of a single step's value about `profile_mean`, ``(H, profile)``: the
        error of the forecast and the ripple inside the period together.
    profile_correlation
        Correlation of the forecast errors of one profile between two leads, ``(profile, H, H)``;
        different profiles err independently.
    load_mw, load_mvar, available_mw
        Mean load and mean renewable power available, ``(H, load)`` and ``(H, generator)``.
    ev_mw
        Mean charging power of electric cars, those at home and those yet to come,
        ``(H, group)`` [MW].
    import_usd_per_mwh, export_usd_per_mwh
        Prices, known exactly, ``(H,)``.
    travel_h, travel_lower_h, travel_upper_h
        Mean, 5 % and 95 % quantile of the driving time between stations for a departure at the
        start of each period, ``(H, from station, to station)`` [h]; without queueing and set-up;
        infinite where no road leads.
    rail_h
        Mean time from an order to leave at the start of each period to the arrival by rail,
        ``(H, from station, to station)`` [h]: the wait for the slot, running times and mean delays
        of the line; not other trains in the way. Infinite where no track leads. What it is without
        delays, `System.rails` tells.
    """

    issued_h: float
    profile_mean: FloatArray
    profile_lower: FloatArray
    profile_upper: FloatArray
    profile_std: FloatArray
    profile_step_std: FloatArray
    profile_correlation: FloatArray
    load_mw: FloatArray
    load_mvar: FloatArray
    available_mw: FloatArray
    ev_mw: FloatArray
    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    travel_h: FloatArray
    travel_lower_h: FloatArray
    travel_upper_h: FloatArray
    rail_h: FloatArray

    @property
    def n_periods(self) -> int:
        """Number of periods the forecast covers."""
        return len(self.import_usd_per_mwh)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observation:
    """Everything a controller may know at `now_h`.

    Attributes
    ----------
    now_h
        Hours since the episode's start.
    period
        Index of the period that starts now.
    periods_left
        Periods until the end of the episode, this one included.
    hour_of_day
        Clock time [h], in [0, 24).
    vehicles
        State of the fleet.
    queue
        Vehicles waiting at each station, ``(station,)``.
    plugs_free
        Free plugs at each station, ``(station,)``.
    terminal_energy_mwh
        Stored energy aimed at for the end of the episode, ``(vehicle,)`` [MWh].
    load_mw, load_mvar, available_mw
        Metered means of the last step; of the forecast's row 0 before the first step,
        ``(load,)`` and ``(generator,)``.
    link_speed_kmh
        Speeds on the road links now, ``(link,)`` [km/h].
    incident
        Whether an incident takes capacity from a road link now, ``(link,)``.
    line_out
        Lines of the grid that have tripped, ``(line,)``.
    evs
        Electric cars at home.
    units
        State of the thermal units.
    shifted_mwh
        Energy moved so far today, ``(load,)`` [MWh]: positive where more was consumed than was
        asked for, and has to be given back before midnight.
    vm_pu, loading_percent
        Bus voltages ``(bus,)`` and branch loading ``(branch,)`` of the last step, for controllers
        with ``needs_voltages = True``; otherwise, and before the first step, None.
    forecast
        What is expected.
    """

    now_h: float
    period: int
    periods_left: int
    hour_of_day: float
    vehicles: VehicleStates
    queue: IntArray
    plugs_free: IntArray
    terminal_energy_mwh: FloatArray
    load_mw: FloatArray
    load_mvar: FloatArray
    available_mw: FloatArray
    link_speed_kmh: FloatArray
    incident: BoolArray
    line_out: BoolArray
    evs: EvStates
    units: UnitStates
    shifted_mwh: FloatArray
    vm_pu: FloatArray | None
    loading_percent: FloatArray | None
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetPlan:
    """Where vehicles go and what they exchange. Row 0 is the period that starts now.

    Attributes
    ----------
    visits
        The whole remaining itinerary of each vehicle, by departure; None keeps the itineraries in
        force, an entry of None keeps that vehicle's. A trip under way is always finished first.
    p_mw, q_mvar
        Power per period while connected, ``(H, vehicle)`` [MW, Mvar], positive injecting. None
        keeps the rows in force. Rows never planned are zero.
    """

    visits: tuple[tuple[Visit, ...] | None, ...] | None = None
    p_mw: FloatArray | None = None
    q_mvar: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridPlan:
    """What the grid operator orders.

    Attributes
    ----------
    generation_limit_mw
        Cap on each generator's output, ``(H, generator)`` [MW]; infinity means free. What is
        available above the cap is curtailed. Rows never planned are free.
    """

    generation_limit_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketPlan:
    """What the market has cleared. Row 0 is the period that starts now.

    A part that is None keeps what is in force.

    Units start and stop at the start of a period, and change their output at the start of a step.
    The world does as far as it may what is ordered:

    - A start or stop that breaks `min_up_h` or `min_down_h`, a stop from more than
      `ThermalUnit.edge_mw`, and a stop of the slack unit are refused: the unit stays as it is.
      Refusals are counted and stand with their reason in the table ``units``.
    - The output is brought within ``p_min_mw`` and ``p_max_mw`` and within the ramp from the end of
      the period before; in the period of a start it is at most `ThermalUnit.edge_mw`.
    - A shift is brought within the share and the ramp of the load as it turns out.

    The slack unit does not follow `unit_p_mw`: it balances what all others leave. Beyond its limits
    renewables are spilled or load is shed.

    Attributes
    ----------
    commitment
        Whether each unit is on, ``(H, unit)``. In rows never planned a unit stays as it is.
    unit_p_mw
        Output while on, ``(H, unit)`` [MW]. In rows never planned a unit stays where it is.
    shift_mw
        What each load draws beyond what it asks for, ``(H, load)`` [MW]; negative draws less. Rows
        never planned are zero. A day's sum should be zero: what was moved away and is not given
        back until midnight has not been served and is paid for at the benefit of the load; what was
        consumed in excess is worth nothing.
    lmp_usd_per_mwh
        Prices that the clearing found, ``(H, bus)`` [USD/MWh]. The world records them, nothing
        more.
    """

    commitment: BoolArray | None = None
    unit_p_mw: FloatArray | None = None
    shift_mw: FloatArray | None = None
    lmp_usd_per_mwh: FloatArray | None = None


class SolveStatus(enum.StrEnum):
    """How a decision came about.

    Attributes
    ----------
    OPTIMAL
        Solved to proven optimality (of the model stated).
    FEASIBLE
        A plan from a search that stopped at its work limit or proves nothing.
    INFEASIBLE
        The model has no solution; the plan is a fallback.
    DEADLINE
        Wall clock ended the search: the episode is not reproducible.
    FAILED
        The solver or the controller failed; the plan is a fallback.
    RULE
        A rule decided; nothing was solved.
    """

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    DEADLINE = "deadline"
    FAILED = "failed"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a decision can say of itself.

    Attributes
    ----------
    status
        How it came about.
    objective_usd
        Value of the plan in the model that was solved [USD].
    bound_usd
        Proven lower bound of that model, None where nothing is proven [USD].
    fallback
        Why a fallback was used, empty otherwise.
    figures
        Whatever else there is to say, by name with unit; the ``decisions`` table holds it as JSON.
    """

    status: SolveStatus = SolveStatus.RULE
    objective_usd: float | None = None
    bound_usd: float | None = None
    fallback: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """Return (objective - bound) / max(|objective|, 1e-9), None where nothing is proven [-]."""
        if self.objective_usd is None or self.bound_usd is None:
            return None
        return (self.objective_usd - self.bound_usd) / max(abs(self.objective_usd), 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A decision, composed of parts; None keeps what is in force.

    Attributes
    ----------
    fleet
        Itineraries and power of the vehicles.
    grid
        Orders to generators.
    market
        Orders to thermal units and loads, and prices.
    outcome
        How the decision came about.
    """

    fleet: FleetPlan | None = None
    grid: GridPlan | None = None
    market: MarketPlan | None = None
    outcome: Outcome = Outcome()


class Controller(Protocol):
    """What every controller does.

    A controller may declare class attributes: ``Parameters``, a frozen dataclass that its
    constructor takes as only argument (``--set controller.<field>=...`` fills it);
    ``needs_voltages = True`` to see the voltages of the last step (costs a power flow each step);
    ``clairvoyant = True`` to get exact forecasts; ``requires``, names of `System.features` without
    which it is refused. One that names a way on which vehicles move (``roads``, ``rail``) is also
    refused where vehicles move on the other.
    """

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare for an episode.

        Parameters
        ----------
        system
            What exists.
        rng
            The controller's own random stream; the only randomness it may use.
        """

    def decide(self, observation: Observation) -> Plan:
        """Return the plan from now on.

        Called once a period. An exception or an invalid plan is recorded, and the plan in force
        stays in force.
        """
