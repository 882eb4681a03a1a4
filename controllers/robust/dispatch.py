"""Robust dispatch: powers as rules on given routes, one linear model.

Charge, discharge and stored energy are affine in the signals and the indicators of traffic that are
observed when a period begins; reactive power and caps on generators are fixed here and now, as the
world carries them out; import follows. Every row that a path of the set could violate holds for all
of it, or its violation is paid for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.robust.end_values import EndPieces
from controllers.robust.limits import FAR, RobustLimits
from controllers.robust.travel import Presence, Trip
from controllers.rolling.caps import normal_losses
from controllers.scheduling.dispatch.losses import loss_axes
from controllers.scheduling.problem.batteries import REACTIVE_USD_PER_MVARH, polygon_edges
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.uncertainty_sets.robust_model import RobustModel, RobustProgramme
from controllers.uncertainty_sets.uncertainty_set import UncertaintySet
from sim.units import BoolArray, FloatArray, IntArray

# Ends of the segments of a cut, in standard deviations from the mean down to the least power.
_ENDS = np.array([FAR, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25, 0.0, -0.25, -0.5, -1.0, -2.0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uncertain:
    """The set of a dispatch, and what its columns mean.

    Attributes
    ----------
    columns
        The set: signals, then traffic.
    signal
        Value of each signal by the columns, ``(period * signal, column)``, periods outermost, and
        what it is at zero, ``(period * signal,)`` [MW].
    signal_at_zero
        See `signal`.
    imported
        Rise of the import by each signal, ``(period, signal)`` [MW].
    trips
        Trips that may be late, and the column of the indicator of each.
    indicator
        See `trips`, ``(trip,)``.
    """

    columns: UncertaintySet
    signal: FloatArray
    signal_at_zero: FloatArray
    imported: FloatArray
    trips: tuple[Trip, ...]
    indicator: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routed:
    """What a choice of routes fixes.

    Attributes
    ----------
    presence
        Where power can flow.
    trips_mwh
        Stored energy that trips use, ``(period, vehicle)`` [MWh].
    ends
        What energy costs at the end, per vehicle.
    """

    presence: Presence
    trips_mwh: FloatArray
    ends: tuple[EndPieces, ...]


class RobustDispatch:
    """The robust programme of one choice of routes.

    Parameters
    ----------
    problem
        The problem, limits as they are.
    limits
        Rows of the grid.
    rows
        Those of them that are in the model.
    routed
        What the routes fix.
    uncertain
        What is uncertain.
    one_way
        Slots that may charge and discharge, ``(2, slot)``.
    worst_case
        Whether the cost is that of the worst point of the set.
    worst_share
        What a violation on the worst path costs, as a share of its price.
    follows
        Whether powers and caps follow signals.
    """

    def __init__(
        self,
        problem: SchedulingProblem,
        limits: RobustLimits,
        rows: IntArray,
        routed: Routed,
        uncertain: Uncertain,
        *,
        one_way: BoolArray,
        worst_case: bool,
        worst_share: float,
        follows: bool,
    ) -> None:
        self._problem = problem
        self._limits = limits
        self._routed = routed
        self._uncertain = uncertain
        self._horizon = len(limits.capped)
        self._worst_case = worst_case
        self._of_signals = np.asarray(np.abs(uncertain.signal).sum(axis=0) > 0)
        self._model = RobustModel(uncertain.columns, worst_case=worst_case)
        self._add_powers(one_way, follows=follows)
        self._add_energy()
        self._add_cuts(follows=follows)
        self._add_import()
        self._add_limits(rows, worst_share)
        self.programme: RobustProgramme = self._model.build()

    @property
    def capped(self) -> BoolArray:
        """Where generators are capped, ``(period, generator)``."""
        return self._limits.capped

    @property
    def indicator(self) -> IntArray:
        """Column of each uncertain trip's indicator, ``(trip,)``."""
        return self._uncertain.indicator

    @property
    def _slots(self) -> Presence:
        return self._routed.presence

    def _add_powers(self, one_way: BoolArray, *, follows: bool) -> None:
        """Add charge and discharge as rules, and reactive power where vehicles are for sure."""
        model, slots, batteries = self._model, self._slots, self._problem.batteries
        known, k, hours = self._uncertain.columns, self._slots.vehicle, self._problem.period_h
        n = len(k)
        # Signals of a period are known when it begins, indicators of the periods before it.
        of_period = (known.period == slots.period[:, None]) & self._of_signals & follows
        own = np.zeros((n, known.n_columns), dtype=np.bool_)
        for trip, column in zip(
            self._uncertain.trips, self._uncertain.indicator.tolist(), strict=True
        ):
            own[:, column] |= (k == trip.vehicle) & (slots.period > trip.period)
        seen = of_period | own
        wear = batteries.wear_usd_per_mwh[k] * hours
        charging = wear + batteries.charging_usd_per_mwh[k] * hours
        self.charge = model.rules(seen & one_way[0][:, None], cost=charging)
        self.discharge = model.rules(seen & one_way[1][:, None], cost=wear)
        for power, most, allowed in (
            (self.charge, batteries.p_charge_max_mw[k], one_way[0]),
            (self.discharge, batteries.p_discharge_max_mw[k], one_way[1]),
        ):
            most = np.where(allowed, most, 0.0)
            rows = model.rows(n, upper=most * slots.base)
            model.entries(rows, power, 1.0)
            there = np.flatnonzero(~slots.sure)
            column = self._uncertain.indicator[slots.trip[there]]
            model.uncertain(rows[there], column, -most[there] * slots.slope[there])
        most_mvar = np.where(slots.sure, batteries.s_mva[k], 0.0)
        friction = REACTIVE_USD_PER_MVARH * hours
        self.inject = model.decisions(n, upper=most_mvar, cost=friction)
        self.absorb = model.decisions(n, upper=most_mvar, cost=friction)
        sure = np.flatnonzero(slots.sure)
        for of_p, of_q, reach in polygon_edges():
            rows = model.rows(len(sure), upper=reach * batteries.s_mva[k[sure]])
            for part in (self.charge, self.discharge):
                model.entries(rows, part[sure], of_p)
            for part in (self.inject, self.absorb):
                model.entries(rows, part[sure], of_q)

    def _add_energy(self) -> None:
        """Add stored energy, within its limits on every path, and what it costs at the end."""
        model, slots, batteries = self._model, self._slots, self._problem.batteries
        n_vehicles, horizon = self._problem.n_vehicles, self._horizon
        vehicle, period = np.divmod(np.arange(n_vehicles * horizon), horizon)
        # Whatever its powers follow, its energy follows.
        seen = model.seen_by(period, only=self._of_signals)
        for trip, column in zip(
            self._uncertain.trips, self._uncertain.indicator.tolist(), strict=True
        ):
            seen[:, column] |= (vehicle == trip.vehicle) & (period > trip.period)
        energy = model.rules(
            seen,
            lower=batteries.lower_mwh[vehicle, period + 1],
            upper=batteries.upper_mwh[vehicle, period + 1],
        ).reshape(n_vehicles, horizon)
        self.energy = energy
        fixed = -(batteries.hours * batteries.auxiliary_mw)[:, None] - self._routed.trips_mwh.T
        fixed[:, 0] += batteries.keep * batteries.energy_mwh
        rows = model.rows(energy.size, lower=fixed.ravel(), upper=fixed.ravel())
        rows = rows.reshape(energy.shape)
        model.entries(rows, energy, 1.0)
        model.entries(rows[:, 1:], energy[:, :-1], -batteries.keep[:, None])
        k, hours = slots.vehicle, batteries.hours[slots.vehicle]
        at = rows[k, slots.period]
        model.entries(at, self.charge, -hours * batteries.efficiency_charge[k])
        model.entries(at, self.discharge, hours / batteries.efficiency_discharge[k])
        limited = np.argwhere(np.isfinite(batteries.left_mwh))
        for number, day in limited.tolist():
            own = np.flatnonzero((k == number) & (batteries.day[slots.period] == day))
            row = model.rows(1, upper=batteries.left_mwh[number, day])
            for part in (self.charge, self.discharge):
                model.entries(row, part[own], self._problem.period_h)
        for number, (at_zero, slope) in enumerate(self._routed.ends):
            usd = self._usd(seen[number * horizon + horizon - 1])
            rows = model.rows(len(slope), upper=-at_zero, nominal=not self._worst_case)
            model.entries(rows, energy[number, -1], slope)
            model.entries(rows, usd, -1.0)

    def _usd(self, seen: BoolArray) -> IntArray:
        """Add a cost: a rule where the worst path counts, a number where the nominal one does."""
        if self._worst_case:
            return self._model.rules(seen[None, :], lower=-np.inf, cost=1.0)
        return self._model.decisions(1, lower=-np.inf, cost=1.0)

    def _add_cuts(self, *, follows: bool) -> None:
        """Add how far below their highest power generators are capped, and what it withholds.

        A cap is fixed when its period begins. Powers vary normally about their means; what exceeds
        the cap is withheld.
        """
        problem, limits, model = self._problem, self._limits, self._model
        network, hours = problem.network, problem.period_h
        t, g = np.nonzero(limits.capped & (limits.highest_mw > 0))
        self.cut_at = (t, g)
        seen = model.seen_by(t, only=self._of_signals) & follows
        seen &= self._uncertain.columns.period == t[:, None]
        self.cut = model.rules(seen, upper=limits.highest_mw[t, g])
        self._beyond = model.decisions(len(t))
        rows = model.rows(len(t), upper=limits.spare_mw[t, g])
        model.entries(rows, self.cut, 1.0)
        model.entries(rows, self._beyond, -1.0)
        total = model.rows(len(t), lower=0.0, upper=0.0, nominal=True)
        model.entries(total, self.cut, -1.0)
        price = problem.curtailment_usd_per_mwh[g] * hours
        self._withheld: list[tuple[IntArray, FloatArray]] = []
        mean, std = network.available_mw[t, g], network.available_std_mw[t, g]
        for n in range(len(t)):
            width, share = cut_segments(float(mean[n]), float(std[n]))
            segment = model.decisions(len(width), upper=width, cost=price[n] * share)
            model.entries(total[n], segment, 1.0)
            self._withheld.append((segment, share))

    def _add_import(self) -> None:
        """Add the import, and what it costs."""
        problem, model, slots = self._problem, self._model, self._slots
        network, money, hours = problem.network, problem.money, problem.period_h
        horizon, n_sites = self._horizon, len(network.live)
        reached = np.zeros((problem.n_periods, n_sites), dtype=np.bool_)
        reached[slots.period, slots.station] = True
        axes = loss_axes(problem, reached)
        within = np.flatnonzero(axes.period < horizon)
        losses = self._loss_segments(axes.period[within], axes.vector[within])
        buy, sell = money.import_usd_per_mwh[:, 0], money.export_usd_per_mwh[:, 0]
        expected = network.import_mw[:, 0]
        # Where selling pays more than buying, the side that is expected.
        inverted = sell > buy
        buy = np.where(inverted & (expected < 0), sell, buy)
        sell = np.where(inverted, buy, sell)
        seen = model.seen_by(
            np.arange(horizon), only=self._of_signals | self._uncertain.columns.indicator
        )
        for t in range(horizon):
            usd = self._usd(seen[t])
            price = hours * np.array([buy[t], sell[t]])
            of_signal = price[:, None] * self._uncertain.imported[t] * self._worst_case
            period = np.full(2, t)
            constant = price * expected[t] + self._at_zero(period, of_signal)
            rows = model.rows(2, upper=-constant, nominal=not self._worst_case)
            model.entries(rows, usd, -1.0)
            self._add_signals(rows, period, of_signal)
            own = np.flatnonzero(slots.period == t)
            of_p = np.multiply.outer(price, network.import_p[t, slots.station[own]])
            of_q = np.multiply.outer(price, network.import_q[t, slots.station[own]])
            for part, value in (
                (self.discharge, of_p),
                (self.charge, -of_p),
                (self.inject, of_q),
                (self.absorb, -of_q),
            ):
                model.entries(rows[:, None], part[own], value)
            for n in np.flatnonzero(self.cut_at[0] == t).tolist():
                segment, share = self._withheld[n]
                value = np.multiply.outer(price, network.import_c[t, self.cut_at[1][n]] * share)
                model.entries(rows[:, None], segment, value)
            for axis in np.flatnonzero(axes.period[within] == t).tolist():
                width = axes.width_mw[within[axis]]
                n = int(axes.segments[within[axis]])
                slope = axes.value[within[axis]] * width * (2 * np.arange(n) + 1)
                for total in losses[axis]:
                    for sign in (1.0, -1.0):
                        segment = model.decisions(n, upper=width)
                        model.entries(total, segment, -sign)
                        model.entries(rows[:, None], segment, np.multiply.outer(price, slope))

    def _loss_segments(self, period: IntArray, vector: FloatArray) -> list[list[IntArray]]:
        """Return rows that keep segments equal to nominal powers along each axis, p and q."""
        model, slots = self._model, self._slots
        found = []
        for t, axis in zip(period.tolist(), vector, strict=True):
            own = np.flatnonzero(slots.period == t)
            along = axis[slots.station[own]]
            pair = []
            for more, less in ((self.discharge, self.charge), (self.inject, self.absorb)):
                row = model.rows(1, lower=0.0, upper=0.0, nominal=True)
                model.entries(row, more[own], along)
                model.entries(row, less[own], -along)
                pair.append(row)
            found.append(pair)
        return found

    def _add_limits(self, rows: IntArray, worst_share: float) -> None:
        """Add the limits of the grid; violations are paid for, on the worst path by a share."""
        limits, model = self._limits, self._model
        name, group = np.unique(limits.rows.violation[rows], return_inverse=True)
        group = group.ravel()
        usd = np.zeros(len(name))
        usd[group] = limits.rows.usd[rows]
        worst = model.decisions(len(name), cost=usd * worst_share)
        self._worst = (name, worst)
        period, of_signal = limits.rows.period[rows], limits.of_signal[rows]
        constant = limits.base[rows] + self._at_zero(period, of_signal)
        at = model.rows(len(rows), upper=-constant)
        model.entries(at, worst[group], -1.0)
        self._add_injections(at, rows)
        self._add_signals(at, period, of_signal)
        t, g = self.cut_at
        for n in range(len(t)):
            own = np.flatnonzero(period == t[n])
            model.entries(at[own], self.cut[n], limits.of_cut[rows[own], g[n]])
            model.entries(at[own], self._beyond[n], limits.of_beyond[rows[own], g[n]])
        # Elsewhere a violation on the expected path would be one on the worst path by far.
        near = limits.near[rows]
        self._add_expected(rows[near], (1 - worst_share) * limits.rows.usd[rows[near]])

    def _add_expected(self, rows: IntArray, usd: FloatArray) -> None:
        """Add what violations on the expected path cost more, `usd` a unit, ``(row,)``."""
        limits, model = self._limits, self._model
        name, group = np.unique(limits.rows.violation[rows], return_inverse=True)
        cost = np.zeros(len(name))
        cost[group.ravel()] = usd
        violation = model.decisions(len(name), cost=cost)
        mean = model.rows(len(rows), upper=-limits.rows.base[rows], nominal=True)
        model.entries(mean, violation[group.ravel()], -1.0)
        self._add_injections(mean, rows)
        t, g = self.cut_at
        for n, (segment, share) in enumerate(self._withheld):
            own = np.flatnonzero(limits.rows.period[rows] == t[n])
            value = np.multiply.outer(limits.rows.of_c[rows[own], g[n]], share)
            model.entries(mean[own][:, None], segment, value)

    def _add_injections(self, at: IntArray, rows: IntArray) -> None:
        """Add the powers of vehicles to rows of the grid, `rows` of them at `at`."""
        of, slots = self._limits.rows, self._slots
        row, slot = np.nonzero(of.period[rows][:, None] == slots.period[None, :])
        station = slots.station[slot]
        of_p, of_q = of.of_p[rows[row], station], of.of_q[rows[row], station]
        for part, value in (
            (self.discharge, of_p),
            (self.charge, -of_p),
            (self.inject, of_q),
            (self.absorb, -of_q),
        ):
            self._model.entries(at[row], part[slot], value)

    def _add_signals(self, rows: IntArray, period: IntArray, value: FloatArray) -> None:
        """Add signals of periods ``(row,)`` with coefficients ``(row, signal)`` to rows."""
        n_signals = value.shape[1]
        matrix = self._uncertain.signal.reshape(
            self._horizon, n_signals, self._uncertain.columns.n_columns
        )
        by_column = np.einsum("rm,rmc->rc", value, matrix[period])
        row, column = np.nonzero(by_column)
        self._model.uncertain(rows[row], column, by_column[row, column])

    def _at_zero(self, period: IntArray, value: FloatArray) -> FloatArray:
        """Return what signals contribute where all columns are 0, ``(row,)``; see above."""
        zero = self._uncertain.signal_at_zero.reshape(self._horizon, value.shape[1])
        constant: FloatArray = (value * zero[period]).sum(axis=1)
        return constant

    def cut_mw(self, values: FloatArray) -> FloatArray:
        """Return the cut of each capped generator at a solution, ``(period, generator)`` [MW]."""
        cut = np.zeros(self._limits.capped.shape)
        cut[self.cut_at] = self._nominal(values)[self.cut]
        return cut

    def powers(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return nominal charge, discharge [MW] and reactive power [Mvar], and energy [MWh].

        ``(slot,)`` each, and ``(vehicle, period)``.
        """
        nominal = self._nominal(values)
        return (
            nominal[self.charge],
            nominal[self.discharge],
            nominal[self.inject] - nominal[self.absorb],
            nominal[self.energy],
        )

    def _nominal(self, values: FloatArray) -> FloatArray:
        programme = self.programme
        own = values[: len(programme.model.cost)]
        return programme.decide(own, programme.uncertainty.nominal)

    def unpaid(self, values: FloatArray, rows: IntArray) -> FloatArray:
        """Return what rows of the grid exceed the violations paid for by, at most, ``(row,)``.

        On the paths of the set; signals may each be at their largest at once, which is at least as
        much as in the budgets.
        """
        name, worst = self._worst
        paid = np.zeros(int(self._limits.rows.violation.max(initial=0)) + 1)
        paid[name] = self._nominal(values)[worst]
        unpaid: FloatArray = self._reach(values, rows) - paid[self._limits.rows.violation[rows]]
        return unpaid

    def _reach(self, values: FloatArray, rows: IntArray) -> FloatArray:
        """Return the most that rows can be, ``(row,)``; see `unpaid`."""
        limits, slots, programme = self._limits, self._slots, self.programme
        own = values[: len(programme.model.cost)]
        width = programme.uncertainty.n_columns + 1
        affine = (programme.rules @ own).reshape(-1, width)
        known = programme.uncertainty
        above, below = known.upper - known.nominal, known.nominal - known.lower
        p = affine[self.discharge] - affine[self.charge]
        q = affine[self.inject] - affine[self.absorb]
        matrix = self._uncertain.signal.reshape(
            self._horizon, limits.of_signal.shape[1], self._uncertain.columns.n_columns
        )
        zero = self._uncertain.signal_at_zero.reshape(matrix.shape[:2])
        cut, beyond = affine[self.cut], affine[self._beyond]
        most = np.empty(len(rows))
        for t in range(self._horizon):
            here = np.flatnonzero(limits.rows.period[rows] == t)
            slot = np.flatnonzero(slots.period == t)
            r, station = rows[here], slots.station[slot]
            total = (
                limits.rows.of_p[r][:, station] @ p[slot]
                + limits.rows.of_q[r][:, station] @ q[slot]
            )
            of = np.flatnonzero(self.cut_at[0] == t)
            g = self.cut_at[1][of]
            total += limits.of_cut[r][:, g] @ cut[of] + limits.of_beyond[r][:, g] @ beyond[of]
            total[:, 0] += limits.base[r]
            moved = limits.of_signal[r] @ matrix[t]
            total[:, 1:] += moved
            total[:, 0] += limits.of_signal[r] @ zero[t] + moved @ known.nominal
            change = total[:, 1:]
            most[here] = total[:, 0] + np.maximum(change * above, -change * below).sum(axis=1)
        return most


def cut_segments(mean_mw: float, std_mw: float) -> tuple[FloatArray, FloatArray]:
    """Return segments of a cut, from the highest power down to 0.

    Returns
    -------
    tuple
        Their widths, ``(segment,)`` [MW], and what is withheld by one MW of each [-], ascending:
        chords of the normal loss function.
    """
    if std_mw <= 0:
        return np.array([mean_mw]), np.ones(1)
    lowest = mean_mw / std_mw
    ends = np.append(_ENDS[-lowest + 1e-9 < _ENDS], -lowest)
    width = -np.diff(ends) * std_mw
    return width, np.diff(normal_losses(ends)) * std_mw / width
