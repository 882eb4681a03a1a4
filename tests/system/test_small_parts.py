"""Time, prices, loads, generators, units, cars and what carries batteries, by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.scenario import load_scenario
from sim.system.battery import Battery
from sim.system.evs import EvGroup
from sim.system.generators import Generators
from sim.system.loads import Loads
from sim.system.stations import Station
from sim.system.system import FEATURES
from sim.system.tariff import ImportMeter
from sim.system.thermal_units import ThermalUnit
from sim.system.timing import Timing
from sim.system.vehicles import Train, Truck
from tests.rail import railway

BATTERY = Battery(energy_mwh=1.0, p_charge_max_mw=0.5, p_discharge_max_mw=0.5, s_mva=0.5)


@pytest.mark.parametrize(
    ("step_s", "period_s", "n_periods", "expected"),
    [
        (900, 3600, 24, (0.25, 1.0, 4, 96, 96, 24.0)),
        (300, 3600, 48, (1 / 12, 1.0, 12, 288, 576, 48.0)),
        (3600, 3600, 5, (1.0, 1.0, 1, 24, 5, 5.0)),
        (900, 1800, 3, (0.25, 0.5, 2, 96, 6, 1.5)),
    ],
)
def test_timing(step_s: int, period_s: int, n_periods: int, expected: tuple[float, ...]) -> None:
    own = Timing(step_s=step_s, period_s=period_s, horizon=1, n_periods=n_periods)
    found = (
        own.step_h, own.period_h, own.steps_per_period, own.steps_per_day, own.n_steps, own.end_h
    )  # fmt: skip
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"step_s": 0}, "step_s"), ({"period_s": 1000}, "period_s"),
        ({"step_s": 7000, "period_s": 7000}, "divide a day"), ({"horizon": 0}, "horizon"),
        ({"n_periods": 0}, "n_periods"),
    ],
)  # fmt: skip
def test_timing_that_cannot_be_is_refused(changes: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Timing(**{"step_s": 900, "period_s": 3600, "horizon": 1, "n_periods": 1} | changes)


def test_prices_of_a_day_are_those_of_its_blocks() -> None:
    blocks = [
        {"from_h": 0, "import_usd_per_mwh": 30, "export_usd_per_mwh": 3},
        {"from_h": 6.5, "import_usd_per_mwh": 80, "export_usd_per_mwh": 8},
        {"from_h": 22, "import_usd_per_mwh": 40, "export_usd_per_mwh": 4},
    ]
    system = load_scenario("tiny", {"tariff.block": blocks}).system
    per_hour = system.timing.steps_per_day // 24
    hours = np.arange(24 * per_hour) / per_hour
    expected = [40 if h >= 22 else 80 if h >= 6.5 else 30 for h in hours]
    assert system.tariff.import_usd_per_mwh.tolist() == expected
    exported = [4 if h >= 22 else 8 if h >= 6.5 else 3 for h in hours]
    assert system.tariff.export_usd_per_mwh.tolist() == exported
    assert system.tariff.import_meter is ImportMeter.SLACK


def test_loads_and_generators_follow_their_profiles() -> None:
    rng = np.random.default_rng(1)
    profile = rng.random((5, 3))
    follows = np.array([2, 0, 0, 1])
    p_mw, q_mvar = rng.random(4), rng.random(4)
    zero, names = np.zeros(4), tuple("abcd")
    buses = np.arange(4)
    loads = Loads(
        name=names, bus=buses, p_mw=p_mw, q_mvar=q_mvar, profile=follows,
        benefit_usd_per_mwh=zero, shiftable=zero, shift_ramp_per_h=zero,
    )  # fmt: skip
    plants = Generators(name=names, kind=("pv",) * 4, bus=buses, p_mw=p_mw, profile=follows)
    for step in range(5):
        for k in range(4):
            value = profile[step, follows[k]]
            assert loads.power_mw(profile)[step, k] == pytest.approx(value * p_mw[k])
            assert loads.power_mvar(profile)[step, k] == pytest.approx(value * q_mvar[k])
            assert plants.available_mw(profile)[step, k] == pytest.approx(value * p_mw[k])
    assert loads.power_mw(profile[0]).shape == (4,)


UNIT = ThermalUnit(name="coal", bus=0, p_min_mw=20.0, p_max_mw=100.0, ramp_mw_per_h=30.0)


@pytest.mark.parametrize(
    ("ramp", "period_h", "expected"),
    [
        (30.0, 1.0, 30.0), (30.0, 0.5, 20.0), (10.0, 1.0, 20.0), (90.0, 2.0, 100.0),
        (math.inf, 1.0, 100.0), (50.0, 1.0, 50.0),
    ],
)  # fmt: skip
def test_the_output_at_the_edge_of_a_run(ramp: float, period_h: float, expected: float) -> None:
    assert replace(UNIT, ramp_mw_per_h=ramp).edge_mw(period_h) == expected


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"p_min_mw": -1.0}, "p_min_mw"), ({"p_max_mw": 19.0}, "p_max_mw"),
        ({"ramp_mw_per_h": 0.0}, "ramp_mw_per_h"), ({"vm_pu": 0.0}, "vm_pu"),
        ({"min_up_h": math.inf}, "min_up_h"), ({"start_up_usd": -1.0}, "start_up_usd"),
        ({"slack": True, "initially_on": False}, "slack"), ({"initial_mw": 19.0}, "initial_mw"),
        ({"initial_mw": 101.0}, "initial_mw"),
        ({"initial_mw": 1.0, "initially_on": False}, "initial_mw"),
    ],
)  # fmt: skip
def test_a_unit_that_cannot_be_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(UNIT, **changes)


def test_cars_stations_and_vehicles() -> None:
    cars = EvGroup(name="home", bus=0, count=3, p_mw=0.01, energy_mwh=0.05, mwh_per_km=0.0002)
    assert cars.range_km == pytest.approx(250.0)
    for changes, named in [
        ({"count": -1}, "count"), ({"p_mw": 0.0}, "p_mw"), ({"mwh_per_km": math.inf}, "mwh_per_km"),
        ({"efficiency_charge": 0.0}, "efficiency_charge"), ({"back_off_h": 25.0}, "back_off_h"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=named):
            replace(cars, **changes)
    station = Station(name="here", bus=0, road_node=0, plugs=1, set_up_h=0.0)
    for changes, named in [
        ({"road_node": None}, "road_node"), ({"plugs": 0}, "plugs"), ({"set_up_h": -1}, "set_up_h"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=named):
            replace(station, **changes)
    truck = Truck(name="one", battery=BATTERY, initial_station=0, trips_per_day=0)
    for changes, named in [
        ({"usd_per_km": -1.0}, "usd_per_km"), ({"kwh_per_km": math.inf}, "kwh_per_km"),
        ({"trips_per_day": -1}, "trips_per_day"), ({"shift_h": -0.1}, "shift_h"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=named):
            replace(truck, **changes)
    with pytest.raises(ValueError, match="usd_per_span"):
        Train(name="two", battery=BATTERY, initial_station=0, usd_per_span=-1.0)


def test_a_system_says_what_is_there(tmp_path: Any) -> None:
    features = {
        name: load_scenario(name).system.features for name in ("tiny", "ieee33", "six_bus_rail")
    }
    assert features["tiny"] == {"roads"}
    assert features["six_bus_rail"] == {"rail", "units"}
    assert set().union(*features.values()) <= set(FEATURES)
    rail = railway(tmp_path / "rail").system
    assert rail.trucks == ()
    assert rail.slack_unit is None
    units = load_scenario("six_bus_rail").system
    assert units.slack_unit is not None
    assert units.units[units.slack_unit].slack
