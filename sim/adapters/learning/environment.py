"""A Gymnasium environment above the stepping interface; needs the extra ``gridhaul[gym]``."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from sim.adapters.learning.continuous import ContinuousActions
from sim.adapters.learning.features import Features, Numbers, flat
from sim.adapters.learning.menu import MenuActions
from sim.adapters.stepping import OpenEpisode, begin
from sim.control import Capabilities, Observation
from sim.errors import EpisodeError, InputError
from sim.scenario import Scenario, as_scenario
from sim.units import BoolArray

MENU, CONTINUOUS = "menu", "continuous"


class GridhaulEnvironment(gymnasium.Env[Any, Any]):
    """One scenario; an episode of the environment is a replication of it.

    A step is a decision. Its reward is what the steps of the world until the next decision have
    cost, negative [USD]: rewards sum to ``-objective_usd``. The end of the horizon terminates.

    Parameters
    ----------
    scenario
        As `load_scenario` returns it, or the name or folder of one.
    actions
        ``"continuous"``, or ``"menu"`` for one choice per vehicle.
    orders
        What continuous actions order; see `ContinuousActions`.
    look_ahead
        Periods of the forecast that are seen; see `Features`.
    flatten
        Whether observations are one vector in place of arrays by name.
    voltages
        Whether bus voltages are seen, which takes a power flow for each decision.
    replan_on
        What calls for a decision between the periods; see `Trigger`.
    root_seed
        Root of all randomness; None takes the scenario's.
    replications
        Among which days a reset without a seed draws; None for any.

    Attributes
    ----------
    episode
        The episode that is lived, None before the first reset; ``episode.close()`` returns its
        tables.
    features, actions
        What turns observations into numbers and numbers into plans.

    Notes
    -----
    ``reset(seed=n)`` begins replication ``n``: the day that `gridhaul.run` and `gridhaul.compare`
    call so. A reset without a seed draws one.

    ``info`` holds ``time_h``, ``action_mask``; after a step also ``cost_usd``, ``penalty_usd``,
    ``ledger`` (USD that the parties paid, by item; negative was received), ``clipped_mwh`` (energy
    that was ordered and could not be), ``invalid`` (departures that could not be, those vehicles
    stayed), ``voltage_violation_pu`` (of the worst step, summed over buses),
    ``loading_percent_max``.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        scenario: Scenario | str | os.PathLike[str],
        *,
        actions: str = CONTINUOUS,
        orders: Sequence[str] = ("departures", "power"),
        look_ahead: int | None = None,
        flatten: bool = False,
        voltages: bool = False,
        replan_on: Collection[str] = (),
        root_seed: int | None = None,
        replications: range | None = None,
    ) -> None:
        self._scenario = as_scenario(scenario)
        self._capabilities = Capabilities(needs_voltages=voltages, replan_on=frozenset(replan_on))
        self._root_seed = root_seed
        self._replications = range(2**31) if replications is None else replications
        system = self._scenario.system
        self.episode: OpenEpisode | None = None
        self._mask: BoolArray = np.empty((0, 0), dtype=np.bool_)  # of the last decision
        self.features = Features(system, look_ahead, voltages=self._capabilities.needs_voltages)
        self.actions = _actions(self._scenario, actions, orders)
        if isinstance(self.actions, MenuActions):
            self.action_space = spaces.MultiDiscrete(self.actions.sizes)
        else:
            self.action_space = spaces.Box(-1.0, 1.0, (self.actions.size,), np.float32)
        self._flatten = flatten
        bounds = self.features.bounds
        if flatten:
            low, high = (flat({name: own[i] for name, own in bounds.items()}) for i in range(2))
            self.observation_space = spaces.Box(low, high, dtype=np.float32)
        else:
            self.observation_space = spaces.Dict(
                {
                    name: spaces.Box(low, high, dtype=np.float32)
                    for name, (low, high) in bounds.items()
                }
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a replication: `seed`, or one that is drawn. There are no options."""
        super().reset(seed=seed)
        if options:
            raise ValueError(f"options(={options}) must be None: there are none.")
        replication = seed
        if replication is None:
            replication = self._replications[int(self.np_random.integers(len(self._replications)))]
        self.episode = begin(
            self._scenario,
            seed=self._root_seed,
            replication=replication,
            capabilities=self._capabilities,
            name="learner",
            verify="off",
        )
        observation = self.episode.observation
        return self._seen(observation), self._known(observation)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Carry an action out until the next decision.

        Raises
        ------
        EpisodeError
            If the episode is over, or there has been none.
        """
        if self.episode is None or self.episode.observation is None:
            raise EpisodeError("there is no episode to step: reset() the environment")
        plan, invalid = self.actions.decode(action, self.episode.observation)
        observation = self.episode.step(plan)
        paid = self.episode.statement()
        info = {
            **self._known(observation),
            "invalid": invalid,
            "clipped_mwh": self.episode.clipped_mwh,
            "cost_usd": paid.cost_usd,
            "penalty_usd": paid.penalty_usd,
            "ledger": dict(paid.paid_usd),
            "voltage_violation_pu": paid.voltage_violation_pu,
            "loading_percent_max": paid.loading_percent_max,
        }
        return self._seen(observation), -paid.objective_usd, observation is None, False, info

    def action_masks(self) -> BoolArray:
        """Return what is valid now as one vector, as maskable learners ask for it."""
        if self.episode is None or self.episode.observation is None:
            raise EpisodeError("there is no episode: reset() the environment")
        return self.actions.mask(self.episode.observation).ravel()

    def _seen(self, observation: Observation | None) -> dict[str, Numbers] | Numbers:
        """Return what is seen; at the end nothing is decided any more, and all is zero."""
        arrays = (
            self.features.nothing() if observation is None else self.features.arrays(observation)
        )
        return flat(arrays) if self._flatten else arrays

    def _known(self, observation: Observation | None) -> dict[str, Any]:
        timing = self._scenario.system.timing
        if observation is None:
            return {"time_h": timing.end_h, "action_mask": np.zeros_like(self._mask)}
        self._mask = self.actions.mask(observation)
        return {"time_h": observation.now_h, "action_mask": self._mask}


def _actions(
    scenario: Scenario, kind: str, orders: Sequence[str]
) -> ContinuousActions | MenuActions:
    if kind == MENU:
        return MenuActions(scenario.system)
    if kind == CONTINUOUS:
        return ContinuousActions(scenario.system, orders)
    raise InputError.single(
        where="make_env",
        key="actions",
        value=kind,
        message="is no kind of actions",
        remedy=f"There is: {CONTINUOUS}, {MENU}",
    )
