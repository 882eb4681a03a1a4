"""Row models of the CSV tables."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.scenario.schema.values import (
    HOURS_A_YEAR,
    MINUTES_A_DAY,
    Kind,
    Name,
    Normal,
    NotNegative,
    Number,
    Positive,
    Table,
)
from sim.system.areas import FLEET


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
    """A row of ``road_links.csv``; `alpha` and `beta` are those of ``[traffic]`` if not given."""

    from_node: Name
    to_node: Name
    length_km: Annotated[float, Field(gt=0, le=20_000)]
    free_speed_kmh: Annotated[float, Field(ge=0.1, le=1000)]
    capacity_veh_h: Positive
    two_way: bool = True
    alpha: Annotated[Normal, Field(ge=0, le=100)] | None = Field(
        default=None, exclude_if=lambda alpha: alpha is None
    )
    beta: Annotated[Normal, Field(ge=0, le=20)] | None = Field(
        default=None, exclude_if=lambda beta: beta is None
    )


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
    terminal_station: Name | None = None
    owner: Name = Field(default=FLEET, exclude_if=lambda owner: owner == FLEET)


class TrainRow(Table):
    """A row of ``trains.csv``; `battery` names the ``[battery.<type>]`` of one wagon."""

    name: Name
    battery: Name
    wagons: Annotated[int, Field(ge=1, le=1000)] = 1
    initial_station: Name
    trips_per_day: Annotated[int, Field(ge=0, le=10_000)] | None = None
    terminal_station: Name | None = None
    owner: Name = Field(default=FLEET, exclude_if=lambda owner: owner == FLEET)
