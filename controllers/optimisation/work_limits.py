"""Limits on the work of a solve."""

from __future__ import annotations

from dataclasses import dataclass

from controllers.optimisation.ranges import check_ranges

MOST_NODES = 2**31 - 1  # solvers count in 32 bits


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
        check_ranges(self, nodes=(1, MOST_NODES), iterations=(1, MOST_NODES), relative_gap=(0, 100))
        if not self.deadline_s > 0:
            raise ValueError(f"deadline_s(={self.deadline_s}) must be > 0.")
