"""Stations: where roads or rails meet the grid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A place with plugs at one bus of the grid, reached by road, by rail, or by both.

    Attributes
    ----------
    name
        Unique name.
    bus
        Index of the bus it injects into.
    road_node, rail_node
        Indices of the road node and of the rail node it stands at, None where no road, no track
        reaches it.
    plugs
        Number of vehicles that can be connected at once.
    set_up_h
        Time from plug in hand to first power [h].
    """

    name: str
    bus: int
    road_node: int | None
    plugs: int
    set_up_h: float
    rail_node: int | None = None

    def __post_init__(self) -> None:
        if self.road_node is None and self.rail_node is None:
            raise ValueError("road_node(=None) and rail_node(=None): one of them must be given.")
        if self.plugs < 1:
            raise ValueError(f"plugs(={self.plugs}) must be at least 1.")
        if not self.set_up_h >= 0:
            raise ValueError(f"set_up_h(={self.set_up_h}) must be >= 0.")
