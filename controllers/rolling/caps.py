"""Caps on generators: a linear programme of what sun and wind above their forecast may use.

What limits leave free is given to the generators that gain most by it. The gain of room above the
mean is the expected power that is not withheld, concave in the room (normal loss function: Silver,
Pyke & Thomas, *Inventory and Production Management in Supply Chains*, 4th ed., 2017, appendix II);
segments of it are exact at their ends.
"""

from __future__ import annotations

import math

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.solve import solve
from controllers.scheduling.grid.network import Network, OperatingPoint
from controllers.scheduling.problem.problem import Money
from sim.units import FloatArray, IntArray

# Ends of the segments [standard deviations]. No cap binds beyond the last one.
_ENDS = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
_FAR = float(_ENDS[-1])

# A generator is ordered down only by more than this [MW].
_LEAST_CURTAILMENT_MW = 1e-4


def room_mw(network: Network, money: Money, point: OperatingPoint) -> FloatArray:
    """Return the room that limits leave above the plan, ``(period, generator)`` [MW].

    With all generators there at once no limit is violated that the plan keeps. At most three
    standard deviations, which stand for as much as there may be.

    Parameters
    ----------
    network
        The network with the limits that are to be kept.
    money
        Prices.
    point
        The plan.
    """
    std = network.available_std_mw
    far_mw = _FAR * std
    period, spare, effect = _limits(network, point)
    tight = (effect * far_mw[period]).sum(axis=1) > spare
    period, spare, effect = period[tight], spare[tight], effect[tight]
    uncertain = np.zeros(std.shape, dtype=np.bool_)
    np.logical_or.at(uncertain, period, effect > 0)
    uncertain &= std > 0
    t, g = np.nonzero(uncertain)
    if not len(t):
        return far_mw
    of = network.generator_area
    kept_usd = money.curtailment_usd_per_mwh[of] + np.maximum(
        network.import_c * money.export_usd_per_mwh[:, of], 0.0
    )
    assembly = Assembly()
    n = len(_ENDS) - 1
    loss = _normal_losses(_ENDS)
    gain = (loss[:-1] - loss[1:]) / np.diff(_ENDS)
    segment = assembly.variables(
        len(t) * n,
        upper=(std[t, g][:, None] * np.diff(_ENDS)).ravel(),
        cost=(-np.maximum(kept_usd[t, g], 1.0)[:, None] * gain).ravel(),
    ).reshape(len(t), n)
    number = np.full(std.shape, -1, dtype=np.int64)
    number[t, g] = np.arange(len(t))
    rows = assembly.rows(len(period), upper=np.maximum(spare, 0.0))
    row, generator = np.nonzero((effect > 0) & uncertain[period])
    of = number[period[row], generator]
    assembly.entries(rows[row][:, None], segment[of], effect[row, generator][:, None])
    values = solve(assembly.build()).values
    if values is None:
        return np.where(uncertain, 0.0, far_mw)
    room = far_mw.copy()
    room[t, g] = values[segment].sum(axis=1)
    return room


def withheld_usd(
    network: Network, money: Money, curtailed_mw: FloatArray, caps: FloatArray
) -> FloatArray:
    """Return what caps are expected to cost beyond the plan, ``(period,)`` [USD/h].

    Powers vary normally about their means, as the forecast says; what exceeds the cap is withheld.
    """
    std = network.available_std_mw
    varies = std > 0
    capped = np.isfinite(caps) & varies
    z = np.where(capped, caps - network.available_mw, 0.0) / np.where(varies, std, 1.0)
    lost = np.where(capped, std * _normal_losses(z) - curtailed_mw, 0.0)
    of = network.generator_area
    price = np.where(network.import_mw > 0, money.import_usd_per_mwh, money.export_usd_per_mwh)
    usd_per_mwh = money.curtailment_usd_per_mwh[of] + network.import_c * price[:, of]
    usd: FloatArray = (lost * usd_per_mwh).sum(axis=1)
    return usd


def caps_mw(network: Network, curtailed_mw: FloatArray, room: FloatArray) -> FloatArray:
    """Return the caps on generators, ``(period, generator)`` [MW]; infinite where none is needed.

    What is planned to be curtailed is capped at the plan. Elsewhere a cap costs nothing unless
    more sun or wind comes than forecast.
    """
    std = network.available_std_mw
    close = (std > 0) & (room < _FAR * std - 1e-9)
    capped = close | (curtailed_mw > _LEAST_CURTAILMENT_MW)
    above = np.where(close, room, 0.0)
    return np.where(capped, network.available_mw - curtailed_mw + above, np.inf)


def _limits(network: Network, point: OperatingPoint) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return periods, what is left ``(row,)`` and what a MW takes of it ``(row, generator)``."""
    currents = network.currents
    current = currents.at(point.p_mw, point.q_mvar, point.curtailed_mw)
    touched = currents.tangents(np.arange(len(current)), current)
    period = np.concatenate([network.row_period, currents.period])
    left = -np.concatenate([network.rows_at(point), currents.excess(current)])
    return period, left, np.maximum(-np.concatenate([network.row_c, touched.of_c]), 0.0)


def _normal_losses(z: FloatArray) -> FloatArray:
    """Return the mean of what a standard normal variable exceeds each `z` by, same shape."""
    of = [
        math.exp(-x * x / 2) / math.sqrt(2 * math.pi) - x * math.erfc(x / math.sqrt(2)) / 2
        for x in z.ravel().tolist()
    ]
    return np.reshape(of, z.shape)
