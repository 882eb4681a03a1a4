"""The stepping interface: somebody else asks for one decision after the other.

It stands above the same world as `gridhaul.run`, without threads: what is sent in step by step
gives the tables that a controller with the same plans gets.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

import pandas as pd

from sim.control import Capabilities, Observation, Plan
from sim.episode.account import Account, Statement
from sim.episode.episode import Episode
from sim.episode.fitting import misfit
from sim.episode.following import Follower
from sim.episode.record import EpisodeKey
from sim.episode.simulation import Simulation
from sim.episode.verification import Verify
from sim.errors import EpisodeError, InputError
from sim.scenario import Scenario, as_scenario
from sim.study.execution.runner import forecaster_for, nature_of, one_thread
from sim.study.settings import as_verify, check_numbers
from sim.system.system import System


class OpenEpisode:
    """An episode that waits for its next plan.

    Parameters
    ----------
    simulation
        What is lived.
    system
        What exists.
    capabilities
        What whoever decides waits for and is shown.
    verification
        Which steps pandapower computes again as it is closed.

    Attributes
    ----------
    system
        What exists.
    observation
        What is known now; None once the episode is over.
    """

    def __init__(
        self,
        simulation: Simulation,
        system: System,
        capabilities: Capabilities,
        verification: Verify,
    ) -> None:
        self.system = system
        self._simulation = simulation
        self._capabilities = capabilities
        self._verification = verification
        self._account: Account = simulation.account()
        self._statements: list[Statement] = []
        self._questions: Generator[Observation, Plan, None] = simulation.world.decisions()
        self._closed: Episode | None = None
        self.observation: Observation | None = next(self._questions, None)

    def step(self, plan: Plan) -> Observation | None:
        """Carry a plan out until the next decision is due.

        Parameters
        ----------
        plan
            Row 0 is the period that starts now. One that makes no sense is recorded as a failed
            decision, and the orders in force stay.

        Returns
        -------
        Observation or None
            What is known then; None once the episode is over.

        Raises
        ------
        EpisodeError
            If the episode is over, or the plan fails and the episode is strict.
        """
        if self.observation is None:
            raise EpisodeError("the episode is over: there is nothing to decide; close() it")
        self.observation = None  # should the step raise, it is over
        with contextlib.suppress(StopIteration):
            self.observation = self._questions.send(plan)
        return self.observation

    def statement(self) -> Statement:
        """Return what the steps since the last statement have cost.

        All statements together are the ledger, the cost and the penalty of the episode: sums of
        money agree but for rounding. One power flow serves all of these steps.
        """
        found = self._account.statement()
        self._statements.append(found)
        return found

    @property
    def ledger(self) -> pd.DataFrame:
        """All payments so far, ``step, payer, payee, item, usd``."""
        self.statement()
        return pd.concat([each.ledger for each in self._statements], ignore_index=True)

    @property
    def objective_usd(self) -> float:
        """Cost and penalties so far [USD]."""
        self.statement()
        return sum(each.objective_usd for each in self._statements)

    @property
    def clipped_mwh(self) -> float:
        """Energy that the last plan has ordered, and that could not be, so far [MWh]."""
        return self._simulation.world.clipped_mwh()

    def close(self) -> Episode:
        """Return the tables of the episode; what is left of it is lived under the orders in force.

        Raises
        ------
        EpisodeError
            If the verification finds a difference.
        """
        while self.observation is not None:
            self.step(Plan())
        if self._closed is None:
            self._closed = self._simulation.episode(self._verification, self._capabilities.figures)
        return self._closed


def begin(
    scenario: Scenario | str | os.PathLike[str],
    *,
    seed: int | None = None,
    replication: int = 0,
    capabilities: Capabilities | None = None,
    name: str = "stepped",
    verify: str = "full",
    strict: bool = False,
) -> OpenEpisode:
    """Begin an episode that is driven from outside.

    Parameters
    ----------
    scenario
        As `load_scenario` returns it, or the name or folder of one.
    seed, replication
        See `gridhaul.run`: equal numbers are equal days.
    capabilities
        What whoever decides waits for and is shown, as a controller says it; None for a decision
        once a period and no voltages.
    name
        Who decides, as tables call it.
    verify
        How many steps pandapower computes again as the episode is closed: ``"full"``, ``"audit"``
        or ``"off"``.
    strict
        Stop at the first failed decision; otherwise it is told, and the plan in force stays.

    Raises
    ------
    InputError
        If there is no such scenario, or it lacks what the capabilities require.
    """
    scenario = as_scenario(scenario)
    check_numbers("begin", 0, seed=seed, replication=replication)
    check, own = as_verify(verify), capabilities or Capabilities()
    system = scenario.system
    if message := misfit(own, system):
        raise InputError.single(
            where="begin",
            key="capabilities",
            value=", ".join(sorted(own.requires)),
            message=message,
            remedy="Require what the scenario has, or nothing",
        )
    nature = nature_of(scenario)
    root = scenario.seed if seed is None else seed
    with one_thread():
        realisation = nature.draw(root, replication)
    simulation = Simulation(
        system,
        realisation,
        forecaster_for(own, nature, realisation),
        own,
        key=EpisodeKey(
            scenario=scenario.name,
            controller=name,
            seed=root,
            replication=replication,
            drawn_as=name,
        ),
        follow=Follower(controller=name, strict=strict, tell=True),
    )
    return OpenEpisode(simulation, system, own, check)
