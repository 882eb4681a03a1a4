"""The electrical network: buses, lines, transformers and sources, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines and cables, all arrays ``(line,)``.

    Attributes
    ----------
    from_bus, to_bus
        Bus indices.
    r_ohm, x_ohm, c_nf
        Series resistance and reactance [ohm] and shunt capacitance [nF] of the whole line.
    max_i_ka
        Thermal limit [kA].
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
        Buses at which the upstream grid feeds in, and the voltage it holds [pu], ``(source,)``.
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

    @property
    def n_buses(self) -> int:
        """Number of buses."""
        return len(self.bus_name)

    @property
    def n_branches(self) -> int:
        """Number of lines and transformers."""
        return len(self.lines.name) + len(self.transformers.name)
