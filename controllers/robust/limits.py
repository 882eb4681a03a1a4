"""Limits of the grid with room for what is not known when power is set.

The error that a row of the linear network sees in period ``t`` has two parts. What becomes known in
``t`` itself nobody can answer; the most it can be is added to the row. What is known when ``t``
begins is expressed by signals, the change of the forecast of sun and wind, and of load, in MW,
which powers follow; how the error is spread among plants and loads beside that is added too. Both
are largest values over the set, so rows hold for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.robust.innovations import Innovations
from controllers.scheduling.grid.network import Network, OperatingPoint
from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.lifting import LiftedSet, lift
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

# Generators that are capped are capped at most this many standard deviations above the mean.
FAR = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """What powers follow: changes of the forecast that are known when a period begins.

    Attributes
    ----------
    weight
        Change by one unit of each profile, ``(signal, profile)`` [MW]: sun and wind, load.
    largest
        The most they can be, ``(period, signal)`` [MW].
    known
        The set of signals; a signal of a period is observed when the period begins.
    """

    weight: FloatArray
    largest: FloatArray
    known: LiftedSet

    @classmethod
    def of(cls, weight: FloatArray, errors: Innovations) -> Signals:
        """Return the smallest budgeted box of signals that contains those of all innovations."""
        n_periods, n = len(errors.latest), len(weight)
        largest = np.array([errors.largest_known(weight, t) for t in range(n_periods)])
        largest = np.where(largest > 1e-6, largest, 0.0)
        share = np.where(largest > 0, 1.0, 0.0) / np.where(largest > 0, largest, 1.0)
        # Relative size of each signal by each innovation: (period, signal, innovation's, profile).
        by = np.abs(np.einsum("mi,its->tmsi", weight, errors.factor)) * share[:, :, None, None]
        for t in range(n_periods):
            by[t, :, t:] = 0.0
        together = [errors.largest_sum(by[t].sum(axis=0)) for t in range(n_periods)]
        in_time = [errors.largest_sum(by[:, m].sum(axis=0)) for m in range(n)]
        box = BudgetedBox(
            centre=np.zeros((n_periods, n)),
            below=largest,
            above=largest,
            over_components=_budgets(np.array(together), (largest > 0).sum(axis=1)),
            over_time=_budgets(np.array(in_time), (largest > 0).sum(axis=0)),
            floor=np.full(n, -np.inf),
        )
        return cls(weight=weight, largest=largest, known=lift(box))


def signal_weights(system: System, n_profiles: int) -> FloatArray:
    """Return `Signals.weight`."""
    weight = np.zeros((2, n_profiles))
    np.add.at(weight[0], system.generators.profile, system.generators.p_mw)
    np.add.at(weight[1], system.loads.profile, system.loads.p_mw)
    return weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustLimits:
    """Rows that are positive where violated, as functions of powers, cuts and signals.

    ``base + of_p . p + of_q . q + of_cut . cut + of_signal . signal``. A capped generator is capped
    at its highest power less its cut.

    Attributes
    ----------
    period, violation
        ``(row,)``; the violation of a limit is the largest of its rows.
    usd
        What a unit of it costs for one period, ``(row,)`` [USD].
    base
        With the largest errors that nobody answers, ``(row,)`` [pu or %].
    of_p, of_q, of_cut, of_signal
        ``(row, station)``, ``(row, station)``, ``(row, generator)``, ``(row, signal)``.
    capped
        Where generators are capped, ``(period, generator)``.
    highest_mw
        The highest power of generators that are capped, ``(period, generator)`` [MW].
    """

    period: IntArray
    violation: IntArray
    usd: FloatArray
    base: FloatArray
    of_p: FloatArray
    of_q: FloatArray
    of_cut: FloatArray
    of_signal: FloatArray
    capped: BoolArray
    highest_mw: FloatArray

    @classmethod
    def of(
        cls,
        system: System,
        network: Network,
        plan: OperatingPoint,
        capped: BoolArray,
        errors: Innovations,
        signals: Signals,
    ) -> RobustLimits:
        """Return the rows of the first periods.

        Parameters
        ----------
        system
            What exists.
        network
            The linear network, limits as they are, ordered groups of cars left out.
        plan
            A plan; currents are touched in its directions.
        capped
            Where generators are capped, ``(period, generator)``.
        errors, signals
            What is uncertain.
        """
        n_periods, n_sites = len(capped), len(network.live)
        first = int(network.row_start[n_periods])
        currents = network.currents
        which = np.flatnonzero(currents.period < n_periods)
        at = currents.at(plan.p_mw[:, :n_sites], plan.q_mvar[:, :n_sites], plan.curtailed_mw)
        touched = currents.tangents(which, at[which])
        n_limits = int(network.row_limit.max(initial=0)) + 1
        row_key = network.row_period * n_limits + network.row_limit
        key = np.concatenate(
            [row_key[:first], currents.period[which] * n_limits + currents.limit[which]]
        )
        usd_of = dict(zip(row_key[:first].tolist(), network.row_usd[:first].tolist(), strict=True))
        period = key // n_limits
        of_c = np.concatenate([network.row_c[:first], touched.of_c])
        slope = np.zeros((len(key), len(errors.factor)))
        slope[:, network.profiles] = np.nan_to_num(
            np.concatenate([network.row_profile[:first], touched.of_profile])
        )
        mean = network.available_mw[:n_periods]
        highest = mean + FAR * network.available_std_mw[:n_periods]
        base = np.concatenate([network.row_base[:first], touched.value])
        # Capped generators bring at most their cap where that hurts.
        hurts = capped[period] & (of_c < 0)
        row, g = np.nonzero(hurts)
        own = system.generators
        np.add.at(slope, (row, own.profile[g]), of_c[row, g] * own.p_mw[g])
        base = base + np.where(hurts, -of_c * (highest - mean)[period], 0.0).sum(axis=1)
        of_signal = np.zeros((len(key), len(signals.weight)))
        for t in range(n_periods):
            here = np.flatnonzero(period == t)
            of_signal[here] = _explained(slope[here], signals, errors, t)
            rest = slope[here] - of_signal[here] @ signals.weight
            base[here] += errors.largest_latest(slope[here], t) + errors.largest_known(rest, t)
        return cls(
            period=period,
            violation=np.unique(key, return_inverse=True)[1].ravel(),
            usd=np.array([usd_of[each] for each in key.tolist()]),
            base=base,
            of_p=np.concatenate([network.row_p[:first], touched.of_p]),
            of_q=np.concatenate([network.row_q[:first], touched.of_q]),
            of_cut=np.where(capped[period], of_c, 0.0),
            of_signal=of_signal,
            capped=capped,
            highest_mw=highest,
        )


def _explained(slope: FloatArray, signals: Signals, errors: Innovations, period: int) -> FloatArray:
    """Return the slopes along signals that leave the least variance, ``(row, signal)``."""
    variance = (errors.factor[:, period, :period] ** 2).sum(axis=1)
    moved = signals.weight * variance
    size = (moved * signals.weight).sum(axis=1)
    explained: FloatArray = (slope @ moved.T) * np.where(size > 0, 1.0, 0.0)
    explained /= np.where(size > 0, size, 1.0)
    return np.where(signals.largest[period] > 0, explained, 0.0)


def _budgets(sums: FloatArray, count: IntArray) -> FloatArray:
    """Return budgets; infinite where so many values cannot exceed them."""
    return np.where(sums < count - 1e-9, np.maximum(sums, 1.0), np.inf)
