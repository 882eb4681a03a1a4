"""The scenario on which a controller is checked where none is named."""

from __future__ import annotations

import dataclasses

import numpy as np

from sim.episode.specification import ControllerSpec, build_for
from sim.errors import InputError, Problem
from sim.plugins import SCENARIOS, names
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.realisation import Nature


def shortened(scenario: Scenario, n_periods: int) -> Scenario:
    """Return the scenario with at most `n_periods` periods, so that a law takes seconds."""
    timing = scenario.system.timing
    n = min(n_periods, timing.n_periods)
    timing = dataclasses.replace(timing, n_periods=n, horizon=min(timing.horizon, n))
    return dataclasses.replace(scenario, system=dataclasses.replace(scenario.system, timing=timing))


def suitable_scenario(controller: ControllerSpec) -> Scenario:
    """Return the smallest installed scenario that has what a controller requires, and surprises.

    Small is what has few buses and vehicles. Where every day is the same nobody can anticipate, so
    such a scenario is taken only if no other one fits.

    Raises
    ------
    InputError
        If the controller cannot be built, or no installed scenario fits.
    """
    fitting: list[Scenario] = []
    refused: list[Problem] = []
    for name in names(SCENARIOS):
        scenario = load_scenario(name)
        try:
            build_for(scenario.system, controller)
        except InputError as error:
            if error.problems[0].key != "requires":
                raise
            refused.extend(error.problems)
            continue
        fitting.append(scenario)
    if not fitting:
        raise InputError(refused)
    fitting.sort(key=lambda each: (each.system.grid.n_buses * len(each.system.vehicles), each.name))
    return next((each for each in fitting if has_surprises(each)), fitting[0])


def has_surprises(scenario: Scenario) -> bool:
    """Return whether two days of a scenario differ."""
    short = shortened(scenario, 8)
    nature = Nature.build(short.system, short.uncertainty)
    one, two = (nature.draw(scenario.seed, replication) for replication in (0, 1))
    return any(
        not np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("profile", "link_speed_kmh", "rail_delay_h")
    )
