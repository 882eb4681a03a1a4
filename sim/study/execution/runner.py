"""One episode: a pure function of scenario, controller, seed and replication."""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np

from sim.control import Controller
from sim.electrical.injections import injections
from sim.episode.episode import Episode
from sim.episode.handover import HandedOverForecaster, HandOver
from sim.episode.specification import ControllerSpec, build_for
from sim.episode.tables import Lived, tabulate
from sim.episode.verification import Electrics, Verify, electrics
from sim.errors import EpisodeError, GridhaulError
from sim.powerflow.pgm import PowerGridModelFlow
from sim.powerflow.switched import SwitchedFlow
from sim.scenario import Scenario
from sim.system.grid import Grid
from sim.system.system import System
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import ExactForecaster, Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.uncertainty.streams import stream
from sim.world.world import World

__all__ = ["Verify", "nature_of", "run_episode"]


def _start(policy: Controller, system: System, rng: np.random.Generator) -> None:
    """Start a controller; what it raises is a failed run, not a crash of the program."""
    try:
        policy.start(system, rng)
    except GridhaulError:
        raise
    except Exception as error:
        raise EpisodeError(f"{type(error).__name__}: {error}") from error


def _forecaster(policy: Controller, nature: Nature, realisation: Realisation) -> Forecaster:
    if getattr(policy, "clairvoyant", False):
        return ExactForecaster(nature, realisation)
    return CalibratedForecaster.build(nature, realisation)


@lru_cache(maxsize=16)  # a stress study goes round its points
def nature_of(scenario: Scenario) -> Nature:
    """Return what all replications of `scenario` have in common, prepared once per process."""
    return Nature.build(scenario.system, scenario.uncertainty)


@lru_cache(maxsize=4)
def _engine(grid: Grid) -> SwitchedFlow:
    return SwitchedFlow(grid, PowerGridModelFlow)


@lru_cache(maxsize=4)
def _second_engine(grid: Grid) -> SwitchedFlow:
    # pandapower takes seconds to import: only who verifies pays.
    from sim.powerflow.pandapower import PandapowerFlow

    return SwitchedFlow(grid, PandapowerFlow)


def run_episode(
    scenario: Scenario,
    controller: ControllerSpec,
    *,
    seed: int,
    replication: int,
    verify: Verify,
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

    Raises
    ------
    InputError
        If the controller cannot be built, or does not fit the scenario.
    EpisodeError
        If the controller fails at its start, or the verification finds a difference.
    """
    clock = [time.perf_counter()]
    system, nature = scenario.system, nature_of(scenario)
    policy = build_for(system, controller)
    realisation = nature.draw(seed, replication)
    forecaster = _forecaster(policy, nature, realisation)
    if controller.then is not None:
        named, from_period = controller.then.controller, controller.then.from_period
        second = build_for(system, named)
        forecaster = HandedOverForecaster(
            forecaster, _forecaster(second, nature, realisation), from_period
        )
        rng = stream(seed, replication, "controller", named.name)
        policy = HandOver(policy, second, from_period, rng)
    engine = _engine(system.grid)
    clock.append(time.perf_counter())

    _start(policy, system, stream(seed, replication, "controller", controller.name))
    world = World(
        system,
        realisation,
        forecaster,
        policy,
        power_flow=engine,
    )
    recorder = world.run()
    clock.append(time.perf_counter())

    found = injections(system, realisation, world.metered(), slice(None))
    verifier = None if verify is Verify.OFF else _second_engine(system.grid)
    audit = stream(seed, replication, "verification", controller.name)
    solved: Electrics = electrics(
        system, found, world.topology.line_out, engine, verifier, verify, audit
    )
    clock.append(time.perf_counter())

    names = ("draw", "world", "power flow and verification")
    return tabulate(
        Lived(
            scenario=scenario.name,
            controller=controller.label,
            seed=seed,
            replication=replication,
            system=system,
            realisation=realisation,
            recorder=recorder,
            trips=tuple(trip for vehicle in world.fleet for trip in vehicle.trips),
            spans=tuple(world.spans),
            evs_short=world.evs.short,
            electrics=solved,
            refused=world.dispatch.refused,
            lmp_usd_per_mwh=world.lmp_usd_per_mwh,
            seconds=dict(zip(names, np.diff(clock), strict=True)),
        )
    )
