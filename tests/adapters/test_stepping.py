"""Driven from outside, the world is the same one; its money grows as it lives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import gridhaul
from sim.control import Capabilities, FleetPlan, Plan, capabilities_of
from sim.episode.record import EpisodeKey
from sim.episode.specification import ControllerSpec, build
from sim.errors import EpisodeError, InputError

TABLES = [
    field.name
    for field in dataclasses.fields(gridhaul.Episode)
    if field.type == "pd.DataFrame" and field.name != "timings"
]


def plans_of(scenario: str, name: str, replication: int) -> tuple[list[Plan], gridhaul.OpenEpisode]:
    """Let a controller answer the questions of a stepped episode; return its plans and both."""
    controller = build(ControllerSpec(name=name))
    episode = gridhaul.begin(
        scenario,
        replication=replication,
        capabilities=capabilities_of(controller),
        name=name,
        verify="audit",
    )
    key = EpisodeKey(
        scenario=scenario, controller=name, seed=1, replication=replication, drawn_as=name
    )
    controller.start(episode.system, key.stream("controller"))
    plans: list[Plan] = []
    while episode.observation is not None:
        plans.append(controller.decide(episode.observation))
        episode.step(plans[-1])
    return plans, episode


def assert_same(one: gridhaul.Episode, other: gridhaul.Episode) -> None:
    assert one.metrics == pytest.approx(other.metrics, abs=0, rel=0, nan_ok=True)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


@pytest.mark.parametrize(
    ("scenario", "name"), [("tiny", "rolling"), ("ieee33", "greedy"), ("six_bus_rail", "idle")]
)
def test_the_plans_of_a_controller_sent_in_give_the_tables_of_run(scenario: str, name: str) -> None:
    """Once from the controller itself, once replayed from what it said."""
    run = gridhaul.run(scenario, name, replication=3, verify="audit")
    plans, stepped = plans_of(scenario, name, 3)
    assert_same(stepped.close(), run)
    again = gridhaul.begin(
        scenario,
        replication=3,
        capabilities=capabilities_of(build(ControllerSpec(name=name))),
        name=name,
        verify="audit",
    )
    for plan in plans:
        again.step(plan)
    assert_same(again.close(), run)


@pytest.mark.parametrize("scenario", ["tiny", "ieee33", "six_bus_rail", "shared_feeders"])
def test_statements_of_all_periods_add_up_to_the_episode(scenario: str) -> None:
    """Payments, cost and penalty; a period pays for its own steps only."""
    episode = gridhaul.begin(scenario, verify="off")
    statements = []
    rng = np.random.default_rng(0)
    while episode.observation is not None:
        p_mw = rng.uniform(-0.5, 0.5, (1, len(episode.system.vehicles)))
        episode.step(Plan(fleet=FleetPlan(p_mw=p_mw)))
        statements.append(episode.statement())
        booked = statements[-1].ledger["step"]
        assert booked.between(statements[-1].steps.start, statements[-1].steps.stop - 1).all()
    closed = episode.close()
    assert sum(len(each.steps) for each in statements) == episode.system.timing.n_steps
    booked = pd.concat([each.ledger for each in statements], ignore_index=True)
    pd.testing.assert_frame_equal(booked, closed.ledger, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(episode.ledger, closed.ledger, rtol=0, atol=1e-9)
    assert len({each.objective_usd for each in statements}) > 1
    total = sum(each.objective_usd for each in statements)
    assert total == pytest.approx(closed.metrics["objective_usd"], abs=1e-9, rel=0)
    assert episode.objective_usd == pytest.approx(total, abs=1e-9, rel=0)
    penalty = sum(each.penalty_usd for each in statements)
    assert penalty == pytest.approx(closed.metrics["penalty_usd"], abs=1e-9, rel=0)


def test_who_never_asks_for_money_pays_for_one_power_flow_and_reads_the_same() -> None:
    often, rarely = (gridhaul.begin("tiny", verify="off") for _ in range(2))
    for _ in range(4):
        often.step(Plan())
        assert often.objective_usd != 0.0
        rarely.step(Plan())
    pd.testing.assert_frame_equal(often.ledger, rarely.ledger, rtol=0, atol=1e-9)
    assert len(often.statement().steps) == 0
    assert often.statement().objective_usd == 0.0


def test_nothing_has_been_paid_before_the_first_step() -> None:
    episode = gridhaul.begin("tiny", verify="off")
    assert episode.ledger.empty
    assert [*episode.ledger.columns] == ["step", "payer", "payee", "item", "usd"]
    assert episode.objective_usd == 0.0


def test_an_episode_closed_early_lives_on_under_the_orders_in_force() -> None:
    early, late = (gridhaul.begin("tiny", verify="off") for _ in range(2))
    order = Plan(fleet=FleetPlan(p_mw=np.full((4, 1), -0.1)))
    for episode in (early, late):
        episode.step(order)
    while late.observation is not None:
        late.step(Plan())
    assert_same(early.close(), late.close())
    assert early.close() is early.close()
    with pytest.raises(EpisodeError, match="is over"):
        early.step(Plan())


def test_a_plan_that_makes_no_sense_is_a_failed_decision(caplog: pytest.LogCaptureFixture) -> None:
    episode = gridhaul.begin("tiny", verify="off")
    episode.step("charge")  # type: ignore[arg-type]
    assert "must return a Plan" in caplog.text
    assert episode.close().metrics["failed_decisions"] == 1
    strict = gridhaul.begin("tiny", strict=True)
    with pytest.raises(EpisodeError, match="must return a Plan"):
        strict.step("charge")  # type: ignore[arg-type]


def test_voltages_are_shown_to_who_asks_for_them() -> None:
    asking = gridhaul.begin("tiny", capabilities=Capabilities(needs_voltages=True))
    observation = asking.step(Plan())
    assert observation is not None
    assert observation.vm_pu is not None
    with pytest.raises(InputError, match="needs rail"):
        gridhaul.begin("tiny", capabilities=Capabilities(requires=frozenset({"rail"})))
