"""What a robust dispatch pays for energy: import with its losses, and what caps withhold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from controllers.robust.limits import FAR, RobustLimits
from controllers.robust.uncertain import Uncertain
from controllers.robust.variables import Cuts, Powers
from controllers.rolling.caps import normal_losses
from controllers.scheduling.dispatch.losses import LossAxes, loss_axes
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.uncertainty_sets.robust_model import RobustModel
from sim.units import BoolArray, FloatArray, IntArray

# Ends of the segments of a cut, in standard deviations from the mean down to the least power.
_ENDS = np.array([FAR, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25, 0.0, -0.25, -0.5, -1.0, -2.0])


def add_cuts(
    model: RobustModel,
    problem: SchedulingProblem,
    limits: RobustLimits,
    uncertain: Uncertain,
    *,
    follows: bool,
) -> Cuts:
    """Add caps on generators, and the price of what they withhold.

    A cap is fixed when its period begins. Powers vary normally about their means; what exceeds the
    cap is withheld.
    """
    network = problem.network
    t, g = np.nonzero(limits.capped & (limits.highest_mw > 0))
    cut = model.rules(uncertain.seen_signals(t) & follows, upper=limits.highest_mw[t, g])
    beyond = model.decisions(len(t))
    rows = model.rows(len(t), upper=limits.spare_mw[t, g])
    model.entries(rows, cut, 1.0)
    model.entries(rows, beyond, -1.0)
    total = model.rows(len(t), lower=0.0, upper=0.0, nominal=True)
    model.entries(total, cut, -1.0)
    price = problem.curtailment_usd_per_mwh[g] * problem.period_h
    mean, std = network.available_mw[t, g], network.available_std_mw[t, g]
    segments = []
    for n in range(len(t)):
        width, share = cut_segments(float(mean[n]), float(std[n]))
        segment = model.decisions(len(width), upper=width, cost=price[n] * share)
        model.entries(total[n], segment, 1.0)
        segments.append((segment, share))
    return Cuts(period=t, generator=g, cut=cut, beyond=beyond, segments=tuple(segments))


def cut_segments(mean_mw: float, std_mw: float) -> tuple[FloatArray, FloatArray]:
    """Return segments of a cut, from the highest power down to 0.

    Returns
    -------
    tuple
        Their widths, ``(segment,)`` [MW], and what is withheld by one MW of each [-], ascending:
        chords of the normal loss function.
    """
    if std_mw <= 0:
        return np.array([mean_mw]), np.ones(1)
    lowest = mean_mw / std_mw
    ends = np.append(_ENDS[_ENDS + lowest > 1e-9], -lowest)
    width = -np.diff(ends) * std_mw
    return width, np.diff(normal_losses(ends)) * std_mw / width


def add_import(
    model: RobustModel,
    problem: SchedulingProblem,
    uncertain: Uncertain,
    powers: Powers,
    cuts: Cuts,
    *,
    cost: Callable[[BoolArray], IntArray],
    worst_case: bool,
) -> None:
    """Add what the import costs, the dearer of buying all of it and of selling all of it.

    Parameters
    ----------
    model
        The model.
    problem
        Network and prices.
    uncertain, powers, cuts
        What the import follows.
    cost
        Adds a cost that sees some columns, and returns it.
    worst_case
        Whether the cost is that of the worst path.
    """
    slots, network, money = powers.slots, problem.network, problem.money
    horizon = len(uncertain.signal)
    reached = np.zeros((problem.n_periods, len(network.live)), dtype=np.bool_)
    reached[slots.period, slots.station] = True
    axes = loss_axes(problem, reached)
    buy, sell = money.import_usd_per_mwh[:, 0], money.export_usd_per_mwh[:, 0]
    expected = network.import_mw[:, 0]
    # Where selling pays more than buying, the side that is expected.
    inverted = sell > buy
    buy = np.where(inverted & (expected < 0), sell, buy)
    sell = np.where(inverted, buy, sell)
    known = uncertain.columns
    seen = model.seen_by(np.arange(horizon), only=uncertain.of_signals | known.indicator)
    for t in range(horizon):
        price = problem.period_h * np.array([buy[t], sell[t]])
        of_signal = price[:, None] * uncertain.imported[t] * worst_case
        period = np.full(2, t)
        constant = price * expected[t] + uncertain.at_zero(period, of_signal)
        rows = model.rows(2, upper=-constant, nominal=not worst_case)
        model.entries(rows, cost(seen[t]), -1.0)
        uncertain.add_signals(model, rows, period, of_signal)
        own = np.flatnonzero(slots.period == t)
        at = slots.station[own]
        of_p = np.multiply.outer(price, network.import_p[t, at])
        of_q = np.multiply.outer(price, network.import_q[t, at])
        powers.add(model, rows[:, None], own, of_p, of_q)
        for n in cuts.at(t).tolist():
            segment, share = cuts.segments[n]
            withheld = network.import_c[t, cuts.generator[n]] * share
            model.entries(rows[:, None], segment, np.multiply.outer(price, withheld))
        for axis in np.flatnonzero(axes.period == t).tolist():
            _add_losses(model, powers, axes, axis, rows, price)


def _add_losses(
    model: RobustModel,
    powers: Powers,
    axes: LossAxes,
    axis: int,
    rows: IntArray,
    price: FloatArray,
) -> None:
    """Add the losses of nominal powers along one axis to rows of the import, piecewise linearly."""
    slots = powers.slots
    own = np.flatnonzero(slots.period == axes.period[axis])
    along = axes.vector[axis, slots.station[own]]
    width, n = axes.width_mw[axis], int(axes.segments[axis])
    usd = np.multiply.outer(price, axes.value[axis] * width * (2 * np.arange(n) + 1))
    nothing = np.zeros_like(along)
    for of_p, of_q in ((along, nothing), (nothing, along)):
        total = model.rows(1, lower=0.0, upper=0.0, nominal=True)
        powers.add(model, total, own, of_p, of_q)
        for sign in (1.0, -1.0):
            segment = model.decisions(n, upper=width)
            model.entries(total, segment, -sign)
            model.entries(rows[:, None], segment, usd)
