"""Economic dispatch on fixed routes: a linear programme solved by row and column generation.

Rows join when a solution violates them (`GeneratedRows`), generators when the reduced cost of
curtailing them is negative, and a solve starts from the basis of the last one, whatever its
routes: most of what binds for one choice of routes binds for the next.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from controllers.optimisation.growing_model import GrowingModel
from controllers.optimisation.result import AT_LOWER, Basis, Solution
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.complementarity import both_ways
from controllers.scheduling.dispatch.energy_cost import curtailable
from controllers.scheduling.dispatch.linear_programme import DispatchModel, SlotPowers
from controllers.scheduling.dispatch.row_generation import GeneratedRows
from controllers.scheduling.dispatch.warm_start import WarmStart
from controllers.scheduling.problem.batteries import Slots
from controllers.scheduling.problem.problem import PlanningError, Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY, Route
from sim.control import Outcome, SolveStatus
from sim.units import BoolArray

# Rounds in which currents become exact that hardly cost anything any more; three do, as a rule.
_TOUCHES = 10


def dispatch(
    problem: SchedulingProblem, routes: tuple[Route, ...], limits: WorkLimits
) -> Schedule | None:
    """Return the best powers and curtailment for the given routes; see `Dispatcher`."""
    return Dispatcher(problem, limits)(routes)


class Dispatcher:
    """Sets powers and curtailment on routes of one problem, and learns from each time.

    Parameters
    ----------
    problem
        The problem.
    limits
        Work limits of each solve.
    warm_start
        Where to start the first time, for example where the last problem ended; at rest where
        None.
    """

    def __init__(
        self, problem: SchedulingProblem, limits: WorkLimits, warm_start: WarmStart | None = None
    ) -> None:
        self._problem = problem
        self._limits = limits
        generated = GeneratedRows(problem)
        self._generated = generated
        self._curtailable = curtailable(problem)
        self._known: dict[tuple[Route, ...], Schedule | None] = {}
        # What routes cost at least whose solve has been cut off.
        self._at_least_usd: dict[tuple[Route, ...], float] = {}
        # Whether there is a better basis to start from than at rest.
        self._is_warm = warm_start is not None
        start = warm_start or WarmStart.at_rest(problem, generated.rows)
        self._warm_start = start
        # Where curtailment is a variable so far.
        self._may_curtail = self._curtailable & (
            (start.curtailed != AT_LOWER) | generated.pays_to_curtail(start.point)
        )
        if np.isfinite(problem.budgets.violations_usd):
            # Reduced costs tell what pays, not what a budget cannot be kept without.
            self._may_curtail = self._curtailable
        self._ended: dict[tuple[Route, ...], WarmStart] = {}
        kept = generated.recall(start.rows, start.point)
        generated.add_first_tangents()
        variables = np.full(generated.n_variables, AT_LOWER)
        variables[generated.rows.variable[: len(kept)]] = start.row_variable[kept]
        self._generated_basis = Basis(variables=variables, rows=start.row[kept])

    def __call__(self, routes: tuple[Route, ...], cutoff_usd: float = np.inf) -> Schedule | None:
        """Return the best powers and curtailment for the given routes.

        Parameters
        ----------
        routes
            Departures per vehicle; every trip must be possible.
        cutoff_usd
            The solve ends as soon as it is clear that the routes cost more than this [USD].

        Returns
        -------
        Schedule or None
            None where the routes allow no dispatch, for example because a trip needs more energy
            than there is, or where it costs more than `cutoff_usd`. The bound of its outcome is
            about these routes only and therefore left out.

        Raises
        ------
        PlanningError
            If the wall clock ends the solve before there is a solution.
        """
        if routes in self._known:
            return self._known[routes]
        if self._at_least_usd.get(routes, -np.inf) > cutoff_usd:
            return None
        found = self._dispatch(routes, cutoff_usd)
        if routes not in self._at_least_usd:
            self._known[routes] = found
        return found

    def warm_start_of(self, routes: tuple[Route, ...]) -> WarmStart:
        """Return where the dispatch of some routes ended, which has to have been found."""
        return self._ended[routes]

    @property
    def late(self) -> bool:
        """Whether the wall clock has ended any solve."""
        found = [one for one in self._known.values() if one is not None]
        return any(one.outcome.status is SolveStatus.DEADLINE for one in found)

    def _dispatch(self, routes: tuple[Route, ...], cutoff_usd: float) -> Schedule | None:
        """Solve the linear programme of these routes."""
        problem, space = self._problem, self._problem.space
        station = np.array(
            [space.stations_of(k, route) for k, route in enumerate(routes)], dtype=np.int64
        ).reshape(problem.n_vehicles, problem.n_periods)
        waiting, queue_usd = queues(problem, routes)
        useful = (station != AWAY) & ~waiting & problem.network.live[station]
        # Periods in order, so that those of a row are neighbours.
        period, vehicle = np.nonzero(useful.T)
        slots = Slots(vehicle=vehicle, station=station[vehicle, period], period=period)
        moves_usd = sum(space.route_usd(k, route) for k, route in enumerate(routes))
        trips_mwh = np.array([space.route_mwh(k, route) for k, route in enumerate(routes)])
        while True:
            model = DispatchModel(
                problem,
                slots,
                curtailable=self._may_curtail,
                trips_mwh=trips_mwh.reshape(problem.n_vehicles, problem.n_periods),
                fixed_usd=moves_usd + queue_usd,
                loss_axis=self._generated.loss_axis,
            )
            solution = self._solved(model, cutoff_usd)
            if solution.objective is None or solution.status is SolveStatus.DEADLINE:
                break
            paying, spared_usd = self._price_curtailment(model, solution)
            near = spared_usd <= self._limits.relative_gap * max(abs(solution.objective), 1.0)
            least_usd = solution.objective - (0.0 if near else spared_usd)
            if least_usd > cutoff_usd:
                self._at_least_usd[routes] = least_usd
                return None
            if near:
                break
            self._may_curtail |= paying
        self._at_least_usd.pop(routes, None)
        if solution.values is None:
            if solution.status is SolveStatus.DEADLINE:
                # Not "impossible": going on without these routes would depend on the clock in
                # silence.
                reason = "the wall clock ended a dispatch before it had a solution"
                raise PlanningError(reason, SolveStatus.DEADLINE)
            return None
        self._ended[routes] = self._warm_start
        powers = SlotPowers.read(slots, model.powers, solution.values)
        deadline = solution.status is SolveStatus.DEADLINE
        return Schedule(
            routes=routes,
            station=station.T.copy(),
            p_mw=powers.table(powers.p_mw, problem),
            q_mvar=powers.table(powers.q_mvar, problem),
            energy_mwh=model.powers.stored_mwh(solution.values).T.copy(),
            curtailed_mw=model.point(solution.values).curtailed_mw,
            cars_mw=model.cars.p_mw(solution.values),
            outcome=Outcome(
                status=SolveStatus.DEADLINE if deadline else SolveStatus.FEASIBLE,
                objective_usd=solution.objective,
            ),
        )

    def _price_curtailment(
        self, model: DispatchModel, solution: Solution
    ) -> tuple[BoolArray, float]:
        """Return where else it may pay to curtail, and how much that can spare at most [USD].

        These are the reduced costs of variables left out. Nothing is known of them where a model
        has integers: then all may pay.
        """
        left = self._curtailable & ~self._may_curtail
        if solution.values is None or not left.any():
            return left, 0.0
        if solution.duals is None:
            return left, np.inf
        reduced_usd = model.curtailment_usd(solution.duals, self._generated.rows)
        paying: BoolArray = left & (reduced_usd < 0)
        available_mw = self._problem.network.available_mw
        return paying, -float((reduced_usd * available_mw)[paying].sum())

    def _solved(self, model: DispatchModel, cutoff_usd: float) -> Solution:
        """Return a solution that violates no row and nowhere charges and discharges at once.

        Or one that costs more than the cutoff: rows only raise the objective, so that such a
        solution stays there, unless more curtailment spares it.
        """
        generated = self._generated
        growing = GrowingModel(
            model.linear(generated.rows, generated.n_variables),
            model.basis(self._warm_start, self._generated_basis) if self._is_warm else None,
            self._limits,
        )
        free = np.ones(len(model.pairs.charge_mw), dtype=np.bool_)
        touches, last = 0, (np.nan, np.nan)
        while True:
            solution = growing.solve()
            if solution.values is None or solution.status is SolveStatus.DEADLINE:
                return solution
            objective_usd = solution.objective or 0.0
            if objective_usd - self._price_curtailment(model, solution)[1] > cutoff_usd:
                self._remember(model, solution)
                return solution
            missing_usd = generated.separate(
                model.point(solution.values), solution.values[model.column]
            )
            close = missing_usd <= self._limits.relative_gap * max(abs(objective_usd), 1.0)
            # A solution that new rows do not move violates them within the solver's tolerance.
            close |= bool(np.allclose((objective_usd, missing_usd), last, rtol=1e-6, atol=0.0))
            last = (objective_usd, missing_usd)
            if close and not generated.currents_kept and touches < _TOUCHES:
                close, touches = False, touches + 1
            both = both_ways(model.pairs, solution.values, free)
            if not close:
                matrix, upper = model.more(generated.rows, generated.n_variables)
                n_new = matrix.shape[1] - len(solution.values)
                growing.add(np.ones(n_new), np.full(n_new, np.inf), matrix, upper)
            elif len(both):
                matrix, upper = model.modes(both)
                n_new = len(both)
                growing.add(np.zeros(n_new), np.ones(n_new), matrix, upper, integer=True)
                free[both] = False
            else:
                self._remember(model, solution)
                return dataclasses.replace(solution, objective=objective_usd + missing_usd)

    def _remember(self, model: DispatchModel, solution: Solution) -> None:
        """Let the next solve start where this one ended."""
        if solution.values is not None and solution.basis is not None:
            self._is_warm = True
            self._generated_basis = model.generated_basis(solution.basis)
            self._warm_start = model.warm_start(
                solution.values, solution.basis, self._generated.rows
            )


def queues(problem: SchedulingProblem, routes: tuple[Route, ...]) -> tuple[np.ndarray, float]:
    """Return which vehicles find no plug, ``(vehicle, period)``, and what the plan pays for it."""
    space = problem.space
    held = np.array([space.occupancy(k, route) for k, route in enumerate(routes)])
    held = held.reshape(problem.n_vehicles, problem.n_periods)
    waiting = np.zeros(held.shape, dtype=np.bool_)
    for k in range(problem.n_vehicles):
        others = ((held[:k] == held[k]) & ~waiting[:k]).sum(axis=0)
        waiting[k] = (held[k] != AWAY) & (others >= space.plugs[held[k]])
    return waiting, float(waiting.sum()) * problem.money.queue_usd_per_h * problem.period_h
