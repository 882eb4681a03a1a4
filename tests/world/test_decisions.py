"""The world driven from outside, question by question, without threads."""

from __future__ import annotations

import numpy as np

from sim.control import Capabilities, FleetPlan, Observation, Plan
from sim.powerflow.engines import engine
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.world.world import World
from tests.world.build import fleet_plan, tiny, world


def test_sending_plans_lives_the_same_episode_as_a_controller_to_the_byte() -> None:
    system, nature = tiny(n_vehicles=2, plugs=1)
    away = 1 - system.vehicles[0].initial_station

    def script(observation: Observation) -> Plan:
        if observation.period == 0:
            return fleet_plan([[(away, 1.0)], [(away, 1.5)]], [[0.3, -0.2]] * 4)
        return Plan(fleet=FleetPlan(p_mw=np.full((1, 2), 0.1 * observation.period)))

    driven, controller = world(system, nature, script)
    driven.run()
    asked, _ = world(system, nature, script)
    questions = asked.decisions()
    seen = [next(questions)]
    while True:
        try:
            seen.append(questions.send(script(seen[-1])))
        except StopIteration:
            break
    assert len(seen) == len(controller.seen) == 4
    assert asked.recorder.events == driven.recorder.events
    assert asked.recorder.decisions == driven.recorder.decisions
    assert {own.status for own in asked.recorder.decisions} == {"rule"}
    assert asked.recorder.readings == driven.recorder.readings
    assert asked.recorder.exchanges == driven.recorder.exchanges


def test_nothing_happens_between_a_question_and_its_answer() -> None:
    system, nature = tiny()
    realisation = nature.draw(1, 0)
    here = World(
        system,
        realisation,
        CalibratedForecaster.build(nature, realisation),
        Capabilities(),
        power_flow=engine(system.grid),
    )
    questions = here.decisions()
    observation = next(questions)
    assert here.env.now == 0.0
    observation = questions.send(Plan())
    assert here.env.now == observation.now_h * 3600
    np.testing.assert_array_equal(here.recorder.ev_mw[4:], 0.0)


def test_what_is_sent_and_is_no_plan_is_a_failed_decision() -> None:
    system, nature = tiny()
    here, _ = world(system, nature, Plan())
    questions = here.decisions()
    next(questions)
    for nonsense in (None, "charge", fleet_plan([], [[1.0, 2.0, 3.0]])):
        questions.send(nonsense)  # type: ignore[arg-type]
    questions.close()
    said = here.recorder.decisions
    assert [own.status for own in said] == ["failed"] * 3
    assert "must return a Plan, not NoneType" in said[0].fallback
