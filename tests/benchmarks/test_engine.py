"""How good plans of large fleets are proven to be, and how soon; `make bench` prints it.

A gap is (value - bound) / (value of doing nothing - bound). Seconds are processor seconds of one
process, so that other work on the machine counts less.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.grid.linearise import linearise
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import SchedulingProblem, scheduling_problem
from controllers.scheduling.routing.column_generation import doing_nothing_usd
from controllers.scheduling.routing.monolithic import milp
from controllers.scheduling.schedule import schedule
from controllers.scheduling.search import Search
from sim.control import Observation, Outcome, Plan
from sim.inspect.laws.witness import live
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import load_scenario
from sim.system.system import System

pytestmark = pytest.mark.benchmark

MARGIN = 2.0
DEFAULT = Search()
FIRST = DEFAULT.sketch()


class Looking:
    """Keeps the first observation, and does nothing."""

    seen: Observation | None = None

    def start(self, system: System, rng: np.random.Generator) -> None:
        del system, rng

    def decide(self, observation: Observation) -> Plan:
        self.seen = self.seen or observation
        return Plan()


def posed(
    name: str, n_trucks: int, n_stations: int, overrides: Mapping[str, object], day: int = 0
) -> SchedulingProblem:
    """Return the first problem of a day with some of the stations and trucks of a scenario."""
    scenario = load_scenario(name, overrides)
    own = scenario.system
    stations = tuple(
        dataclasses.replace(station, plugs=max(station.plugs, -(-2 * n_trucks // n_stations)))
        for station in own.stations[:n_stations]
    )
    vehicles = tuple(
        dataclasses.replace(
            own.vehicles[k % len(own.vehicles)], name=f"truck {k}", initial_station=k % n_stations
        )
        for k in range(n_trucks)
    )
    system = dataclasses.replace(own, stations=stations, vehicles=vehicles)
    looking = Looking()
    live(dataclasses.replace(scenario, system=system), looking, replication=day)
    assert looking.seen is not None
    forecast = looking.seen.forecast
    rest = OperatingPoint.at_rest(system, forecast.n_periods)
    network = linearise(system, PowerGridModelFlow(system.grid), forecast, rest).tightened(MARGIN)
    return scheduling_problem(system, looking.seen, network, station_distances_km(system))


def timed(problem: SchedulingProblem, search: Search) -> tuple[Outcome, float]:
    """Return how the best schedule came about, and how long that took [s]."""
    began = time.process_time()
    found = schedule(problem, search)
    seconds = time.process_time() - began
    assert found is not None
    return found.outcome, seconds


HOURS, HALF_HOURS = {"timing.period_min": 60}, {"timing.period_min": 30}
CASES: dict[str, tuple[str, int, int, Mapping[str, object], int]] = {
    "3 trucks, 4 stations, 96 x 15 min": ("ieee33", 3, 4, {"timing.period_min": 15}, 0),
    "6 trucks, 6 stations, 24 x 1 h": ("ieee33", 6, 6, HOURS, 0),
    "12 trucks, 20 stations, 24 x 1 h": ("oberrhein", 12, 20, HOURS, 0),
    "12 trucks, 20 stations, 96 x 15 min": ("oberrhein", 12, 20, {"timing.period_min": 15}, 0),
    # Days on which trucks must act together.
    "3 trucks, 6 stations, 24 x 1 h, day 3": ("ieee33", 3, 6, HOURS, 3),
    "3 trucks, 6 stations, 24 x 1 h, day 9": ("ieee33", 3, 6, HOURS, 9),
    "3 trucks, 4 stations, 48 x 30 min, day 1": ("ieee33", 3, 4, HALF_HOURS, 1),
    "3 trucks, 4 stations, 48 x 30 min, day 3": ("ieee33", 3, 4, HALF_HOURS, 3),
    "6 trucks, 6 stations, 24 x 1 h, day 3": ("ieee33", 6, 6, HOURS, 3),
    "12 trucks, 6 stations, 24 x 1 h, day 3": ("ieee33", 12, 6, HOURS, 3),
}


def test_gaps_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    """First plans, and plans with their bounds, of all cases in one table."""
    timed(posed("tiny", 1, 2, {}), DEFAULT)  # compiles, or loads, what is compiled
    with capsys.disabled():
        print(
            f"\n{'case':<52}{'doing nothing':>15}{'first plan':>12}{'gap':>8}{'s':>7}"
            f"{'plan':>12}{'bound':>12}{'gap':>8}{'s':>7}  USD, processor seconds"
        )
    for case, (name, trucks, stations, overrides, day) in CASES.items():
        problem = posed(name, trucks, stations, overrides, day)
        nothing = doing_nothing_usd(problem, Search())
        first, first_s = timed(problem, FIRST)
        plan, plan_s = timed(problem, DEFAULT)
        first_usd, usd, bound = first.objective_usd, plan.objective_usd, plan.bound_usd
        assert first_usd is not None
        assert usd is not None
        assert bound is not None
        gaps = [(value - bound) / (nothing - bound) for value in (first_usd, usd)]
        with capsys.disabled():
            print(
                f"{name + ', ' + case:<52}{nothing:>15,.1f}{first_usd:>12,.1f}{gaps[0]:>8.2%}"
                f"{first_s:>7.2f}{usd:>12,.1f}{bound:>12,.1f}{gaps[1]:>8.2%}{plan_s:>7.2f}"
            )
        assert bound <= usd <= nothing


def test_highs_on_the_first_case(capsys: pytest.CaptureFixture[str]) -> None:
    """What the monolithic model has after 60 s, beside the first plan."""
    problem = posed("ieee33", 3, 4, {"timing.period_min": 15})
    outcome, seconds = timed(problem, FIRST)
    first = float(outcome.objective_usd or np.nan)
    routes, status, bound = milp(problem, WorkLimits(deadline_s=60.0), ((),) * problem.n_vehicles)
    found = None if routes is None else dispatch(problem, routes, WorkLimits())
    value = np.inf if found is None else float(found.outcome.objective_usd or np.nan)
    with capsys.disabled():
        print(
            f"\nieee33, 3 trucks, 4 stations, 96 x 15 min\n"
            f"  first plan   {first:12,.1f} USD  {seconds:7.2f} s\n"
            f"  HiGHS, 60 s  {value:12,.1f} USD  bound {bound} ({status})"
        )
    assert first <= value


def test_time_to_the_first_plan_grows_little_faster_than_the_fleet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From 3 to 24 trucks."""
    seconds = {}
    for trucks in (3, 6, 12, 24):
        problem = posed("ieee33", trucks, 6, {"timing.period_min": 60})
        seconds[trucks] = min(timed(problem, FIRST)[1] for _ in range(3))
    growth = seconds[24] / seconds[3] / (24 / 3)
    with capsys.disabled():
        shown = "   ".join(f"{trucks}: {s:.2f} s" for trucks, s in seconds.items())
        print(f"\nieee33, first plan by trucks  {shown}   growth {growth:.2f} of linear")
    assert growth <= 1.3
