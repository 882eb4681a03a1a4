"""Room for sun and wind above their forecast: caps and reactive power by a linear programme.

A plan holds limits at the mean of each period. Where nothing is left there, all that comes above
the mean would be withheld, although the inverters of parked storage are idle. So reactive power is
moved away from the plan's where that makes room worth more than the losses it causes, and what
limits then leave is given to the generators that gain most by it. Only in the period that begins
now: the next decision moves what comes then. The gain of room above the mean is the expected power
that is not withheld, concave in the room (normal loss function: Silver, Pyke & Thomas, *Inventory
and Production Management in Supply Chains*, 4th ed., 2017, appendix II); segments of it are exact
at their ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.solve import solve
from controllers.rolling.caps import FAR, normal_losses
from controllers.scheduling.dispatch.dispatch import queues
from controllers.scheduling.grid.network import Network, OperatingPoint
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY
from sim.units import BoolArray, FloatArray, IntArray

# Ends of the segments of the gain [standard deviations].
_ENDS = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, FAR])

# Reactive power moves in so many periods: forecasts of later ones err so far that inverters that
# absorb for the sun there may be would break lower limits where clouds come.
_MOVED = 1

# Losses are exact at multiples of this reactive power along an axis [Mvar].
_WIDTH_MVAR = 0.25

# Losses cost at least this, so that reactive power without use stays [USD/MWh].
_LEAST_USD = 1.0

# Less than this left is nothing left [pu or %].
_LEAST_LEFT = 1e-12

# Inverters stay this share inside their circle, so that nothing is clipped by rounding.
_INSIDE = 1e-9

# Currents are touched in these directions from the plan's; at most 0.02 % is understated between.
_TURNS = np.exp(1j * np.deg2rad(np.arange(-30.0, 30.1, 2.5)))


class Headroom(NamedTuple):
    """What there may be above the plan, and the reactive power that makes it possible.

    Attributes
    ----------
    room_mw
        Room above the plan's output, ``(period, generator)`` [MW]; at most `FAR` standard
        deviations, which stand for as much as there may be.
    q_mvar
        Reactive power, ``(period, vehicle)`` [Mvar].
    """

    room_mw: FloatArray
    q_mvar: FloatArray


class _Limits(NamedTuple):
    """Rows that are positive where violated: what is left at the plan, and what changes it.

    Attributes
    ----------
    period, left
        ``(row,)``, ``(row,)`` [pu or %].
    of_q
        ``(row, site)`` [pu/Mvar or %/Mvar].
    of_room
        ``(row, generator)`` [pu/MW or %/MW]; room never helps.
    """

    period: IntArray
    left: FloatArray
    of_q: FloatArray
    of_room: FloatArray

    def where(self, kept: BoolArray) -> _Limits:
        """Return some of the rows."""
        return _Limits(
            period=self.period[kept],
            left=self.left[kept],
            of_q=self.of_q[kept],
            of_room=self.of_room[kept],
        )


def headroom(problem: SchedulingProblem, found: Schedule) -> Headroom:
    """Return the best room above a plan whose active powers stay as they are.

    With all generators there at once no limit is violated that the plan keeps.

    Parameters
    ----------
    problem
        The problem, with the limits that are to be kept.
    found
        The plan.
    """
    network = problem.network
    far_mw = FAR * network.available_std_mw
    limits = _limits(network, found.operating_point(problem.space.n_stations), far_mw)
    most = (limits.of_room * far_mw[limits.period]).sum(axis=1)
    tight = np.unique(limits.period[most > limits.left])
    if not len(tight):
        return Headroom(far_mw, found.q_mvar)
    assembly = Assembly()
    period, vehicle, least, greatest = _free_mvar(problem, found, tight[tight < _MOVED])
    station = found.station[period, vehicle]
    moved = assembly.variables(len(period), lower=least, upper=greatest)
    _add_losses(assembly, problem, found, moved, period, station)

    reach = np.zeros((problem.n_periods, limits.of_q.shape[1]))
    np.add.at(reach, (period, station), np.maximum(-least, greatest))
    most += (np.abs(limits.of_q) * reach[limits.period]).sum(axis=1)
    near = limits.where(np.isin(limits.period, tight) & (most > limits.left))
    limits = near.where(~_implied(near))
    rows = assembly.rows(len(limits.period), upper=limits.left)
    row, slot = np.nonzero(limits.period[:, None] == period)
    assembly.entries(rows[row], moved[slot], limits.of_q[row, station[slot]])

    t, g = np.nonzero(np.isin(np.arange(problem.n_periods), tight)[:, None] & (far_mw > 0))
    segment = _add_gain(assembly, problem, t, g)
    number = np.full(far_mw.shape, -1, dtype=np.int64)
    number[t, g] = np.arange(len(t))
    row, generator = np.nonzero((limits.of_room > 0) & (number[limits.period] >= 0))
    of = number[limits.period[row], generator]
    assembly.entries(rows[row][:, None], segment[of], limits.of_room[row, generator][:, None])

    values = solve(assembly.build()).values
    room, q_mvar = far_mw.copy(), found.q_mvar.copy()
    room[t, g] = 0.0 if values is None else values[segment].sum(axis=1)
    if values is not None:
        q_mvar[period, vehicle] += values[moved]
    return Headroom(room, q_mvar)


def _limits(network: Network, point: OperatingPoint, far_mw: FloatArray) -> _Limits:
    """Return the limits at a point, those of currents that may reach theirs in many directions."""
    currents = network.currents
    current = currents.at(point.p_mw, point.q_mvar, point.curtailed_mw)
    highest = currents.highest(current) + (np.abs(currents.by_c) * far_mw[currents.period]).sum(1)
    reached = (currents.period < _MOVED) | (highest > 0)
    currents, current = currents.where(reached), current[reached]
    which = np.tile(np.arange(len(current)), len(_TURNS))
    touched = currents.tangents(which, (current * _TURNS[:, None]).ravel())
    period = currents.period[which]
    value = touched.value + (touched.of_p * point.p_mw[period]).sum(axis=1)
    value += (touched.of_q * point.q_mvar[period]).sum(axis=1)
    value += (touched.of_c * point.curtailed_mw[period]).sum(axis=1)
    return _Limits(
        period=np.concatenate([network.row_period, period]),
        left=np.maximum(-np.concatenate([network.rows_at(point), value]), 0.0),
        of_q=np.concatenate([network.row_q, touched.of_q]),
        of_room=np.maximum(-np.concatenate([network.row_c, touched.of_c]), 0.0),
    )


def _implied(limits: _Limits) -> BoolArray:
    """Return rows that another one of their period implies, where no reactive power moves.

    Compared with the rows that leave least to one generator, and to all of them together.
    """
    periods, place = np.unique(limits.period, return_inverse=True)
    left, of_room = np.maximum(limits.left, _LEAST_LEFT)[:, None], limits.of_room
    use = np.column_stack([of_room, of_room.sum(axis=1)]) / left
    implied, strictest = np.zeros((2, len(use)), dtype=np.bool_)
    for share in use.T:
        row = np.zeros(len(periods), dtype=np.int64)
        order = np.argsort(share, kind="stable")
        row[place[order]] = order
        strictest[row] = True
        other = row[place]
        implied |= (of_room[other] * left >= of_room * left[other]).all(axis=1)
    return implied & ~strictest & (limits.period >= _MOVED)


def _free_mvar(
    problem: SchedulingProblem, found: Schedule, tight: IntArray
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return period and vehicle of plugs that are free to move, and how far down and up [Mvar]."""
    waiting, _ = queues(problem, found.routes)
    idle = (found.station != AWAY) & ~waiting.T & problem.network.live[found.station]
    period, vehicle = np.nonzero(idle & np.isin(np.arange(problem.n_periods), tight)[:, None])
    p_mw, q_mvar = found.p_mw[period, vehicle], found.q_mvar[period, vehicle]
    s_mva = problem.batteries.s_mva[vehicle] * (1.0 - _INSIDE)
    most = np.sqrt(np.maximum(s_mva**2 - p_mw**2, 0.0))
    return period, vehicle, np.minimum(-most - q_mvar, 0.0), np.maximum(most - q_mvar, 0.0)


def _add_losses(
    assembly: Assembly,
    problem: SchedulingProblem,
    found: Schedule,
    moved: IntArray,
    period: IntArray,
    station: IntArray,
) -> None:
    """Add what losses cost that come with reactive power moved, along their principal axes."""
    network, money = problem.network, problem.money
    n = problem.space.n_stations
    point = found.operating_point(n)
    bought = network.import_at(point) > 0
    price = np.where(bought, money.import_usd_per_mwh, money.export_usd_per_mwh)
    # Losses of one area do not depend on another: each site's part has the price of its area.
    usd = np.maximum(price, _LEAST_USD)[:, network.site_area]
    tight = np.unique(period)
    value, axis = np.linalg.eigh((network.loss * usd[:, :, None])[tight, :n, :n])
    slope = network.import_q + 2 * np.einsum("tij,tj->ti", network.loss, point.q_mvar)
    slope = (usd * slope)[:, :n]
    for k, t in enumerate(tight.tolist()):
        slots = np.flatnonzero(period == t)
        rows = assembly.rows(n, lower=0.0, upper=0.0)
        assembly.entries(rows[:, None], moved[slots], axis[k].T[:, station[slots]])
        reach = float(problem.batteries.s_mva.sum()) * 2
        steps = np.arange(int(np.ceil(reach / _WIDTH_MVAR)))
        rise = np.maximum(value[k], 0.0)[:, None] * _WIDTH_MVAR * (2 * steps + 1)
        along = (axis[k].T @ slope[t])[:, None]
        for sign in (1.0, -1.0):
            cost = rise + sign * along
            segment = assembly.variables(rise.size, upper=_WIDTH_MVAR, cost=cost.ravel())
            assembly.entries(rows[:, None], segment.reshape(rise.shape), -sign)


def _add_gain(
    assembly: Assembly, problem: SchedulingProblem, period: IntArray, generator: IntArray
) -> IntArray:
    """Add room and what it gains; return its variables, ``(place, segment)``."""
    network, money = problem.network, problem.money
    std = network.available_std_mw[period, generator]
    kept_usd = problem.curtailment_usd_per_mwh + np.maximum(
        network.import_c * money.export_usd_per_mwh[:, network.generator_area], 0.0
    )
    loss = normal_losses(_ENDS)
    gain = (loss[:-1] - loss[1:]) / np.diff(_ENDS)
    usd = np.maximum(kept_usd[period, generator], 1.0)
    return assembly.variables(
        len(period) * len(gain),
        upper=(std[:, None] * np.diff(_ENDS)).ravel(),
        cost=(-usd[:, None] * gain).ravel(),
    ).reshape(len(period), len(gain))
