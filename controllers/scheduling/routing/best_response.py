"""Best response, a block coordinate descent: one vehicle at a time replans against the others.

Vehicles meet only in the network's rows and at the plugs. Given the others, the best route of one
vehicle is a dynamic programme over (period, station, energy); Gauss-Seidel sweeps repeat it until
nobody improves, and the exact dispatch then sets the powers on the routes found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from controllers.optimisation.ranges import check_ranges
from controllers.scheduling.dispatch.energy_cost import curtailable
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY, Route
from controllers.scheduling.routing.itinerary import (
    BatteryModel,
    EndValue,
    StageCosts,
    Start,
    Trips,
    best_itinerary,
    cost_to_go,
)
from controllers.scheduling.routing.power_costs import (
    Injections,
    NetworkArrays,
    PeriodPrices,
    VehiclePower,
    power_costs,
)
from sim.units import BoolArray, FloatArray, IntArray

# A sweep that earns less than this ends the search [USD].
LEAST_GAIN_USD = 1e-3


class RouteDispatcher(Protocol):
    """Sets the powers on given routes."""

    def __call__(self, routes: tuple[Route, ...], cutoff_usd: float = np.inf) -> Schedule | None:
        """Return the schedule, None where there is none cheaper than `cutoff_usd`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard to search; all of it deterministic.

    Attributes
    ----------
    sweeps
        Largest number of rounds in which every vehicle replans.
    levels
        Powers on either side of zero that the dynamic programme tries.
    energies
        Points of its energy grid.
    """

    sweeps: int = 6
    levels: int = 8
    energies: int = 61

    def __post_init__(self) -> None:
        check_ranges(self, sweeps=(0, 1000), levels=(1, 200), energies=(2, 10_001))


def improve(
    problem: SchedulingProblem,
    schedule: Schedule,
    order: tuple[int, ...],
    effort: Effort,
    dispatcher: RouteDispatcher,
) -> Schedule:
    """Return a schedule at least as good, by sweeps of best responses.

    Parameters
    ----------
    problem
        The problem.
    schedule
        Where to start.
    order
        The order in which vehicles replan.
    effort
        How hard to search.
    dispatcher
        Sets the powers on given routes.
    """
    best = schedule
    for _ in range(effort.sweeps):
        routes = _sweep(problem, best, order, effort)
        if routes == best.routes:
            break
        found = dispatcher(routes, usd_of(best) - LEAST_GAIN_USD)
        if found is None or usd_of(found) > usd_of(best) - LEAST_GAIN_USD:
            break
        best = found
    return best


def usd_of(schedule: Schedule) -> float:
    """Return the objective, infinite where there is none."""
    usd = schedule.outcome.objective_usd
    return np.inf if usd is None else usd


def _sweep(
    problem: SchedulingProblem, schedule: Schedule, order: tuple[int, ...], effort: Effort
) -> tuple[Route, ...]:
    """Return the routes after every vehicle has replanned once."""
    space = problem.space
    routes = list(schedule.routes)
    can_curtail = curtailable(problem)
    fixed = problem.network.without_cars(schedule.cars_mw)
    grid = tuple(NetworkArrays.of(fixed, area) for area in range(fixed.n_areas))
    station, p_mw, q_mvar = schedule.station.copy(), schedule.p_mw.copy(), schedule.q_mvar.copy()
    for k in order:
        if space.start_period[k] >= problem.n_periods:
            continue
        own = _beside(problem, k, (station, p_mw, q_mvar), routes, (can_curtail, grid), effort)
        goals, p_mw[:, k], q_mvar[:, k] = _respond(problem, k, own, effort)
        routes[k] = space.route_of(k, goals)
        station[:, k] = space.stations_of(k, routes[k])
    return tuple(routes)


def values_to_go(
    problem: SchedulingProblem, schedule: Schedule, first: int, effort: Effort
) -> tuple[FloatArray, ...]:
    """Return what each vehicle costs from a period on, the others as in a schedule [USD].

    Parameters
    ----------
    problem
        The problem.
    schedule
        What the others do.
    first
        The period from which on costs are wanted.
    effort
        Levels and points of the energy grid.

    Returns
    -------
    tuple
        Per vehicle ``(period + 1, station, point)``; see `itinerary.cost_to_go`.
    """
    fixed = problem.network.without_cars(schedule.cars_mw)
    grid = tuple(NetworkArrays.of(fixed, area) for area in range(fixed.n_areas))
    powers = (schedule.station, schedule.p_mw, schedule.q_mvar)
    known = (curtailable(problem), grid)
    found = []
    for k in range(problem.n_vehicles):
        own = _beside(problem, k, powers, list(schedule.routes), known, effort)
        found.append(cost_to_go(first, own.end, effort.energies, own.battery, own.costs, own.trips))
    return tuple(found)


class _Response(NamedTuple):
    """The dynamic programme of one vehicle, and its reactive power, as `StageCosts.cost`."""

    end: EndValue
    battery: BatteryModel
    costs: StageCosts
    trips: Trips
    reactive_mvar: FloatArray


def _beside(
    problem: SchedulingProblem,
    k: int,
    powers: tuple[IntArray, FloatArray, FloatArray],
    routes: list[Route],
    grid: tuple[BoolArray, tuple[NetworkArrays, ...]],
    effort: Effort,
) -> _Response:
    """Return the dynamic programme of vehicle `k` beside the others.

    `powers` are stations and powers of all, ``(period, vehicle)``; `grid` tells where curtailment
    can pay, and the network of each area with groups of cars as they are.
    """
    space, batteries, money = problem.space, problem.batteries, problem.money
    hours = problem.period_h
    station, p_mw, q_mvar = powers
    others = [i for i in range(problem.n_vehicles) if i != k]
    levels_mw = np.concatenate(
        [
            np.linspace(-batteries.p_charge_max_mw[k], 0, effort.levels + 1)[:-1],
            np.linspace(0, batteries.p_discharge_max_mw[k], effort.levels + 1),
        ]
    )
    vehicle = VehiclePower(
        levels_mw=levels_mw,
        s_mva=batteries.s_mva[k],
        charge_usd=(batteries.wear_usd_per_mwh[k] + batteries.charging_usd_per_mwh[k]) * hours,
        discharge_usd=batteries.wear_usd_per_mwh[k] * hours,
    )
    injected = Injections(
        p_mw=_injections(problem, station[:, others], p_mw[:, others]),
        q_mvar=_injections(problem, station[:, others], q_mvar[:, others]),
    )
    cost, reactive = _stage_costs(problem, vehicle, injected, grid)
    return _Response(
        end=EndValue(
            target_mwh=problem.end.target_mwh[k],
            missing_usd_per_mwh=problem.end.missing_usd_per_mwh[k],
            surplus_usd_per_mwh=problem.end.surplus_usd_per_mwh[k],
        ),
        battery=BatteryModel(
            lower_mwh=batteries.lower_mwh[k],
            upper_mwh=batteries.upper_mwh[k],
            keep=batteries.keep[k],
            hours=batteries.hours[k],
            efficiency_charge=batteries.efficiency_charge[k],
            efficiency_discharge=batteries.efficiency_discharge[k],
            auxiliary_mw=batteries.auxiliary_mw[k],
        ),
        costs=StageCosts(
            levels_mw=levels_mw,
            cost=cost,
            full=_full(problem, routes, k),
            queue_usd=money.queue_usd_per_h * hours,
        ),
        trips=Trips(
            duration=space.duration,
            arrival=space.arrival,
            usd=space.cost_usd[k],
            mwh=space.energy_mwh[k],
        ),
        reactive_mvar=reactive,
    )


def _respond(
    problem: SchedulingProblem, k: int, own: _Response, effort: Effort
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return where vehicle `k` best goes, and its power, active and reactive."""
    goals, power = best_itinerary(
        Start(
            station=problem.space.start_station[k],
            period=problem.space.start_period[k],
            energy_mwh=problem.batteries.energy_mwh[k],
        ),
        own.end,
        effort.energies,
        own.battery,
        own.costs,
        own.trips,
    )
    levels_mw, reactive = own.costs.levels_mw, own.reactive_mvar
    q_mvar = np.array(
        [np.interp(power[t], levels_mw, reactive[t, goals[t]]) for t in range(problem.n_periods)]
    )
    return goals, power, q_mvar


def _stage_costs(
    problem: SchedulingProblem,
    vehicle: VehiclePower,
    others: Injections,
    grid: tuple[BoolArray, tuple[NetworkArrays, ...]],
) -> tuple[FloatArray, FloatArray]:
    """Return what `power_costs` returns, for all areas together.

    What happens at a station costs only its area more or less than without the vehicle.
    """
    (can_curtail, networks), money, hours = grid, problem.money, problem.period_h
    station_area = problem.network.site_area[: problem.space.n_stations]
    shape = (problem.n_periods, problem.space.n_stations + 1, len(vehicle.levels_mw))
    cost, reactive = np.zeros(shape), np.zeros(shape)
    for area, network in enumerate(networks):
        here = np.flatnonzero(station_area == area)
        curtailable = can_curtail[:, problem.network.generator_area == area]
        usd, mvar = power_costs(
            vehicle,
            Injections(
                p_mw=np.ascontiguousarray(others.p_mw[:, here]),
                q_mvar=np.ascontiguousarray(others.q_mvar[:, here]),
            ),
            PeriodPrices(
                bought_usd=np.ascontiguousarray(money.import_usd_per_mwh[:, area]) * hours,
                sold_usd=np.ascontiguousarray(money.export_usd_per_mwh[:, area]) * hours,
                curtailed_usd=float(money.curtailment_usd_per_mwh[area]) * hours,
                curtailable=np.ascontiguousarray(curtailable),
            ),
            network,
        )
        elsewhere = np.setdiff1d(np.arange(shape[1]), here)
        cost[:, here] += usd[:, :-1]
        cost[:, elsewhere] += usd[:, -1:, :1]
        reactive[:, here] = mvar[:, :-1]
    return cost, reactive


def _injections(problem: SchedulingProblem, station: IntArray, power: FloatArray) -> FloatArray:
    """Return the powers of vehicles summed by station, ``(period, station)``."""
    total = np.zeros((problem.n_periods, problem.space.n_stations))
    period, vehicle = np.nonzero(station != AWAY)
    np.add.at(total, (period, station[period, vehicle]), power[period, vehicle])
    return total


def _full(problem: SchedulingProblem, routes: list[Route], k: int) -> BoolArray:
    """Return where the vehicles other than `k` hold all plugs, ``(period, station)``."""
    held = np.zeros((problem.n_periods, problem.space.n_stations), dtype=np.int64)
    for i, route in enumerate(routes):
        if i != k:
            place = problem.space.occupancy(i, route)
            period = np.flatnonzero(place != AWAY)
            held[period, place[period]] += 1
    full: BoolArray = held >= problem.space.plugs
    return full
