"""Limits of the grid with room for what is not known when power is set.

What becomes known in a period itself nobody can answer: the most it can be is added to the row.
What is known when the period begins is expressed by signals, the errors along a few directions,
which powers follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from controllers.robust.error_parts import Felt
from controllers.robust.errors import ForecastErrors
from controllers.rolling.caps import normal_losses
from controllers.scheduling.grid.network import Network, OperatingPoint
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

# Currents are touched in these directions from the plan's; at most 0.02 % is understated between.
TURNS = np.exp(1j * np.deg2rad(np.arange(-30.0, 30.1, 2.5)))

# The cost of a violation is exact with so many parts of the room, and straight between them.
POINTS = 3

# Generators that are capped are capped at most this many standard deviations above the mean.
FAR = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimitRows:
    """Rows of the grid, positive where violated, as functions of injections and profiles.

    ``base + of_p . p + of_q . q + of_c . curtailed + of_profile . error``.

    Attributes
    ----------
    period, violation
        ``(row,)``; the violation of a limit is the largest of its rows.
    usd
        What a unit of it costs for one period, ``(row,)`` [USD].
    base
        ``(row,)`` [pu or %].
    of_p, of_q, of_c, of_profile
        ``(row, station)``, ``(row, station)``, ``(row, generator)``, ``(row, profile)``.
    """

    period: IntArray
    violation: IntArray
    usd: FloatArray
    base: FloatArray
    of_p: FloatArray
    of_q: FloatArray
    of_c: FloatArray
    of_profile: FloatArray

    @classmethod
    def of(
        cls, network: Network, plan: OperatingPoint, n_periods: int, n_profiles: int
    ) -> LimitRows:
        """Return the rows of the first periods; currents are touched around a plan's."""
        first = int(network.row_start[n_periods])
        currents = network.currents
        within = np.flatnonzero(currents.period < n_periods)
        at = currents.at(plan.p_mw, plan.q_mvar, plan.curtailed_mw)[within]
        which = np.tile(within, len(TURNS))
        touched = currents.tangents(which, (at * TURNS[:, None]).ravel())
        n_limits = int(network.row_limit.max(initial=0)) + 1
        row_key = (network.row_period * n_limits + network.row_limit)[:first]
        key = np.concatenate([row_key, currents.period[which] * n_limits + currents.limit[which]])
        usd_of = dict(zip(row_key.tolist(), network.row_usd[:first].tolist(), strict=True))
        of_profile = np.zeros((len(key), n_profiles))
        of_profile[:, network.profiles] = np.nan_to_num(
            np.concatenate([network.row_profile[:first], touched.of_profile])
        )
        return cls(
            period=key // n_limits,
            violation=np.unique(key, return_inverse=True)[1].ravel(),
            usd=np.array([usd_of[each] for each in key.tolist()]),
            base=np.concatenate([network.row_base[:first], touched.value]),
            of_p=np.concatenate([network.row_p[:first], touched.of_p]),
            of_q=np.concatenate([network.row_q[:first], touched.of_q]),
            of_c=np.concatenate([network.row_c[:first], touched.of_c]),
            of_profile=of_profile,
        )

    def worst(self, at: FloatArray) -> IntArray:
        """Return of each violation the row that is violated most, ascending; `at` is ``(row,)``."""
        order = np.lexsort((-at, self.violation))
        first = order[np.flatnonzero(np.diff(self.violation[order], prepend=-1))]
        return np.sort(first[at[first] > 0])

    def felt(self, system: System) -> Felt:
        """Return what limits feel, with all generators and without those whose power hurts.

        Of a current the row that is touched nearest to the plan.
        """
        order = np.argsort(self.violation, kind="stable")
        _, first, n = np.unique(self.violation[order], return_index=True, return_counts=True)
        one = order[first + n // 2]
        without = self.without(self.of_c < 0, system)
        return Felt(
            period=np.tile(self.period[one], 2),
            slope=np.concatenate([self.of_profile[one], without[one]]),
        )

    def without(self, hurts: BoolArray, system: System) -> FloatArray:
        """Return `of_profile` where generators count no longer, ``(row, generator)`` says which."""
        left, own = self.of_profile.copy(), system.generators
        row, g = np.nonzero(hurts)
        np.add.at(left, (row, own.profile[g]), self.of_c[row, g] * own.p_mw[g])
        return left


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustLimits:
    """Rows of the grid as functions of powers, cuts and signals.

    ``base + of_p . p + of_q . q + of_cut . cut + of_beyond . beyond + of_signal . signal``. A
    capped generator is capped at its highest power less its cut.

    Attributes
    ----------
    rows
        The rows; for their powers, periods and prices.
    base
        With the largest errors that nobody answers, ``(row,)`` [pu or %].
    of_cut, of_beyond, of_signal
        ``(row, generator)`` twice, ``(row, signal)``; a cut is beyond what it exceeds `spare_mw`
        by.
    capped
        Where generators are capped, ``(period, generator)``.
    highest_mw
        The highest power of generators that are capped, ``(period, generator)`` [MW].
    expected
        As `base`, with errors only that become known in the period itself, and a part of the room
        for them, ``(part, row)``.
    shares
        What a violation costs with each of these parts and on the worst path, as shares of its
        price ``(part + 1,)``; in sum 1.
    spare_mw
        Caps that are cut by less than this never leave less than bad weather does, same shape [MW].
    """

    rows: LimitRows
    base: FloatArray
    of_cut: FloatArray
    of_beyond: FloatArray
    of_signal: FloatArray
    capped: BoolArray
    highest_mw: FloatArray
    spare_mw: FloatArray
    expected: FloatArray
    shares: FloatArray

    @classmethod
    def of(
        cls,
        system: System,
        network: Network,
        rows: LimitRows,
        capped: BoolArray,
        errors: ForecastErrors,
        cvar_level: float,
    ) -> RobustLimits:
        """Return the rows with room for errors.

        Parameters
        ----------
        system
            What exists.
        network
            The linear network.
        rows
            Its rows.
        capped
            Where generators are capped, ``(period, generator)``.
        errors
            What is uncertain.
        cvar_level
            See `priced_violations`.
        """
        n_periods = len(capped)
        mean = network.available_mw[:n_periods]
        highest = mean + FAR * network.available_std_mw[:n_periods]
        # Where more power hurts, a capped generator brings its cap; where less does, the least it
        # can bring, for others cannot make up for it.
        bounded = capped[rows.period]
        slope = rows.without(bounded, system)
        own = system.generators
        least = [errors.latest_pu, errors.known_pu + errors.latest_pu]
        now, short = (np.minimum(part[:, own.profile] * own.p_mw, mean) for part in least)
        above = (highest - mean)[rows.period]
        at_caps = rows.base - (bounded * np.minimum(rows.of_c, 0.0) * above).sum(axis=1)
        most, latest = (
            (bounded * np.maximum(rows.of_c, 0.0) * part[rows.period]).sum(axis=1)
            for part in (short, now)
        )
        of_signal = np.zeros((len(most), len(errors.directions)))
        for t in range(n_periods):
            here = np.flatnonzero(rows.period == t)
            margin = errors.margin(slope[here], t)
            of_signal[here] = margin.of_signal
            latest[here] += margin.now
            most[here] += margin.most
        points, shares = priced_violations(cvar_level, errors.strip)
        return cls(
            rows=rows,
            base=at_caps + most,
            of_cut=np.where(bounded, np.minimum(rows.of_c, 0.0), 0.0),
            of_beyond=np.where(bounded, np.maximum(rows.of_c, 0.0), 0.0),
            of_signal=of_signal,
            capped=capped,
            highest_mw=highest,
            spare_mw=highest - mean + short,
            expected=at_caps + points[:-1, None] * latest,
            shares=shares,
        )

    def at(self, plan: OperatingPoint, cut_mw: FloatArray) -> FloatArray:
        """Return where rows stand at a plan without rules, ``(row,)``."""
        rows, period = self.rows, self.rows.period
        at: FloatArray = self.base + (rows.of_p * plan.p_mw[period]).sum(axis=1)
        at += (rows.of_q * plan.q_mvar[period]).sum(axis=1)
        at += (self.of_cut * cut_mw[period]).sum(axis=1)
        return at

    def helped_by_caps(self, at: FloatArray) -> BoolArray:
        """Return which generators could spare a violation, ``(period, generator)``."""
        helped = np.zeros(self.capped.shape, dtype=np.bool_)
        row, generator = np.nonzero((at > 0)[:, None] & (self.rows.of_c < 0))
        helped[self.rows.period[row], generator] = True
        return helped & (self.highest_mw > 0)


def priced_violations(cvar_level: float, room: float) -> tuple[FloatArray, FloatArray]:
    """Return with which parts of the room violations are priced, and by which shares, ``(part,)``.

    They are chords of the conditional value at risk of a violation, the mean over the worst
    ``1 - cvar_level`` of normal errors (Rockafellar and Uryasev, Journal of Risk 2, 2000). Where
    less room is left than their value at risk, all of these errors violate the limit, and a
    violation costs its price; with more, the share of errors that do. The last part is all of the
    room, beyond which there are no errors.

    Parameters
    ----------
    cvar_level
        In [0, 1); errors below the mean never count.
    room
        For errors that become known in the period itself, in their standard deviations [-].
    """
    at_risk = NormalDist().inv_cdf(max(cvar_level, 0.5))
    if at_risk >= room:
        return np.ones(1), np.ones(1)
    z = np.linspace(at_risk, room, POINTS)
    saved = -np.diff(normal_losses(z)) / np.diff(z) / (1 - cvar_level)
    shares = -np.diff(np.concatenate([[1.0], saved, [0.0]]))
    return z / room, shares
