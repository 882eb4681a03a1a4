"""Limits of the grid in a robust dispatch, and what their violations cost."""

from __future__ import annotations

import numpy as np

from controllers.robust.limits import RobustLimits
from controllers.robust.uncertain import Uncertain
from controllers.robust.variables import Cuts, Powers
from controllers.uncertainty_sets.robust_model import RobustModel
from sim.units import FloatArray, IntArray


class Violations:
    """Rows of the grid in a model; violations cost their conditional value at risk.

    Parameters
    ----------
    model
        The model.
    limits
        All rows.
    uncertain, powers, cuts
        What they depend on.
    """

    def __init__(
        self,
        model: RobustModel,
        limits: RobustLimits,
        uncertain: Uncertain,
        powers: Powers,
        cuts: Cuts,
    ) -> None:
        self._model = model
        self._limits, self._uncertain = limits, uncertain
        self._powers, self._cuts = powers, cuts
        # The decisions that violations are, (part of the room, violation), the last on the worst
        # path; -1 where none of its rows is there.
        n_violations = int(limits.rows.violation.max(initial=-1)) + 1
        self._decisions = np.full((len(limits.shares), n_violations), -1)

    def add(self, rows: IntArray) -> None:
        """Add rows to the model."""
        model, limits = self._model, self._limits
        period, of_signal = limits.rows.period[rows], limits.of_signal[rows]
        *expected, worst = self._violations(rows)
        constant = limits.base[rows] + self._uncertain.at_zero(period, of_signal)
        at = model.rows(len(rows), upper=-constant)
        model.entries(at, worst, -1.0)
        self._add_injections(at, rows)
        self._uncertain.add_signals(model, at, period, of_signal)
        self._add_cuts(at, rows)
        # Where all goes as expected until the period begins.
        for violation, base in zip(expected, limits.expected[:, rows], strict=True):
            at = model.rows(len(rows), upper=-base, nominal=True)
            model.entries(at, violation, -1.0)
            self._add_injections(at, rows)
            self._add_cuts(at, rows)

    def _violations(self, rows: IntArray) -> IntArray:
        """Return the decisions that rows' violations are, ``(part, row)``; new ones cost shares."""
        of = self._limits.rows.violation[rows]
        new, first = np.unique(of, return_index=True)
        for known, share in zip(self._decisions, self._limits.shares, strict=True):
            missing = known[new] < 0
            usd = share * self._limits.rows.usd[rows[first[missing]]]
            known[new[missing]] = self._model.decisions(len(usd), cost=usd)
        decisions: IntArray = self._decisions[:, of]
        return decisions

    def _add_cuts(self, at: IntArray, rows: IntArray) -> None:
        """Add cuts of generators to rows of the grid, `rows` of them at `at`."""
        model, limits, cuts = self._model, self._limits, self._cuts
        for t in range(len(limits.capped)):
            own, n = np.flatnonzero(limits.rows.period[rows] == t), cuts.at(t)
            of = np.ix_(rows[own], cuts.generator[n])
            model.entries(at[own][:, None], cuts.cut[n], limits.of_cut[of])
            model.entries(at[own][:, None], cuts.beyond[n], limits.of_beyond[of])

    def _add_injections(self, at: IntArray, rows: IntArray) -> None:
        """Add the powers of vehicles to rows of the grid, `rows` of them at `at`."""
        of, slots = self._limits.rows, self._powers.slots
        row, slot = np.nonzero(of.period[rows][:, None] == slots.period[None, :])
        place = (rows[row], slots.station[slot])
        self._powers.add(self._model, at[row], slot, of.of_p[place], of.of_q[place])

    def unpaid(self, affine: FloatArray, rows: IntArray) -> FloatArray:
        """Return what rows of the grid exceed the violations paid for by, at most, ``(row,)``.

        Each part of the room counts by its share of the price. On the paths of the set signals may
        each be at their largest at once, which is at least as much as in the budgets. For `affine`
        see `RobustModel.affine`.
        """
        known, limits = self._uncertain.columns, self._limits
        paid = np.where(self._decisions < 0, 0.0, affine[self._decisions, 0])
        above, below = known.upper - known.nominal, known.nominal - known.lower
        unpaid = np.empty(len(rows))
        for t in range(len(limits.capped)):
            here = np.flatnonzero(limits.rows.period[rows] == t)
            own = rows[here]
            total = self._affine(affine, own, t)
            moved = limits.of_signal[own] @ self._uncertain.signal[t]
            at_zero = limits.of_signal[own] @ self._uncertain.signal_at_zero[t]
            nominal = total[:, 0] + at_zero + moved @ known.nominal
            change = total[:, 1:] + moved
            most = nominal + np.maximum(change * above, -change * below).sum(axis=1)
            expected = total[:, 0] - limits.base[own] + limits.expected[:, own]
            beyond = np.vstack([expected, most]) - paid[:, limits.rows.violation[own]]
            unpaid[here] = limits.shares @ np.maximum(beyond, 0.0)
        return unpaid

    def _affine(self, affine: FloatArray, rows: IntArray, period: int) -> FloatArray:
        """Return rows of one period as functions of the columns, signals apart."""
        limits, powers, cuts = self._limits, self._powers, self._cuts
        slot, n = np.flatnonzero(powers.slots.period == period), cuts.at(period)
        station, generator = powers.slots.station[slot], cuts.generator[n]
        p = affine[powers.discharge[slot]] - affine[powers.charge[slot]]
        q = affine[powers.inject[slot]] - affine[powers.absorb[slot]]
        total: FloatArray = limits.rows.of_p[np.ix_(rows, station)] @ p
        total += limits.rows.of_q[np.ix_(rows, station)] @ q
        total += limits.of_cut[np.ix_(rows, generator)] @ affine[cuts.cut[n]]
        total += limits.of_beyond[np.ix_(rows, generator)] @ affine[cuts.beyond[n]]
        total[:, 0] += limits.base[rows]
        return total
