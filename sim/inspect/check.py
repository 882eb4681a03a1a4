"""Check a scenario: its contents, its grid without storage, and likely mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import Scenario
from sim.scenario.switched_off import switched_off
from sim.system.grid import Grid
from sim.system.roads import Roads
from sim.system.routing import links_towards
from sim.system.system import System
from sim.uncertainty.evs import charging_mw
from sim.uncertainty.railway import RailForecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import HOURS_PER_DAY, FloatArray

IMPLAUSIBLE = 2.0  # straight line over length of a road
WIDEST_KM = 5_000.0  # of a grid


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseCase:
    """One drawn day of the grid without storage and with every line in service.

    Thermal units stay as they start, and the slack unit delivers whatever it takes.

    Attributes
    ----------
    start
        Time stamp of the first step.
    steps, unconverged_steps
        Steps of the episode, and those whose power flow did not converge.
    vm_pu_min, vm_pu_max
        Extremes of the voltage [pu], and the buses that have them.
    violated_steps
        Steps in which some bus leaves its limits.
    loading_percent_max
        Extreme of the branch loading [%], and the branch that has it.
    import_mw_max, import_mw_min
        Extremes of the power from the upstream grid, negative for export; from the slack unit where
        there is one [MW].
    """

    start: str
    steps: int
    unconverged_steps: int
    vm_pu_min: tuple[float, str]
    vm_pu_max: tuple[float, str]
    violated_steps: int
    loading_percent_max: tuple[float, str]
    import_mw_max: float
    import_mw_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The results of `check`.

    Attributes
    ----------
    contents
        How much there is of everything, in words.
    base_case
        A day without storage; None if no power flow of it converges.
    warnings
        What is possible, but probably not meant.
    """

    contents: dict[str, str]
    base_case: BaseCase | None
    warnings: tuple[str, ...]


def check(scenario: Scenario, *, seed: int | None = None) -> Findings:
    """Examine a scenario that loads.

    Parameters
    ----------
    scenario
        See `load_scenario`, which reports what is plainly wrong.
    seed
        Root of the randomness of the day that is drawn; None takes the scenario's.
    """
    nature = Nature.build(scenario.system, scenario.uncertainty)
    realisation = nature.draw(scenario.seed if seed is None else seed, 0)
    base_case = _base_case(scenario.system, realisation)
    return Findings(
        contents=_contents(scenario),
        base_case=base_case,
        warnings=tuple(_warnings(scenario, base_case)),
    )


def _contents(scenario: Scenario) -> dict[str, str]:
    system, record = scenario.system, scenario.uncertainty.record
    timing, grid, loads = system.timing, system.grid, system.loads
    generators, roads, rails = system.generators, system.roads, system.rails
    months = scenario.uncertainty.months
    by_profile = Counter(loads.profile.tolist())
    by_kind = Counter(generators.kind)
    kind_mw = {
        kind: float(generators.p_mw[np.array(generators.kind) == kind].sum()) for kind in by_kind
    }
    days = len(record.values) // timing.steps_per_day
    batteries_mwh = sum(vehicle.battery.energy_mwh for vehicle in system.vehicles)
    lines = {
        "time": f"{timing.end_h:g} h in steps of {60 * timing.step_h:g} min, decisions every "
        f"{60 * timing.period_h:g} min, look-ahead {timing.horizon * timing.period_h:g} h",
        "record": f"{days} days from {record.start.astype('datetime64[D]')}"
        + (f", months {', '.join(map(str, months))}" if len(months) < 12 else ""),
        "buses": f"{grid.n_buses}, sources at "
        + ", ".join(grid.bus_name[bus] for bus in grid.source_bus),
        "branches": f"{len(grid.lines.name)} lines, {len(grid.transformers.name)} transformers",
        "loads": f"{len(loads.name)}, {loads.p_mw.sum():.3g} MW: "
        + ", ".join(f"{n} {system.profiles[k]}" for k, n in by_profile.items()),
        "generators": ", ".join(
            f"{n} {kind} with {kind_mw[kind]:.3g} MW" for kind, n in by_kind.items()
        ),
        "units": ", ".join(
            f"{unit.name} with {unit.p_min_mw:g} to {unit.p_max_mw:g} MW" + " (slack)" * unit.slack
            for unit in system.units
        ),
        "electric cars": ", ".join(f"{group.count} {group.name}" for group in system.evs),
        "stations": ", ".join(
            f"{station.name} ({station.plugs} plugs)" for station in system.stations
        ),
        "rails": f"{rails.n_nodes} nodes, {rails.n_segments} segments, a slot every "
        f"{rails.slot_h:g} h"
        if rails.n_nodes
        else "",
        "vehicles": f"{len(system.vehicles)} with {batteries_mwh:.3g} MWh",
        "roads": f"{roads.n_nodes} nodes, {roads.n_links} directed links, "
        f"{roads.length_km.sum():.3g} km"
        + f" on the ways between stations, {roads.left_out_km:,.0f} km elsewhere left out"
        * (roads.left_out_km > 0)
        if roads.n_nodes
        else "",
    }
    return {key: text for key, text in lines.items() if text}


def _base_case(system: System, realisation: Realisation) -> BaseCase | None:
    timing, grid, loads = system.timing, system.grid, system.loads
    generators = system.generators
    p_mw = np.zeros((timing.n_steps, grid.n_buses))
    q_mvar = np.zeros_like(p_mw)
    load_mw, load_mvar = loads.power_mw(realisation.profile), loads.power_mvar(realisation.profile)
    available_mw = generators.available_mw(realisation.profile)
    ev_mw = np.repeat(
        charging_mw(system, realisation.ev_sessions, 0, timing.n_periods),
        timing.steps_per_period,
        axis=0,
    )
    for place, bus in enumerate(loads.bus):
        p_mw[:, bus] -= load_mw[:, place]
        q_mvar[:, bus] -= load_mvar[:, place]
    for place, bus in enumerate(generators.bus):
        p_mw[:, bus] += available_mw[:, place]
    for place, group in enumerate(system.evs):
        p_mw[:, group.bus] -= ev_mw[:, place]
    running = [unit for unit in system.units if unit.initially_on]
    for unit in running:
        if not unit.slack:
            p_mw[:, unit.bus] += unit.p_min_mw if unit.initial_mw is None else unit.initial_mw
    held = np.isin(grid.held_bus, [unit.bus for unit in running])
    result = PowerGridModelFlow(grid.holding(held)).solve(p_mw, q_mvar)
    if not result.converged.any():
        return None
    vm_pu = result.vm_pu[result.converged]
    violated = (vm_pu < grid.v_min_pu) | (vm_pu > grid.v_max_pu)
    branches = (*grid.lines.name, *grid.transformers.name)
    import_mw = result.source_mw[result.converged].sum(axis=1)
    return BaseCase(
        start=str(realisation.start),
        steps=timing.n_steps,
        unconverged_steps=int((~result.converged).sum()),
        vm_pu_min=_extreme(-vm_pu, grid.bus_name, -1.0),
        vm_pu_max=_extreme(vm_pu, grid.bus_name, 1.0),
        violated_steps=int(violated.any(axis=1).sum()),
        loading_percent_max=_extreme(result.loading_percent[result.converged], branches, 1.0),
        import_mw_max=float(import_mw.max()),
        import_mw_min=float(import_mw.min()),
    )


def _extreme(values: FloatArray, names: tuple[str, ...], sign: float) -> tuple[float, str]:
    """Return the largest of ``(step, thing)`` times `sign`, and the thing that has it."""
    if not values.size:
        return 0.0, "nothing"
    place = int(np.nanargmax(values)) % values.shape[1]
    return sign * float(np.nanmax(values)), names[place]


def _warnings(scenario: Scenario, base_case: BaseCase | None) -> Iterator[str]:
    yield from _battery_warnings(scenario.system)
    yield from _road_warnings(scenario.system)
    yield from _unit_warnings(scenario)
    yield from _rail_warnings(scenario)
    system = scenario.system
    plugs = sum(station.plugs for station in system.stations)
    if plugs < len(system.vehicles):
        yield f"{len(system.vehicles)} vehicles share {plugs} plugs: some can never be connected"
    for area in system.areas:
        tariff = area.tariff
        n_steps = int((tariff.export_usd_per_mwh > tariff.import_usd_per_mwh).sum())
        if n_steps:
            place = f" in area {area.name}" if len(system.areas) > 1 else ""
            yield (
                f"in {n_steps} steps of the day exported energy is paid more than imported energy "
                f"costs{place}: money can be made by turning it round"
            )
    yield from switched_off(scenario)
    if base_case is None:
        yield (
            "no power flow of the drawn day converges: compare loads and lines, and see whether "
            "powers are in MW"
        )
        return
    if base_case.unconverged_steps:
        yield (
            f"{base_case.unconverged_steps} of {base_case.steps} power flows of the drawn day "
            "do not converge"
        )
    loading, branch = base_case.loading_percent_max
    tariffs = [area.tariff for area in system.areas]
    prices = [own.import_usd_per_mwh for own in tariffs]
    if base_case.import_mw_min < 0 or len(tariffs) > 1:
        prices += [own.export_usd_per_mwh for own in tariffs]
    if not base_case.violated_steps and loading <= 100 and np.ptp(np.concatenate(prices)) == 0:
        yield (
            "no limit is violated on the drawn day and all prices are equal: controllers can only "
            "lose by moving energy, and will hardly differ"
        )
    if loading > 200:
        yield f"branch {branch} is loaded to {loading:.0f} % without storage: compare max_i_ka"
    low, bus = base_case.vm_pu_min
    if low < 0.8:
        yield f"bus {bus} falls to {low:.3f} pu without storage: compare loads and lines"


def _battery_warnings(system: System) -> Iterator[str]:
    horizon_h = system.timing.horizon * system.timing.period_h
    for vehicle in system.vehicles:
        battery = vehicle.battery
        span_mwh = battery.energy_max_mwh - battery.energy_min_mwh
        fill_mw = battery.p_charge_max_mw * battery.efficiency_charge - battery.auxiliary_mw
        # Self-discharge is largest when the battery is full.
        fill_mw -= battery.self_discharge_per_h * battery.energy_max_mwh
        fill_h = span_mwh / fill_mw if fill_mw > 0 else np.inf
        if fill_h > HOURS_PER_DAY:
            yield f"{vehicle.name}: the battery can never be filled within a day"
        elif fill_h > horizon_h:
            yield (
                f"{vehicle.name}: filling the battery takes {fill_h:.1f} h, controllers look "
                f"{horizon_h:g} h ahead"
            )


def _unit_warnings(scenario: Scenario) -> Iterator[str]:
    """Look at what units can deliver, with all loads of the record and none of its wind."""
    system, loads = scenario.system, scenario.system.loads
    if system.slack_unit is None:
        return
    load_mw = loads.power_mw(scenario.uncertainty.record.values).sum(axis=1)
    most_mw = sum(unit.p_max_mw for unit in system.units)
    if most_mw < load_mw.max():
        yield (
            f"all units together deliver {most_mw:g} MW, the load rises to {load_mw.max():.4g} MW: "
            "without wind, sun and storage it is shed"
        )
    slack = system.units[system.slack_unit]
    if slack.p_min_mw > load_mw.min():
        yield (
            f"the load falls to {load_mw.min():.4g} MW, below the minimum of {slack.name}, which "
            f"never stops: {slack.p_min_mw:g} MW"
        )
    for unit in system.units:
        if unit.min_up_h > HOURS_PER_DAY or unit.min_down_h > HOURS_PER_DAY:
            yield f"unit {unit.name} has to stay on or off for longer than a day"


def _road_warnings(system: System) -> Iterator[str]:
    """Look at drives on empty roads; that every station can be reached, the loader has checked."""
    roads = system.roads
    yield from _position_warnings(roads)
    if roads.n_links:  # else positions are those of a drawing
        yield from _bus_position_warnings(system.grid)
    stations = [
        (station, station.road_node) for station in system.stations if station.road_node is not None
    ]
    horizon_h = system.timing.horizon * system.timing.period_h
    link_h = roads.length_km / roads.free_speed_kmh
    for goal, goal_node in stations:
        _, time_h = links_towards(goal_node, roads.n_nodes, roads.from_node, roads.to_node, link_h)
        for start, node in stations:
            drive_h = float(time_h[node])
            if not np.isfinite(drive_h):
                yield f"no road leads from {start.name} to {goal.name}"
            elif drive_h + goal.set_up_h >= horizon_h:
                yield (
                    f"from {start.name} to {goal.name} it takes {drive_h + goal.set_up_h:.1f} h, "
                    f"controllers look {horizon_h:g} h ahead: nobody will go there"
                )


def _bus_position_warnings(grid: Grid) -> Iterator[str]:
    """Look for positions in metres: no feeder is wider than a continent."""
    for key, km in (("x_km", grid.x), ("y_km", grid.y)):
        if np.ptp(km) > WIDEST_KM:
            yield (
                f"buses lie {np.ptp(km):,.0f} km apart ({key} from {km.min():g} to "
                f"{km.max():g}): are positions in km?"
            )


def _position_warnings(roads: Roads) -> Iterator[str]:
    """Look for positions in metres: no road is shorter than the straight line between its ends."""
    if not roads.n_links:
        return
    ends = [np.array([roads.x_km[k], roads.y_km[k]]) for k in (roads.from_node, roads.to_node)]
    straight_km = np.hypot(*(ends[1] - ends[0]))
    worst = int(np.argmax(straight_km / roads.length_km))
    if straight_km[worst] > IMPLAUSIBLE * roads.length_km[worst]:
        start, goal = (roads.node_name[k[worst]] for k in (roads.from_node, roads.to_node))
        length_km = roads.length_km[worst]
        yield (
            f"the road from {start} to {goal} is {length_km:.4g} km long, its ends are "
            f"{straight_km[worst]:.4g} km apart (x_km = {ends[0][0, worst]:g} and "
            f"{ends[1][0, worst]:g}): are positions in km?"
        )


def _rail_warnings(scenario: Scenario) -> Iterator[str]:
    """Look at runs; that every station on rails can be reached, the loader has checked."""
    system = scenario.system
    horizon_h = system.timing.horizon * system.timing.period_h
    moving_h = RailForecaster.build(system, scenario.uncertainty.rail_delays).moving_h
    for start, goal in zip(*np.triu_indices(len(system.stations), 1), strict=True):
        hours = moving_h[start, goal]
        if np.isfinite(hours) and hours + system.stations[goal].set_up_h >= horizon_h:
            yield (
                f"from {system.stations[start].name} to {system.stations[goal].name} a train takes "
                f"{hours:.1f} h, controllers look {horizon_h:g} h ahead: none will go there"
            )
