"""Row generation: limits and losses join the model as cutting planes when a solution violates them.

Losses are convex and bounded by tangents (Kelley, *The cutting-plane method for solving convex
programs*, J. SIAM 8(4), 1960), and so are currents, whose tangents touch the circle where the
solution stands (`Currents`). Of ten thousand rows of a day in quarter hours a few dozen bind.
All are functions of the stations' injections, so that the rows generated for one dispatch serve all
others of the same problem, whatever the routes, and the first one of the next problem.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from controllers.scheduling.dispatch.losses import loss_axes
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.grid.response import ComplexArray
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import BoolArray, FloatArray, IntArray

# What a row may be violated by [USD], and losses underestimated by [MW].
_TOLERANCE_USD = 1e-6
_TOLERANCE_MW = 1e-7

# What a current may exceed its limit by, beyond what is paid for, as a share of the limit.
_TOLERANCE_CURRENT = 1e-7

# Tangents join on either side of a solution's current, at this share of the way to where its circle
# was touched before: 13 rounds in place of 35 for three trucks on `ieee33` in quarter hours.
_SIDE = 0.5
_WIDEST = np.pi / 12

# With so many segments on either side an axis begins with two tangents there, otherwise with one.
_MANY_SEGMENTS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows ``of_p . p + of_q . q + of_c . c - variable <= upper``, each of one period.

    Attributes
    ----------
    period
        ``(row,)``.
    limit
        What they are about, ``(row,)``: as `Network.row_limit`, or, negative, -1 - 2 a for the
        losses of active power along axis a of the period, -2 - 2 a for those of reactive power.
    at
        Injections at which losses were approached, ``(row, station)`` [MW or Mvar]; 0 for limits.
    of_p, of_q, of_c
        ``(row, station)``, ``(row, station)``, ``(row, generator)``.
    upper
        ``(row,)``.
    variable
        The losses or the violation a row bounds from below, ``(row,)``: numbers of `GeneratedRows`.
    """

    period: IntArray
    limit: IntArray
    at: FloatArray
    of_p: FloatArray
    of_q: FloatArray
    of_c: FloatArray
    upper: FloatArray
    variable: IntArray

    def where(self, which: IntArray) -> Rows:
        """Return some rows."""
        return Rows(
            **{each.name: getattr(self, each.name)[which] for each in dataclasses.fields(Rows)}
        )


class GeneratedRows:
    """The rows of one problem that some solution has violated so far.

    Violations are measured in money, so that all rows have one tolerance. Variables are numbered:
    losses of active power by axis, losses of reactive power by axis, then violations in the order
    of their first row. Each axis has its own tangents: bounding their sum takes several times as
    many rounds, because a tangent of the sum is exact at one point of all axes only.

    Parameters
    ----------
    problem
        The problem.
    """

    def __init__(self, problem: SchedulingProblem) -> None:
        network, money = problem.network, problem.money
        n_periods, n_stations = network.import_p.shape
        self._network = network
        self._row_period = network.row_period
        self._group = network.row_violation
        self._first = np.flatnonzero(np.diff(self._group, prepend=-1))
        self._end = np.append(self._first[1:], len(self._group))
        # Period and limit in one number, ascending.
        self._n_limits = int(network.row_limit.max(initial=0)) + 1
        self._key = (self._row_period * self._n_limits + network.row_limit)[self._first]
        currents = network.currents
        # The limits that are about a current.
        self._of_current = np.searchsorted(
            self._key, currents.period * self._n_limits + currents.limit
        )
        # Where each circle was touched last.
        self._touch = np.ones(len(currents.period), dtype=np.complex128)
        # The variable of each limit of each period, -1 until it has a row.
        self._variable_of = np.full(len(self._first), -1, dtype=np.int64)
        axes = loss_axes(problem, np.ones((n_periods, n_stations), dtype=np.bool_))
        self._axes = axes
        self._axis_span = np.searchsorted(axes.period, np.arange(n_periods + 1))
        lost_usd = np.maximum(money.import_usd_per_mwh, money.export_usd_per_mwh)
        lowest_usd = np.minimum(money.import_usd_per_mwh, money.export_usd_per_mwh)
        self._energy_usd = lowest_usd[:, network.generator_area] * problem.period_h
        self._curtailed_usd = problem.curtailment_usd_per_mwh * problem.period_h
        # Period and area of each variable of the losses.
        self.loss_axis = np.tile(axes.period, 2), np.tile(axes.area, 2)
        self._loss_usd = lost_usd[self.loss_axis] * problem.period_h
        self.n_variables = len(self._loss_usd)
        # Whether the last solution kept all currents as closely as asked for.
        self.currents_kept = True
        self.rows = self._rows_of(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def add_first_tangents(self) -> None:
        """Add the first tangents in periods without any, so that no first solution is lossless.

        Without losses reactive power has no price, and all limits that it can violate would join.
        """
        axes = self._axes
        bare = ~np.isin(axes.period, self.rows.period[self.rows.limit < 0])
        first = np.zeros(len(axes.period))
        # A second pair where the first is short.
        second = np.where(axes.segments >= _MANY_SEGMENTS, axes.segments // 4, -1)
        for place in (first, second):
            axis = np.flatnonzero(bare & (place >= 0) & (place < axes.segments))
            along = (place + 0.5)[axis] * axes.width_mw[axis]
            at = along[:, None] * axes.vector[axis]
            for loss in (axis, len(axes.period) + axis):
                for sign in (1.0, -1.0):
                    tangents, _ = self._tangents(loss, sign * at)
                    self.rows = _joined([self.rows, tangents])

    def pays_to_curtail(self, point: OperatingPoint) -> BoolArray:
        """Return where curtailing a little would pay at a point, ``(period, generator)``."""
        network = self._network
        usd = network.rows_at(point) * network.row_usd
        row = np.empty(0, dtype=np.int64)
        if len(self._first):
            violated = np.flatnonzero(np.maximum.reduceat(usd, self._first) > 0)
            row = self._worst_rows(violated, usd)
        cost_usd = network.import_c * self._energy_usd + self._curtailed_usd
        np.add.at(cost_usd, self._row_period[row], network.row_usd[row, None] * network.row_c[row])
        pays: BoolArray = cost_usd < 0
        return pays

    def separate(self, point: OperatingPoint, values: FloatArray) -> float:
        """Add the rows that a solution violates: the separation problem, solved by enumeration.

        Parameters
        ----------
        point
            The solution's injections and curtailment.
        values
            The generated variables there, ``(variable,)`` [MW, then USD]; those that have
            joined since then are missing.

        Returns
        -------
        float
            What the solution costs more than its objective [USD].
        """
        usd = self._network.rows_at(point) * self._network.row_usd
        worst = np.zeros(0)
        if len(self._first):
            worst = np.maximum.reduceat(usd, self._first)
        currents, of = self._network.currents, self._of_current
        current = currents.at(point.p_mw, point.q_mvar, point.curtailed_mw)
        percent_usd = self._network.row_usd[self._first[of]]
        # With a margin a row of another direction can be the higher one.
        circle = currents.excess(current) * percent_usd
        highest = np.zeros(len(worst), dtype=np.bool_)
        highest[of] = circle > worst[of]
        worst[of] = np.maximum(worst[of], circle)
        allowed = np.zeros(len(worst))
        known = (self._variable_of >= 0) & (self._variable_of < len(values))
        allowed[known] = values[self._variable_of[known]]
        excess = np.maximum(worst, 0.0) - allowed
        passed = excess > _TOLERANCE_USD
        touched = np.flatnonzero((passed & highest)[of])
        group = np.flatnonzero(passed & ~highest)
        parts = [
            self._rows_of(group, self._worst_rows(group, usd)),
            self._fan(touched, current[touched]),
        ]
        missing_usd = float(excess[passed].sum())
        self.currents_kept = bool((excess[of] <= 100.0 * _TOLERANCE_CURRENT * percent_usd).all())
        axes = self._axes
        at = np.concatenate([point.p_mw[axes.period], point.q_mvar[axes.period]])
        tangents, loss = self._tangents(np.arange(len(at)), at)
        short = loss - values[: len(loss)]
        lost = np.flatnonzero(short > _TOLERANCE_MW)
        parts.append(tangents.where(lost))
        missing_usd += float((short * self._loss_usd)[lost].sum())
        self.rows = _joined([self.rows, *parts])
        return missing_usd

    def recall(self, rows: Rows, point: OperatingPoint) -> IntArray:
        """Add the rows generated for another problem, as they are in this one.

        Parameters
        ----------
        rows
            Generated rows of another problem, their periods counted as in this problem.
        point
            Injections and curtailment, to tell the rows of one limit apart.

        Returns
        -------
        IntArray
            Which of them exist here, in the order in which they were added.
        """
        usd = self._network.rows_at(point) * self._network.row_usd
        key = rows.period * self._n_limits + rows.limit
        place = np.minimum(np.searchsorted(self._key, key), max(len(self._key) - 1, 0))
        same = np.zeros(len(key), dtype=np.bool_)
        if len(self._key):
            same = (self._key[place] == key) & (rows.limit >= 0) & (rows.limit < self._n_limits)
        # One row for each limit.
        found = np.flatnonzero(same)
        found = found[np.unique(place[found], return_index=True)[1]]
        # Currents first: they are touched where they stand.
        entry = np.full(len(self._key) + 1, -1, dtype=np.int64)
        entry[self._of_current] = np.arange(len(self._of_current))
        found = np.concatenate([found[entry[place[found]] >= 0], found[entry[place[found]] < 0]])
        group = place[found]
        touched = entry[group][entry[group] >= 0]
        current = self._network.currents.at(point.p_mw, point.q_mvar, point.curtailed_mw)[touched]
        group = group[len(touched) :]
        # Axes of losses are the same by their rank.
        rank, kind = np.divmod(-rows.limit - 1, 2)
        first = self._axis_span[rows.period]
        lost = np.flatnonzero((rows.limit < 0) & (first + rank < self._axis_span[rows.period + 1]))
        loss = (kind * len(self._axes.period) + first + rank)[lost]
        parts = [
            self._tangents_of(touched, current),
            self._rows_of(group, self._worst_rows(group, usd)),
            self._tangents(loss, rows.at[lost])[0],
        ]
        self.rows = _joined([self.rows, *parts])
        return np.concatenate([found, lost])

    def _worst_rows(self, group: IntArray, usd: FloatArray) -> IntArray:
        """Return the highest row of each limit, ``(limit,)``."""
        ends = zip(self._first[group].tolist(), self._end[group].tolist(), strict=True)
        return np.array([a + int(np.argmax(usd[a:b])) for a, b in ends], dtype=np.int64)

    def _rows_of(self, group: IntArray, row: IntArray) -> Rows:
        """Return rows of the network, one for each limit, and number their variables."""
        network = self._network
        usd = network.row_usd[row]
        return Rows(
            period=self._row_period[row],
            limit=network.row_limit[row],
            at=np.zeros((len(row), network.row_p.shape[1])),
            of_p=usd[:, None] * network.row_p[row],
            of_q=usd[:, None] * network.row_q[row],
            of_c=usd[:, None] * network.row_c[row],
            upper=-usd * network.row_base[row],
            variable=self._violations(group),
        )

    def _tangents_of(self, which: IntArray, direction: ComplexArray) -> Rows:
        """Return rows that touch the circles of some currents in the direction of others."""
        network, group = self._network, self._of_current[which]
        found, usd = (
            network.currents.tangents(which, direction),
            network.row_usd[self._first[group]],
        )
        return Rows(
            period=network.currents.period[which],
            limit=network.currents.limit[which],
            at=np.zeros((len(which), network.row_p.shape[1])),
            of_p=usd[:, None] * found.of_p,
            of_q=usd[:, None] * found.of_q,
            of_c=usd[:, None] * found.of_c,
            upper=-usd * found.value,
            variable=self._violations(group),
        )

    def _fan(self, which: IntArray, direction: ComplexArray) -> Rows:
        """Return tangents in the direction of currents, and a little to either side.

        Without those at the sides the error only halves from round to round.
        """
        turn = np.angle(direction * np.conj(self._touch[which]))
        turn = np.minimum(np.abs(turn), _WIDEST) * _SIDE
        self._touch[which] = direction
        sides = [direction, direction * np.exp(1j * turn), direction * np.exp(-1j * turn)]
        return self._tangents_of(np.tile(which, 3), np.concatenate(sides))

    def _violations(self, group: IntArray) -> IntArray:
        """Return the variables of limits, and number those that are new."""
        new = np.unique(group[self._variable_of[group] < 0])
        self._variable_of[new] = self.n_variables + np.arange(len(new))
        self.n_variables += len(new)
        return self._variable_of[group]

    def _tangents(self, loss: IntArray, at: FloatArray) -> tuple[Rows, FloatArray]:
        """Return tangents of the losses, and the losses there, ``(row,)`` [MW].

        Parameters
        ----------
        loss
            Numbers of the variables, ``(row,)``.
        at
            Injections, ``(row, station)`` [MW or Mvar].
        """
        axes = self._axes
        kind, axis = np.divmod(loss, max(len(axes.period), 1))
        period, width, value = axes.period[axis], axes.width_mw[axis], axes.value[axis]
        along = np.einsum("as,as->a", axes.vector[axis], at)
        # Segment n has the slope value * width * (2 n + 1) and begins at the square.
        place = np.floor(np.abs(along) / width)
        slope = np.where(along == 0, 0.0, value * width * (2 * place + 1))
        constant = (slope - value * place * width) * place * width
        tangent = (np.sign(along) * slope)[:, None] * axes.vector[axis]
        reactive = (kind == 1)[:, None]
        rows = Rows(
            period=period,
            limit=-1 - 2 * (axis - self._axis_span[period]) - kind,
            at=at,
            of_p=np.where(reactive, 0.0, tangent),
            of_q=np.where(reactive, tangent, 0.0),
            of_c=np.zeros((len(period), self._network.row_c.shape[1])),
            upper=constant,
            variable=loss,
        )
        return rows, slope * np.abs(along) - constant


def ragged(period: IntArray, span: IntArray) -> tuple[IntArray, IntArray]:
    """Return all pairs of a row and an item of the same period.

    Parameters
    ----------
    period
        Periods of the rows.
    span
        Items of period ``t`` are ``span[t]:span[t + 1]``.
    """
    counts = (span[1:] - span[:-1])[period]
    row = np.repeat(np.arange(len(period)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, span[period][row] + place


def _joined(parts: list[Rows]) -> Rows:
    """Return rows one after the other."""
    return Rows(
        **{
            each.name: np.concatenate([getattr(part, each.name) for part in parts])
            for each in dataclasses.fields(Rows)
        }
    )
