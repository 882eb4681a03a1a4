"""Mean and covariance of what is uncertain, known or estimated.

Among all laws with mean ``mu`` and covariance ``Sigma``, ``inf P(a'omega <= b) >= 1 - eps`` holds
if and only if ``a'mu + kappa ||Sigma^(1/2) a|| <= b`` with ``kappa = sqrt((1 - eps) / eps)``
(Cantelli's inequality, which a two-point law attains; El Ghaoui, Oks, Oustry, Operations Research
51, 2003; Calafiore, El Ghaoui, J. Optimization Theory and Applications 130, 2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from controllers.uncertainty_sets.uncertainty_set import UncertaintySetError
from sim.control import Forecast
from sim.units import FloatArray

NEGLIGIBLE = 1e-10


def kappa(eps: float) -> float:
    """Return how many standard deviations cover all but `eps`, whatever the law.

    Raises
    ------
    UncertaintySetError
        Where `eps` is outside (0, 0.5).
    """
    if not 0 < eps < 0.5:
        raise UncertaintySetError(f"eps(={eps}) must lie in (0, 0.5), both ends excluded.")
    return math.sqrt((1 - eps) / eps)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """All laws with a mean and a covariance, or near to estimates of them.

    With estimates, the mean is within `mean_radius` standard deviations of `mean` in every
    direction, and no variance exceeds `inflation` times that of `covariance` (Delage, Ye,
    Operations Research 58, 2010).

    Attributes
    ----------
    mean
        ``(component,)``.
    covariance
        Symmetric and positive semi-definite, ``(component, component)``.
    mean_radius
        0 where the mean is known.
    inflation
        1 where the covariance is known.

    Raises
    ------
    UncertaintySetError
        Where the covariance is not what it should be, or shapes or numbers are wrong.
    """

    mean: FloatArray
    covariance: FloatArray
    mean_radius: float = 0.0
    inflation: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.mean)
        if self.covariance.shape != (n, n):
            raise UncertaintySetError(
                f"covariance has shape {self.covariance.shape}, the mean {n} components."
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.covariance).all()):
            raise UncertaintySetError("Mean and covariance must be finite.")
        scale = float(np.abs(self.covariance).max(initial=0.0))
        if np.abs(self.covariance - self.covariance.T).max(initial=0.0) > 1e-9 * scale:
            raise UncertaintySetError("covariance is not symmetric.")
        least = float(np.linalg.eigvalsh(self.covariance).min(initial=0.0))
        if least < -1e-9 * scale:
            raise UncertaintySetError(
                f"covariance is not positive semi-definite: its least eigenvalue is {least:.6g}. "
                "No law has it; estimate it from joint samples."
            )
        if not self.mean_radius >= 0:
            raise UncertaintySetError(f"mean_radius(={self.mean_radius}) must be >= 0.")
        if not self.inflation >= 1:
            raise UncertaintySetError(f"inflation(={self.inflation}) must be >= 1.")

    @property
    def factor(self) -> FloatArray:
        """``F`` with ``F F' = covariance``, ``(component, rank)``."""
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > NEGLIGIBLE * values.max(initial=0.0)
        root: FloatArray = vectors[:, kept] * np.sqrt(values[kept])
        return root

    def safety(self, eps: float) -> float:
        """Return the multiple of the (estimated) standard deviation that keeps `eps`."""
        return kappa(eps) * math.sqrt(self.inflation) + self.mean_radius

    def least_limit(self, coefficient: FloatArray, eps: float) -> float:
        """Return the least b with ``P(coefficient @ omega <= b) >= 1 - eps`` for all laws."""
        deviation = float(np.linalg.norm(self.factor.T @ coefficient))
        return float(coefficient @ self.mean) + self.safety(eps) * deviation


def estimated_moments(samples: FloatArray, confidence: float = 0.95) -> Moments:
    """Return moments estimated from samples, corrected for their number.

    With probability `confidence` the true moments are covered, all directions at once, if the
    samples are normal: the mean by Hotelling's T², the covariance by the least singular value of a
    Gaussian matrix (Davidson, Szarek, *Handbook of the Geometry of Banach Spaces* 1, 2001, theorem
    II.13). Heavier tails make the covariance less certain than that.

    Parameters
    ----------
    samples
        Independent draws, ``(sample, component)``.
    confidence
        In (0, 1); half of the rest goes to the mean, half to the covariance.

    Raises
    ------
    UncertaintySetError
        Where the confidence is outside (0, 1), or samples are too few.
    """
    if not 0 < confidence < 1:
        raise UncertaintySetError(f"confidence(={confidence}) must lie in (0, 1).")
    n = len(samples)
    if n < 2:
        raise UncertaintySetError(f"{n} samples have no covariance: at least 2 are needed.")
    covariance = np.atleast_2d(np.cov(samples, rowvar=False))
    known = Moments(mean=samples.mean(axis=0), covariance=covariance)
    rank = known.factor.shape[1]
    if rank == 0:
        return known
    half = (1 - confidence) / 2
    doubt = math.sqrt(rank) + math.sqrt(2 * math.log(1 / half))
    if n <= rank or math.sqrt(n - 1) <= doubt:
        needed = max(rank + 1, math.floor(doubt**2) + 2)
        raise UncertaintySetError(
            f"{n} samples are too few for {rank} components: at least {needed} are needed, and "
            "many more for a small correction."
        )
    hotelling = rank * (n - 1) / (n * (n - rank)) * stats.f.ppf(1 - half, rank, n - rank)
    return Moments(
        mean=known.mean,
        covariance=covariance,
        mean_radius=math.sqrt(float(hotelling)),
        inflation=1 / (1 - doubt / math.sqrt(n - 1)) ** 2,
    )


def forecast_moments(
    forecast: Forecast, n_periods: int, n_samples: int, rng: np.random.Generator
) -> Moments:
    """Return the moments of all profiles at the first leads [pu of the profile].

    Components are ``lead * n_profiles + profile``. They are estimated from `Forecast.scenarios`, so
    that bending and tails of its laws are in them.

    Parameters
    ----------
    forecast
        What is expected.
    n_periods
        Leads that count.
    n_samples, rng
        How many samples to draw, and the random stream to draw them from.
    """
    samples = forecast.scenarios(n_samples, rng)[:, :n_periods]
    return estimated_moments(samples.reshape(n_samples, -1))
