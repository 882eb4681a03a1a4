"""Read OpenDSS's loads, capacitors and generation as injections of constant power."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sim.importers.opendss.rows import Circuit, bus_of, each_of
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import GeneratorRow, LoadRow
from sim.scenario.schema.toml_tables import FLAT


def read_loads(dss: Any, circuit: Circuit, profile: str, *, solved: bool) -> None:
    """Add loads, of the power at nominal voltage or as `solved`."""
    models: dict[int, int] = defaultdict(int)
    for name in each_of(dss.Loads):
        models[dss.Loads.Model()] += 1
        kw, kvar = dss.Loads.kW(), dss.Loads.kvar()
        if solved:
            powers = dss.CktElement.Powers()
            kw, kvar = sum(powers[::2]), sum(powers[1::2])
        circuit.loads.append(
            LoadRow(
                name=name,
                bus=bus_of(dss.CktElement.BusNames()[0]),
                p_mw=max(kw, 0.0) / 1e3,
                q_mvar=kvar / 1e3,
                profile=profile,
            )
        )
    depend = sum(count for model, count in models.items() if model != 1)
    if solved:
        circuit.said.append("loads draw what they draw in OpenDSS's solution")
    elif depend:
        circuit.said.append(
            f"{depend} of {len(circuit.loads)} loads depend on the voltage; they draw what they "
            "draw at nominal voltage"
        )


def read_capacitors(dss: Any, circuit: Circuit) -> None:
    """Add capacitors that are switched on as loads of negative reactive power."""
    taken = {load.name for load in circuit.loads}
    count = 0
    for name in each_of(dss.Capacitors):
        states = dss.Capacitors.States()
        buses = [bus_of(node) for node in dss.CktElement.BusNames()]
        share = sum(state > 0 for state in states) / max(len(states), 1)
        kvar = dss.Capacitors.kvar() * share
        if kvar and len(set(buses)) <= 2:
            label = name if name not in taken else f"capacitor {name}"
            circuit.loads.append(
                LoadRow(name=label, bus=buses[0], p_mw=0.0, q_mvar=-kvar / 1e3, profile=FLAT)
            )
            count += 1
    if count:
        circuit.said.append(f"{count} capacitors give their nominal power whatever the voltage")


def read_generation(
    dss: Any, circuit: Circuit, profile: str, where: str, problems: Problems
) -> None:
    """Add PV; note generators and storage that are in use."""
    taken = {load.name for load in circuit.loads}
    for name in each_of(dss.PVsystems):
        bus, mw = bus_of(dss.CktElement.BusNames()[0]), dss.PVsystems.Pmpp() / 1e3
        label = name if name not in taken else f"pv {name}"
        if not profile:
            message = "follows no profile"
            remedy = "Say the profile of PV, which no load follows (pv_profile, --pv-profile)"
            problems.add(where, f"PVSystem.{name}", mw, message, remedy)
        elif mw > 0:
            circuit.generators.append(
                GeneratorRow(name=label, kind="pv", bus=bus, p_mw=mw, profile=profile)
            )
    for kind, table in (("Generator", dss.Generators), ("Storage", dss.Storages)):
        for name in each_of(table):
            power = sum(dss.CktElement.Powers()[::2])
            if abs(power) > 1e-3:
                message = f"exchanges {power:.4g} kW, and a scenario has no such element"
                remedy = "Disable it, and add a unit or a vehicle that stays where it is"
                problems.add(where, f"{kind}.{name}", power, message, remedy)
            else:
                circuit.said.append(f"{kind}.{name} is idle and left out")
