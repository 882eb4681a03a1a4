"""Linearised voltage limits, and current limits as polygons of tangents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from controllers.scheduling.grid.response import ComplexArray, voltages
from sim.powerflow.protocol import PowerFlowResult
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

# Directions in which a current's magnitude is bounded: between two of them it is underestimated
# by at most 1 - cos(15 degree) = 3.4 %, and not at all in the direction of the operating point.
# Tangents at the solution make it exact there (`Currents`).
_DIRECTIONS = 12
_BETWEEN = np.cos(np.pi / _DIRECTIONS)

Reach: TypeAlias = Callable[[IntArray, IntArray, FloatArray], FloatArray]
"""By how much rows can rise at most, from their periods ``(row,)``, limits ``(row,)`` and slopes
``(row, direction)``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitRows:
    """Rows, ascending by period and limit; those of one limit are neighbours.

    Attributes
    ----------
    period
        ``(row,)``.
    limit
        The limit each row belongs to, ``(row,)``: upper voltages by bus, lower voltages, lines,
        transformers.
    value
        Where the row stands with nothing injected, positive where violated, ``(row,)``
        [pu or %].
    slope
        How fast it rises, ``(row, direction)`` [pu/MW or %/MW].
    usd
        What a unit of violation costs for one period, ``(row,)`` [USD].
    """

    period: IntArray
    limit: IntArray
    value: FloatArray
    slope: FloatArray
    usd: FloatArray

    def where(self, kept: BoolArray | IntArray) -> LimitRows:
        """Return some of the rows."""
        return LimitRows(
            period=self.period[kept],
            limit=self.limit[kept],
            value=self.value[kept],
            slope=self.slope[kept],
            usd=self.usd[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LineCurrents:
    """The complex currents of lines that can be overloaded, ascending by period and limit.

    Attributes
    ----------
    period, limit
        As in `LimitRows`, ``(current,)``.
    base
        With nothing injected, ``(current,)`` [%].
    slope
        ``(current, direction)`` [%/MW].
    correction
        By how much the loading exceeds the magnitude of the series current, ``(current,)`` [%].
    """

    period: IntArray
    limit: IntArray
    base: ComplexArray
    slope: ComplexArray
    correction: FloatArray


def limit_rows(
    system: System,
    base: PowerFlowResult,
    voltage: ComplexArray,
    point: FloatArray,
    reach: Reach,
) -> tuple[LimitRows, LineCurrents]:
    """Return the rows of all limits that can be violated, and the currents of lines among them.

    A line's loading is the magnitude of a complex current that responds almost linearly. Bounding
    its projections on several directions keeps a plan from turning a large current around instead
    of reducing it, which a single derivative of the magnitude would reward.

    Parameters
    ----------
    system
        What exists.
    base
        Steady states at the operating point, one per period.
    voltage
        Derivatives of the bus voltages there, ``(period, bus, direction)`` [pu/MW].
    point
        The operating point, ``(period, direction)`` [MW].
    reach
        By how much rows can rise at most from where nothing is injected.
    """
    grid, penalties, period_h = system.grid, system.penalties, system.timing.period_h
    n_buses, n_lines = grid.n_buses, len(grid.lines.name)
    per_pu = penalties.voltage_usd_per_pu_h * period_h
    per_percent = penalties.loading_usd_per_percent_h * period_h

    def rows(first: int, value: FloatArray, slope: FloatArray, usd: float) -> LimitRows:
        """Return rows for every period and thing."""
        period, thing = np.indices(value.shape)
        all_rows = LimitRows(
            period=period.ravel(),
            limit=first + thing.ravel(),
            value=value.ravel(),
            slope=slope.reshape(value.size, slope.shape[2]),
            usd=np.full(value.size, usd),
        )
        return violable(all_rows)

    def violable(found: LimitRows, short: FloatArray | float = 0.0) -> LimitRows:
        """Return those rows that can come within `short` of violation, seen from no injection."""
        value = found.value - np.einsum("rd,rd->r", found.slope, point[found.period])
        highest = value + reach(found.period, found.limit, found.slope) + short
        moved = LimitRows(
            period=found.period, limit=found.limit, value=value, slope=found.slope, usd=found.usd
        )
        # NaN (dead buses, diverged periods) compares as False.
        return moved.where((highest > 0) & (found.usd > 0))

    vm_slope = magnitudes(base, voltage)
    above, below = base.vm_pu - grid.v_max_pu, grid.v_min_pu - base.vm_pu
    loading = base.loading_percent[:, n_lines:] - 100.0
    parts = [
        rows(0, above, vm_slope, per_pu),
        rows(n_buses, below, -vm_slope, per_pu),
        rows(
            2 * n_buses + n_lines, loading, _transformer_slopes(system, base, voltage), per_percent
        ),
    ]

    current = _line_percent(system, voltages(base))
    current_slope = _line_percent(system, voltage)
    lines = grid.lines
    counts = lines.from_closed & lines.to_closed & (lines.max_i_ka > 0)
    size = np.abs(current_slope)
    # The magnitude rises at most as if all its changes pointed the same way.
    most = base.loading_percent[:, :n_lines] + np.einsum("tld,td->tl", size, np.abs(point))
    period, line = np.indices(most.shape)
    rise = reach(period.ravel(), 2 * n_buses + line.ravel(), size.reshape(-1, size.shape[2]))
    period, line = np.nonzero((most + rise.reshape(most.shape) > 100.0) & counts)
    now = current[period, line]
    length = np.abs(now)
    ahead = np.where(length > 0, now / np.where(length > 0, length, 1.0), 1.0)
    turn = np.exp(2j * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS)
    seen = np.conj(ahead[:, None] * turn)
    # The loading is that of the larger end, which the charging makes differ from the series part.
    correction = base.loading_percent[period, line] - length
    value = np.real(seen * now[:, None]) + correction[:, None] - 100.0
    moving = current_slope[period, line]
    slope = (
        seen.real[:, :, None] * moving.real[:, None] - seen.imag[:, :, None] * moving.imag[:, None]
    )
    in_all_directions = LimitRows(
        period=np.repeat(period, _DIRECTIONS),
        limit=np.repeat(2 * n_buses + line, _DIRECTIONS),
        value=value.ravel(),
        slope=slope.reshape(value.size, slope.shape[2]),
        usd=np.full(value.size, per_percent),
    )
    # What a tangent between two directions allows less than they do.
    short = np.repeat((100.0 - correction) * (1.0 - _BETWEEN), _DIRECTIONS)
    overloaded = violable(in_all_directions, short)
    parts.append(overloaded)
    joined = LimitRows(
        period=np.concatenate([part.period for part in parts]),
        limit=np.concatenate([part.limit for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        slope=np.concatenate([part.slope for part in parts]),
        usd=np.concatenate([part.usd for part in parts]),
    )
    n_limits = 2 * n_buses + n_lines
    kept = np.isin(
        period * n_limits + 2 * n_buses + line, overloaded.period * n_limits + overloaded.limit
    )
    currents = LineCurrents(
        period=period[kept],
        limit=2 * n_buses + line[kept],
        base=(now - np.einsum("cd,cd->c", moving, point[period]))[kept],
        slope=moving[kept],
        correction=correction[kept],
    )
    return joined.where(np.lexsort((joined.limit, joined.period))), currents


def magnitudes(base: PowerFlowResult, voltage: ComplexArray) -> FloatArray:
    """Return the derivatives of voltage magnitudes from those of complex voltages, same shape."""
    ahead = np.exp(1j * np.deg2rad(base.va_degree))[:, :, None]
    result: FloatArray = ahead.real * voltage.real + ahead.imag * voltage.imag
    return result


def _line_percent(system: System, voltage: ComplexArray) -> ComplexArray:
    """Return the complex series currents of lines over their limits, ``(period, line, ...)`` [%].

    `voltage` is ``(period, bus, ...)``.
    """
    grid = system.grid
    lines = grid.lines
    impedance = lines.r_ohm + 1j * grid.line_reactance_ohm
    limit_ka = np.where(lines.max_i_ka > 0, lines.max_i_ka, np.inf)
    factor = 100.0 * grid.bus_vn_kv[lines.from_bus] / np.sqrt(3) / impedance / limit_ka
    drop = voltage[:, lines.from_bus] - voltage[:, lines.to_bus]
    percent: ComplexArray = drop * factor.reshape(1, -1, *[1] * (drop.ndim - 2))
    return percent


def _transformer_slopes(system: System, base: PowerFlowResult, change: ComplexArray) -> FloatArray:
    """Return the slopes of the transformers' loading, ``(period, transformer, direction)`` [%/MW].

    The loading is that of the series element, seen from the end with the higher voltage; what its
    shunt adds hardly changes (1 % of the slope in the tests).
    """
    grid = system.grid
    given, voltage = grid.transformers, voltages(base)
    high = grid.bus_vn_kv[given.hv_bus] / given.vn_hv_kv
    low = grid.bus_vn_kv[given.lv_bus] / given.vn_lv_kv
    reactance = np.sqrt(np.maximum(given.vk_percent**2 - given.vkr_percent**2, 0.0))
    admittance = 100.0 / (given.vkr_percent + 1j * reactance)
    ends = (high * voltage[:, given.hv_bus], low * voltage[:, given.lv_bus])
    changes = (
        high[:, None] * change[:, given.hv_bus],
        low[:, None] * change[:, given.lv_bus],
    )
    current = (admittance * (ends[0] - ends[1]))[:, :, None]
    rise = admittance[:, None] * (changes[0] - changes[1])
    fed = np.abs(ends[0]) >= np.abs(ends[1])
    end = np.where(fed, ends[0], ends[1])[:, :, None]
    lift = np.where(fed[:, :, None], changes[0], changes[1])
    power = end * np.conj(current)
    size = np.abs(power)
    ahead = np.conj(power) / np.where(size > 0, size, 1.0)
    closed = (given.hv_closed & given.lv_closed)[:, None]
    moved = np.real(ahead * (lift * np.conj(current) + end * np.conj(rise)))
    slopes: FloatArray = np.where(closed, 100.0 * moved, 0.0)
    return slopes
