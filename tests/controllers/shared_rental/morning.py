"""The first hours of `shared_feeders` as the controller sees them at midnight."""

from __future__ import annotations

from functools import lru_cache

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.distances import station_distances_km
from controllers.shared_rental.case import Case, case_of
from controllers.shared_rental.margins import margin_of
from controllers.shared_rental.proposal import Decision
from controllers.shared_rental.search import Found, best_offer
from sim.control import Capabilities, Observation
from sim.inspect.laws.scenario_choice import shortened
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature
from sim.world.world import World

LEVELS = (0.0, 40.0, 60.0, 90.0)


@lru_cache
def scenario(hours: int = 10) -> Scenario:
    return shortened(load_scenario("shared_feeders"), hours)


@lru_cache
def observation(hours: int = 10) -> Observation:
    own = scenario(hours)
    nature = Nature.build(own.system, own.uncertainty)
    day = nature.draw(own.seed, 0)
    forecaster = CalibratedForecaster.build(nature, day)
    return next(World(own.system, day, forecaster, Capabilities(), power_flow=None).decisions())


@lru_cache
def case(
    uncertainty: str = "chance",
    deviations: float | None = None,
    eps: float = 0.05,
    hours: int = 10,
) -> Case:
    system = scenario(hours).system
    margin = margin_of(uncertainty, eps, deviations)
    return case_of(system, observation(hours), station_distances_km(system), margin)


def decision(**changes: object) -> Decision:
    values = {
        "levels": LEVELS,
        "step_mwh": 0.001,
        "owner": True,
        "tied": False,
        "tolerance": 0.01,
        "limits": WorkLimits(nodes=500, relative_gap=0.002),
    }
    return Decision(**(values | changes))  # type: ignore[arg-type]


@lru_cache
def best(uncertainty: str = "chance", *, owner: bool = True, tied: bool = False) -> Found:
    return best_offer(case(uncertainty), decision(owner=owner, tied=tied))
