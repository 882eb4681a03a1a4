"""The environment is the world of `run`: same days, same tables, same money."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env

import gridhaul
from sim.adapters.learning.environment import GridhaulEnvironment
from sim.control import Plan, capabilities_of
from sim.episode.record import EpisodeKey
from sim.episode.specification import ControllerSpec, build
from sim.errors import EpisodeError, InputError
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.money import law_money
from sim.scenario import load_scenario

SCENARIOS = ["tiny", "ieee33", "six_bus_rail"]
EVERYTHING = ("departures", "timing", "power", "reactive", "caps", "cars", "units")
# What a decision says of itself is lost in an action.
PHYSICAL = ["steps", "vm_pu", "vehicles", "exchanges", "events", "trips", "units", "ledger"]


def live(env: GridhaulEnvironment, seed: int, action: Any = None) -> list[dict[str, Any]]:
    """Live a day, with random actions unless one is given; return what was told of each step."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    told, over = [], False
    while not over:
        chosen = env.action_space.sample() if action is None else action
        seen, reward, over, truncated, info = env.step(chosen)
        assert env.observation_space.contains(seen)
        assert not truncated
        told.append({**info, "reward": reward})
    return told


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    "options", [{}, {"flatten": True, "actions": "menu"}, {"orders": EVERYTHING, "voltages": True}]
)
def test_the_checker_of_gymnasium_has_nothing_to_say(
    scenario: str, options: dict[str, Any]
) -> None:
    """Warnings are errors here."""
    made = gymnasium.make(f"gridhaul.gym:gridhaul/{scenario}-v0", **options)
    check_env(made.unwrapped, skip_render_check=False)


@pytest.mark.parametrize("scenario", [*SCENARIOS, "residential_ev", "shared_feeders"])
def test_rewards_sum_to_the_objective(scenario: str) -> None:
    env = gridhaul.make_env(scenario, orders=EVERYTHING)
    told = live(env, seed=5)
    assert env.episode is not None
    metrics = env.episode.close().metrics
    rewards = sum(each["reward"] for each in told)
    assert rewards == pytest.approx(-metrics["objective_usd"], abs=1e-9, rel=1e-13)
    assert len({each["reward"] for each in told}) > 1
    for name in ("cost_usd", "penalty_usd", "clipped_mwh"):
        assert sum(each[name] for each in told) == pytest.approx(metrics[name], abs=1e-9)
    paid = sum(usd for own in told for item, usd in own["ledger"].items() if item != "retail")
    assert paid == pytest.approx(metrics["cost_usd"], abs=1e-6)


def test_seeds_are_the_days_that_controllers_live() -> None:
    """Doing nothing in the environment is `idle`; a reset without a seed draws a day of those."""
    env = gridhaul.make_env("ieee33", replications=range(40, 43))
    live(env, seed=7, action=np.zeros(env.action_space.shape))
    assert env.episode is not None
    idle = gridhaul.run("ieee33", "idle", replication=7, verify="off")
    pd.testing.assert_frame_equal(env.episode.close().steps, idle.steps)
    drawn = set()
    for _ in range(12):
        env.reset()
        drawn.add(env.episode.close().replication)
    assert drawn == {40, 41, 42}
    with pytest.raises(ValueError, match="options"):
        env.reset(options={"day": 3})


@pytest.mark.parametrize(
    ("scenario", "name", "overrides"),
    [
        ("tiny", "rolling", {}),
        pytest.param("ieee33", "rolling", {"timing.hours": 8}, marks=pytest.mark.slow),
        pytest.param("six_bus_rail", "market", {"timing.hours": 12}, marks=pytest.mark.slow),
    ],
)
def test_actions_of_a_controller_give_its_tables(
    scenario: str, name: str, overrides: dict[str, object]
) -> None:
    """Plans are told as numbers, and the world does the same; but for rounding."""
    loaded = load_scenario(scenario, overrides)
    run = gridhaul.run(loaded, name, replication=2, verify="off")
    policy = build(ControllerSpec(name=name))
    assert not capabilities_of(policy).needs_voltages
    orders = EVERYTHING[:6] if name == "rolling" else ("departures", "timing", "power", "units")
    env = gridhaul.make_env(loaded, orders=orders)
    key = EpisodeKey(scenario=scenario, controller=name, seed=1, replication=2, drawn_as=name)
    policy.start(loaded.system, key.stream("controller"))
    env.reset(seed=2)
    assert env.episode is not None
    while env.episode.observation is not None:
        plan = policy.decide(env.episode.observation)
        *_, info = env.step(env.actions.encode(plan, env.episode.observation))
        assert info["invalid"] == 0
    again = env.episode.close()
    for table in PHYSICAL:
        pd.testing.assert_frame_equal(
            getattr(again, table), getattr(run, table), rtol=0, atol=1e-8, obj=table
        )
    assert again.metrics["throughput_mwh"] > 0


def test_what_cannot_be_is_clipped_and_counted() -> None:
    env = gridhaul.make_env("tiny")
    env.reset(seed=0)
    clipped = [env.step(np.array([0.0, 0.0, -1.0]))[4]["clipped_mwh"] for _ in range(4)]
    assert clipped[0] == 0.0
    assert sum(clipped) > 0.4  # the battery is full after an hour


def test_a_truck_under_way_stays_under_way() -> None:
    """Asked to turn round before it has arrived it drives on, and the request is counted."""
    env = gridhaul.make_env(load_scenario("ieee33", {"timing.period_min": 15, "timing.hours": 1}))
    _, info = env.reset(seed=1)
    assert info["action_mask"].all()
    n_vehicles, n_stations = info["action_mask"].shape
    masks = []
    for goal in (0, 4):
        scores = np.full((n_vehicles, n_stations), -1.0)
        scores[:, goal] = 1.0
        masks.append(info["action_mask"])
        _, _, _, _, info = env.step(np.concatenate([scores.ravel(), np.zeros(n_vehicles)]))
    under_way = ~masks[1].all(axis=1)
    assert under_way.any()
    assert info["invalid"] == under_way.sum()
    assert env.episode is not None
    departed = env.episode.close().events.query("event == 'departed'").groupby("vehicle").size()
    names = np.array([vehicle.name for vehicle in env.episode.system.vehicles])
    assert (departed[names[under_way]] == 1).all()


def test_a_decision_between_the_periods_is_a_step() -> None:
    calm = gridhaul.make_env("ieee33")
    called = gridhaul.make_env("ieee33", replan_on={"arrival"})
    assert len(live(calm, seed=0)) == 24
    told = live(called, seed=0)
    assert len(told) > 24
    assert called.episode is not None
    metrics = called.episode.close().metrics
    assert len(told) == metrics["decisions"]
    assert sum(own["reward"] for own in told) == pytest.approx(-metrics["objective_usd"], abs=1e-9)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_several_days_side_by_side(mode: str) -> None:
    """Both kinds of Gymnasium's vectors live the days that one environment lives."""
    vector = gymnasium.make_vec(
        "gridhaul.gym:gridhaul/tiny-v0", num_envs=2, vectorization_mode=mode, flatten=True
    )
    try:
        vector.reset(seed=[4, 9])
        action = np.array([[-1.0, 1.0, 0.5], [0.0, 0.0, -0.5]], dtype=np.float32)
        rewards = sum(vector.step(action)[1] for _ in range(4))
    finally:
        vector.close()
    one = gridhaul.make_env("tiny", flatten=True)
    for seed, own, reward in zip((4, 9), action, rewards, strict=True):
        alone = sum(each["reward"] for each in live(one, seed, own))
        assert reward == pytest.approx(alone, abs=1e-9)


def test_the_menu_says_the_same_as_the_numbers() -> None:
    """Go to the village, rest, discharge there at full power."""
    menu, numbers = gridhaul.make_env("tiny", actions="menu"), gridhaul.make_env("tiny")
    menu.reset(seed=0)
    assert menu.action_masks().tolist() == [True] * 7
    assert menu.action_space.nvec.tolist() == [7]
    numbers.reset(seed=0)
    for choice, vector in ((6, [-1, 1, 0]), (2, [0, 0, 0]), (4, [0, 0, 1]), (2, [0, 0, 0])):
        paid = menu.step(np.array([choice]))[1]
        assert paid == numbers.step(np.array(vector))[1]


def test_what_is_asked_for_wrongly_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="continuous, menu"):
        gridhaul.make_env("tiny", actions="discrete")
    with pytest.raises(ValueError, match="departures, timing, power"):
        gridhaul.make_env("tiny", orders=["steering"])
    env = gridhaul.make_env("tiny")
    with pytest.raises(EpisodeError, match="reset"):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    assert env.episode is not None
    observation = env.episode.observation
    assert observation is not None
    with pytest.raises(ValueError, match="must order departures"):
        env.actions.encode(Plan(), observation)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(InputError, match=r"Install gridhaul\[gym\]"):
        gridhaul.make_env("tiny")


@pytest.mark.slow
def test_a_thousand_random_episodes_break_no_law() -> None:
    """Energy and money close, whatever is asked of the truck; half of them through the menu."""
    scenario = load_scenario("tiny")
    for actions in ("continuous", "menu"):
        env = gridhaul.make_env(scenario, actions=actions)
        for seed in range(500):
            told = live(env, seed)
            assert env.episode is not None
            episode = env.episode.close()
            law_energy(scenario, episode)
            law_money(scenario, episode)
            assert episode.metrics["failed_decisions"] == 0
            rewards = sum(own["reward"] for own in told)
            assert rewards == pytest.approx(-episode.metrics["objective_usd"], abs=1e-9)
