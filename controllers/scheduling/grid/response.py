"""Sensitivities of voltages and import: the derivative of the AC power flow.

The grid itself is linear: bus voltages are an affine function of the currents injected, ``V = V0 +
Z I``, whatever its meshes, transformers and shunts. `GridResponse` measures that function once, by
power flows with one small injection each. Around a steady state ``I = conj(S / V)`` then gives the
derivative of the whole power flow as the fixed point of

``dV = Z (conj(dS / V) - conj(S / V^2) conj(dV))``,

a contraction by about the voltage drop: some five products with ``Z`` for all periods and
injections together, instead of one power flow for each (the fixed point of Bolognani & Zampieri,
*On the existence and linear approximation of the power flow solution in power distribution
networks*, IEEE Trans. Power Systems 31(1), 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.system.grid import Grid
from sim.units import FloatArray

ComplexArray: TypeAlias = NDArray[np.complex128]

# What is injected to measure [MW]: small beside any line, large beside rounding.
_PROBE_MW = 0.01

# A change by less than this share ends the fixed point; the error left is about a tenth of it. A
# state that has not got there after so many turns is so close to collapse that its derivative
# means nothing.
_TOLERANCE = 1e-6
_TURNS = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slopes:
    """Derivatives of a power flow, per unit of each direction; NaN where there is none.

    Attributes
    ----------
    voltage
        Complex bus voltages, ``(period, bus, direction)`` [pu/MW]; 0 at dead buses.
    import_mw
        Import of all sources together, ``(period, direction)`` [MW/MW].
    """

    voltage: ComplexArray
    import_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridResponse:
    """The grid as it is switched, seen as a linear function of injected currents.

    Attributes
    ----------
    impedance
        ``(bus, bus)`` [pu on 1 MVA].
    share
        Part of each injected current that leaves through the sources, times the sources' voltage,
        ``(bus,)`` [MVA per unit of current].
    """

    impedance: ComplexArray
    share: ComplexArray

    @classmethod
    def measured(cls, grid: Grid, flow: PowerFlow) -> GridResponse:
        """Return the response of a grid, measured by power flows.

        Parameters
        ----------
        grid
            The grid.
        flow
            AC power flow of it as it is switched.
        """
        n = grid.n_buses
        # The last row is the grid at rest.
        probe = np.vstack([_PROBE_MW * np.eye(n), np.zeros((1, n))])
        result = flow.solve(probe, np.zeros_like(probe))
        voltage = voltages(result)
        live = np.isfinite(voltage[-1])
        voltage = np.where(live, voltage, 1.0)
        current = np.conj(_PROBE_MW / np.diagonal(voltage))
        impedance = (voltage[:-1] - voltage[-1]).T / current
        drawn = result.source_mw + 1j * result.source_mvar
        # Sources hold their voltages at angle 0, so that S and conj(I) differ by a real factor.
        share = np.conj((drawn[:-1] - drawn[-1]).sum(axis=1)) / current
        dead = ~live
        impedance[dead] = 0.0
        impedance[:, dead] = 0.0
        share[dead] = 0.0
        return cls(impedance=np.nan_to_num(impedance), share=np.nan_to_num(share))

    def slopes(
        self, base: PowerFlowResult, p_mw: FloatArray, q_mvar: FloatArray, towards: ComplexArray
    ) -> Slopes:
        """Return the derivatives around steady states.

        Parameters
        ----------
        base
            Steady states, one per period.
        p_mw, q_mvar
            Their injections, ``(period, bus)`` [MW, Mvar].
        towards
            Directions in which injections change, ``(bus, direction)`` [MVA/MW].
        """
        voltage = voltages(base)
        dead = np.asarray(np.isnan(voltage[base.converged]).any(axis=0))
        voltage = np.where(dead | np.isnan(voltage), 1.0, voltage)
        power = np.where(dead, 0.0, p_mw + 1j * q_mvar)
        moved, import_mw = _fixed_points(
            self.impedance, self.share, voltage, np.conj(power / voltage**2), np.conj(towards)
        )
        moved[~base.converged] = np.nan
        import_mw[~base.converged] = np.nan
        return Slopes(voltage=moved, import_mw=import_mw)


@njit(cache=True)
def _fixed_points(
    impedance: ComplexArray,
    share: ComplexArray,
    voltage: ComplexArray,
    drag: ComplexArray,
    towards: ComplexArray,
) -> tuple[ComplexArray, FloatArray]:
    """Return `Slopes` for voltages and drags ``(period, bus)``, directions ``(bus, direction)``."""
    n_periods, n_buses = voltage.shape
    n_directions = towards.shape[1]
    found = np.empty((n_periods, n_buses, n_directions), dtype=np.complex128)
    import_mw = np.zeros((n_periods, n_directions))
    current = np.empty((n_buses, n_directions), dtype=np.complex128)
    for t in range(n_periods):
        last = found[t]
        last[:] = 0.0
        for turn in range(_TURNS + 1):
            for b in range(n_buses):
                inverse, pull = 1.0 / np.conj(voltage[t, b]), drag[t, b]
                for d in range(n_directions):
                    current[b, d] = towards[b, d] * inverse - pull * np.conj(last[b, d])
            if turn == _TURNS:
                last[:] = np.nan
                import_mw[t] = np.nan
                break
            moved = np.dot(impedance, current)
            change, size = 0.0, 0.0
            for b in range(n_buses):
                for d in range(n_directions):
                    step = moved[b, d] - last[b, d]
                    change = max(change, step.real**2 + step.imag**2)
                    size = max(size, moved[b, d].real ** 2 + moved[b, d].imag ** 2)
                    last[b, d] = moved[b, d]
            if change <= _TOLERANCE**2 * size:
                for b in range(n_buses):
                    for d in range(n_directions):
                        import_mw[t, d] += (share[b] * current[b, d]).real
                break
    return found, import_mw


def voltages(result: PowerFlowResult) -> ComplexArray:
    """Return the complex bus voltages, ``(step, bus)`` [pu]."""
    turn: ComplexArray = np.exp(1j * np.deg2rad(result.va_degree))
    return result.vm_pu * turn
