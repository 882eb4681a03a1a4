"""One episode, from what exists and will happen to its tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.control import Controller, capabilities_of
from sim.episode.episode import Episode
from sim.episode.record import EpisodeKey
from sim.episode.simulation import Simulation
from sim.episode.verification import Verify
from sim.errors import EpisodeError, GridhaulError
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.user_code import contained
from sim.world.failures import reason
from sim.world.guard import Guard, limit_power
from sim.world.recorder import Decision


def simulate(
    system: System,
    realisation: Realisation,
    forecaster: Forecaster,
    controller: Controller,
    guard: Guard = limit_power,
    *,
    key: EpisodeKey,
    verification: Verify = Verify.OFF,
    follow: Callable[[Decision], None] = lambda _: None,
) -> Episode:
    """Let one controller live through one replication.

    Parameters
    ----------
    system, realisation
        What exists and what will happen.
    forecaster
        What the controller is told.
    controller
        Who decides; it is started here, with a random stream of its own.
    guard
        What limits ordered power.
    key
        What the episode is called; its random streams (the controller's, and the choice of steps
        that are verified) follow from it.
    verification
        Which steps pandapower computes again.
    follow
        Called with every decision as soon as it is made; what it raises ends the episode.

    Raises
    ------
    EpisodeError
        If the controller fails at its start, or the verification finds a difference.
    """
    _start(controller, system, key.stream("controller"))
    simulation = Simulation(
        system,
        realisation,
        forecaster,
        capabilities_of(controller),
        guard,
        key=key,
        follow=follow,
    )
    simulation.world.run(controller)
    return simulation.episode(verification, capabilities_of(controller).figures)


def _start(controller: Controller, system: System, rng: np.random.Generator) -> None:
    """Start a controller; what it raises is a failed run, not a crash of the program."""
    try:
        with contained():
            controller.start(system, rng)
    except GridhaulError:
        raise
    except Exception as error:
        raise EpisodeError(f"start() failed: {reason(error)}") from error
