"""Checks across tables: names exist, buses are supplied, roads connect the stations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sim.plugins import suggestion
from sim.scenario.content import Content
from sim.scenario.problems import Problems
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.schema.values import TABLE_KEYS


def check_references(content: Content, config: ScenarioFile | None, problems: Problems) -> None:
    """Note every unknown name and everything that is disconnected.

    Parameters
    ----------
    content
        The CSV tables.
    config
        The TOML file, None where it is not valid itself.
    problems
        Takes note.
    """
    before = len(problems)
    _check_columns(content, problems)
    _check_names(content, config, problems)
    # Invalid rows are missing here; what depends on them would count as disconnected.
    if content.complete and len(problems) == before:
        _check_roads(content, problems)
        _check_branches(content, problems)
        if config is not None:
            _check_sources(content, config, problems)
            _check_grid(content, config, problems)


def _check_columns(content: Content, problems: Problems) -> None:
    """Note names that no table can have a column of: keys, and a branch called as another one."""
    lines, transformers = content.lines, content.transformers
    for table in (content.buses, lines, transformers):
        for name in TABLE_KEYS:
            if name in table.names:
                message = "is the name of a column that tables have"
                problems.add(table.where, "name", name, message, "Rename it")
    for name in transformers.names:
        if name in lines.names:
            message = "is the name of a line as well, and one table shows both"
            problems.add(transformers.where, "name", name, message, "Rename one of the two")


def _check_names(content: Content, config: ScenarioFile | None, problems: Problems) -> None:
    def check(where: str, key: str, name: str, known: Iterable[str], what: str) -> None:
        if name not in known:
            problems.add(where, key, name, f"is no {what}", suggestion(name, known))

    buses, nodes = content.buses.names, content.road_nodes.names
    for line, row in content.lines.rows:
        for key, bus in (("from_bus", row.from_bus), ("to_bus", row.to_bus)):
            check(content.lines.where, f"line {line}, {key}", bus, buses, "bus")
    for line, transformer in content.transformers.rows:
        for key, bus in (("hv_bus", transformer.hv_bus), ("lv_bus", transformer.lv_bus)):
            check(content.transformers.where, f"line {line}, {key}", bus, buses, "bus")
    for line, load in content.loads.rows:
        check(content.loads.where, f"line {line}, bus", load.bus, buses, "bus")
    for line, generator in content.generators.rows:
        check(content.generators.where, f"line {line}, bus", generator.bus, buses, "bus")
    for line, unit in content.units.rows:
        check(content.units.where, f"line {line}, bus", unit.bus, buses, "bus")
    for line, link in content.road_links.rows:
        for key, node in (("from_node", link.from_node), ("to_node", link.to_node)):
            check(content.road_links.where, f"line {line}, {key}", node, nodes, "road node")
    for line, station in content.stations.rows:
        where = content.stations.where
        check(where, f"line {line}, bus", station.bus, buses, "bus")
        if station.road_node is not None:
            check(where, f"line {line}, road_node", station.road_node, nodes, "road node")
    for line, vehicle in content.vehicles.rows:
        where, key = content.vehicles.where, f"line {line}, "
        stations = content.stations.names
        check(where, f"{key}initial_station", vehicle.initial_station, stations, "station")
        if vehicle.terminal_station is not None:
            check(where, f"{key}terminal_station", vehicle.terminal_station, stations, "station")
        if config is not None:
            check(where, f"{key}battery", vehicle.battery, config.battery, "battery type")
    if config is not None:
        for k, source in enumerate(config.grid.source):
            check(content.where, f"grid.source.{k}.bus", source.bus, buses, "bus")
        for k, outage in enumerate(config.outages.fixed):
            key = f"outages.fixed.{k}.line"
            check(content.where, key, outage.line, content.lines.names, "line")


def _check_roads(content: Content, problems: Problems) -> None:
    roads: dict[str, set[str]] = defaultdict(set)
    for _, link in content.road_links.rows:
        roads[link.from_node].add(link.to_node)
        if link.two_way:
            roads[link.to_node].add(link.from_node)
    for line, link in content.road_links.rows:
        if link.from_node == link.to_node:
            _add_self_loop(
                content.road_links.where, f"line {line}, to_node", link.to_node, problems
            )
    stations = [row for _, row in content.stations.rows if row.road_node is not None]
    for station in stations:
        assert station.road_node is not None
        there = reachable([station.road_node], roads)
        unreachable = [other.name for other in stations if other.road_node not in there]
        if unreachable:
            problems.add(
                content.stations.where,
                station.name,
                station.road_node,
                f"no road leads from here to {', '.join(unreachable)}",
                "Add links to road_links.csv",
            )
    parked: dict[str, int] = defaultdict(int)
    plugs = {row.name: row.plugs for _, row in content.stations.rows}
    on_roads = {station.name for station in stations}
    starts = [
        (content.vehicles.where, f"line {line}, initial_station", vehicle.initial_station)
        for line, vehicle in content.vehicles.rows
    ]
    ends = [
        (content.vehicles.where, f"line {line}, terminal_station", vehicle.terminal_station)
        for line, vehicle in content.vehicles.rows
        if vehicle.terminal_station is not None
    ]
    for where, key, start in (*starts, *ends):
        if start not in on_roads:
            message, remedy = "is a station that no road reaches", "Give it a road_node"
            problems.add(where, key, start, message, remedy)
    starts += [
        (content.trains.where, f"line {line}, initial_station", train.initial_station)
        for line, train in content.trains.rows
    ]
    for where, key, start in starts:
        parked[start] += 1
        if parked[start] > plugs.get(start, len(starts)):
            message = "has fewer plugs than vehicles that start there"
            remedy = "Add plugs or start the vehicle elsewhere"
            problems.add(where, key, start, message, remedy)


def _check_branches(content: Content, problems: Problems) -> None:
    vn_kv = {row.name: row.vn_kv for _, row in content.buses.rows}
    where = content.lines.where
    for line, row in content.lines.rows:
        if row.from_bus == row.to_bus:
            _add_self_loop(where, f"line {line}, to_bus", row.to_bus, problems)
        ends = vn_kv[row.from_bus], vn_kv[row.to_bus]
        if not math.isclose(*ends, rel_tol=1e-6):
            message = "connects buses of different nominal voltage (vn_kv)"
            remedy = "Put a transformer between them, or correct vn_kv in buses.csv"
            problems.add(where, f"line {line}, {row.name}", ends, message, remedy)
        limits = row.max_i_ka, row.limit_mva
        if sum(limit is not None for limit in limits) != 1:
            message = "a line has one limit: either max_i_ka or limit_mva"
            problems.add(where, f"line {line}, {row.name}", limits, message, "Give one of the two")
    for line, unit in content.transformers.rows:
        if unit.hv_bus == unit.lv_bus:
            where = content.transformers.where
            _add_self_loop(where, f"line {line}, lv_bus", unit.lv_bus, problems)


def _add_self_loop(where: str, key: str, name: str, problems: Problems) -> None:
    problems.add(where, key, name, "both ends are the same", "Correct one end, or remove the row")


def _check_sources(content: Content, config: ScenarioFile, problems: Problems) -> None:
    seen: set[str] = set()
    for k, source in enumerate(config.grid.source):
        if source.bus in seen:
            key, remedy = f"grid.source.{k}.bus", "Keep one source a bus"
            problems.add(content.where, key, source.bus, "has another source already", remedy)
        seen.add(source.bus)
    _check_slack(content, config, problems)


def _check_slack(content: Content, config: ScenarioFile, problems: Problems) -> None:
    """Note where not exactly one of upstream grid and slack unit balances, or voltages clash."""
    where, units = content.units.where, content.units.rows
    slack = [unit.name for _, unit in units if unit.slack]
    if len(slack) > 1:
        remedy = "Let one unit be the slack"
        problems.add(where, "slack", slack, "more than one unit balances the grid", remedy)
    if slack and config.grid.source:
        buses = [source.bus for source in config.grid.source]
        message = f"unit {slack[0]} balances the grid already"
        remedy = "Remove the sources, or let no unit be the slack"
        problems.add(content.where, "grid.source", buses, message, remedy)
    if not slack and not config.grid.source:
        message = "there is neither a source nor a unit that is the slack"
        remedy = 'Name a bus, source = [{ bus = "..." }], or set slack for one row of units.csv'
        problems.add(content.where, "grid.source", [], message, remedy)
    held = {source.bus: source.vm_pu for source in config.grid.source}
    for line, unit in units:
        if held.setdefault(unit.bus, unit.vm_pu) != unit.vm_pu:
            message = f"the bus is held at {held[unit.bus]} pu already"
            problems.add(where, f"line {line}, vm_pu", unit.vm_pu, message, "Give one voltage")


def closed_branches(content: Content) -> dict[str, set[str]]:
    """Return the neighbours of each bus that a closed line or transformer connects it to."""
    branches: dict[str, set[str]] = defaultdict(set)
    closed = [
        (row.from_bus, row.to_bus)
        for _, row in content.lines.rows
        if row.from_closed and row.to_closed
    ]
    closed += [
        (unit.hv_bus, unit.lv_bus)
        for _, unit in content.transformers.rows
        if unit.hv_closed and unit.lv_closed
    ]
    for one, other in closed:
        branches[one].add(other)
        branches[other].add(one)
    return branches


def _check_grid(content: Content, config: ScenarioFile, problems: Problems) -> None:
    branches = closed_branches(content)
    open_lines = {
        row.name for _, row in content.lines.rows if not (row.from_closed and row.to_closed)
    }
    for k, outage in enumerate(config.outages.fixed):
        if outage.line in open_lines:
            key, remedy = f"outages.fixed.{k}.line", "Name a line in service"
            problems.add(content.where, key, outage.line, "is open anyway", remedy)
    before = len(problems)
    sources = {source.bus for source in config.grid.source}
    sources |= {unit.bus for _, unit in content.units.rows if unit.slack}
    if not sources:  # noted above; every bus would count as unsupplied
        return
    supplied = reachable(sources, branches)
    users = [
        (content.loads.where, [(line, row.bus) for line, row in content.loads.rows]),
        (content.generators.where, [(line, row.bus) for line, row in content.generators.rows]),
        (content.units.where, [(line, row.bus) for line, row in content.units.rows]),
        (content.stations.where, [(line, row.bus) for line, row in content.stations.rows]),
    ]
    for k, group in enumerate(config.ev):
        if group.bus in content.buses.names and group.bus not in supplied:
            _add_unsupplied(content.where, f"ev.{k}.bus", group.bus, problems)
    for where, places in users:
        for line, bus in places:
            if bus not in supplied:
                _add_unsupplied(where, f"line {line}, bus", bus, problems)
    if len(problems) == before and not supplied - sources:
        message = "feeds no bus but the sources themselves"
        problems.add(
            content.where, "grid.source", sorted(supplied), message, "Add a bus or close a line"
        )


def _add_unsupplied(where: str, key: str, bus: str, problems: Problems) -> None:
    message = "the bus is not connected to a source"
    problems.add(where, key, bus, message, "Close a line that leads there")


def reachable(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Return all nodes that `edges` lead to from `start`, which they include."""
    seen = set(start)
    front = list(seen)
    while front:
        for node in edges.get(front.pop(), ()):
            if node not in seen:
                seen.add(node)
                front.append(node)
    return seen
