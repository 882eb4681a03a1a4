"""The controller `market` in the loop, and the rules it clears by."""

from __future__ import annotations

import gc
import math
from types import FunctionType, ModuleType

import numpy as np
import pytest

import gridhaul as gh
from controllers.market.market import Market, MarketParameters
from sim.episode.specification import ControllerSpec
from sim.errors import InputError
from sim.inspect.laws.witness import live
from sim.powerflow.engines import engine
from sim.powerflow.switched import SwitchedFlow
from sim.system.vehicles import Train


def six_bus_rail(**settings: object) -> gh.Scenario:
    """Return the scenario; ``market__x`` stands for ``market.x``."""
    overrides = {key.replace("__", "."): value for key, value in settings.items()}
    return gh.load_scenario("six_bus_rail", overrides)


def test_rules_of_the_market_replace_what_the_tables_say() -> None:
    without_rules = six_bus_rail().system
    ruled = six_bus_rail(
        fleet="fixed:B",
        market__demand_response=0.2,
        market__transport_usd=70,
        market__line_limit_scale=0.5,
        market__emission_cap=3000,
    ).system
    np.testing.assert_array_equal(ruled.loads.shiftable, 0.2)
    np.testing.assert_array_equal(ruled.loads.shift_ramp_per_h, 0.2)
    for name in ("max_i_ka", "limit_mva"):
        limits = [getattr(system.grid.lines, name) for system in (ruled, without_rules)]
        np.testing.assert_allclose(limits[0], 0.5 * limits[1])
    (train,) = ruled.vehicles
    assert isinstance(train, Train)
    assert ruled.stations[train.initial_station].name == "B"
    assert (train.trips_per_day, train.usd_per_span) == (0, 70)
    assert ruled.market.emission_cap_lb_per_day == 3000
    assert without_rules.market.emission_cap_lb_per_day == math.inf
    assert six_bus_rail(fleet="none").system.vehicles == ()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fleet", "trian", "Did you mean 'train'"),
        ("fleet", "fixed:D", "stands at no station"),
        ("market__emission_cap", "much", "emission_cap"),
        ("market__demand_response", 1.5, "demand_response"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(
    key: str, value: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        six_bus_rail(**{key: value})


def test_parameters_that_make_no_sense_are_refused_by_name() -> None:
    for name, value in (
        ("segments", 0), ("scenarios", 2000), ("slow_h", -1.0), ("load_error_daily", 2.0),
        ("gap", -1.0), ("nodes", 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=name.removeprefix("load_error_")):
            MarketParameters(**{name: value})


def test_a_grid_that_is_fed_from_upstream_has_no_market() -> None:
    with pytest.raises(InputError, match="requires"):
        gh.run(gh.load_scenario("tiny"), "market", verify="off")


def test_a_certain_day_is_lived_as_it_was_cleared() -> None:
    """Losses and quadratic costs are all that a clearing without either leaves out."""
    episode = gh.run(six_bus_rail(fleet="none"), "market_day_ahead", verify="off")
    metrics = episode.metrics
    assert metrics["cleared_welfare_usd"] == pytest.approx(161_197, abs=5)
    assert metrics["welfare_usd"] == pytest.approx(metrics["cleared_welfare_usd"], rel=0.005)
    assert metrics["welfare_usd"] < metrics["cleared_welfare_usd"]
    assert metrics["fallbacks"] == metrics["refusals"] == metrics["unserved_mwh"] == 0
    assert metrics["clipped_mwh"] < 1e-6
    assert np.isnan(metrics["info_gap_alpha"])
    assert len(episode.decisions) == 24


def test_redispatch_keeps_voltages_and_lines_within_their_limits() -> None:
    """The day-ahead clearing knows neither; G2 and G3 have to run for the voltage.

    Losses are in the plan: units deliver what they were asked for, the slack unit too.
    """
    scenario = six_bus_rail(timing__hours=12)
    cleared = gh.run(scenario, "market_day_ahead", verify="off")
    assert cleared.metrics["vm_pu_min"] < 0.95
    assert cleared.metrics["loading_percent_max"] > 100.0
    kept, diary = live(scenario, Market())
    assert kept.metrics["vm_pu_min"] >= 0.95
    assert kept.metrics["loading_percent_max"] <= 100.0
    assert kept.metrics["fallbacks"] == kept.metrics["unserved_mwh"] == 0
    assert kept.metrics["objective_usd"] < cleared.metrics["objective_usd"]
    asked = np.array([plan.market.unit_p_mw[0].sum() for plan in diary.plans if plan.market])
    made = kept.units.groupby("time_h")["p_mw"].sum().to_numpy().reshape(12, 4).mean(axis=1)
    np.testing.assert_allclose(made, asked, atol=0.2)


def test_a_margin_keeps_lines_within_limits_where_loads_and_wind_are_uncertain() -> None:
    scenario = six_bus_rail(uncertainty="on", timing__hours=12)
    none, two = (
        gh.run(
            scenario,
            ControllerSpec(name="market", parameters=(("gap", 1e-3), ("margin", margin))),
            replication=4,
            verify="off",
        ).metrics
        for margin in (0.0, 2.0)
    )
    assert none["loading_percent_max"] > 100.0
    assert two["penalty_usd"] == 0.0


def test_its_power_flow_is_none_of_the_worlds() -> None:
    """That one knows which lines have tripped, on days that another controller has lived, too."""
    scenario = six_bus_rail()
    controller = Market()
    controller.start(scenario.system, np.random.default_rng(0))
    seen: dict[int, object] = {}
    left: list[object] = [vars(controller)]
    while left:
        each = left.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType):
            continue
        seen[id(each)] = each
        left += gc.get_referents(each)
    assert any(isinstance(each, SwitchedFlow) for each in seen.values())
    assert id(engine(scenario.system.grid)) not in seen


def test_what_nothing_available_can_prevent_is_said() -> None:
    scenario = six_bus_rail(timing__hours=2, grid__v_min_pu=1.015)
    said = gh.run(scenario, "market", verify="off").decisions["fallback"]
    assert said.str.contains("Nothing available keeps all voltages and lines within limits").all()


def test_load_that_lines_cannot_carry_is_said() -> None:
    """No order sheds it, so that the lines are overloaded."""
    scenario = six_bus_rail(timing__hours=2, market__line_limit_scale=0.5, fleet="none")
    episode = gh.run(scenario, "market", verify="off")
    assert episode.metrics["loading_percent_max"] > 100
    said = episode.decisions["fallback"]
    assert said.str.fullmatch(r"Nothing available serves \d+\.\d MW within limits\.").all()


def test_without_redispatch_the_day_ahead_clearing_stays_in_force() -> None:
    scenario = six_bus_rail(fleet="none", uncertainty="on", timing__hours=8)
    once, again = (
        gh.run(
            scenario,
            ControllerSpec(name="market", parameters=(("redispatch", redispatch),)),
            verify="off",
        )
        for redispatch in (False, True)
    )
    orders = once.decisions["orders"]
    assert orders[1:].nunique() == 1
    assert again.decisions["orders"].nunique() == 8
    assert again.metrics["objective_usd"] < once.metrics["objective_usd"]


def test_prices_are_recorded_and_shifts_are_given_back() -> None:
    scenario = six_bus_rail(fleet="none", market__demand_response=0.1, timing__hours=12)
    episode = gh.run(scenario, "market", verify="off")
    assert episode.metrics["shift_open_mwh"] == pytest.approx(0, abs=1e-6)
    assert episode.metrics["clipped_mwh"] == pytest.approx(0, abs=1e-3)
    assert Market.capabilities.requires == {"units"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("uncertainty", "maybe", "info_gap"), ("info_gap_beta", -0.1, "info_gap_beta")],
)
def test_what_a_clearing_arms_itself_against_is_a_parameter_of_the_controller(
    key: str, value: object, message: str
) -> None:
    spec = gh.ControllerSpec(name="market", parameters=((key, value),))
    with pytest.raises(InputError, match=message):
        gh.run(six_bus_rail(), spec, verify="off")
