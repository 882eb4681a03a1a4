"""Plan once a day, then follow the plan whatever happens."""

from __future__ import annotations

import numpy as np

from controllers.models.problem import PlanningError
from controllers.planner import Planner, Planning, to_plan
from sim.control import Observation, Outcome, Plan, SolveStatus
from sim.system.system import System
from sim.units import HOURS_PER_DAY


class DayAhead:
    """Schedules the look-ahead at the first decision and follows it open loop.

    Where an episode is longer than a day (or than the look-ahead), it plans again when a day (or
    the look-ahead) has passed.
    """

    Parameters = Planning

    def __init__(self, parameters: Planning | None = None) -> None:
        self.parameters = parameters or Planning()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models; nothing is random."""
        del rng
        self._planner = Planner(system, self.parameters)
        self._period_h = system.timing.period_h
        self._per_day = max(round(HOURS_PER_DAY / self._period_h), 1)
        self._next = 0

    def decide(self, observation: Observation) -> Plan:
        """Return a plan once a day, and nothing in between."""
        if observation.period < self._next:
            return Plan()
        try:
            found = self._planner.schedule(observation)
        except PlanningError as error:
            return Plan(outcome=Outcome(status=SolveStatus.FAILED, fallback=str(error)))
        covered = min(observation.forecast.n_periods, self._per_day)
        self._next = observation.period + max(covered, 1)
        return to_plan(found, observation, self._period_h)
