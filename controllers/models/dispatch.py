"""Power on fixed routes: the exact linear programme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.models.assembly import Assembly
from controllers.models.exchange import add_exchange
from controllers.models.problem import PlanningError, Schedule, SchedulingProblem
from controllers.models.storage import Slots, StorageVariables, add_modes, add_storage
from controllers.models.timespace import AWAY, Route
from controllers.solve import Solution, WorkLimits, solve
from sim.control import Outcome, SolveStatus
from sim.units import FloatArray, IntArray

# Power below this is rounding [MW].
_TINY_MW = 1e-6


def dispatch(
    problem: SchedulingProblem, routes: tuple[Route, ...], limits: WorkLimits
) -> Schedule | None:
    """Return the best powers and curtailment for the given routes.

    Parameters
    ----------
    problem
        The problem.
    routes
        Departures per vehicle; every trip must be possible.
    limits
        Work limits of one solve.

    Returns
    -------
    Schedule or None
        None where the routes allow no dispatch, for example because a trip needs more energy
        than there is. The bound of its outcome is about these routes only and therefore left out.

    Raises
    ------
    PlanningError
        If the wall clock ends the solve before there is a solution.
    """
    space = problem.space
    station = np.array(
        [space.stations_of(k, route) for k, route in enumerate(routes)], dtype=np.int64
    ).reshape(problem.n_vehicles, problem.n_periods)
    waiting, queue_usd = _queues(problem, routes)
    useful = (station != AWAY) & ~waiting & problem.network.live[station]
    vehicle, period = np.nonzero(useful)
    slots = Slots(vehicle=vehicle, station=station[vehicle, period], period=period)
    assembly = Assembly()
    trips_mwh = np.array([space.route_mwh(k, route) for k, route in enumerate(routes)])
    powers = add_storage(
        assembly,
        problem.batteries,
        slots,
        trips_mwh=trips_mwh.reshape(problem.n_vehicles, problem.n_periods),
        stored_usd_per_mwh=problem.money.stored_usd_per_mwh,
        period_h=problem.period_h,
    )
    exchange = add_exchange(assembly, problem, slots, powers)
    moves_usd = sum(space.route_usd(k, route) for k, route in enumerate(routes))
    assembly.offset += moves_usd + queue_usd
    solution = solve_without_burning(assembly, problem, slots, powers, limits)
    if solution.values is None:
        if solution.status is SolveStatus.DEADLINE:
            # Not "impossible": going on without these routes would depend on the clock in silence.
            reason = "the wall clock ended a dispatch before it had a solution"
            raise PlanningError(reason, SolveStatus.DEADLINE)
        return None
    powers_found = SlotPowers.read(slots, powers, solution.values)
    curtailed = np.zeros_like(problem.network.available_mw)
    curtailed[exchange.period, exchange.generator] = solution.values[exchange.curtailed_mw]
    deadline = solution.status is SolveStatus.DEADLINE
    return Schedule(
        routes=routes,
        station=station.T.copy(),
        p_mw=powers_found.table(powers_found.p_mw, problem),
        q_mvar=powers_found.table(powers_found.q_mvar, problem),
        energy_mwh=solution.values[powers.energy_mwh].T.copy(),
        curtailed_mw=curtailed,
        outcome=Outcome(
            status=SolveStatus.DEADLINE if deadline else SolveStatus.FEASIBLE,
            objective_usd=solution.objective,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlotPowers:
    """Power of each slot, ``(slot,)`` [MW, Mvar], positive injecting."""

    slots: Slots
    p_mw: FloatArray
    q_mvar: FloatArray

    @classmethod
    def read(cls, slots: Slots, variables: StorageVariables, values: FloatArray) -> SlotPowers:
        """Return the net powers of a solution."""
        return cls(
            slots=slots,
            p_mw=values[variables.discharge_mw] - values[variables.charge_mw],
            q_mvar=values[variables.inject_mvar] - values[variables.absorb_mvar],
        )

    def table(self, power: FloatArray, problem: SchedulingProblem) -> FloatArray:
        """Return the powers as ``(period, vehicle)``."""
        table = np.zeros((problem.n_periods, problem.n_vehicles))
        np.add.at(table, (self.slots.period, self.slots.vehicle), power)
        table[np.abs(table) < _TINY_MW] = 0.0
        return table


def solve_without_burning(
    assembly: Assembly,
    problem: SchedulingProblem,
    slots: Slots,
    powers: StorageVariables,
    limits: WorkLimits,
    start: FloatArray | None = None,
) -> Solution:
    """Solve, and add mode binaries wherever the solution charges and discharges at once.

    Burning energy in the battery's losses pays where energy is worth less than nothing; the
    vehicle could not execute such a plan. A relaxation that never does it needs no binaries.
    """
    free = np.ones(len(slots.vehicle), dtype=np.bool_)
    while True:
        solution = solve(assembly.build(), limits=limits, start=start)
        if solution.values is None:
            return solution
        charge = solution.values[powers.charge_mw]
        discharge = solution.values[powers.discharge_mw]
        burning: IntArray = np.flatnonzero(free & (np.minimum(charge, discharge) > _TINY_MW))
        if len(burning) == 0:
            return solution
        add_modes(assembly, problem.batteries, slots, powers, burning)
        free[burning] = False
        start = None


def _queues(problem: SchedulingProblem, routes: tuple[Route, ...]) -> tuple[np.ndarray, float]:
    """Return which vehicles find no plug, ``(vehicle, period)``, and what the plan pays for it."""
    space = problem.space
    held = np.array([space.occupancy(k, route) for k, route in enumerate(routes)])
    held = held.reshape(problem.n_vehicles, problem.n_periods)
    waiting = np.zeros(held.shape, dtype=np.bool_)
    for k in range(problem.n_vehicles):
        others = ((held[:k] == held[k]) & ~waiting[:k]).sum(axis=0)
        waiting[k] = (held[k] != AWAY) & (others >= space.plugs[held[k]])
    return waiting, float(waiting.sum()) * problem.money.queue_usd_per_h * problem.period_h
