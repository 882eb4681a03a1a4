"""The rows that an OpenDSS circuit becomes, and how its elements are walked through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sim.scenario.schema.csv_rows import BusRow, GeneratorRow, LineRow, LoadRow, TransformerRow


@dataclass(slots=True)
class Circuit:
    """Rows read from a circuit, and what to say of them.

    Attributes
    ----------
    kv
        Nominal voltage between phases by bus [kV].
    source
        Bus and voltage of the source [pu].
    given_mw
        Power in the solution by generator [MW].
    """

    kv: dict[str, float] = field(default_factory=dict)
    source: tuple[str, float] = ("", 1.0)
    buses: list[BusRow] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    transformers: list[TransformerRow] = field(default_factory=list)
    loads: list[LoadRow] = field(default_factory=list)
    generators: list[GeneratorRow] = field(default_factory=list)
    given_mw: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def bus_of(node: str) -> str:
    """Return the bus of a terminal such as ``632.1.2.3``."""
    return node.partition(".")[0].lower()


def each_of(table: Any) -> Iterator[str]:
    """Yield once for every enabled element of a class, which is then the active one."""
    more = table.First()
    while more:
        yield table.Name()
        more = table.Next()
