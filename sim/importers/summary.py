"""Say what a scenario's folder holds, complete or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from sim.scenario.csv_table import read_table
from sim.scenario.problems import Problems
from sim.scenario.record import column_names
from sim.scenario.schema.csv_rows import (
    BusRow,
    GeneratorRow,
    LineRow,
    LoadRow,
    RoadLinkRow,
    RoadNodeRow,
    StationRow,
    TransformerRow,
    UnitRow,
    VehicleRow,
)
from sim.scenario.schema.values import Table

Row = TypeVar("Row", bound=Table)
RECORD = "profiles.parquet"


def rows_of(folder: Path, file: str, model: type[Row]) -> list[Row]:
    """Return the valid rows of a table, none where there is no such table."""
    return [row for _, row in read_table(folder, file, model, Problems(), required=False).rows]


def summary(folder: Path) -> dict[str, str]:
    """Return a line on each table that the folder has, by file."""
    buses = rows_of(folder, "buses.csv", BusRow)
    loads = rows_of(folder, "loads.csv", LoadRow)
    generators = rows_of(folder, "generators.csv", GeneratorRow)
    units = rows_of(folder, "units.csv", UnitRow)
    links = rows_of(folder, "road_links.csv", RoadLinkRow)
    speeds = [row.free_speed_kmh for row in links]
    lines: dict[str, str] = {
        "buses.csv": f"{len(buses)} buses, {_span([row.vn_kv for row in buses], 'kV')}",
        "lines.csv": f"{len(rows_of(folder, 'lines.csv', LineRow))} lines",
        "transformers.csv": f"{len(rows_of(folder, 'transformers.csv', TransformerRow))} "
        "transformers",
        "loads.csv": f"{len(loads)} loads, {sum(row.p_mw for row in loads):.4g} MW, "
        f"{sum(row.q_mvar for row in loads):.4g} Mvar",
        "generators.csv": f"{len(generators)} generators, "
        f"{sum(row.p_mw for row in generators):.4g} MW",
        "units.csv": f"{len(units)} units, {sum(row.p_max_mw for row in units):.4g} MW",
        "road_nodes.csv": f"{len(rows_of(folder, 'road_nodes.csv', RoadNodeRow))} nodes",
        "road_links.csv": f"{len(links)} roads, {sum(row.length_km for row in links):,.1f} km, "
        f"{_span(speeds, 'km/h')}",
        "stations.csv": f"{len(rows_of(folder, 'stations.csv', StationRow))} stations",
        "vehicles.csv": f"{len(rows_of(folder, 'vehicles.csv', VehicleRow))} vehicles",
    }
    record = folder / RECORD
    if record.exists():
        names = [name for name in column_names(record, RECORD, Problems()) if name != "time"]
        lines[RECORD] = f"{len(names)} columns: {', '.join(names[:10])}" + ", ..." * (
            len(names) > 10
        )
    return {file: text for file, text in lines.items() if (folder / file).exists()}


def _span(values: Sequence[float], unit: str) -> str:
    """Return the lowest and the highest of some values."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return f"{low:.4g} {unit}" if low == high else f"{low:.4g} to {high:.4g} {unit}"
