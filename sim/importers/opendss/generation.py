"""Read OpenDSS's PV systems, generators and storage."""

from __future__ import annotations

from typing import Any, Literal

from sim.importers.opendss.rows import Circuit, bus_of, each_of
from sim.importers.opendss.shapes import Shapes
from sim.scenario.schema.csv_rows import GeneratorRow, LoadRow
from sim.scenario.schema.uncertain_tables import FLAT

GeneratorKind = Literal["none", "pv", "wind"]
LEAST_KW = 1e-3
IDLE = 0  # state of storage


def read_generation(
    circuit: Circuit, shapes: Shapes, profile: str, generator_kind: GeneratorKind
) -> None:
    """Add PV and generators; note storage that is in use.

    Parameters
    ----------
    circuit
        Takes the rows.
    shapes
        What elements follow.
    profile
        Profile of those that follow no shape.
    generator_kind
        What generators are that are no PV systems.
    """
    dss, where, problems = shapes.dss, shapes.where, shapes.problems
    for name in each_of(dss.PVsystems):
        most_kw = dss.PVsystems.Pmpp()
        kw = _add(circuit, shapes, f"PVSystem.{name}", "pv", most_kw, profile)
        if abs(kw - most_kw) > 1e-3 * most_kw:
            circuit.said.append(f"PVSystem.{name} gives {kw:.5g} kW of {most_kw:.5g}, as solved")
    for name in each_of(dss.Generators):
        element, kw = f"Generator.{name}", dss.Generators.kW()
        if generator_kind != "none":
            _add(circuit, shapes, element, generator_kind, kw, profile)
        elif abs(_powers(dss)[0]) > LEAST_KW:
            message = "exchanges power, and a scenario has no generators but PV and wind"
            remedy = "Say which it is (generator_kind), or disable it and add a unit to units.csv"
            problems.add(where, element, f"{kw:.4g} kW", message, remedy)
        else:
            circuit.said.append(f"{element} is idle and left out")
    for name in each_of(dss.Storages):
        rated = ", ".join(f"{key} {dss.Properties.Value(key)}" for key in ("kWrated", "kWhrated"))
        if dss.Storages.State() != IDLE:
            message = "charges or discharges, and a scenario has batteries on vehicles only"
            remedy = "Let it idle, or disable it; a vehicle may stay at a station of its bus"
            problems.add(where, f"Storage.{name}", rated, message, remedy)
        else:
            circuit.said.append(f"Storage.{name} ({rated}) is idle and left out")


def _add(
    circuit: Circuit,
    shapes: Shapes,
    element: str,
    kind: Literal["pv", "wind"],
    most_kw: float,
    otherwise: str,
) -> float:
    """Add the active element at its power in the solution, and return that [kW].

    At night, or where it is switched off, it is `most_kw`. Reactive power is that of a load.
    """
    dss = shapes.dss
    given_kw, kvar = _powers(dss)
    kw = given_kw if given_kw > LEAST_KW else most_kw
    name = element.partition(".")[2]
    bus = bus_of(dss.CktElement.BusNames()[0])
    profile = shapes.profile(name, kw, otherwise)
    taken = {load.name for load in circuit.loads} | {row.name for row in circuit.generators}
    label = name if name not in taken else element.lower()
    if not profile:
        message = "follows no profile"
        remedy = "Say the profile of generators, which no load follows (generator_profile)"
        shapes.problems.add(shapes.where, element, f"{kw:.4g} kW", message, remedy)
    elif kw > 0:
        circuit.generators.append(
            GeneratorRow(name=label, kind=kind, bus=bus, p_mw=kw / 1e3, profile=profile)
        )
        circuit.given_mw[label] = given_kw / 1e3
        if abs(kvar) > LEAST_KW:
            circuit.loads.append(
                LoadRow(
                    name=f"{element.lower()} reactive",
                    bus=bus,
                    p_mw=0.0,
                    q_mvar=-kvar / 1e3,
                    profile=FLAT,
                )
            )
            circuit.said.append(f"{element} gives {kvar:.4g} kvar throughout, as solved")
    return kw


def _powers(dss: Any) -> tuple[float, float]:
    """Return active and reactive power that the active element gives [kW, kvar]."""
    powers = dss.CktElement.Powers()
    return -sum(powers[::2]), -sum(powers[1::2])
