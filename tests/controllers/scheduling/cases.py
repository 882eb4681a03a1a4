"""Small scheduling problems, and ways to solve them by force."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.complementarity import Pairs, solve_with_complementarity
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.dispatch.energy_cost import add_energy_cost
from controllers.scheduling.grid.linearise import linearise
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import Slots, add_batteries
from controllers.scheduling.problem.cars import add_cars
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import SchedulingProblem, scheduling_problem
from controllers.scheduling.problem.time_space import AWAY, Route, TimeSpace
from sim.control import Observation
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.system import System
from tests.controllers.scheduling.build import observation, radial_grid, system, truck


def feeder(n_trucks: int = 1, n_periods: int = 4, **changes) -> System:
    """Return a lossy feeder with three stations, weak towards its end."""
    values = {
        "station_buses": [0, 2, 4],
        "trucks": [truck(k, k % 3) for k in range(n_trucks)],
        "load_buses": [2, 4],
        "generator_buses": [3],
        "n_periods": n_periods,
        "penalties": {"voltage_usd_per_pu_h": 20000.0, "loading_usd_per_percent_h": 10.0},
        "tariff": {"stored_usd_per_mwh": 60.0, "curtailment_usd_per_mwh": 20.0},
    }
    grid = changes.pop("grid", None) or radial_grid([0, 1, 2, 3], r_ohm=1.5, x_ohm=1.0)
    return system(grid, **(values | changes))


def random_day(exists: System, seed: int, **changes) -> Observation:
    """Return loads, sun and prices at random."""
    rng = np.random.default_rng(seed)
    n = exists.timing.n_periods
    values = {
        "load_mw": rng.uniform(0.2, 2.0, (n, 2)),
        "load_mvar": rng.uniform(0.0, 0.5, (n, 2)),
        "available_mw": rng.uniform(0.0, 3.0, (n, 1)),
        "price": rng.uniform(20.0, 120.0, n),
    }
    return observation(exists, **(values | changes))


def problem_of(
    exists: System, seen: Observation, point: OperatingPoint | None = None
) -> SchedulingProblem:
    """Return the scheduling problem of an observation."""
    flow = PowerGridModelFlow(exists.grid)
    rest = OperatingPoint.at_rest(exists, seen.forecast.n_periods)
    network = linearise(exists, flow, seen.forecast, point or rest)
    return scheduling_problem(exists, seen, network, station_distances_km(exists))


def all_routes(space: TimeSpace, vehicle: int) -> Iterator[Route]:
    """Yield every route of a vehicle."""

    def onwards(station: int, period: int) -> Iterator[Route]:
        yield ()
        for t in range(period, space.n_periods):
            for goal in range(space.n_stations):
                duration = int(space.duration[t, station, goal])
                if duration:
                    for rest in onwards(goal, t + duration):
                        yield ((t, goal), *rest)

    yield from onwards(int(space.start_station[vehicle]), int(space.start_period[vehicle]))


def best_by_force(problem: SchedulingProblem) -> float:
    """Return the objective of the best of all routes [USD]."""
    choices = [list(all_routes(problem.space, k)) for k in range(problem.n_vehicles)]
    found = (dispatch(problem, routes, WorkLimits()) for routes in itertools.product(*choices))
    return min(one.outcome.objective_usd for one in found if one is not None)


def whole_usd(problem, routes):
    """Return the objective of the dispatch with all rows and all segments in one model."""
    space = problem.space
    station = np.array([space.stations_of(k, route) for k, route in enumerate(routes)])
    vehicle, period = np.nonzero((station != AWAY) & problem.network.live[station])
    slots = Slots(vehicle=vehicle, station=station[vehicle, period], period=period)
    assembly = Assembly()
    powers = add_batteries(
        assembly,
        problem.batteries,
        slots,
        trips_mwh=np.array([space.route_mwh(k, route) for k, route in enumerate(routes)]),
        end=problem.end,
        period_h=problem.period_h,
    )
    cars = add_cars(assembly, problem.cars, problem.period_h)
    add_energy_cost(assembly, problem, slots, powers, cars)
    assembly.offset += sum(space.route_usd(k, route) for k, route in enumerate(routes))
    pairs = Pairs.of(problem, slots, powers, cars)
    return solve_with_complementarity(assembly, pairs, WorkLimits()).objective
