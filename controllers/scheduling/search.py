"""Parameters of the search for a schedule: solver and effort; all of it deterministic."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from controllers.optimisation.ranges import check_ranges
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.routing.best_response import Effort

SolverName: TypeAlias = Literal["columns", "milp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to search.

    Attributes
    ----------
    solver
        ``"columns"``: best responses, routes found while prices settle, small changes;
        ``"milp"``: routes and powers in one mixed-integer model.
    orders
        Orders of the vehicles from which best responses start.
    effort
        Effort of each start.
    trials
        Routes found by prices, and small changes of the best routes, that are tried after that;
        fewer in fleets of more than 12 vehicles.
    retrials
        Small changes that are tried per hour where a plan is carried on.
    prices
        Number of prices tried for a lower bound, and twice as many again where the gap is open; 0
        bounds nothing.
    gap
        ``columns`` ends where (value - bound) / (value of doing nothing - bound) is at most this
        [-].
    limits
        Work limits of each solve.
    """

    solver: SolverName = "columns"
    orders: int = 3
    effort: Effort = field(default_factory=Effort)
    trials: int = 20
    retrials: int = 2
    prices: int = 200
    gap: float = 0.002
    limits: WorkLimits = field(default_factory=WorkLimits)

    def __post_init__(self) -> None:
        if self.solver not in get_args(SolverName):
            known = ", ".join(get_args(SolverName))
            raise ValueError(f"solver(={self.solver!r}) must be one of {known}.")
        most = 1_000_000
        check_ranges(self, orders=(0, 1000), trials=(0, most), retrials=(0, most), prices=(0, most))
        if not 0 <= self.gap < 1:
            raise ValueError(f"gap(={self.gap}) must be >= 0 and below 1.")

    def sketch(self) -> Search:
        """Return the least search that still has a good plan: one round of best responses."""
        return dataclasses.replace(
            self, solver="columns", orders=min(self.orders, 1), trials=0, prices=0
        )
