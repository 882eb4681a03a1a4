"""Every registered controller keeps the laws in every registered scenario."""

from __future__ import annotations

import inspect
from functools import lru_cache

import pytest

from sim import plugins
from sim.control import Controller
from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec, build, build_for
from sim.errors import InputError
from sim.inspect.laws.determinism import law_determinism
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures
from sim.inspect.laws.money import law_money
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import Witness, live, no_guard
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.realisation import Nature
from sim.world.guard import Guard, limit_power

# Coverage would cost a third more: what the laws run, tests of its own cover.
pytestmark = pytest.mark.no_cover

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
    "robust": (("horizon", 3), ("samples", 200), ("prices", 0)),
    "shared_rental": (("price_levels", (0.0, 60.0)), ("uncertainty", "none"), ("nodes", 20)),
    ON_CALL: (("replan_on", ("arrival", "delay", "outage", "ev_arrival", "voltage_violation")),),
}
# What plans takes minutes on 179 buses: there it keeps the laws with little effort.
LARGE = "oberrhein"
# Where planning takes long, or the planner does, the laws are evidence; each planner keeps them in
# the scenario that it was made for, in `tiny` and on the stormy day with every change.
LONG_SCENARIOS = (LARGE, "ieee123", "residential_ev", "shared_feeders")
QUICK_CONTROLLERS = ("idle", "greedy")
LONG_PAIRS = {("two_stage", "ieee33"), ("two_stage", STORMY), ("robust", STORMY)}
MADE_FOR = {("multi_objective", "residential_ev")}
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


def takes_long(controller: str, scenario: str) -> bool:
    if (controller, scenario) in MADE_FOR:
        return False
    on_long = scenario in LONG_SCENARIOS and controller not in QUICK_CONTROLLERS
    return on_long or (controller, scenario) in LONG_PAIRS


@lru_cache
def nature(scenario: str) -> Nature:
    loaded = load(scenario)
    return Nature.build(loaded.system, loaded.uncertainty)


class Pair:
    """A controller in a scenario, and its undisturbed episode, which the laws share."""

    def __init__(self, controller: str, scenario: str) -> None:
        parameters = PARAMETERS.get(controller, ())
        if scenario == LARGE and controller not in QUICK_CONTROLLERS:
            own = plugins.load(plugins.CONTROLLERS, controller).Parameters
            known = inspect.signature(own).parameters
            parameters += tuple((key, n) for key, n in LITTLE_EFFORT.items() if key in known)
        self.spec = ControllerSpec(name=controller.partition(",")[0], parameters=parameters)
        self.scenario = load(scenario)
        self.nature = nature(scenario)
        self.witness: Witness | None = None

    def make(self) -> Controller:
        return build(self.spec)

    def live(self, guard: Guard = limit_power) -> Witness:
        return live(self.scenario, self.make(), guard=guard, nature=self.nature)

    @property
    def episode(self) -> Episode:
        """The one that `test_no_controller_anticipates` has run, if it has."""
        self.witness = self.witness or self.live()
        return self.witness.episode


# The tests of a pair follow each other.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            (controller, scenario),
            id=f"{controller}-{scenario}",
            marks=[pytest.mark.slow] * takes_long(controller, scenario),
        )
        for controller, scenario in PAIRS
    ],
)
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(*request.param)


def test_no_controller_anticipates(pair: Pair) -> None:
    last = pair.scenario.system.timing.n_periods - 2
    pair.witness = law_non_anticipation(pair.scenario, pair.make, (1, last), nature=pair.nature)


def test_one_seed_gives_one_result(pair: Pair) -> None:
    law_determinism(pair.scenario, pair.make, pair.nature, pair.episode)


def test_energy_and_money_close_and_failures_have_names(pair: Pair) -> None:
    law_energy(pair.scenario, pair.episode)
    law_money(pair.scenario, pair.episode)
    law_named_failures(pair.episode)
    assert pair.episode.metrics["fallbacks"] == 0


def test_energy_closes_without_the_guard(pair: Pair) -> None:
    law_energy(pair.scenario, pair.live(no_guard).episode)
