"""Joint samples of what is forecast, from the moments that the forecast states.

Errors are sampled as normal scores with the stated correlations (a Gaussian copula; Pinson et al.,
"From probabilistic forecasts to statistical scenarios of short-term wind power production", Wind
Energy 12, 2009). Scores are mapped to values by a curve through the 5 % and the 95 % quantile:
between them a power, bent so that the mean is the stated one, beyond them straight tails, so long
that the standard deviation is. Where the quantiles alone spread that much, tails keep a least
length and the middle of the curve is flattened: without tails samples would end where one value in
ten that comes true lies beyond.
"""

from __future__ import annotations

import numpy as np

from sim.units import FloatArray

_QUANTILE = 1.6448536269514722  # of the standard normal law, at 95 %
_INNER = np.linspace(0.0, 1.0, 15)
_MIDDLE = 2 * _INNER - 1
# A path has hundreds of scores, of which the largest is often beyond 3.
_KNOTS = np.concatenate([[-4.0], _MIDDLE * _QUANTILE, [4.0]])
_GRID = np.linspace(-5.0, 5.0, 401)
_WEIGHT = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()
_HATS = np.array([np.interp(_GRID, _KNOTS, unit) for unit in np.eye(len(_KNOTS))])
_FIRST = _HATS @ _WEIGHT
_SECOND = (_HATS * _WEIGHT) @ _HATS.T
# Tails as multiples of the distance from the median to the quantile; a normal law has 1.43.
_SHORTEST_TAIL, _LONGEST_TAIL = 0.8, 400.0
_FLATTEST = 4.0  # logarithm of the power
_BISECTIONS = 24
_MOST_BENT = 4.0  # logarithm of the power
_JITTER = 1e-9


def correlated_scores(
    profile_correlation: FloatArray,
    series_correlation: FloatArray,
    n: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return standard normal errors, ``(n, H, profile)``; see `Forecast.series_correlation`."""
    n_profiles, horizon, _ = profile_correlation.shape
    together = np.linalg.cholesky(series_correlation + _JITTER * np.eye(n_profiles))
    over_time = np.linalg.cholesky(profile_correlation + _JITTER * np.eye(horizon))
    gained = rng.standard_normal((n, horizon, n_profiles)) @ together.T
    scores: FloatArray = np.einsum("iab,nbi->nai", over_time, gained)
    return scores


def curves(mean: FloatArray, lower: FloatArray, upper: FloatArray, std: FloatArray) -> FloatArray:
    """Return the values at the knots of each curve, ``(..., knot)``.

    Values of what is at least 0 at its lower bound stay at least 0. Tails are equally long in
    terms of the distances from the median to the bounds.
    """
    floor = np.where(lower >= 0, 0.0, -np.inf)
    least = 0.05 * std[..., None] * np.stack([mean <= upper, mean >= lower], axis=-1)
    bend = np.zeros_like(mean)
    # Above 0 tails grow; below 0 the middle is flattened.
    short, long = np.full_like(mean, -_FLATTEST), np.full_like(mean, _LONGEST_TAIL)
    for _ in range(_BISECTIONS):
        stretch = (short + long) / 2
        tail = _SHORTEST_TAIL + np.maximum(stretch, 0.0)
        power = np.exp(np.maximum(-stretch, 0.0))[..., None]
        middle = (1 + np.sign(_MIDDLE) * np.abs(_MIDDLE) ** power) / 2
        for _ in range(2):
            curve, slope = _curve(lower, upper, bend, middle, tail[..., None] * least, tail, floor)
            step = (mean - curve @ _FIRST) / np.where(slope > 0, slope, np.inf)
            bend = np.clip(bend - np.clip(step, -1.0, 1.0), -_MOST_BENT, _MOST_BENT)
        narrow = _spread(curve) < std
        short, long = np.where(narrow, stretch, short), np.where(narrow, long, stretch)
    # Where even the flattest is wider than the spread, all is drawn towards the mean.
    centre, spread = (curve @ _FIRST)[..., None], _spread(curve)
    shrink = std / np.where(spread > 0, spread, 1.0)
    wide = (~narrow & (short == -_FLATTEST))[..., None]
    drawn = np.where(wide, centre + (curve - centre) * shrink[..., None], curve)
    values: FloatArray = np.where(std[..., None] > 0, drawn, mean[..., None])
    return values


def values_at(curve: FloatArray, score: FloatArray) -> FloatArray:
    """Return the values of scores ``(n, ...)`` on curves ``(..., knot)``."""
    at = np.clip(score, _KNOTS[0], _KNOTS[-1])
    left = np.clip(np.searchsorted(_KNOTS, at, side="right") - 1, 0, len(_KNOTS) - 2)
    part = (at - _KNOTS[left]) / np.diff(_KNOTS)[left]
    flat = curve.reshape(-1, len(_KNOTS))
    cell = np.broadcast_to(np.arange(len(flat)).reshape(curve.shape[:-1]), score.shape)
    low = flat[cell, left]
    values: FloatArray = low + part * (flat[cell, left + 1] - low)
    return values


def _curve(
    lower: FloatArray,
    upper: FloatArray,
    bend: FloatArray,
    middle: FloatArray,
    extra: FloatArray,
    tail: FloatArray,
    floor: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the values at the knots, and how fast their mean falls as `bend` grows.

    `middle` is the curve between the bounds before it is bent, from 0 to 1.
    """
    low = bend >= 0  # most values are low: s^c; else 1 - (1 - s)^c
    power = np.exp(np.abs(bend))[..., None]
    side = np.where(low[..., None], middle, 1 - middle)
    share = side**power
    steep = power * share * -np.log(np.maximum(side, 1e-12))
    inner = np.where(low[..., None], share, 1 - share)
    width = upper - lower
    median = inner[..., len(_INNER) // 2]
    curve = np.concatenate(
        [
            np.maximum(lower - tail * median * width - extra[..., 0], floor)[..., None],
            lower[..., None] + width[..., None] * inner,
            (upper + tail * (1 - median) * width + extra[..., 1])[..., None],
        ],
        axis=-1,
    )
    return curve, width * (steep @ _FIRST[1:-1])


def _spread(curve: FloatArray) -> FloatArray:
    centre = curve @ _FIRST
    second = ((curve @ _SECOND) * curve).sum(axis=-1)
    spread: FloatArray = np.sqrt(np.maximum(second - centre**2, 0.0))
    return spread
