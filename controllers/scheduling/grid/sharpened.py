"""More tangents of currents near a point: a polygon that hardly understates a current there.

The rows of a network bound a current by a coarse polygon, which a dispatch makes exact where its
solution stands (`Currents`). A relaxation that knows the polygon only gives away up to 3.4 % of a
limit; with tangents around the currents of a good plan it gives away next to nothing.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from controllers.scheduling.grid.currents import Currents
from controllers.scheduling.grid.network import Network, OperatingPoint
from controllers.scheduling.grid.response import ComplexArray
from sim.units import FloatArray, IntArray

# Currents this close to their limit get more tangents [% of the limit].
_NEAR = 10.0

# They touch the circle in these directions from the current's: between them at most 0.1 % is lost.
_TURNS = np.exp(1j * np.deg2rad(np.arange(-20.0, 20.1, 5.0)))


def sharpened(network: Network, point: OperatingPoint) -> Network:
    """Return the network with more rows for currents that are near their limits at a point.

    The new rows follow from what a violation is (`Network`), so that the network stays the same.

    Parameters
    ----------
    network
        The network.
    point
        Where a good plan stands.
    """
    currents = network.currents
    current = currents.at(point.p_mw, point.q_mvar, point.curtailed_mw)
    near = np.flatnonzero((currents.excess(current) > -_NEAR) & (current != 0))
    which, direction = np.repeat(near, len(_TURNS)), np.outer(current[near], _TURNS).ravel()
    slack = _slack(currents, which, direction)
    valid = np.isfinite(slack)
    which, direction, slack = which[valid], direction[valid], slack[valid]
    tangents = currents.tangents(which, direction)
    period, limit = currents.period[which], currents.limit[which]
    n_limits = int(network.row_limit.max(initial=0)) + 1
    key = network.row_period * n_limits + network.row_limit
    alike = np.searchsorted(key, period * n_limits + limit)
    order = np.argsort(np.concatenate([key, key[alike]]), kind="stable")

    def joined(old: FloatArray, new: FloatArray) -> FloatArray:
        return np.ascontiguousarray(np.concatenate([old, new])[order])

    periods = np.concatenate([network.row_period, period])[order]
    row_start = np.searchsorted(periods, np.arange(len(network.import_mw) + 1)).astype(np.int64)
    return dataclasses.replace(
        network,
        row_area=np.concatenate([network.row_area, network.row_area[alike]])[order],
        row_start=row_start,
        row_limit=np.concatenate([network.row_limit, limit])[order],
        row_base=joined(network.row_base, tangents.value - slack),
        row_p=joined(network.row_p, tangents.of_p),
        row_q=joined(network.row_q, tangents.of_q),
        row_c=joined(network.row_c, tangents.of_c),
        row_profile=joined(network.row_profile, tangents.of_profile),
        row_usd=joined(network.row_usd, network.row_usd[alike]),
        row_std=joined(network.row_std, network.row_std[alike]),
    )


def _slack(currents: Currents, which: IntArray, direction: ComplexArray) -> FloatArray:
    """Return how far tangents go outwards so that none passes a violation, ``(row,)`` [%].

    Without a margin they touch the circle. The margin is that of the current's own direction, and
    a tangent with the margin ``m s`` of its direction, of slope ``m t`` along the circle, may cut
    off currents of other directions, by at most ``sqrt(R^2 + (m t)^2) - R`` with ``R`` the least
    current that counts less ``m s``; infinite where that is none.
    """
    margin, by_error = currents.margin, currents.by_error[which]
    ahead = direction / np.abs(direction)
    along, across = (np.real(np.conj(turned)[:, None] * by_error) for turned in (ahead, 1j * ahead))
    std = np.sqrt((along**2).sum(axis=1))
    slope = margin * (along * across).sum(axis=1) / np.where(std > 0, std, 1.0)
    least = 100.0 - currents.correction[which] - 2 * margin * std
    slack: FloatArray = np.where(least > 0, np.hypot(least, slope) - least, np.inf)
    return slack
