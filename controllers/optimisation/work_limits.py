"""Limits on the work of a solve."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLimits:
    """When a search stops.

    Attributes
    ----------
    nodes
        Largest number of branch-and-bound nodes.
    iterations
        Largest number of simplex iterations of a model without integers.
    relative_gap
        A solution this close to the bound counts as optimal [-].
    deadline_s
        Wall-clock safety net [s].
    """

    nodes: int = 10_000
    iterations: int = 1_000_000
    relative_gap: float = 1e-7
    deadline_s: float = 120.0

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"nodes(={self.nodes}) must be at least 1.")
        if self.iterations < 1:
            raise ValueError(f"iterations(={self.iterations}) must be at least 1.")
        if not self.relative_gap >= 0:
            raise ValueError(f"relative_gap(={self.relative_gap}) must be >= 0.")
        if not self.deadline_s > 0:
            raise ValueError(f"deadline_s(={self.deadline_s}) must be > 0.")
