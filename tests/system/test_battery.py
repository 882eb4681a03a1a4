"""A battery does what numerical integration of its equation does, and faults in it are seen."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.system.battery import Battery
from sim.world.guard import limit_power
from sim.world.onboard_battery import OnboardBattery
from tests.system import integration

PLAIN = Battery(energy_mwh=2.0, p_charge_max_mw=0.6, p_discharge_max_mw=0.8, s_mva=1.0)
LEAKY = replace(
    PLAIN,
    efficiency_charge=0.9,
    efficiency_discharge=0.8,
    soc_min=0.1,
    soc_max=0.9,
    self_discharge_per_h=0.05,
    auxiliary_mw=0.01,
)
BATTERIES = {
    "plain": PLAIN,
    "leaky": LEAKY,
    "self-discharge": replace(PLAIN, self_discharge_per_h=0.2),
    "auxiliary": replace(PLAIN, auxiliary_mw=0.05, soc_min=0.25),
}
# Stored energy [MWh], grid power [MW], duration [h]: some end at a limit, some do not.
RUNS = [
    (1.0, 0.5, 0.25), (1.0, -0.5, 0.25), (1.0, 0.0, 3.0), (0.7, 0.8, 2.0), (1.5, -0.6, 2.0),
    (0.55, 0.3, 6.0), (0.6, 0.0, 24.0), (1.8, -0.1, 4.0), (0.52, 0.05, 12.0),
]  # fmt: skip
named = pytest.mark.parametrize("battery", BATTERIES.values(), ids=BATTERIES)


@named
@pytest.mark.parametrize(("energy_mwh", "p_mw", "duration_h"), RUNS)
def test_stored_energy_solves_its_equation(
    battery: Battery, energy_mwh: float, p_mw: float, duration_h: float
) -> None:
    expected, _, _ = integration.integrate(battery, energy_mwh, p_mw, duration_h, None)
    assert battery.after(energy_mwh, p_mw, duration_h) == pytest.approx(expected, abs=1e-10)


def hours_are_right(battery: Battery) -> None:
    for energy_mwh, p_mw, limit_mwh in [
        (1.0, 0.5, 0.3), (1.0, -0.5, 1.7), (1.0, 0.0, 0.5), (1.0, 0.5, 1.5), (1.0, -0.5, 0.5),
        (0.4, 0.8, 0.39), (1.9, -0.02, 1.95),
    ]:  # fmt: skip
        found = battery.hours_until(energy_mwh, p_mw, limit_mwh)
        expected = integration.hours_until(battery, energy_mwh, p_mw, limit_mwh, within_h=200.0)
        assert found == pytest.approx(expected, abs=1e-9), (energy_mwh, p_mw, limit_mwh)


@named
def test_the_time_until_a_limit_is_the_one_after_which_it_is_reached(battery: Battery) -> None:
    hours_are_right(battery)


def test_the_time_until_a_limit_at_the_edges() -> None:
    # Nothing flows: no limit is reached, not even the one it stands at.
    assert PLAIN.hours_until(1.0, 0.0, 0.5) == PLAIN.hours_until(1.0, 0.0, 1.0) == math.inf
    # It stands at the limit, and power pushes beyond it.
    assert PLAIN.hours_until(2.0, -0.5, 2.0) == LEAKY.hours_until(0.2, 0.5, 0.2) == 0.0
    # Self-discharge takes what is charged: 0.1 MW into 2 MWh that lose 5 % an hour stay at 2 MWh.
    still = replace(PLAIN, self_discharge_per_h=0.05)
    assert still.hours_until(2.0, -0.1, 1.0) == math.inf
    assert still.hours_until(1.0, -0.1, 2.0) == math.inf  # comes nearer for ever
    # Nothing but a decay never gets to nothing.
    assert still.hours_until(1.0, 0.0, 0.0) == math.inf


def runs_are_right(battery: Battery) -> None:
    for energy_mwh, p_mw, duration_h in RUNS:
        expected = integration.advance(battery, energy_mwh, p_mw, duration_h)
        found = battery.advance(energy_mwh, p_mw, duration_h)
        assert found == pytest.approx((expected.energy_mwh, expected.powered_h), abs=1e-9)


@named
def test_a_run_stops_at_the_limits_and_idles_from_there(battery: Battery) -> None:
    runs_are_right(battery)


def test_below_its_least_energy_a_battery_only_takes_in() -> None:
    # A truck that has driven on its battery may be there; standing losses have stopped.
    assert LEAKY.advance(0.1, 0.5, 1.0) == (0.1, 0.0)
    assert LEAKY.advance(0.1, 0.0, 1.0) == (0.1, 0.0)
    energy, powered_h = LEAKY.advance(0.1, -0.5, 0.25)
    assert powered_h == 0.25
    assert energy == pytest.approx(integration.advance(LEAKY, 0.1, -0.5, 0.25).energy_mwh)


def powers_are_right(battery: Battery) -> None:
    for energy_mwh, p_mw, duration_h in RUNS:
        for sign in (1, -1):
            expected = integration.feasible_mw(battery, energy_mwh, sign * p_mw, duration_h)
            found, _ = battery.feasible(energy_mwh, sign * p_mw, 0.0, duration_h)
            assert found == pytest.approx(expected, abs=1e-9), (energy_mwh, sign * p_mw, duration_h)


@named
def test_a_feasible_power_is_the_largest_that_can_be_held(battery: Battery) -> None:
    powers_are_right(battery)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    energy=st.floats(0.2, 1.8),
    p_mw=st.floats(-1.0, 1.0),
    hours=st.floats(0.05, 8.0),
    rate=st.sampled_from([0.0, 1e-6, 0.01, 0.3]),
    auxiliary=st.sampled_from([0.0, 0.02]),
)
def test_what_is_feasible_is_held_to_the_end(
    energy: float, p_mw: float, hours: float, rate: float, auxiliary: float
) -> None:
    battery = replace(LEAKY, self_discharge_per_h=rate, auxiliary_mw=auxiliary)
    p_mw, _ = battery.feasible(energy, p_mw, 0.0, hours)
    if p_mw != 0.0:
        run = integration.advance(battery, energy, p_mw, hours)
        assert run.powered_h == pytest.approx(hours, rel=1e-6)


# -- faults in self-discharge that no test saw once ------------------------------------------------


def without_self_discharge(method: str) -> Any:
    right = getattr(Battery, method)

    def wrong(self: Battery, *arguments: float) -> Any:
        return right(replace(self, self_discharge_per_h=0.0), *arguments)

    return wrong


def with_more_self_discharge(method: str) -> Any:
    right = getattr(Battery, method)

    def wrong(self: Battery, *arguments: float) -> Any:
        more = replace(self, self_discharge_per_h=1.1 * self.self_discharge_per_h)
        return right(more, *arguments)

    return wrong


@pytest.mark.parametrize("fault", [without_self_discharge, with_more_self_discharge])
@pytest.mark.parametrize(
    ("method", "check"),
    [
        ("hours_until", hours_are_right),
        ("feasible", powers_are_right),
        ("advance", runs_are_right),
        ("after", runs_are_right),
    ],
)
def test_wrong_self_discharge_is_seen(
    monkeypatch: pytest.MonkeyPatch, method: str, check: Any, fault: Any
) -> None:
    check(LEAKY)
    monkeypatch.setattr(Battery, method, fault(method))
    with pytest.raises(AssertionError):
        check(LEAKY)


# -- on board: standing losses are metered, not what is left over ----------------------------------


@named
@pytest.mark.parametrize(("energy_mwh", "p_mw", "duration_h"), RUNS)
def test_standing_losses_are_the_integral_of_self_discharge_and_auxiliaries(
    battery: Battery, energy_mwh: float, p_mw: float, duration_h: float
) -> None:
    on_board = OnboardBattery(battery=battery, energy_mwh=energy_mwh)
    on_board.p_mw = p_mw
    expected = integration.advance(battery, energy_mwh, p_mw, duration_h)
    for _ in range(4):  # what is read does not depend on how often
        on_board.book(0, on_board.advance(duration_h / 4), duration_h / 4)
    meter = on_board.read_meter()
    assert meter.standing_mwh == pytest.approx(expected.standing_mwh, abs=1e-9)
    flowed_mwh = p_mw * expected.powered_h
    assert meter.discharged_mwh - meter.charged_mwh == pytest.approx(flowed_mwh, abs=1e-9)


def test_the_guard_holds_its_power_until_the_end_of_the_period() -> None:
    p_mw, q_mvar = limit_power(LEAKY, 0.3, 0.8, 0.5, 1.0)
    assert p_mw == pytest.approx(integration.feasible_mw(LEAKY, 0.3, 0.8, 1.0), abs=1e-9)
    assert q_mvar == 0.5


# -- ratings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given_"),
    [
        ((0.3, 0.1), (0.3, 0.1)),
        ((5.0, 0.0), (0.8, 0.0)),
        ((-5.0, 0.0), (-0.6, 0.0)),
        ((0.8, 5.0), (0.8, 0.6)),  # 0.6, 0.8 and 1 make a right angle
        ((-0.6, -5.0), (-0.6, -0.8)),
        ((0.0, -5.0), (0.0, -1.0)),
        ((9.0, 9.0), (0.8, 0.6)),
    ],
)
def test_the_inverter_keeps_its_circle_active_power_first(asked: Any, given_: Any) -> None:
    assert PLAIN.rated(*asked) == pytest.approx(given_, abs=1e-12)


def test_derived_figures() -> None:
    assert LEAKY.energy_min_mwh == pytest.approx(0.2)
    assert LEAKY.energy_max_mwh == pytest.approx(1.8)
    odd = replace(LEAKY, soc_initial=0.4, soc_terminal=0.7)
    assert (odd.energy_initial_mwh, odd.energy_terminal_mwh) == pytest.approx((0.8, 1.4))
    assert LEAKY.internal_mw(0.4) == pytest.approx(0.5)
    assert LEAKY.internal_mw(-0.4) == pytest.approx(-0.36)
    assert PLAIN.throughput_per_day_mwh == math.inf
    assert replace(PLAIN, cycles_per_day=1.5).throughput_per_day_mwh == pytest.approx(6.0)
    assert PLAIN.q_max_mvar(0.6) == pytest.approx(0.8)
    assert PLAIN.q_max_mvar(1.0) == PLAIN.q_max_mvar(2.0) == 0.0
    three = LEAKY.times(3)
    sizes = [getattr(three, name) / getattr(LEAKY, name) for name in (
        "energy_mwh", "p_charge_max_mw", "p_discharge_max_mw", "s_mva", "auxiliary_mw",
    )]  # fmt: skip
    np.testing.assert_allclose(sizes, 3)
    assert three.self_discharge_per_h == LEAKY.self_discharge_per_h


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("energy_mwh", 0.0), ("energy_mwh", math.inf), ("p_charge_max_mw", 0.0),
        ("p_discharge_max_mw", -1.0), ("s_mva", math.nan), ("efficiency_charge", 0.0),
        ("efficiency_discharge", 1.01), ("soc_min", -0.1), ("soc_min", 1.0), ("soc_max", 1.1),
        ("soc_initial", 1.1), ("soc_terminal", -0.1), ("self_discharge_per_h", -1.0),
        ("auxiliary_mw", math.inf), ("wear_usd_per_mwh", -1.0), ("charging_usd_per_mwh", math.nan),
        ("cycles_per_day", -1.0), ("cycles_per_day", math.nan), ("s_mva", 0.7),
    ],
)  # fmt: skip
def test_a_battery_that_cannot_be_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(PLAIN, **{field: value})


def test_a_battery_at_the_edge_of_what_can_be_is_accepted() -> None:
    replace(
        PLAIN, efficiency_charge=1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.0, soc_terminal=1.0,
        s_mva=0.8, cycles_per_day=0.0, self_discharge_per_h=0.0,
    )  # fmt: skip
