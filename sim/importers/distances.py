"""Import roads from a matrix of distances between stations."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import shortest_path

from sim.importers.folder import write_rows
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow
from sim.units import FloatArray

LEAST_KM, MOST_KM = 1e-9, 20_000.0
NO_ROAD = {"", "-", "inf", "nan"}


def write_roads_from_distances(
    matrix: str | Path,
    folder: str | Path,
    *,
    speed_kmh: float = 50.0,
    capacity_veh_h: float = 1000.0,
) -> None:
    """Write ``road_nodes.csv`` and ``road_links.csv``: a direct link for each pair of the matrix.

    Parameters
    ----------
    matrix
        CSV file, square: names in the header and, in the same order, in the first column;
        distances in km from the row's place to the column's. An empty cell, ``-`` or ``inf`` means
        no direct road. The diagonal is not read.
    folder
        The scenario's folder; made if it does not exist.
    speed_kmh
        Speed on the empty roads [km/h].
    capacity_veh_h
        Capacity of each direction [vehicles/h].

    Raises
    ------
    InputError
        Names every cell that is no distance, by line and column.

    Notes
    -----
    Positions of the nodes are the planar ones whose distances come nearest to the driving
    distances (classical multidimensional scaling; Torgerson, Psychometrika 17, 1952). They only
    serve maps.
    """
    path = Path(matrix)
    problems = Problems()
    if not speed_kmh > 0:
        problems.add("speed_kmh", "speed_kmh", speed_kmh, "is no speed", "Give km/h above 0")
    if not capacity_veh_h > 0:
        remedy = "Give vehicles/h above 0"
        problems.add("capacity_veh_h", "capacity_veh_h", capacity_veh_h, "is no capacity", remedy)
    names, distance_km = _read_matrix(path, problems)
    problems.raise_if_any()
    links = []
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            two_way = distance_km[i, j] == distance_km[j, i]
            if i == j or not np.isfinite(distance_km[i, j]) or (two_way and j < i):
                continue
            links.append(
                RoadLinkRow(
                    from_node=start,
                    to_node=end,
                    length_km=float(distance_km[i, j]),
                    free_speed_kmh=speed_kmh,
                    capacity_veh_h=capacity_veh_h,
                    two_way=bool(two_way),
                )
            )
    x_km, y_km = _positions(distance_km)
    nodes = [
        RoadNodeRow(name=name, x_km=round(float(x), 3), y_km=round(float(y), 3))
        for name, x, y in zip(names, x_km, y_km, strict=True)
    ]
    write_rows(Path(folder), "road_nodes.csv", nodes)
    write_rows(Path(folder), "road_links.csv", links)


def _read_matrix(path: Path, problems: Problems) -> tuple[list[str], FloatArray]:
    """Return the names and the distances, infinite where there is no road."""
    where = path.name
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.add(where, "file", path.name, f"cannot be read ({error})", "Save it as UTF-8 CSV")
        return [], np.empty((0, 0))
    names = [cell.strip() for cell in lines[0][1][1:]] if lines else []
    body = lines[1:]
    if len(names) < 2 or len(set(names)) < len(names) or "" in names:
        message = "does not hold two or more different names after its first cell"
        problems.add(where, "header", names, message, "Name every column once")
        return names, np.empty((0, 0))
    rows = [cells[0].strip() for _, cells in body]
    if rows != names:
        message = f"are not the names of the header, {', '.join(names)}"
        problems.add(where, "first column", ", ".join(rows), message, "Use the header's order")
        return names, np.empty((0, 0))
    distance_km = np.full((len(names), len(names)), np.inf)
    for i, (number, cells) in enumerate(body):
        if len(cells) != len(names) + 1:
            message = f"has {len(cells) - 1} distances for {len(names)} columns"
            problems.add(where, f"line {number}", ",".join(cells), message, "Give one per column")
            continue
        for j, cell in enumerate(cells[1:]):
            if i == j or cell.strip().lower() in NO_ROAD:
                continue
            distance_km[i, j] = _distance(cell)
            if not LEAST_KM <= distance_km[i, j] <= MOST_KM:
                problems.add(
                    where,
                    f"line {number}, {names[j]}",
                    cell,
                    f"is no distance above 0 and up to {MOST_KM:,.0f} km",
                    "Write kilometres, or leave the cell empty where there is no direct road",
                )
    return names, distance_km


def _distance(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _positions(distance_km: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return planar positions that suit the distances, ``(place,)`` [km]."""
    driven = shortest_path(np.where(np.isfinite(distance_km), distance_km, 0.0), directed=False)
    # Places that no road joins are drawn beside each other.
    driven[~np.isfinite(driven)] = driven[np.isfinite(driven)].max(initial=1.0)
    squared = driven**2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    strength, axes = np.linalg.eigh(-0.5 * centred)
    largest = axes[:, -2:] * np.sqrt(np.maximum(strength[-2:], 0.0))
    # Eigenvectors have no sign of their own; the first place is put to the lower left.
    largest *= np.where(largest[0] > 0, -1.0, 1.0)
    return largest[:, 1], largest[:, 0]
