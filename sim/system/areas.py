"""Areas of a grid: who operates a part of it, and at what prices energy enters there."""

from __future__ import annotations

from dataclasses import dataclass

from sim.system.tariff import Tariff
from sim.units import IntArray

# The parties of a scenario that names none: who operates the grid, and who owns the vehicles.
OPERATOR, FLEET = "operator", "fleet"
PARTIES = (OPERATOR, FLEET)

# The others, with whom the parties of a scenario deal; no party may be called so.
OUTSIDE = ("market", "generators", "suppliers", "inventory", "benefit", "customers")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """A part of the grid with its own sources, tariff and operator.

    Areas are not connected to each other: every bus belongs to the area whose sources feed it.

    Attributes
    ----------
    name
        Unique name.
    sources
        Its sources, indices into `Grid.source_bus`, ``(source of the area,)``.
    operator
        The party that buys and sells its energy and answers for it.
    tariff
        Prices at which it does. What concerns stored energy, and where energy is metered, is the
        same in all areas: `System.tariff` says it.
    """

    name: str
    sources: IntArray
    operator: str
    tariff: Tariff
