"""A record of an episode that never was, of numbers drawn once."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

from sim.control import VehicleStatus
from sim.electrical.meters import StationExchange
from sim.episode.record import EpisodeKey
from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.system.rails import Rails
from sim.system.system import System
from sim.system.tariff import Tariff
from sim.system.thermal_units import ThermalUnit
from sim.system.timing import Timing
from sim.uncertainty.events import Outage
from sim.world.rail import Span
from sim.world.recorder import Decision, Event, EvReadings, Reading, Readings
from sim.world.vehicle_meter import Trip

HOURS, N = 6.0, 6  # steps of six hours, one day and a half, periods of two steps
UNIT = ThermalUnit(name="coal", bus=0, p_min_mw=0.5, p_max_mw=9.0, ramp_mw_per_h=0.01)
PAYMENTS = pd.DataFrame({"usd": [1.0]})
RNG = np.random.default_rng(5)


def some(width: int) -> np.ndarray:
    return RNG.uniform(0.5, 1.5, (N, width))


def made_up(slack: bool = False) -> System:
    tiny = load_scenario("tiny").system
    one = tiny.vehicles[0]
    return dataclasses.replace(
        tiny,
        timing=Timing(step_s=21600, period_s=43200, horizon=2, n_periods=3),
        vehicles=(one, dataclasses.replace(one, name="second")),
        units=(UNIT, dataclasses.replace(UNIT, name="gas", slack=slack)),
        evs=tuple(
            EvGroup(name=name, bus=0, count=1, p_mw=0.01, energy_mwh=0.05, mwh_per_km=2e-4)
            for name in ("street", "square")
        ),
        loads=cast("Any", SimpleNamespace(name=("mill", "farm"))),
        generators=cast("Any", SimpleNamespace(name=("roof", "mast"))),
        rails=cast("Rails", SimpleNamespace(node_name=("A", "B"))),
        tariff=Tariff(
            import_usd_per_mwh=np.array([20.0, 30.0, -10.0, 40.0]),
            export_usd_per_mwh=np.zeros(4),
            retail_usd_per_mwh=np.zeros(4),
        ),
    )


def flow(system: System) -> Any:
    converged = np.array([True, True, False, True, True, True])
    volts = RNG.uniform(0.9, 1.1, (N, system.grid.n_buses))
    volts[2], volts[0, 0] = np.nan, np.nan
    n_branches = len(system.grid.lines.name) + len(system.grid.transformers.name)
    source = np.where(converged[:, None], some(1), np.nan)
    return SimpleNamespace(
        converged=converged,
        vm_pu=volts,
        va_degree=30 * volts,
        branch_mw=3 * some(n_branches),
        branch_mvar=2 * some(n_branches),
        loading_percent=np.where(converged[:, None], 90 * some(n_branches), np.nan),
        source_mw=source,
        source_mvar=2 * source,
        loss_mw=np.where(converged, some(1)[:, 0], np.nan),
    )


def speed_now(now_s: float) -> np.ndarray:
    """Return speeds of the two links, at most 40 km/h: one is slow in steps of 6 h, the third."""
    return np.array([32.0, 30.0 if now_s == 2 * 6 * 3600 else 40.0])


def recorded(system: System) -> Any:
    """Return the record of an episode that never was."""
    found = SimpleNamespace(
        **{name: some(2) for name in (
            "load_mw", "load_mvar", "unserved_mw", "shift_mw", "ev_mw", "available_mw",
            "generation_mw", "unit_mw", "storage_mw", "storage_mvar",
        )},
        unit_on=some(2) > 1,
        imbalance_mw=some(1)[:, 0],
    )  # fmt: skip
    readings = Readings(
        RNG.uniform(size=(N, 2, len(Reading._fields))), EvReadings(some(2), some(2), np.zeros(2))
    )
    readings["status"][:] = RNG.integers(0, len(VehicleStatus), (N, 2))
    readings["station"][:] = RNG.integers(0, 2, (N, 2))
    exchanges: list[list[StationExchange]] = [[] for _ in range(N)]
    exchanges[1] = [
        StationExchange(1, 0, 1, 0.1, 0.2, 0.3, -0.4, True),
        StationExchange(1, 1, 0, 0.5, 0.6, 0.7, 0.8, False),
    ]
    exchanges[4] = [StationExchange(4, 1, 1, -0.9, -1.0, 1.1, -1.2, True)]
    prices = np.full((3, system.grid.n_buses), np.nan)
    prices[1] = np.arange(system.grid.n_buses) + 40.0
    prices[2, -1] = 7.0
    return SimpleNamespace(
        key=EpisodeKey(scenario="where", controller="who", drawn_as="who", seed=3, replication=8),
        system=system,
        realisation=SimpleNamespace(
            conditions=lambda _: SimpleNamespace(speed_now=speed_now),
            start=np.datetime64("2016-07-05T00:00"),
            outages=(Outage(0, 1, 3), Outage(0, 4, 99), Outage(0, N, 9)),
            ev_sessions=SimpleNamespace(
                group=np.empty(0, dtype=np.int64),
                **{
                    name: np.empty(0)
                    for name in (
                        "arrival_h",
                        "departure_h",
                        "owed_mwh",
                        "next_trip_mwh",
                    )
                },
            ),
        ),
        recorder=SimpleNamespace(
            exchanges=exchanges,
            events=[Event(1.5, "v", "departed", "s", "why"), Event(2.5, "w", "arrived", "t", "")],
            decisions=[Decision(0.0, 0, "optimal", 1.0, 0.5, 0.1, "", 0.0, "ab", "{}", "")],
            spans=[Span(1, 0, 1, 3600.0, 7200.0, 9000.0, 1800.0)],
            decision_s=[0.25, 0.5],
        ),
        readings=readings,
        trips=(
            Trip(
                vehicle=1, origin=0, destination=1, depart_s=3600.0, arrive_s=9000.0, free_s=1800.0
            ),
            Trip(vehicle=0, origin=1, destination=0, depart_s=0.0, arrive_s=1800.0, free_s=1800.0),
        ),
        refused=np.array([[0, 1], [2, 3], [4, 0], [4, 0], [0, 0], [0, 2]]),
        lmp_usd_per_mwh=prices,
        electrics=SimpleNamespace(
            injections=found,
            flow=flow(system),
            served_mw=some(1)[:, 0],
            unserved_mw=some(1)[:, 0],
        ),
        seconds={"world": 2.0, "power flow": 3.0},
    )
