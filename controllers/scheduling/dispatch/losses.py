"""Piecewise linear losses along the principal axes of their quadratic form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import BoolArray, FloatArray, IntArray

# Largest error of the losses along one axis; a kilowatt is a few cents an hour.
_LOSS_TOLERANCE_MW = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossAxes:
    """Axes along which losses count, and the segments that stand for the square.

    At a distance of ``n`` segments from zero the losses are ``value * (n * width)^2``, linear in
    between.

    Attributes
    ----------
    period, area
        ``(axis,)``.
    vector
        Unit vectors, ``(axis, site)``.
    value
        Curvature, ``(axis,)`` [MW/MW^2].
    width_mw
        Length of a segment, ``(axis,)`` [MW].
    segments
        Segments on either side of zero, ``(axis,)``.
    """

    period: IntArray
    area: IntArray
    vector: FloatArray
    value: FloatArray
    width_mw: FloatArray
    segments: IntArray

    def respond(self, loss_usd: FloatArray, move_usd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far to move where losses cost and moving earns, and the losses there.

        Parameters
        ----------
        loss_usd
            Price of losses, positive, ``(axis,)`` [USD/MW].
        move_usd
            What moving along the axis earns, ``(axis,)`` [USD/MW].
        """
        # The slope of segment n is value * width * (2 n + 1).
        steps = (np.abs(move_usd) / (loss_usd * self.value * self.width_mw) - 1) / 2
        reach = np.clip(np.ceil(steps), 0, self.segments) * self.width_mw
        return np.sign(move_usd) * reach, self.value * reach**2


def loss_axes(problem: SchedulingProblem, reached: BoolArray) -> LossAxes:
    """Return the axes of the losses.

    The quadratic form of each area is split into its principal axes. They do not depend on the
    routes, so that every model of one problem has the same losses.

    Parameters
    ----------
    problem
        Network and prices.
    reached
        Where there may be an injection, ``(period, site)``; segments longer than these can
        reach are left out.
    """
    money, network = problem.money, problem.network
    lowest = np.minimum(money.import_usd_per_mwh, money.export_usd_per_mwh)
    # Axes of one area after those of the other; all of a problem's sites number each area's.
    priced = np.repeat(lowest > 0, len(network.site_area), axis=1)
    here = [network.site_area == area for area in range(network.n_areas)]
    forms = [np.linalg.eigh(np.where(np.outer(own, own), network.loss, 0.0)) for own in here]
    values = np.concatenate([form[0] for form in forms], axis=1)
    vectors = np.concatenate([form[1] for form in forms], axis=2)
    fleet_mva = problem.most_mva
    # The injections' magnitudes sum up to at most the apparent power of all.
    reach = np.abs(vectors).max(axis=1, initial=0.0) * fleet_mva
    matters = priced & (values * reach**2 > _LOSS_TOLERANCE_MW)
    touched = np.einsum("tsa,ts->ta", np.abs(vectors), reached) > 0
    period, axis = np.nonzero(matters & touched)
    value, longest = values[period, axis], reach[period, axis]
    n = np.ceil(longest * np.sqrt(value / (4 * _LOSS_TOLERANCE_MW))).astype(np.int64)
    width = longest / np.maximum(n, 1)
    within = np.einsum("tsa,ts->tsa", np.abs(vectors), np.where(reached, 1.0, 0.0)).max(
        axis=1, initial=0.0
    )
    n = np.ceil(within[period, axis] * fleet_mva / width).astype(np.int64)
    return LossAxes(
        period=period,
        area=axis // max(len(network.site_area), 1),
        vector=np.ascontiguousarray(vectors.transpose(0, 2, 1)[period, axis]),
        value=value,
        width_mw=width,
        segments=n,
    )
