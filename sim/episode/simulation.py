"""An episode that is lived: its world, its money so far, and its tables at the end."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sim.control import Capabilities
from sim.electrical.electrics import electrics
from sim.electrical.injections import injections
from sim.episode.account import Account
from sim.episode.episode import Episode
from sim.episode.ledger import ledger
from sim.episode.metrics import metrics
from sim.episode.record import EpisodeKey, EpisodeRecord
from sim.episode.tables import episode_of
from sim.episode.verification import Verify, verify
from sim.powerflow.engines import engine
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.world.guard import Guard, limit_power
from sim.world.recorder import Decision
from sim.world.world import World


class Simulation:
    """One replication, from its first moment to its tables.

    Parameters
    ----------
    system, realisation
        What exists and what will happen.
    forecaster
        What is told to whoever decides.
    capabilities
        What whoever decides waits for and is shown.
    guard
        What limits ordered power.
    key
        What the episode is called; the choice of steps that are verified follows from it.
    follow
        Called with every decision as soon as it is made; what it raises ends the episode.

    Attributes
    ----------
    world
        What is lived: its decisions are asked for and answered outside.
    """

    def __init__(
        self,
        system: System,
        realisation: Realisation,
        forecaster: Forecaster,
        capabilities: Capabilities,
        guard: Guard = limit_power,
        *,
        key: EpisodeKey,
        follow: Callable[[Decision], None] = lambda _: None,
    ) -> None:
        self._system, self._realisation, self._key = system, realisation, key
        self._started = time.perf_counter()
        self.world = World(
            system,
            realisation,
            forecaster,
            capabilities,
            guard=guard,
            power_flow=engine(system.grid),
            follow=follow,
        )

    def account(self) -> Account:
        """Return what has been paid so far; it grows with the world."""
        return Account(self._system, self._realisation, self.world)

    def episode(self, verification: Verify = Verify.OFF, figures: tuple[str, ...] = ()) -> Episode:
        """Return the tables of the episode, which must be over.

        Parameters
        ----------
        verification
            Which steps pandapower computes again.
        figures
            Figures of decisions that are metrics of the episode; see `Capabilities`.

        Raises
        ------
        EpisodeError
            If the verification finds a difference.
        """
        system, realisation, world = self._system, self._realisation, self.world
        clock = [self._started, time.perf_counter()]
        line_out = world.metered.topology.line_out
        found = injections(system, realisation, world.metered, slice(None))
        solved = electrics(system, found, line_out, engine(system.grid))
        verified = verify(system, solved, line_out, verification, self._key.stream("verification"))
        clock.append(time.perf_counter())

        lived = system.priced(realisation.profile)
        record = EpisodeRecord(
            key=self._key,
            system=lived,
            realisation=realisation,
            recorder=world.recorder,
            readings=world.recorder.table(),
            trips=tuple(trip for vehicle in world.fleet for trip in vehicle.trips),
            evs_short=world.evs.short,
            evs_impossible=world.evs.impossible,
            refused=world.units.refused,
            lmp_usd_per_mwh=world.orders.lmp_usd_per_mwh.rows,
            electrics=solved,
            verification=verified,
            figures=figures,
            seconds=dict(
                zip(("world", "power flow and verification"), np.diff(clock), strict=True)
            ),
        )
        payments = ledger(lived, solved, record.readings)
        return episode_of(record, payments, metrics(record, payments))
