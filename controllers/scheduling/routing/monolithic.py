"""Mixed-integer linear programme of routes and powers on the time-space network: the reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.complementarity import Pairs, solve_with_complementarity
from controllers.scheduling.dispatch.energy_cost import add_energy_cost
from controllers.scheduling.problem.batteries import Slots, add_batteries
from controllers.scheduling.problem.cars import add_cars
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from sim.control import SolveStatus
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arcs:
    """Trips that some vehicle can still make, one entry per trip.

    Attributes
    ----------
    vehicle, period, start, goal
        Who leaves when, whence and whither, ``(arc,)``.
    """

    vehicle: IntArray
    period: IntArray
    start: IntArray
    goal: IntArray

    @classmethod
    def of(cls, problem: SchedulingProblem) -> Arcs:
        """Return the trips that begin after the vehicle is first connected."""
        space = problem.space
        period, start, goal = np.nonzero(space.duration)
        vehicle = np.repeat(np.arange(problem.n_vehicles), len(period))
        period, start, goal = (np.tile(part, problem.n_vehicles) for part in (period, start, goal))
        open_ = period >= space.start_period[vehicle]
        # At its first period the vehicle is at one station only.
        open_ &= (period > space.start_period[vehicle]) | (start == space.start_station[vehicle])
        return cls(
            vehicle=vehicle[open_], period=period[open_], start=start[open_], goal=goal[open_]
        )


def milp(
    problem: SchedulingProblem,
    limits: WorkLimits,
    start: tuple[Route, ...],
    minimise: Callable[..., Solution] = solve,
) -> tuple[tuple[Route, ...] | None, SolveStatus, float | None]:
    """Search for the best routes.

    Parameters
    ----------
    problem
        The problem.
    limits
        Work limits.
    start
        Routes to start from.
    minimise
        What minimises a model; called as `solve` is.

    Returns
    -------
    tuple
        The best routes found, or None; how the search ended; proven lower bound of the problem,
        or None.
    """
    space = problem.space
    n_vehicles, n_periods, n_stations = (
        problem.n_vehicles, problem.n_periods, space.n_stations,
    )  # fmt: skip
    arcs = Arcs.of(problem)
    assembly = Assembly()
    k, t, i, j = arcs.vehicle, arcs.period, arcs.start, arcs.goal
    trip = assembly.variables(len(k), upper=1.0, cost=space.cost_usd[k, t, i, j], integer=True)
    vehicle, period, station = np.indices((n_vehicles, n_periods, n_stations))
    reachable = period >= space.start_period[:, None, None]
    stay = np.full(reachable.shape, -1, dtype=np.int64)
    stay[reachable] = assembly.variables(int(reachable.sum()), upper=1.0)
    useful = reachable & problem.network.live[station]
    slots = Slots(vehicle=vehicle[useful], station=station[useful], period=period[useful])
    powers = add_batteries(
        assembly,
        problem.batteries,
        slots,
        trips_mwh=np.zeros((n_vehicles, n_periods)),
        end=problem.end,
        period_h=problem.period_h,
        present=stay[useful],
    )
    assembly.entries(powers.energy_row[k, t], trip, space.energy_mwh[k, i, j])
    _add_flow(assembly, problem, arcs, trip, stay)
    _add_plugs(assembly, problem, arcs, trip, stay)
    cars = add_cars(assembly, problem.cars, problem.period_h)
    add_energy_cost(assembly, problem, slots, powers, cars)
    solution = solve_with_complementarity(
        assembly,
        Pairs.of(problem, slots, powers, cars),
        limits,
        start=_complete(assembly, trip, _taken(problem, arcs, start), limits),
        minimise=minimise,
    )
    return _routes(problem, arcs, trip, solution), solution.status, solution.bound


def _add_flow(
    assembly: Assembly, problem: SchedulingProblem, arcs: Arcs, trip: IntArray, stay: IntArray
) -> None:
    """Keep every vehicle in exactly one place: what reaches a station leaves it or stays."""
    space = problem.space
    k, t, i, j = arcs.vehicle, arcs.period, arcs.start, arcs.goal
    begins = np.zeros(stay.shape)
    active = np.flatnonzero(space.start_period < problem.n_periods)
    begins[active, space.start_period[active], space.start_station[active]] = 1.0
    known = stay >= 0
    row = np.full(stay.shape, -1, dtype=np.int64)
    row[known] = assembly.rows(int(known.sum()), lower=begins[known], upper=begins[known])
    assembly.entries(row[known], stay[known], 1.0)
    before = known[:, :-1]
    assembly.entries(row[:, 1:][before], stay[:, :-1][before], -1.0)
    assembly.entries(row[k, t, i], trip, 1.0)
    assembly.entries(row[k, t + space.duration[t, i, j], j], trip, -1.0)


def _add_plugs(
    assembly: Assembly, problem: SchedulingProblem, arcs: Arcs, trip: IntArray, stay: IntArray
) -> None:
    """Let no more vehicles hold plugs than there are; excess is possible but costly."""
    space, n_vehicles = problem.space, problem.n_vehicles
    scarce = np.flatnonzero(space.plugs < n_vehicles)
    if len(scarce) == 0:
        return
    shape = (problem.n_periods, len(scarce))
    spare = space.spare_plugs()[:, scarce]
    rows = assembly.rows(spare.size, upper=spare.ravel()).reshape(shape)
    excess = assembly.variables(
        spare.size, cost=problem.money.queue_usd_per_h * problem.period_h
    ).reshape(shape)
    assembly.entries(rows, excess, -1.0)
    for n, station in enumerate(scarce.tolist()):
        vehicle_index, period = np.nonzero(stay[:, :, station] >= 0)
        assembly.entries(rows[period, n], stay[vehicle_index, period, station], 1.0)
        here = np.flatnonzero(arcs.goal == station)
        t, i = arcs.period[here], arcs.start[here]
        for ahead in range(int(space.duration.max(initial=0))):
            holds = (ahead >= space.arrival[t, i, station]) & (
                ahead < space.duration[t, i, station]
            )
            assembly.entries(rows[t[holds] + ahead, n], trip[here[holds]], 1.0)


def _taken(problem: SchedulingProblem, arcs: Arcs, routes: tuple[Route, ...]) -> FloatArray:
    """Return which trips the routes take, ``(arc,)``."""
    taken = np.zeros(len(arcs.vehicle))
    for vehicle, route in enumerate(routes):
        where = int(problem.space.start_station[vehicle])
        for period, goal in route:
            same = (arcs.vehicle == vehicle) & (arcs.period == period)
            taken[same & (arcs.start == where) & (arcs.goal == goal)] = 1.0
            where = goal
    return taken


def _complete(
    assembly: Assembly, trip: IntArray, taken: FloatArray, limits: WorkLimits
) -> FloatArray | None:
    """Return all variables for trips that are given, None where they allow no solution."""
    model = assembly.build()
    lower, upper = model.lower.copy(), model.upper.copy()
    lower[trip] = upper[trip] = taken
    integer = model.integer.copy()
    integer[trip] = False
    fixed = dataclasses.replace(model, lower=lower, upper=upper, integer=integer)
    return solve(fixed, limits=limits).values


def _routes(
    problem: SchedulingProblem, arcs: Arcs, trip: IntArray, solution: Solution
) -> tuple[Route, ...] | None:
    """Return the routes of a solution."""
    if solution.values is None:
        return None
    taken = solution.values[trip] > 0.5
    routes: list[Route] = []
    for vehicle in range(problem.n_vehicles):
        mine = np.flatnonzero(taken & (arcs.vehicle == vehicle))
        mine = mine[np.argsort(arcs.period[mine])]
        routes.append(tuple(zip(arcs.period[mine].tolist(), arcs.goal[mine].tolist(), strict=True)))
    return tuple(routes)
