"""Every registered controller keeps the laws in every registered scenario."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

import pytest

from sim import plugins
from sim.episode.specification import ControllerSpec, build, build_for
from sim.errors import InputError
from sim.inspect.laws.determinism import law_determinism
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures
from sim.inspect.laws.money import law_money
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import Make, live
from sim.scenario import Scenario, load_scenario

# `ieee33` on a day on which everything happens that can.
STORMY = "ieee33, everything on"
UNCERTAIN = "three_bus, uncertain"
OVERRIDES = {
    STORMY: {
        "traffic.intensity": 1.5,
        "incidents.per_day": 100.0,
        "incidents.capacity_loss": 0.7,
        "breakdowns.per_1000_km": 100.0,
        "outages.per_line_year": 40.0,
        "outages.fixed": [{"line": "7-8", "from_h": 4, "hours": 2}],
        "profiles.months": [12, 1, 2],
        "storm.peak_h": 4,
        "storm.hours": 8,
        "storm.capacity_loss": 0.4,
        "storm.pv_loss": 0.8,
        "storm.wind_gain": 0.8,
        "wind.gusts": 1.0,
        "forecast.error": 2.0,
    },
    UNCERTAIN: {"uncertainty": "on"},
}
ON_CALL = "rolling, on call"
PARAMETERS = {
    "two_stage": (
        ("gap", 1.0),
        ("nodes", 1),
        ("searches", 1),
        ("swarm_size", 5),
        ("swarm_iterations", 3),
    ),
    ON_CALL: (("replan_on", ("arrival", "delay", "outage", "ev_arrival", "voltage_violation")),),
}
# What plans takes minutes on 179 buses: there it keeps the laws with little effort, and on request.
LARGE = "oberrhein"
QUICK_CONTROLLERS = ("idle", "greedy")
LITTLE_EFFORT = {"orders": 1, "sweeps": 1, "levels": 2, "trials": 0}
N_PERIODS = 8
# Of `feeder41`, whose optimum takes long to prove, of six trucks, and of the largest: enough for a
# trip.
FEWER_PERIODS = {"feeder41": 4, "residential_ev": 4, LARGE: 4}


@lru_cache
def load(name: str) -> Scenario:
    loaded = load_scenario(name.partition(",")[0], OVERRIDES.get(name, {}))
    return shortened(loaded, FEWER_PERIODS.get(name, N_PERIODS))


def fits(controller: str, scenario: str) -> bool:
    """Whether the scenario has what the controller requires."""
    try:
        build_for(load(scenario).system, ControllerSpec(name=controller))
    except InputError as error:
        if error.problems[0].key != "requires":
            raise
        return False
    return True


PAIRS = [
    (controller, scenario)
    for scenario in (*plugins.names(plugins.SCENARIOS), STORMY, UNCERTAIN)
    for controller in plugins.names(plugins.CONTROLLERS)
    if fits(controller, scenario)
] + [(ON_CALL, STORMY)]


def is_planning_on_large(controller: str, scenario: str) -> bool:
    return scenario == LARGE and controller not in QUICK_CONTROLLERS


pytestmark = pytest.mark.parametrize(
    ("controller", "scenario"),
    [
        pytest.param(
            controller,
            scenario,
            id=f"{controller}-{scenario}",
            marks=[pytest.mark.slow] * is_planning_on_large(controller, scenario),
        )
        for controller, scenario in PAIRS
    ],
)


def maker(name: str, scenario: str) -> Make:
    parameters = PARAMETERS.get(name, ())
    if is_planning_on_large(name, scenario):
        known = inspect.signature(plugins.load(plugins.CONTROLLERS, name).Parameters).parameters
        parameters += tuple((key, n) for key, n in LITTLE_EFFORT.items() if key in known)
    spec = ControllerSpec(name=name.partition(",")[0], parameters=parameters)
    return lambda: build(spec)


def test_no_controller_anticipates(controller: str, scenario: str) -> None:
    loaded = load(scenario)
    law_non_anticipation(
        loaded, maker(controller, scenario), (1, loaded.system.timing.n_periods - 2)
    )


def test_one_seed_gives_one_result(controller: str, scenario: str) -> None:
    law_determinism(load(scenario), maker(controller, scenario))


def test_energy_and_money_close_and_failures_have_names(controller: str, scenario: str) -> None:
    episode, _ = live(load(scenario), maker(controller, scenario)())
    law_energy(load(scenario), episode)
    law_money(load(scenario), episode)
    law_named_failures(episode)
    assert episode.metrics["fallbacks"] == 0


def test_energy_closes_without_the_guard(controller: str, scenario: str) -> None:
    def no_guard(_battery: Any, _energy: float, p: float, q: float, _hours: float) -> Any:
        return p, q

    episode, _ = live(load(scenario), maker(controller, scenario)(), guard=no_guard)
    law_energy(load(scenario), episode)
