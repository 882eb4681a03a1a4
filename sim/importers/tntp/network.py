"""Read the links of a TNTP network, with places that no distance or time keeps apart joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sim.importers.tntp.table import TntpTable, read_tntp
from sim.scenario.problems import Problems

SPELLINGS = {
    "init_node": ("init", "from", "fromnode", "tail", "tailnode", "a", "anode"),
    "term_node": ("term", "to", "tonode", "head", "headnode", "b", "bnode"),
    "capacity": ("cap", "totalcapacity"),
    "length": ("len", "distance", "dist"),
    "free_flow_time": ("fftt", "fft", "ftime", "iftime", "freetime", "freeflowtraveltime"),
    "b": ("alpha",),
    "power": ("beta", "p"),
    "toll": (),
}
REQUIRED = tuple(name for name in SPELLINGS if name != "toll")
SLOWEST_KMH, FASTEST_KMH, LONGEST_KM = 0.1, 1000.0, 20_000.0
LARGEST_ALPHA, LARGEST_BETA = 100.0, 20.0
USUAL_ALPHA = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What the numbers of a network are counted in.

    Attributes
    ----------
    length_km, time_h, capacity_veh_h
        The units of length [km], time [h] and capacity [vehicles/h].
    """

    length_km: float
    time_h: float
    capacity_veh_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link between two places on the road.

    Attributes
    ----------
    line
        Its line in the file.
    start, end
        Numbers of its nodes, those that others were joined to.
    tail, head
        Numbers of its nodes in the file.
    length_km, speed_kmh, capacity_veh_h
        Length [km], speed on the empty road [km/h], capacity [vehicles/h].
    alpha, beta
        Parameters of its volume-delay function [-].
    toll, length
        Toll and length as the file counts them.
    """

    line: int
    start: int
    end: int
    tail: int
    head: int
    length_km: float
    speed_kmh: float
    capacity_veh_h: float
    alpha: float
    beta: float
    toll: float
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The roads of a TNTP file.

    Attributes
    ----------
    links
        Links of which both ends are on the road.
    joined
        Node that stands for a node, for all nodes that a link of the road leads to.
    first
        Lowest number of a node on the road.
    said
        What was done that the file does not say, a sentence each.
    """

    links: list[Link]
    joined: dict[int, int]
    first: int
    said: list[str]


def read_network(path: Path, units: Units, problems: Problems) -> Network | None:
    """Return the roads of a ``_net.tntp`` file; what is wrong is noted by line."""
    table = read_tntp(path, problems)
    if table is None:
        return None
    places = table.places(SPELLINGS, REQUIRED, problems)
    if places is None:
        return None
    if not table.header and len(table.rows[0][1]) < len(SPELLINGS):
        places.pop("toll")  # the columns after the power may be missing
    elif not table.header:
        places["toll"] = 8  # behind the speed limit
    first = table.whole("FIRST THRU NODE", problems) or 1
    rows = _rows_on_the_road(table, places, first, problems)
    stated = table.whole("NUMBER OF LINKS", problems)
    if stated is not None and stated != len(table.rows):
        message = f"but the file has {len(table.rows)} links"
        problems.add(table.where, "<NUMBER OF LINKS>", stated, message, "Complete the file")
    joined = _join(rows)
    said = _say_joined(rows)
    unit_capacity = bool(rows) and all(row["capacity"] == 1.0 for _, row in rows)
    if unit_capacity:
        said.append(
            "all capacities are 1, so b stands for b / capacity^power: capacities are those of "
            f"the same volume-delay functions with b = {USUAL_ALPHA}, where they have one"
        )
    links = []
    for line, row in rows:
        if joined[int(row["init_node"])] != joined[int(row["term_node"])]:
            link = _link(table.where, line, row, joined, units, unit_capacity, problems)
            if link is not None:
                links.append(link)
    return Network(links=links, joined=joined, first=first, said=said)


def _rows_on_the_road(
    table: TntpTable, places: Mapping[str, int], first: int, problems: Problems
) -> list[tuple[int, dict[str, float]]]:
    """Return the rows whose ends are no zones, by line."""
    rows = []
    for line, cells in table.rows:
        values = table.numbers(line, cells, places, problems)
        if values is None:
            continue
        before = len(problems)
        ends = [table.node(line, name, values[name], problems) for name in list(places)[:2]]
        if len(problems) > before or min(ends) < first:
            continue
        for name in ("capacity", "length", "free_flow_time", "b", "power"):
            if values[name] < 0 or (name == "capacity" and values[name] == 0):
                limit = "is not above 0" if name == "capacity" else "is below 0"
                remedy = "Correct it, or remove the link"
                problems.add(table.where, f"line {line}, {name}", values[name], limit, remedy)
        if len(problems) == before:
            rows.append((line, values))
    return rows


def _is_connector(row: Mapping[str, float]) -> bool:
    return row["length"] == 0.0 or row["free_flow_time"] == 0.0


def _join(rows: Iterable[tuple[int, Mapping[str, float]]]) -> dict[int, int]:
    """Return the node that stands for each node: the lowest of those joined."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for _, row in rows:
        start, end = root(int(row["init_node"])), root(int(row["term_node"]))
        if _is_connector(row):
            parent[max(start, end)] = min(start, end)
    return {node: root(node) for node in parent}


def _say_joined(rows: list[tuple[int, dict[str, float]]]) -> list[str]:
    said = []
    without_time = sum(row["free_flow_time"] == 0.0 for _, row in rows)
    without_length = sum(row["length"] == 0.0 for _, row in rows) - sum(
        row["length"] == 0.0 == row["free_flow_time"] for _, row in rows
    )
    if without_time:
        said.append(f"the ends of {without_time} links without driving time are one node each")
    if without_length:
        said.append(
            f"the ends of {without_length} links without length are one node each; their driving "
            "times are lost"
        )
    return said


def _link(
    where: str,
    line: int,
    row: Mapping[str, float],
    joined: Mapping[int, int],
    units: Units,
    unit_capacity: bool,
    problems: Problems,
) -> Link | None:
    """Return a link, None and a problem where its values are beyond what a road can have."""
    before = len(problems)
    length_km = row["length"] * units.length_km
    speed_kmh = length_km / max(row["free_flow_time"] * units.time_h, 1e-300)
    alpha, beta, capacity = row["b"], row["power"], row["capacity"] * units.capacity_veh_h
    if unit_capacity and alpha > 0 and beta > 0:
        # alpha v^beta = 0.15 (v / capacity)^beta
        capacity, alpha = (USUAL_ALPHA / alpha) ** (1 / beta) * capacity, USUAL_ALPHA
    speed = f"{row['length']:g} in {row['free_flow_time']:g}"
    for name, shown, value, least, most, unit in (
        ("speed", speed, speed_kmh, SLOWEST_KMH, FASTEST_KMH, "km/h"),
        ("length", row["length"], length_km, 1e-9, LONGEST_KM, "km"),
        ("capacity", row["capacity"], capacity, 1e-9, 1e9, "vehicles/h"),
        ("b", row["b"], alpha, 0.0, LARGEST_ALPHA, ""),
        ("power", row["power"], beta, 0.0, LARGEST_BETA, ""),
    ):
        if not least <= value <= most:
            message = f"makes {value:.4g} {unit}".rstrip() + f", not within {least:g} to {most:g}"
            remedy = "Correct the units, the value, or remove the link"
            problems.add(where, f"line {line}, {name}", shown, message, remedy)
    if len(problems) > before:
        return None
    tail, head = int(row["init_node"]), int(row["term_node"])
    return Link(
        line=line,
        start=joined[tail],
        end=joined[head],
        tail=tail,
        head=head,
        length_km=length_km,
        speed_kmh=speed_kmh,
        capacity_veh_h=capacity,
        alpha=alpha if alpha > 1e-12 else 0.0,
        beta=beta if beta > 1e-12 else 0.0,
        toll=row.get("toll", 0.0),
        length=row["length"],
    )
