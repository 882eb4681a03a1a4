"""The second stage: a particle swarm over powers and departures, valued by AC power flow.

Kennedy & Eberhart, *Particle swarm optimization*, Proc. ICNN 1995, with the inertia that falls
linearly of Shi & Eberhart, *A modified particle swarm optimizer*, Proc. IEEE ICEC 1998; the
operators are pymoo's.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from pymoo.algorithms.soo.nonconvex.pso import PSO
from pymoo.config import Config
from pymoo.core.evaluator import Evaluator
from pymoo.core.problem import Problem
from pymoo.problems.static import StaticProblem
from pymoo.termination.max_gen import MaximumGenerationTermination

from controllers.optimisation.ranges import check_ranges
from controllers.scheduling.problem.time_space import Route
from controllers.two_stage.daily_fleet import DailyFleet
from controllers.two_stage.particles import Particles
from controllers.two_stage.valuation import Valuation
from sim.control import StopPlanning, tell
from sim.units import FloatArray

# It would be printed to where results are.
Config.warnings["not_compiled"] = False

# The published inertia at the beginning and at the end, and the pull of a particle's own best
# position and of the swarm's.
_INERTIA = 0.9, 0.1
_PULL = 2.0

# Largest step over the range of a variable [-].
_STEP = 0.2

# The first generation: spread over the range of a variable of the closest and the farthest
# particle, and share of the powers in which a particle differs from the start [-]. Departures are
# few, and differ in every one.
_SPREAD = 1e-3, 0.3
_DIFFERENT = 0.1

# Less is no gain [USD].
_LEAST_USD = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStage:
    """How hard to search.

    Attributes
    ----------
    swarm_size
        Number of particles.
    swarm_iterations
        Number of generations after the first; with none there is no second stage.
    """

    swarm_size: int = 40
    swarm_iterations: int = 100

    def __post_init__(self) -> None:
        check_ranges(self, swarm_size=(2, 10_000), swarm_iterations=(0, 1_000_000))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Incumbent:
    """The best routes and powers so far, and what they cost.

    Attributes
    ----------
    routes
        Departures of each vehicle.
    p_mw, q_mvar
        ``(period, vehicle)``, positive injecting [MW, Mvar].
    usd
        What they cost under AC power flow [USD].
    """

    routes: tuple[Route, ...]
    p_mw: FloatArray = field(repr=False)
    q_mvar: FloatArray = field(repr=False)
    usd: float


def improve(
    start: Incumbent,
    fleet: DailyFleet,
    valuation: Valuation,
    period_h: float,
    effort: SecondStage,
    rng: np.random.Generator,
) -> Incumbent:
    """Return the best schedule that a swarm around a first one finds, or that one.

    Parameters
    ----------
    start
        The schedule to begin with; the first particle.
    fleet
        The vehicles.
    valuation
        Says what schedules cost.
    period_h
        Length of a period [h].
    effort
        How hard to search.
    rng
        Source of all that is random in it.
    """
    particles = Particles(fleet, start.routes, period_h)
    n_variables = len(particles.lower)
    if effort.swarm_iterations == 0 or n_variables == 0:
        return start
    problem = Problem(n_var=n_variables, n_obj=1, xl=particles.lower, xu=particles.upper)
    swarm = PSO(
        sampling=_around(
            particles, particles.point(start.p_mw, start.q_mvar), effort.swarm_size, rng
        ),
        pop_size=effort.swarm_size,
        c1=_PULL,
        c2=_PULL,
        adaptive=False,
        initial_velocity="zero",
        max_velocity_rate=_STEP,
        termination=MaximumGenerationTermination(1 + effort.swarm_iterations),
        seed=int(rng.integers(2**32)),
    )
    swarm.setup(problem)
    evaluator = Evaluator()
    inertia = np.linspace(*_INERTIA, effort.swarm_iterations).tolist()
    generations = itertools.count(1)
    while swarm.has_next():
        try:
            tell(
                f"second stage, generation {next(generations)} of {1 + effort.swarm_iterations}",
                best=start.usd if swarm.opt is None else float(swarm.opt[0].F[0]),
            )
        except StopPlanning:
            break
        if swarm.is_initialized:
            swarm.w = inertia.pop(0)
        generation = swarm.ask()
        usd = valuation.usd(particles.schedules(generation.get("X")))
        evaluator.eval(StaticProblem(problem, F=usd[:, None]), generation)
        swarm.tell(infills=generation)
    if swarm.opt is None:
        return start
    best = swarm.opt[0]
    best_usd = float(best.F[0])
    if not best_usd < start.usd - _LEAST_USD:
        return start
    found = particles.schedules(best.X[None])
    return Incumbent(
        routes=particles.routes(best.X), p_mw=found.p_mw[0], q_mvar=found.q_mvar[0], usd=best_usd
    )


def _around(
    particles: Particles, start: FloatArray, size: int, rng: np.random.Generator
) -> FloatArray:
    """Return the first generation, ``(particle, variable)``; its first particle is the start."""
    shape = (size, len(start))
    spread = np.geomspace(*_SPREAD, size)[:, None] * (particles.upper - particles.lower)
    different = particles.departs | (rng.random(shape) < _DIFFERENT)
    moved = spread * rng.standard_normal(shape) * different
    moved[0] = 0.0
    generation: FloatArray = np.clip(start + moved, particles.lower, particles.upper)
    return generation
