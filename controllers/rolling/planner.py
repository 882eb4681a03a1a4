"""From an observation to a schedule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from controllers.optimisation.ranges import check_ranges
from controllers.optimisation.work_limits import WorkLimits
from controllers.rolling.applied import computed_usd, modelled_usd, other_usd, trips_usd
from controllers.rolling.caps import caps_mw, withheld_usd
from controllers.rolling.headroom import headroom
from controllers.scheduling.dispatch.dispatch import Dispatcher
from controllers.scheduling.dispatch.warm_start import WarmStart
from controllers.scheduling.grid.linearise import NO_GROUPS, linearise
from controllers.scheduling.grid.network import Network, OperatingPoint
from controllers.scheduling.problem.cars import orderable_groups
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import (
    PlanningError,
    Schedule,
    SchedulingProblem,
    scheduling_problem,
)
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.routing.best_response import Effort
from controllers.scheduling.schedule import Solver
from controllers.scheduling.search import Search, SolverName
from sim.control import Forecast, Observation, SolveStatus
from sim.errors import SolverError
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.system import System
from sim.units import BoolArray, FloatArray

# Model and power flow agree about a period within this [USD]; so often they are brought nearer.
_AGREED_USD = 0.02
_ROUNDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """How to plan.

    Attributes
    ----------
    solver
        ``"columns"``: best responses of single vehicles, the routes that prices bring, and small
        changes, for fleets of any size; ``"milp"``: one mixed-integer model, exact where it closes.
    margin
        Limits are tightened by so many standard deviations of the load forecast [-]; 0 plans
        for the mean.
    orders
        Orders of the vehicles from which best responses start.
    sweeps
        Largest number of rounds in which every vehicle replans.
    levels
        Powers on either side of zero that a vehicle's dynamic programme tries.
    energies
        Points of its energy grid.
    trials
        Routes found by prices, and small changes of the best routes, that are tried after that;
        fewer in fleets of more than 12 vehicles.
    retrials
        Small changes that are tried per hour where the last plan is carried on, which proves
        nothing.
    prices
        Prices tried by ``columns`` for a proven lower bound of every schedule, and twice as many
        again where the gap is open; 0 proves nothing.
    gap
        ``columns`` ends where (value - bound) / (value of doing nothing - bound) is at most this
        [-].
    nodes
        Largest number of branch-and-bound nodes of ``milp``.
    """

    solver: SolverName = "columns"
    margin: float = 2.0
    orders: int = 3
    sweeps: int = 6
    levels: int = 8
    energies: int = 61
    trials: int = 20
    retrials: int = 2
    prices: int = 200
    gap: float = 0.002
    nodes: int = 1000

    def __post_init__(self) -> None:
        check_ranges(self, margin=(0, 1e9))
        self.search()

    def search(self) -> Search:
        """Return the search these settings ask for.

        Raises
        ------
        ValueError
            If a setting makes no sense.
        """
        return Search(
            solver=self.solver,
            orders=self.orders,
            effort=Effort(sweeps=self.sweeps, levels=self.levels, energies=self.energies),
            trials=self.trials,
            retrials=self.retrials,
            prices=self.prices,
            gap=self.gap,
            limits=WorkLimits(nodes=self.nodes),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solved:
    """A schedule, and where its dispatch ended; None where that is not known."""

    schedule: Schedule
    warm_start: WarmStart | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned(Solved):
    """A schedule, where its dispatch ended, and the problem it solves.

    Attributes
    ----------
    problem
        The problem that was solved, with the limits tightened by the margin.
    true
        The problem as it was posed, with the limits as they are.
    room_mw
        Room for sun and wind above the plan, ``(period, generator)`` [MW]; see `headroom`.
    usd
        What the plan costs in the model without the margin, trips and stored energy left out,
        ``(period,)`` [USD].
    computed_usd
        The same under AC power flow, ``(period,)`` [USD].
    """

    problem: SchedulingProblem
    true: SchedulingProblem
    room_mw: FloatArray
    usd: FloatArray
    computed_usd: FloatArray

    @property
    def network(self) -> Network:
        """The network with the limits as they are."""
        return self.true.network

    def caps_mw(self) -> FloatArray:
        """Return the caps on generators, ``(period, generator)`` [MW]; see `caps.caps_mw`."""
        return caps_mw(self.problem.network, self.schedule.curtailed_mw, self.room_mw)

    def differs(self, applied: int) -> bool:
        """Return whether model and power flow disagree in the first `applied` periods."""
        apart = np.abs(self.usd - self.computed_usd)[:applied]
        return bool((apart > _AGREED_USD).any())

    def applied_usd(self, applied: int, caps: FloatArray) -> float:
        """Return what the plan costs until the decision after `applied` periods [USD].

        `caps` are those on generators, beyond which power is withheld inside the periods.
        """
        problem, curtailed_mw = self.problem, self.schedule.curtailed_mw
        withheld = withheld_usd(problem.network, self.true.money, curtailed_mw, caps)
        withheld *= problem.period_h
        trips = trips_usd(problem.space, self.schedule, applied)
        return float((self.usd + withheld)[:applied].sum()) + trips


class Method(Protocol):
    """A way to solve a scheduling problem."""

    def __call__(
        self, problem: SchedulingProblem, search: Search, sketch: Solved | None
    ) -> Solved | None:
        """Return a schedule, None where there is none; may begin with a sketch of it."""


@dataclass(frozen=True, slots=True)
class FromScratch:
    """Chooses routes and powers from scratch.

    Attributes
    ----------
    solver
        Solves the problem.
    starts
        Routes to begin with besides those of the sketch.
    """

    solver: Solver
    starts: tuple[tuple[Route, ...], ...] = ()

    def __call__(
        self, problem: SchedulingProblem, search: Search, sketch: Solved | None
    ) -> Solved | None:
        """Return the best schedule found, None where there is none."""
        sketched = () if sketch is None else (sketch.schedule.routes,)
        found = self.solver(problem, search, (*self.starts, *sketched))
        return None if found is None else Solved(schedule=found)


@dataclass(frozen=True, slots=True)
class Redispatch:
    """Chooses powers anew on the routes of a plan, from where its dispatch ended.

    What is proven of the plan is kept: it holds for the problem in which the routes were chosen.
    """

    schedule: Schedule
    warm_start: WarmStart | None

    def __call__(
        self, problem: SchedulingProblem, search: Search, sketch: Solved | None
    ) -> Solved | None:
        """Return the best powers on the routes, None where they allow none."""
        del sketch
        dispatcher = Dispatcher(problem, search.limits, self.warm_start)
        found = dispatcher(self.schedule.routes)
        if found is None:
            return None
        if self.schedule.outcome.bound_usd is not None:
            found = dataclasses.replace(found, outcome=self.schedule.outcome)
        return Solved(schedule=found, warm_start=dispatcher.warm_start_of(found.routes))


class Planner:
    """Schedules one system.

    Parameters
    ----------
    system
        What exists.
    settings
        How to plan.
    restrict
        What a plan may not do, or what it weighs otherwise: returns the problem that is solved in
        place of the one that is posed.
    orders_evs
        Whether groups of cars are ordered where they may be.
    """

    def __init__(
        self,
        system: System,
        settings: Planning,
        restrict: Callable[[SchedulingProblem], SchedulingProblem] = lambda problem: problem,
        *,
        orders_evs: bool = False,
    ) -> None:
        self._system = system
        self._groups = orderable_groups(system) if orders_evs else NO_GROUPS
        self._restrict = restrict
        self._margin = settings.margin
        self._search = settings.search()
        self._flows: dict[bytes, PowerGridModelFlow] = {}
        self._distances_km = station_distances_km(system)

    def schedule(
        self,
        observation: Observation,
        method: Method,
        point: OperatingPoint | None = None,
        applied: int = 1,
    ) -> Planned:
        """Return the schedule for what is observed.

        Where model and power flow disagree about what the first periods cost, the powers are chosen
        again around the point found.

        Parameters
        ----------
        observation
            What is known now.
        method
            Solves the scheduling problem.
        point
            Where to linearise the network; where None, at rest for a sketch, and then where the
            sketch leads.
        applied
            So many periods are carried out before the next decision.

        Raises
        ------
        PlanningError
            Where nothing can be planned, for example for want of a price.
        """
        forecast = observation.forecast
        n_periods = forecast.n_periods
        if n_periods == 0 or not self._system.vehicles:
            raise PlanningError("there is nothing to plan: no periods or no vehicles")
        rest = OperatingPoint.at_rest(self._system, n_periods, len(self._groups))
        search = self._search
        try:
            if point is not None:
                found = self._solve(observation, point, method, search, None)
            else:
                sketch = self._solve(observation, rest, method, search.sketch(), None)
                found = self._solve(observation, self._point(sketch), method, search, sketch)
            for _ in range(_ROUNDS):
                if not found.differs(applied):
                    break
                again = Redispatch(found.schedule, found.warm_start)
                found = self._solve(observation, self._point(found), again, search, None)
            return found
        except SolverError as error:
            raise PlanningError(str(error)) from error

    def _solve(
        self,
        observation: Observation,
        point: OperatingPoint,
        method: Method,
        search: Search,
        sketch: Solved | None,
    ) -> Planned:
        """Return the schedule for the network linearised at a point."""
        flow = self._flow(observation.line_out)
        forecast = nowcast(observation, self._system.timing.period_h)
        network = linearise(self._system, flow, forecast, point, self._groups)
        tightened, km = network.tightened(self._margin), self._distances_km
        posed = scheduling_problem(self._system, observation, tightened, km, self._groups)
        problem = self._restrict(posed)
        found = method(problem, search, sketch)
        if found is None:
            reason = "not even standing still can be dispatched"
            raise PlanningError(reason, SolveStatus.INFEASIBLE)
        true = dataclasses.replace(posed, network=network)
        room_mw, q_mvar = headroom(problem, found.schedule)
        planned = dataclasses.replace(found.schedule, q_mvar=q_mvar)
        there = planned.operating_point(len(self._system.stations))
        other = other_usd(true, planned)
        return Planned(
            schedule=planned,
            warm_start=found.warm_start,
            problem=problem,
            true=true,
            room_mw=room_mw,
            usd=other + modelled_usd(true, there),
            computed_usd=other + computed_usd(self._system, flow, forecast, true, there),
        )

    def _point(self, found: Solved) -> OperatingPoint:
        return found.schedule.operating_point(len(self._system.stations))

    def _flow(self, line_out: BoolArray) -> PowerGridModelFlow:
        """Return the power flow of the grid as it is switched now, taken to stay so."""
        key = line_out.tobytes()
        if key not in self._flows:
            self._flows[key] = PowerGridModelFlow(self._system.grid.without(line_out))
        return self._flows[key]


def nowcast(observation: Observation, period_h: float) -> Forecast:
    """Return the forecast, for the rest of a period under way corrected by what is metered.

    A forecast is issued at the start of a period; once the period runs, the meters of the last
    step know better what its rest will be. One that read nothing stood at a dead bus, and knows
    nothing of what there will be when power is back.
    """
    forecast = observation.forecast

    def corrected(metered: FloatArray, expected: FloatArray) -> FloatArray:
        return np.vstack([np.where(metered == 0.0, expected[0], metered), expected[1:]])

    if observation.now_h <= observation.period * period_h:
        return forecast
    return dataclasses.replace(
        forecast,
        load_mw=corrected(observation.load_mw, forecast.load_mw),
        load_mvar=corrected(observation.load_mvar, forecast.load_mvar),
        available_mw=corrected(observation.available_mw, forecast.available_mw),
    )
