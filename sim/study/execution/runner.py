"""One episode of a study: a pure function of scenario, controller, seed and replication."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, lru_cache

import pandas as pd
import scipy.linalg  # noqa: F401  (its BLAS is one of the libraries below)
from threadpoolctl import ThreadpoolController

from sim.control import Capabilities, capabilities_of
from sim.episode.deadline import Limited
from sim.episode.episode import Episode
from sim.episode.handover import HandedOverForecaster, HandOver
from sim.episode.record import EpisodeKey
from sim.episode.simulate import simulate
from sim.episode.specification import ControllerSpec, build_for
from sim.episode.verification import Verify
from sim.scenario import Scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import ExactForecaster, Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.world.recorder import Decision


@cache
def _libraries() -> ThreadpoolController:
    """Return the numerical libraries of this process.

    On how many threads they add up decides the last digits, and a plan may hang on those: an
    episode runs on one, wherever it runs. Small matrices gain nothing from more.
    """
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which numerical libraries run on one thread."""
    limit: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limit


@lru_cache(maxsize=16)  # a stress study goes round its points
def nature_of(scenario: Scenario) -> Nature:
    """Return what all replications of `scenario` have in common, prepared once per process."""
    with one_thread():
        return Nature.build(scenario.system, scenario.uncertainty)


def run_episode(
    scenario: Scenario,
    controller: ControllerSpec,
    *,
    seed: int,
    replication: int,
    verify: Verify,
    follow: Callable[[Decision], None] = lambda _: None,
    deadline_s: float | None = None,
) -> Episode:
    """Run one controller through one replication.

    Parameters
    ----------
    scenario
        What exists and what may happen.
    controller
        Who decides.
    seed, replication
        Key of the realisation: equal keys are equal days for every controller.
    verify
        Which steps pandapower computes again.
    follow
        Called with every decision as soon as it is made; what it raises ends the episode.
    deadline_s
        Wall clock for each decision [s]; see `sim.episode.deadline`. None for no limit.

    Raises
    ------
    InputError
        If the controller cannot be built, or does not fit the scenario.
    EpisodeError
        If the controller fails at its start, or the verification finds a difference.
    """
    with one_thread():
        started = time.perf_counter()
        system, nature = scenario.system, nature_of(scenario)
        policy = build_for(system, controller)
        realisation = nature.draw(seed, replication)
        forecaster = forecaster_for(capabilities_of(policy), nature, realisation)
        key = EpisodeKey(
            scenario=scenario.name,
            controller=controller.label,
            seed=seed,
            replication=replication,
            drawn_as=controller.drawn_as,
        )
        if controller.then is not None:
            named, from_period = controller.then.controller, controller.then.from_period
            second = build_for(system, named)
            forecaster = HandedOverForecaster(
                forecaster,
                forecaster_for(capabilities_of(second), nature, realisation),
                from_period,
            )
            streams = tuple(
                dataclasses.replace(key, drawn_as=each.drawn_as).stream("controller")
                for each in controller.in_turn
            )
            policy = HandOver(policy, second, from_period, streams)
        if deadline_s is not None:
            policy = Limited(policy, deadline_s)
        drawn_s = time.perf_counter() - started
        episode = simulate(
            system, realisation, forecaster, policy, key=key, verification=verify, follow=follow
        )
        draw = pd.DataFrame({"name": ["draw"], "seconds": [drawn_s]})
        return dataclasses.replace(
            episode, timings=pd.concat([episode.timings, draw], ignore_index=True)
        )


def forecaster_for(
    capabilities: Capabilities, nature: Nature, realisation: Realisation
) -> Forecaster:
    """Return who tells a controller with these capabilities what is expected."""
    if capabilities.clairvoyant:
        return ExactForecaster(nature, realisation)
    return CalibratedForecaster.build(nature, realisation)
