"""Write the tables of a scenario folder from an OpenDSS circuit, and measure what that loses."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]
from pydantic import ValidationError

from sim.errors import InputError
from sim.importers.folder import write_rows
from sim.importers.opendss import trial
from sim.importers.opendss.balanced import power_flow
from sim.importers.opendss.circuit import read_circuit
from sim.importers.opendss.generation import GeneratorKind
from sim.importers.opendss.shapes import Shapes, Which
from sim.importers.positions import DEGREES, check_units
from sim.importers.profiles import write_columns
from sim.scenario.problems import Problems

LOGGER = logging.getLogger("gridhaul")
MOST_ITERATIONS = 100
TOLERANCE_PU = 1e-6
SNAPSHOT = 0  # mode of solution: one power flow
LoadPower = Literal["nominal", "solved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The circuit as OpenDSS has solved it, and its balanced equivalent.

    Attributes
    ----------
    source_mw, loss_mw
        Power at the source and losses, ``(in OpenDSS, here)`` [MW].
    vm_min_pu, vm_max_pu
        Lowest and highest voltage, of any phase in OpenDSS and of a bus here [pu].
    """

    source_mw: tuple[float, float]
    loss_mw: tuple[float, float]
    vm_min_pu: tuple[float, float]
    vm_max_pu: tuple[float, float]

    @property
    def source_percent(self) -> float:
        """How far the source's power is from OpenDSS's [%]."""
        theirs, ours = self.source_mw
        return abs(ours - theirs) / max(abs(theirs), 1e-9) * 100

    def __str__(self) -> str:
        rows = (
            ("power at the source", "MW", self.source_mw),
            ("losses", "MW", self.loss_mw),
            ("lowest voltage", "pu", self.vm_min_pu),
            ("highest voltage", "pu", self.vm_max_pu),
        )
        return "; ".join(
            f"{name} {theirs:.5g} {unit} in OpenDSS, {ours:.5g} here"
            for name, unit, (theirs, ours) in rows
        )


def write_network(
    master: str | Path,
    folder: str | Path,
    *,
    load_profile: str,
    generator_profile: str = "",
    generator_kind: GeneratorKind = "none",
    shapes: Which = "none",
    first_day: str = "2023-01-01",
    coordinate_unit_km: float | str = 0.0003048,
    loads: LoadPower = "nominal",
    most_percent: float = 2.0,
) -> dict[str, object]:
    """Write buses, lines, transformers, loads, generators and shapes of an OpenDSS circuit.

    OpenDSS solves the circuit; taps of regulators and capacitors are taken as they stand then. The
    feeder becomes a balanced equivalent, in which elements of fewer phases have the losses that
    they have in OpenDSS at balanced voltages; banks of single-phase transformers are one. Loads of
    all models draw constant power, that at nominal voltage. What that changes is measured and told
    by a warning of the logger ``gridhaul``.

    Parameters
    ----------
    master
        The circuit's ``.dss`` file. OpenDSS runs all its commands.
    folder
        The scenario's folder; made if it does not exist.
    load_profile, generator_profile
        Profiles of loads, and of PV and generators, that follow no shape.
    generator_kind
        What generators are that are no PV systems: ``"pv"`` or ``"wind"``. Otherwise those in use
        are refused, and idle ones left out.
    shapes
        Shapes that become profiles, ``profiles.parquet``: ``"daily"`` or ``"yearly"`` ones. The
        shorter ones are repeated. A day's shapes make a record of one day.
    first_day
        Day on which shapes begin, ``2023-01-01``.
    coordinate_unit_km
        Unit of the buses' coordinates [km], default: feet; or ``"degrees"``.
    loads
        Power of the loads: ``"nominal"``, that at nominal voltage, or ``"solved"``, what they draw
        in OpenDSS's solution. The latter is nearer where OpenDSS models loads at voltages beyond
        their limits as impedances.
    most_percent
        By how much the source's power may differ from OpenDSS's [%].

    Returns
    -------
    dict
        The piece of ``scenario.toml`` that names the source, and the profiles if there are.

    Raises
    ------
    InputError
        If OpenDSSDirect.py is not installed, if OpenDSS cannot solve the circuit, names elements
        without counterpart, or says by how much the source's power differs.
    """
    path, folder = Path(master), Path(folder)
    problems = Problems()
    for key, value, known in (
        ("loads", loads, get_args(LoadPower)),
        ("generator_kind", generator_kind, get_args(GeneratorKind)),
        ("shapes", shapes, get_args(Which)),
    ):
        if value not in known:
            problems.add(key, key, value, "is not known", f"Give one of {', '.join(known)}")
    if coordinate_unit_km != DEGREES:
        check_units({"coordinate_unit_km": coordinate_unit_km}, problems)
    problems.raise_if_any()
    dss = _solved(path)
    reader = Shapes(dss=dss, which=shapes, where=path.name, problems=problems)
    columns = None
    try:
        circuit = read_circuit(
            reader,
            load_profile,
            generator_profile,
            generator_kind,
            solved=loads == "solved",
            unit_km=coordinate_unit_km,
        )
        columns = reader.columns(first_day)
    except (dss.DSSException, ValidationError) as error:
        message = f"holds what cannot be read ({error})"
        problems.add(path.name, "file", str(path), message, "Correct the element")
    problems.raise_if_any()
    vm_pu = np.array(dss.Circuit.AllBusMagPu())
    vm_pu = vm_pu[vm_pu > 0]
    theirs = (
        -dss.Circuit.TotalPower()[0] / 1e3,
        dss.Circuit.Losses()[0] / 1e6,
        float(vm_pu.min()),
        float(vm_pu.max()),
    )
    try:
        ours = power_flow(circuit)
    except PowerGridError as error:
        message = f"has no balanced equivalent that can be solved ({error})"
        remedy = "Look for impedances of 0, and at islands"
        raise InputError.single(
            where=path.name, key="file", value=str(path), message=message, remedy=remedy
        ) from error
    deviation = Deviation(
        source_mw=(theirs[0], ours[0]),
        loss_mw=(theirs[1], ours[1]),
        vm_min_pu=(theirs[2], ours[2]),
        vm_max_pu=(theirs[3], ours[3]),
    )
    if not deviation.source_percent <= most_percent:
        message = f"differs by {deviation.source_percent:.3g} % ({deviation})"
        remedy = f"Raise most_percent above {most_percent:g} if that is near enough"
        if loads == "nominal":
            remedy = f"Try loads = 'solved'; {remedy[0].lower()}{remedy[1:]}"
        problems.add(path.name, "power at the source", ours[0], message, remedy)
    problems.raise_if_any()
    write_rows(folder, "buses.csv", circuit.buses)
    write_rows(folder, "lines.csv", circuit.lines)
    write_rows(folder, "transformers.csv", circuit.transformers)
    write_rows(folder, "loads.csv", circuit.loads)
    write_rows(folder, "generators.csv", circuit.generators)
    said = [*circuit.said, *reader.said, str(deviation)]
    LOGGER.warning("%s:\n  %s", path.name, "\n  ".join(said))
    bus, held_pu = circuit.source
    piece: dict[str, object] = {"grid": {"source": [{"bus": bus, "vm_pu": held_pu}]}}
    if columns is not None:
        piece |= write_columns(folder, columns, {name: name for name in columns.values})
    return piece


def _solved(path: Path) -> Any:
    """Return OpenDSS with the circuit solved."""
    try:
        import opendssdirect as dss
    except ImportError as error:
        raise InputError.single(
            where="opendss",
            key="package",
            value="opendssdirect.py",
            message="is not installed",
            remedy="pip install 'gridhaul[opendss]'",
        ) from error
    problem = None
    try:
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        problem = _ended_by(path)
        if problem is None:
            problem = _run(dss, path)
    except Exception as error:  # noqa: BLE001 - the engine raises its own kinds
        problem = f"cannot be solved by OpenDSS ({error})"
    if problem is not None:
        remedy = "Let OpenDSS solve it first"
        raise InputError.single(
            where=path.name, key="file", value=str(path), message=problem, remedy=remedy
        )
    return dss


def _ended_by(path: Path) -> str | None:
    """Return what is wrong if a file ends OpenDSS's engine, which lives in our process."""
    command = [sys.executable, "-P", trial.__file__, str(path.resolve())]
    code = subprocess.run(command, capture_output=True, check=False).returncode
    return f"ends OpenDSS itself (exit code {code})" if code else None


def _run(dss: Any, path: Path) -> str | None:
    """Run the commands of a file and solve; return what is wrong, None if nothing is."""
    dss.Basic.AllowForms(False)
    dss.Basic.AllowEditor(False)
    dss.Basic.AllowChangeDir(False)
    dss.Basic.ClearAll()
    with tempfile.TemporaryDirectory() as exports:
        dss.Basic.DataPath(exports)  # what the file's own commands export is not wanted
        dss.Text.Command(f'redirect "{path.resolve()}"')
    dss.Solution.Mode(SNAPSHOT)
    dss.Solution.Convergence(TOLERANCE_PU)
    dss.Solution.MaxIterations(MOST_ITERATIONS)
    dss.Solution.MaxControlIterations(MOST_ITERATIONS)
    dss.Solution.Solve()
    if not dss.Circuit.NumBuses():
        return "defines no circuit"
    return None if dss.Solution.Converged() else "has no solution in OpenDSS"
