"""Import roads in the TNTP format of the collection "Transportation Networks for Research".

Units differ from network to network, and the files do not name them; each network's README does.
Some networks, such as Sioux Falls, give free-flow times in the place of lengths.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from sim.importers.folder import write_rows
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow

_TAG = re.compile(r"<([^>]+)>\s*([^~]*)")
LINK_COLUMNS = ("init_node", "term_node", "capacity", "length", "free_flow_time", "b", "power")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    line: int
    start: int
    end: int
    length_km: float
    speed_kmh: float
    capacity_veh_h: float
    b: float
    power: float


def write_roads_from_tntp(
    net_file: str | Path,
    node_file: str | Path,
    folder: str | Path,
    *,
    length_unit_km: float = 1.0,
    time_unit_h: float = 1.0 / 60.0,
    coordinate_unit_km: float = 1.0,
    capacity_unit_veh_h: float = 1.0,
) -> dict[str, object]:
    """Write ``road_nodes.csv`` and ``road_links.csv`` from ``_net.tntp`` and ``_node.tntp``.

    Zones (nodes below ``<FIRST THRU NODE>``) are where trips begin and end, not places on the road:
    they and the connectors that lead to them are left out. Two links that differ only in direction
    become one two-way row. Tolls, speed limits and link types are not read: the speed on an empty
    road is its length over its free-flow time.

    Parameters
    ----------
    net_file, node_file
        The two files; node files hold number, x and y.
    folder
        The scenario's folder; made if it does not exist.
    length_unit_km
        Length of the files' unit of length [km]: 1 for kilometres, 1.609344 for miles, 0.0003048
        for feet.
    time_unit_h
        Length of the files' unit of time [h]: 1/60 for minutes.
    coordinate_unit_km
        Length of the unit of the nodes' positions [km]. Positions only serve maps.
    capacity_unit_veh_h
        What the files' capacities are counted in [vehicles/h]: 1/24 for vehicles a day.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` with the volume-delay function (``traffic.alpha`` and
        ``traffic.beta``) if all links have the same; empty otherwise, because a scenario has one.

    Raises
    ------
    InputError
        Names everything that is wrong, by line: missing columns, values that are no numbers, links
        without length or time, numbers of nodes and links that differ from the metadata.
    """
    problems = Problems()
    units = {
        "length_unit_km": length_unit_km,
        "time_unit_h": time_unit_h,
        "coordinate_unit_km": coordinate_unit_km,
        "capacity_unit_veh_h": capacity_unit_veh_h,
    }
    for key, value in units.items():
        if not (math.isfinite(value) and value > 0):
            problems.add(key, key, value, "is no unit", "Give a number above 0")
    problems.raise_if_any()
    tags, links = _read_links(Path(net_file), units, problems)
    places = _read_nodes(Path(node_file), coordinate_unit_km, problems)
    for link in links:
        for number in (link.start, link.end):
            if number not in places:
                key = f"line {link.line}, node"
                message = f"is no node of {Path(node_file).name}"
                problems.add(Path(net_file).name, key, number, message, "Add its position")
    problems.raise_if_any()
    first = int(tags.get("FIRST THRU NODE", "1"))
    nodes = [
        RoadNodeRow(name=str(number), x_km=x, y_km=y)
        for number, (x, y) in places.items()
        if number >= first
    ]
    write_rows(Path(folder), "road_nodes.csv", nodes)
    write_rows(Path(folder), "road_links.csv", _rows(links))
    laws = {(link.b, link.power) for link in links}
    if len(laws) != 1:
        return {}
    ((alpha, beta),) = laws
    return {"traffic": {"alpha": alpha, "beta": beta}}


def _read_links(
    path: Path, units: dict[str, float], problems: Problems
) -> tuple[dict[str, str], list[_Link]]:
    """Return the metadata and the links between places that are no zones."""
    where = path.name
    tags, header, body = _split(path, problems)
    missing = [name for name in LINK_COLUMNS if name not in header]
    if missing:
        if header or not len(problems):
            remedy = "Give a line '~ init_node term_node capacity ... ;' before the links"
            problems.add(where, "header", header, f"lacks {', '.join(missing)}", remedy)
        return tags, []
    first = _whole(tags, "FIRST THRU NODE", where, problems) or 1
    links = []
    count = 0
    for line, cells in body:
        count += 1
        values = _numbers(cells, header, LINK_COLUMNS, where, line, problems)
        if values is None:
            continue
        start, end = int(values["init_node"]), int(values["term_node"])
        if min(start, end) < first:
            continue
        wrong = [key for key in ("capacity", "length", "free_flow_time") if not values[key] > 0]
        for key in wrong:
            remedy = "Correct it, or remove the link"
            problems.add(where, f"line {line}, {key}", values[key], "is not above 0", remedy)
        if wrong:
            continue
        length_km = values["length"] * units["length_unit_km"]
        links.append(
            _Link(
                line=line,
                start=start,
                end=end,
                length_km=length_km,
                speed_kmh=length_km / (values["free_flow_time"] * units["time_unit_h"]),
                capacity_veh_h=values["capacity"] * units["capacity_unit_veh_h"],
                b=values["b"],
                power=values["power"],
            )
        )
    stated = _whole(tags, "NUMBER OF LINKS", where, problems)
    if stated is not None and stated != count:
        message = f"but the file has {count} links"
        problems.add(where, "<NUMBER OF LINKS>", stated, message, "Complete the file")
    return tags, links


def _read_nodes(path: Path, unit_km: float, problems: Problems) -> dict[int, tuple[float, float]]:
    """Return the position of every node by number [km]."""
    where = path.name
    _, header, body = _split(path, problems)
    if header[:3] != ["node", "x", "y"]:
        if header:
            remedy = "Give a line 'Node X Y ;' before the nodes"
            problems.add(where, "header", header, "is not node, x, y", remedy)
        return {}
    places: dict[int, tuple[float, float]] = {}
    for line, cells in body:
        values = _numbers(cells, header, ("node", "x", "y"), where, line, problems)
        if values is None:
            continue
        number = int(values["node"])
        if number in places:
            problems.add(where, f"line {line}, node", number, "stands there twice", "Remove one")
        places[number] = (round(values["x"] * unit_km, 4), round(values["y"] * unit_km, 4))
    return places


def _split(
    path: Path, problems: Problems
) -> tuple[dict[str, str], list[str], list[tuple[int, list[str]]]]:
    """Return metadata, names of the columns in lower case, and the cells of each numbered line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.add(path.name, "file", str(path), f"cannot be read ({error})", "Check the path")
        return {}, [], []
    tags: dict[str, str] = {}
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        if tag := _TAG.match(line.strip()):
            tags[tag[1].strip().upper()] = tag[2].strip()
        # ``~`` opens the header, ``;`` ends each row.
        elif cells := line.replace(";", " ").lstrip(" \t~").split():
            rows.append((number, cells))
    header = [cell.lower() for cell in rows[0][1]] if rows else []
    if not rows:
        problems.add(path.name, "file", str(path), "holds no rows", "Check the file")
    return tags, header, rows[1:]


def _numbers(
    cells: list[str],
    header: list[str],
    names: tuple[str, ...],
    where: str,
    line: int,
    problems: Problems,
) -> dict[str, float] | None:
    values = {}
    for name in names:
        place = header.index(name)
        text = cells[place] if place < len(cells) else ""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            remedy = "Write a number"
            problems.add(where, f"line {line}, {name}", text, "is no number", remedy)
            return None
        values[name] = value
    return values


def _whole(tags: dict[str, str], name: str, where: str, problems: Problems) -> int | None:
    """Return the whole number of a tag, None where there is no such tag."""
    if name not in tags:
        return None
    if not tags[name].isdecimal():
        remedy = "Write the number behind the tag"
        problems.add(where, f"<{name}>", tags[name], "is no whole number", remedy)
        return None
    return int(tags[name])


def _rows(links: list[_Link]) -> list[RoadLinkRow]:
    """Return the links as rows; two that are each other's way back become one."""
    waiting: dict[tuple[object, ...], int] = {}
    rows: list[RoadLinkRow] = []
    for link in links:
        what = (link.length_km, link.speed_kmh, link.capacity_veh_h)
        back = waiting.pop((link.end, link.start, *what), None)
        if back is not None:
            rows[back] = rows[back].model_copy(update={"two_way": True})
            continue
        waiting[(link.start, link.end, *what)] = len(rows)
        rows.append(
            RoadLinkRow(
                from_node=str(link.start),
                to_node=str(link.end),
                length_km=link.length_km,
                free_speed_kmh=link.speed_kmh,
                capacity_veh_h=link.capacity_veh_h,
                two_way=False,
            )
        )
    return rows
