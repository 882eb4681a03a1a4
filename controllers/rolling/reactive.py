"""Volt-var support without energy: what parked inverters are worth beside curtailment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controllers.rolling.curtail import Curtail, CurtailPlanning
from controllers.rolling.rolling import RollingPlanning
from sim.control import Capabilities, Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivePlanning(CurtailPlanning):
    """As `CurtailPlanning`; by default inverters give reactive power."""

    reactive: bool = True


class Reactive(Curtail):
    """Parks every vehicle where its inverter is worth most; active power stays zero.

    Everything else is as in `Stationary`, from which it differs by the energy moved alone.
    """

    Parameters: ClassVar[type[RollingPlanning]] = ReactivePlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        rung=Rung(above="curtail", adds="reactive power of parked inverters, no energy moved"),
    )
