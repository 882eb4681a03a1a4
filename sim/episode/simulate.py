"""One episode, from what exists and will happen to its tables."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sim.control import Controller, capabilities_of
from sim.electrical.electrics import electrics
from sim.electrical.injections import injections
from sim.episode.episode import Episode
from sim.episode.ledger import ledger
from sim.episode.metrics import metrics
from sim.episode.record import EpisodeKey, EpisodeRecord
from sim.episode.tables import episode_of
from sim.episode.verification import Verify, verify
from sim.errors import EpisodeError, GridhaulError
from sim.powerflow.engines import engine
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.user_code import contained
from sim.world.failures import reason
from sim.world.guard import Guard, limit_power
from sim.world.recorder import Decision
from sim.world.world import World


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
    clock = [time.perf_counter()]
    _start(controller, system, key.stream("controller"))
    world = World(
        system,
        realisation,
        forecaster,
        capabilities_of(controller),
        guard=guard,
        power_flow=engine(system.grid),
        follow=follow,
    )
    recorder = world.run(controller)
    clock.append(time.perf_counter())

    line_out = world.metered.topology.line_out
    found = injections(system, realisation, world.metered, slice(None))
    solved = electrics(system, found, line_out, engine(system.grid))
    verified = verify(system, solved, line_out, verification, key.stream("verification"))
    clock.append(time.perf_counter())

    lived = system.priced(realisation.profile)
    record = EpisodeRecord(
        key=key,
        system=lived,
        realisation=realisation,
        recorder=recorder,
        readings=recorder.table(),
        trips=tuple(trip for vehicle in world.fleet for trip in vehicle.trips),
        evs_short=world.evs.short,
        evs_impossible=world.evs.impossible,
        refused=world.units.refused,
        lmp_usd_per_mwh=world.orders.lmp_usd_per_mwh.rows,
        electrics=solved,
        verification=verified,
        figures=capabilities_of(controller).figures,
        seconds=dict(zip(("world", "power flow and verification"), np.diff(clock), strict=True)),
    )
    payments = ledger(lived, solved, record.readings)
    return episode_of(record, payments, metrics(record, payments))


def _start(controller: Controller, system: System, rng: np.random.Generator) -> None:
    """Start a controller; what it raises is a failed run, not a crash of the program."""
    try:
        with contained():
            controller.start(system, rng)
    except GridhaulError:
        raise
    except Exception as error:
        raise EpisodeError(f"start() failed: {reason(error)}") from error
