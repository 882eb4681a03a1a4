"""The electrical network: buses, lines, transformers and sources, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sim.units import BoolArray, FloatArray, IntArray

IDEAL_LINE_PU = 1e-7
"""Reactance of a line that has no impedance, or less than this [pu on 1 MVA]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines and cables, all arrays ``(line,)``.

    Attributes
    ----------
    from_bus, to_bus
        Bus indices.
    r_ohm, x_ohm, c_nf
        Series resistance and reactance [ohm] and shunt capacitance at 50 Hz [nF] of the whole
        line.
    max_i_ka
        Thermal limit [kA].
    limit_mva
        Limit of the apparent power at either end [MVA]; where it is given, loading refers to it,
        and `max_i_ka` is the current it stands for at nominal voltage. NaN where the current
        counts.
    from_closed, to_closed
        Whether the line is connected at each end. A line open at one end still draws its charging.
    """

    name: tuple[str, ...]
    from_bus: IntArray
    to_bus: IntArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    c_nf: FloatArray
    max_i_ka: FloatArray
    limit_mva: FloatArray
    from_closed: BoolArray
    to_closed: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transformers:
    """Two-winding transformers, all arrays ``(transformer,)``.

    Attributes
    ----------
    hv_bus, lv_bus
        Bus indices of the two sides.
    sn_mva
        Rated power [MVA].
    vn_hv_kv, vn_lv_kv
        Rated voltages with the tap changer's position already applied [kV].
    vk_percent, vkr_percent
        Short-circuit voltage and its real part [%].
    pfe_kw, i0_percent
        Iron losses [kW] and open-loop current [%].
    hv_closed, lv_closed
        Whether the transformer is connected at each side. One that is open at one side still draws
        its iron losses.
    """

    name: tuple[str, ...]
    hv_bus: IntArray
    lv_bus: IntArray
    sn_mva: FloatArray
    vn_hv_kv: FloatArray
    vn_lv_kv: FloatArray
    vk_percent: FloatArray
    vkr_percent: FloatArray
    pfe_kw: FloatArray
    i0_percent: FloatArray
    hv_closed: BoolArray
    lv_closed: BoolArray

    @classmethod
    def none(cls) -> Transformers:
        """Return the transformers of a grid that has none."""
        numbers = np.empty(0)
        flags = np.empty(0, dtype=np.bool_)
        buses = np.empty(0, dtype=np.int64)
        return cls(
            name=(),
            hv_bus=buses,
            lv_bus=buses,
            sn_mva=numbers,
            vn_hv_kv=numbers,
            vn_lv_kv=numbers,
            vk_percent=numbers,
            vkr_percent=numbers,
            pfe_kw=numbers,
            i0_percent=numbers,
            hv_closed=flags,
            lv_closed=flags,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """A balanced three-phase network.

    Branches are counted lines first, then transformers.

    Attributes
    ----------
    bus_name, bus_vn_kv
        Names and nominal voltages [kV], ``(bus,)``.
    v_min_pu, v_max_pu
        Limits of the voltage magnitude [pu], ``(bus,)``.
    x, y
        Positions for maps, in km where roads exist, ``(bus,)``.
    source_bus, source_vm_pu
        Buses at which the upstream grid feeds in, and the voltage it holds [pu], ``(source,)``; at
        most one source a bus. All sources hold the same angle, 0 degree. Where a thermal unit is
        the slack, its bus is the only source.
    held_bus, held_vm_pu
        Buses without a source whose voltage a thermal unit holds while it is on, by whatever
        reactive power that takes, and the voltage [pu], ``(held bus,)``; in order, none twice.
    """

    bus_name: tuple[str, ...]
    bus_vn_kv: FloatArray
    v_min_pu: FloatArray
    v_max_pu: FloatArray
    x: FloatArray
    y: FloatArray
    lines: Lines
    transformers: Transformers
    source_bus: IntArray
    source_vm_pu: FloatArray
    held_bus: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    held_vm_pu: FloatArray = field(default_factory=lambda: np.empty(0))

    @property
    def n_buses(self) -> int:
        """Number of buses."""
        return len(self.bus_name)

    @property
    def n_branches(self) -> int:
        """Number of lines and transformers."""
        return len(self.lines.name) + len(self.transformers.name)

    @property
    def branch_bus(self) -> IntArray:
        """A bus that each branch is connected to, where it is connected at all, ``(branch,)``."""
        lines, transformers = self.lines, self.transformers
        line = np.where(lines.from_closed, lines.from_bus, lines.to_bus)
        transformer = np.where(transformers.hv_closed, transformers.hv_bus, transformers.lv_bus)
        return np.concatenate([line, transformer])

    @property
    def line_reactance_ohm(self) -> FloatArray:
        """Reactance to compute with, ``(line,)`` [ohm].

        A line without any impedance would make the admittance matrix infinite, one with next to
        none singular: it gets `IDEAL_LINE_PU`, whose voltage drop lies below every tolerance.
        """
        least_ohm = IDEAL_LINE_PU * self.bus_vn_kv[self.lines.from_bus] ** 2
        ideal = np.hypot(self.lines.r_ohm, self.lines.x_ohm) < least_ohm
        return np.where(ideal, least_ohm, self.lines.x_ohm)

    def without(self, line_out: BoolArray) -> Grid:
        """Return the grid with some lines out of service, ``(line,)``."""
        lines = replace(
            self.lines,
            from_closed=self.lines.from_closed & ~line_out,
            to_closed=self.lines.to_closed & ~line_out,
        )
        return replace(self, lines=lines)

    def holding(self, held: BoolArray) -> Grid:
        """Return the grid with some of the held buses held, the others free, ``(held bus,)``."""
        return replace(self, held_bus=self.held_bus[held], held_vm_pu=self.held_vm_pu[held])

    def supplied(self) -> BoolArray:
        """Return which buses are connected to a source, ``(bus,)``."""
        island = self.islands()
        alive: BoolArray = np.isin(island, island[self.source_bus])
        return alive

    def islands(self) -> IntArray:
        """Return a number for each bus, equal where buses are connected, ``(bus,)``."""
        lines, transformers = self.lines, self.transformers
        line = lines.from_closed & lines.to_closed
        transformer = transformers.hv_closed & transformers.lv_closed
        start = np.concatenate([lines.from_bus[line], transformers.hv_bus[transformer]])
        end = np.concatenate([lines.to_bus[line], transformers.lv_bus[transformer]])
        n = self.n_buses
        graph = coo_array((np.ones(len(start)), (start, end)), shape=(n, n))
        _, island = connected_components(graph, directed=False)
        return island.astype(np.int64)
