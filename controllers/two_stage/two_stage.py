"""Day-ahead by a cone model of routes, powers and the network, then a particle swarm under AC.

The two stages of Abdeltawab & Mohamed, *Mobile Energy Storage Scheduling and Operation in Active
Distribution Systems*, IEEE Trans. Industrial Electronics 64, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.problem.problem import PlanningError
from controllers.two_stage.cone_plan import ConePlanner, FirstPlan
from controllers.two_stage.first_stage import FirstStage
from controllers.two_stage.swarm import Incumbent, SecondStage, improve
from sim.control import (
    Capabilities,
    FleetPlan,
    GridPlan,
    Observation,
    Outcome,
    Plan,
    SolveStatus,
    Visit,
)
from sim.errors import SolverError
from sim.system.system import System
from sim.units import HOURS_PER_DAY

# A generator is ordered down only by more than this [MW].
_LEAST_CURTAILMENT_MW = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStageParameters:
    """How hard to search.

    Attributes
    ----------
    gap
        Gap at which the search for routes ends, over what storage is worth [-].
    nodes
        Largest number of branch-and-bound nodes of one search.
    searches
        Largest number of searches, each with the tangents of those before.
    swarm_size
        Number of particles of the second stage; a choice of this project.
    swarm_iterations
        Number of their generations after the first, a choice too; with none there is no second
        stage.
    """

    gap: float = 0.002
    nodes: int = 20
    searches: int = 3
    swarm_size: int = 40
    swarm_iterations: int = 100

    def __post_init__(self) -> None:
        self.first_stage()
        self.second_stage()

    def first_stage(self) -> FirstStage:
        """Return the effort of the first stage."""
        return FirstStage(gap=self.gap, nodes=self.nodes, searches=self.searches)

    def second_stage(self) -> SecondStage:
        """Return the effort of the second stage."""
        return SecondStage(swarm_size=self.swarm_size, swarm_iterations=self.swarm_iterations)


class TwoStage:
    """Plans once a day for the whole day; between two plans everything stays in force.

    First a mixed-integer second-order cone model of routes, powers and the network is solved by
    tangent planes. Its bound is proven for that model, which is a relaxation of AC power flow.
    Then a particle swarm around that plan searches powers and departures, which trips there are
    being settled. What a plan costs is what AC power flow says: after the second stage never more
    than after the first, and after the first never more than the best parked schedule.

    Every decision says, in `Outcome.figures`:

    - ``idle_usd``, ``parked_usd.start``, ``parked_usd.<vehicle> at <station>``,
      ``first_stage_usd``: what the look-ahead costs under AC power flow, without storage, with all
      vehicles parked at their start, with a lone vehicle parked elsewhere, and as the first stage
      plans it [USD];
    - ``second_stage_gain_usd``: what the second stage takes off that [USD];
    - ``cone_model_usd``: the value of that plan in the cone model [USD];
    - ``gap_of_value``: proven gap over what storage is worth [-];
    - ``cone_above_pu``, ``cone_below_pu``: by how much ``p^2 + q^2`` is above and below ``l v``
      at most, the exactness of the relaxation [pu on 10 MVA];
    - ``solves``, ``planes``: linear and mixed-integer solves, tangents added.
    """

    Parameters = TwoStageParameters
    capabilities = Capabilities(requires=frozenset({"roads"}), one_area=True)

    def __init__(self, parameters: TwoStageParameters | None = None) -> None:
        self.parameters = parameters or TwoStageParameters()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models.

        Raises
        ------
        InputError
            If the grid is not radial, or the model of a look-ahead would be far too large.
        """
        self._system, self._rng = system, rng
        self._planner = ConePlanner(system, self.parameters.first_stage())
        self._per_day = max(round(HOURS_PER_DAY / system.timing.period_h), 1)
        self._next = 0

    def decide(self, observation: Observation) -> Plan:
        """Return the plan of a day, or nothing while the last one holds."""
        if observation.period < self._next:
            return Plan()
        try:
            found = self._planner.plan(observation)
        except (PlanningError, SolverError) as error:
            status = error.status if isinstance(error, PlanningError) else SolveStatus.FAILED
            return Plan(outcome=Outcome(status=status, fallback=str(error)))
        self._next = observation.period + min(observation.forecast.n_periods, self._per_day)
        schedule = improve(
            Incumbent(routes=found.routes, p_mw=found.p_mw, q_mvar=found.q_mvar, usd=found.usd),
            found.fleet,
            found.valuation,
            self._system.timing.period_h,
            self.parameters.second_stage(),
            self._rng,
        )
        return self._plan(observation, found, schedule)

    def _plan(self, observation: Observation, found: FirstPlan, schedule: Incumbent) -> Plan:
        """Return the plan that carries a schedule out."""
        period_h = self._system.timing.period_h
        first_h = observation.period * period_h
        visits = tuple(
            tuple(Visit(station=goal, depart_h=first_h + period * period_h) for period, goal in own)
            for own in schedule.routes
        )
        output = observation.forecast.available_mw - found.curtailed_mw
        limited = found.curtailed_mw > _LEAST_CURTAILMENT_MW
        figures = {**found.figures, "second_stage_gain_usd": found.usd - schedule.usd}
        bound = None if found.bound_usd is None else min(found.bound_usd, schedule.usd)
        worth = figures["idle_usd"] - schedule.usd
        if bound is not None and worth > 0:
            figures["gap_of_value"] = (schedule.usd - bound) / worth
        return Plan(
            fleet=FleetPlan(visits=visits, p_mw=schedule.p_mw, q_mvar=schedule.q_mvar),
            grid=GridPlan(generation_limit_mw=np.where(limited, output, np.inf)),
            outcome=Outcome(
                status=found.status,
                objective_usd=schedule.usd,
                bound_usd=bound,
                idle_usd=figures["idle_usd"],
                figures=figures,
            ),
        )
