"""Tail risk: CVaR 95, the worst episode, and the share of episodes with a violation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from sim.study.inference.statistics import CONFIDENCE, Estimate, of_controller
from sim.uncertainty.streams import stream
from sim.units import BoolArray, FloatArray

OBJECTIVE = "objective_usd"
VIOLATIONS = "voltage_violation_steps"
TAIL_SHARE = 0.05  # share of the episodes that CVaR 95 averages
ENOUGH_EPISODES = 500  # of which 25 are in the tail; fewer say too little about it
NOTE = f"needs {ENOUGH_EPISODES} episodes"
RESAMPLES = 1000
CHUNK_VALUES = 4_000_000  # of resampled values in memory at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Tail risk of a controller.

    Attributes
    ----------
    cvar95
        Mean objective of the worst 5 % of the episodes [USD]; its interval needs 500 episodes.
    worst
        Largest objective [USD].
    p_violation
        Share of the episodes with at least one step beyond a voltage limit.
    """

    cvar95: Estimate
    worst: float
    p_violation: Estimate

    @property
    def note(self) -> str | None:
        """Why CVaR has no interval, None where it has one."""
        return None if self.cvar95.has_interval else NOTE


def risk(metrics: pd.DataFrame, controller: str, seed: int) -> Risk:
    """Return the tail risk of a controller.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``.
    controller
        Whose.
    seed
        Root seed of the study, which keys the bootstrap.
    """
    # A study of which nothing has finished has no columns either.
    table = of_controller(metrics, controller).reindex(columns=[OBJECTIVE, VIOLATIONS])
    objective = table[OBJECTIVE].to_numpy(dtype=float)
    objective = objective[np.isfinite(objective)]
    # The same draws for all controllers: their intervals differ by what they did.
    rng = stream(seed, 0, "study.bootstrap")
    return Risk(
        cvar95=cvar_interval(objective, rng),
        worst=float(objective.max(initial=-math.inf)) if len(objective) else math.nan,
        p_violation=proportion(table[VIOLATIONS].to_numpy(dtype=float) > 0),
    )


def cvar(values: FloatArray) -> FloatArray:
    """Return the mean of the largest 5 % of the last axis; a broken number counts by its part.

    With ``q`` the empirical 95 % quantile, ``q + mean(max(x - q, 0)) / 0.05``. Source: Rockafellar
    and Uryasev, Journal of Banking & Finance 26 (2002) 1443, equation 10 and theorem 10.
    """
    return _tail(values)[0]


def cvar_interval(values: FloatArray, rng: np.random.Generator) -> Estimate:
    """Return CVaR 95 with its bootstrap-t interval, which at least 500 values get.

    Replications are independent draws from the profile year, so they are what is resampled. The
    studentised bootstrap keeps its level in skewed tails, where percentiles of the plain one cover
    some 90 %. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 12.5.
    """
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    found, error = (float(own) for own in _tail(values))
    if n < ENOUGH_EPISODES:
        return Estimate(found, math.nan, math.nan, n)
    if error == 0:
        return Estimate(found, found, found, n)
    studentised = []
    rows = max(CHUNK_VALUES // n, 1)
    for first in range(0, RESAMPLES, rows):
        draws = rng.integers(n, size=(min(rows, RESAMPLES - first), n))
        means, errors = _tail(values[draws])
        studentised.append((means - found)[errors > 0] / errors[errors > 0])
    tails = (0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2)
    low, high = np.quantile(np.concatenate(studentised), tails)
    return Estimate(found, found - float(high) * error, found - float(low) * error, n)


def proportion(happened: BoolArray) -> Estimate:
    """Return how often something happened, with the exact interval of a binomial share.

    Source: Clopper and Pearson, Biometrika 26 (1934) 404, by quantiles of the beta distribution.
    """
    n, k = len(happened), int(happened.sum())
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    tail = 0.5 - CONFIDENCE / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Estimate(k / n, low, high, n)


def _tail(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return CVaR 95 and its standard error over the last axis.

    The error is that of the mean of ``q + max(x - q, 0) / 0.05``: the quantile's own error
    vanishes to first order, for CVaR is a minimum over ``q``.
    """
    n = values.shape[-1]
    n_tail = int(TAIL_SHARE * n)
    largest = np.partition(values, n - 1 - n_tail, axis=-1)[..., n - 1 - n_tail :]
    quantile = largest[..., :1]
    excess = largest - quantile
    mean = excess.sum(axis=-1) / n
    variance = np.maximum(np.square(excess).sum(axis=-1) / n - mean**2, 0.0)
    found: FloatArray = quantile[..., 0] + mean / TAIL_SHARE
    error: FloatArray = np.sqrt(variance / n) / TAIL_SHARE
    return found, error
