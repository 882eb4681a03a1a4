"""The set of one robust dispatch, and what its columns mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.robust.travel import Trip
from controllers.uncertainty_sets.robust_model import RobustModel
from controllers.uncertainty_sets.uncertainty_set import UncertaintySet
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uncertain:
    """Signals, which are known when their period begins, and traffic, which is after it.

    Attributes
    ----------
    columns
        The set: columns of signals, then of traffic.
    signal, signal_at_zero
        Value of each signal by the columns, ``(period, signal, column)``, and where all are 0,
        ``(period, signal)``.
    imported
        Rise of the import by each signal, ``(period, signal)`` [MW].
    trips, indicator
        Trips that may be late, and the column of the indicator of each, ``(trip,)``.
    """

    columns: UncertaintySet
    signal: FloatArray
    signal_at_zero: FloatArray
    imported: FloatArray
    trips: tuple[Trip, ...]
    indicator: IntArray

    @property
    def of_signals(self) -> BoolArray:
        """Columns that signals are made of, ``(column,)``."""
        found: BoolArray = np.abs(self.signal).sum(axis=(0, 1)) > 0
        return found

    def seen_trips(self, vehicle: IntArray, period: IntArray) -> BoolArray:
        """Return which columns tell a vehicle in a period of its own trips, ``(row, column)``.

        The traffic of a period is observed when it is over.
        """
        seen = np.zeros((len(vehicle), self.columns.n_columns), dtype=np.bool_)
        for trip, column in zip(self.trips, self.indicator.tolist(), strict=True):
            seen[:, column] |= (vehicle == trip.vehicle) & (period > trip.period)
        return seen

    def seen_signals(self, period: IntArray) -> BoolArray:
        """Return which columns make the signals of periods, ``(row, column)``."""
        seen: BoolArray = (self.columns.period == period[:, None]) & self.of_signals
        return seen

    def add_signals(
        self, model: RobustModel, rows: IntArray, period: IntArray, value: FloatArray
    ) -> None:
        """Add signals of periods ``(row,)`` with coefficients ``(row, signal)`` to rows.

        What they are where all columns are 0 is `at_zero` and left to the caller.
        """
        by_column = np.einsum("rm,rmc->rc", value, self.signal[period])
        row, column = np.nonzero(by_column)
        model.uncertain(rows[row], column, by_column[row, column])

    def at_zero(self, period: IntArray, value: FloatArray) -> FloatArray:
        """Return what signals contribute where all columns are 0, ``(row,)``."""
        constant: FloatArray = (value * self.signal_at_zero[period]).sum(axis=1)
        return constant
