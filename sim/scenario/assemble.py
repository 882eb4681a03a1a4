"""Make the frozen dataclasses with indices from validated rows with names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from sim.plugins import suggestion
from sim.scenario.branches import floats, integers, make_lines, make_transformers
from sim.scenario.content import Content
from sim.scenario.problems import Problems
from sim.scenario.schema.money_tables import TariffBlock
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.schema.uncertain_tables import DelayRow
from sim.system.battery import Battery
from sim.system.evs import EvGroup
from sim.system.generators import Generators
from sim.system.grid import Grid
from sim.system.loads import Loads
from sim.system.roads import Roads
from sim.system.stations import Station
from sim.system.tariff import Penalties, Tariff
from sim.system.thermal_units import ThermalUnit
from sim.system.timing import Timing
from sim.system.vehicles import Truck
from sim.uncertainty.model import Delays
from sim.units import KWH_PER_MWH, FloatArray, IntArray


def make_timing(config: ScenarioFile, where: str, problems: Problems) -> Timing | None:
    """Return the time grid, None if it is not one."""
    table = config.timing
    length_h = table.hours if table.hours is not None else 24.0 * table.days
    step_s, period_s = round(60 * table.step_min), round(60 * table.period_min)
    whole = {
        "timing.step_min": (table.step_min, 60 * table.step_min, 1),
        "timing.period_min": (table.period_min, 60 * table.period_min, 1),
        "timing.horizon_h": (table.horizon_h, 3600 * table.horizon_h, max(period_s, 1)),
        "timing.hours": (length_h, 3600 * length_h, max(period_s, 1)),
    }
    before = len(problems)
    for key, (value, seconds, unit) in whole.items():
        if abs(seconds - round(seconds / unit) * unit) > 1e-6:
            what = "seconds" if unit == 1 else "periods"
            problems.add(where, key, value, f"is no whole number of {what}", "Round it")
    if len(problems) > before:
        return None
    return problems.attempt(
        lambda: Timing(
            step_s=step_s,
            period_s=period_s,
            horizon=round(3600 * table.horizon_h / period_s),
            n_periods=round(3600 * length_h / period_s),
        ),
        where=where,
        key="timing",
        value=table.model_dump(),
    )


def make_tariff(
    config: ScenarioFile,
    blocks: Sequence[TariffBlock],
    timing: Timing,
    where: str,
    problems: Problems,
) -> Tariff | None:
    """Return prices by step of the day, None if the blocks do not cover it."""
    starts_h = [block.from_h for block in blocks]
    place = _by_step(starts_h, timing, where, "tariff.block", problems)
    if place is None:
        return None
    chosen = [blocks[k] for k in place]
    return tariff_of(
        config,
        import_usd_per_mwh=floats([block.import_usd_per_mwh for block in chosen]),
        export_usd_per_mwh=floats([block.export_usd_per_mwh for block in chosen]),
        retail_usd_per_mwh=floats([block.retail_usd_per_mwh for block in chosen]),
        peak_usd_per_mwh=config.settlement.peak_usd_per_mwh,
    )


def tariff_of(config: ScenarioFile, **prices: Any) -> Tariff:
    """Return a tariff with these prices, and what the scenario states beside them."""
    return Tariff(
        **prices,
        feed_in_usd_per_mwh=config.tariff.feed_in_usd_per_mwh,
        curtailment_usd_per_mwh=config.tariff.curtailment_usd_per_mwh,
        lost_load_usd_per_mwh=config.tariff.lost_load_usd_per_mwh,
        stored_usd_per_mwh=config.tariff.stored_usd_per_mwh,
        import_meter=config.settlement.import_meter,
        stored_energy=config.settlement.stored_energy,
    )


def make_delays(
    config: ScenarioFile,
    rows: Sequence[DelayRow],
    timing: Timing,
    where: str,
    problems: Problems,
) -> Delays | None:
    """Return the delays of trips, None if the rows do not cover the day; none without a file."""
    table = config.delays
    mean_h = floats([0.0])
    if table.file is not None:
        # What keeps the table from having rows has been noted.
        starts_h = [row.from_h for row in rows]
        place = _by_step(starts_h, timing, where, "delays.file", problems) if rows else None
        if place is None:
            return None
        mean_h = floats([rows[k].delay_min / 60 for k in place])
    values = {"sigma": table.sigma, "correlation_h": table.correlation_h}
    return problems.attempt(
        partial(Delays, mean_h=mean_h, **values), where=where, key="delays", value=values
    )


def _by_step(
    starts_h: Sequence[float], timing: Timing, where: str, key: str, problems: Problems
) -> IntArray | None:
    """Return which of the blocks that start at `starts_h` holds in each step of the day.

    None if they do not cover the day, each from a step of its own on.
    """
    before = len(problems)
    if not starts_h or starts_h[0] != 0:
        remedy = "Let the first block start at from_h = 0"
        problems.add(where, key, starts_h, "does not cover the whole day", remedy)
    if any(later <= earlier for earlier, later in pairwise(starts_h)):
        remedy = "Sort by from_h, no twins"
        problems.add(where, key, starts_h, "is not in order", remedy)
    for start_h in starts_h:
        if abs(start_h / timing.step_h - round(start_h / timing.step_h)) > 1e-9:
            problems.add(
                where, f"{key.partition('.')[0]}.from_h", start_h, "falls inside a step", "Move it"
            )
    if len(problems) > before:
        return None
    hours = np.arange(timing.steps_per_day) * timing.step_h + 1e-9
    place: IntArray = np.searchsorted(starts_h, hours, side="right") - 1
    return place


def make_penalties(config: ScenarioFile) -> Penalties:
    """Return the weights of violated limits."""
    return Penalties(**config.penalties.model_dump())


def make_batteries(config: ScenarioFile, where: str, problems: Problems) -> dict[str, Battery]:
    """Return the battery types by name."""
    batteries = {}
    for name, table in config.battery.items():
        values = table.model_dump()
        battery = problems.attempt(
            partial(Battery, **values), where=where, key=f"battery.{name}", value=values
        )
        if battery is not None:
            batteries[name] = battery
    return batteries


def make_grid(content: Content, config: ScenarioFile, problems: Problems) -> Grid:
    """Return the network."""
    buses = [row for _, row in content.buses.rows]
    index = content.buses.names
    table = config.grid
    v_min = [table.v_min_pu if row.v_min_pu is None else row.v_min_pu for row in buses]
    v_max = [table.v_max_pu if row.v_max_pu is None else row.v_max_pu for row in buses]
    for row, low, high in zip(buses, v_min, v_max, strict=True):
        if low >= high:
            message = "v_min_pu is not below v_max_pu"
            problems.add(content.buses.where, row.name, (low, high), message, "Correct the limits")
    vn_kv = [row.vn_kv for row in buses]
    plants = [row for _, row in content.units.rows]
    sources = {index[source.bus]: source.vm_pu for source in table.source}
    sources |= {index[plant.bus]: plant.vm_pu for plant in plants if plant.slack}
    held = {index[plant.bus]: plant.vm_pu for plant in plants if index[plant.bus] not in sources}
    return Grid(
        bus_name=tuple(row.name for row in buses),
        bus_vn_kv=floats(vn_kv),
        v_min_pu=floats(v_min),
        v_max_pu=floats(v_max),
        x=floats([row.x_km for row in buses]),
        y=floats([row.y_km for row in buses]),
        lines=make_lines([row for _, row in content.lines.rows], index, vn_kv),
        transformers=make_transformers([row for _, row in content.transformers.rows], index),
        source_bus=integers(list(sources)),
        source_vm_pu=floats(list(sources.values())),
        held_bus=integers(sorted(held)),
        held_vm_pu=floats([held[bus] for bus in sorted(held)]),
    )


def make_loads(content: Content, config: ScenarioFile, profiles: Sequence[str]) -> Loads:
    """Return the loads; `profiles` gives the order of `System.profiles`."""
    scale = config.load.scale
    rows = [row for _, row in content.loads.rows]
    return Loads(
        name=tuple(row.name for row in rows),
        bus=integers([content.buses.names[row.bus] for row in rows]),
        p_mw=floats([scale * row.p_mw for row in rows]),
        q_mvar=floats([scale * row.q_mvar for row in rows]),
        profile=integers([profiles.index(row.profile) for row in rows]),
        benefit_usd_per_mwh=floats([row.benefit_usd_per_mwh for row in rows]),
        shiftable=floats([row.shiftable for row in rows]),
        shift_ramp_per_h=floats([row.shift_ramp_per_h for row in rows]),
    )


def make_units(content: Content, problems: Problems) -> tuple[ThermalUnit, ...]:
    """Return the thermal units; a bus that does not exist is reported elsewhere."""
    units = []
    for line, row in content.units.rows:
        values = row.model_dump(exclude={"bus"})
        if row.ramp_mw_per_h is None:
            values["ramp_mw_per_h"] = np.inf
        unit = problems.attempt(
            partial(ThermalUnit, bus=content.buses.names.get(row.bus, 0), **values),
            where=f"{content.units.where}, line {line}",
            key=row.name,
            value=values,
        )
        if unit is not None:
            units.append(unit)
    return tuple(units)


def make_generators(content: Content, config: ScenarioFile, profiles: Sequence[str]) -> Generators:
    """Return the generators; `profiles` gives the order of `System.profiles`."""
    scale = {"pv": config.pv.scale, "wind": config.wind.scale}
    rows = [row for _, row in content.generators.rows]
    return Generators(
        name=tuple(row.name for row in rows),
        kind=tuple(row.kind for row in rows),
        bus=integers([content.buses.names[row.bus] for row in rows]),
        p_mw=floats([scale[row.kind] * row.p_mw for row in rows]),
        profile=integers([profiles.index(row.profile) for row in rows]),
    )


def make_roads(content: Content) -> Roads:
    """Return the roads; a two-way link of the table becomes two links, forward and back."""
    nodes = [row for _, row in content.road_nodes.rows]
    index = content.road_nodes.names
    links = [
        (*ends, row)
        for _, row in content.road_links.rows
        for ends in ((row.from_node, row.to_node), (row.to_node, row.from_node))[
            : 2 if row.two_way else 1
        ]
    ]
    return Roads(
        node_name=tuple(row.name for row in nodes),
        x_km=floats([row.x_km for row in nodes]),
        y_km=floats([row.y_km for row in nodes]),
        from_node=integers([index[start] for start, _, _ in links]),
        to_node=integers([index[end] for _, end, _ in links]),
        length_km=floats([row.length_km for _, _, row in links]),
        free_speed_kmh=floats([row.free_speed_kmh for _, _, row in links]),
        capacity_veh_h=floats([row.capacity_veh_h for _, _, row in links]),
        alpha=_own([row.alpha for _, _, row in links]),
        beta=_own([row.beta for _, _, row in links]),
    )


def _own(values: Sequence[float | None]) -> FloatArray | None:
    """Return the values of the links that have one, NaN for others; None if none has."""
    if all(value is None for value in values):
        return None
    return floats([math.nan if value is None else value for value in values])


def make_stations(content: Content) -> tuple[Station, ...]:
    """Return the stations."""
    return tuple(
        Station(
            name=row.name,
            bus=content.buses.names[row.bus],
            road_node=None if row.road_node is None else content.road_nodes.names[row.road_node],
            rail_node=None if row.rail_node is None else content.rail_nodes.names[row.rail_node],
            plugs=row.plugs,
            set_up_h=row.set_up_min / 60,
        )
        for _, row in content.stations.rows
    )


def make_evs(
    content: Content, config: ScenarioFile, where: str, problems: Problems
) -> tuple[EvGroup, ...]:
    """Return the groups of electric cars."""
    groups: list[EvGroup] = []
    for table in config.ev:
        key = f"ev.{table.name}"
        if table.bus not in content.buses.names:
            remedy = suggestion(table.bus, content.buses.names)
            problems.add(where, f"{key}.bus", table.bus, "is no bus of buses.csv", remedy)
            continue
        if any(group.name == table.name for group in groups):
            problems.add(where, f"{key}.name", table.name, "is given twice", "Rename one")
            continue
        usual_kwh = math.exp(config.ev_habits.distance_mu) * table.kwh_per_km
        if usual_kwh > table.energy_kwh:
            message = f"holds less than the usual trips of a day take ({usual_kwh:.3g} kWh)"
            remedy = "Enlarge the battery, or lower kwh_per_km or ev_habits.distance_mu"
            problems.add(where, f"{key}.energy_kwh", table.energy_kwh, message, remedy)
            continue
        group = problems.attempt(
            partial(
                EvGroup,
                name=table.name,
                bus=content.buses.names[table.bus],
                count=table.count,
                p_mw=table.p_kw / KWH_PER_MWH,
                energy_mwh=table.energy_kwh / KWH_PER_MWH,
                mwh_per_km=table.kwh_per_km / KWH_PER_MWH,
                efficiency_charge=table.efficiency_charge,
                back_off_h=table.back_off_h,
                charge_from_h=table.charge_from_h,
                p_discharge_max_mw=table.p_discharge_kw / KWH_PER_MWH,
                efficiency_discharge=table.efficiency_discharge,
                wear_usd_per_mwh=table.wear_usd_per_mwh,
                orderable=table.orderable,
                owner=table.owner,
            ),
            where=where,
            key=key,
            value=table.model_dump(),
        )
        if group is not None:
            groups.append(group)
    return tuple(groups)


def terminal_station(content: Content, name: str | None) -> int | None:
    """Return the index of the station at which a vehicle has to end, None for anywhere."""
    return None if name is None else content.stations.names[name]


def make_vehicles(content: Content, batteries: dict[str, Battery]) -> tuple[Truck, ...]:
    """Return the trucks."""
    return tuple(
        Truck(
            name=row.name,
            battery=batteries[row.battery],
            initial_station=content.stations.names[row.initial_station],
            usd_per_km=row.usd_per_km,
            labour_usd_per_h=row.labour_usd_per_h,
            shift_h=row.shift_h,
            usd_per_trip=row.usd_per_trip,
            trips_per_day=row.trips_per_day,
            kwh_per_km=row.kwh_per_km,
            terminal_station=terminal_station(content, row.terminal_station),
            owner=row.owner,
        )
        for _, row in content.vehicles.rows
    )
