"""A battery on board: what is ordered, what flows, and what its meter says of it."""

from __future__ import annotations

import math

import pytest

from sim.system.battery import Battery
from sim.world.guard import limit_power
from sim.world.onboard_battery import OnboardBattery
from sim.world.vehicle_meter import Exchange

BATTERY = Battery(
    energy_mwh=2.0, p_charge_max_mw=0.5, p_discharge_max_mw=0.5, s_mva=0.5, soc_initial=0.5
)


def on_board(energy_mwh: float = 1.0, battery: Battery = BATTERY) -> OnboardBattery:
    return OnboardBattery(battery=battery, energy_mwh=energy_mwh)


def whatever(
    battery: Battery, energy_mwh: float, p_mw: float, q_mvar: float, duration_h: float
) -> tuple[float, float]:
    """Let everything through."""
    return p_mw, q_mvar


@pytest.mark.parametrize(("ordered", "flows"), [(0.7, 0.5), (-0.7, -0.5), (0.3, 0.3)])
def test_what_the_guard_withholds_is_counted_however_little(ordered: float, flows: float) -> None:
    own = on_board()
    assert own.order(limit_power, ordered, 0.0, 1.0) == ""
    assert own.p_mw == pytest.approx(flows)
    assert own.withheld_mw == pytest.approx(abs(ordered - flows))
    own.book(3, own.advance(0.5), 0.5)
    assert own.clipped_mwh == pytest.approx(abs(ordered - flows) * 0.5)
    own.reset_clipped()
    assert own.clipped_mwh == 0.0
    own.cut_off()
    assert (own.p_mw, own.q_mvar, own.withheld_mw) == (0.0, 0.0, 0.0)


def test_what_the_guard_lets_through_the_rating_does_not() -> None:
    own = on_board()
    assert own.order(whatever, -0.75, 0.0, 1.0) == "-0.75 MW is beyond the rating"
    assert own.p_mw == -0.5


@pytest.mark.parametrize(("p_mw", "energy_mwh", "word"), [(-0.5, 1.9, "full"), (0.5, 0.1, "empty")])
def test_a_battery_at_its_limit_stops_and_says_so(
    p_mw: float, energy_mwh: float, word: str
) -> None:
    """A tenth of a MWh flows in 12 minutes; reactive power goes on."""
    own = on_board(energy_mwh)
    own.order(whatever, p_mw, 0.0, 1.0)
    own.q_mvar = 0.125
    powered_h = own.advance(1.0)
    assert powered_h == pytest.approx(0.2)
    assert own.book(4, powered_h, 1.0) == f"{p_mw:g} MW: the battery is {word}"
    meter = own.read_meter()
    assert own.p_mw == 0.0
    assert own.throughput_today_mwh == pytest.approx(0.1)
    assert (meter.charged_mwh, meter.discharged_mwh) == pytest.approx(
        (0.1, 0.0) if p_mw < 0 else (0.0, 0.1)
    )
    flow = meter.exchanges[4]
    assert flow.hours == pytest.approx(1.0)
    assert flow.energy_mwh == pytest.approx(p_mw * 0.2)
    assert flow.reactive_mvarh == pytest.approx(0.125)
    assert (flow.highest_mw, flow.lowest_mw) == (max(p_mw, 0.0), min(p_mw, 0.0))
    assert flow.changed
    assert own.read_meter().exchanges == {}


def test_reactive_power_alone_is_an_exchange_and_nothing_is_none() -> None:
    own = on_board()
    assert own.book(2, own.advance(1.0), 1.0) == ""
    assert own.meter.exchanges == {}
    own.order(limit_power, 0.0, 0.25, 1.0)
    assert own.book(2, own.advance(1.0), 1.0) == ""
    flow = own.meter.exchanges[2]
    assert (flow.hours, flow.energy_mwh, flow.reactive_mvarh) == (1.0, 0.0, 0.25)
    assert own.throughput_today_mwh == 0.0


def test_the_cycles_of_a_day_end_in_both_directions() -> None:
    """One cycle of 2 MWh is 4 MWh either way."""
    battery = Battery(
        energy_mwh=2.0,
        p_charge_max_mw=2.0,
        p_discharge_max_mw=2.0,
        s_mva=2.0,
        soc_initial=0.5,
        cycles_per_day=1.0,
    )
    for sign in (1.0, -1.0):
        own = on_board(1.0, battery)
        own.throughput_today_mwh = 3.5
        own.order(limit_power, sign * 0.5, 0.0, 1.0)
        assert own.p_mw == pytest.approx(sign * 0.5)  # just what is left
        own.order(limit_power, sign * 1.0, 0.0, 1.0)
        assert own.p_mw == pytest.approx(sign * 0.5)
        own.throughput_today_mwh = 4.5
        own.order(limit_power, sign * 1.0, 0.0, 1.0)
        assert own.p_mw == 0.0


def test_an_exchange_sums_energies_and_keeps_extremes() -> None:
    flow = Exchange()
    assert (flow.highest_mw, flow.lowest_mw) == (-math.inf, math.inf)
    flow.add(0.5, -0.25, 2.0)
    assert not flow.changed
    flow.add(-1.0, 0.5, 1.0)
    assert flow.changed
    assert (flow.hours, flow.energy_mwh, flow.reactive_mvarh) == (3.0, 0.0, 0.0)
    assert (flow.highest_mw, flow.lowest_mw) == (0.5, -1.0)


def test_a_tractor_takes_no_more_than_there_is() -> None:
    own = on_board(0.3)
    own.draw(0.2)
    own.draw(0.2)
    assert own.energy_mwh == pytest.approx(0.0)
    assert own.meter.traction_mwh == pytest.approx(0.3)
