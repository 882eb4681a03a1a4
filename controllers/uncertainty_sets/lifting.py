"""Lifting: segments and indicators of uncertain values as columns of their own.

A value ``v`` in ``[l, u]`` with thresholds ``b_1 < ... < b_m`` becomes ``v = l + sum_k s_k`` with
segments ``0 <= s_k <= w_k`` (``w_k`` the distance between neighbours of ``l, b_1, ..., b_m, u``)
and indicators ``I_k = 1{v >= b_k}``. The convex hull of all ``(s, I)`` is the chain ::

    1 >= s_1 / w_1 >= I_1 >= s_2 / w_2 >= ... >= I_m >= s_{m+1} / w_{m+1} >= 0

a simplex whose vertices are the ends and both sides of each threshold; for one threshold the
vertices are ``(l, 0), (b, 0), (b, 1), (u, 1)``. Rules that are linear in segments and indicators
are piecewise linear in the value. Georghiou, Wiesemann, Kuhn, "Generalized decision rule
approximations for stochastic programming via liftings", Math. Programming 152, 2015; Bertsimas,
Georghiou, "Binary decision rules for multistage adaptive mixed-integer optimization", Math.
Programming 167, 2018. The hulls of single values, cut by the rows of budgets, contain the hull of
the lifted budgeted set: an outer approximation, hence safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.uncertainty_sets.budgets import CERTAIN, BudgetedBox
from controllers.uncertainty_sets.uncertainty_set import UncertaintySet, UncertaintySetError
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """The columns of one value.

    Attributes
    ----------
    period, component
        Which value.
    ends
        Ends of the segments, ascending, ``(segment + 1,)``.
    segments, indicators
        Columns, ``(segment,)`` and ``(segment - 1,)``.
    size
        Column of the absolute relative deviation that budgets count, None without a budget.
    """

    period: int
    component: int
    ends: tuple[float, ...]
    segments: tuple[int, ...]
    indicators: tuple[int, ...]
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiftedSet:
    """A budgeted box in lifted columns.

    Attributes
    ----------
    box
        The set of paths.
    columns
        The polyhedron of lifted columns.
    values
        The columns of each value that is uncertain.
    constant, matrix
        A path is ``constant + matrix @ z``, ``(period * component,)`` and
        ``(period * component, column)``, periods outermost.
    """

    box: BudgetedBox
    columns: UncertaintySet
    values: tuple[Lifted, ...]
    constant: FloatArray
    matrix: sparse.csr_array

    def path(self, point: FloatArray) -> FloatArray:
        """Return the path ``(period, component)`` of a point ``(column,)``."""
        flat: FloatArray = self.constant + self.matrix @ point
        return flat.reshape(self.box.centre.shape)

    def lift(self, path: FloatArray) -> FloatArray:
        """Return the point ``(column,)`` of a path ``(period, component)``."""
        return _lift(self.box, self.values, self.columns.n_columns, path)


def lift(
    box: BudgetedBox, thresholds: Mapping[tuple[int, int], Sequence[float]] | None = None
) -> LiftedSet:
    """Return the set in segments and indicators.

    Parameters
    ----------
    box
        The set of paths. Values whose bounds coincide are constants and get no columns.
    thresholds
        By period and component: the values from which an indicator is 1, ascending, strictly
        between the bounds. A value without has one segment, and no indicator.

    Raises
    ------
    UncertaintySetError
        Where thresholds do not ascend strictly between the bounds of an uncertain value.
    """
    thresholds = thresholds or {}
    lower, upper = box.lower, box.upper
    uncertain = upper - lower > CERTAIN
    _check(thresholds, uncertain, lower, upper)
    values: list[Lifted] = []
    n = 0
    for t, i in np.argwhere(uncertain).tolist():
        inner = tuple(float(b) for b in thresholds.get((t, i), ()))
        budgeted = np.isfinite(box.over_components[t]) or np.isfinite(box.over_time[i])
        m = len(inner)
        values.append(
            Lifted(
                period=t,
                component=i,
                ends=(float(lower[t, i]), *inner, float(upper[t, i])),
                segments=tuple(range(n, n + m + 1)),
                indicators=tuple(range(n + m + 1, n + 2 * m + 1)),
                size=n + 2 * m + 1 if budgeted else None,
            )
        )
        n += 2 * m + 1 + int(budgeted)
    lifted = tuple(values)
    matrix, limit = _rows(box, lifted, n)
    highest = np.ones(n)
    indicator = np.zeros(n, dtype=np.bool_)
    flat: list[int] = []
    column: list[int] = []
    for own in lifted:
        highest[list(own.segments)] = np.diff(own.ends)
        if own.size is not None:
            highest[own.size] = box.radius
        indicator[list(own.indicators)] = True
        flat += [own.period * lower.shape[1] + own.component] * len(own.segments)
        column += own.segments
    return LiftedSet(
        box=box,
        columns=UncertaintySet(
            lower=np.zeros(n),
            upper=highest,
            matrix=matrix,
            limit=limit,
            nominal=_lift(box, lifted, n, box.centre),
            period=_periods(lifted, n, len(lower)),
            indicator=indicator,
        ),
        values=lifted,
        constant=np.where(uncertain, lower, box.centre).ravel(),
        matrix=sparse.csr_array((np.ones(len(flat)), (flat, column)), shape=(lower.size, n)),
    )


def with_products(columns: UncertaintySet, pairs: IntArray) -> tuple[UncertaintySet, IntArray]:
    """Return the set with products of indicators, and the columns of these.

    A product ``w = a b`` of two indicators lies in the hull ``w <= a, w <= b, w >= a + b - 1,
    w >= 0`` (McCormick, Math. Programming 10, 1976); it is observed when both are.

    Parameters
    ----------
    columns
        The set.
    pairs
        Two columns of indicators each, ``(product, 2)``.
    """
    if not columns.indicator[pairs].all():
        raise UncertaintySetError("Products are lifted for pairs of indicators only.")
    n, m = columns.n_columns, len(pairs)
    new = np.arange(n, n + m)
    first, second = pairs[:, 0], pairs[:, 1]
    one, k = np.ones(m), np.arange(m)
    rows = sparse.csr_array(
        (
            np.concatenate([one, -one, one, -one, -one, one, one]),
            (
                np.concatenate([k, k, m + k, m + k, 2 * m + k, 2 * m + k, 2 * m + k]),
                np.concatenate([new, first, new, second, new, first, second]),
            ),
        ),
        shape=(3 * m, n + m),
    )
    old = sparse.csr_array(
        (columns.matrix.data, columns.matrix.indices, columns.matrix.indptr),
        shape=(len(columns.limit), n + m),
    )
    nominal = columns.nominal
    wider = UncertaintySet(
        lower=np.concatenate([columns.lower, np.zeros(m)]),
        upper=np.concatenate([columns.upper, one]),
        matrix=sparse.csr_array(sparse.vstack([old, rows])),
        limit=np.concatenate([columns.limit, np.zeros(2 * m), one]),
        nominal=np.concatenate([nominal, nominal[first] * nominal[second]]),
        period=np.concatenate(
            [columns.period, np.maximum(columns.period[first], columns.period[second])]
        ),
        indicator=np.concatenate([columns.indicator, np.ones(m, dtype=np.bool_)]),
    )
    return wider, new


def _check(
    thresholds: Mapping[tuple[int, int], Sequence[float]],
    uncertain: np.ndarray,
    lower: FloatArray,
    upper: FloatArray,
) -> None:
    for (t, i), inner in thresholds.items():
        inside = 0 <= t < lower.shape[0] and 0 <= i < lower.shape[1]
        if not inside or not uncertain[t, i]:
            raise UncertaintySetError(
                f"thresholds of period {t}, component {i}: there is no uncertain value."
            )
        if (np.diff([lower[t, i], *inner, upper[t, i]]) <= CERTAIN).any():
            raise UncertaintySetError(
                f"thresholds(={list(inner)}) of period {t}, component {i} must ascend strictly "
                f"between {lower[t, i]} and {upper[t, i]}, the bounds of the value."
            )


def _periods(values: tuple[Lifted, ...], n: int, n_periods: int) -> IntArray:
    """Return when each column is observed, ``(column,)``; sizes are, after all periods."""
    period = np.full(n, n_periods, dtype=np.int64)
    for own in values:
        period[[*own.segments, *own.indicators]] = own.period
    return period


def _lift(box: BudgetedBox, values: tuple[Lifted, ...], n: int, path: FloatArray) -> FloatArray:
    """Return the point of a path; see `LiftedSet.lift`."""
    point = np.zeros(n)
    for own in values:
        value = float(path[own.period, own.component])
        ends = np.array(own.ends)
        point[list(own.segments)] = np.clip(value - ends[:-1], 0.0, np.diff(ends))
        point[list(own.indicators)] = value >= ends[1:-1]
        if own.size is not None:
            off = value - box.centre[own.period, own.component]
            allowed = (box.above if off > 0 else box.below)[own.period, own.component]
            point[own.size] = abs(off) / allowed if abs(off) > CERTAIN else 0.0
    return point


def _rows(
    box: BudgetedBox, values: tuple[Lifted, ...], n: int
) -> tuple[sparse.csr_array, FloatArray]:
    """Return the rows of the chains and of the budgets."""
    rows: list[dict[int, float]] = []
    limit: list[float] = []
    over_components: dict[int, dict[int, float]] = {}
    over_time: dict[int, dict[int, float]] = {}
    for own in values:
        width = np.diff(own.ends)
        for k, column in enumerate(own.indicators):
            rows.append({column: width[k], own.segments[k]: -1.0})
            rows.append({own.segments[k + 1]: 1.0, column: -width[k + 1]})
            limit += [0.0, 0.0]
        if own.size is None:
            continue
        t, i = own.period, own.component
        # The size is at least the deviation relative to what is allowed, on either side.
        for sign, allowed in ((1.0, box.above[t, i]), (-1.0, box.below[t, i])):
            if allowed > CERTAIN:
                rows.append({own.size: -allowed} | dict.fromkeys(own.segments, sign))
                limit.append(sign * (box.centre[t, i] - own.ends[0]))
        over_components.setdefault(t, {})[own.size] = 1.0
        over_time.setdefault(i, {})[own.size] = 1.0
    for sums, budget in ((over_components, box.over_components), (over_time, box.over_time)):
        for key, row in sums.items():
            if np.isfinite(budget[key]):
                rows.append(row)
                limit.append(float(box.radius * budget[key]))
    at = [r for r, own_row in enumerate(rows) for _ in own_row]
    column_of = [column for own_row in rows for column in own_row]
    value_of = [value for own_row in rows for value in own_row.values()]
    matrix = sparse.csr_array(
        (np.array(value_of, dtype=np.float64), (np.array(at, int), np.array(column_of, int))),
        shape=(len(rows), n),
    )
    return matrix, np.array(limit, dtype=np.float64)
