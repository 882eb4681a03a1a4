"""The roads of a file as a graph of OSMnx: the largest part in which all is reached, simplified."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from sim.errors import InputError
from sim.importers.osm.classes import class_of, lanes, speed_kmh
from sim.importers.osm.xml_file import write_roads_only
from sim.scenario.problems import Problems

XML, GRAPHML = {".osm", ".xml"}, {".graphml"}
LEAST_M = 0.01
SUMMED = {"length": sum, "hours": sum, "capacity": min}


def read_graph(path: Path, problems: Problems) -> tuple[Any, list[str]]:
    """Return the graph and what is to be said of it; what is wrong is noted by element.

    Nodes have ``x`` and ``y`` [degrees], edges ``length`` [m], ``hours`` and ``capacity``
    [vehicles/h]. Without problems the graph has an edge or more.
    """
    osmnx = _osmnx()
    if path.suffix.lower() in XML:
        graph, said = _from_xml(osmnx, path, problems)
    elif path.suffix.lower() in GRAPHML:
        graph, said = _from_graphml(osmnx, path, problems)
    else:
        _refuse_name(path, problems)
        return None, []
    if len(problems):
        return None, []
    said += _set_speeds(graph)
    if not graph.number_of_edges():
        message, remedy = "holds no road of a class", "Give an extract with tags of highway"
        problems.add(path.name, "file", str(path), message, remedy)
        return None, []
    before_km = _length_km(graph)
    graph = osmnx.truncate.largest_component(graph, strongly=True)
    lost_km = before_km - _length_km(graph)
    if lost_km > 0.001:
        said.append(
            f"{lost_km:,.1f} of {before_km:,.1f} km lie outside the largest part in which every "
            "place is reached from every other, and are left out"
        )
    if not graph.graph.get("simplified"):
        graph = osmnx.simplify_graph(graph, remove_rings=False, edge_attr_aggs=SUMMED)
    graph.remove_edges_from([edge for edge in graph.edges if edge[0] == edge[1]])
    if not graph.number_of_edges():
        message = "holds no two places that are reached from each other"
        problems.add(path.name, "file", str(path), message, "Give a larger extract")
    return graph, said


def _osmnx() -> Any:
    try:
        import osmnx
    except ImportError as error:
        raise InputError.single(
            where="osm",
            key="package",
            value="osmnx",
            message="is not installed",
            remedy="pip install 'gridhaul[osm]'",
        ) from error
    return osmnx


def _refuse_name(path: Path, problems: Problems) -> None:
    name = path.name.lower()
    stem = path.name[: len(path.name) - 4] if name.endswith(".pbf") else f"{path.stem}.osm"
    message, remedy = "is neither .osm nor .graphml", "Give OpenStreetMap's XML, or GraphML"
    if name.endswith(".pbf"):
        stem = stem if stem.lower().endswith(".osm") else f"{stem}.osm"
        message, remedy = "is packed", f"Convert it: osmium cat {path.name} -o {stem}"
    elif path.suffix.lower() in (".bz2", ".gz", ".zip"):
        message, remedy = "is packed", "Unpack it"
    problems.add(path.name, "file", str(path), message, remedy)


def _from_xml(osmnx: Any, path: Path, problems: Problems) -> tuple[Any, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        roads = Path(folder) / "roads.osm"
        said = write_roads_only(path, roads, problems)
        if len(problems):
            return None, []
        return osmnx.graph_from_xml(roads, simplify=False, retain_all=True), said


def _from_graphml(osmnx: Any, path: Path, problems: Problems) -> tuple[Any, list[str]]:
    remedy = "Give a graph of roads saved by osmnx.save_graphml"
    if not path.is_file():
        problems.add(path.name, "file", str(path), "is no file", remedy)
        return None, []
    try:
        graph = osmnx.load_graphml(path)
        projected = osmnx.projection.is_projected(graph.graph["crs"])
    except Exception as error:  # noqa: BLE001 - parsers and converters raise a dozen kinds
        message = f"cannot be read as a graph of OSMnx ({type(error).__name__}: {error})"
        problems.add(path.name, "file", str(path), message, remedy)
        return None, []
    if projected or not graph.is_directed():
        message = "is projected" if projected else "is not directed"
        problems.add(path.name, "file", str(path), message, "Save it as OSMnx has read it")
        return None, []
    for node, data in graph.nodes(data=True):
        place = data.get("x", math.nan), data.get("y", math.nan)
        if not (abs(place[0]) <= 180 and abs(place[1]) <= 90):
            message = "has no longitude and latitude"
            problems.add(path.name, f"node {node}", place, message, "Correct its x and y")
    for start, end, data in graph.edges(data=True):
        length = data.get("length", math.nan)
        if not 0 <= length < math.inf:
            message = "is no length in m"
            problems.add(path.name, f"edge {start} to {end}", length, message, "Correct it")
    return graph, []


def _set_speeds(graph: Any) -> list[str]:
    """Leave of edges length, hours and capacity, and out what trucks do not use."""
    n_edges, dropped, unsaid = graph.number_of_edges(), [], 0
    for start, end, key, data in graph.edges(keys=True, data=True):
        road = class_of(data)
        if road is None:
            dropped.append((start, end, key))
            continue
        stated = speed_kmh(data)
        unsaid += stated is None
        length_m = max(data["length"], LEAST_M)
        n_lanes = lanes(data) or road.lanes
        data.clear()
        data["length"] = length_m
        data["hours"] = length_m / 1000 / (stated or road.speed_kmh)
        data["capacity"] = n_lanes * road.lane_veh_h
    graph.remove_edges_from(dropped)
    said = []
    if dropped:
        said.append(f"{len(dropped)} edges have no class of roads and are left out")
    if unsaid:
        said.append(
            f"{unsaid} of {n_edges - len(dropped)} stretches state no usable maxspeed and have the "
            "speed of their class"
        )
    return said


def _length_km(graph: Any) -> float:
    return float(sum(length for _, _, length in graph.edges(data="length"))) / 1000
