"""Second-order cones by tangent planes, so that a linear solver can take them.

A convex set is the intersection of its tangent half-spaces. Planes are added where a solution lies
outside the set until it lies outside by no more than a tolerance (outer approximation; Duran &
Grossmann, *An outer-approximation algorithm for a class of mixed-integer nonlinear programs*, Math.
Programming 36, 1986). At any moment the model is a relaxation, so its bound holds for the cones.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.model import LinearModel
from sim.units import FloatArray, IntArray

# Coefficients below this are rounding, and presolvers stumble over them.
_ROUNDING = 1e-9

# A tangent at the very tip of a cone is undefined; flows this small count as none [MVA].
_TIP_MVA = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RotatedCones:
    """``current * scale * voltage >= p^2 + q^2``, arrays ``(cone,)`` of variables.

    Attributes
    ----------
    current, voltage
        Variables of the squared current and the squared voltage.
    p, q
        Variables of the flow.
    scale
        Factor of the voltage.
    """

    current: IntArray
    voltage: IntArray
    p: IntArray
    q: IntArray
    scale: FloatArray

    def excess(self, values: FloatArray) -> FloatArray:
        """Return ``p^2 + q^2 - current * scale * voltage``, ``(cone,)``; positive outside."""
        flow = values[self.p] ** 2 + values[self.q] ** 2
        found: FloatArray = flow - values[self.current] * self.scale * values[self.voltage]
        return found

    def tangents(
        self, cones: IntArray, p: FloatArray, q: FloatArray, u: FloatArray, n_variables: int
    ) -> sparse.csr_array:
        """Return rows ``row @ x <= 0`` that touch the cones at given flows.

        Parameters
        ----------
        cones
            Which cones, ``(row,)``.
        p, q, u
            Where: flow and scaled squared voltage, ``(row,)``.
        n_variables
            Number of columns.
        """
        slope_p, slope_q = 2 * p / u, 2 * q / u
        slope_u = (p**2 + q**2) / u**2 * self.scale[cones]
        minus = -np.ones(len(cones))
        return _rows(
            n_variables,
            (self.p[cones], slope_p),
            (self.q[cones], slope_q),
            (self.voltage[cones], -slope_u),
            (self.current[cones], minus),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Discs:
    """``|(p, q)| <= radius * factor``, arrays ``(disc,)``.

    Attributes
    ----------
    p, q
        Variables.
    radius
        [MVA].
    factor
        Variables that the radius is multiplied by.
    """

    p: IntArray
    q: IntArray
    radius: FloatArray
    factor: IntArray

    def excess(self, values: FloatArray) -> FloatArray:
        """Return ``|(p, q)| - radius * factor``, ``(disc,)`` [MVA]; positive outside."""
        found: FloatArray = np.hypot(values[self.p], values[self.q])
        found -= self.radius * values[self.factor]
        return found

    def tangents(
        self, discs: IntArray, p: FloatArray, q: FloatArray, n_variables: int
    ) -> sparse.csr_array:
        """Return rows ``row @ x <= 0`` that touch the discs in the directions ``(p, q)``."""
        size = np.maximum(np.hypot(p, q), _TIP_MVA)
        return _rows(
            n_variables,
            (self.p[discs], p / size),
            (self.q[discs], q / size),
            (self.factor[discs], -self.radius[discs]),
        )


def _rows(n_variables: int, *parts: tuple[IntArray, FloatArray]) -> sparse.csr_array:
    """Return one row per entry of the parts, each a variable and a coefficient per row."""
    n_rows = len(parts[0][0])
    row = np.tile(np.arange(n_rows), len(parts))
    column = np.concatenate([variable for variable, _ in parts])
    value = np.concatenate([coefficient for _, coefficient in parts])
    value[np.abs(value) < _ROUNDING] = 0.0
    return sparse.csr_array((value, (row, column)), shape=(n_rows, n_variables))


def with_planes(model: LinearModel, planes: sparse.csr_array) -> LinearModel:
    """Return the model with rows ``planes @ x <= 0`` more."""
    n = planes.shape[0]
    if n == 0:
        return model
    return dataclasses.replace(
        model,
        matrix=sparse.csr_array(sparse.vstack([model.matrix, planes])),
        row_lower=np.concatenate([model.row_lower, np.full(n, -np.inf)]),
        row_upper=np.concatenate([model.row_upper, np.zeros(n)]),
    )


def planes_at(
    cones: RotatedCones, discs: Discs, values: FloatArray, cone_mva2: float, disc_mva: float
) -> sparse.csr_array:
    """Return tangents that cut off a solution where it is outside by more than a tolerance.

    Parameters
    ----------
    cones, discs
        The sets.
    values
        The solution, ``(variable,)``.
    cone_mva2, disc_mva
        Tolerances [MVA^2, MVA].
    """
    n = len(values)
    bad = np.flatnonzero(cones.excess(values) > cone_mva2)
    u = cones.scale[bad] * values[cones.voltage[bad]]
    first = cones.tangents(bad, values[cones.p[bad]], values[cones.q[bad]], u, n)
    bad = np.flatnonzero(discs.excess(values) > disc_mva)
    second = discs.tangents(bad, values[discs.p[bad]], values[discs.q[bad]], n)
    return sparse.csr_array(sparse.vstack([first, second]))
