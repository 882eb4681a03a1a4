"""Envelopes of electric cars: exact where all is known, calibrated where it is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import simpy

from sim.control import EvPlan, Observation, Plan
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.uncertainty.evs import EvForecaster, EvHabits, draw_sessions
from sim.uncertainty.forecaster import ExactForecaster
from sim.uncertainty.realisation import Nature
from sim.world.cars.fleet import EvFleet
from tests.world.build import Scripted
from tests.world.cars.build import HOMES, V2G, lived, timing
from tests.world.cars.test_oracle import an_evening

CURVES = ("p_min_mw", "p_max_mw", "energy_min_mwh", "energy_max_mwh")
ISSUES_H = (2, 7, 12, 16, 19, 22)


def forecaster(group: EvGroup, hours: int) -> EvForecaster:
    system = dataclasses.replace(load_scenario("tiny").system, evs=(group,), timing=timing(hours))
    return EvForecaster.build(system, EvHabits())


@pytest.mark.parametrize("group", [HOMES, V2G], ids=["charging", "with V2G"])
@pytest.mark.parametrize("least_mwh", [0.02, 0.045], ids=["slack needs", "needs that bind"])
def test_the_world_at_its_limits_walks_along_the_exact_envelope(
    group: EvGroup, least_mwh: float
) -> None:
    sessions, grid = an_evening(group, 3, least_mwh), timing(24)
    known = forecaster(group, 24)
    nobody = lived((group,), sessions, grid, lambda period, _: None).states[0]
    envelope = known.exact_envelope(0.0, 0, 24, nobody, sessions)
    for order_mw, curve in ((-10.0, envelope.energy_max_mwh), (10.0, envelope.energy_min_mwh)):
        life = lived((group,), sessions, grid, lambda period, _, p_mw=order_mw: np.array([p_mw]))
        drawn_mwh = -life.net_mwh[:, 0].reshape(24, 4).sum(axis=1).cumsum()
        np.testing.assert_allclose(drawn_mwh, curve[0, :, 0], atol=1e-7)


def test_nine_in_ten_truths_lie_within_the_bounds() -> None:
    group = dataclasses.replace(V2G, count=60, mwh_per_km=0.0002)
    hours = 48
    system = dataclasses.replace(load_scenario("tiny").system, evs=(group,), timing=timing(hours))
    expected = EvForecaster.build(system, EvHabits())
    inside: dict[str, list[np.ndarray]] = {curve: [] for curve in CURVES}
    for replication in range(150):
        sessions = draw_sessions(system, EvHabits(), 11, replication)
        env = simpy.Environment()
        fleet = EvFleet(env, system.timing, (group,), sessions, lambda: None, lambda: False)
        for hour in ISSUES_H:
            env.run(hour * 3600 + 1e-3)
            evs = fleet.states()
            seen = expected.envelopes.forecast(float(hour), hour, 24, evs)
            truth = expected.exact_envelope(float(hour), hour, 24, evs, sessions)
            for curve in CURVES:
                low, high = getattr(seen, curve)
                true = getattr(truth, curve)[0]
                # Where hardly a car is to come there is nothing to cover.
                open_still = high - low > 0.02 * np.abs(true).max()
                hit = (true >= low - 1e-9) & (true <= high + 1e-9)
                inside[curve].append(hit[open_still])
    coverage = {curve: float(np.concatenate(hits).mean()) for curve, hits in inside.items()}
    for curve, share in coverage.items():
        assert share == pytest.approx(0.9, abs=0.03), curve


def test_the_exact_baseline_knows_what_orders_have_left_undone() -> None:
    scenario = load_scenario("residential_ev", {"uncertainty": "off"})
    nature = Nature.build(scenario.system, scenario.uncertainty)
    realisation = nature.draw(1, 0)

    def script(observation: Observation) -> Plan:
        rest = 12 <= observation.period < 20
        return Plan(ev=EvPlan(p_mw=np.full((1, 10), 0.0 if rest else np.nan)))

    episode, diary = live(
        scenario,
        Scripted(script),
        nature=nature,
        realisation=realisation,
        forecaster=ExactForecaster(nature, realisation),
    )
    lived_mw = episode.steps["ev_mw"].to_numpy().reshape(24, 4).mean(axis=1)
    (at_20_h,) = [own for own in diary.observations if own.now_h == 20]
    told_mw = at_20_h.forecast.ev_mw.sum(axis=1)
    np.testing.assert_allclose(told_mw, lived_mw[20:], atol=1e-9)
    assert told_mw[0] > 0.5
