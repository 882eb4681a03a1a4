"""Zones by electrical distance: which station is nearest to a bus."""

from __future__ import annotations

import numpy as np

from sim.system.grid import Grid
from sim.units import FloatArray, IntArray


def electrical_distances(grid: Grid, start_bus: IntArray) -> FloatArray:
    """Return the smallest impedance of a path between buses.

    Parameters
    ----------
    grid
        The network; open branches do not count.
    start_bus
        Buses to start from, ``(start,)``.

    Returns
    -------
    FloatArray
        Sum of the branches' impedance magnitudes, ``(start, bus)`` [pu on 1 MVA]; infinite where
        no path leads.
    """
    from_bus, to_bus, weight = _branches(grid)
    distances = np.full((len(start_bus), grid.n_buses), np.inf)
    distances[np.arange(len(start_bus)), start_bus] = 0.0
    for _ in range(grid.n_buses):
        before = distances.copy()
        for i, j in ((from_bus, to_bus), (to_bus, from_bus)):
            np.minimum.at(distances.T, j, (distances[:, i] + weight).T)
        if np.array_equal(distances, before):
            break
    return distances


def _branches(grid: Grid) -> tuple[IntArray, IntArray, FloatArray]:
    """Return ends and impedance [pu on 1 MVA] of the branches in service."""
    lines, transformers = grid.lines, grid.transformers
    closed = lines.from_closed & lines.to_closed
    line_pu = np.hypot(lines.r_ohm, lines.x_ohm) / grid.bus_vn_kv[lines.from_bus] ** 2
    transformer_pu = transformers.vk_percent / 100 / transformers.sn_mva
    in_service = transformers.hv_closed & transformers.lv_closed
    return (
        np.concatenate([lines.from_bus[closed], transformers.hv_bus[in_service]]),
        np.concatenate([lines.to_bus[closed], transformers.lv_bus[in_service]]),
        np.concatenate([line_pu[closed], transformer_pu[in_service]]),
    )


def station_shares(distance: FloatArray, bus: IntArray) -> FloatArray:
    """Return which station each bus belongs to.

    Parameters
    ----------
    distance
        From `electrical_distances`, ``(station, bus)``.
    bus
        Buses of things, ``(thing,)``.

    Returns
    -------
    FloatArray
        1 for the nearest station, ``(thing, station)``; all 0 where none can be reached.
    """
    shares = np.zeros((len(bus), len(distance)))
    reached = np.flatnonzero(np.isfinite(distance[:, bus].min(axis=0, initial=np.inf)))
    shares[reached, np.argmin(distance[:, bus[reached]], axis=0)] = 1.0
    return shares
