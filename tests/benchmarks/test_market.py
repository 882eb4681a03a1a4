"""How long a market takes to clear: the published case, and a larger one made up by a key."""

from __future__ import annotations

import time

import numpy as np
import pytest

from controllers.market.case import (
    NO_LEG,
    Case,
    DcGrid,
    Demand,
    Rail,
    Renewables,
    TrainBatteries,
    Units,
    segments,
)
from controllers.market.clearing import clear, market_model
from controllers.market.sampling import LoadError, load_scenarios
from controllers.market.value import clear_from_mean
from controllers.optimisation.work_limits import WorkLimits
from tests.controllers.market.six_bus import LOAD_MW, WIND_MW, six_bus

pytestmark = pytest.mark.benchmark
N_BUSES, N_UNITS, N_STATIONS, N_TRAINS = 30, 6, 8, 2
EMISSION = (0.896, 0.448, 0.448)


def large(key: int) -> Case:
    """Return a day on a ring of buses with chords, drawn from `key`."""
    rng = np.random.default_rng(key)
    ring = np.arange(N_BUSES)
    chords = np.array([(k, (k + 7) % N_BUSES) for k in range(0, N_BUSES, 3)])
    from_bus = np.concatenate([ring, chords[:, 0]])
    to_bus = np.concatenate([(ring + 1) % N_BUSES, chords[:, 1]])
    n_lines = len(from_bus)
    p_max = rng.uniform(60, 160, N_UNITS)
    p_min = 0.3 * p_max
    b, c = rng.uniform(13, 38, N_UNITS), rng.uniform(0.001, 0.01, N_UNITS)
    widths, slopes = segments(p_min, p_max, b, c, 3)
    load_bus = rng.choice(N_BUSES, 12, replace=False)
    share = rng.dirichlet(np.full(12, 5.0))
    station_bus = rng.choice(N_BUSES, N_STATIONS, replace=False)
    # Stations on a line: neighbours one span apart, others two through virtual stations.
    apart = np.abs(np.subtract.outer(np.arange(N_STATIONS), np.arange(N_STATIONS)))
    legs = np.where(apart == 0, NO_LEG, np.where(apart <= 2, apart, NO_LEG))
    fleet = {
        "p_charge_mw": 30.0, "p_discharge_mw": 30.0, "efficiency_charge": 0.9,
        "efficiency_discharge": 0.9, "usd_per_mwh_charged": 1.0, "usd_per_mwh_discharged": 1.0,
        "energy_min_mwh": 0.0, "energy_max_mwh": 120.0, "energy_mwh": 0.0, "terminal_mwh": 0.0,
        "missing_usd_per_mwh": 1000.0,
    }  # fmt: skip
    home = np.array([0, N_STATIONS - 1])
    return Case(
        period_h=1.0,
        units=Units(
            bus=rng.choice(N_BUSES, N_UNITS, replace=False),
            p_min_mw=p_min,
            p_max_mw=p_max,
            p_min_usd_per_h=150 + b * p_min + c * p_min**2,
            segment_mw=widths,
            segment_usd_per_mwh=slopes,
            ramp_mw_per_h=0.4 * p_max,
            min_up_h=rng.integers(1, 6, N_UNITS).astype(float),
            min_down_h=rng.integers(1, 5, N_UNITS).astype(float),
            start_up_usd=rng.uniform(0, 300, N_UNITS),
            shut_down_usd=rng.uniform(0, 100, N_UNITS),
            emission_lb_per_mwh=np.zeros(N_UNITS),
            emission_lb_per_start=np.zeros(N_UNITS),
            on=np.arange(N_UNITS) < 3,
            hours_in_state=np.full(N_UNITS, 10.0),
            p_mw=np.full(N_UNITS, np.nan),
        ),
        grid=DcGrid(
            n_buses=N_BUSES,
            from_bus=from_bus,
            to_bus=to_bus,
            mw_per_rad=100 / rng.uniform(0.05, 0.25, n_lines),
            limit_mw=rng.uniform(35, 70, n_lines),
        ),
        demand=Demand(
            bus=load_bus,
            mw=1.6 * LOAD_MW[:, None] * share,
            benefit_usd_per_mwh=np.full((24, 12), 45.0),
            lost_load_usd_per_mwh=1000.0,
            shiftable=np.full(12, 0.1),
            ramp_per_h=np.full(12, 0.1),
            before_mw=np.zeros(12),
            shifted_mwh=np.zeros(12),
        ),
        renewables=Renewables(
            bus=rng.choice(N_BUSES, 2, replace=False),
            mw=WIND_MW[:, None] * np.array([1.0, 0.6]),
        ),
        batteries=TrainBatteries(
            **{name: np.full(N_TRAINS, value) for name, value in fleet.items()}
        ),
        rail=Rail(
            station_bus=station_bus,
            leg_spans=np.broadcast_to(legs, (N_TRAINS, N_STATIONS, N_STATIONS)),
            leg_usd=np.full((N_TRAINS, N_STATIONS, N_STATIONS), 10.0),
            boundary=np.arange(0, 25, 2),
            departures=np.full(N_TRAINS, np.inf),
            station=home,
            ready=np.zeros(N_TRAINS, dtype=np.int64),
            home=home,
            return_usd=np.zeros((N_TRAINS, N_STATIONS)),
        ),
    )


def everything() -> Case:
    return six_bus(
        fleet="train", n_segments=3, minimum_times=True, demand_response=0.1, transport_usd=200.0,
        emission_cap_lb=3000.0, emission_lb_per_mwh=EMISSION,
    )  # fmt: skip


def report(name: str, began: float, cpu: float, gap: float) -> None:
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"\n{name}: {wall:.0f} s, {used:.0f} s of one core, gap {100 * gap:.3f} %")


def test_a_deterministic_clearing() -> None:
    began, cpu = time.perf_counter(), time.process_time()
    found = clear(market_model(everything()), WorkLimits(relative_gap=1e-5))
    assert found.bound_usd is not None
    report("deterministic", began, cpu, found.bound_usd / found.welfare_usd - 1)
    assert time.process_time() - cpu < 20


def test_a_stochastic_clearing() -> None:
    began, cpu = time.perf_counter(), time.process_time()
    case = everything()
    scenarios = load_scenarios(case, LoadError(), np.random.default_rng(1), 1000, 10)
    limits = WorkLimits(relative_gap=1e-3, nodes=20_000, deadline_s=1200)
    found, _ = clear_from_mean(case, scenarios, limits)
    assert found.bound_usd is not None
    gap = found.bound_usd / found.welfare_usd - 1
    report("stochastic, 10 scenarios", began, cpu, gap)
    assert gap < 1.01e-3
    assert time.process_time() - cpu < 300


def test_thirty_buses_six_units_eight_stations_two_trains() -> None:
    began, cpu = time.perf_counter(), time.process_time()
    found = clear(market_model(large(1)), WorkLimits(relative_gap=1e-4, deadline_s=1200))
    assert found.bound_usd is not None
    report("30 buses", began, cpu, found.bound_usd / found.welfare_usd - 1)
    assert time.process_time() - cpu < 600
    assert any(found.departures)
