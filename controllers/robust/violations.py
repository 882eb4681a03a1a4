"""Limits of the grid in a robust dispatch, and what their violations cost."""

from __future__ import annotations

import numpy as np

from controllers.robust.limits import RobustLimits
from controllers.robust.uncertain import Uncertain
from controllers.robust.variables import Cuts, Powers
from controllers.uncertainty_sets.robust_model import RobustModel, RobustProgramme
from sim.units import FloatArray, IntArray


class Violations:
    """Rows of the grid in a model; violations are paid for, on the worst path by a share.

    Parameters
    ----------
    model
        The model.
    limits
        All rows.
    rows
        Those that are in the model.
    uncertain, powers, cuts
        What they depend on.
    worst_share
        What a violation on the worst path costs after the first period, as a share of its price:
        what begins now is carried out, what comes later is decided again.
    """

    def __init__(
        self,
        model: RobustModel,
        limits: RobustLimits,
        rows: IntArray,
        uncertain: Uncertain,
        powers: Powers,
        cuts: Cuts,
        *,
        worst_share: float,
    ) -> None:
        self._limits, self._uncertain = limits, uncertain
        self._powers, self._cuts = powers, cuts
        self._name, group = np.unique(limits.rows.violation[rows], return_inverse=True)
        period, of_signal = limits.rows.period[rows], limits.of_signal[rows]
        share = np.where(period == 0, 1.0, worst_share)
        usd = np.zeros(len(self._name))
        usd[group.ravel()] = limits.rows.usd[rows] * share
        self._worst = model.decisions(len(usd), cost=usd)
        constant = limits.base[rows] + uncertain.at_zero(period, of_signal)
        at = model.rows(len(rows), upper=-constant)
        model.entries(at, self._worst[group.ravel()], -1.0)
        self._add_injections(model, at, rows)
        uncertain.add_signals(model, at, period, of_signal)
        self._add_cuts(model, at, rows)
        later = share < 1
        self._add_expected(model, rows[later], ((1 - share) * limits.rows.usd[rows])[later])

    def _add_cuts(self, model: RobustModel, at: IntArray, rows: IntArray) -> None:
        """Add cuts of generators to rows of the grid, `rows` of them at `at`."""
        limits, cuts = self._limits, self._cuts
        for t in range(len(limits.capped)):
            own, n = np.flatnonzero(limits.rows.period[rows] == t), cuts.at(t)
            of = np.ix_(rows[own], cuts.generator[n])
            model.entries(at[own][:, None], cuts.cut[n], limits.of_cut[of])
            model.entries(at[own][:, None], cuts.beyond[n], limits.of_beyond[of])

    def _add_expected(self, model: RobustModel, rows: IntArray, usd: FloatArray) -> None:
        """Add what violations cost more where all goes as expected until the period begins.

        Whoever decides then leaves room for what nobody knows by then: `usd` a unit, ``(row,)``.
        """
        limits = self._limits
        name, group = np.unique(limits.rows.violation[rows], return_inverse=True)
        cost = np.zeros(len(name))
        cost[group.ravel()] = usd
        violation = model.decisions(len(name), cost=cost)
        mean = model.rows(len(rows), upper=-limits.expected[rows], nominal=True)
        model.entries(mean, violation[group.ravel()], -1.0)
        self._add_injections(model, mean, rows)
        self._add_cuts(model, mean, rows)

    def _add_injections(self, model: RobustModel, at: IntArray, rows: IntArray) -> None:
        """Add the powers of vehicles to rows of the grid, `rows` of them at `at`."""
        of, slots = self._limits.rows, self._powers.slots
        row, slot = np.nonzero(of.period[rows][:, None] == slots.period[None, :])
        place = (rows[row], slots.station[slot])
        self._powers.add(model, at[row], slot, of.of_p[place], of.of_q[place])

    def unpaid(self, programme: RobustProgramme, values: FloatArray, rows: IntArray) -> FloatArray:
        """Return what rows of the grid exceed the violations paid for by, at most, ``(row,)``.

        On the paths of the set; signals may each be at their largest at once, which is at least as
        much as in the budgets.
        """
        known, limits = programme.uncertainty, self._limits
        affine = (programme.rules @ values).reshape(-1, known.n_columns + 1)
        paid = np.zeros(int(limits.rows.violation.max(initial=0)) + 1)
        paid[self._name] = affine[self._worst, 0]
        above, below = known.upper - known.nominal, known.nominal - known.lower
        most = np.empty(len(rows))
        for t in range(len(limits.capped)):
            here = np.flatnonzero(limits.rows.period[rows] == t)
            total = self._affine(affine, rows[here], t)
            moved = limits.of_signal[rows[here]] @ self._uncertain.signal[t]
            total[:, 1:] += moved
            at_zero = limits.of_signal[rows[here]] @ self._uncertain.signal_at_zero[t]
            nominal = total[:, 0] + at_zero + moved @ known.nominal
            change = total[:, 1:]
            most[here] = nominal + np.maximum(change * above, -change * below).sum(axis=1)
        unpaid: FloatArray = most - paid[limits.rows.violation[rows]]
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
