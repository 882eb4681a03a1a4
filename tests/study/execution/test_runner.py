"""Numerical libraries add up on one thread during an episode, so that no last digit differs."""

from __future__ import annotations

import numpy as np
import scipy.linalg  # noqa: F401  (brings a library of its own)
from threadpoolctl import threadpool_info, threadpool_limits

from sim.adapters.stepping import begin
from sim.control import Observation, Outcome, Plan, SolveStatus
from sim.scenario import load_scenario
from sim.study.execution.runner import nature_of
from sim.study.run import run
from sim.system.system import System
from sim.uncertainty.realisation import Nature


def most_threads() -> int:
    return max(own["num_threads"] for own in threadpool_info() if own["user_api"] == "blas")


class Counting:
    """Does nothing, and says on how many threads numerical libraries would run."""

    def start(self, system: System, rng: np.random.Generator) -> None:
        pass

    def decide(self, observation: Observation) -> Plan:
        found = Outcome(status=SolveStatus.OPTIMAL, objective_usd=float(most_threads()))
        return Plan(outcome=found)


def test_an_episode_runs_on_one_thread_and_leaves_this_process_as_it_was():
    with threadpool_limits(2, user_api="blas"):
        episode = run(load_scenario("tiny"), Counting, verify="off")
        assert set(episode.decisions["objective_usd"]) == {1.0}
        assert most_threads() == 2


def test_days_are_drawn_on_one_thread_for_an_episode_that_is_driven_from_outside(monkeypatch):
    """What all days have in common, too, which is prepared once."""
    drawn = {}

    def counted(name: str, honest):
        def call(*arguments, **named):
            drawn[name] = most_threads()
            return honest(*arguments, **named)

        return call

    build, draw = Nature.build, Nature.draw
    monkeypatch.setattr(Nature, "build", staticmethod(counted("build", build)))
    monkeypatch.setattr(Nature, "draw", counted("draw", draw))
    nature_of.cache_clear()
    with threadpool_limits(2, user_api="blas"):
        begin(load_scenario("tiny"))
    assert drawn == {"build": 1, "draw": 1}
