"""Days of replications as clusters, and the variance of a mean over them.

Replications draw their day from the record of the profile, so several may share one. What they
share is no new evidence: a day is a cluster, and the record is the finite population of days.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from sim.scenario import Scenario
from sim.uncertainty.realisation import first_days, first_row
from sim.units import FloatArray, IntArray

# Measured in `docs/statistics.md`: with fewer the long tail of a skewed figure is too seldom seen.
ENOUGH_REPLICATIONS = 50
FEW_REPLICATIONS = (
    f"Below {ENOUGH_REPLICATIONS} replications, 95 % intervals of very skewed figures cover the "
    "truth less often: 92 % with 30 replications, 88 % with 10."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Days of the replications of a study.

    Attributes
    ----------
    start
        First time stamp by replication; a replication without one counts as a day of its own.
    in_profile
        Number of days that replications draw from; None if unknown, which takes the days drawn for
        a sample of endlessly many.
    """

    start: Mapping[int, pd.Timestamp] = field(default_factory=dict)
    in_profile: int | None = None

    @classmethod
    def of_episodes(cls, episodes: pd.DataFrame, in_profile: int | None) -> Days:
        """Return the days of a table with the columns ``replication`` and ``start``."""
        starts = zip(episodes["replication"].tolist(), episodes["start"].tolist(), strict=True)
        return cls(
            start={replication: pd.Timestamp(own) for replication, own in starts},
            in_profile=in_profile,
        )

    @classmethod
    def of_scenario(cls, scenario: Scenario, seed: int, replications: Sequence[int]) -> Days:
        """Return the days that replications draw, without running any."""
        choices = first_days(scenario.system, scenario.uncertainty)
        return cls(start=_LazyDays(scenario, seed, choices, replications), in_profile=len(choices))

    def clusters(self, replications: Iterable[int]) -> IntArray:
        """Return the day of each replication as a number, ``(replication,)``."""
        labels = [self.start.get(int(own), int(own)) for own in replications]
        numbers = {label: i for i, label in enumerate(dict.fromkeys(labels))}
        return np.array([numbers[label] for label in labels], dtype=np.int64)


class _LazyDays(Mapping[int, pd.Timestamp]):
    """Days by replication, each drawn when it is asked for.

    A study with a stopping rule may be allowed a million replications and need sixty.
    """

    def __init__(
        self, scenario: Scenario, seed: int, choices: IntArray, replications: Sequence[int]
    ) -> None:
        self._record = scenario.uncertainty.record
        self._seed = seed
        self._choices = choices
        self._replications = replications
        self._drawn: dict[int, pd.Timestamp] = {}

    def __getitem__(self, replication: int) -> pd.Timestamp:
        if replication not in self._drawn:
            if replication not in self._replications:
                raise KeyError(replication)
            row = first_row(self._choices, self._seed, replication)
            since = np.timedelta64(row * self._record.step_s, "s")
            self._drawn[replication] = pd.Timestamp(self._record.start + since)
        return self._drawn[replication]

    def __iter__(self) -> Iterator[int]:
        return iter(self._replications)

    def __len__(self) -> int:
        return len(self._replications)


def inference_statement(days: Days, replications: Iterable[int]) -> str:
    """Return a sentence on the population that the intervals of a study refer to."""
    drawn = days.clusters(replications)
    n, n_days = len(drawn), len(np.unique(drawn))
    few = f" {FEW_REPLICATIONS}" if 1 < n < ENOUGH_REPLICATIONS else ""
    counted = "1 replication" if n == 1 else f"{n} replications"
    if days.in_profile is None:
        those = "day" if n_days == 1 else f"{n_days}"
        return f"Intervals speak of days like the {those} that {counted} lived.{few}"
    if days.in_profile == 1:
        return (
            f"{counted} lived the only day that the profile offers. Intervals speak of chance "
            f"within this day.{few}"
        )
    if n == 1:
        return (
            f"{counted} lived 1 of the {days.in_profile} days that the profile year offers: there "
            "are no intervals, and another day may turn out otherwise."
        )
    return (
        f"{counted} lived {n_days} of the {days.in_profile} days that the profile year "
        f"offers. Intervals speak of these {days.in_profile} days and of chance within them, not "
        f"of other years.{few}"
    )


class MeanVariance(NamedTuple):
    """Variance of a mean and its degrees of freedom; NaN where unknown."""

    variance: float
    degrees_of_freedom: float


UNKNOWN = MeanVariance(math.nan, math.nan)


def variance_of_mean(
    values: FloatArray, clusters: IntArray, in_profile: int | None
) -> MeanVariance:
    """Return the variance of the mean of `values` around the mean over all days of the profile.

    Two-stage sampling: of ``D`` days, ``G`` came up, day g with ``n_g`` of ``n`` replications. With
    between and within variances from the one-way analysis of variance,

        V = S_b^2 (sum_g (n_g / n)^2 - 1 / D) + S_w^2 / n,   S_b^2 = (MSB - MSW) / n_0,

    which has Satterthwaite's degrees of freedom. Where no day repeats, this is Student's
    ``s^2 / n``; with equal ``n_g`` and endlessly many days, that of the mean of day means with
    ``G - 1``; once all days have come up equally often, only ``S_w^2 / n`` is left. Sources:
    Cochran, Sampling Techniques, 3rd ed. 1977, section 10.4 (two-stage sampling with finite
    population); Searle, Casella and McCulloch, Variance Components, 1992, section 3.6 (``n_0``);
    Satterthwaite, Biometrics Bulletin 2 (1946) 110.

    Parameters
    ----------
    values
        One finite value per replication.
    clusters
        The day of each, as a number from 0.
    in_profile
        ``D``; None stands for endlessly many.
    """
    n = len(values)
    if n < 2:
        return UNKNOWN
    size = np.bincount(clusters)
    present = size > 0
    n_days = int(present.sum())
    if n_days == n or in_profile == 1:
        return MeanVariance(float(values.var(ddof=1)) / n, n - 1)
    if n_days == 1:  # the variance between days is unknown
        return UNKNOWN
    day_mean = np.bincount(clusters, values) / np.maximum(size, 1)
    within = float(np.square(values - day_mean[clusters]).sum()) / (n - n_days)
    between = float(size @ np.square(day_mean - values.mean())) / (n_days - 1)
    if between <= within:  # no variance between days is visible
        return MeanVariance(within / n, n - n_days)
    squares = float(np.square(size).sum())
    n_0 = (n - squares / n) / (n_days - 1)
    a = max(squares / n**2 - (1 / in_profile if in_profile else 0.0), 0.0) / n_0
    b = 1 / n - a
    # A few days of very unequal size can make b negative; the variance with all days known is the
    # least possible.
    variance = max(a * between + b * within, within / n)
    freedom = variance**2 / ((a * between) ** 2 / (n_days - 1) + (b * within) ** 2 / (n - n_days))
    return MeanVariance(variance, freedom)
