"""Where a dispatch ended, in terms that outlive its routes and its hour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from controllers.optimisation.result import AT_LOWER, AT_UPPER, BASIC
from controllers.scheduling.dispatch.row_generation import Rows
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import EDGES
from sim.units import FloatArray, IntArray

# Parts of a slot's power: charge, discharge, inject, absorb.
_PARTS = 4

# What is listed by period.
_BY_PERIOD = ("slot", "polygon", "energy", "energy_row", "trade", "balance", "curtailed")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Where the simplex method stood, as in `Basis`, by what variables and rows mean.

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
    trade
        Energy bought and sold, ``(period, 2)``.
    balance
        Rows of the import's balance, ``(period,)``.
    curtailed
        ``(period, generator)``.
    rows
        Rows that bind, of limits and losses.
    row, row_variable
        Those rows, and the losses or violations they bound, ``(row,)``.
    """

    point: OperatingPoint
    slot: IntArray
    polygon: IntArray
    energy: IntArray
    energy_row: IntArray
    trade: IntArray
    balance: IntArray
    curtailed: IntArray
    rows: Rows
    row: IntArray
    row_variable: IntArray

    @classmethod
    def at_rest(
        cls,
        point: OperatingPoint,
        n_vehicles: int,
        rows: Rows,
        row: IntArray,
        row_variable: IntArray,
    ) -> Standing:
        """Return where to start if nothing is known: batteries at rest, energy bought."""
        n_periods = len(point.p_mw)
        full = np.full
        return cls(
            point=point,
            slot=full((n_periods, _PARTS, n_vehicles), AT_LOWER),
            polygon=full((n_periods, EDGES, n_vehicles), BASIC),
            energy=full((n_periods, n_vehicles), BASIC),
            energy_row=full((n_periods, n_vehicles), AT_UPPER),
            trade=np.tile([BASIC, AT_LOWER], (n_periods, 1)),
            balance=full(n_periods, AT_UPPER),
            curtailed=full(point.curtailed_mw.shape, AT_LOWER),
            rows=rows,
            row=row,
            row_variable=row_variable,
        )

    def later(self, elapsed: int, n_periods: int) -> Standing:
        """Return the same, counted from `elapsed` periods later; at rest beyond its end."""
        n_stations, n_generators = self.point.p_mw.shape[1], self.curtailed.shape[1]
        rest = OperatingPoint(
            p_mw=np.zeros((n_periods, n_stations)),
            q_mvar=np.zeros((n_periods, n_stations)),
            curtailed_mw=np.zeros((n_periods, n_generators)),
        )
        period = self.rows.period - elapsed
        kept = np.flatnonzero((period >= 0) & (period < n_periods))
        rows = dataclasses.replace(self.rows.where(kept), period=period[kept])
        blank = Standing.at_rest(
            rest, self.energy.shape[1], rows, self.row[kept], self.row_variable[kept]
        )

        def moved(old: FloatArray | IntArray, new: FloatArray | IntArray) -> None:
            part = old[elapsed : elapsed + n_periods]
            new[: len(part)] = part

        for each in dataclasses.fields(OperatingPoint):
            moved(getattr(self.point, each.name), getattr(rest, each.name))
        for name in _BY_PERIOD:
            moved(getattr(self, name), getattr(blank, name))
        return blank
