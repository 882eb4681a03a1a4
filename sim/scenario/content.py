"""Read all CSV tables of a scenario folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from sim.scenario.csv_table import CsvTable, read_table
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import (
    BusRow,
    GeneratorRow,
    LineRow,
    LoadRow,
    RailNodeRow,
    RailTrackRow,
    RoadLinkRow,
    RoadNodeRow,
    StationRow,
    TrainRow,
    TransformerRow,
    UnitRow,
    VehicleRow,
)
from sim.scenario.schema.values import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """All tables of a folder.

    Attributes
    ----------
    where
        The folder's TOML file, for messages.
    complete
        Whether every row of every table is valid.
    """

    where: str
    complete: bool
    buses: CsvTable[BusRow]
    lines: CsvTable[LineRow]
    transformers: CsvTable[TransformerRow]
    loads: CsvTable[LoadRow]
    generators: CsvTable[GeneratorRow]
    units: CsvTable[UnitRow]
    road_nodes: CsvTable[RoadNodeRow]
    road_links: CsvTable[RoadLinkRow]
    rail_nodes: CsvTable[RailNodeRow]
    rail_tracks: CsvTable[RailTrackRow]
    stations: CsvTable[StationRow]
    vehicles: CsvTable[VehicleRow]
    trains: CsvTable[TrainRow]

    def rows(self) -> dict[str, list[dict[str, object]]]:
        """Return all rows as plain values by file, defaults filled in."""
        tables: tuple[
            CsvTable[BusRow]
            | CsvTable[LineRow]
            | CsvTable[TransformerRow]
            | CsvTable[LoadRow]
            | CsvTable[GeneratorRow]
            | CsvTable[UnitRow]
            | CsvTable[RoadNodeRow]
            | CsvTable[RoadLinkRow]
            | CsvTable[RailNodeRow]
            | CsvTable[RailTrackRow]
            | CsvTable[StationRow]
            | CsvTable[VehicleRow]
            | CsvTable[TrainRow],
            ...,
        ]
        tables = (
            self.buses,
            self.lines,
            self.transformers,
            self.loads,
            self.generators,
            self.units,
            self.road_nodes,
            self.road_links,
            self.rail_nodes,
            self.rail_tracks,
            self.stations,
            self.vehicles,
            self.trains,
        )
        plain: dict[str, list[dict[str, object]]] = {}
        for table in tables:
            rows: list[Table] = [row for _, row in table.rows]
            plain[table.where.rpartition("/")[2]] = [row.model_dump(mode="json") for row in rows]
        return plain


def read_content(folder: Path, where: str, problems: Problems) -> Content:
    """Read all CSV tables of `folder`; what is wrong goes to `problems`."""
    before = len(problems)
    # What moves on rails alone needs neither roads nor trucks.
    has_trains = os.path.lexists(folder / "trains.csv")
    content = Content(
        where=where,
        complete=True,
        buses=read_table(folder, "buses.csv", BusRow, problems),
        lines=read_table(folder, "lines.csv", LineRow, problems, required=False),
        transformers=read_table(
            folder, "transformers.csv", TransformerRow, problems, required=False
        ),
        loads=read_table(folder, "loads.csv", LoadRow, problems),
        generators=read_table(folder, "generators.csv", GeneratorRow, problems, required=False),
        units=read_table(folder, "units.csv", UnitRow, problems, required=False),
        road_nodes=read_table(
            folder, "road_nodes.csv", RoadNodeRow, problems, required=not has_trains
        ),
        road_links=read_table(folder, "road_links.csv", RoadLinkRow, problems, required=False),
        rail_nodes=read_table(folder, "rail_nodes.csv", RailNodeRow, problems, required=has_trains),
        rail_tracks=read_table(folder, "rail_tracks.csv", RailTrackRow, problems, required=False),
        stations=read_table(folder, "stations.csv", StationRow, problems),
        vehicles=read_table(folder, "vehicles.csv", VehicleRow, problems, required=not has_trains),
        trains=read_table(folder, "trains.csv", TrainRow, problems, required=False),
    )
    return replace(content, complete=len(problems) == before)
