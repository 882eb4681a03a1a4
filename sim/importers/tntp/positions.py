"""Where the nodes of a TNTP network are: as its node file says, or laid out by distance."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from sim.importers.positions import DEGREES, on_a_plane
from sim.importers.tntp.network import Link
from sim.importers.tntp.table import read_tntp
from sim.scenario.problems import Problems
from sim.units import FloatArray

SPELLINGS = {"node": ("nodeid", "id", "nodenumber"), "x": ("xcoord",), "y": ("ycoord",)}
PIVOTS = 50
Places = dict[int, tuple[float, float]]


def node_file_beside(net_file: Path) -> Path | None:
    """Return the file of the same folder and beginning whose name says nodes, None without one."""
    begin = re.split(r"[-_. ]?net", net_file.stem, maxsplit=1, flags=re.IGNORECASE)[0].lower()
    found = [
        path
        for path in sorted(net_file.parent.glob("*.tntp"))
        if path.name.lower().startswith(begin)
        and re.search(r"node", path.name[len(begin) :], re.IGNORECASE)
    ]
    return found[0] if len(found) == 1 and found[0] != net_file else None


def read_positions(path: Path, unit_km: float | str, problems: Problems) -> Places:
    """Return the position of every node by number [km].

    Parameters
    ----------
    path
        A file of numbers, x and y; without a header, in this order.
    unit_km
        Length of the unit of x and y [km], or ``"degrees"`` of longitude and latitude.
    problems
        Takes note of what is wrong, by line.
    """
    table = read_tntp(path, problems)
    columns = table and table.places(SPELLINGS, tuple(SPELLINGS), problems)
    if table is None or not columns:
        return {}
    places: Places = {}
    for line, cells in table.rows:
        values = table.numbers(line, cells, columns, problems)
        if values is None:
            continue
        number = table.node(line, "node", values["node"], problems)
        if number in places:
            message = "stands there twice"
            problems.add(table.where, f"line {line}, node", number, message, "Remove one")
        if unit_km == DEGREES and not (abs(values["x"]) <= 360 and abs(values["y"]) <= 90):
            message = "is no longitude and latitude"
            position = f"{values['x']:g}, {values['y']:g}"
            problems.add(
                table.where, f"line {line}", position, message, "Give the unit's length in km"
            )
        places[number] = values["x"], values["y"]
    if not places:
        return {}
    if isinstance(unit_km, str):
        found = on_a_plane(places)
    else:
        found = {k: (round(x * unit_km, 4), round(y * unit_km, 4)) for k, (x, y) in places.items()}
    for number, place in found.items():
        if max(abs(each) for each in place) > 1e9:
            message = "is further away than 1e9 km"
            problems.add(table.where, f"node {number}", place, message, "Correct the unit")
    return found


def lay_out(nodes: Sequence[int], links: Sequence[Link]) -> Places:
    """Return positions whose distances come near to those by road [km].

    Multidimensional scaling by the distances to some pivots, each the node farthest from those
    before (Brandes and Pich, *Eigensolver methods for progressive multidimensional scaling of large
    data*, Graph Drawing 2006). Parts that are not connected are put side by side.
    """
    row = {node: k for k, node in enumerate(nodes)}
    n = len(nodes)
    # Parallel links are summed by a sparse matrix: the shortest of them counts.
    shortest: dict[tuple[int, int], float] = {}
    for link in links:
        ends = row[min(link.start, link.end)], row[max(link.start, link.end)]
        shortest[ends] = min(link.length_km, shortest.get(ends, math.inf))
    pairs = np.array(list(shortest), dtype=np.int64).reshape(-1, 2)
    length_km = np.array(list(shortest.values()))
    graph = csr_array((length_km, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    nearest = np.full(n, np.inf)
    pivot, found = 0, []
    for _ in range(min(PIVOTS, n)):
        away = dijkstra(graph, directed=False, indices=np.array([pivot]))[0]
        found.append(away)
        nearest = np.minimum(nearest, away)
        reached = np.where(np.isfinite(nearest), nearest, -1.0)
        # A part without a pivot comes before the farthest node.
        pivot = int(np.argmin(np.isfinite(nearest)) if (reached < 0).any() else reached.argmax())
    position = _scale(np.array(found).T)
    return {
        node: (round(float(x), 4), round(float(y), 4))
        for node, (x, y) in zip(nodes, position, strict=True)
    }


def _scale(distance_km: FloatArray) -> FloatArray:
    """Return positions ``(node, 2)`` from distances to pivots ``(node, pivot)`` [km]."""
    finite = np.isfinite(distance_km)
    apart_km = 1.2 * distance_km.max(initial=1.0, where=finite)
    squared = np.where(finite, distance_km, apart_km) ** 2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    _, vectors = np.linalg.eigh(centred.T @ centred)
    leading = np.zeros((len(centred), 2))
    leading[:, : min(2, vectors.shape[1])] = (centred @ vectors[:, ::-1])[:, :2]
    # As far apart as the roads are long: squared distances are twice those from the middle.
    extent_km = math.sqrt(float(squared.mean()) / 2)
    extent = math.sqrt(float((leading**2).sum(axis=1).mean())) or 1.0
    positions: FloatArray = leading / extent * extent_km
    return positions
