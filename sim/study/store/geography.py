"""The map of a system: positions of grid, roads, rails and stations as JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.system.stations import Station
from sim.system.system import System
from sim.system.vehicles import Train


def geography(system: System) -> dict[str, Any]:
    """Return what a map of the system needs.

    Parameters
    ----------
    system
        What exists.

    Returns
    -------
    dict
        ``bus_x, bus_y`` in the units of the scenario, null where unknown; ``branches`` as ``[from
        bus, to bus, closed]``, lines first; ``lines``, their names; ``sources`` as buses;
        ``road_nodes``, ``road_x_km``, ``road_y_km``, the nodes of the roads and after them those of
        the rails; ``road_links`` as ``[node, node]``, two-way roads once; ``rails``: ``nodes``,
        ``links`` as ``[node, node]`` counted among the rail nodes, ``running_h``, ``stations`` as
        the rail node of each or null, ``trains``; ``stations`` as ``[bus, node]``, the road node
        where there is one; ``vehicle_stations``, where each starts; ``vehicle_mwh``, the capacity
        of each vehicle's battery [MWh]; ``evs``, name and bus of each group of electric cars.
    """
    grid, roads, rails = system.grid, system.roads, system.rails
    lines, transformers = grid.lines, grid.transformers
    branches = [
        *zip(lines.from_bus, lines.to_bus, lines.from_closed & lines.to_closed, strict=True),
        *zip(
            transformers.hv_bus,
            transformers.lv_bus,
            transformers.hv_closed & transformers.lv_closed,
            strict=True,
        ),
    ]
    pairs = zip(roads.from_node.tolist(), roads.to_node.tolist(), strict=True)
    return {
        "bus_x": [_known(x) for x in grid.x],
        "bus_y": [_known(y) for y in grid.y],
        "branches": [[int(start), int(end), bool(closed)] for start, end, closed in branches],
        "lines": list(lines.name),
        "sources": [int(bus) for bus in grid.source_bus],
        "road_nodes": [*roads.node_name, *rails.node_name],
        "road_x_km": [*roads.x_km.tolist(), *rails.x_km.tolist()],
        "road_y_km": [*roads.y_km.tolist(), *rails.y_km.tolist()],
        "road_links": [list(pair) for pair in sorted({(min(p), max(p)) for p in pairs})],
        "rails": {
            "nodes": list(rails.node_name),
            "links": np.column_stack([rails.from_node, rails.to_node]).tolist(),
            "running_h": rails.running_h.tolist(),
            "stations": [own.rail_node for own in system.stations],
            "trains": [own.name for own in system.vehicles if isinstance(own, Train)],
        },
        "stations": [[int(own.bus), _node(own, roads.n_nodes)] for own in system.stations],
        "vehicle_stations": [int(vehicle.initial_station) for vehicle in system.vehicles],
        "vehicle_mwh": [vehicle.battery.energy_mwh for vehicle in system.vehicles],
        "evs": [[group.name, int(group.bus)] for group in system.evs],
    }


def _node(station: Station, n_road_nodes: int) -> int:
    if station.road_node is not None:
        return station.road_node
    assert station.rail_node is not None  # one of the two is there
    return n_road_nodes + station.rail_node


def _known(coordinate: float) -> float | None:
    return float(coordinate) if np.isfinite(coordinate) else None
