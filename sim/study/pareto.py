"""The front of a controller with several objectives, every point carried out in the world."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from sim.control import ManyObjectives, Observation, Plan, capabilities_of
from sim.episode.record import EpisodeKey
from sim.episode.simulate import simulate
from sim.episode.specification import as_specs, build_for
from sim.episode.verification import Verify
from sim.errors import EpisodeError, InputError
from sim.powerflow.engines import engine
from sim.scenario import Scenario, as_scenario, load_scenario
from sim.study.execution.runner import nature_of
from sim.study.settings import check_numbers
from sim.system.system import System
from sim.uncertainty.forecaster import ExactForecaster
from sim.units import SECONDS_PER_HOUR, BoolArray, FloatArray
from sim.world.world import World

MINUTES_PER_HOUR = 60
# Differences below this share of an objective's range are none.
_ALIKE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Front:
    """Plans of one day, none of which is better than another in all objectives.

    Attributes
    ----------
    scenario, controller, seed, replication
        Whose front it is, and of which day.
    objectives
        Metrics that are weighed against each other; less is better.
    table
        One row per point, the cheapest in the first objective first: the objectives, ``knee``, the
        other metrics of the episode.
    tried
        Plans that were carried out, dominated ones included.
    seconds
        Wall time of planning and of all episodes [s].
    """

    scenario: str
    controller: str
    seed: int
    replication: int
    objectives: tuple[str, ...]
    table: pd.DataFrame
    tried: int
    seconds: float

    def summary(self) -> dict[str, object]:
        """Return what ``gridhaul pareto --json`` prints."""
        shown = [*self.objectives, "knee", "vm_pu_min", "vm_pu_max", "verify_max_diff_pu"]
        points = self.table[shown].to_dict(orient="records")
        return {
            "scenario": self.scenario,
            "controller": self.controller,
            "seed": self.seed,
            "replication": self.replication,
            "objectives": list(self.objectives),
            "points": [{str(k): _plain(v) for k, v in point.items()} for point in points],
            "tried": self.tried,
            "timings": {"seconds": self.seconds},
        }


def pareto(
    scenario: Scenario | str | os.PathLike[str],
    controller: object,
    *,
    points: int = 20,
    seed: int | None = None,
    replication: int = 0,
) -> Front:
    """Return the front of a controller with several objectives on one day.

    The day is known in advance and steps are as long as periods, so that a plan is what happens.
    The controller names plans; each is carried out in the world, AC power flow gives its
    objectives, and pandapower computes every step again. What another plan dominates is left out.

    Parameters
    ----------
    scenario
        As `load_scenario` returns it, or the name or folder of one.
    controller
        As for `gridhaul.run`; a controller that declares `Capabilities.objectives`.
    points
        About how many plans the controller is to name.
    seed
        Root of all randomness; None takes the scenario's.
    replication
        Which day.

    Raises
    ------
    InputError
        If the controller has one objective only, or is not found.
    EpisodeError
        If the controller fails, or no plan keeps the power flow solvable.
    """
    began = time.perf_counter()
    scenario, (spec,) = as_scenario(scenario), as_specs([controller])
    check_numbers("pareto", points=points)
    check_numbers("pareto", 0, seed=seed, replication=replication)
    whole = _by_periods(scenario)
    system, nature = whole.system, nature_of(whole)
    root = scenario.seed if seed is None else seed
    policy = cast("ManyObjectives", build_for(system, spec))
    objectives = capabilities_of(policy).objectives
    if not objectives:
        raise InputError.single(
            where=spec.name,
            key="controller",
            value=spec.name,
            message="has one objective, so that it has no front",
            remedy="Take one that declares Capabilities(objectives=...), such as multi_objective",
        )
    realisation = nature.draw(root, replication)

    def key(point: int) -> EpisodeKey:
        return EpisodeKey(
            scenario=scenario.name,
            controller=f"{spec.label}, point {point}",
            drawn_as=spec.drawn_as,
            seed=root,
            replication=replication,
        )

    world = World(
        system,
        realisation,
        ExactForecaster(nature, realisation),
        capabilities_of(policy),
        power_flow=engine(system.grid),
    )
    observation = next(world.decisions())
    policy.start(system, key(0).stream("controller"))
    plans = policy.front(observation, points)
    rows: list[Mapping[str, float]] = []
    for number, plan in enumerate(plans):
        episode = simulate(
            system,
            realisation,
            ExactForecaster(nature, realisation),
            _Follows(plan),
            key=key(number),
            verification=Verify.FULL,
        )
        if episode.metrics["unconverged_steps"] == 0:
            rows.append(episode.metrics)
    if not rows:
        raise EpisodeError(f"{spec.name} found no plan that can be carried out.")
    table = pd.DataFrame([dict(row) for row in rows])
    values = table[list(objectives)].to_numpy(dtype=np.float64)
    kept = non_dominated(values)
    table, values = table[kept].reset_index(drop=True), values[kept]
    table.insert(0, "knee", np.arange(len(table)) == knee(values))
    for name in reversed(objectives):
        table.insert(0, name, table.pop(name))
    table = table.sort_values(list(objectives), ignore_index=True)
    return Front(
        scenario=scenario.name,
        controller=str(spec),
        seed=root,
        replication=replication,
        objectives=objectives,
        table=table,
        tried=len(plans),
        seconds=time.perf_counter() - began,
    )


def non_dominated(values: FloatArray) -> BoolArray:
    """Return which points no other one dominates, ``(point,)``; of equal ones the first.

    Parameters
    ----------
    values
        ``(point, objective)``, less is better.
    """
    scale = np.maximum(np.ptp(values, axis=0), 1e-9) * _ALIKE
    grid = np.round(values / scale)
    kept = np.ones(len(grid), dtype=np.bool_)
    for i, own in enumerate(grid):
        better = (grid <= own).all(axis=1) & (grid < own).any(axis=1)
        kept[i] = not better.any() and not (grid[:i] == own).all(axis=1).any()
    return kept


def knee(values: FloatArray) -> int:
    """Return the point farthest below the plane through the ends of the objectives' ranges.

    With every objective scaled to its range that is the point with the least sum (Das, *On
    characterizing the "knee" of the Pareto curve based on normal-boundary intersection*, Structural
    Optimization 18, 1999).

    Parameters
    ----------
    values
        ``(point, objective)``, less is better.
    """
    spread = np.ptp(values, axis=0)
    scaled = (values - values.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    return int(scaled.sum(axis=1).argmin())


class _Follows:
    """Carries one plan out and decides nothing more."""

    def __init__(self, plan: Plan) -> None:
        self._next = plan

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Need nothing."""

    def decide(self, observation: Observation) -> Plan:  # noqa: ARG002 - the plan is made
        """Return the plan, then nothing."""
        plan, self._next = self._next, Plan()
        return plan


def _by_periods(scenario: Scenario) -> Scenario:
    """Return the scenario with steps as long as periods."""
    period_min = scenario.system.timing.period_s / SECONDS_PER_HOUR * MINUTES_PER_HOUR
    overrides = {**scenario.overrides, "timing.step_min": period_min}
    return load_scenario(scenario.source, overrides)


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
