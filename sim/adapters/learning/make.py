"""Make an environment of any scenario."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, cast

from sim.errors import InputError
from sim.scenario import Scenario, as_scenario

if TYPE_CHECKING:
    from sim.adapters.learning.environment import GridhaulEnvironment

ENTRY_POINT = "sim.adapters.learning.environment:GridhaulEnvironment"


def name_of(scenario: str) -> str:
    """Return the name under which Gymnasium knows the environment of a scenario."""
    return f"gridhaul/{re.sub('[^a-zA-Z0-9_.-]', '_', scenario)}-v0"


def make_env(scenario: Scenario | str | os.PathLike[str], **options: Any) -> GridhaulEnvironment:
    """Make a Gymnasium environment of a scenario.

    Parameters
    ----------
    scenario
        As `load_scenario` returns it, or the name or folder of one.
    **options
        Those of `GridhaulEnvironment`: ``actions, orders, look_ahead, flatten, voltages, replan_on,
        root_seed, replications``.

    Raises
    ------
    InputError
        If gymnasium is not installed, or there is no such scenario or kind of actions.
    """
    try:
        import gymnasium
    except ImportError:
        raise InputError.single(
            where="make_env",
            key="gymnasium",
            value="",
            message="is not installed",
            remedy="Install gridhaul[gym]",
        ) from None
    loaded = as_scenario(scenario)
    spec = gymnasium.envs.registration.EnvSpec(
        id=name_of(loaded.name),
        entry_point=ENTRY_POINT,
        kwargs={"scenario": loaded, **options},
    )
    made = gymnasium.make(spec, disable_env_checker=True)
    return cast("GridhaulEnvironment", made.unwrapped)
