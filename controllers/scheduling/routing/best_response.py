"""Best response: one vehicle at a time replans against what the others do.

Vehicles meet only in the network's rows and at the plugs. Given the others, the best route of one
vehicle is a dynamic programme over (period, station, energy); Gauss-Seidel sweeps repeat it until
nobody improves, and the exact dispatch then sets the powers on the routes found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from controllers.scheduling.dispatch.energy_cost import curtailable
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY, Route
from controllers.scheduling.routing.itinerary import best_itinerary
from controllers.scheduling.routing.power_costs import power_costs
from sim.units import BoolArray, FloatArray, IntArray

# A sweep that earns less than this ends the search [USD].
LEAST_GAIN_USD = 1e-3


class Dispatch(Protocol):
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
        for name, least in (("sweeps", 0), ("levels", 1), ("energies", 2)):
            value = getattr(self, name)
            if value < least:
                raise ValueError(f"{name}(={value}) must be at least {least}.")


def improve(
    problem: SchedulingProblem,
    schedule: Schedule,
    order: tuple[int, ...],
    effort: Effort,
    dispatcher: Dispatch,
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
    spillable = curtailable(problem)
    station, p_mw, q_mvar = schedule.station.copy(), schedule.p_mw.copy(), schedule.q_mvar.copy()
    for k in order:
        if space.start_period[k] >= problem.n_periods:
            continue
        others = [i for i in range(problem.n_vehicles) if i != k]
        goals, p_mw[:, k], q_mvar[:, k] = _respond(
            problem,
            k,
            _injections(problem, station[:, others], p_mw[:, others]),
            _injections(problem, station[:, others], q_mvar[:, others]),
            _full(problem, routes, k),
            spillable,
            effort,
        )
        routes[k] = _departures(problem, k, goals)
        station[:, k] = space.stations_of(k, routes[k])
    return tuple(routes)


def _respond(
    problem: SchedulingProblem,
    k: int,
    others_p: FloatArray,
    others_q: FloatArray,
    full: np.ndarray,
    spillable: BoolArray,
    effort: Effort,
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return where vehicle `k` best goes, and its power, active and reactive."""
    space, batteries, network, money = (
        problem.space, problem.batteries, problem.network, problem.money,
    )  # fmt: skip
    hours = problem.period_h
    levels_mw = np.concatenate(
        [
            np.linspace(-batteries.p_charge_max_mw[k], 0, effort.levels + 1)[:-1],
            np.linspace(0, batteries.p_discharge_max_mw[k], effort.levels + 1),
        ]
    )
    cost, reactive = power_costs(
        levels_mw,
        batteries.s_mva[k],
        (batteries.wear_usd_per_mwh[k] + batteries.charging_usd_per_mwh[k]) * hours,
        batteries.wear_usd_per_mwh[k] * hours,
        others_p,
        others_q,
        money.import_usd_per_mwh * hours,
        money.export_usd_per_mwh * hours,
        money.curtailment_usd_per_mwh * hours,
        spillable,
        network.import_mw,
        network.import_p,
        network.import_q,
        network.import_c,
        network.loss,
        network.live,
        network.row_start,
        network.row_limit,
        network.row_base,
        network.row_p,
        network.row_q,
        network.row_c,
        network.row_usd,
        network.available_mw,
    )
    goals, power = best_itinerary(
        space.start_station[k],
        space.start_period[k],
        batteries.energy_mwh[k],
        money.stored_usd_per_mwh,
        effort.energies,
        batteries.lower_mwh[k],
        batteries.upper_mwh[k],
        batteries.keep[k],
        batteries.hours[k],
        batteries.efficiency_charge[k],
        batteries.efficiency_discharge[k],
        batteries.auxiliary_mw[k],
        levels_mw,
        cost,
        full,
        money.queue_usd_per_h * hours,
        space.duration,
        space.arrival,
        space.cost_usd[k],
        space.energy_mwh[k],
    )
    q_mvar = np.array(
        [np.interp(power[t], levels_mw, reactive[t, goals[t]]) for t in range(problem.n_periods)]
    )
    return goals, power, q_mvar


def _injections(problem: SchedulingProblem, station: IntArray, power: FloatArray) -> FloatArray:
    """Return the powers of vehicles summed by station, ``(period, station)``."""
    total = np.zeros((problem.n_periods, problem.space.n_stations))
    period, vehicle = np.nonzero(station != AWAY)
    np.add.at(total, (period, station[period, vehicle]), power[period, vehicle])
    return total


def _full(problem: SchedulingProblem, routes: list[Route], k: int) -> np.ndarray:
    """Return where the vehicles other than `k` hold all plugs, ``(period, station)``."""
    held = np.zeros((problem.n_periods, problem.space.n_stations), dtype=np.int64)
    for i, route in enumerate(routes):
        if i != k:
            place = problem.space.occupancy(i, route)
            period = np.flatnonzero(place != AWAY)
            held[period, place[period]] += 1
    return held >= problem.space.plugs


def _departures(problem: SchedulingProblem, k: int, goals: IntArray) -> Route:
    """Return the departures in a row of stations."""
    space = problem.space
    route: list[tuple[int, int]] = []
    station = int(space.start_station[k])
    for t in range(int(space.start_period[k]), problem.n_periods):
        if goals[t] != station:
            station = int(goals[t])
            route.append((t, station))
    return tuple(route)
