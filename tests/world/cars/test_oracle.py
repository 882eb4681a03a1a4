"""Sharing by least laxity against a linear programme that knows and orders every car."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from sim.control import EvStates
from sim.system.evs import EvGroup
from sim.uncertainty.evs import EvSessions
from sim.units import FloatArray, IntArray
from tests.world.cars.build import HOMES, V2G, lived, timing

HOURS, STEP_H = 24, 0.25
N_STEPS = round(HOURS / STEP_H)
# The tariff of `residential_ev` by hour, from noon to noon.
OF_DAY = [53.2] * 8 + [72.4] * 2 + [63.5] * 4 + [72.4] * 4 + [81.2] * 2 + [72.4] * 2 + [53.2] * 2
PRICE_USD_PER_MWH = np.roll(np.array(OF_DAY), -12)


def an_evening(group: EvGroup, seed: int, least_mwh: float) -> EvSessions:
    """Return one stay of each car, from noon to noon; all needs can be had."""
    rng = np.random.default_rng(seed)
    n = group.count
    arrival_h = np.sort(np.clip(rng.normal(6.0, 2.0, n), 0.5, 11.0))
    departure_h = rng.uniform(18.0, 22.0, n)
    stored_mwh = rng.uniform(0.0, 0.03, n)
    reach_mwh = (departure_h - arrival_h) * group.p_mw * group.efficiency_charge
    need_mwh = np.minimum(rng.uniform(least_mwh, group.energy_mwh, n), stored_mwh + reach_mwh)
    nobody: IntArray = np.zeros(n, dtype=np.int64)
    return EvSessions(
        group=nobody,
        car=np.arange(n),
        arrival_h=arrival_h,
        start_h=arrival_h,
        departure_h=departure_h,
        stated_departure_h=departure_h,
        owed_mwh=group.energy_mwh - stored_mwh,
        next_trip_mwh=need_mwh,
    )


def programme_mw(group: EvGroup, sessions: EvSessions, price: FloatArray) -> FloatArray:
    """Return the group's net power, positive injecting, of the cheapest plan, ``(step,)`` [MW].

    Variables: what each car charges, then what it discharges, in each step [MWh]. Every car leaves
    with its need. Written from the numbers alone: it shares no code with the world.
    """
    n, size = group.count, group.count * N_STEPS
    t_h = np.arange(N_STEPS) * STEP_H
    here_h = np.minimum(t_h + STEP_H, sessions.departure_h[:, None])
    here_h = np.clip(here_h - np.maximum(t_h, sessions.arrival_h[:, None]), 0.0, None)
    running = sparse.kron(sparse.eye_array(n), np.tril(np.ones((N_STEPS, N_STEPS)))).tocsr()
    out = group.efficiency_discharge or 1.0
    gained = sparse.hstack([running * group.efficiency_charge, running * (-1 / out)]).tocsr()
    stored_mwh = group.energy_mwh - sessions.owed_mwh
    last = (np.arange(n) + 1) * N_STEPS - 1
    found = linprog(
        np.concatenate([np.tile(price, n), -np.tile(price, n)]),
        A_ub=sparse.vstack([gained, -gained, -gained[last]]),
        b_ub=np.concatenate(
            [
                np.repeat(sessions.owed_mwh, N_STEPS),
                np.repeat(stored_mwh, N_STEPS),
                stored_mwh - sessions.next_trip_mwh,
            ]
        ),
        bounds=np.column_stack(
            [
                np.zeros(2 * size),
                np.concatenate(
                    [here_h.ravel() * group.p_mw, here_h.ravel() * group.p_discharge_max_mw]
                ),
            ]
        ),
        method="highs",
    )
    assert found.status == 0, found.message
    net_mwh = (found.x[size:] - found.x[:size]).reshape(n, N_STEPS).sum(axis=0)
    return net_mwh / STEP_H


def row_by_row(order_mw: FloatArray, period: int, here: EvStates) -> FloatArray:
    return order_mw[period : period + 1]


def all_at_once(order_mw: FloatArray, period: int, here: EvStates) -> FloatArray | None:
    return order_mw[:, None] if period == 0 else None


@pytest.mark.parametrize("group", [HOMES, V2G], ids=["charging", "with V2G"])
@pytest.mark.parametrize("least_mwh", [0.02, 0.045], ids=["slack needs", "needs that bind"])
def test_sharing_moves_what_a_linear_programme_moves(group: EvGroup, least_mwh: float) -> None:
    """Who knows only the order of now moves 95 %, who knows the orders ahead 99 %, at its times."""
    grid = timing(HOURS, 900)
    shares = []
    for seed in range(6):
        sessions = an_evening(group, seed, least_mwh)
        noise = np.random.default_rng(seed + 100).normal(0.0, 3.0, N_STEPS)
        price = np.repeat(PRICE_USD_PER_MWH, round(1 / STEP_H)) + noise
        order_mw = programme_mw(group, sessions, price)
        wanted_mwh = order_mw * STEP_H
        for order in (row_by_row, all_at_once):
            life = lived((group,), sessions, grid, partial(order, order_mw))
            assert life.fleet.short == life.fleet.impossible == 0
            done_mwh = life.net_mwh[:, 0]
            same_way = np.sign(done_mwh) == np.sign(wanted_mwh)
            realised_mwh = np.minimum(np.abs(done_mwh), np.abs(wanted_mwh)) * same_way
            shares.append(realised_mwh.sum() / np.abs(wanted_mwh).sum())
    now, ahead = np.reshape(shares, (6, 2)).mean(axis=0)
    assert now >= 0.95
    assert ahead >= 0.99
