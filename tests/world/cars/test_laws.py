"""What holds of cars whatever is ordered."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control import EvStates
from sim.uncertainty.evs import EvHabits
from sim.units import FloatArray
from tests.world.cars.build import HOMES, V2G, Lived, drawn, lived, timing

HOURS = 48
GROUPS = (HOMES, V2G)


def random_life(
    seed: int, *, dead: bool = False, error_h: float = 0.0
) -> tuple[Lived, FloatArray, list[EvStates]]:
    """Return a life under random orders and what was ordered, ``(period, group)`` [MW]."""
    rng = np.random.default_rng(seed)
    groups = tuple(dataclasses.replace(each, bus=g) for g, each in enumerate(GROUPS))
    grid = timing(HOURS)
    orders = rng.uniform(-0.2, 0.15, (HOURS, 2)) * rng.choice([0.0, 0.2, 1.0], (HOURS, 1))
    orders[rng.random((HOURS, 2)) < rng.choice([0.0, 0.3])] = np.nan
    if rng.random() < 0.2:
        orders[:] = rng.choice([0.0, 10.0])  # never charge, or give all there is
    outages = {}
    if dead:
        first = int(rng.integers(10, 150))
        outages = {
            first: [True, bool(rng.integers(2))],
            first + int(rng.integers(1, 20)): [False] * 2,
        }
    habits = EvHabits(departure_error_h=error_h)
    sessions = drawn(groups, HOURS, seed, habits)
    life = lived(groups, sessions, grid, lambda period, _: orders[period], outages)
    return life, orders, life.states


seeds = given(st.integers(0, 10**6))


@settings(max_examples=40, deadline=None)
@seeds
def test_no_car_leaves_its_limits(seed: int) -> None:
    life, _, states = random_life(seed, dead=seed % 2 == 0)
    for here in states:
        assert (here.energy_mwh >= 0).all()
        assert (here.energy_mwh <= HOMES.energy_mwh).all()
        np.testing.assert_allclose(here.energy_mwh + here.owed_mwh, HOMES.energy_mwh)
    assert (life.charged_mwh <= HOMES.count * HOMES.p_mw * 0.25 + 1e-12).all()
    assert (life.discharged_mwh[:, 0] == 0).all()  # the first group feeds nothing in
    assert (life.discharged_mwh[:, 1] <= V2G.count * V2G.p_discharge_max_mw * 0.25 + 1e-12).all()


@settings(max_examples=40, deadline=None)
@seeds
def test_no_car_is_short_whatever_is_ordered(seed: int) -> None:
    life, _, _ = random_life(seed)
    assert life.fleet.short == 0
    early, _, _ = random_life(seed, error_h=1.5)
    assert early.fleet.short == 0


def test_cars_that_leave_early_and_empty_are_counted_as_impossible() -> None:
    sessions = drawn((HOMES,), 24, 3)
    early = dataclasses.replace(
        sessions, departure_h=np.maximum(sessions.departure_h - 3.0, sessions.arrival_h + 1e-3)
    )
    life = lived((HOMES,), early, timing(24), lambda period, here: np.zeros(1))
    assert life.fleet.short == 0
    assert life.fleet.impossible > 0


@settings(max_examples=40, deadline=None)
@seeds
def test_the_sum_over_cars_is_the_meter_of_the_group(seed: int) -> None:
    """Between two steps in which nobody comes or goes, batteries hold what the meter says."""
    life, _, states = random_life(seed, dead=seed % 2 == 0)
    compared = 0
    for step, (before, after) in enumerate(pairwise(states)):
        for g, group in enumerate(GROUPS):
            old, new = before.group == g, after.group == g
            if not np.array_equal(before.departure_h[old], after.departure_h[new]):
                continue
            gained_mwh = after.energy_mwh[new].sum() - before.energy_mwh[old].sum()
            charged, discharged = life.charged_mwh[step, g], life.discharged_mwh[step, g]
            expected = charged * group.efficiency_charge - discharged / (
                group.efficiency_discharge or 1.0
            )
            assert gained_mwh == pytest.approx(expected, abs=1e-9)
            compared += 1
    assert compared > 20


@settings(max_examples=25, deadline=None)
@seeds
def test_energy_closes_over_the_episode(seed: int) -> None:
    """What orders left in the batteries is what the meters differ by from cars on their own."""
    life, orders, _ = random_life(seed)
    groups = tuple(dataclasses.replace(each, bus=g) for g, each in enumerate(GROUPS))
    sessions = drawn(groups, HOURS, seed)
    alone = lived(groups, sessions, timing(HOURS), lambda period, _: None)
    for g, group in enumerate(GROUPS):
        stored = [
            own.charged_mwh[:, g].sum() * group.efficiency_charge
            - own.discharged_mwh[:, g].sum() / (group.efficiency_discharge or 1.0)
            for own in (life, alone)
        ]
        moved_mwh = life.fleet.moved_mwh()[g]
        if np.isfinite(orders).any():
            assert moved_mwh == pytest.approx(stored[0] - stored[1], abs=1e-8)
    assert (alone.fleet.moved_mwh() == 0).all()


@settings(max_examples=25, deadline=None)
@seeds
def test_what_is_not_done_of_an_order_is_clipped(seed: int) -> None:
    """All periods in which the meter follows the order are free of clipping, no others."""
    life, orders, _ = random_life(seed)
    ordered_mwh = np.repeat(orders, 4, axis=0) * 0.25
    missed_mwh = np.nansum(np.abs(ordered_mwh - life.net_mwh))
    # Power may miss an order both ways within a step; means then miss it by less.
    assert life.fleet.clipped_mwh >= missed_mwh - 1e-9
    if missed_mwh > 0:
        assert life.fleet.clipped_mwh <= 1.3 * missed_mwh + 1e-3


def test_an_order_within_reach_is_followed_to_the_watt() -> None:
    sessions = drawn((V2G,), 24, 0)
    orders = np.full(24, np.nan)
    orders[0], orders[1], orders[2] = -0.02, -0.0145, 0.02
    life = lived((V2G,), sessions, timing(24), lambda period, _: orders[period : period + 1])
    hourly_mw = life.net_mwh[:12, 0].reshape(3, 4) / 0.25
    np.testing.assert_allclose(hourly_mw, np.repeat(orders[:3, None], 4, axis=1), atol=1e-12)
    assert life.fleet.clipped_mwh == pytest.approx(0.0, abs=1e-12)


def test_outages_pause_and_resume() -> None:
    sessions = drawn((HOMES,), 24, 0)
    order = np.array([-0.03])
    dead = {76: [True], 84: [False]}
    life = lived((HOMES,), sessions, timing(24), lambda period, _: order, dead)
    assert (life.charged_mwh[76:84] == 0).all()
    assert (life.charged_mwh[84:] > 0).all()
    whole = lived((HOMES,), sessions, timing(24), lambda period, _: order)
    np.testing.assert_allclose(life.charged_mwh[:76], whole.charged_mwh[:76])


def test_a_reader_changes_nothing() -> None:
    """Whoever looks between the steps finds the same day, to the bit."""
    sessions, grid = drawn((V2G,), 24, 7), timing(24)
    orders = np.random.default_rng(5).uniform(-0.1, 0.08, 24)

    def order(period: int, here: EvStates) -> FloatArray:
        return orders[period : period + 1]

    alone = lived((V2G,), sessions, grid, order)
    watched = lived((V2G,), sessions, grid, order, looks_s=(100, 421, 899))
    np.testing.assert_array_equal(alone.charged_mwh, watched.charged_mwh)
    np.testing.assert_array_equal(alone.discharged_mwh, watched.discharged_mwh)
    np.testing.assert_array_equal(alone.states[-1].energy_mwh, watched.states[-1].energy_mwh)
