"""Data of the animated map: roads, grid, and positions of vehicles at every step."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sim.report.figures.timeline import ACTIVITIES, Bar
from sim.report.html.embedding import columns
from sim.report.html.layout import positions
from sim.report.html.trajectories import trajectory
from sim.units import FloatArray

STEP_PU = 1e-4  # what the map can show of a voltage
UNKNOWN = 2**16 - 1


def content(
    system: Mapping[str, Any],
    vm_pu: Mapping[str, pd.DataFrame],
    loading_percent: Mapping[str, pd.DataFrame],
    vehicles: Mapping[str, pd.DataFrame],
    bars: Mapping[str, Sequence[Bar]],
    evs: Mapping[str, pd.DataFrame],
    outages: pd.DataFrame,
    congestion: pd.DataFrame,
    start: pd.Timestamp,
    shown: str = "",
) -> dict[str, object]:
    """Return what the script of the map draws.

    Parameters
    ----------
    system
        The part of the study's manifest about the system.
    vm_pu
        Voltages by controller, index ``time_h``, one column per bus [pu].
    loading_percent
        Loadings by controller, index ``time_h``, one column per branch [%].
    vehicles, bars
        Tables of vehicles and their activities by controller; see `Episode`.
    evs
        Groups of electric cars by controller; see `Episode.ev_groups`.
    outages, congestion
        Lines out of service and slow roads that day; see `Episode`.
    start
        Time stamp of hour 0.
    shown
        The controller whose day the map opens with; the first unless it is one of them.
    """
    place = system["map"]
    road_x, road_y = place["road_x_km"], place["road_y_km"]
    ends = [(start, end) for start, end, closed in place["branches"] if closed]
    bus_x, bus_y, drawn_up = positions(place["bus_x"], place["bus_y"], ends, place["sources"])
    if drawn_up:
        bus_x, bus_y = _place_right_of_roads(bus_x, bus_y, road_x, road_y)
    trains = place.get("rails", {}).get("trains", ())  # none in folders of earlier versions
    n_steps = min(len(table) for table in vm_pu.values())
    groups = place.get("evs", ()) if evs else ()
    return {
        "start": start.isoformat(),
        "step_h": system["step_h"],
        "steps": n_steps,
        "shown": shown if shown in vm_pu else next(iter(vm_pu)),
        "buses": system["buses"],
        "drawn_up": drawn_up,
        "bus_x": _rounded(bus_x),
        "bus_y": _rounded(bus_y),
        "v_min_pu": _rounded(system["v_min_pu"]),
        "v_max_pu": _rounded(system["v_max_pu"]),
        "branches": place["branches"],
        "branch_names": [str(name) for name in next(iter(loading_percent.values()))],
        "outages": [
            {"branch": place["lines"].index(line), "line": line, "from_h": from_h, "to_h": to_h}
            for line, from_h, to_h in outages[["line", "from_h", "to_h"]].itertuples(index=False)
        ],
        "sources": place["sources"],
        "road_x": _rounded(road_x),
        "road_y": _rounded(road_y),
        "road_links": place["road_links"],
        "road_speed": _road_speed(congestion, place, system["step_h"], n_steps),
        "evs": [{"name": name, "bus": bus} for name, bus in groups],
        "rail_links": _rail_links(place),
        "stations": [
            {"name": own["name"], "bus": bus, "node": node}
            for own, (bus, node) in zip(system["stations"], place["stations"], strict=True)
        ],
        "vehicles": [
            {"name": name, "mwh": mwh}
            for name, mwh in zip(system["vehicles"], place["vehicle_mwh"], strict=True)
        ],
        "activities": list(ACTIVITIES),
        "controllers": [
            {
                "name": name,
                "vm": _packed(vm_pu[name]),
                "loading": _in_percent(loading_percent[name].to_numpy(dtype=float)),
                "evs": [
                    _rounded(evs[name].loc[evs[name]["group"] == group, "p_mw"])
                    for group, _ in (groups if name in evs else ())
                ],
                "trucks": [
                    _truck(
                        vehicles[name][vehicles[name]["vehicle"] == vehicle],
                        [bar for bar in bars[name] if bar.vehicle == vehicle],
                        system,
                        first_station,
                        on_rails=vehicle in trains,
                    )
                    for vehicle, first_station in zip(
                        system["vehicles"], place["vehicle_stations"], strict=True
                    )
                ],
            }
            for name in vm_pu
        ],
    }


def caption(day: str, drawn: Mapping[str, object]) -> str:
    """Return what stands below the map of a day; `drawn` comes from `content`."""
    out = " Bold and dashed: a line out of service at the time shown."
    rails = ", wide and dashed: rails" if drawn["rail_links"] else ""
    who = "Vehicles" if drawn["rail_links"] else "Trucks"
    tree = "beside the roads as a tree, for nobody knows where its buses are; "
    cars = " Diamonds: electric cars, the larger the more power." if drawn["evs"] else ""
    return (
        f"A map of {day}. {who} are where they are at the time shown; voltages, loadings and roads "
        f"are those of the step that ends then. Wide: roads{rails}; thin: lines of the grid, "
        f"{tree if drawn['drawn_up'] else ''}dashed where open or without supply; dotted: from a "
        f"station to its bus.{cars}{out if drawn['outages'] else ''}"
    )


def data(vehicles: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """Return where every vehicle was, for the download."""
    chosen = ["time_h", "vehicle", "status", "station", "energy_mwh", "p_mw", "x_km", "y_km"]
    tables = [table[chosen].assign(controller=name) for name, table in vehicles.items()]
    return columns(pd.concat(tables)[["controller", *chosen]])


def _truck(
    readings: pd.DataFrame,
    bars: Sequence[Bar],
    system: Mapping[str, Any],
    first_station: int,
    *,
    on_rails: bool,
) -> dict[str, object]:
    stations = {own["name"]: i for i, own in enumerate(system["stations"])}
    nodes = {name: system["map"]["stations"][i][1] for name, i in stations.items()}
    place = system["map"]
    if on_rails:
        first_rail = len(place["road_nodes"]) - len(place["rails"]["nodes"])
        nodes = {
            name: first_rail + node
            for name, node in zip(stations, place["rails"]["stations"], strict=True)
            if node is not None
        }
        place = {**place, "road_links": _rail_links(place)}
    first_node = nodes[system["stations"][first_station]["name"]]
    points = trajectory(readings, bars, place, nodes, first_node)
    return {
        "mwh": _rounded(readings["energy_mwh"]),
        "mw": _rounded(readings["p_mw"]),
        # Each until when: what it did, and at which station or to which.
        "bars": [
            [round(bar.end_h, 4), ACTIVITIES.index(bar.activity), stations.get(bar.station)]
            for bar in bars
        ],
        "track": [[round(own, 4) for own in point[:3]] for point in points],
    }


def _rail_links(place: Mapping[str, Any]) -> list[list[int]]:
    """Return the links of the railway among all nodes: those of the roads come first."""
    rails = place.get("rails", {"nodes": [], "links": []})
    first = len(place["road_nodes"]) - len(rails["nodes"])
    return [[first + start, first + end] for start, end in rails["links"]]


def _packed(vm_pu: pd.DataFrame) -> str:
    """Return voltages as 16-bit multiples of `STEP_PU` in base64, steps first."""
    values = vm_pu.to_numpy(dtype=float) / STEP_PU
    known = np.isfinite(values)
    whole = np.where(known, np.clip(np.rint(values), 0, UNKNOWN - 1), UNKNOWN)
    return base64.b64encode(whole.astype("<u2").tobytes()).decode("ascii")


def _in_percent(values: FloatArray) -> str:
    """Return shares in percent as bytes in base64; what is not known or not there is 0."""
    whole = np.clip(np.rint(np.nan_to_num(values)), 0, 255)
    return base64.b64encode(whole.astype("u1").tobytes()).decode("ascii")


def _road_speed(
    congestion: pd.DataFrame, place: Mapping[str, Any], step_h: float, n_steps: int
) -> str:
    """Return the speed on each road by step as `_in_percent`, the slower way; empty if all flow."""
    links = {tuple(link): i for i, link in enumerate(place["road_links"])}
    nodes = {name: i for i, name in enumerate(place["road_nodes"])}
    percent = np.full((n_steps, len(links)), 100.0)
    table = congestion.reindex(columns=["time_h", "from_node", "to_node", "speed_share"])
    for time_h, start, end, share in table.to_numpy():
        ends = tuple(sorted((nodes.get(start, -1), nodes.get(end, -1))))
        step = round(time_h / step_h)
        if 0 <= step < n_steps and ends in links:  # a folder from elsewhere may hold anything
            at = step, links[ends]
            percent[at] = min(percent[at], 100 * share)
    return _in_percent(percent) if len(congestion) else ""


def _rounded(values: Any) -> list[float | None]:
    return [round(float(own), 4) if np.isfinite(own) else None for own in values]


def _place_right_of_roads(
    bus_x: list[float], bus_y: list[float], road_x: list[float], road_y: list[float]
) -> tuple[list[float], list[float]]:
    """Return a tree scaled to the height of the roads and moved to their right."""
    if not road_x:
        return bus_x, bus_y
    left, right, low, high = min(road_x), max(road_x), min(road_y), max(road_y)
    size = max(right - left, high - low) or 1.0
    scale_x = size / (max(bus_x) - min(bus_x) or 1.0)
    scale_y = size / (max(bus_y) - min(bus_y) or 1.0)
    return (
        [right + 0.2 * size + (x - min(bus_x)) * scale_x for x in bus_x],
        [(low + high) / 2 + size / 2 + (y - max(bus_y)) * scale_y for y in bus_y],
    )
