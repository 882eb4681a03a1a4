"""Linear models whose rows must hold for every point of a set, with decision rules.

A decision is either fixed here and now or a rule: an affine function of the uncertain columns that
it may look at. Linear decision rules: Ben-Tal, Goryashko, Guslitzer, Nemirovski, "Adjustable robust
solutions of uncertain linear programs", Math. Programming 99, 2004. Binary decision rules, integer
combinations of indicators that stay within [0, 1]: Bertsimas, Georghiou, Math. Programming 167,
2018.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.model import LinearModel
from controllers.uncertainty_sets.uncertainty_set import UncertaintySet
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustProgramme:
    """Minimise a cost subject to rows that hold for all z of a set.

    With the deviation ``d = z - nominal``, a row is ``constant @ x + a(x) @ d <= limit``, and a
    rule its value at the nominal point plus slopes times ``d``. Counted from there, slopes have no
    part in the expected cost; counted from 0 they would cancel up to rounding only.

    Attributes
    ----------
    uncertainty
        The set of z.
    model
        Variables, cost, and the rows that nothing uncertain enters.
    constant, limit
        Of the robust rows, ``(row, variable)`` and ``(row,)``.
    slope, slope_constant
        Coefficients of the columns as affine functions of x, ``(row * column, variable)``, rows
        outermost, and ``(row, column)``.
    rules
        Decisions as functions of x: entry 0 of each is its value at the nominal point, entry c + 1
        the slope in column c, ``(decision * (column + 1), variable)``.
    """

    uncertainty: UncertaintySet
    model: LinearModel
    constant: sparse.csr_array
    limit: FloatArray
    slope: sparse.csr_array
    slope_constant: FloatArray
    rules: sparse.csr_array

    def coefficients(self, values: FloatArray) -> FloatArray:
        """Return the coefficients of the columns in each row at x, ``(row, column)``."""
        shape = self.slope_constant.shape
        found: FloatArray = (self.slope @ values).reshape(shape) + self.slope_constant
        return found

    def decide(self, values: FloatArray, point: FloatArray) -> FloatArray:
        """Return all decisions ``(decision,)`` of the solution x at the point z ``(column,)``."""
        affine = (self.rules @ values).reshape(-1, self.uncertainty.n_columns + 1)
        found: FloatArray = affine @ np.append(1.0, point - self.uncertainty.nominal)
        return found

    def violation(self, values: FloatArray, point: FloatArray) -> float:
        """Return by how much the worst robust row is violated at a point; negative inside."""
        deviation = point - self.uncertainty.nominal
        excess = self.constant @ values + self.coefficients(values) @ deviation - self.limit
        return float(excess.max(initial=-np.inf))


class RobustModel:
    """Decisions and robust rows, collected as `Assembly` collects those of a linear model.

    Parameters
    ----------
    uncertainty
        The set of uncertain columns.
    worst_case
        Whether the cost of rules is that of the worst point of the set, else that of its nominal
        point.
    """

    def __init__(self, uncertainty: UncertaintySet, *, worst_case: bool = False) -> None:
        self._set = uncertainty
        self._worst_case = worst_case
        self._assembly = Assembly()
        self._n_decisions = 0
        self._n_rows = 0
        self._cost: list[FloatArray] = []
        self._static: list[np.ndarray] = []
        self._lower: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._nominal: list[BoolArray] = []
        # (decision, column + 1 or 0 for the intercept, variable)
        self._rules: list[tuple[IntArray, IntArray, IntArray]] = []
        self._entries: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._uncertain: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._products: list[tuple[IntArray, IntArray, IntArray, FloatArray]] = []
        self._fixed: list[IntArray] = []
        self._built = 0
        if worst_case:
            self._most = self.rows(1, upper=0.0)
            self.entries(self._most, self.decisions(1, lower=-np.inf, cost=1.0), -1.0)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return self._n_rows

    def decisions(
        self,
        n: int,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        cost: ArrayLike = 0.0,
        integer: bool = False,
    ) -> IntArray:
        """Add `n` decisions made here and now and return their indices, ``(n,)``."""
        variables = self._assembly.variables(n, lower=lower, upper=upper, integer=integer)
        return self._add(variables, cost, static=True)

    def rules(
        self,
        seen: BoolArray,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        cost: ArrayLike = 0.0,
        integer: bool = False,
    ) -> IntArray:
        """Add decisions that follow what they see, within bounds at every point of the set.

        Parameters
        ----------
        seen
            Which columns each may look at, ``(decision, column)``; see `seen_by`.
        lower, upper, cost
            Of each decision.
        integer
            Whether the nominal value and slopes are integer; with bounds 0 and 1 that makes a
            binary decision rule. Such rules may look at indicators only.
        """
        n = len(seen)
        if integer and not self._set.indicator[seen.any(axis=0)].all():
            raise ValueError("An integer rule may look at indicators only.")
        variables = self._assembly.variables(n, lower=-np.inf, integer=integer)
        decisions = self._add(variables, 0.0 if self._worst_case else cost, static=False)
        if self._worst_case:
            self.entries(self._most, decisions, cost)
        own, column = np.nonzero(seen)
        slopes = self._assembly.variables(len(own), lower=-np.inf, integer=integer)
        self._rules.append((decisions[own], column + 1, slopes))
        rows = self.rows(n, lower=lower, upper=upper)
        self.entries(rows, decisions, 1.0)
        return decisions

    def seen_by(self, period: IntArray, *, only: BoolArray | None = None) -> BoolArray:
        """Return which columns are observed by a period, ``(decision, column)``.

        Parameters
        ----------
        period
            The last period that each decision may look at, ``(decision,)``; -1 for none.
        only
            Columns that rules may look at, ``(column,)``; all where None.
        """
        seen: BoolArray = self._set.period <= np.asarray(period)[:, None]
        return seen if only is None else seen & only

    def rows(
        self,
        n: int,
        *,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
        nominal: bool = False,
    ) -> IntArray:
        """Add `n` rows that hold at every point of the set and return their indices, ``(n,)``.

        Rows that are only `nominal` hold at the nominal point, and nowhere else for sure. Where
        `lower` equals `upper` the coefficient of every column must vanish, which is necessary only
        if the set has an interior.
        """
        for parts, values in ((self._lower, lower), (self._upper, upper)):
            parts.append(np.broadcast_to(np.asarray(values, dtype=np.float64), (n,)))
        self._nominal.append(np.full(n, nominal))
        indices = np.arange(self._n_rows, self._n_rows + n)
        self._n_rows += n
        return indices

    def entries(self, rows: IntArray, decisions: IntArray, values: ArrayLike) -> None:
        """Add coefficients of decisions; those of one row and decision add up."""
        row, decision, value = np.broadcast_arrays(
            rows, decisions, np.asarray(values, dtype=np.float64)
        )
        self._check_open(row)
        self._entries.append((row.ravel(), decision.ravel(), value.ravel()))

    def fix(self, decisions: IntArray) -> None:
        """Hold decisions at 0 at every point of the set."""
        own, _, variable = (np.concatenate(parts) for parts in zip(*self._rules, strict=True))
        self._fixed.append(variable[np.isin(own, decisions)])

    def uncertain(self, rows: IntArray, columns: IntArray, values: ArrayLike) -> None:
        """Add uncertain columns with known coefficients to rows."""
        row, column, value = np.broadcast_arrays(
            rows, columns, np.asarray(values, dtype=np.float64)
        )
        self._check_open(row)
        self._uncertain.append((row.ravel(), column.ravel(), value.ravel()))

    def products(
        self, rows: IntArray, columns: IntArray, decisions: IntArray, values: ArrayLike
    ) -> None:
        """Add products of an uncertain column and a decision made here and now to rows."""
        row, column, decision, value = np.broadcast_arrays(
            rows, columns, decisions, np.asarray(values, dtype=np.float64)
        )
        self._check_open(row)
        if not np.concatenate(self._static)[decision.ravel()].all():
            raise ValueError(
                "An uncertain column times a rule is not affine: multiply it with decisions made "
                "here and now, or lift the product into a column."
            )
        self._products.append((row.ravel(), column.ravel(), decision.ravel(), value.ravel()))

    @property
    def fixed(self) -> IntArray:
        """Variables that are held at 0."""
        return np.concatenate([np.empty(0, np.int64), *self._fixed])

    def affine(self, values: FloatArray) -> FloatArray:
        """Return the decisions of a solution, ``(decision, column + 1)``.

        Entry 0 is the value at the nominal point, entry c + 1 the slope in column c.
        """
        found: FloatArray = (self._rule_matrix() @ values).reshape(-1, self._set.n_columns + 1)
        return found

    def build(self, *, first_row: int = 0) -> RobustProgramme:
        """Return the programme, from a row on; rows that were built take no more entries."""
        self._built = self._n_rows
        cost = np.concatenate([np.empty(0), *self._cost])
        variables = self._assembly.build()
        width = self._set.n_columns + 1
        rules = self._rule_matrix()
        affine, constant = self._affine_rows(rules, first_row)
        lower = np.concatenate([np.empty(0), *self._lower])[first_row:]
        upper = np.concatenate([np.empty(0), *self._upper])[first_row:]

        nominal = np.concatenate([np.empty(0, np.bool_), *self._nominal])[first_row:]
        equal = lower == upper
        above = np.flatnonzero(~equal & np.isfinite(upper))
        below = np.flatnonzero(~equal & np.isfinite(lower))
        matched = np.concatenate(
            [
                _spread(np.flatnonzero(equal & ~nominal), width),
                np.flatnonzero(equal & nominal) * width,
            ]
        )
        equalities = affine[matched]
        right = np.where(matched % width == 0, upper[matched // width], 0.0)
        right = right - constant.ravel()[matched]
        told = (np.diff(equalities.indptr) > 0) | (np.abs(right) > 0)

        picked = np.concatenate([above, below])
        sign = np.concatenate([np.ones(len(above)), -np.ones(len(below))])
        flat = _spread(picked, width)
        wide = sparse.csr_array(sparse.diags_array(np.repeat(sign, width)) @ affine[flat])
        known = sign[:, None] * constant[picked]
        limit = np.concatenate([upper[above], -lower[below]]) - known[:, 0]
        intercept = np.arange(len(picked)) * width
        touched = (np.diff(wide.indptr).reshape(-1, width)[:, 1:] > 0) | (known[:, 1:] != 0)
        uncertain = touched.any(axis=1) & ~nominal[picked]
        robust, fixed = np.flatnonzero(uncertain), np.flatnonzero(~uncertain)
        slopes = (robust[:, None] * width + np.arange(1, width)).ravel()

        variables.lower[self.fixed] = variables.upper[self.fixed] = 0.0
        model = dataclasses.replace(
            variables,
            cost=np.asarray(rules[np.arange(len(cost)) * width].T @ cost),
            matrix=sparse.csr_array(sparse.vstack([equalities[told], wide[intercept[fixed]]])),
            row_lower=np.concatenate([right[told], np.full(len(fixed), -np.inf)]),
            row_upper=np.concatenate([right[told], limit[fixed]]),
        )
        return RobustProgramme(
            uncertainty=self._set,
            model=model,
            constant=sparse.csr_array(wide[intercept[robust]]),
            limit=limit[robust],
            slope=sparse.csr_array(wide[slopes]),
            slope_constant=known[robust][:, 1:],
            rules=rules,
        )

    def _rule_matrix(self) -> sparse.csr_array:
        width = self._set.n_columns + 1
        return _matrix(
            [(own * width + column, variable, None) for own, column, variable in self._rules],
            (self._n_decisions * width, self._assembly.n_variables),
        )

    def _affine_rows(
        self, rules: sparse.csr_array, first_row: int
    ) -> tuple[sparse.csr_array, FloatArray]:
        """Return rows as functions of the variables, and their constants.

        Shapes ``(row * (column + 1), variable)`` and ``(row, column + 1)``; entry 0 is what no
        column multiplies.
        """
        width, n_rows = self._set.n_columns + 1, self._n_rows - first_row
        entries = _from_row(self._entries, first_row)
        linked = _matrix(entries, (n_rows, self._n_decisions))
        affine = sparse.kron(linked, sparse.eye_array(width), format="csr") @ rules
        for row, column, decision, value in _from_row(self._products, first_row):
            lifted = _matrix(
                [
                    (row * width + column + 1, decision * width, value),
                    (row * width, decision * width, value * self._set.nominal[column]),
                ],
                (affine.shape[0], rules.shape[0]),
            )
            affine = affine + lifted @ rules
        uncertain = _from_row(self._uncertain, first_row)
        known = _matrix(
            [(row, column + 1, value) for row, column, value in uncertain], (n_rows, width)
        ).toarray()
        known[:, 0] = known[:, 1:] @ self._set.nominal
        return sparse.csr_array(affine), known

    def _check_open(self, rows: IntArray) -> None:
        if rows.size and rows.min() < self._built:
            raise ValueError("Rows that were built take no more entries.")

    def _add(self, variables: IntArray, cost: ArrayLike, *, static: bool) -> IntArray:
        n = len(variables)
        decisions = np.arange(self._n_decisions, self._n_decisions + n)
        self._n_decisions += n
        self._cost.append(np.broadcast_to(np.asarray(cost, dtype=np.float64), (n,)))
        self._static.append(np.full(n, static))
        self._rules.append((decisions, np.zeros(n, dtype=np.int64), variables))
        return decisions


def _matrix(
    parts: list[tuple[IntArray, IntArray, FloatArray | None]], shape: tuple[int, int]
) -> sparse.csr_array:
    """Return the matrix of rows, columns and values (1 where None); equal places add up."""
    row = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
    column = np.concatenate([np.empty(0, np.int64), *(part[1] for part in parts)])
    value = np.concatenate(
        [np.empty(0), *(np.ones(len(part[0])) if part[2] is None else part[2] for part in parts)]
    )
    return sparse.csr_array((value, (row, column)), shape=shape)


def _from_row(parts: list[Any], first_row: int) -> list[Any]:
    """Return the parts about rows from one on, counted from there; a part is about one or other."""
    return [(row - first_row, *rest) for row, *rest in parts if row.size and row.min() >= first_row]


def _spread(rows: IntArray, width: int) -> IntArray:
    """Return the flat indices of all entries of rows, each `width` long."""
    flat: IntArray = (rows[:, None] * width + np.arange(width)).ravel()
    return flat
