"""The known stress axes, and packs of named points.

``gridhaul stress --help`` shows these tables, so this module imports little.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

GRID_OUTAGE = "grid.outage"
FIXED_OUTAGES = "outages.fixed"
NO_OUTAGE = "none"
AS_GIVEN = "as given"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAxis:
    """An axis that gridhaul knows by name.

    Attributes
    ----------
    name
        What the user calls it.
    key
        Key of ``scenario.toml`` that it sets.
    unit
        Of its values; empty for a factor.
    low, high
        Range of its values.
    meaning
        What it does, in a line.
    raises
        Metric that is expected to rise along it; empty where none must.
    """

    name: str
    key: str
    unit: str
    low: float
    high: float
    meaning: str
    raises: str = ""


AXES = (
    KnownAxis(
        name="traffic.intensity",
        key="traffic.intensity",
        unit="",
        low=0,
        high=100,
        meaning="factor on the traffic volume of every road and hour",
        raises="delay_h",
    ),
    KnownAxis(
        name="incidents.per_day",
        key="incidents.per_day",
        unit="1/day",
        low=0,
        high=10_000,
        meaning="incidents on all roads together",
    ),
    KnownAxis(
        name="breakdown.per_1000_km",
        key="breakdowns.per_1000_km",
        unit="1/1000 km",
        low=0,
        high=1000,
        meaning="breakdowns of each truck",
    ),
    KnownAxis(
        name="forecast.error",
        key="forecast.error",
        unit="",
        low=0,
        high=100,
        meaning="factor on the noise of load, sun and wind forecasts; 0 is exact",
    ),
    KnownAxis(
        name="load.scale",
        key="load.scale",
        unit="",
        low=0,
        high=100,
        meaning="factor on all loads but electric cars",
    ),
    KnownAxis(
        name="pv.scale",
        key="pv.scale",
        unit="",
        low=0,
        high=100,
        meaning="factor on photovoltaic power",
    ),
    KnownAxis(
        name="wind.scale",
        key="wind.scale",
        unit="",
        low=0,
        high=100,
        meaning="factor on wind power",
    ),
    KnownAxis(
        name="wind.gusts",
        key="wind.gusts",
        unit="",
        low=0,
        high=1,
        meaning="swing of the wind inside periods, share of what it can fall or rise",
    ),
    KnownAxis(
        name=GRID_OUTAGE,
        key=FIXED_OUTAGES,
        unit="",
        low=0,
        high=0,
        meaning="line:FROM-TO@18:00/2h takes that line out of service; none does not",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPoint:
    """A named point of a pack.

    Attributes
    ----------
    name, meaning
        For people.
    overrides
        What it sets.
    critical_line
        Whether a critical line is out as well; which one depends on the scenario.
    """

    name: str
    meaning: str
    overrides: Mapping[str, float] = field(default_factory=dict)
    critical_line: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Named points that belong together.

    Attributes
    ----------
    name
        What the user calls it.
    points
        The first is the scenario as it is.
    along
        Axis on which those points lie that set it, and nothing else; empty if on none.
    """

    name: str
    points: tuple[PackPoint, ...]
    along: str = ""


_AS_GIVEN = PackPoint(name=AS_GIVEN, meaning="the scenario as it is")
_BREAKDOWNS = {"breakdowns.per_1000_km": 20.0, "breakdowns.repair_h": 2.0}

PACKS = (
    Pack(
        name="traffic",
        along="traffic.intensity",
        points=(
            _AS_GIVEN,
            PackPoint(
                name="free flow",
                meaning="empty roads",
                overrides={"traffic.intensity": 0.0},
            ),
            PackPoint(
                name="rush hour",
                meaning="half as much traffic again as in the habits of the scenario",
                overrides={"traffic.intensity": 1.5},
            ),
            PackPoint(
                name="gridlock",
                meaning="three times that traffic",
                overrides={"traffic.intensity": 3.0},
            ),
            PackPoint(
                name="incident day",
                meaning="40 incidents a day of 2 h",
                overrides={"incidents.per_day": 40.0, "incidents.duration_h": 2.0},
            ),
            PackPoint(
                name="correlated storm",
                meaning="12 to 20 h: all roads lose up to 40 % of their capacity, the sun 80 %, "
                "and the wind rises by 80 % of what is missing to its highest",
                overrides={
                    "storm.peak_h": 16.0,
                    "storm.hours": 8.0,
                    "storm.capacity_loss": 0.4,
                    "storm.pv_loss": 0.8,
                    "storm.wind_gain": 0.8,
                },
            ),
        ),
    ),
    Pack(
        name="weather",
        points=(
            _AS_GIVEN,
            PackPoint(
                name="heat wave",
                meaning="loads 25 % up for cooling, PV 8 % down: 20 K at 0.4 % each",
                overrides={"load.scale": 1.25, "pv.scale": 0.92},
            ),
            PackPoint(
                name="dark calm week",
                meaning="days with 15 % of the sun and 5 % of the wind; --days 7 for all of it",
                overrides={"pv.scale": 0.15, "wind.scale": 0.05},
            ),
            PackPoint(
                name="gusts",
                meaning="wind swings inside every period as far as it can, its mean unchanged",
                overrides={"wind.gusts": 1.0},
            ),
        ),
    ),
    Pack(
        name="faults",
        points=(
            _AS_GIVEN,
            PackPoint(
                name="breakdowns",
                meaning="20 in 1000 km, repaired in 2 h",
                overrides=_BREAKDOWNS,
            ),
            PackPoint(
                name="line out",
                meaning="the line that cuts off most load, up to half of it: out from 18 to 20 h",
                critical_line=True,
            ),
            PackPoint(
                name="breakdowns and line out",
                meaning="both",
                overrides=_BREAKDOWNS,
                critical_line=True,
            ),
        ),
    ),
)


def overview() -> str:
    """Return axes and packs as text for ``--help``."""
    lines = ["Axes:"]
    for axis in AXES:
        unit = f" {axis.unit}" if axis.unit else ""
        allowed = "" if axis.name == GRID_OUTAGE else f", {axis.low:g} to {axis.high:g}{unit}"
        lines += _entry(f"{axis.name}{allowed}", axis.meaning)
    lines += ["", "Any other number of scenario.toml is an axis by its dotted key."]
    for pack in PACKS:
        lines += ["", f"Pack {pack.name}:"]
        for point in pack.points:
            lines += _entry(point.name, point.meaning)
    return "\n".join(lines)


def _entry(head: str, text: str) -> list[str]:
    return [f"  {head}", *textwrap.wrap(text, 72, initial_indent="    ", subsequent_indent="    ")]
