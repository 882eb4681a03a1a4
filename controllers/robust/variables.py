"""Variables of a robust dispatch: powers of vehicles, and caps on generators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from controllers.robust.travel import Presence
from controllers.uncertainty_sets.robust_model import RobustModel
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Powers:
    """Powers of vehicles, all non-negative, ``(slot,)``.

    Attributes
    ----------
    slots
        Where and when.
    charge, discharge
        Active power, rules [MW].
    inject, absorb
        Reactive power, fixed here and now [Mvar].
    """

    slots: Presence
    charge: IntArray
    discharge: IntArray
    inject: IntArray
    absorb: IntArray

    def add(
        self, model: RobustModel, rows: IntArray, slot: IntArray, of_p: ArrayLike, of_q: ArrayLike
    ) -> None:
        """Add net injections with coefficients to rows; the shapes broadcast."""
        for more, less, value in (
            (self.discharge, self.charge, np.asarray(of_p)),
            (self.inject, self.absorb, np.asarray(of_q)),
        ):
            model.entries(rows, more[slot], value)
            model.entries(rows, less[slot], -value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """How far below their highest power generators are capped, ``(cut,)``.

    Attributes
    ----------
    period, generator
        Where.
    cut
        Rules [MW].
    beyond
        What they exceed `RobustLimits.spare_mw` by on the worst path [MW].
    segments
        Of each, variables that add up to the nominal cut [MW], and what is withheld by one MW of
        each [-].
    """

    period: IntArray
    generator: IntArray
    cut: IntArray
    beyond: IntArray
    segments: tuple[tuple[IntArray, FloatArray], ...]

    def at(self, period: int) -> IntArray:
        """Return the cuts of a period."""
        return np.flatnonzero(self.period == period)
