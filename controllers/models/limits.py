"""The grid's limits as rows that are linear in voltages and currents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.powerflow.protocol import PowerFlowResult
from sim.system.system import System
from sim.units import FloatArray, IntArray

# Directions in which a current's magnitude is bounded: between two of them it is underestimated
# by at most 1 - cos(15 degree) = 3.4 %, and not at all in the direction of the operating point.
_DIRECTIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """Upper voltages, lower voltages, line currents in several directions, transformer loadings.

    A line's loading is the magnitude of a complex current that responds almost linearly. Bounding
    its projections on several directions keeps a plan from turning a large current around instead
    of reducing it, which a single derivative of the magnitude would reward.

    Attributes
    ----------
    direction
        Unit vectors, complex, ``(period, line, direction)``; the first is the operating point's.
    correction
        What the lines' loading at the operating point exceeds the magnitude of their series
        current by, ``(period, line)`` [%].
    line
        Lines that count, ``(line,)``.
    limit
        The limit each row belongs to, ``(row,)``.
    usd
        What a unit of violation costs for one period, ``(row,)`` [USD].
    """

    system: System
    direction: np.ndarray
    correction: FloatArray
    line: IntArray
    limit: IntArray
    usd: FloatArray

    @classmethod
    def around(cls, system: System, base: PowerFlowResult, line: IntArray) -> Limits:
        """Return the limits, currents seen from the steady states `base`.

        Parameters
        ----------
        system
            What exists.
        base
            Steady states at the operating point, one per period.
        line
            Lines whose loading counts.
        """
        grid, penalties, period_h = system.grid, system.penalties, system.timing.period_h
        n_buses, n_lines = grid.n_buses, len(grid.lines.name)
        current = _line_percent(system, base, line)
        size = np.abs(current)
        ahead = np.where(size > 0, current / np.where(size > 0, size, 1.0), 1.0)
        turn = np.exp(2j * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS)
        n_transformers = grid.n_branches - n_lines
        n_others = 2 * n_buses
        return cls(
            system=system,
            direction=ahead[:, :, None] * turn,
            correction=base.loading_percent[:, line] - size,
            line=line,
            limit=np.concatenate(
                [
                    np.arange(n_others),
                    n_others + np.repeat(line, _DIRECTIONS),
                    n_others + n_lines + np.arange(n_transformers),
                ]
            ),
            usd=period_h
            * np.concatenate(
                [
                    np.full(n_others, penalties.voltage_usd_per_pu_h),
                    np.full(
                        len(line) * _DIRECTIONS + n_transformers,
                        penalties.loading_usd_per_percent_h,
                    ),
                ]
            ),
        )

    def values(self, result: PowerFlowResult) -> FloatArray:
        """Return where the rows stand, positive beyond the limit.

        Parameters
        ----------
        result
            Steady states, whole sets of periods one after the other, ``(set * period,)``.

        Returns
        -------
        FloatArray
            ``(set, period, row)`` [pu or %].
        """
        grid = self.system.grid
        n_periods = len(self.direction)
        sets = len(result.vm_pu) // n_periods
        vm_pu = result.vm_pu.reshape(sets, n_periods, grid.n_buses)
        current = _line_percent(self.system, result, self.line)
        current = current.reshape(sets, n_periods, len(self.line), 1)
        projected = (np.conj(self.direction) * current).real + self.correction[:, :, None]
        transformer = result.loading_percent[:, len(grid.lines.name) :]
        return np.concatenate(
            [
                vm_pu - grid.v_max_pu,
                grid.v_min_pu - vm_pu,
                projected.reshape(sets, n_periods, len(self.line) * _DIRECTIONS) - 100.0,
                transformer.reshape(sets, n_periods, transformer.shape[1]) - 100.0,
            ],
            axis=2,
        )


def _line_percent(system: System, result: PowerFlowResult, line: IntArray) -> np.ndarray:
    """Return the complex series currents of lines over their limits, ``(step, line)`` [%]."""
    grid = system.grid
    voltage = result.vm_pu * np.exp(1j * np.deg2rad(result.va_degree))
    drop = voltage[:, grid.lines.from_bus[line]] - voltage[:, grid.lines.to_bus[line]]
    drop_kv = drop * grid.bus_vn_kv[grid.lines.from_bus[line]] / np.sqrt(3)
    impedance = grid.lines.r_ohm[line] + 1j * grid.line_reactance_ohm[line]
    percent: np.ndarray = 100.0 * drop_kv / impedance / grid.lines.max_i_ka[line]
    return percent
