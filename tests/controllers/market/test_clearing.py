"""A market clearing on the published six-bus day, against its reconstruction and against itself."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from controllers.market.case import Case, Security, forecast_only
from controllers.market.clearing import (
    Clearing,
    Decided,
    clear,
    market_model,
)
from controllers.market.prices import locational_marginal_price
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.problem import PlanningError
from sim.control import SolveStatus
from tests.controllers.market.six_bus import WIND_MW, six_bus

EXACT = WorkLimits(relative_gap=1e-5, nodes=100_000)
FLEETS = ("none", "fixed:A", "fixed:B", "fixed:C", "train")


def cleared(case: Case) -> Clearing:
    return clear(market_model(case), EXACT)


@pytest.fixture(scope="module")
def train() -> Clearing:
    """Everything at once, for half a day."""
    return cleared(
        six_bus(hours=14, fleet="train", n_segments=3, minimum_times=True, demand_response=0.1)
    )


def test_welfare_and_the_gain_of_a_battery_are_those_of_the_reconstruction() -> None:
    none, best = (cleared(six_bus(fleet=fleet)) for fleet in ("none", "fixed:B"))
    assert none.welfare_usd == pytest.approx(161_459, rel=0.003)
    assert best.welfare_usd - none.welfare_usd == pytest.approx(6028, rel=0.03)
    spilled = WIND_MW - none.renewable_mw[0, :, 0]
    assert spilled.sum() == pytest.approx(151, abs=1)
    assert spilled[1:8].sum() == pytest.approx(spilled.sum())


@pytest.mark.slow
def test_all_gains_are_those_of_the_reconstruction() -> None:
    none = cleared(six_bus()).welfare_usd
    for fleet, gain in zip(FLEETS[1:], (1232, 6028, 5734, 6028), strict=True):
        found = cleared(six_bus(fleet=fleet))
        assert found.welfare_usd - none == pytest.approx(gain, rel=0.03)
        assert found.status is SolveStatus.OPTIMAL
    paid = cleared(six_bus(fleet="train", transport_usd=200.0))
    assert paid.welfare_usd - none == pytest.approx(5628, rel=0.03)


@pytest.mark.slow
def test_tighter_lines_make_mobility_worth_more_than_the_best_site() -> None:
    welfare = {
        fleet: cleared(six_bus(fleet=fleet, line_limit_scale=0.95)).welfare_usd
        for fleet in ("train", "fixed:B", "fixed:C")
    }
    best = max(welfare["fixed:B"], welfare["fixed:C"])
    assert welfare["train"] - best == pytest.approx(420, abs=20)


@pytest.mark.slow
def test_minimum_times_and_three_segments_keep_the_order() -> None:
    welfare = {
        fleet: cleared(six_bus(fleet=fleet, n_segments=3, minimum_times=True)).welfare_usd
        for fleet in FLEETS
    }
    assert welfare["none"] < welfare["fixed:A"] < welfare["fixed:C"] < welfare["fixed:B"]
    assert welfare["train"] >= welfare["fixed:B"] - 1


def test_power_flows_by_the_angles_and_every_bus_balances(train: Clearing) -> None:
    case, recourse = train.model.case, train.model.recourse
    demand, grid = case.demand, case.grid
    net = np.zeros((case.n_periods, grid.n_buses))
    np.add.at(net, (slice(None), case.units.bus), train.unit_p_mw[0])
    np.add.at(net, (slice(None), case.renewables.bus), train.renewable_mw[0])
    drawn = demand.mw + train.shift_mw[0] - train.shed_mw[0]
    np.subtract.at(net, (slice(None), demand.bus), drawn)
    trains = recourse.trains
    power = (train.values[trains.discharge] - train.values[trains.charge])[0]
    np.add.at(net, (trains.period, case.rail.station_bus[trains.station]), power)
    # The flows are those of the reduced susceptance matrix, not of the model's own angles.
    incidence = np.zeros((len(grid.from_bus), grid.n_buses))
    lines = np.arange(len(grid.from_bus))
    incidence[lines, grid.from_bus], incidence[lines, grid.to_bus] = 1.0, -1.0
    laplacian = incidence.T @ (grid.mw_per_rad[:, None] * incidence)
    angle = np.linalg.pinv(laplacian) @ net.T
    np.testing.assert_allclose(net.sum(axis=1), 0.0, atol=1e-6)
    flow = (grid.mw_per_rad[:, None] * incidence @ angle).T
    np.testing.assert_allclose(train.flow_mw[0], flow, atol=1e-5)
    assert (np.abs(flow) <= grid.limit_mw + 1e-6).all()


def test_units_keep_ramps_minimum_times_and_segments(train: Clearing) -> None:
    units = train.model.case.units
    on, p_mw = train.commitment, train.unit_p_mw[0]
    assert (p_mw >= on * units.p_min_mw - 1e-6).all()
    assert (p_mw <= on * units.p_max_mw + 1e-6).all()
    both = on[1:] & on[:-1]
    assert (np.abs(np.diff(p_mw, axis=0)) <= units.ramp_mw_per_h + 1e-6)[both].all()
    edge = np.maximum(units.ramp_mw_per_h, units.p_min_mw)
    assert (p_mw[1:] <= edge + 1e-6)[on[1:] & ~on[:-1]].all()
    assert (p_mw[:-1] <= edge + 1e-6)[on[:-1] & ~on[1:]].all()
    for unit in range(units.n_units):
        hours = int(units.hours_in_state[unit])
        states = [bool(units.on[unit])] * hours + on[:, unit].tolist()
        changes = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
        # The first run began before, the last one goes on.
        for start, end in list(pairwise(changes))[:-1]:
            least = units.min_up_h if states[start] else units.min_down_h
            assert end - start >= least[unit]


def test_a_unit_that_has_just_started_stays_on() -> None:
    case = six_bus(minimum_times=True)
    fresh = np.array([4.0, 1.0, 24.0])
    for hours, at_least in ((fresh, 2), (np.array([4.0, 3.0, 24.0]), 0)):
        own = dataclasses.replace(case, units=dataclasses.replace(case.units, hours_in_state=hours))
        on = cleared(own).commitment[:, 1]
        assert on[:at_least].all()
        assert not on[at_least]


def test_a_train_exchanges_power_only_where_it_stands_and_never_both_ways(train: Clearing) -> None:
    case, trains = train.model.case, train.model.recourse.trains
    charge, discharge = train.values[trains.charge[0]], train.values[trains.discharge[0]]
    for period in range(case.n_periods):
        now = trains.period == period
        assert min(charge[now].sum(), discharge[now].sum()) < 1e-6
    energy, batteries = train.energy_mwh[0, :, 0], case.batteries
    power = train.train_p_mw[0, :, 0]
    drain = np.where(power > 0, power / 0.9, power * 0.9)
    np.testing.assert_allclose(np.diff(energy, prepend=batteries.energy_mwh), -drain, atol=1e-6)
    assert energy[-1] == pytest.approx(batteries.terminal_mwh[0])
    # Away for one span of two hours after each departure; home at the end.
    assert train.departures[0][-1][1] == 0
    for period, _ in train.departures[0]:
        assert period % 2 == 0
        np.testing.assert_allclose(power[period : period + 2], 0.0, atol=1e-9)


def test_shifted_load_is_given_back_and_keeps_its_share_and_its_ramp(train: Clearing) -> None:
    shift, load = train.shift_mw[0], train.model.case.demand.mw
    assert np.abs(shift).sum() > 50
    np.testing.assert_allclose(shift.sum(axis=0), 0.0, atol=1e-6)
    assert (np.abs(shift) <= 0.1 * load + 1e-6).all()
    assert (np.abs(np.diff(shift, axis=0, prepend=0.0)) <= 0.1 * load + 1e-6).all()


@pytest.mark.parametrize(("period", "bus"), [(3, 2), (12, 3), (19, 4)])
def test_the_price_is_what_a_little_more_load_costs(period: int, bus: int) -> None:
    case = six_bus(n_segments=3)
    before = cleared(case)
    price = locational_marginal_price(before)
    load = case.demand.mw.copy()
    load[period, bus - 2] += 0.01
    decided = Decided(on=before.commitment, binding=np.ones((24, 3), dtype=np.bool_))
    more = dataclasses.replace(case, demand=dataclasses.replace(case.demand, mw=load))
    after = clear(market_model(more, decided=decided), EXACT)
    paid = before.welfare_usd - after.welfare_usd + 0.01 * 45.0
    assert paid / 0.01 == pytest.approx(price[period, bus], abs=0.01)


def test_prices_differ_between_buses_only_where_lines_are_full() -> None:
    found = cleared(six_bus())
    spread = np.ptp(locational_marginal_price(found), axis=1)
    full = (np.abs(found.flow_mw[0]) >= found.model.case.grid.limit_mw - 1e-6).any(axis=1)
    assert spread[~full].max() < 1e-6
    assert spread[full].max() > 5


def test_scenarios_share_commitment_routes_and_modes() -> None:
    case = six_bus(hours=12, fleet="fixed:A")
    alone = forecast_only(case)
    scale = np.array([0.9, 1.0, 1.1])
    several = dataclasses.replace(
        alone,
        probability=np.array([0.25, 0.5, 0.25]),
        load_mw=alone.load_mw * scale[:, None, None],
        available_mw=np.repeat(alone.available_mw, 3, axis=0),
    )
    found = clear(market_model(case, several), EXACT)
    on = found.commitment
    for scenario in range(3):
        output = found.unit_p_mw[scenario]
        assert ((output > 0) == on).all()
    modes = found.values[found.model.routes.discharging] > 0.5
    assert (np.where(modes, found.train_p_mw, -found.train_p_mw) >= -1e-6).all()
    # Nobody who knows only the probabilities does better than who knows the scenario.
    own = [
        clear(market_model(case, dataclasses.replace(
            alone, load_mw=several.load_mw[[s]])), EXACT).welfare_usd
        for s in range(3)
    ]  # fmt: skip
    assert found.welfare_usd <= float(several.probability @ own) + 4


def test_load_on_an_island_without_power_is_shed() -> None:
    case = six_bus()
    # Bus 5 is fed by 4-5 and 5-6 alone.
    keep = np.array([0, 1, 2, 3, 6])
    grid = dataclasses.replace(case.grid, **{
        name: getattr(case.grid, name)[keep]
        for name in ("from_bus", "to_bus", "mw_per_rad", "limit_mw")
    })  # fmt: skip
    found = cleared(dataclasses.replace(case, grid=grid))
    np.testing.assert_allclose(found.shed_mw[0, :, 2], case.demand.mw[:, 2])
    np.testing.assert_allclose(found.shed_mw[0, :, :2], 0.0, atol=1e-6)


def test_a_market_without_solution_says_why() -> None:
    case = six_bus(minimum_times=True)
    # G1 must stay on for the day, and there is next to no load.
    units = dataclasses.replace(case.units, min_up_h=np.array([48.0, 3.0, 1.0]))
    demand = dataclasses.replace(case.demand, mw=0.1 * case.demand.mw)
    with pytest.raises(PlanningError, match="units that must run") as raised:
        cleared(dataclasses.replace(case, units=units, demand=demand))
    assert raised.value.status is SolveStatus.INFEASIBLE


def test_what_the_power_flow_asks_is_in_the_dispatch() -> None:
    """Losses are made by the slack unit, a unit that has to run does, and a line carries less."""
    case = six_bus()
    before = cleared(case)
    off = ~before.commitment
    period = int(np.flatnonzero(off[:, 1:].all(axis=1))[0])
    line = int(np.argmax(np.abs(before.flow_mw[0, period])))
    most_mw = 0.9 * abs(before.flow_mw[0, period, line])
    limit_mw = case.limit_mw.copy()
    limit_mw[period, line] = most_mw
    loss_mw = np.full(case.n_periods, 2.0)
    asked = Security(loss_bus=0, loss_mw=loss_mw, limit_mw=limit_mw, needs=((period, off[period]),))
    after = cleared(dataclasses.replace(case, security=asked))
    assert after.commitment[period, off[period]].any()
    assert abs(after.flow_mw[0, period, line]) <= most_mw + 1e-6
    made = after.unit_p_mw[0].sum(axis=1) + after.renewable_mw[0].sum(axis=1)
    drawn = (case.demand.mw + after.shift_mw[0] - after.shed_mw[0]).sum(axis=1)
    np.testing.assert_allclose(made - drawn, 2.0, atol=1e-6)
    assert after.welfare_usd < before.welfare_usd
