"""Radial grid as trees rooted at its sources, in per unit of 1 MVA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from sim.errors import InputError
from sim.system.grid import Grid
from sim.units import BoolArray, FloatArray, IntArray

SYSTEM_FREQUENCY_HZ = 50.0  # the frequency that `Lines.c_nf` refers to


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadialGrid:
    """Branches between a parent (towards the source) and a child, pi equivalents.

    A branch sees the voltages ``parent_scale * v`` and ``child_scale * v`` of its ends, ``v`` being
    squared magnitudes: the ratio of a transformer stands at its high-voltage side. All arrays are
    ``(branch,)`` unless said otherwise; parents come before their children.

    Attributes
    ----------
    branch
        Index among the grid's branches, lines first.
    parent, child
        Buses.
    r, x
        Series impedance [pu].
    g, b
        Half of the shunt admittance, one half at either end; positive `b` gives reactive power
        [pu].
    parent_scale, child_scale
        Squared voltage seen over squared voltage of the bus [-].
    l_max
        Largest squared current [pu]; infinite for a transformer.
    s_max_mva
        Rating of a transformer [MVA]; infinite for a line.
    root
        Buses with a source, ``(source,)``.
    root_v
        Squared voltage held there, ``(source,)`` [pu].
    bus_g, bus_b
        Admittance of branches that are closed at one end only, ``(bus,)`` [pu].
    live
        Buses that are supplied, ``(bus,)``.
    """

    branch: IntArray
    parent: IntArray
    child: IntArray
    r: FloatArray
    x: FloatArray
    g: FloatArray
    b: FloatArray
    parent_scale: FloatArray
    child_scale: FloatArray
    l_max: FloatArray
    s_max_mva: FloatArray
    root: IntArray
    root_v: FloatArray
    bus_g: FloatArray
    bus_b: FloatArray
    live: BoolArray

    @property
    def n_branches(self) -> int:
        """Number of branches that carry power."""
        return len(self.branch)

    def downstream(self, values: FloatArray) -> FloatArray:
        """Return sums over all buses behind each branch.

        Parameters
        ----------
        values
            ``(time, bus)``.

        Returns
        -------
        FloatArray
            ``(time, branch)``.
        """
        total = values.astype(np.float64)
        result = np.empty((len(values), self.n_branches))
        for n in reversed(range(self.n_branches)):
            result[:, n] = total[:, self.child[n]]
            total[:, self.parent[n]] += total[:, self.child[n]]
        return result


def radial(grid: Grid) -> RadialGrid:
    """Return the trees of a grid.

    Parameters
    ----------
    grid
        The network as it is switched.

    Raises
    ------
    InputError
        If some supplied bus can be reached in two ways.
    """
    ends, both, values = _branches(grid)
    closed = np.flatnonzero(both.all(axis=1))
    start, goal = ends[closed].T
    # One more node joins all sources, so that two of them in one island make a loop as well.
    n, hub = grid.n_buses, grid.n_buses
    links = np.concatenate([start, np.full(len(grid.source_bus), hub)])
    links_to = np.concatenate([goal, grid.source_bus])
    graph = coo_array((np.ones(len(links)), (links, links_to)), shape=(n + 1, n + 1))
    order, before = breadth_first_order(graph.tocsr(), hub, directed=False)
    live = np.zeros(n + 1, dtype=np.bool_)
    live[order] = True
    used = closed[live[start]]
    n_live = int(live[:n].sum())
    if len(used) != n_live - len(grid.source_bus):
        raise InputError.single(
            where="grid",
            key="branches",
            value=f"{len(used)} closed branches for {n_live} supplied buses",
            message="the branch flow model needs a radial grid, and this one has loops",
            remedy="Open the tie lines, or use another controller, for example rolling",
        )
    place = np.empty(n + 1, dtype=np.int64)
    place[order] = np.arange(len(order))
    a, b = ends[used].T
    forward = before[b] == a
    child = np.where(forward, b, a)
    rank = np.argsort(place[child], kind="stable")
    used, forward, child = used[rank], forward[rank], child[rank]
    ratio = values["ratio"][used]
    bus_g, bus_b = np.zeros(n), np.zeros(n)
    for end in (0, 1):
        dangling = np.flatnonzero(both[:, end] & ~both[:, 1 - end])
        np.add.at(bus_g, ends[dangling, end], 2 * values["g"][dangling])
        np.add.at(bus_b, ends[dangling, end], 2 * values["b"][dangling])
    return RadialGrid(
        branch=used,
        parent=np.where(forward, ends[used, 0], ends[used, 1]),
        child=child,
        r=values["r"][used],
        x=values["x"][used],
        g=values["g"][used],
        b=values["b"][used],
        parent_scale=np.where(forward, ratio**-2, 1.0),
        child_scale=np.where(forward, 1.0, ratio**-2),
        l_max=values["l_max"][used],
        s_max_mva=values["s_max_mva"][used],
        root=grid.source_bus,
        root_v=grid.source_vm_pu**2,
        bus_g=bus_g,
        bus_b=bus_b,
        live=live[:n],
    )


def _branches(grid: Grid) -> tuple[IntArray, BoolArray, dict[str, FloatArray]]:
    """Return ends and switches, ``(branch, 2)``, and parameters on 1 MVA, ``(branch,)``."""
    lines, transformers = grid.lines, grid.transformers
    n_lines, n_transformers = len(lines.name), len(transformers.name)
    line_ohm = grid.bus_vn_kv[lines.from_bus] ** 2
    base_ka = 1.0 / (np.sqrt(3) * grid.bus_vn_kv[lines.from_bus])
    # Impedances of a transformer refer to its low-voltage side.
    low_kv = grid.bus_vn_kv[transformers.lv_bus]
    size = transformers.vn_lv_kv**2 / low_kv**2
    impedance = transformers.vk_percent / 100 / transformers.sn_mva * size
    resistance = transformers.vkr_percent / 100 / transformers.sn_mva * size
    admittance = transformers.i0_percent / 100 * transformers.sn_mva / size
    conductance = transformers.pfe_kw / 1e3 / size
    ratio = (transformers.vn_hv_kv / grid.bus_vn_kv[transformers.hv_bus]) / np.sqrt(size)
    magnetising = np.sqrt(np.maximum(admittance**2 - conductance**2, 0.0))
    charging = 2 * np.pi * SYSTEM_FREQUENCY_HZ * lines.c_nf * 1e-9 * line_ohm
    ends = np.column_stack(
        [
            np.concatenate([lines.from_bus, transformers.hv_bus]),
            np.concatenate([lines.to_bus, transformers.lv_bus]),
        ]
    )
    both = np.column_stack(
        [
            np.concatenate([lines.from_closed, transformers.hv_closed]),
            np.concatenate([lines.to_closed, transformers.lv_closed]),
        ]
    )
    reactance = np.sqrt(np.maximum(impedance**2 - resistance**2, 0.0))
    values = {
        "r": np.concatenate([lines.r_ohm / line_ohm, resistance]),
        "x": np.concatenate([grid.line_reactance_ohm / line_ohm, reactance]),
        "g": np.concatenate([np.zeros(n_lines), conductance / 2]),
        "b": np.concatenate([charging / 2, -magnetising / 2]),
        "ratio": np.concatenate([np.ones(n_lines), ratio]),
        "l_max": np.concatenate([(lines.max_i_ka / base_ka) ** 2, np.full(n_transformers, np.inf)]),
        "s_max_mva": np.concatenate([np.full(n_lines, np.inf), transformers.sn_mva]),
    }
    return ends, both, values
