"""Read OpenDSS's loads, capacitors and generation as injections of constant power."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sim.importers.opendss.rows import Circuit, bus_of, each_of
from sim.importers.opendss.shapes import Shapes
from sim.scenario.schema.csv_rows import LoadRow
from sim.scenario.schema.uncertain_tables import FLAT

FIXED = 1  # state of loads that follow no shape


def read_loads(dss: Any, circuit: Circuit, shapes: Shapes, otherwise: str, *, solved: bool) -> None:
    """Add loads, of the power at nominal voltage or as `solved`."""
    models: dict[int, int] = defaultdict(int)
    for name in each_of(dss.Loads):
        fixed = shapes.which != "none" and dss.Loads.Status() == FIXED
        profile = FLAT if fixed else shapes.profile(name, dss.Loads.kW(), otherwise)
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
