"""What is not known of the periods ahead, kept for the days on which it is the same."""

from __future__ import annotations

import numpy as np

from sim.uncertainty.dynamics import Dynamics, error_moments
from sim.units import FloatArray, IntArray, frozen

# Beyond this, what comes again is computed again.
KEPT_BYTES = 64 * 2**20


class ErrorsAhead:
    """Spread and correlation of the errors of scores over the periods ahead.

    They follow from the month and the hour of each period alone. So the days of a month share them,
    and so do all replications of a scenario.

    Parameters
    ----------
    known
        How scores move on.
    share
        Share of an innovation's variance that forecasts leave open, ``(lead, profile)`` [-].
    """

    def __init__(self, known: Dynamics, share: FloatArray) -> None:
        self._known = known
        self._share = share
        self._found: dict[bytes, tuple[FloatArray, FloatArray]] = {}
        self._kept_bytes = 0

    def moments(self, row: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return spread ``(H, profile)`` and correlation ``(profile, H, H)``, both read-only.

        Parameters
        ----------
        row
            Month and period of the day of the periods ahead, ``(H, 2)``.
        """
        key = row.tobytes()
        if key in self._found:
            return self._found[key]
        table, period_of_day = row.T
        coefficient = np.ascontiguousarray(self._known.coefficient[table, period_of_day])
        deviation = self._known.deviation[table, period_of_day]
        spread, correlation = error_moments(coefficient, deviation, self._share[: len(row)])
        found = frozen(spread), frozen(correlation)
        self._kept_bytes += sum(each.nbytes for each in found)
        if self._kept_bytes <= KEPT_BYTES:
            self._found[key] = found
        return found
