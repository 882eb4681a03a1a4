"""Complementarity of charging and discharging: binaries join where a relaxation violates it.

Charging and discharging at once wastes energy in the battery's losses, which pays where energy is
worth less than nothing; the vehicle could not execute such a plan. A relaxation that never does it
needs no binaries.
"""

from __future__ import annotations

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.batteries import BatteryVariables, Slots, add_modes
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import BoolArray, FloatArray, IntArray

# Power below this is rounding [MW].
TINY_MW = 1e-6


def solve_with_complementarity(
    assembly: Assembly,
    problem: SchedulingProblem,
    slots: Slots,
    powers: BatteryVariables,
    limits: WorkLimits,
    start: FloatArray | None = None,
) -> Solution:
    """Solve, and add mode binaries wherever the solution charges and discharges at once.

    Parameters
    ----------
    assembly
        The model.
    problem
        Its problem.
    slots, powers
        Where power can flow, and its variables.
    limits
        Work limits of each solve.
    start
        A feasible solution to start from, ``(variable,)``.
    """
    free = np.ones(len(slots.vehicle), dtype=np.bool_)
    while True:
        solution = solve(assembly.build(), limits=limits, start=start)
        if solution.values is None:
            return solution
        both = both_ways(powers, solution.values, free)
        if len(both) == 0:
            return solution
        add_modes(assembly, problem.batteries, slots, powers, both)
        free[both] = False
        start = None


def both_ways(powers: BatteryVariables, values: FloatArray, free: BoolArray) -> IntArray:
    """Return the slots without mode binaries that charge and discharge at once.

    Parameters
    ----------
    powers
        Variables of the slots.
    values
        A solution, ``(variable,)``.
    free
        Which slots have no mode binary, ``(slot,)``.
    """
    least_mw = np.minimum(values[powers.charge_mw], values[powers.discharge_mw])
    return np.flatnonzero(free & (least_mw > TINY_MW))
