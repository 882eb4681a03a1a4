"""What the files of a scenario folder may say: ``scenario.toml`` and the rows of the CSV tables.

Everything is named; indices appear only after the names are resolved. Units are in the names. The
checks here concern one value each; what depends on several values is checked where the frozen
dataclasses are made (`sim.scenario.assemble`) and in `sim.scenario.references`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sim.system.market import MarketUncertainty
from sim.system.tariff import ImportMeter

# Beyond these bounds a value is a slip of the pen; and products of several stay finite.
LARGEST = 1e9
LONGEST_NAME = 200
MOST_DAYS = 3660
HOURS_A_YEAR = 8784
MINUTES_A_DAY = 1440
LARGEST_SEED = 2**63 - 1

# Control characters would reach terminals and file names.
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST)]
HourOfDay = Annotated[float, Field(ge=0, lt=24)]
Month = Annotated[int, Field(ge=1, le=12)]
Kind = Literal["pv", "wind"]


class Table(BaseModel):
    """A table of the TOML file or a row of a CSV file: unknown keys and NaN are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# ---- scenario.toml ------------------------------------------------------------------------------


class TimingTable(Table):
    """``[timing]``: the episode lasts `days` whole days, or `hours` where that is given."""

    step_min: Annotated[float, Field(ge=1 / 60, le=MINUTES_A_DAY)] = 15
    period_min: Annotated[float, Field(ge=1 / 60, le=7 * MINUTES_A_DAY)] = 60
    horizon_h: Annotated[float, Field(gt=0, le=HOURS_A_YEAR)] = 24
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 1
    hours: Annotated[float, Field(gt=0, le=24 * MOST_DAYS)] | None = None


class SourceTable(Table):
    """``[[grid.source]]``: a bus whose voltage the upstream grid holds."""

    bus: Name
    vm_pu: Annotated[float, Field(gt=0, le=2)] = 1.0


class GridTable(Table):
    """``[grid]``: sources, and the voltage limits of buses that give none of their own.

    A grid that a thermal unit balances has no source; all others need one.
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
    """``[[tariff.block]]`` or a row of the tariff's CSV: prices from an hour on, until the next."""

    from_h: HourOfDay
    import_usd_per_mwh: Number
    export_usd_per_mwh: Number
    retail_usd_per_mwh: Number = 0.0


class TariffTable(Table):
    """``[tariff]``: blocks, or a CSV file with one block a row."""

    block: tuple[TariffBlock, ...] = ()
    file: str | None = None
    feed_in_usd_per_mwh: NotNegative = 0.0
    curtailment_usd_per_mwh: NotNegative = 0.0
    lost_load_usd_per_mwh: NotNegative = 1000.0
    stored_usd_per_mwh: NotNegative = 0.0


class SettlementTable(Table):
    """``[settlement]``: how trade with the upstream grid is settled."""

    import_meter: ImportMeter = ImportMeter.SLACK


class PenaltiesTable(Table):
    """``[penalties]``."""

    voltage_usd_per_pu_h: NotNegative = 0.0
    loading_usd_per_percent_h: NotNegative = 0.0


class SeriesTable(Table):
    """``[profiles.series.<name>]``: a weighted mean of columns of the profile file.

    With `peak`, it is scaled so that its largest value in the whole record is that.
    """

    columns: Annotated[dict[str, Positive], Field(min_length=1)]
    peak: Positive | None = None


class ProfilesTable(Table):
    """``[profiles]``: the record of loads and renewables, and the season a replication draws from.

    `file` is a CSV or Parquet file in the scenario's folder, or the name of a bundled record.
    """

    file: str
    months: Annotated[tuple[Month, ...], Field(min_length=1)] = tuple(range(1, 13))
    series: dict[Name, SeriesTable] = {}


class SkillTable(Table):
    """``[forecast.<kind>]``: the fields of `sim.uncertainty.model.ForecastSkill`."""

    near: Number = 0.0
    far: Number = 0.0
    growth_h: Number = 6.0


class ForecastTable(Table):
    """``[forecast]``: a kind that is left out is forecast perfectly; `error` scales all errors."""

    error: Annotated[float, Field(ge=0, le=100)] = 1.0
    load: SkillTable = SkillTable()
    pv: SkillTable = SkillTable()
    wind: SkillTable = SkillTable()


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
    """``[delays]``: a CSV file with one `DelayRow` a row, and its spread; none by default."""

    file: str | None = None
    sigma: Annotated[float, Field(le=3)] = 0.0
    correlation_h: Number = 1.0


class RailDelayTable(Table):
    """``[rails.delay]``: the fields of `sim.uncertainty.railway.RailDelays`; none by default."""

    probability: float = 0.0
    mean_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 0.0


class RailsTable(Table):
    """``[rails]``: departure slots, what a train pays for a segment of track, and delays."""

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
    """``[load]`` and ``[pv]``: a factor on the power of all of that kind, as installed."""

    scale: Annotated[float, Field(ge=0, le=100)] = 1.0


class WindTable(ScaleTable):
    """``[wind]``: the factor, and how much the wind swings inside periods beyond the record."""

    gusts: Annotated[float, Field(ge=0, le=1)] = 0.0


class StormTable(Table):
    """``[storm]``: the fields of `sim.uncertainty.storm.Storm`; none by default."""

    peak_h: HourOfDay = 16.0
    hours: Annotated[float, Field(ge=0, le=24)] = 0.0
    capacity_loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    pv_loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    wind_gain: Annotated[float, Field(ge=0, le=1)] = 0.0


class EvTable(Table):
    """``[[ev]]``: a group of equal electric cars behind one bus."""

    name: Name
    bus: Name
    count: Annotated[int, Field(ge=0, le=1_000_000)]
    p_kw: Positive
    energy_kwh: Positive
    kwh_per_km: Positive
    efficiency_charge: float = 1.0
    back_off_h: float = 0.0


class EvHabitsTable(Table):
    """``[ev_habits]``: the fields of `sim.uncertainty.evs.EvHabits`."""

    distance_mu: Annotated[float, Field(ge=-10, le=10)] = 3.019
    distance_sigma: Annotated[float, Field(gt=0, le=5)] = 1.123
    arrival_shape: Annotated[float, Field(ge=0.5, le=50)] = 5.427
    arrival_scale_h: Annotated[float, Field(ge=4, le=28)] = 18.618
    departure_h: HourOfDay = 7.0
    departure_sigma_h: Annotated[float, Field(ge=0, le=12)] = 1.0


class MarketTable(Table):
    """``[market]``: the fields of `sim.system.market.MarketRules`, and what replaces the tables.

    `demand_response` is the share of every load that can be moved, and by which it can change in
    an hour; `transport_usd` is paid for every span that a train moves; `line_limit_scale` scales
    the limits of all lines. Where they are not given, the tables hold.
    """

    uncertainty: MarketUncertainty = MarketUncertainty.NONE
    info_gap_beta: Annotated[float, Field(ge=0, le=1)] = 0.01
    emission_cap: NotNegative | Literal["none"] = "none"
    demand_response: Annotated[float, Field(ge=0, le=1)] | None = None
    transport_usd: NotNegative | None = None
    line_limit_scale: Positive = 1.0


class ScenarioFile(Table):
    """``scenario.toml``.

    `fleet` is ``train`` for the trains as they are, ``none`` for no trains, or ``fixed:`` with a
    station's name for trains that stand there for good.

    With `uncertainty` off, every replication lives the first day of the season, forecasts come
    true, and nothing goes wrong on roads, rails and lines; only electric cars still differ from
    replication to replication.
    """

    title: Name
    description: Annotated[str, StringConstraints(max_length=10_000)] = ""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 1
    uncertainty: Literal["on", "off"] = "on"
    fleet: Name = "train"
    timing: TimingTable = TimingTable()
    grid: GridTable = GridTable()
    battery: dict[Name, BatteryTable] = {}
    tariff: TariffTable
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


# ---- rows of the CSV tables ---------------------------------------------------------------------


class BusRow(Table):
    """A row of ``buses.csv``."""

    name: Name
    vn_kv: Positive
    x_km: Number = 0.0
    y_km: Number = 0.0
    v_min_pu: Positive | None = None
    v_max_pu: Positive | None = None


class LineRow(Table):
    """A row of ``lines.csv``; either `max_i_ka` or `limit_mva` limits the line."""

    name: Name
    from_bus: Name
    to_bus: Name
    length_km: Positive
    r_ohm_per_km: NotNegative
    x_ohm_per_km: NotNegative
    c_nf_per_km: NotNegative = 0.0
    max_i_ka: Positive | None = None
    limit_mva: Positive | None = None
    from_closed: bool = True
    to_closed: bool = True


class TransformerRow(Table):
    """A row of ``transformers.csv``; rated voltages with the tap position already applied."""

    name: Name
    hv_bus: Name
    lv_bus: Name
    sn_mva: Positive
    vn_hv_kv: Positive
    vn_lv_kv: Positive
    vk_percent: Positive
    vkr_percent: NotNegative
    pfe_kw: NotNegative = 0.0
    i0_percent: NotNegative = 0.0
    hv_closed: bool = True
    lv_closed: bool = True


class LoadRow(Table):
    """A row of ``loads.csv``; a bus may have several loads."""

    name: Name
    bus: Name
    p_mw: NotNegative
    q_mvar: Number
    profile: Name
    benefit_usd_per_mwh: NotNegative = 0.0
    shiftable: Annotated[float, Field(ge=0, le=1)] = 0.0
    shift_ramp_per_h: NotNegative = 1.0


class UnitRow(Table):
    """A row of ``units.csv``: the fields of `ThermalUnit`; no ramp is no limit."""

    name: Name
    bus: Name
    p_min_mw: NotNegative
    p_max_mw: Positive
    no_load_usd_per_h: Number = 0.0
    linear_usd_per_mwh: Number = 0.0
    quadratic_usd_per_mw2h: Number = 0.0
    ramp_mw_per_h: Number | None = None
    min_up_h: Number = 0.0
    min_down_h: Number = 0.0
    start_up_usd: Number = 0.0
    shut_down_usd: Number = 0.0
    initially_on: bool = True
    initial_h: Number = 0.0
    initial_mw: Number | None = None
    emission_lb_per_mwh: Number = 0.0
    emission_lb_per_start: Number = 0.0
    vm_pu: Annotated[float, Field(gt=0, le=2)] = 1.0
    slack: bool = False


class GeneratorRow(Table):
    """A row of ``generators.csv``."""

    name: Name
    kind: Kind
    bus: Name
    p_mw: NotNegative
    profile: Name


class RoadNodeRow(Table):
    """A row of ``road_nodes.csv``."""

    name: Name
    x_km: Number
    y_km: Number


class RoadLinkRow(Table):
    """A row of ``road_links.csv``."""

    from_node: Name
    to_node: Name
    length_km: Annotated[float, Field(gt=0, le=20_000)]
    free_speed_kmh: Annotated[float, Field(ge=1, le=1000)]
    capacity_veh_h: Positive
    two_way: bool = True


class RailNodeRow(Table):
    """A row of ``rail_nodes.csv``: a station, a junction, or a virtual station in a long leg."""

    name: Name
    x_km: Number
    y_km: Number


class RailTrackRow(Table):
    """A row of ``rail_tracks.csv``: a segment between two nodes, used in both directions."""

    from_node: Name
    to_node: Name
    running_h: Annotated[float, Field(ge=1 / 3600, le=HOURS_A_YEAR)]  # not below a second
    tracks: Annotated[int, Field(ge=1, le=100)] = 1


class StationRow(Table):
    """A row of ``stations.csv``; reached by road, by rail, or by both."""

    name: Name
    bus: Name
    road_node: Name | None = None
    rail_node: Name | None = None
    plugs: Annotated[int, Field(ge=1, le=1000)] = 1
    set_up_min: Annotated[float, Field(ge=0, le=MINUTES_A_DAY)] = 0.0


class VehicleRow(Table):
    """A row of ``vehicles.csv``; `battery` names a ``[battery.<type>]`` of the TOML file."""

    name: Name
    battery: Name
    initial_station: Name
    usd_per_km: NotNegative = 0.0
    labour_usd_per_h: NotNegative = 0.0
    shift_h: Annotated[float, Field(ge=0, le=24)] = 0.0
    usd_per_trip: NotNegative = 0.0
    trips_per_day: Annotated[int, Field(ge=0, le=10_000)] | None = None
    kwh_per_km: NotNegative = 0.0


class TrainRow(Table):
    """A row of ``trains.csv``; `battery` names the ``[battery.<type>]`` of one wagon."""

    name: Name
    battery: Name
    wagons: Annotated[int, Field(ge=1, le=1000)] = 1
    initial_station: Name
    trips_per_day: Annotated[int, Field(ge=0, le=10_000)] | None = None
