"""Optimal curtailment without storage, by linear programming: what storage is compared with.

`idle` cannot curtail, so the difference from it mixes three things: what curtailing is worth, what
inverters are worth that only give reactive power, and what moving energy is worth. `Curtail` and
`Reactive` tell them apart.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np

from controllers.rolling.planner import Planner
from controllers.rolling.rolling import Rolling, RollingPlanning
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.control import Capabilities, Rung
from sim.system.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class CurtailPlanning(RollingPlanning):
    """As `RollingPlanning`, without energy from storage.

    Attributes
    ----------
    reactive
        Whether inverters give reactive power; vehicles are then parked as `Stationary` parks them,
        where that is worth most. Otherwise nobody drives and every inverter is off.
    """

    routes: Literal["parked", "day_ahead", "rolling"] = "parked"
    reactive: bool = False


class Curtail(Rolling):
    """Caps sun and wind where that keeps the grid within its limits; planned every period.

    The model of the grid, the margins and the prices are those of `Rolling`.
    """

    Parameters: ClassVar[type[RollingPlanning]] = CurtailPlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        rung=Rung(above="idle", adds="curtailment of sun and wind, planned every period"),
    )

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models of `Rolling` on the problem without energy from storage."""
        super().start(system, rng)
        settings = self.parameters
        reactive = isinstance(settings, CurtailPlanning) and settings.reactive
        if not reactive:  # a linear programme without routes needs no bound by prices
            settings = dataclasses.replace(settings, prices=0)
        self._planner = Planner(system, settings, partial(without_energy, reactive=reactive))


def without_energy(problem: SchedulingProblem, *, reactive: bool) -> SchedulingProblem:
    """Return a problem in which storage exchanges no active power.

    Parameters
    ----------
    problem
        The problem with storage.
    reactive
        Whether inverters may still give reactive power. If not, they are off, and nobody drives,
        for nothing could be gained by it.
    """
    batteries, space = problem.batteries, problem.space
    off = ["p_charge_max_mw", "p_discharge_max_mw", *([] if reactive else ["s_mva"])]
    still = {name: np.zeros_like(getattr(batteries, name)) for name in off}
    if not reactive:
        space = dataclasses.replace(space, duration=np.zeros_like(space.duration))
    return dataclasses.replace(
        problem, batteries=dataclasses.replace(batteries, **still), space=space
    )
