"""Models of the tables of ``scenario.toml``; `ScenarioFile` is the whole file.

Everything is named; indices appear only after the names are resolved. Units are in the names. The
checks here concern one value each; what depends on several values is checked where the frozen
dataclasses are made (`sim.scenario.assemble`) and in `sim.scenario.references`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sim.scenario.schema.money_tables import (
    AreaTable,
    MarketTable,
    PenaltiesTable,
    RentTable,
    SettlementTable,
    TariffTable,
)
from sim.scenario.schema.uncertain_tables import (
    BreakdownsTable,
    DelaysTable,
    ForecastTable,
    IncidentsTable,
    OutagesTable,
    ProfilesTable,
    RailDelayTable,
    ScaleTable,
    StormTable,
    TrafficTable,
    WindTable,
)
from sim.scenario.schema.values import (
    HOURS_A_YEAR,
    LARGEST_SEED,
    MINUTES_A_DAY,
    MOST_DAYS,
    HourOfDay,
    Name,
    NotNegative,
    Number,
    Positive,
    Table,
)
from sim.system.areas import PARTIES


class TimingTable(Table):
    """``[timing]``: the episode lasts `days` whole days, or `hours` where that is given.

    Attributes
    ----------
    step_min
        Step of the physics and the meters [min].
    period_min
        Time between decisions; a whole number of steps [min].
    horizon_h
        How far controllers look ahead [h].
    days
        Length of an episode [days].
    hours
        Length of an episode, in place of days [h].
    """

    step_min: Annotated[float, Field(ge=1 / 60, le=MINUTES_A_DAY)] = 15
    period_min: Annotated[float, Field(ge=1 / 60, le=7 * MINUTES_A_DAY)] = 60
    horizon_h: Annotated[float, Field(gt=0, le=HOURS_A_YEAR)] = 24
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 1
    hours: Annotated[float, Field(gt=0, le=24 * MOST_DAYS)] | None = None


class SourceTable(Table):
    """``[[grid.source]]``: a bus whose voltage the upstream grid holds.

    Attributes
    ----------
    bus
        Bus whose voltage the upstream grid holds.
    vm_pu
        At which voltage [pu].
    """

    bus: Name
    vm_pu: Annotated[float, Field(gt=0, le=2)] = 1.0


class GridTable(Table):
    """``[grid]``: sources, and the voltage limits of buses that give none of their own.

    A grid that a thermal unit balances has no source; all others need one.

    Attributes
    ----------
    v_min_pu
        Lower limit of voltages [pu].
    v_max_pu
        Upper limit of voltages [pu].
    """

    source: tuple[SourceTable, ...] = ()
    v_min_pu: Positive = 0.95
    v_max_pu: Positive = 1.05


class BatteryTable(Table):
    """``[battery.<type>]``: the fields of `sim.system.battery.Battery`."""

    energy_mwh: Number
    p_charge_max_mw: Number
    p_discharge_max_mw: Number
    s_mva: Number
    efficiency_charge: Number = 1.0
    efficiency_discharge: Number = 1.0
    soc_min: Number = 0.0
    soc_max: Number = 1.0
    soc_initial: Number = 0.5
    soc_terminal: Number = 0.5
    self_discharge_per_h: Number = 0.0
    auxiliary_mw: Number = 0.0
    wear_usd_per_mwh: Number = 0.0
    charging_usd_per_mwh: Number = 0.0
    cycles_per_day: NotNegative | None = None


class RailsTable(Table):
    """``[rails]``: departure slots, what a train pays for a segment of track, and delays.

    Attributes
    ----------
    slot_h
        Time between two departure slots [h].
    usd_per_span
        Paid for every segment of track [USD].
    """

    slot_h: Annotated[float, Field(ge=1 / 60, le=HOURS_A_YEAR)] = 1.0
    usd_per_span: NotNegative = 0.0
    delay: RailDelayTable = RailDelayTable()


class EvTable(Table):
    """``[[ev]]``: a group of equal electric cars behind one bus; `sim.system.evs.EvGroup`.

    Attributes
    ----------
    name
        Name of the group.
    bus
        Bus behind which it is.
    count
        Number of cars.
    p_kw
        Charging power of a car [kW].
    energy_kwh
        Capacity of a car [kWh].
    kwh_per_km
        Consumption [kWh/km].
    efficiency_charge
        Stored over drawn [-].
    back_off_h
        How long cars without orders wait after coming home [h].
    p_discharge_kw
        Power that a car can feed in; 0 for none [kW].
    efficiency_discharge
        Delivered over released; by default that of charging [-].
    wear_usd_per_mwh
        Cost of ageing per MWh that is fed in [USD/MWh].
    orderable
        Whether controllers may order the group.
    owner
        Who pays and is paid.
    """

    name: Name
    bus: Name
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    p_kw: Positive
    energy_kwh: Positive
    kwh_per_km: Positive
    efficiency_charge: float = 1.0
    back_off_h: float = 0.0
    charge_from_h: float = 0.0
    p_discharge_kw: NotNegative = 0.0
    efficiency_discharge: float | None = None
    wear_usd_per_mwh: NotNegative = 0.0
    orderable: bool = True
    owner: Name = "customers"


class EvHabitsTable(Table):
    """``[ev_habits]``: the fields of `sim.uncertainty.evs.EvHabits`."""

    distance_mu: Annotated[float, Field(ge=-10, le=10)] = 3.019
    distance_sigma: Annotated[float, Field(gt=0, le=5)] = 1.123
    arrival_shape: Annotated[float, Field(ge=0.5, le=50)] = 5.427
    arrival_scale_h: Annotated[float, Field(ge=4, le=28)] = 18.618
    departure_h: HourOfDay = 7.0
    departure_sigma_h: Annotated[float, Field(ge=0, le=12)] = 1.0
    departure_error_h: Annotated[float, Field(ge=0, le=12)] = 0.0


class ScenarioFile(Table):
    """``scenario.toml``.

    `fleet` is ``train`` for the trains as they are, ``none`` for no trains, or ``fixed:`` with a
    station's name for trains that stand there for good.

    With `uncertainty` off, every replication runs on the first day of the season, forecasts come
    true, and nothing goes wrong on roads, rails and lines; only electric cars still differ from
    replication to replication.

    Attributes
    ----------
    title
        One line for people.
    description
        More for people.
    seed
        Root of all randomness, unless the user gives another.
    uncertainty
        on or off; see above.
    fleet
        train, none, or fixed:STATION; see above.
    parties
        Those for whom the system is planned: operators of areas, owners of vehicles and of cars.
    area
        Areas with their own sources, tariffs and operators; the whole grid is one if there is none.
    rent
        Contract of rent; without it vehicles are not rented.
    """

    title: Name
    description: Annotated[str, StringConstraints(max_length=10_000)] = ""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 1
    uncertainty: Literal["on", "off"] = "on"
    fleet: Name = "train"
    parties: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        default=PARTIES, exclude_if=lambda parties: parties == PARTIES
    )
    timing: TimingTable = TimingTable()
    grid: GridTable = GridTable()
    battery: dict[Name, BatteryTable] = Field(default_factory=dict)
    tariff: TariffTable
    area: tuple[AreaTable, ...] = Field(default=(), exclude_if=lambda areas: not areas)
    rent: RentTable | None = Field(default=None, exclude_if=lambda rent: rent is None)
    settlement: SettlementTable = SettlementTable()
    penalties: PenaltiesTable = PenaltiesTable()
    profiles: ProfilesTable
    forecast: ForecastTable = ForecastTable()
    traffic: TrafficTable = TrafficTable()
    delays: DelaysTable = DelaysTable()
    rails: RailsTable = RailsTable()
    market: MarketTable = MarketTable()
    incidents: IncidentsTable = IncidentsTable()
    breakdowns: BreakdownsTable = BreakdownsTable()
    outages: OutagesTable = OutagesTable()
    load: ScaleTable = ScaleTable()
    pv: ScaleTable = ScaleTable()
    wind: WindTable = WindTable()
    storm: StormTable = StormTable()
    ev: tuple[EvTable, ...] = ()
    ev_habits: EvHabitsTable = EvHabitsTable()

    def of_area(self, area: AreaTable) -> ScenarioFile:
        """Return the file with the tariff of an area as that of the whole grid."""
        return self if area.tariff is None else self.model_copy(update={"tariff": area.tariff})
