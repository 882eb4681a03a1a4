"""Rolling-horizon control that weighs sun used, cost and voltages against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from controllers.multi_objective.front import epsilon_constraint
from controllers.multi_objective.weights import Weights, weighted
from controllers.rolling.planner import Planner
from controllers.rolling.rolling import Rolling, RollingPlanning
from sim.control import Capabilities, Contrast, Observation, Plan
from sim.system.system import System
from sim.system.tariff import Penalties


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiObjectivePlanning(RollingPlanning):
    """As `RollingPlanning`, with weights; by default the objective is the scenario's.

    Attributes
    ----------
    pv_weight
        What a MWh from sun and wind that is used is worth beyond the scenario's price of
        curtailment [USD/MWh]; nothing where None.
    cost_weight
        What a dollar of wear, moves, curtailment and energy bought less sold counts [-].
    voltage_weight
        What a voltage beyond its limit costs, summed over buses [USD/(pu h)]; the scenario's
        penalty where None.
    """

    pv_weight: float | None = None
    cost_weight: float = 1.0
    voltage_weight: float | None = None
    replan_on: tuple[str, ...] = ("voltage_violation",)

    def __post_init__(self) -> None:
        problems = [
            f"{name}(={value}) must be a finite number > 0; a small one, such as 0.001, hardly "
            "counts."
            for name in ("pv_weight", "cost_weight", "voltage_weight")
            if (value := getattr(self, name)) is not None
            and not (math.isfinite(value) and value > 0)
        ]
        try:
            RollingPlanning.__post_init__(self)
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise ValueError(" ".join(problems))

    def weights(self, penalties: Penalties) -> Weights:
        """Return the weights in a scenario with these penalties."""
        voltage = self.voltage_weight
        if voltage is None:
            voltage = penalties.voltage_usd_per_pu_h * self.cost_weight
        return Weights(pv=self.pv_weight or 0.0, cost=self.cost_weight, voltage=voltage)


class MultiObjective(Rolling):
    """Schedules the look-ahead every period, and again where a voltage leaves its limits.

    Models, search and forecasts are those of `Rolling`; what differs is what a plan is worth.
    `docs/decisions/0016-fronts.md` says how the front behind the weights is found.
    """

    Parameters: ClassVar[type[RollingPlanning]] = MultiObjectivePlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        orders_evs=True,
        objectives=("cost_usd", "curtailed_mwh", "voltage_violation_pu_h"),
        contrasts=(
            Contrast(
                name="value of weights",
                without="rolling",
                meaning="the same model with the prices of the scenario, once a period",
            ),
        ),
    )

    def __init__(self, parameters: MultiObjectivePlanning | None = None) -> None:
        self._settings = parameters or MultiObjectivePlanning()
        super().__init__(self._settings)

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models of `Rolling` on the weighted problem."""
        super().start(system, rng)
        self._system = system
        weights = self._settings.weights(system.penalties)
        restrict = partial(weighted, weights=weights, n_buses=system.grid.n_buses)
        self._planner = Planner(
            system, self._settings, restrict, orders_evs=self.capabilities.orders_evs
        )

    def front(self, observation: Observation, points: int) -> tuple[Plan, ...]:
        """Return plans of the whole look-ahead along the front; see `epsilon_constraint`."""
        return epsilon_constraint(self._system, self._settings, observation, points)
