"""Rails and trains: checks across their tables, and the frozen dataclasses made of them."""

from __future__ import annotations

from collections import defaultdict

from sim.plugins import suggestion
from sim.scenario.assemble import terminal_station
from sim.scenario.content import Content
from sim.scenario.problems import Problems
from sim.scenario.references import reachable
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.system.battery import Battery
from sim.system.rails import Rails
from sim.system.vehicles import Train
from sim.units import frozen


def check_rails(content: Content, config: ScenarioFile | None, problems: Problems) -> None:
    """Note every unknown name, and every station and train that is disconnected.

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
    _check_tracks(content, problems)
    _check_stations(content, problems)
    _check_trains(content, config, problems)
    if content.complete and len(problems) == before:
        _check_connected(content, problems)


def _check_tracks(content: Content, problems: Problems) -> None:
    where, nodes = content.rail_tracks.where, content.rail_nodes.names
    seen: set[frozenset[str]] = set()
    for line, track in content.rail_tracks.rows:
        ends = frozenset((track.from_node, track.to_node))
        for key, node in (("from_node", track.from_node), ("to_node", track.to_node)):
            if node not in nodes:
                known = suggestion(node, nodes)
                problems.add(where, f"line {line}, {key}", node, "is no rail node", known)
        if len(ends) == 1:
            remedy = "Correct one end, or remove the row"
            key = f"line {line}, to_node"
            problems.add(where, key, track.to_node, "both ends are the same", remedy)
        if ends in seen:
            message = "is connected by a row above already, in both directions"
            remedy = "Give that row tracks = 2, or put a node into one of them"
            problems.add(where, f"line {line}", sorted(ends), message, remedy)
        seen.add(ends)


def _check_stations(content: Content, problems: Problems) -> None:
    where, nodes = content.stations.where, content.rail_nodes.names
    for line, station in content.stations.rows:
        node = station.rail_node
        if node is not None and node not in nodes:
            known = suggestion(node, nodes)
            problems.add(where, f"line {line}, rail_node", node, "is no rail node", known)
        if node is None and station.road_node is None:
            remedy = "Give a road_node, a rail_node, or both"
            problems.add(where, f"line {line}", station.name, "is reached by nothing", remedy)


def _check_trains(content: Content, config: ScenarioFile | None, problems: Problems) -> None:
    where, stations = content.trains.where, content.stations.names
    on_rails = {row.name for _, row in content.stations.rows if row.rail_node is not None}
    by_rail = ", ".join(sorted(on_rails)) or "none yet"
    for line, train in content.trains.rows:
        for which, verb, station in (
            ("initial_station", "start", train.initial_station),
            ("terminal_station", "end", train.terminal_station),
        ):
            key = f"line {line}, {which}"
            if station is None:
                continue
            if station not in stations:
                problems.add(where, key, station, "is no station", suggestion(station, stations))
            elif content.complete and station not in on_rails:
                remedy = f"Give it a rail_node, or {verb} at one of those with one: {by_rail}"
                problems.add(where, key, station, "is a station that no rail reaches", remedy)
        if train.name in content.vehicles.names:
            remedy = "Give every truck and every train its own name"
            problems.add(where, f"line {line}, name", train.name, "is a truck as well", remedy)
        if config is not None and train.battery not in config.battery:
            known = suggestion(train.battery, config.battery)
            key = f"line {line}, battery"
            problems.add(where, key, train.battery, "is no battery type", known)


def _check_connected(content: Content, problems: Problems) -> None:
    tracks: dict[str, set[str]] = defaultdict(set)
    for _, track in content.rail_tracks.rows:
        tracks[track.from_node].add(track.to_node)
        tracks[track.to_node].add(track.from_node)
    on_rails = [row for _, row in content.stations.rows if row.rail_node is not None]
    for station in on_rails[:1]:  # tracks lead both ways: what one station reaches, all do
        assert station.rail_node is not None
        there = reachable([station.rail_node], tracks)
        unreachable = [other.name for other in on_rails if other.rail_node not in there]
        if unreachable:
            message = f"no track leads from here to {', '.join(unreachable)}"
            remedy = "Add tracks to rail_tracks.csv"
            where = content.stations.where
            problems.add(where, station.name, station.rail_node, message, remedy)


def make_rails(content: Content, config: ScenarioFile) -> Rails:
    """Return the railway."""
    nodes = [row for _, row in content.rail_nodes.rows]
    tracks = [row for _, row in content.rail_tracks.rows]
    index = content.rail_nodes.names
    return Rails(
        node_name=tuple(row.name for row in nodes),
        x_km=frozen([row.x_km for row in nodes]),
        y_km=frozen([row.y_km for row in nodes]),
        from_node=frozen([index[row.from_node] for row in tracks], int),
        to_node=frozen([index[row.to_node] for row in tracks], int),
        running_h=frozen([row.running_h for row in tracks]),
        tracks=frozen([row.tracks for row in tracks], int),
        slot_h=config.rails.slot_h,
    )


def make_trains(
    content: Content, config: ScenarioFile, batteries: dict[str, Battery]
) -> tuple[Train, ...]:
    """Return the trains; the battery type is that of a wagon."""
    return tuple(
        Train(
            name=row.name,
            battery=batteries[row.battery].times(row.wagons),
            initial_station=content.stations.names[row.initial_station],
            usd_per_span=config.rails.usd_per_span,
            trips_per_day=row.trips_per_day,
            terminal_station=terminal_station(content, row.terminal_station),
            owner=row.owner,
        )
        for _, row in content.trains.rows
    )
