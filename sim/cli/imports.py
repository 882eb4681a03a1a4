"""``gridhaul import``: fill a scenario's folder from other formats, draw it, and check it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import whole_number

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of the scenario; made if there is none.")
]
LoadProfileOption = Annotated[
    str, typer.Option(metavar="NAME", help="Profile that loads follow; flat is 1 throughout.")
]
GeneratorProfileOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="Profile that generators follow, if they have none."),
]
CoordinateUnitOption = Annotated[
    str, typer.Option(metavar="KM", help="Unit of positions in km, or degrees.")
]
imports = typer.Typer(
    name="import",
    help="Fill a scenario's folder from files of other formats, draw it, and check it.",
    no_args_is_help=True,
)


@imports.command()
def tntp(
    net_file: Annotated[Path, typer.Argument(metavar="NET", help="The _net.tntp file.")],
    folder: FolderArgument,
    nodes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Positions; default: the _node.tntp file beside NET."),
    ] = None,
    length_unit_km: Annotated[float, typer.Option(help="The file's unit of length in km.")] = 1.0,
    time_unit_h: Annotated[
        float, typer.Option(help="Its unit of time in hours.", show_default="1/60")
    ] = 1 / 60,
    coordinate_unit_km: CoordinateUnitOption = "1",
    capacity_unit_veh_h: Annotated[
        float, typer.Option(help="Unit of capacities in vehicles/h; 1/24 = 0.0416667 for a day's.")
    ] = 1.0,
) -> None:
    """Roads of the collection "Transportation Networks for Research"."""
    from sim.importers.tntp import write_roads_from_tntp
    from sim.importers.tntp.positions import node_file_beside

    node_file = nodes or node_file_beside(net_file)
    if node_file is not None:
        typer.echo(f"positions: {node_file}")
    piece = write_roads_from_tntp(
        net_file,
        node_file,
        folder,
        length_unit_km=length_unit_km,
        time_unit_h=time_unit_h,
        coordinate_unit_km=_unit(coordinate_unit_km),
        capacity_unit_veh_h=capacity_unit_veh_h,
    )
    _finish(folder, piece)


@imports.command()
def pandapower(
    net_file: Annotated[
        Path, typer.Argument(metavar="NET", help="A net saved by pandapower.to_json.")
    ],
    folder: FolderArgument,
    load_profile: LoadProfileOption = "flat",
    generator_profile: GeneratorProfileOption = "flat",
    degrees: Annotated[
        bool, typer.Option("--degrees", help="Positions are longitude and latitude.")
    ] = False,
) -> None:
    """A grid of pandapower."""
    from sim.importers.pandapower import write_network

    piece = write_network(
        net_file,
        folder,
        load_profiles=load_profile,
        generator_profiles=generator_profile,
        positions_in_degrees=degrees,
    )
    _finish(folder, piece)


@imports.command()
def matpower(
    case_file: Annotated[
        Path, typer.Argument(metavar="CASE", help="A .m file of case format 2, or a .mat file.")
    ],
    folder: FolderArgument,
    load_profile: LoadProfileOption = "flat",
    costs: Annotated[
        bool,
        typer.Option("--costs", help="Generators have the costs of the case; one balances it."),
    ] = False,
) -> None:
    """A grid as a MATPOWER case."""
    from sim.importers.matpower import write_network_from_matpower

    piece = write_network_from_matpower(case_file, folder, load_profile=load_profile, costs=costs)
    _finish(folder, piece)


@imports.command()
def opendss(
    master: Annotated[
        Path, typer.Argument(metavar="MASTER", help="The .dss file; OpenDSS runs its commands.")
    ],
    folder: FolderArgument,
    load_profile: LoadProfileOption = "flat",
    generator_profile: GeneratorProfileOption = "",
    generator_kind: Annotated[
        str, typer.Option(metavar="KIND", help="What generators but PV systems are: pv or wind.")
    ] = "none",
    shapes: Annotated[
        str, typer.Option(metavar="WHICH", help="Shapes that become profiles: daily or yearly.")
    ] = "none",
    first_day: Annotated[
        str, typer.Option(metavar="DAY", help="Day on which the shapes begin.")
    ] = "2023-01-01",
    coordinate_unit_km: CoordinateUnitOption = "0.0003048",
    loads: Annotated[
        str, typer.Option(help="Power of loads: nominal, or solved as OpenDSS has it.")
    ] = "nominal",
    most_percent: Annotated[
        float, typer.Option(help="How far the source's power may be from OpenDSS's, in percent.")
    ] = 2.0,
) -> None:
    """A feeder of OpenDSS, as a balanced equivalent (needs the extra opendss)."""
    from sim.importers.opendss import write_network

    piece = write_network(
        master,
        folder,
        load_profile=load_profile,
        generator_profile=generator_profile,
        generator_kind=generator_kind,  # type: ignore[arg-type]
        shapes=shapes,  # type: ignore[arg-type]
        first_day=first_day,
        coordinate_unit_km=_unit(coordinate_unit_km),
        loads=loads,  # type: ignore[arg-type]
        most_percent=most_percent,
    )
    _finish(folder, piece)


@imports.command()
def osm(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A local .osm (XML) or .graphml file.")
    ],
    folder: FolderArgument,
    stations: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Stations: name, bus, longitude, latitude."),
    ] = None,
) -> None:
    """Roads of OpenStreetMap, by class and maxspeed (needs the extra osm)."""
    from sim.importers.osm import write_roads

    _finish(folder, write_roads(file, folder, stations=stations))


@imports.command()
def profiles(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file.")],
    folder: FolderArgument,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Columns to take; default: all.")
    ] = None,
    step_min: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole_number(1, 1440), help="Spacing to be written, in minutes."
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Zone of the stamps, Europe/Berlin; default: none."),
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of the stamps; default: time.")
    ] = None,
    time_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Such as %d/%m/%Y %H:%M; default: ISO.")
    ] = None,
    missing: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="What stands for missing values: refuse, interpolate, hold, zero, day_before.",
        ),
    ] = "refuse",
) -> None:
    """Records of loads and renewables with time stamps."""
    from sim.importers.profiles import write_profiles
    from sim.importers.time_series import Clock

    wanted = [name.strip() for name in columns.split(",")] if columns else None
    said = any(value is not None for value in (zone, time_column, time_format))
    piece = write_profiles(
        source,
        folder,
        columns=wanted,
        step_min=step_min,
        clock=Clock(column=time_column, zone=zone, layout=time_format) if said else None,
        missing=missing,  # type: ignore[arg-type]
    )
    _finish(folder, piece)


def _unit(text: str) -> float | str:
    """Return a number where it is one; the importer refuses what it does not know."""
    try:
        return float(text)
    except ValueError:
        return text


def _finish(folder: Path, piece: Mapping[str, object]) -> None:
    """Write or show the piece of ``scenario.toml``; print what there is, draw it, check it."""
    from sim.errors import InputError
    from sim.importers.folder import SETTINGS, write_settings
    from sim.importers.summary import summary
    from sim.report.html.imported import write_drawing
    from sim.scenario.toml_writer import toml_text

    for file, text in summary(folder).items():
        typer.echo(f"{file}: {text}")
    if piece and (folder / SETTINGS).exists():
        typer.echo(f"For {folder / SETTINGS}, which is left as it is:\n{toml_text(piece)}".rstrip())
    elif piece:
        typer.echo(f"settings: {write_settings(folder, piece)}")
    typer.echo(f"drawing: {write_drawing(folder)}")
    from sim.inspect.check import check
    from sim.report.terminal.check import print_findings
    from sim.scenario import load_scenario

    try:
        scenario = load_scenario(folder)
    except InputError as error:
        typer.echo(f"What a scenario still needs, as gridhaul check {folder} says:")
        typer.echo("\n".join(f"  {problem}" for problem in error.problems))
        return
    print_findings(scenario, check(scenario))
