"""A proven lower bound of a scheduling problem, and routes that are good at its prices.

The Lagrangian dual is concave, and any prices give a valid bound; what is left is to climb. The
dual has kinks and thousands of prices of very different size, so each price keeps running means of
its slope and of the slope's square (Kingma & Ba, *Adam: a method for stochastic optimization*,
ICLR 2015) and moves in units of its own scale by a step that shrinks with the iterations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.models.lagrangian import Lagrangian
from controllers.models.problem import SchedulingProblem
from controllers.models.timespace import Route
from sim.units import FloatArray

# Points of the vehicles' energy grid; the bound is valid whatever their number.
_POINTS = 51

_FIRST_STEP = 0.1
_HALF_STEP_AFTER = 20
_MEMORY, _MEMORY_OF_SQUARES = 0.9, 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the ascent has found.

    Attributes
    ----------
    usd
        Proven lower bound of the problem's mixed-integer model [USD].
    routes
        What the vehicles do at the best prices.
    """

    usd: float
    routes: tuple[Route, ...]


def lower_bound(problem: SchedulingProblem, iterations: int) -> Bound:
    """Return the best bound of so many prices.

    Parameters
    ----------
    problem
        The problem.
    iterations
        How many prices are tried, at least 1; each takes a dynamic programme per vehicle.
    """
    dual = Lagrangian(problem, _POINTS)
    scale = _scale(dual)
    prices = dual.start()
    slope, square = np.zeros(len(scale)), np.zeros(len(scale))
    best = Bound(usd=-np.inf, routes=((),) * problem.n_vehicles)
    for i in range(max(iterations, 1)):
        found = dual.evaluate(prices)
        if found.bound_usd > best.usd:
            best = Bound(usd=found.bound_usd, routes=found.paths.routes)
        scaled = scale * found.slope
        slope = _MEMORY * slope + (1 - _MEMORY) * scaled
        square = _MEMORY_OF_SQUARES * square + (1 - _MEMORY_OF_SQUARES) * scaled**2
        mean = slope / (1 - _MEMORY ** (i + 1))
        spread = np.sqrt(square / (1 - _MEMORY_OF_SQUARES ** (i + 1)))
        step = _FIRST_STEP / (1 + i / _HALF_STEP_AFTER)
        move = scale * step * mean / np.maximum(spread, 1e-6)
        prices = dual.allowed(prices.vector() + move)
    return best


def _scale(dual: Lagrangian) -> FloatArray:
    """Return how far each price may reasonably move, as `Prices.vector`."""
    start = dual.start()
    usd_per_mw = float(np.abs(dual.highest).max(initial=1.0))
    return np.concatenate(
        [
            np.maximum(dual.highest - dual.lowest, 0.0),
            np.ones(len(start.limits)),
            np.full(len(start.axes_p) + len(start.axes_q), 0.1 * usd_per_mw),
            np.full(start.plugs.size, min(10.0, dual.queue_usd)),
        ]
    )
