"""What thermal units and moved demand do of what the market orders, and who balances the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim.control import MarketPlan, Observation, Plan
from sim.episode.episode import Episode
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.money import law_money
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.system.thermal_units import ThermalUnit
from sim.uncertainty.events import Outage
from sim.uncertainty.realisation import Nature
from tests.world.build import Scripted

COAL = ThermalUnit(
    name="coal",
    bus=0,
    p_min_mw=0.0,
    p_max_mw=2.0,
    no_load_usd_per_h=10.0,
    linear_usd_per_mwh=20.0,
    quadratic_usd_per_mw2h=4.0,
    emission_lb_per_mwh=2.0,
    slack=True,
)
GAS = ThermalUnit(
    name="gas",
    bus=1,
    p_min_mw=0.1,
    p_max_mw=0.8,
    linear_usd_per_mwh=30.0,
    start_up_usd=7.0,
    shut_down_usd=3.0,
    initial_mw=0.4,
    emission_lb_per_start=5.0,
)


def village(*units: ThermalUnit, n_periods: int = 4, **loads: float) -> Scenario:
    """Return `tiny`, balanced by a unit: coal in town, gas in the village, lossy line."""
    scenario = load_scenario("tiny")
    system = scenario.system
    grid = dataclasses.replace(
        system.grid,
        held_bus=np.array([1]),
        held_vm_pu=np.array([1.0]),
        lines=dataclasses.replace(system.grid.lines, r_ohm=np.array([1.0]), x_ohm=np.array([1.0])),
    )
    timing = dataclasses.replace(system.timing, n_periods=n_periods, horizon=n_periods)
    system = dataclasses.replace(
        system,
        grid=grid,
        timing=timing,
        units=units or (COAL, GAS),
        loads=dataclasses.replace(
            system.loads, **{name: np.array([value]) for name, value in loads.items()}
        ),
    )
    return dataclasses.replace(scenario, system=system)


def lived(
    scenario: Scenario, market: MarketPlan | Callable[[Observation], Plan] | None = None
) -> tuple[Episode, list[Observation]]:
    """Live one day under the market's orders; energy and money close whatever they are."""
    script: Any = market if callable(market) else Plan(market=market)
    controller = Scripted(script)
    episode, _ = live(scenario, controller)
    law_energy(scenario, episode)
    law_money(scenario, episode)
    assert (episode.decisions["fallback"] == "").all()
    return episode, controller.seen


def of(episode: Episode, unit: str, column: str = "p_mw") -> np.ndarray:
    """Return a column of one unit by period; nothing changes inside periods here."""
    own = episode.units[episode.units["unit"] == unit]
    values = own[column].to_numpy().reshape(-1, 4)
    assert (values == values[:, :1]).all()
    return values[:, 0]


def rows(*values: float) -> np.ndarray:
    return np.array([[0.0, value] for value in values])


def usd(episode: Episode, item: str) -> float:
    return float(episode.ledger.loc[episode.ledger["item"] == item, "usd"].sum())


# -- what is ordered ------------------------------------------------------------------------------


def test_without_a_plan_units_stay_as_they_are_and_the_slack_follows() -> None:
    episode, _ = lived(village())
    assert (of(episode, "gas") == 0.4).all()
    steps = episode.steps
    coal = episode.units.loc[episode.units["unit"] == "coal", "p_mw"].to_numpy()
    left = steps["load_mw"] + steps["loss_mw"] - steps["generation_mw"] - 0.4
    np.testing.assert_allclose(coal, left, atol=1e-9)
    assert coal.std() > 0.05
    assert episode.metrics["import_mwh"] == episode.metrics["unserved_mwh"] == 0


def test_a_unit_of_unknown_output_holds_its_minimum_and_then_jumps_as_ordered() -> None:
    """No ramp leads into the first period; one leads into the second."""
    gas = dataclasses.replace(GAS, initial_mw=None, ramp_mw_per_h=0.2)
    assert (of(lived(village(COAL, gas))[0], "gas") == 0.1).all()
    episode, seen = lived(village(COAL, gas), MarketPlan(unit_p_mw=rows(0.7, 0.2)))
    np.testing.assert_allclose(of(episode, "gas"), [0.7, 0.5, 0.5, 0.5])
    assert np.isnan(seen[0].units.p_mw[1])
    assert seen[1].units.p_mw[1] == pytest.approx(0.7)


def test_an_output_stays_within_limits_and_ramps_and_what_is_lacking_is_counted() -> None:
    gas = dataclasses.replace(GAS, ramp_mw_per_h=0.25)
    episode, _ = lived(village(COAL, gas), MarketPlan(unit_p_mw=rows(0.9, 0.9, 0.0, 0.5)))
    np.testing.assert_allclose(of(episode, "gas"), [0.65, 0.8, 0.55, 0.5])
    assert episode.metrics["clipped_mwh"] == pytest.approx(0.25 + 0.1 + 0.55)
    assert episode.metrics["refusals"] == 0


def test_a_start_and_a_stop_are_paid_once_and_emit() -> None:
    commitment = np.array([[True, True], [True, False], [True, True], [True, True]])
    episode, _ = lived(
        village(), MarketPlan(commitment=commitment, unit_p_mw=rows(0.4, 0, 0.5, 0.5))
    )
    np.testing.assert_allclose(of(episode, "gas"), [0.4, 0.0, 0.5, 0.5])
    assert (usd(episode, "start-up"), usd(episode, "shut-down")) == (7.0, 3.0)
    coal = episode.units.loc[episode.units["unit"] == "coal", "p_mw"].to_numpy()
    fuel = (10 + 20 * coal + 4 * coal**2).sum() / 4 + 30 * (0.4 + 0.5 + 0.5)
    assert usd(episode, "fuel") == pytest.approx(fuel)
    assert episode.metrics["emission_lb"] == pytest.approx(2 * coal.sum() / 4 + 5)
    # A bus without a running unit is free: its voltage is what the line makes of it.
    low = episode.vm_pu["village"].to_numpy().reshape(4, 4)
    np.testing.assert_allclose(low[[0, 2, 3]], 1.0, atol=1e-8)
    assert (np.abs(low[1] - 1.0) > 1e-4).all()


@pytest.mark.parametrize(
    ("gas", "stops", "on", "refused"),
    [
        ({"min_up_h": 2.5, "initial_h": 1.0}, 0, [1, 1, 0, 0], ["min_up", "min_up", "", ""]),
        ({"min_up_h": 30.0, "initial_h": 0.0}, 0, [1, 1, 1, 1], ["min_up"] * 4),
        ({"ramp_mw_per_h": 0.15}, 0, [1, 1, 0, 0], ["ramp", "ramp", "", ""]),
    ],
    ids=["it has not run long enough", "longer than the day", "it must come down first"],
)
def test_a_stop_that_may_not_be_is_refused_with_its_reason(
    gas: dict[str, float], stops: int, on: list[int], refused: list[str]
) -> None:
    """While it is refused, the unit comes down as far as it can."""
    scenario = village(COAL, dataclasses.replace(GAS, **gas))
    commitment = np.ones((4, 2), dtype=np.bool_)
    commitment[stops:, 1] = False
    episode, _ = lived(scenario, MarketPlan(commitment=commitment))
    assert of(episode, "gas", "on").tolist() == [bool(state) for state in on]
    assert of(episode, "gas", "refused").tolist() == refused
    assert episode.metrics["refusals"] == sum(map(bool, refused))
    assert episode.metrics["clipped_mwh"] == pytest.approx(of(episode, "gas").sum())
    assert of(episode, "gas")[0] in (pytest.approx(0.1), pytest.approx(0.25))


def test_a_start_too_early_and_a_stop_of_the_slack_are_refused() -> None:
    gas = dataclasses.replace(
        GAS, min_down_h=2.0, initially_on=False, initial_h=1.0, initial_mw=None
    )
    commitment = np.array([[False, True]] * 4)
    market = MarketPlan(commitment=commitment, unit_p_mw=np.full((4, 2), 0.3))
    episode, seen = lived(village(COAL, gas), market)
    assert of(episode, "gas").tolist() == [0.0, 0.3, 0.3, 0.3]
    assert of(episode, "gas", "refused").tolist() == ["min_down", "", "", ""]
    assert set(of(episode, "coal", "refused")) == {"slack"}
    assert of(episode, "coal", "on").all()
    assert seen[2].units.on.tolist() == [True, True]
    np.testing.assert_allclose(seen[2].units.hours_in_state, [2.0, 1.0])


def test_a_first_output_is_at_most_the_edge() -> None:
    """The larger of the minimum and an hour's ramp."""
    gas = dataclasses.replace(GAS, ramp_mw_per_h=0.3, initially_on=False, initial_mw=None)
    market = MarketPlan(commitment=np.ones((4, 2), dtype=np.bool_), unit_p_mw=rows(*[0.8] * 4))
    np.testing.assert_allclose(
        of(lived(village(COAL, gas), market)[0], "gas"), [0.3, 0.6, 0.8, 0.8]
    )


# -- who balances ---------------------------------------------------------------------------------


def test_load_is_shed_only_when_the_slack_is_at_its_limit() -> None:
    small = dataclasses.replace(COAL, p_max_mw=0.6)
    episode, seen = lived(village(small, GAS))
    plenty, _ = lived(village())
    coal = episode.units.loc[episode.units["unit"] == "coal", "p_mw"].to_numpy()
    wanted = plenty.units.loc[plenty.units["unit"] == "coal", "p_mw"].to_numpy()
    shed = episode.steps["unserved_mw"].to_numpy()
    assert 0 < (shed > 0).sum() < len(shed)
    np.testing.assert_array_equal(shed > 0, wanted > 0.6)
    np.testing.assert_allclose(coal[shed > 0], 0.6, atol=1e-6)
    assert usd(episode, "unserved load") == pytest.approx(1000 * shed.sum() / 4)
    assert episode.metrics["imbalance_mwh"] == episode.metrics["curtailed_mwh"] == 0
    # The controller sees what the slack delivered, not what it had planned.
    assert seen[3].units.p_mw[0] == pytest.approx(coal[11], abs=1e-6)


def test_a_surplus_is_spilled_first_and_what_is_left_is_flagged() -> None:
    """Minimum outputs above the load: no exception, a result that says so and costs."""
    large = dataclasses.replace(COAL, p_min_mw=0.55)
    episode, _ = lived(village(large, GAS))
    steps = episode.steps
    surplus = steps["imbalance_mw"] < 0
    assert surplus.any()
    assert not surplus.all()
    np.testing.assert_allclose(steps.loc[surplus, "generation_mw"], 0.0, atol=1e-6)
    assert steps.loc[~surplus & (steps["curtailed_mw"] > 1e-3), "generation_mw"].gt(0).any()
    assert episode.metrics["unserved_mwh"] == 0
    dumped = float(-steps["imbalance_mw"].sum() / 4)
    assert episode.metrics["imbalance_mwh"] == pytest.approx(dumped)
    assert usd(episode, "imbalance") == pytest.approx(1000 * dumped)


def test_a_unit_that_loses_its_bus_trips_and_comes_back() -> None:
    """It delivers and burns nothing, and pays for the stop and the start; its load is unserved."""
    scenario = village()
    nature = Nature.build(scenario.system, scenario.uncertainty)
    drawn = nature.draw(scenario.seed, 0)
    controller = Scripted(Plan())
    dark = dataclasses.replace(drawn, outages=(Outage(0, 4, 8),))
    episode, _ = live(scenario, controller, realisation=dark, nature=nature)
    law_energy(scenario, episode)
    law_money(scenario, episode)
    np.testing.assert_allclose(of(episode, "gas"), [0.4, 0.0, 0.4, 0.4])
    assert of(episode, "gas", "on").tolist() == [True, False, True, True]
    assert (usd(episode, "start-up"), usd(episode, "shut-down")) == (7.0, 3.0)
    np.testing.assert_allclose([own.units.p_mw[1] for own in controller.seen], [0.4, 0.4, 0.0, 0.4])
    assert episode.steps["unserved_mw"].gt(0).sum() == 4


# -- moved demand ---------------------------------------------------------------------------------

MOVABLE = {"benefit_usd_per_mwh": 45.0, "shiftable": 0.1, "shift_ramp_per_h": 1.0}


def test_moved_demand_is_worth_the_same_and_owes_nothing_once_it_is_given_back() -> None:
    still, _ = lived(village(**MOVABLE))
    shift = np.array([[0.05], [0.02], [-0.03], [-0.04]])
    episode, seen = lived(village(**MOVABLE), MarketPlan(shift_mw=shift))
    moved = (episode.steps["load_mw"] - still.steps["load_mw"]).to_numpy().reshape(4, 4)
    np.testing.assert_allclose(moved, np.repeat(shift, 4, axis=1), atol=1e-12)
    assert usd(episode, "demand benefit") == pytest.approx(usd(still, "demand benefit"))
    assert usd(episode, "shift settlement") == pytest.approx(0, abs=1e-9)
    assert episode.metrics["shift_open_mwh"] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose([own.shifted_mwh[0] for own in seen], [0, 0.05, 0.07, 0.04])
    benefit = usd(episode, "demand benefit")
    assert episode.metrics["welfare_usd"] == pytest.approx(benefit - episode.metrics["cost_usd"])


@pytest.mark.parametrize(("shift_mw", "owed_usd"), [(-0.05, 4 * 0.05 * 45), (0.05, 0.0)])
def test_what_is_not_given_back_is_paid_and_an_excess_is_worth_nothing(
    shift_mw: float, owed_usd: float
) -> None:
    still, _ = lived(village(**MOVABLE))
    episode, _ = lived(village(**MOVABLE), MarketPlan(shift_mw=np.full((4, 1), shift_mw)))
    assert usd(episode, "shift settlement") == pytest.approx(owed_usd)
    assert usd(episode, "demand benefit") == pytest.approx(usd(still, "demand benefit"))
    assert episode.metrics["shift_open_mwh"] == pytest.approx(0.2)


def test_a_shift_is_brought_within_share_and_ramp_of_the_load_as_it_turns_out() -> None:
    movable = MOVABLE | {"shift_ramp_per_h": 0.05}
    still, _ = lived(village(**MOVABLE))
    episode, _ = lived(village(**movable), MarketPlan(shift_mw=np.full((4, 1), 9.0)))
    load = still.steps["load_mw"].to_numpy()
    moved = episode.steps["shift_mw"].to_numpy()
    np.testing.assert_allclose(moved[:4], 0.05 * load[:4])
    np.testing.assert_allclose(
        moved[4:8], np.minimum(moved[:4].mean() + 0.05 * load[4:8], 0.1 * load[4:8])
    )
    assert (moved <= 0.1 * load + 1e-12).all()
    ordered_mwh = 4 * 9.0
    assert episode.metrics["clipped_mwh"] == pytest.approx(ordered_mwh - moved.sum() / 4)


def test_every_day_settles_its_own_shifts() -> None:
    """What midnight leaves open is paid in the day's last step, and the next day starts at zero."""
    shift = np.zeros((26, 1))
    shift[22:25, 0] = -0.05
    episode, seen = lived(village(n_periods=26, **MOVABLE), MarketPlan(shift_mw=shift))
    settled = episode.ledger[episode.ledger["item"] == "shift settlement"]
    assert settled["step"].tolist() == [95, 103]
    np.testing.assert_allclose(settled["usd"], [0.1 * 45, 0.05 * 45])
    shifted = [own.shifted_mwh[0] for own in seen]
    np.testing.assert_allclose(shifted[22:], [0.0, -0.05, 0.0, -0.05], atol=1e-12)
    assert episode.metrics["shift_open_mwh"] == pytest.approx(0.15)


# -- orders that mean nothing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("market", "message"),
    [
        (MarketPlan(commitment=np.ones((4, 1), dtype=np.bool_)), "market.commitment must be"),
        (MarketPlan(commitment=np.ones((4, 2))), "must hold truth values"),
        (MarketPlan(unit_p_mw=np.full((4, 2), np.nan)), r"market.unit_p_mw\[0, 0\] = nan"),
        (MarketPlan(lmp_usd_per_mwh=np.zeros((4, 3))), "shape .periods, 2."),
    ],
)
def test_orders_without_a_meaning_are_refused_by_name(market: MarketPlan, message: str) -> None:
    episode, _ = live(village(), Scripted(Plan(market=market)))
    assert episode.decisions["fallback"].iloc[0] != ""
    assert episode.decisions["fallback"].str.contains(message).iloc[0]


def test_prices_are_kept_as_they_were_last_in_force() -> None:
    def script(observation: Observation) -> Plan:
        n = 4 if observation.period == 0 else 1
        if observation.period not in (0, 2):
            return Plan()
        return Plan(market=MarketPlan(lmp_usd_per_mwh=np.full((n, 2), 20.0 + observation.period)))

    prices = lived(village(), script)[0].prices
    assert prices["bus"].tolist() == ["substation", "village"] * 4
    assert prices["lmp_usd_per_mwh"].tolist() == [20.0] * 4 + [22.0] * 2 + [20.0] * 2
