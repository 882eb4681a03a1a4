"""Complementarity of charging and discharging: binaries join where a relaxation violates it.

Charging and discharging at once wastes energy in the battery's losses, which pays where energy is
worth less than nothing; the vehicle could not execute such a plan. A relaxation that never does it
needs no binaries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.batteries import BatteryVariables, Slots
from controllers.scheduling.problem.cars import CarVariables
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import BoolArray, FloatArray, IntArray

# Power below this is rounding [MW].
TINY_MW = 1e-6


class Pairs(NamedTuple):
    """Variables of which at most one may be positive, ``(pair,)``: of slots, then of cars.

    Attributes
    ----------
    charge_mw, discharge_mw
        Indices of the variables.
    charge_max_mw, discharge_max_mw
        Their largest values [MW].
    """

    charge_mw: IntArray
    discharge_mw: IntArray
    charge_max_mw: FloatArray
    discharge_max_mw: FloatArray

    @classmethod
    def of(
        cls,
        problem: SchedulingProblem,
        slots: Slots,
        powers: BatteryVariables,
        cars: CarVariables,
    ) -> Pairs:
        """Return the pairs of a model."""
        k, batteries, groups = slots.vehicle, problem.batteries, problem.cars
        charge_max, discharge_max = batteries.p_charge_max_mw[k], batteries.p_discharge_max_mw[k]
        return cls(
            charge_mw=np.concatenate([powers.charge_mw, cars.charge_mw.ravel()]),
            discharge_mw=np.concatenate([powers.discharge_mw, cars.discharge_mw.ravel()]),
            charge_max_mw=np.concatenate([charge_max, groups.charge_max_mw.ravel()]),
            discharge_max_mw=np.concatenate([discharge_max, groups.discharge_max_mw.ravel()]),
        )


def solve_with_complementarity(
    assembly: Assembly,
    pairs: Pairs,
    limits: WorkLimits,
    start: FloatArray | None = None,
    minimise: Callable[..., Solution] = solve,
) -> Solution:
    """Solve, and add mode binaries wherever the solution charges and discharges at once.

    Parameters
    ----------
    assembly
        The model.
    pairs
        Its variables of which at most one may be positive.
    limits
        Work limits of each solve.
    start
        A feasible solution to start from, ``(variable,)``.
    minimise
        What minimises a model; called as `solve` is.
    """
    free = np.ones(len(pairs.charge_mw), dtype=np.bool_)
    while True:
        solution = minimise(assembly.build(), limits=limits, start=start)
        if solution.values is None:
            return solution
        both = both_ways(pairs, solution.values, free)
        if len(both) == 0:
            return solution
        _add_modes(assembly, pairs, both)
        free[both] = False
        start = None


def both_ways(pairs: Pairs, values: FloatArray, free: BoolArray) -> IntArray:
    """Return the pairs without mode binaries that charge and discharge at once.

    Parameters
    ----------
    pairs
        The pairs.
    values
        A solution, ``(variable,)``.
    free
        Which pairs have no mode binary, ``(pair,)``.
    """
    least_mw = np.minimum(values[pairs.charge_mw], values[pairs.discharge_mw])
    return np.flatnonzero(free & (least_mw > TINY_MW))


def _add_modes(assembly: Assembly, pairs: Pairs, chosen: IntArray) -> None:
    """Forbid charging and discharging at once in the chosen pairs."""
    mode = assembly.variables(len(chosen), upper=1.0, integer=True)
    charge_max, discharge_max = pairs.charge_max_mw[chosen], pairs.discharge_max_mw[chosen]
    rows = assembly.rows(len(chosen), upper=charge_max)
    assembly.entries(rows, pairs.charge_mw[chosen], 1.0)
    assembly.entries(rows, mode, charge_max)
    rows = assembly.rows(len(chosen), upper=0.0)
    assembly.entries(rows, pairs.discharge_mw[chosen], 1.0)
    assembly.entries(rows, mode, -discharge_max)
