"""Make the tables of this scenario from pandapower's `mv_oberrhein`.

Run ``python scenarios/oberrhein/make.py``; `scenario.toml` is written by hand. The README says what
is standard data, what is assumed, and where the constants below come from.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from pandapower.networks import mv_oberrhein
from scipy.sparse.csgraph import connected_components, shortest_path

from sim.importers.folder import write_rows
from sim.importers.pandapower import grid_from_pandapower, write_network
from sim.importers.positions import KM_PER_DEGREE
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow, StationRow, VehicleRow
from sim.system.grid import Grid
from sim.units import FloatArray

# Customers by the rating of the MV/LV transformer that serves them [MVA].
CLASSES = {0.25: "villages", 0.40: "suburbs", 0.63: "towns"}
PV_GROWTH = 4.5

# The four feeders: first bus behind the busbar, column of the PV record, stations.
FEEDERS = {
    "North": ("Bus 50", "PV2", 4),
    "East": ("Bus 56", "PV7", 4),
    "Centre": ("Bus 76", "PV4", 5),
    "South": ("Bus 6", "PV8", 5),
}
DEPOTS = {"Depot East": "Bus 19", "Depot West": "Bus 178"}

# Mean driving distance over great-circle distance between stations: the mean of 300 European cities
# in E. Mennicken, R. Lemoy, G. Caruso, Road network distances and detours in Europe, Environment
# and Planning B, 2023, doi 10.1177/23998083231168870.
DETOUR = 1.343
REACH_KM = 1.5  # every bus has a road node within this distance
# German road traffic act, StVO section 3 (3): in towns, and for lorries above 7.5 t outside.
TOWN_KMH, COUNTRY_KMH = 50.0, 60.0
LONGEST_IN_TOWN_KM = 1.5
TOWN_VEH_H, COUNTRY_VEH_H = 900.0, 1200.0


def make(folder: Path) -> None:
    """Write all CSV tables into `folder`."""
    net = mv_oberrhein()
    grid = grid_from_pandapower(net)
    feeder = feeders(grid)
    _write_grid(net, grid, feeder, folder)
    stations = _stations(grid, feeder)
    write_rows(
        folder,
        "stations.csv",
        [
            StationRow(
                name=name,
                bus=grid.bus_name[bus],
                road_node=name,
                plugs=6 if name in DEPOTS else 2,
                set_up_min=10,
            )
            for name, bus in stations.items()
        ],
    )
    _write_roads(grid, stations, folder)
    _write_vehicles(folder)


def feeders(grid: Grid) -> list[str]:
    """Return the feeder of each bus, ``(bus,)``; empty at the substations."""
    bus_of = {name: k for k, name in enumerate(grid.bus_name)}
    impedance = _impedance_pu(grid)
    busbars = [bus_of[name] for name in DEPOTS.values()]
    impedance[busbars], impedance[:, busbars] = 0.0, 0.0
    _, part = connected_components(impedance, directed=False)
    found = [""] * grid.n_buses
    for name, (first, _, _) in FEEDERS.items():
        for bus in np.flatnonzero(part == part[bus_of[first]]):
            found[bus] = name
    return found


def _impedance_pu(grid: Grid) -> FloatArray:
    """Return the impedances of the closed lines, 0 between others, ``(bus, bus)`` [pu, 1 MVA]."""
    lines = grid.lines
    closed = lines.from_closed & lines.to_closed
    ends = lines.from_bus[closed], lines.to_bus[closed]
    found = np.zeros((grid.n_buses, grid.n_buses))
    found[ends] = np.hypot(lines.r_ohm, lines.x_ohm)[closed] / grid.bus_vn_kv[ends[0]] ** 2
    return np.maximum(found, found.T)


def _write_grid(net: Any, grid: Grid, feeder: list[str], folder: Path) -> None:
    net.sgen["scaling"] = PV_GROWTH
    row_of = {index: row for row, index in enumerate(net.bus.index)}  # no bus-bus switches here
    write_network(
        net,
        folder,
        load_profiles={
            name: "industry" if kind == "MV Load" else CLASSES[round(p_mw, 2)]
            for name, kind, p_mw in zip(
                net.load["name"], net.load["type"], net.load["p_mw"], strict=True
            )
        },
        generator_profiles={
            name: FEEDERS[feeder[row_of[bus]]][1]
            for name, bus in zip(net.sgen["name"], net.sgen["bus"], strict=True)
        },
        positions_in_degrees=True,
    )
    assert len(row_of) == grid.n_buses


def _stations(grid: Grid, feeder: list[str]) -> dict[str, int]:
    """Return the bus of each station, by name: substations first, then along each feeder.

    In a feeder the first is electrically farthest from its substation, where voltages are extreme;
    each other is farthest from those there are. Numbers count from the substation.
    """
    bus_of = {name: k for k, name in enumerate(grid.bus_name)}
    distance = shortest_path(_impedance_pu(grid), directed=False)
    found = {name: bus_of[bus] for name, bus in DEPOTS.items()}
    for name, (first, _, count) in FEEDERS.items():
        members = np.array([bus for bus in range(grid.n_buses) if feeder[bus] == name])
        busbar = min(found.values(), key=lambda bus: distance[bus, bus_of[first]])
        chosen = [busbar]
        for _ in range(count):
            chosen.append(int(members[np.argmax(distance[chosen][:, members].min(axis=0))]))
        ordered = sorted(chosen[1:], key=lambda bus: float(distance[busbar, bus]))
        found |= {f"{name} {k}": bus for k, bus in enumerate(ordered, start=1)}
    return found


def great_circle_km(grid: Grid) -> FloatArray:
    """Return the distances between buses, ``(bus, bus)`` [km]; haversine formula."""
    longitude, latitude = np.radians(grid.x), np.radians(grid.y)
    half = (
        np.sin((latitude[:, None] - latitude) / 2) ** 2
        + np.cos(latitude[:, None])
        * np.cos(latitude)
        * np.sin((longitude[:, None] - longitude) / 2) ** 2
    )
    radius_km = np.degrees(KM_PER_DEGREE)
    distance: FloatArray = 2 * radius_km * np.arcsin(np.sqrt(half))
    return distance


def _write_roads(grid: Grid, stations: dict[str, int], folder: Path) -> None:
    """Join places by a Gabriel graph: a road where no third place lies within its circle.

    K. Gabriel, R. Sokal, A new statistical approach to geographic variation analysis, Systematic
    Zoology 18 (1969) 259-278; as a model of roads D. Watanabe, Evaluating the configuration and the
    travel efficiency on proximity graphs as transportation networks, Forma 23 (2008) 81-87.
    """
    distance = great_circle_km(grid)
    places = dict(stations)
    while True:
        reach = distance[list(places.values())].min(axis=0)
        if reach.max() <= REACH_KM:
            break
        places[f"Junction {len(places) - len(stations) + 1}"] = int(np.argmax(reach))
    buses = list(places.values())
    between = distance[np.ix_(buses, buses)]
    roads = np.zeros_like(between)
    for i, j in combinations(range(len(buses)), 2):
        circle = between[i] ** 2 + between[j] ** 2 < between[i, j] ** 2
        if not circle.any():
            roads[i, j] = between[i, j]
    n = len(stations)
    pairs = ~np.eye(n, dtype=bool)
    straight = between[:n, :n][pairs]
    driven = shortest_path(roads, directed=False)[:n, :n][pairs]
    # Part of the detour lies in the graph; winding roads make up the rest.
    winding = DETOUR / float((driven / straight).mean())
    assert np.isfinite(driven).all()
    assert winding >= 1

    # The plane of the importer.
    x_km = (grid.x - grid.x.min()) * KM_PER_DEGREE * np.cos(np.radians(grid.y.mean()))
    y_km = (grid.y - grid.y.min()) * KM_PER_DEGREE
    nodes = [
        RoadNodeRow(name=name, x_km=round(float(x_km[k]), 4), y_km=round(float(y_km[k]), 4))
        for name, k in places.items()
    ]
    names = list(places)
    links = []
    for i, j in zip(*map(np.ndarray.tolist, np.nonzero(roads)), strict=True):
        in_town = roads[i, j] <= LONGEST_IN_TOWN_KM
        links.append(
            RoadLinkRow(
                from_node=names[i],
                to_node=names[j],
                length_km=round(float(winding * roads[i, j]), 3),
                free_speed_kmh=TOWN_KMH if in_town else COUNTRY_KMH,
                capacity_veh_h=TOWN_VEH_H if in_town else COUNTRY_VEH_H,
            )
        )
    write_rows(folder, "road_nodes.csv", nodes)
    write_rows(folder, "road_links.csv", links)


def _write_vehicles(folder: Path) -> None:
    """Write eight large and four small trailers, half of each at either substation."""
    rows = [
        VehicleRow(
            name=f"truck {k}",
            battery="large" if k <= 8 else "small",
            initial_station=list(DEPOTS)[k % 2],
            usd_per_km=0.7,
            labour_usd_per_h=25,
        )
        for k in range(1, 13)
    ]
    write_rows(folder, "vehicles.csv", rows)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
