"""A plan without meaning is refused in a sentence that says what, where and what it should be."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sim.control import EvPlan, FleetPlan, GridPlan, MarketPlan, Plan, Visit
from sim.errors import PlanError
from sim.scenario import load_scenario
from sim.world.guard import checked_plan

ROADS, UNITS = load_scenario("ieee33").system, load_scenario("six_bus_rail").system
N, PLANTS, FIRST = len(ROADS.vehicles), len(ROADS.generators.name), ROADS.vehicles[0].name
NO_NUMBER = np.zeros((2, N))
NO_NUMBER[1, 0] = np.nan
OFF = np.zeros((2, len(UNITS.units)))


def visits(*first: Visit) -> FleetPlan:
    return FleetPlan(visits=(first, *[None] * (N - 1)))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (3, "decide() must return a Plan, not int"),
        (FleetPlan(p_mw=[1.0]), f"fleet.p_mw must be an array of shape (periods, {N}), not list"),
        (
            FleetPlan(q_mvar=np.zeros((2, 1))),
            f"fleet.q_mvar must be an array of shape (periods, {N}), not (2, 1)",
        ),
        (
            FleetPlan(p_mw=np.zeros(N)),
            f"fleet.p_mw must be an array of shape (periods, {N}), not ({N},)",
        ),
        (
            FleetPlan(p_mw=np.zeros((0, N))),
            "fleet.p_mw has 0 rows; it takes 1 to 4, one per period from now on",
        ),
        (
            visits(Visit(station="Eastport", depart_h=0.0)),  # type: ignore[arg-type]
            (
                f"fleet.visits of {FIRST}: station = 'Eastport' must be an index; "
                "system.station('Eastport') returns the index of a name"
            ),
        ),
        (FleetPlan(p_mw=NO_NUMBER), f"fleet.p_mw[1, 0] = nan for {FIRST} must be finite"),
        (FleetPlan(visits=()), f"fleet.visits has 0 entries for {N} vehicles"),
        (
            visits(Visit(station=99, depart_h=0.0)),
            f"fleet.visits of {FIRST}: unknown station 99; there are {len(ROADS.stations)}",
        ),
        (
            visits(Visit(station=-1, depart_h=0.0)),
            f"fleet.visits of {FIRST}: unknown station -1; there are {len(ROADS.stations)}",
        ),
        (
            visits(Visit(station=0, depart_h=2.0), Visit(station=1, depart_h=1.0)),
            f"fleet.visits of {FIRST}: depart_h = 1.0 must be finite and in order",
        ),
        (
            visits(Visit(station=0, depart_h=float("inf"))),
            f"fleet.visits of {FIRST}: depart_h = inf must be finite and in order",
        ),
        (
            GridPlan(generation_limit_mw=np.full((1, PLANTS), -0.5)),
            "grid.generation_limit_mw must be >= 0 (infinity means free)",
        ),
        (
            GridPlan(generation_limit_mw=np.full((1, PLANTS), np.nan)),
            "grid.generation_limit_mw must be >= 0 (infinity means free)",
        ),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused(plan: Any, message: str) -> None:
    parts = {FleetPlan: "fleet", GridPlan: "grid"}
    whole = Plan(**{parts[type(plan)]: plan}) if type(plan) in parts else plan
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        checked_plan(whole, ROADS, 4)


@pytest.mark.parametrize(
    ("market", "message"),
    [
        (MarketPlan(commitment=OFF), "market.commitment must hold truth values, not float64"),
        (MarketPlan(unit_p_mw=OFF + np.inf), "market.unit_p_mw[0, 0] = inf must be finite"),
    ],
)
def test_a_market_that_cannot_be_read_is_refused(market: MarketPlan, message: str) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        checked_plan(Plan(market=market), UNITS, 4)


def test_rows_beyond_the_look_ahead_are_cut_from_every_part() -> None:
    rows = np.arange(5.0)[:, None]
    fleet = FleetPlan(p_mw=np.repeat(rows, N, axis=1), visits=(None,) * N)
    grid = GridPlan(generation_limit_mw=np.repeat(rows, PLANTS, axis=1))
    cut = checked_plan(Plan(fleet=fleet, grid=grid), ROADS, 4)
    assert cut.fleet is not None
    assert cut.fleet.p_mw is not None
    assert cut.grid is not None
    assert cut.fleet.p_mw[:, 0].tolist() == [0, 1, 2, 3]
    assert cut.fleet.visits == (None,) * N
    assert cut.grid.generation_limit_mw[:, 0].tolist() == [0, 1, 2, 3]
    short = Plan(fleet=FleetPlan(p_mw=np.zeros((2, N))))
    assert checked_plan(short, ROADS, 4).fleet is short.fleet


def test_names_are_looked_up_and_misspelt_ones_met_with_the_nearest() -> None:
    stations, vehicles = ROADS.stations, ROADS.vehicles
    assert ROADS.station(stations[2].name) == 2
    assert ROADS.vehicle(vehicles[1].name) == 1
    assert ROADS.bus(ROADS.grid.bus_name[3]) == 3
    with pytest.raises(ValueError, match=r"no station 'Eastprt'. Did you mean 'Eastport'\?"):
        ROADS.station("Eastprt")


HOMES = load_scenario("residential_ev").system
CARS = len(HOMES.evs)
BEYOND = np.zeros((2, CARS))
BEYOND[1, 0] = -np.inf


@pytest.mark.parametrize(
    ("p_mw", "message"),
    [
        (
            np.zeros((2, CARS + 1)),
            f"ev.p_mw must be an array of shape (periods, {CARS}), not (2, {CARS + 1})",
        ),
        (
            np.zeros((2, CARS), dtype=np.complex128),
            "ev.p_mw must hold real numbers, not complex128",
        ),
        (
            BEYOND,
            f"ev.p_mw[1, 0] = -inf for {HOMES.evs[0].name} must be finite, or NaN for no order",
        ),
    ],
)
def test_orders_to_cars_that_cannot_be_read_are_refused(p_mw: np.ndarray, message: str) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        checked_plan(Plan(ev=EvPlan(p_mw=p_mw)), HOMES, 4)
    checked_plan(Plan(ev=EvPlan(p_mw=np.full((2, CARS), np.nan))), HOMES, 4)
    with pytest.raises(PlanError, match="the scenario has none"):
        checked_plan(Plan(ev=EvPlan(p_mw=p_mw)), UNITS, 4)


def test_limits_and_times_that_are_just_allowed_pass() -> None:
    same = visits(Visit(station=0, depart_h=1.0), Visit(station=1, depart_h=1.0))
    small = GridPlan(generation_limit_mw=np.full((1, PLANTS), 0.5))
    checked_plan(Plan(fleet=same, grid=small), ROADS, 4)
    free = GridPlan(generation_limit_mw=np.zeros((4, PLANTS)))
    checked_plan(Plan(fleet=FleetPlan(p_mw=np.zeros((4, N))), grid=free), ROADS, 4)
    checked_plan(Plan(market=MarketPlan(commitment=OFF > 1, unit_p_mw=OFF)), UNITS, 4)


def test_of_a_plan_longer_than_the_look_ahead_the_first_rows_count() -> None:
    rows = np.arange(6.0 * N).reshape(6, N)
    plan = checked_plan(Plan(fleet=FleetPlan(p_mw=rows), market=None), ROADS, 4)
    assert plan.fleet is not None
    np.testing.assert_array_equal(plan.fleet.p_mw, rows[:4])
