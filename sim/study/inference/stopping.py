"""The stopping rule of a study: a confidence sequence, valid at every look.

With a fixed-sample interval at each look, a study that may stop at any look would be wrong far more
often than in 5 % of cases. A confidence sequence covers the truth at all looks together with 95 %,
whenever and for whatever reason one stops.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sim.errors import InputError, Problem, shown
from sim.study.inference.days import Days, variance_of_mean
from sim.study.inference.statistics import CONFIDENCE, Estimate, difference_of, of_controller
from sim.units import FloatArray, IntArray

OBJECTIVE = "objective_usd"
LEAST_REPLICATIONS = 50  # the sequence is asymptotic: fewer are too few for the normal limit
# Below 500 replications a study looks every 10, below 5,000 every 100, and so on: looking costs a
# time in proportion to their number.
REPLICATIONS_PER_LOOK = 10
LOOKS_PER_DECADE = 50
NO_SHARE = "is not above 0 % and at most 100 %"
REMEDY = "Write --until 1%, or until=0.01 from Python"
# So many equal differences, or so much evidence as they hold, have to be seen before a study stops:
# fewer are too few for the normal limit, whatever the number of days without any difference. Some
# 50 normal differences hold as much.
LEAST_EFFECTIVE = 15
TIGHTEST_AT = 100  # replications at which the sequence is made to be narrowest


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The result of one look at a running study.

    Attributes
    ----------
    replications
        How many replications had been run.
    until
        Half-width allowed, relative to the baseline's absolute mean.
    baseline_mean
        Mean objective of the baseline [USD].
    differences
        By compared controller, the mean paired difference of the objective with its place in the
        95 % confidence sequence [USD].
    differing
        By compared controller, on how many days the objective differs at all.
    effective
        By compared controller, how many equal differences hold as much evidence; see
        `effective_differences`.
    narrow_since
        Number of replications of the first look at which every interval was narrow enough, whatever
        the evidence; None where there was none.
    """

    replications: int
    until: float
    baseline_mean: float
    differences: Mapping[str, Estimate]
    differing: Mapping[str, int]
    effective: Mapping[str, float]
    narrow_since: int | None = None

    @property
    def allowed_usd(self) -> float:
        """Half-width that is narrow enough [USD]."""
        return self.until * abs(self.baseline_mean)

    def half_width_usd(self, controller: str) -> float:
        """Return the half-width of a controller's interval [USD], NaN if there is none."""
        found = self.differences[controller]
        return (found.ci95_high - found.ci95_low) / 2

    @property
    def narrow(self) -> bool:
        """Whether every interval is narrow enough."""
        return all(self.half_width_usd(name) <= self.allowed_usd for name in self.differences)

    @property
    def rare(self) -> tuple[str, ...]:
        """Controllers that differ from the baseline on too few days to know by how much."""
        return tuple(name for name, own in self.effective.items() if own < LEAST_EFFECTIVE)

    @property
    def reached(self) -> bool:
        """Whether every interval is narrow enough, and rests on enough differences."""
        return self.narrow and not self.rare


def is_look(replications: int) -> bool:
    """Return whether a study looks after this number of replications.

    Looks happen at fixed numbers, so that neither the number of workers nor their speed decides
    when a study stops.
    """
    step = REPLICATIONS_PER_LOOK
    while replications >= LOOKS_PER_DECADE * step:
        step *= 10
    return replications >= LEAST_REPLICATIONS and replications % step == 0


def as_until(text: str) -> float:
    """Return the relative half-width that a text such as ``1%`` or ``0.01`` asks for.

    Raises
    ------
    InputError
        If it is no number above 0 % and at most 100 %.
    """
    number, percent, rest = text.strip().partition("%")
    try:
        until = math.nan if rest else float(number) / (100 if percent else 1)
    except ValueError:
        until = math.nan
    if not 0 < until <= 1:
        raise InputError([_problem(shown(text), NO_SHARE, REMEDY)])
    return until


def look(
    metrics: pd.DataFrame,
    controllers: Sequence[str],
    days: Days,
    *,
    replications: int,
    until: float,
    previous: Look | None = None,
) -> Look:
    """Look at the first `replications` of a study.

    Parameters
    ----------
    metrics
        One row per finished episode, index ``(controller, replication)``; later replications are
        left out.
    controllers
        Those compared, the baseline first.
    days
        Which replications share a day.
    replications
        How many replications count.
    until
        Half-width allowed, relative to the baseline's absolute mean.
    previous
        The look before, None at the first.
    """
    # A study of which nothing has finished has no columns either.
    objective = metrics.reindex(columns=[OBJECTIVE])
    seen = objective[objective.index.get_level_values("replication") < replications]
    first = of_controller(seen, controllers[0])[OBJECTIVE]
    differences, differing, effective = {}, {}, {}
    for name in controllers[1:]:
        other = of_controller(seen, name)[OBJECTIVE]
        common = first.index.intersection(other.index)
        difference = difference_of(
            first.loc[common].to_numpy(dtype=float), other.loc[common].to_numpy(dtype=float)
        )
        differences[name] = confidence_sequence(difference, days.clusters(common), days.in_profile)
        differing[name] = int(np.count_nonzero(difference))
        effective[name] = effective_differences(difference)
    found = Look(
        replications=replications,
        until=until,
        baseline_mean=float(first.mean()) if len(first) else math.nan,
        differences=differences,
        differing=differing,
        effective=effective,
        narrow_since=None if previous is None else previous.narrow_since,
    )
    if found.narrow_since is None and found.narrow:
        return dataclasses.replace(found, narrow_since=replications)
    return found


def effective_differences(differences: FloatArray) -> float:
    """Return how many equal differences hold as much evidence as these.

    ``(sum d^2)^2 / sum d^4``, which is the number of nonzero differences where these are equal, and
    a third of the number of normal ones around zero: the form of Kish's effective sample size. Its
    inverse is Lyapunov's ratio of order four, and the smaller that is, the closer is a sum to its
    normal limit. Days without a difference add nothing, and few large differences count for what
    they are. Source: Petrov, Sums of Independent Random Variables, 1975, chapter V.
    """
    squares = np.square(differences / max(float(np.abs(differences).max(initial=0.0)), 1e-300))
    fourth = float(np.square(squares).sum())
    return float(squares.sum()) ** 2 / fourth if fourth else 0.0


def confidence_sequence(
    values: FloatArray, clusters: IntArray | None = None, in_profile: int | None = None
) -> Estimate:
    """Return the mean and the current interval of its asymptotic 95 % confidence sequence.

    Replications draw days and chance independently, so values are independent draws from the
    profile year; the variance of their mean is that of `variance_of_mean`. There is no interval for
    fewer than 50 values. Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform
    central limit theory and asymptotic confidence sequences, Annals of Statistics 52 (2024) 2613,
    theorem 2.2 (the two-sided boundary of Robbins' normal mixture).
    """
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    own = np.arange(n) if clusters is None else clusters
    if n < LEAST_REPLICATIONS:
        return Estimate(mean, math.nan, math.nan, n)
    half = boundary(n) * math.sqrt(variance_of_mean(values, own, in_profile).variance)
    return Estimate(mean, mean - half, mean + half, n)


def boundary(n: int) -> float:
    """Return half the width of the sequence after `n` values in standard errors of the mean.

    ``sqrt(2 (n rho^2 + 1) / (n rho^2) log(sqrt(n rho^2 + 1) / alpha))``, theorem 2.2 of the source
    of `confidence_sequence`, with its choice of ``rho`` for a boundary tightest at `TIGHTEST_AT`.
    """
    alpha = 1 - CONFIDENCE
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / TIGHTEST_AT
    growth = n * rho2 + 1
    return math.sqrt(2 * growth / (n * rho2) * math.log(math.sqrt(growth) / alpha))


def check_until(until: float | None, *, replications: int, controllers: int) -> None:
    """Refuse a rule that could never be met.

    Raises
    ------
    InputError
        If `until` is no share, or the study too small for it.
    """
    if until is None:
        return
    problems, asked = [], f"{until:g}"
    if not 0 < until <= 1:
        problems.append(_problem(asked, NO_SHARE, REMEDY))
    if controllers < 2:
        problems.append(_problem(asked, "asks for a difference", "Name two controllers or more"))
    if replications < LEAST_REPLICATIONS:
        problems.append(
            _problem(
                asked,
                f"asks for at least {LEAST_REPLICATIONS} replications, and {replications} is the "
                "most allowed",
                f"Raise --replications, the maximum, to {LEAST_REPLICATIONS} or more",
            )
        )
    if problems:
        raise InputError(problems)


def _problem(value: str, message: str, remedy: str) -> Problem:
    return Problem(where="compare", key="until", value=value, message=message, remedy=remedy)
