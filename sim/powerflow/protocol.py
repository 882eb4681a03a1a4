"""What a power-flow engine takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sim.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerFlowResult:
    """Steady states of a grid, one row per step. Rows that did not converge are NaN.

    Attributes
    ----------
    vm_pu
        Voltage magnitudes, ``(step, bus)`` [pu]; NaN at dead buses.
    va_degree
        Voltage angles, ``(step, bus)`` [degree]; NaN at dead buses.
    loading_percent
        Branch loading, lines first, then transformers, ``(step, branch)`` [%]: the larger end
        current over the line's thermal limit, or the larger end apparent power over its
        `Lines.limit_mva`; the larger end apparent power over the transformer's rating.
    branch_mw, branch_mvar
        Power that flows into each branch at the end named first: `Lines.from_bus`,
        `Transformers.hv_bus`, ``(step, branch)`` [MW, Mvar].
    source_mw, source_mvar
        Power drawn from the upstream grid, ``(step, source)``, positive for import [MW, Mvar].
    branch_loss_mw
        Active losses, ``(step, branch)`` [MW].
    converged
        ``(step,)``.
    """

    vm_pu: FloatArray
    va_degree: FloatArray
    loading_percent: FloatArray
    branch_mw: FloatArray
    branch_mvar: FloatArray
    source_mw: FloatArray
    source_mvar: FloatArray
    branch_loss_mw: FloatArray
    converged: BoolArray

    @property
    def loss_mw(self) -> FloatArray:
        """Active losses of all branches, ``(step,)`` [MW]."""
        return np.asarray(self.branch_loss_mw.sum(axis=1))


class PowerFlow(Protocol):
    """An AC power-flow engine, built once per grid."""

    def solve(self, p_mw: FloatArray, q_mvar: FloatArray) -> PowerFlowResult:
        """Solve one power flow per row.

        Parameters
        ----------
        p_mw, q_mvar
            Net injections (generation + storage - load), ``(step, bus)`` [MW, Mvar]. At held buses
            the reactive power that holds the voltage comes on top.

        Returns
        -------
        PowerFlowResult
            Rows that diverge are flagged and NaN; nothing is raised for them.
        """


def check_injections(p_mw: FloatArray, q_mvar: FloatArray, n_buses: int) -> None:
    """Refuse arrays that are not ``(step, bus)``.

    Raises
    ------
    ValueError
        Naming both shapes.
    """
    if p_mw.shape != (len(p_mw), n_buses) or q_mvar.shape != p_mw.shape:
        raise ValueError(
            f"p_mw(={p_mw.shape}) and q_mvar(={q_mvar.shape}) must both have the shape "
            f"(step, {n_buses})."
        )
