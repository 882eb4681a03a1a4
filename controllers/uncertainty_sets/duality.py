"""Robust counterparts by duality of linear programming.

``a(x)'(z - n) <= b`` for all ``z`` in ``{l <= z <= u, W z <= h}`` holds if and only if there are
multipliers ``y, m >= 0`` with ::

    a(x)'(l - n) + (h - W l)'y + (u - l)'m <= b      and      W'y + m >= a(x)

Ben-Tal, El Ghaoui, Nemirovski, *Robust Optimization*, 2009, ch. 1.3; Bertsimas and Sim, Operations
Research 52, 2004. With rules inside ``a`` the same holds, since rows stay affine in ``z``.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from controllers.optimisation.growing_model import GrowingModel
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import Solution
from controllers.optimisation.work_limits import WorkLimits
from controllers.uncertainty_sets.robust_model import RobustModel, RobustProgramme
from sim.units import FloatArray, IntArray


def dual_counterpart(programme: RobustProgramme) -> LinearModel:
    """Return one linear model with the optimum of the robust programme.

    The first variables are those of the programme. Each row gets multipliers only for the groups
    of the set (`UncertaintySet.groups`) that it may mention; the others are nominal.
    """
    known = programme.uncertainty
    n_rows, n_columns = programme.slope_constant.shape
    width = known.upper - known.lower
    lowest = known.lower - known.nominal
    group = known.groups()
    mentioned = np.diff(programme.slope.indptr).reshape(n_rows, n_columns) > 0
    mentioned |= programme.slope_constant != 0
    patterns, member = _patterns(mentioned, group)

    old = programme.model
    left: list[sparse.csr_array] = [old.matrix]
    right: list[sparse.csr_array] = []
    limits: list[FloatArray] = []
    for k, groups in enumerate(patterns):
        rows = np.flatnonzero(member == k)
        named = np.isin(group, groups)
        columns = np.flatnonzero(named)
        linked = sparse.csr_array(known.matrix[:, columns])
        linking = np.flatnonzero(np.diff(linked.indptr) > 0)
        inside = sparse.csr_array(linked[linking])
        room = known.limit - known.matrix @ np.where(named, known.lower, known.nominal)
        flat = (rows[:, None] * n_columns + columns).ravel()
        slope = sparse.csr_array(programme.slope[flat])
        constant = programme.slope_constant[np.ix_(rows, columns)]
        each = sparse.eye_array(len(rows))
        at_lower = sparse.kron(each, lowest[columns][None, :])
        dual_cost = np.concatenate([room[linking], width[columns]])
        # W'y + m - a(x) >= 0, written as -W'y - m + a(x) <= 0.
        covering = sparse.hstack([-inside.T, -sparse.eye_array(len(columns))])
        left += [
            sparse.csr_array(programme.constant[rows] + at_lower @ slope),
            sparse.csr_array(slope),
        ]
        own = [sparse.kron(each, dual_cost[None, :]), sparse.kron(each, covering)]
        right.append(sparse.csr_array(sparse.vstack(own)))
        limits.append(programme.limit[rows] - constant @ lowest[columns])
        limits.append(-constant.ravel())
    multipliers = sparse.csr_array(
        sparse.block_diag([sparse.csr_array((old.matrix.shape[0], 0)), *right])
    )
    n_new = multipliers.shape[1]
    upper = np.concatenate([old.row_upper, *limits])
    return LinearModel(
        cost=np.concatenate([old.cost, np.zeros(n_new)]),
        matrix=sparse.csr_array(sparse.hstack([sparse.vstack(left), multipliers])),
        row_lower=np.concatenate(
            [old.row_lower, np.full(len(upper) - len(old.row_upper), -np.inf)]
        ),
        row_upper=upper,
        lower=np.concatenate([old.lower, np.zeros(n_new)]),
        upper=np.concatenate([old.upper, np.full(n_new, np.inf)]),
        integer=np.concatenate([old.integer, np.zeros(n_new, dtype=np.bool_)]),
        offset=old.offset,
    )


class GrowingCounterpart:
    """The dual counterpart of a robust model that gains rows, re-solved from its last basis.

    Between solves the model may gain decisions made here and now, bounded below by 0, and rows, and
    decisions may be fixed. Rows that must equal something cannot join.

    Parameters
    ----------
    model
        The robust model.
    limits
        Work limits of each solve.
    """

    def __init__(self, model: RobustModel, limits: WorkLimits) -> None:
        self._model = model
        programme = model.build()
        self._n_rows, self._n_fixed = model.n_rows, len(model.fixed)
        self._counterpart = GrowingModel(dual_counterpart(programme), None, limits)
        self._own = np.arange(len(programme.model.cost))

    def solve(self) -> Solution:
        """Minimise what there is now; the solution is about the variables of the programme."""
        if self._model.n_rows > self._n_rows:
            self._grow()
        fixed = self._model.fixed
        if len(fixed) > self._n_fixed:
            self._counterpart.fix(self._own[fixed])
            self._n_fixed = len(fixed)
        found = self._counterpart.solve()
        values = found.values if found.values is None else found.values[self._own]
        return dataclasses.replace(found, values=values, duals=None, basis=None)

    def _grow(self) -> None:
        """Add the rows that are new."""
        new = self._model.build(first_row=self._n_rows)
        self._n_rows = self._model.n_rows
        n_old, n_own = len(self._own), len(new.model.cost)
        n_before = len(self._counterpart.model.cost)
        added = dual_counterpart(new)
        if np.isfinite(added.row_lower).any():
            raise ValueError("Rows that must equal something cannot join.")
        n_added = len(added.cost) - n_old
        self._own = np.concatenate([self._own, n_before + np.arange(n_own - n_old)])
        place = np.concatenate([self._own, n_before + np.arange(n_own - n_old, n_added)])
        entries = added.matrix.tocoo()
        self._counterpart.add(
            added.cost[n_old:],
            added.upper[n_old:],
            sparse.csr_array(
                (entries.data, (entries.row, place[entries.col])),
                shape=(len(added.row_upper), n_before + n_added),
            ),
            added.row_upper,
        )


def _patterns(mentioned: np.ndarray, group: IntArray) -> tuple[list[IntArray], IntArray]:
    """Return the sets of groups that rows mention, and which of them each row has."""
    of_group = np.zeros((len(group), int(group.max(initial=-1)) + 1))
    of_group[np.arange(len(group)), group] = 1.0
    touched = mentioned.astype(np.float64) @ of_group > 0
    if not len(touched):
        return [], np.empty(0, dtype=np.int64)
    unique, member = np.unique(touched, axis=0, return_inverse=True)
    return [np.flatnonzero(row) for row in unique], member.ravel()
