"""Warm start of the dual simplex method: a basis in terms that outlive its routes and its hour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from controllers.optimisation.result import AT_LOWER, AT_UPPER, BASIC
from controllers.scheduling.dispatch.row_generation import Rows
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import EDGES
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import IntArray

# Parts of a slot's power: charge, discharge, inject, absorb.
PARTS = 4

# Statuses where nothing is known: batteries at rest, energy bought.
_AT_REST: dict[str, ArrayLike] = {
    "slot": AT_LOWER,
    "polygon": BASIC,
    "energy": BASIC,
    "surplus": AT_LOWER,
    "energy_row": AT_UPPER,
    "trade": (BASIC, AT_LOWER),
    "balance": AT_UPPER,
    "curtailed": AT_LOWER,
    "cars": AT_LOWER,
    "cars_energy": BASIC,
    "cars_row": AT_UPPER,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarmStart:
    """Statuses of the simplex method, as in `Basis`, by what variables and rows mean.

    Attributes
    ----------
    point
        The injections there.
    slot
        Charge, discharge, injected and absorbed reactive power, ``(period, part, vehicle)``.
    polygon
        Rows of the inverter's polygon, ``(period, edge, vehicle)``.
    energy, energy_row
        Stored energy and its balance, ``(period, vehicle)``.
    surplus
        Stored energy above the target at the end, ``(vehicle,)``.
    trade
        Energy bought and sold, ``(period, area, 2)``.
    balance
        Rows of the import's balance, ``(period, area)``.
    curtailed
        ``(period, generator)``.
    cars
        Charge and discharge of groups of cars, ``(period, 2, group)``.
    cars_energy, cars_row
        Their energy and its balance, ``(period, group)``.
    rows
        Rows that bind, of limits and losses.
    row, row_variable
        Those rows, and the losses or violations they bound, ``(row,)``.
    """

    point: OperatingPoint
    slot: IntArray
    polygon: IntArray
    energy: IntArray
    surplus: IntArray
    energy_row: IntArray
    trade: IntArray
    balance: IntArray
    curtailed: IntArray
    cars: IntArray
    cars_energy: IntArray
    cars_row: IntArray
    rows: Rows
    row: IntArray
    row_variable: IntArray

    @classmethod
    def at_rest(cls, problem: SchedulingProblem, no_rows: Rows) -> WarmStart:
        """Return where to start if nothing is known; `no_rows` are none of the problem's rows."""
        network = problem.network
        shape = (problem.n_periods, problem.n_vehicles)
        sites = np.zeros_like(network.import_p)
        return cls(
            point=OperatingPoint(
                p_mw=sites, q_mvar=sites, curtailed_mw=np.zeros_like(network.available_mw)
            ),
            slot=at_rest("slot", (shape[0], PARTS, shape[1])),
            polygon=at_rest("polygon", (shape[0], EDGES, shape[1])),
            energy=at_rest("energy", shape),
            surplus=at_rest("surplus", shape[1:]),
            energy_row=at_rest("energy_row", shape),
            trade=at_rest("trade", (*network.import_mw.shape, 2)),
            balance=at_rest("balance", network.import_mw.shape),
            curtailed=at_rest("curtailed", network.available_mw.shape),
            cars=at_rest("cars", (shape[0], 2, problem.cars.n_groups)),
            cars_energy=at_rest("cars_energy", (shape[0], problem.cars.n_groups)),
            cars_row=at_rest("cars_row", (shape[0], problem.cars.n_groups)),
            rows=no_rows,
            row=np.empty(0, dtype=np.int64),
            row_variable=np.empty(0, dtype=np.int64),
        )

    def later(self, elapsed: int, n_periods: int) -> WarmStart:
        """Return the same, counted from `elapsed` periods later; at rest after its end."""

        def moved(name: str) -> IntArray:
            old: IntArray = getattr(self, name)
            part = old[elapsed : elapsed + n_periods]
            rest = at_rest(name, (n_periods - len(part), *old.shape[1:]))
            return np.concatenate([part, rest])

        period = self.rows.period - elapsed
        kept = np.flatnonzero((period >= 0) & (period < n_periods))
        return WarmStart(
            point=self.point.later(elapsed, n_periods),
            slot=moved("slot"),
            polygon=moved("polygon"),
            energy=moved("energy"),
            surplus=self.surplus,
            energy_row=moved("energy_row"),
            trade=moved("trade"),
            balance=moved("balance"),
            curtailed=moved("curtailed"),
            cars=moved("cars"),
            cars_energy=moved("cars_energy"),
            cars_row=moved("cars_row"),
            rows=dataclasses.replace(self.rows.where(kept), period=period[kept]),
            row=self.row[kept],
            row_variable=self.row_variable[kept],
        )


def at_rest(name: str, shape: tuple[int, ...]) -> IntArray:
    """Return the statuses of one field of `WarmStart` where nothing is known."""
    return np.full(shape, _AT_REST[name], dtype=np.int64)
