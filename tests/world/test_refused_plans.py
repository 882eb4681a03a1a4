"""A plan without meaning is refused in a sentence that says what, where and what it should be."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sim.control import EvPlan, FleetPlan, GridPlan, MarketPlan, Plan, Visit
from sim.errors import PlanError
from sim.scenario import load_scenario
from sim.world.guard import check_plan

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
        (FleetPlan(p_mw=np.zeros((5, N))), "fleet.p_mw has 5 rows; the look-ahead has 4 periods"),
        (FleetPlan(p_mw=np.zeros((0, N))), "fleet.p_mw has 0 rows; the look-ahead has 4 periods"),
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
        check_plan(whole, ROADS, 4)


@pytest.mark.parametrize(
    ("market", "message"),
    [
        (MarketPlan(commitment=OFF), "market.commitment must hold truth values, not float64"),
        (MarketPlan(unit_p_mw=OFF + np.inf), "market.unit_p_mw[0, 0] = inf must be finite"),
    ],
)
def test_a_market_that_cannot_be_read_is_refused(market: MarketPlan, message: str) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        check_plan(Plan(market=market), UNITS, 4)


CARS = len(ROADS.evs)
BEYOND = np.zeros((2, CARS))
BEYOND[1, 0] = -np.inf


@pytest.mark.parametrize(
    ("p_mw", "message"),
    [
        (
            np.zeros((2, CARS + 1)),
            f"ev.p_mw must be an array of shape (periods, {CARS}), not (2, {CARS + 1})",
        ),
        (np.zeros((5, CARS)), "ev.p_mw has 5 rows; the look-ahead has 4 periods"),
        (np.zeros((2, CARS), dtype=int), "ev.p_mw must hold real numbers, not int64"),
        (
            BEYOND,
            f"ev.p_mw[1, 0] = -inf for {ROADS.evs[0].name} must be finite, or NaN for no order",
        ),
    ],
)
def test_orders_to_cars_that_cannot_be_read_are_refused(p_mw: np.ndarray, message: str) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(message)}$"):
        check_plan(Plan(ev=EvPlan(p_mw=p_mw)), ROADS, 4)
    check_plan(Plan(ev=EvPlan(p_mw=np.full((2, CARS), np.nan))), ROADS, 4)
    with pytest.raises(PlanError, match="the scenario has none"):
        check_plan(Plan(ev=EvPlan(p_mw=p_mw)), UNITS, 4)


def test_limits_and_times_that_are_just_allowed_pass() -> None:
    same = visits(Visit(station=0, depart_h=1.0), Visit(station=1, depart_h=1.0))
    small = GridPlan(generation_limit_mw=np.full((1, PLANTS), 0.5))
    check_plan(Plan(fleet=same, grid=small), ROADS, 4)
    free = GridPlan(generation_limit_mw=np.zeros((4, PLANTS)))
    check_plan(Plan(fleet=FleetPlan(p_mw=np.zeros((4, N))), grid=free), ROADS, 4)
    check_plan(Plan(market=MarketPlan(commitment=OFF > 1, unit_p_mw=OFF)), UNITS, 4)
