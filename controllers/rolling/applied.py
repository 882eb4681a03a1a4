"""Successive linear programming: what a plan costs in its model and under AC power flow.

A linearised network is exact at one point. Where a plan leads away from it, model and power flow
disagree; its powers are then chosen again around its own point (Griffith & Stewart, *A nonlinear
programming technique for the optimization of continuous processing systems*, Management Science
7(4), 1961), until both cost the same. Margins constrain a plan and cost nothing:
limits are priced where they truly are.
"""

from __future__ import annotations

import numpy as np

from controllers.scheduling.grid.linearise import injections
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import TimeSpace
from sim.control import Forecast
from sim.powerflow.import_meter import settled_import_mw
from sim.powerflow.protocol import PowerFlow
from sim.system.system import System
from sim.units import FloatArray


def modelled_usd(problem: SchedulingProblem, point: OperatingPoint) -> FloatArray:
    """Return what energy and violated limits cost in the linear model, ``(period,)`` [USD].

    `problem.network` is the one without a margin.
    """
    network = problem.network
    return _energy_usd(problem, network.import_at(point)) + network.penalty_usd(point)


def computed_usd(
    system: System,
    flow: PowerFlow,
    forecast: Forecast,
    problem: SchedulingProblem,
    point: OperatingPoint,
) -> FloatArray:
    """Return the same under AC power flow, ``(period,)`` [USD]; NaN where it diverges."""
    result = flow.solve(*injections(system, forecast, point, problem.cars.group))
    grid, penalties, hours = system.grid, system.penalties, problem.period_h
    beyond = np.maximum(result.vm_pu - grid.v_max_pu, grid.v_min_pu - result.vm_pu)
    voltage = np.maximum(np.nan_to_num(beyond), 0.0).sum(axis=1)
    loading = np.maximum(np.nan_to_num(result.loading_percent) - 100.0, 0.0).sum(axis=1)
    penalty = penalties.voltage_usd_per_pu_h * voltage
    penalty += penalties.loading_usd_per_percent_h * loading
    energy_usd = _energy_usd(problem, settled_import_mw(system, result))
    usd: FloatArray = np.where(result.converged, energy_usd + penalty * hours, np.nan)
    return usd


def other_usd(problem: SchedulingProblem, found: Schedule) -> FloatArray:
    """Return what the plan costs beside energy, limits and trips, ``(period,)`` [USD].

    Generators and wear; stored energy is no part of it.
    """
    batteries, hours = problem.batteries, problem.period_h
    feed_in = problem.money.feed_in_usd_per_mwh[problem.network.generator_area]
    usd = (feed_in * problem.network.available_mw).sum(axis=1)
    usd += (problem.curtailment_usd_per_mwh * found.curtailed_mw).sum(axis=1)
    usd += np.abs(found.p_mw) @ batteries.wear_usd_per_mwh
    usd += np.maximum(-found.p_mw, 0.0) @ batteries.charging_usd_per_mwh
    usd += np.abs(found.cars_mw) @ problem.cars.wear_usd_per_mwh
    total: FloatArray = usd * hours
    return total


def trips_usd(space: TimeSpace, found: Schedule, applied: int) -> float:
    """Return what the trips cost that begin before the decision after `applied` periods [USD].

    A vehicle that is due to leave when that decision is made has left.
    """
    usd = 0.0
    for vehicle, route in enumerate(found.routes):
        begun = tuple(trip for trip in route if trip[0] <= applied)
        usd += space.route_usd(vehicle, begun)
    return usd


def _energy_usd(problem: SchedulingProblem, import_mw: FloatArray) -> FloatArray:
    """Return what an import ``(period, area)`` costs, ``(period,)`` [USD]."""
    money = problem.money
    price = np.where(import_mw > 0, money.import_usd_per_mwh, money.export_usd_per_mwh)
    usd: FloatArray = (price * import_mw * problem.period_h).sum(axis=1)
    return usd
