"""Stations: where roads meet the grid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A place with plugs at one bus of the grid and one node of the roads.

    Attributes
    ----------
    name
        Unique name.
    bus
        Index of the bus it injects into.
    road_node
        Index of the road node it stands at.
    plugs
        Number of vehicles that can be connected at once.
    set_up_h
        Time from plug in hand to first power [h].
    """

    name: str
    bus: int
    road_node: int
    plugs: int
    set_up_h: float

    def __post_init__(self) -> None:
        if self.plugs < 1:
            raise ValueError(f"plugs(={self.plugs}) must be at least 1.")
        if not self.set_up_h >= 0:
            raise ValueError(f"set_up_h(={self.set_up_h}) must be >= 0.")
