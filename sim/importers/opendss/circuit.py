"""Read an OpenDSS circuit as its balanced equivalent of three phases.

An element of k phases carries what three would carry: at the same power, an impedance of
``3 / k`` times that of its phases has the same drop of voltage and the same losses. With mean self
impedance ``z_s`` and mean mutual impedance ``z_m``, balanced currents meet
``z_s - (k - 1) / 2 z_m`` on each of k phases: for k = 3 the positive sequence (Kersting,
*Distribution System Modeling and Analysis*, chapter 4).
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np

from sim.importers.opendss.generation import GeneratorKind, read_generation
from sim.importers.opendss.injections import read_capacitors, read_loads
from sim.importers.opendss.rows import Circuit, bus_of, each_of
from sim.importers.opendss.shapes import Shapes
from sim.importers.opendss.transformers import Winding, read_transformers
from sim.importers.positions import on_a_plane
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import BusRow, LineRow, LoadRow, TransformerRow
from sim.scenario.schema.uncertain_tables import FLAT

FREQUENCY_HZ = 50.0  # which a scenario's capacitances refer to
LEAST_OHM = 1e-6
SAME_KV = 1e-6
UNLIMITED_KA = 100.0
READ = {"Line", "Transformer", "Load", "Capacitor", "Vsource"}
READ |= {"Reactor", "PVSystem", "Generator", "Storage"}
CONTROLS = {"RegControl", "CapControl", "EnergyMeter", "Monitor", "Fuse", "Relay", "Recloser"}
CONTROLS |= {"SwtControl", "Sensor", "InvControl", "ExpControl", "StorageController"}


def read_circuit(
    shapes: Shapes,
    load_profile: str,
    generator_profile: str,
    generator_kind: GeneratorKind,
    *,
    solved: bool,
    unit_km: float | str,
) -> Circuit:
    """Return the balanced equivalent of the active circuit; what has none is noted by element.

    Parameters
    ----------
    shapes
        OpenDSS with the circuit, and which of its shapes are read.
    load_profile, generator_profile
        Profiles of elements that follow no shape.
    generator_kind
        What generators are that are no PV systems.
    solved
        Loads draw what they draw in the solution, otherwise what they draw at nominal voltage.
    unit_km
        Unit of coordinates [km], or ``"degrees"``.
    """
    dss, where, problems = shapes.dss, shapes.where, shapes.problems
    circuit = Circuit()
    _refuse_others(dss, where, problems)
    _read_source(dss, circuit, where, problems)
    _read_buses(dss, circuit, unit_km, where, problems)
    if len(problems):
        return circuit
    _read_lines(dss, circuit, where, problems)
    found = defaultdict[tuple[str, str], list[Winding]](list)
    read_transformers(dss, circuit.kv, found, where, problems)
    _read_reactors(dss, circuit, where, problems)
    _leave_out_jumpers(circuit, found)
    circuit.transformers = _transformers(found, where, problems)
    read_loads(dss, circuit, shapes, load_profile, solved=solved)
    read_capacitors(dss, circuit)
    read_generation(circuit, shapes, generator_profile, generator_kind)
    return circuit


def _refuse_others(dss: Any, where: str, problems: Problems) -> None:
    for name in dss.Circuit.AllElementNames():
        kind = name.partition(".")[0]
        if kind not in READ | CONTROLS:
            dss.Circuit.SetActiveElement(name)
            if dss.CktElement.Enabled():
                message = "has no counterpart in a scenario"
                remedy = "Replace it by a line, a load or a capacitor, or disable it"
                problems.add(where, name, kind, message, remedy)


def _read_source(dss: Any, circuit: Circuit, where: str, problems: Problems) -> None:
    for count, name in enumerate(each_of(dss.Vsources)):
        bus = bus_of(dss.CktElement.BusNames()[0])
        if count:
            remedy = "Keep one source"
            problems.add(where, f"Vsource.{name}", bus, "is a second source", remedy)
            continue
        dss.Circuit.SetActiveBus(bus)
        positive = dss.Bus.SeqVoltages()[1] if len(dss.Bus.SeqVoltages()) == 3 else math.nan
        base = dss.Bus.kVBase() * 1e3
        circuit.source = bus, positive / base if base else math.nan
        if not circuit.source[1] > 0:
            remedy = "Set voltagebases and calcvoltagebases in the master file"
            problems.add(where, f"Vsource.{name}", bus, "stands at a bus without voltage", remedy)


def _read_buses(
    dss: Any, circuit: Circuit, unit_km: float | str, where: str, problems: Problems
) -> None:
    placed: dict[str, tuple[float, float]] = {}
    for name in dss.Circuit.AllBusNames():
        dss.Circuit.SetActiveBus(name)
        kv = dss.Bus.kVBase() * math.sqrt(3)
        if not kv > 0:
            remedy = "Set voltagebases and calcvoltagebases in the master file"
            problems.add(where, f"bus {name}", kv, "has no base voltage", remedy)
            continue
        circuit.kv[name.lower()] = kv
        if dss.Bus.Coorddefined():
            placed[name.lower()] = dss.Bus.X(), dss.Bus.Y()
    if isinstance(unit_km, str):
        placed = on_a_plane(placed)
    else:
        placed = {k: (round(x * unit_km, 6), round(y * unit_km, 6)) for k, (x, y) in placed.items()}
    for name, kv in circuit.kv.items():
        x_km, y_km = placed.get(name, (0.0, 0.0))
        circuit.buses.append(BusRow(name=name, vn_kv=kv, x_km=x_km, y_km=y_km))
    if len(placed) < len(circuit.buses):
        without = len(circuit.buses) - len(placed)
        circuit.said.append(f"{without} of {len(circuit.buses)} buses have no coordinates")


def _read_lines(dss: Any, circuit: Circuit, where: str, problems: Problems) -> None:
    hertz = dss.Solution.Frequency()
    fewer = 0
    for name in each_of(dss.Lines):
        ends = bus_of(dss.Lines.Bus1()), bus_of(dss.Lines.Bus2())
        phases = dss.Lines.Phases()
        if phases > 3:
            message = "has more than three phases"
            remedy = "Reduce the neutral (Kron) in its line code"
            problems.add(where, f"Line.{name}", phases, message, remedy)
            continue
        if ends[0] == ends[1] or not _of_one_voltage(
            circuit, f"Line.{name}", ends, where, problems
        ):
            continue
        length = dss.Lines.Length()
        z = _balanced(dss.Lines.RMatrix(), phases) + 1j * _balanced(dss.Lines.XMatrix(), phases)
        ohm = 3 / phases * length * z
        c_nf = phases / 3 * length * _balanced(dss.Lines.CMatrix(), phases) * hertz / FREQUENCY_HZ
        fewer += phases < 3
        closed = [not dss.CktElement.IsOpen(end, 0) for end in (1, 2)]
        circuit.lines.append(
            LineRow(
                name=name,
                from_bus=ends[0],
                to_bus=ends[1],
                length_km=1.0,
                r_ohm_per_km=max(ohm.real, 0.0),
                x_ohm_per_km=max(ohm.imag, LEAST_OHM),
                c_nf_per_km=max(c_nf, 0.0),
                max_i_ka=max(dss.Lines.NormAmps() * phases / 3, 1e-3) / 1e3,
                from_closed=closed[0],
                to_closed=closed[1],
            )
        )
    if fewer:
        circuit.said.append(
            f"{fewer} of {len(circuit.lines)} lines have one or two phases; they are three phases "
            "of the same losses"
        )


def _of_one_voltage(
    circuit: Circuit, element: str, ends: tuple[str, str], where: str, problems: Problems
) -> bool:
    """Return whether both ends have one nominal voltage; a problem is noted where they have not."""
    first, second = (circuit.kv[bus] for bus in ends)
    if math.isclose(first, second, rel_tol=SAME_KV):
        return True
    message, remedy = "joins two nominal voltages", "Correct voltagebases, or put a transformer"
    problems.add(where, element, f"{first:.4g} and {second:.4g} kV", message, remedy)
    return False


def _balanced(matrix: list[float], phases: int) -> float:
    """Return the mean of the diagonal less ``(k - 1) / 2`` times that of the others."""
    table = np.array(matrix, dtype=float).reshape(phases, phases)
    own = float(np.trace(table)) / phases
    mutual = (float(table.sum()) - own * phases) / max(phases * (phases - 1), 1)
    return own - (phases - 1) / 2 * mutual


def _leave_out_jumpers(circuit: Circuit, found: dict[tuple[str, str], list[Winding]]) -> None:
    """Leave out lines beside regulators, which connect the phases that these do not regulate.

    Where regulators stand between a phase and the neutral, those phases count in the mean ratio.
    """
    kept = []
    for line in circuit.lines:
        ends = line.from_bus, line.to_bus
        pair = ends if ends in found else ends[::-1]
        if pair not in found:
            kept.append(line)
            continue
        bank = found[pair]
        circuit.said.append(f"Line.{line.name} beside {bank[0].name} is part of that bank")
        if not bank[0].between_phases and len(bank) < 3:
            high, low = (circuit.kv[bus] for bus in pair)
            bank.append(Winding(line.name, bank[0].kva, high, low, 0, 0, 0, 0, False))
    circuit.lines[:] = kept


def _transformers(
    found: dict[tuple[str, str], list[Winding]], where: str, problems: Problems
) -> list[TransformerRow]:
    """Return a transformer for each pair of buses: a bank of single-phase ones is one."""
    rows = []
    for (hv, lv), bank in found.items():
        weight = np.array([unit.kva for unit in bank])
        share = weight / weight.sum()
        r, x, high, low = (
            float(share @ np.array([getattr(unit, key) for unit in bank]))
            for key in ("r_percent", "x_percent", "hv_kv", "lv_kv")
        )
        impedance = max(math.hypot(r, x), 1e-4)
        if x < 0:
            message, remedy = "has a negative reactance", "Correct its reactances"
            problems.add(where, f"Transformer.{bank[0].name}", x, message, remedy)
            continue
        rows.append(
            TransformerRow(
                name=bank[0].name if len(bank) == 1 else f"{bank[0].name} and {len(bank) - 1} more",
                hv_bus=hv,
                lv_bus=lv,
                sn_mva=float(weight.sum()) / 1e3,
                vn_hv_kv=high,
                vn_lv_kv=low,
                vk_percent=impedance,
                vkr_percent=r,
                pfe_kw=float(sum(unit.no_load_kw for unit in bank)),
                i0_percent=float(
                    100
                    * sum(math.hypot(unit.no_load_kw, unit.magnetising_kva) for unit in bank)
                    / weight.sum()
                ),
            )
        )
    return rows


def _read_reactors(dss: Any, circuit: Circuit, where: str, problems: Problems) -> None:
    """Add reactors between two buses as lines, those to ground as loads of reactive power."""
    for name in each_of(dss.Reactors):
        buses = [bus_of(node) for node in dss.CktElement.BusNames()]
        phases = dss.CktElement.NumPhases()
        if len(set(buses)) == 2:
            ends = buses[0], buses[1]
            if not _of_one_voltage(circuit, f"Reactor.{name}", ends, where, problems):
                continue
            circuit.lines.append(
                LineRow(
                    name=f"reactor {name}",
                    from_bus=ends[0],
                    to_bus=ends[1],
                    length_km=1.0,
                    r_ohm_per_km=3 / phases * max(dss.Reactors.R(), 0.0),
                    x_ohm_per_km=3 / phases * max(dss.Reactors.X(), LEAST_OHM),
                    max_i_ka=UNLIMITED_KA,
                )
            )
        elif dss.Reactors.kvar() > 0:
            q_mvar = dss.Reactors.kvar() / 1e3
            circuit.loads.append(
                LoadRow(name=f"reactor {name}", bus=buses[0], p_mw=0, q_mvar=q_mvar, profile=FLAT)
            )
            circuit.said.append(f"Reactor.{name} draws its nominal power whatever the voltage")
