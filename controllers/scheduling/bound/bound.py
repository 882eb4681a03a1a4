"""Subgradient ascent on the Lagrangian dual: a proven lower bound, and routes good at its prices.

The dual is concave, and any prices give a valid bound (Held & Karp, *The traveling-salesman problem
and minimum spanning trees: part II*, Mathematical Programming 1, 1971; Fisher, *The Lagrangian
relaxation method for solving integer programming problems*, Management Science 27, 1981). The dual
has kinks and thousands of prices of very different size, so each price keeps running means of
its slope and of the slope's square (Kingma & Ba, *Adam: a method for stochastic optimization*,
ICLR 2015) and moves in units of its own scale by a step that shrinks with the iterations.

How often a route is taken while the prices settle is its weight in the best mixture of routes
(Larsson, Patriksson & Strömberg, *Ergodic, primal convergence in dual subgradient schemes for
convex programming*, Mathematical Programming 86, 1999): these routes are the columns from which a
search may choose.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from controllers.scheduling.bound.lagrangian import Lagrangian
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from sim.units import FloatArray

# Points of the vehicles' energy grid; the bound is valid whatever their number.
_POINTS = 51

_MEMORY_OF_SQUARES = 0.99

# The routes of this last share of the iterations are the columns.
_SETTLED = 0.5


class Ascent(NamedTuple):
    """How prices climb.

    Attributes
    ----------
    first_step, last_step
        In units of each price's scale; steps shrink geometrically from one to the other, to be
        small just when the iterations end [-].
    memory
        Share of the mean slope that each iteration keeps [-].
    plug_usd
        The scale of a plug's price for a period [USD].
    """

    first_step: float
    last_step: float
    memory: float
    plug_usd: float


COLUMNS = Ascent(first_step=0.1, last_step=0.001, memory=0.9, plug_usd=10.0)
"""Near the prices of the start: its routes are good columns."""

PROOF = Ascent(first_step=0.2, last_step=0.001, memory=0.95, plug_usd=100.0)
"""Far and fast, for the best bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the ascent has found.

    Attributes
    ----------
    usd
        Proven lower bound of the problem's mixed-integer model [USD].
    routes
        What the vehicles do at the best prices.
    columns
        Routes of each vehicle while the prices settled, the most frequent first.
    """

    usd: float
    routes: tuple[Route, ...]
    columns: tuple[tuple[Route, ...], ...]


def lower_bound(problem: SchedulingProblem, iterations: int, ascent: Ascent = PROOF) -> Bound:
    """Return the best bound of so many prices.

    Parameters
    ----------
    problem
        The problem.
    iterations
        How many prices are tried, at least 1; each takes a dynamic programme per vehicle.
    ascent
        How prices climb; any way is valid.
    """
    dual = Lagrangian(problem, _POINTS)
    scale = _scale(dual, ascent.plug_usd)
    memory = ascent.memory
    prices = dual.start()
    slope, square = np.zeros(len(scale)), np.zeros(len(scale))
    best_usd = -np.inf
    best_routes: tuple[Route, ...] = ((),) * problem.n_vehicles
    taken: list[Counter[Route]] = [Counter() for _ in range(problem.n_vehicles)]
    n = max(iterations, 1)
    for i in range(n):
        found = dual.evaluate(prices)
        if found.bound_usd > best_usd:
            best_usd, best_routes = found.bound_usd, found.paths.routes
        if i >= n * (1 - _SETTLED):
            for counter, route in zip(taken, found.paths.routes, strict=True):
                counter[route] += 1
        scaled = scale * found.slope
        slope = memory * slope + (1 - memory) * scaled
        square = _MEMORY_OF_SQUARES * square + (1 - _MEMORY_OF_SQUARES) * scaled**2
        mean = slope / (1 - memory ** (i + 1))
        spread = np.sqrt(square / (1 - _MEMORY_OF_SQUARES ** (i + 1)))
        step = ascent.first_step * (ascent.last_step / ascent.first_step) ** (i / n)
        move = scale * step * mean / np.maximum(spread, 1e-6)
        prices = dual.allowed(prices.vector() + move)
    return Bound(
        usd=best_usd,
        routes=best_routes,
        columns=tuple(tuple(r for r, _ in counter.most_common()) for counter in taken),
    )


def _scale(dual: Lagrangian, plug_usd: float) -> FloatArray:
    """Return how far each price may reasonably move, as `Prices.vector`."""
    start = dual.start()
    usd_per_mw = float(np.abs(dual.highest).max(initial=1.0))
    return np.concatenate(
        [
            np.maximum(dual.highest - dual.lowest, 0.0).ravel(),
            np.ones(len(start.limits)),
            np.full(len(start.axes_p) + len(start.axes_q), 0.1 * usd_per_mw),
            np.full(start.plugs.size, min(plug_usd, dual.queue_usd)),
        ]
    )
