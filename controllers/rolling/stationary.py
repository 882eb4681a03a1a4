"""The same batteries, parked: what storage is worth without mobility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from controllers.rolling.rolling import Rolling, RollingPlanning
from sim.control import Capabilities, Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class StationaryPlanning(RollingPlanning):
    """As `RollingPlanning`; by default every vehicle is parked."""

    routes: Literal["parked", "day_ahead", "rolling"] = "parked"


class Stationary(Rolling):
    """Parks every battery where the first forecast makes it worth most; powers are rolling.

    The way there is paid for, once.
    """

    Parameters: ClassVar[type[RollingPlanning]] = StationaryPlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        orders_evs=True,
        rung=Rung(above="reactive", adds="energy moved in time, at one place"),
    )
