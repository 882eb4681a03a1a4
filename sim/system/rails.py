"""The railway: nodes, the track between them, and the slots at which trains may leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.system.routing import links_towards
from sim.units import FloatArray, IntArray, frozen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rails:
    """Nodes and the segments of track between them; a segment is used in both directions.

    A node is where trains meet and wait: a station with plugs, a junction, or a virtual station
    that cuts a long leg into spans and has no connection to the grid. It holds any number of
    trains. A segment holds as many as it has tracks, so on single track trains pass each other at
    nodes only.

    Attributes
    ----------
    node_name
        Names of the nodes.
    x_km, y_km
        Positions, ``(node,)`` [km].
    from_node, to_node
        Ends of each segment, ``(segment,)``.
    running_h
        Time a train without delay takes, ``(segment,)`` [h].
    tracks
        Trains that a segment holds at a time, ``(segment,)``; 1 on single track.
    slot_h
        Trains leave stations at multiples of this time only, counted from the episode's start [h].
        Between stations they go on as soon as the track is free.
    """

    node_name: tuple[str, ...]
    x_km: FloatArray
    y_km: FloatArray
    from_node: IntArray
    to_node: IntArray
    running_h: FloatArray
    tracks: IntArray
    slot_h: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slot_h) and self.slot_h > 0):
            raise ValueError(f"slot_h(={self.slot_h}) must be a finite number > 0.")
        if not (np.isfinite(self.running_h).all() and (self.running_h > 0).all()):
            raise ValueError(f"running_h(={self.running_h}) must be finite numbers > 0.")
        if not (self.tracks >= 1).all():
            raise ValueError(f"tracks(={self.tracks}) must be at least 1.")

    @classmethod
    def none(cls) -> Rails:
        """Return no railway."""
        nothing: FloatArray = frozen([])
        nowhere: IntArray = frozen([], np.int64)
        return cls(
            node_name=(), x_km=nothing, y_km=nothing, from_node=nowhere, to_node=nowhere,
            running_h=nothing, tracks=nowhere, slot_h=1.0,
        )  # fmt: skip

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_name)

    @property
    def n_segments(self) -> int:
        """Number of segments."""
        return len(self.running_h)

    def segment_name(self, segment: int) -> str:
        """Return a segment's name, which keys its random streams."""
        ends = self.from_node[segment], self.to_node[segment]
        return "--".join(self.node_name[node] for node in ends)

    def other_end(self, segment: int, node: int) -> int:
        """Return the node to which a segment leads from `node`."""
        ends = int(self.from_node[segment]), int(self.to_node[segment])
        return ends[1] if node == ends[0] else ends[0]

    def next_slot(self, time_h: float) -> float:
        """Return the first slot at or after a moment [h]."""
        return math.ceil(time_h / self.slot_h - 1e-9) * self.slot_h

    def way(self, start: int, goal: int) -> tuple[int, ...] | None:
        """Return the segments from one node to another, None where no track leads.

        Of all ways it is the fastest by running time; trains keep to it whatever is on the track.
        """
        both_from = np.concatenate([self.from_node, self.to_node])
        both_to = np.concatenate([self.to_node, self.from_node])
        both_h = np.concatenate([self.running_h, self.running_h])
        first, time_h = links_towards(goal, self.n_nodes, both_from, both_to, both_h)
        if not math.isfinite(time_h[start]):
            return None
        segments = []
        node = start
        while node != goal:
            segments.append(int(first[node]) % self.n_segments)
            node = self.other_end(segments[-1], node)
        return tuple(segments)
