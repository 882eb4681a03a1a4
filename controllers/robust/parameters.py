"""Parameters of the robust controller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from controllers.optimisation.ranges import check_ranges
from controllers.rolling.rolling import RollingPlanning

Mobility = Literal["here_and_now", "adaptive"]
Objective = Literal["nominal", "worst_case"]
Counterpart = Literal["duality", "extreme_points"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustPlanning(RollingPlanning):
    """As `RollingPlanning`, and what the plan of the next hours is robust against.

    Attributes
    ----------
    horizon
        Periods of the robust model, where powers are chosen every period. Stored energy and place
        at its end are valued by the plan of the whole look-ahead.
    coverage
        Share of paths that the set contains, in (0, 1): all profiles in all periods of the robust
        model, fitted to samples of the forecast. Travel times have a set of their own.
    over_components, over_time
        Budgets of errors along the directions that the grid feels most: those of a period sum up
        to at most so many radii, and so do those of one direction over the periods, and the traffic
        over the periods; infinite for none.
    cvar_level
        A violated limit costs its conditional value at risk at this level, over the errors that
        become known in the period itself, in [0, 1): the mean over the worst 1 - `cvar_level` of
        them. 0 is the mean over all; the nearer to 1, the fewer violations, and the dearer.
    signals
        How many such directions there are; powers follow the errors along them.
    samples
        Samples of the forecast to which the size of the set is fitted.
    mobility
        ``"here_and_now"``: trips are decided now, whatever the traffic; ``"adaptive"``: a later
        trip may depend on the congestion when it would begin (a binary decision rule).
    objective
        ``"nominal"``: the cost of what is expected; ``"worst_case"``: that of the worst known
        path.
    counterpart
        ``"duality"``, or ``"extreme_points"`` that are generated: the same optimum.
    columns
        Alternatives to the routes of the engine for which the robust model is solved.
    """

    horizon: int = 8
    coverage: float = 0.95
    over_components: float = np.inf
    over_time: float = np.inf
    cvar_level: float = 0.95
    signals: int = 3
    samples: int = 2000
    mobility: Mobility = "here_and_now"
    objective: Objective = "nominal"
    counterpart: Counterpart = "duality"
    columns: int = 2

    def __post_init__(self) -> None:
        problems = []
        try:
            RollingPlanning.__post_init__(self)
        except ValueError as error:
            problems.append(str(error))
        if not 0 < self.coverage < 1:
            problems.append(
                f"coverage(={self.coverage}) must lie in (0, 1), both ends excluded, for example "
                "0.9."
            )
        elif self.samples // 2 * (1 - self.coverage) < self.coverage:
            problems.append(
                f"samples(={self.samples}) cannot fix a coverage of {self.coverage}: raise samples."
            )
        if not 0 <= self.cvar_level < 1:
            problems.append(
                f"cvar_level(={self.cvar_level}) must lie in [0, 1), for example 0.95; the worst "
                "path alone counts near 1."
            )
        for name in ("over_components", "over_time"):
            value = getattr(self, name)
            if not value > 0:
                problems.append(
                    f"{name}(={value}) must be > 0; inf means that there is no budget, and with "
                    "none to spend no set contains any path but the mean."
                )
        for name, kinds in (
            ("mobility", Mobility),
            ("objective", Objective),
            ("counterpart", Counterpart),
        ):
            if getattr(self, name) not in get_args(kinds):
                known = ", ".join(get_args(kinds))
                problems.append(f"{name}(={getattr(self, name)!r}) must be one of {known}.")
        try:
            check_ranges(
                self,
                horizon=(1, 1000),
                samples=(4, 1_000_000),
                signals=(0, 100),
                columns=(0, 1000),
            )
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise ValueError(" ".join(problems))
