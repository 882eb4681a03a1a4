"""Read OpenDSS's transformers, of one or three phases, with two windings or a centre tap."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from sim.scenario.problems import Problems


class Winding(NamedTuple):
    """A transformer between two buses, or one of a bank, as three phases with the same power.

    Attributes
    ----------
    name
        Its name.
    kva
        Rated power [kVA].
    hv_kv, lv_kv
        Rated voltages between phases, taps applied [kV].
    r_percent, x_percent
        Resistance and reactance on the rated power [%].
    no_load_kw, magnetising_kva
        What it draws without a load, active and reactive.
    between_phases
        Whether it stands between two phases, or has three.
    """

    name: str
    kva: float
    hv_kv: float
    lv_kv: float
    r_percent: float
    x_percent: float
    no_load_kw: float
    magnetising_kva: float
    between_phases: bool


def read_transformers(
    dss: Any,
    kv: dict[str, float],
    found: dict[tuple[str, str], list[Winding]],
    where: str,
    problems: Problems,
) -> None:
    """Add every transformer to `found`, by the buses of its higher and its lower voltage."""
    more = dss.Transformers.First()
    while more:
        _read(dss, kv, found, where, problems)
        more = dss.Transformers.Next()


def _read(
    dss: Any,
    kv: dict[str, float],
    found: dict[tuple[str, str], list[Winding]],
    where: str,
    problems: Problems,
) -> None:
    table, name = dss.Transformers, dss.Transformers.Name()
    nodes = dss.CktElement.BusNames()
    buses = [node.partition(".")[0].lower() for node in nodes]
    phases, n = dss.CktElement.NumPhases(), table.NumWindings()
    tapped = n == 3 and buses[1] == buses[2] and phases == 1
    if phases not in (1, 2, 3) or not (n == 2 or tapped):
        message = f"has {phases} phases and {n} windings at {len(set(buses))} buses"
        remedy = "Replace it by transformers of two windings"
        problems.add(where, f"Transformer.{name}", n, message, remedy)
        return
    ratio, resistance, kva, between = [], [], 0.0, True
    for winding in range(1, n + 1):
        table.Wdg(winding)
        kva = table.kVA() if winding == 1 else kva
        resistance.append(table.R())
        # The rated voltage of one phase stands to the bus's as between phases.
        rated = table.kV() * table.Tap()
        between = phases == 3 or table.IsDelta() or _between_phases(nodes[winding - 1])
        ratio.append(rated if between else rated * math.sqrt(3))
    if tapped:
        r = resistance[0] + (resistance[1] + resistance[2]) / 4
        high = (table.Xhl() + table.Xht() - table.Xlt()) / 2
        low = (table.Xhl() + table.Xlt() - table.Xht()) / 2
        x = high + low / 2
    else:
        r, x = sum(resistance), table.Xhl()
    dss.Circuit.SetActiveElement(f"Transformer.{name}")
    no_load = float(dss.Text.Command(f"? Transformer.{name}.%noloadloss") or dss.Text.Result() or 0)
    magnetising = float(dss.Text.Command(f"? Transformer.{name}.%imag") or dss.Text.Result() or 0)
    order = (0, 1) if kv[buses[0]] >= kv[buses[1]] else (1, 0)
    found[buses[order[0]], buses[order[1]]].append(
        Winding(
            name,
            kva,
            ratio[order[0]],
            ratio[order[1]],
            r,
            x,
            kva * no_load / 100,
            kva * magnetising / 100,
            between,
        )
    )


def _between_phases(node: str) -> bool:
    """Return whether a single-phase winding is connected between two phases."""
    phases = [each for each in node.split(".")[1:] if each != "0"]
    return len(phases) >= 2 and "4" not in phases
