"""One controller takes over from another: who sees what, who is called when, what stays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from sim.control import Capabilities, Controller, Observation, Plan
from sim.episode.handover import HandedOverForecaster, HandOver
from sim.episode.specification import ControllerSpec, build
from sim.errors import EpisodeError
from sim.inspect.laws.non_anticipation import fingerprint, law_non_anticipation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.system.system import System
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import ExactForecaster
from sim.uncertainty.realisation import Nature
from sim.uncertainty.streams import stream

AT = 3
STORM = {
    "traffic.intensity": 1.5,
    "incidents.per_day": 100.0,
    "breakdowns.per_1000_km": 100.0,
    "outages.per_line_year": 40.0,
}


class Watcher:
    """Lets everything be, and remembers what it is shown."""

    def __init__(self, **capabilities: Any) -> None:
        self.seen: list[Observation] = []
        self.capabilities = Capabilities(**capabilities)

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.number = rng.random()

    def decide(self, observation: Observation) -> Plan:
        self.seen.append(observation)
        return Plan()


@lru_cache
def scenario() -> Scenario:
    return shortened(load_scenario("ieee33", STORM), 8)


def handed(first: Controller, second: Controller, at: int = AT) -> HandOver:
    streams = tuple(stream(0, 0, "controller", name) for name in ("first", "second"))
    return HandOver(first, second, at, streams)


def named(name: str) -> Controller:
    return build(ControllerSpec(name=name))


def test_the_second_sees_what_it_would_have_seen_alone() -> None:
    """Not more, not less, also of voltages and of the moment it takes over."""
    for asks in (False, True):
        alone = Watcher(needs_voltages=asks)
        live(scenario(), alone)
        for others in (False, True):
            first, second = Watcher(needs_voltages=others), Watcher(needs_voltages=asks)
            live(scenario(), handed(first, second))
            expected = [own for own in alone.seen if own.period >= AT]
            assert [own.period for own in first.seen] == list(range(AT))
            assert fingerprint(tuple(second.seen)) == fingerprint(tuple(expected))
            assert all((own.voltages is not None) == asks for own in second.seen)
            assert all((own.voltages is not None) == others for own in first.seen[1:])


def test_each_is_called_when_it_asks_and_not_when_the_other_does() -> None:
    events = frozenset({"delay", "outage", "ev_arrival"})
    alone = Watcher(replan_on=events)
    live(scenario(), alone)
    called = [own.now_h for own in alone.seen]
    assert len(called) > 10  # the storm calls often enough
    on_time = list(range(8))
    for first, second in ((frozenset(), events), (events, frozenset())):
        one, two = Watcher(replan_on=first), Watcher(replan_on=second)
        live(scenario(), handed(one, two))
        assert [own.now_h for own in one.seen] == [
            now_h for now_h in (called if first else on_time) if now_h < AT
        ]
        assert [own.now_h for own in two.seen] == [
            now_h for now_h in (called if second else on_time) if now_h >= AT
        ]


def test_the_second_has_a_random_stream_of_its_own() -> None:
    one, two = Watcher(), Watcher()
    live(scenario(), handed(one, two))
    assert two.number == stream(0, 0, "controller", "second").random() != one.number


def test_forecasts_change_hands_with_the_controllers() -> None:
    nature = Nature.build(scenario().system, scenario().uncertainty)
    truth = nature.draw(0, 0)
    exact, usual = ExactForecaster(nature, truth), CalibratedForecaster.build(nature, truth)
    one, two = Watcher(), Watcher()
    forecaster = HandedOverForecaster(usual, exact, AT)
    live(scenario(), handed(one, two), realisation=truth, forecaster=forecaster, nature=nature)
    assert all(own.forecast.profile_std.max() > 0 for own in one.seen)
    assert all(own.forecast.profile_std.max() == 0 for own in two.seen)


def test_a_plan_in_force_outlives_whoever_made_it() -> None:
    """Nobody takes over when the successor lets everything be: the programme runs on."""
    tiny = load_scenario("tiny")
    alone, _ = live(tiny, named("day_ahead"))
    watched, _ = live(tiny, handed(named("day_ahead"), Watcher(), 1))
    assert alone.events.equals(watched.events)
    assert alone.vehicles.equals(watched.vehicles)
    assert alone.vehicles["p_mw"].abs().max() > 0


@pytest.mark.parametrize("at", [1, 3])
def test_nobody_anticipates_across_a_hand_over(at: int) -> None:
    law_non_anticipation(scenario(), lambda: handed(named("idle"), named("greedy"), at), (2, 5))


def test_a_successor_that_cannot_start_ends_the_run_before_it_begins() -> None:
    class Unlucky(Watcher):
        def start(self, system: System, rng: np.random.Generator) -> None:
            raise OSError("no licence")

    with pytest.raises(EpisodeError, match="OSError: no licence"):
        live(scenario(), handed(Watcher(), Unlucky()))
