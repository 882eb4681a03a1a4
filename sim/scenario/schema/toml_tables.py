"""Models of the tables of ``scenario.toml``; `ScenarioFile` is the whole file.

Everything is named; indices appear only after the names are resolved. Units are in the names. The
checks here concern one value each; what depends on several values is checked where the frozen
dataclasses are made (`sim.scenario.assemble`) and in `sim.scenario.references`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sim.scenario.schema.values import (
    HOURS_A_YEAR,
    LARGEST_SEED,
    MINUTES_A_DAY,
    MOST_DAYS,
    HourOfDay,
    Month,
    Name,
    NotNegative,
    Number,
    Positive,
    Table,
)
from sim.system.areas import OPERATOR, PARTIES
from sim.system.rent import RentBasis, StoredEnergyOwner
from sim.system.tariff import ImportMeter, StoredEnergy

FLAT = "flat"  # a profile that is 1 throughout, unless the record has a column of that name


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


class TariffBlock(Table):
    """``[[tariff.block]]`` or a row of the tariff's CSV: prices from an hour on, until the next.

    Attributes
    ----------
    from_h
        Hour of the day from which the prices hold, until the next block [h].
    import_usd_per_mwh
        Price of energy from upstream [USD/MWh].
    export_usd_per_mwh
        Price for energy fed upstream [USD/MWh].
    retail_usd_per_mwh
        Price that customers pay [USD/MWh].
    """

    from_h: HourOfDay
    import_usd_per_mwh: Number
    export_usd_per_mwh: Number
    retail_usd_per_mwh: Number = 0.0


class TariffTable(Table):
    """``[tariff]``: blocks, a CSV file with one block or one time stamp a row, or record columns.

    Attributes
    ----------
    file
        CSV file, in place of block: one block a row, or columns time, import_usd_per_mwh and, where
        energy is sold at another price, export_usd_per_mwh.
    import_column
        Column of the record with the price of energy from upstream [USD/MWh], in place of block.
    export_column
        Column with the price for energy fed upstream; import_column by default.
    retail_usd_per_mwh
        Price that customers pay where prices are no blocks [USD/MWh].
    feed_in_usd_per_mwh
        Paid to owners of renewables [USD/MWh].
    curtailment_usd_per_mwh
        Paid for energy that is curtailed [USD/MWh].
    lost_load_usd_per_mwh
        Value of load that is not served [USD/MWh].
    stored_usd_per_mwh
        Price of stored energy at the end of an episode, where settlement.stored_energy is change
        [USD/MWh].
    """

    block: tuple[TariffBlock, ...] = ()
    file: str | None = None
    import_column: Name | None = None
    export_column: Name | None = None
    retail_usd_per_mwh: NotNegative = 0.0
    feed_in_usd_per_mwh: NotNegative = 0.0
    curtailment_usd_per_mwh: NotNegative = 0.0
    lost_load_usd_per_mwh: NotNegative = 1000.0
    stored_usd_per_mwh: NotNegative = 0.0


class AreaTable(Table):
    """``[[area]]``: a part of the grid with its own sources, tariff and operator.

    Attributes
    ----------
    name
        Name of the area.
    sources
        Buses of the sources that feed it; every source feeds one area.
    operator
        The party that buys and sells its energy.
    tariff
        Its prices, as [tariff]; those of [tariff] where it is not given. stored_usd_per_mwh is that
        of [tariff] in all areas.
    """

    name: Name
    sources: Annotated[tuple[Name, ...], Field(min_length=1)]
    operator: Name = OPERATOR
    tariff: TariffTable | None = None


class RentTable(Table):
    """``[rent]``: the contract by which operators of areas rent vehicles.

    Attributes
    ----------
    basis
        What is paid for: see sim.system.rent.RentBasis.
    stored_energy
        To whom energy in the batteries belongs: see sim.system.rent.StoredEnergyOwner.
    """

    basis: RentBasis = RentBasis.ENERGY
    stored_energy: StoredEnergyOwner = StoredEnergyOwner.OPERATORS


class SettlementTable(Table):
    """``[settlement]``: how trade upstream and the end of an episode are settled.

    Attributes
    ----------
    import_meter
        Where trade upstream is metered: see sim.system.tariff.ImportMeter.
    stored_energy
        How energy above or below soc_terminal is booked at the end: see
        sim.system.tariff.StoredEnergy.
    peak_usd_per_mwh
        Price of buying missing energy back; by default the dearest of the tariff [USD/MWh].
    """

    import_meter: ImportMeter = ImportMeter.SLACK
    stored_energy: StoredEnergy = StoredEnergy.TARGET
    peak_usd_per_mwh: NotNegative | None = None


class PenaltiesTable(Table):
    """``[penalties]``.

    Attributes
    ----------
    voltage_usd_per_pu_h
        Weight of voltages beyond limits, summed over buses; 0 switches it off [USD/(pu h)].
    loading_usd_per_percent_h
        Weight of loadings above 100 %, summed over branches; 0 switches it off [USD/(% h)].
    """

    voltage_usd_per_pu_h: NotNegative = 0.0
    loading_usd_per_percent_h: NotNegative = 0.0


class SeriesTable(Table):
    """``[profiles.series.<name>]``: a weighted mean of columns of the profile file.

    With `peak`, it is scaled so that its largest value in the whole record is that.

    Attributes
    ----------
    columns
        Weights of columns of the profile file.
    peak
        Largest value after scaling.
    """

    columns: Annotated[dict[str, Positive], Field(min_length=1)]
    peak: Positive | None = None


class ProfilesTable(Table):
    """``[profiles]``: the record of loads and renewables, and the season a replication draws from.

    `file` is a CSV or Parquet file in the scenario's folder, or the name of a bundled record.

    Attributes
    ----------
    file
        CSV or Parquet file in the scenario's folder, or the name of a bundled record.
    months
        Months of the year that replications draw their days from.
    """

    file: str
    months: Annotated[tuple[Month, ...], Field(min_length=1)] = tuple(range(1, 13))
    series: dict[Name, SeriesTable] = Field(default_factory=dict)


class SkillTable(Table):
    """``[forecast.<kind>]``: the fields of `sim.uncertainty.model.ForecastSkill`."""

    near: Number = 0.0
    far: Number = 0.0
    growth_h: Number = 6.0


class ForecastTable(Table):
    """``[forecast]``: a kind that is left out is forecast perfectly; `error` scales all errors.

    Attributes
    ----------
    error
        Scales all forecast errors; 0 makes forecasts come true [-].
    """

    error: Annotated[float, Field(ge=0, le=100)] = 1.0
    load: SkillTable = SkillTable()
    pv: SkillTable = SkillTable()
    wind: SkillTable = SkillTable()
    price: SkillTable = SkillTable()


class TrafficTable(Table):
    """``[traffic]``: the fields of `sim.uncertainty.model.Traffic`; empty roads by default."""

    demand: Annotated[
        tuple[Annotated[float, Field(ge=0, le=100)], ...], Field(min_length=24, max_length=24)
    ] = (0.0,) * 24
    intensity: Annotated[float, Field(le=1000)] = 1.0
    sigma: Annotated[float, Field(le=3)] = 0.0
    day_share: float = 0.3
    correlation_h: Number = 1.0
    alpha: Annotated[float, Field(le=100)] = 0.15
    beta: Annotated[float, Field(le=20)] = 4.0


class DelayRow(Table):
    """A row of ``[delays] file``: what trips lose at their start from an hour on."""

    from_h: HourOfDay
    delay_min: Annotated[float, Field(ge=0, le=MINUTES_A_DAY)]


class DelaysTable(Table):
    """``[delays]``: a CSV file with one `DelayRow` a row, and its spread; none by default.

    Attributes
    ----------
    file
        CSV file with one DelayRow a row.
    sigma
        Standard deviation of the logarithm of the delay [-].
    correlation_h
        Time over which the correlation of delays falls to 1/e [h].
    """

    file: str | None = None
    sigma: Annotated[float, Field(le=3)] = 0.0
    correlation_h: Number = 1.0


class RailDelayTable(Table):
    """``[rails.delay]``: the fields of `sim.uncertainty.railway.RailDelays`; none by default."""

    probability: float = 0.0
    mean_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 0.0


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


class IncidentsTable(Table):
    """``[incidents]``: the fields of `sim.uncertainty.events.Incidents`; none by default."""

    per_day: Annotated[float, Field(le=10_000)] = 0.0
    duration_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 1.0
    capacity_loss: float = 0.5


class BreakdownsTable(Table):
    """``[breakdowns]``: the fields of `sim.uncertainty.events.Breakdowns`; none by default."""

    per_1000_km: Annotated[float, Field(le=1000)] = 0.0
    repair_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 1.0
    roadside_share: float = 0.5


class FixedOutageTable(Table):
    """An entry of `outages.fixed`: the fields of `sim.uncertainty.events.FixedOutage`."""

    line: Name
    from_h: Annotated[float, Field(ge=0, le=24 * MOST_DAYS)]
    hours: Annotated[float, Field(gt=0, le=24 * MOST_DAYS)]


class OutagesTable(Table):
    """``[outages]``: the fields of `sim.uncertainty.events.Outages`; none by default."""

    per_line_year: Annotated[float, Field(le=10_000)] = 0.0
    duration_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 1.0
    fixed: tuple[FixedOutageTable, ...] = ()


class ScaleTable(Table):
    """``[load]`` and ``[pv]``: a factor on the power of all of that kind, as installed.

    Attributes
    ----------
    scale
        Factor [-].
    """

    scale: Annotated[float, Field(ge=0, le=100)] = 1.0


class WindTable(ScaleTable):
    """``[wind]``: the factor, and how much the wind swings inside periods beyond the record.

    Attributes
    ----------
    scale
        Factor [-].
    gusts
        How much the wind swings inside periods beyond the record [-].
    """

    gusts: Annotated[float, Field(ge=0, le=1)] = 0.0


class StormTable(Table):
    """``[storm]``: the fields of `sim.uncertainty.storm.Storm`; none by default."""

    peak_h: HourOfDay = 16.0
    hours: Annotated[float, Field(ge=0, le=24)] = 0.0
    capacity_loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    pv_loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    wind_gain: Annotated[float, Field(ge=0, le=1)] = 0.0


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


class MarketTable(Table):
    """``[market]``: the fields of `sim.system.market.MarketRules`, and what replaces the tables.

    `demand_response` is the share of every load that can be moved, and by which it can change in
    an hour; `transport_usd` is paid for every span that a train moves; `line_limit_scale` scales
    the limits of all lines. Where they are not given, the tables hold.

    Attributes
    ----------
    emission_cap
        Emissions allowed in a day [lb], or none.
    demand_response
        Share of every load that can be moved, and changed in an hour [-].
    transport_usd
        Paid for every span that a train moves [USD].
    line_limit_scale
        Scales the limits of all lines [-].
    """

    emission_cap: NotNegative | Literal["none"] = "none"
    demand_response: Annotated[float, Field(ge=0, le=1)] | None = None
    transport_usd: NotNegative | None = None
    line_limit_scale: Positive = 1.0


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
