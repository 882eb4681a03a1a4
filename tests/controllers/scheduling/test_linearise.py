"""The projected network against AC power flow."""

import dataclasses

import numpy as np
import pytest

from controllers.scheduling.grid.linearise import injections, linearise
from controllers.scheduling.grid.network import OperatingPoint
from sim.powerflow.import_meter import settled_import_mw
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.grid import Grid, Transformers
from sim.system.tariff import ImportMeter
from tests.controllers.scheduling.build import radial_grid, truck
from tests.controllers.scheduling.cases import feeder, random_day


def point(exists, seed, size=0.5):
    rng = np.random.default_rng(seed)
    n = exists.timing.n_periods
    return OperatingPoint(
        p_mw=rng.uniform(-size, size, (n, 3)),
        q_mvar=rng.uniform(-size, size, (n, 3)),
        curtailed_mw=rng.uniform(0, 0.3, (n, 1)),
    )


def flows(exists, seen, at):
    return PowerGridModelFlow(exists.grid).solve(*injections(exists, seen.forecast, at))


def around(exists, seen, at):
    return linearise(exists, PowerGridModelFlow(exists.grid), seen.forecast, at)


def voltage_rows(exists, network):
    """Return rows of upper and of lower voltage limits, and their buses."""
    n = exists.grid.n_buses
    return network.row_limit < n, (network.row_limit >= n) & (network.row_limit < 2 * n)


def test_the_linearisation_is_exact_at_its_point():
    exists = feeder(n_trucks=2, n_periods=6)
    seen = random_day(exists, 1)
    at = point(exists, 2)
    network, true = around(exists, seen, at), flows(exists, seen, at)
    assert network.import_at(at) == pytest.approx(true.source_mw, abs=1e-9)
    upper, lower = voltage_rows(exists, network)
    assert upper.any() or lower.any()
    rows, period = network.rows_at(at), network.row_period
    bus = network.row_limit % exists.grid.n_buses
    assert rows[upper] == pytest.approx(true.vm_pu[period[upper], bus[upper]] - 1.05, abs=1e-9)
    assert rows[lower] == pytest.approx(0.95 - true.vm_pu[period[lower], bus[lower]], abs=1e-9)


def test_away_from_its_point_voltages_are_right_to_2e_3_and_losses_to_a_few_kilowatts():
    exists = feeder(n_trucks=2, n_periods=24, grid=radial_grid([0, 1, 2, 3], r_ohm=0.7, x_ohm=0.5))
    seen = random_day(exists, 3)
    network = around(exists, seen, OperatingPoint.at_rest(exists, 24))
    for seed in range(5):
        at = point(exists, seed)
        true = flows(exists, seen, at)
        upper, lower = voltage_rows(exists, network)
        rows, period = network.rows_at(at), network.row_period
        bus = network.row_limit % exists.grid.n_buses
        vm_pu = true.vm_pu[period, bus]
        assert np.abs(rows - (vm_pu - 1.05))[upper].max(initial=0) < 2e-3
        assert np.abs(rows - (0.95 - vm_pu))[lower].max(initial=0) < 2e-3
        assert np.abs(network.import_at(at) - true.source_mw).max() < 8e-3


def meshed_behind_a_transformer() -> Grid:
    """Return a transformer that feeds a ring of three buses."""
    ring = radial_grid([0, 1, 2, 1], r_ohm=0.4, x_ohm=0.3, max_i_ka=0.1)
    lines = dataclasses.replace(
        ring.lines, from_bus=np.array([4, 1, 2, 1]), to_bus=np.array([3, 2, 3, 4])
    )
    transformer = Transformers(
        name=("main",),
        hv_bus=np.array([0]),
        lv_bus=np.array([1]),
        sn_mva=np.array([4.0]),
        vn_hv_kv=np.array([12.66]),
        vn_lv_kv=np.array([12.4]),
        vk_percent=np.array([6.0]),
        vkr_percent=np.array([1.0]),
        pfe_kw=np.array([4.0]),
        i0_percent=np.array([0.3]),
        hv_closed=np.array([True]),
        lv_closed=np.array([True]),
    )
    return dataclasses.replace(ring, lines=lines, transformers=transformer)


@pytest.mark.parametrize("meter", list(ImportMeter))
@pytest.mark.parametrize("mesh", [False, True])
def test_slopes_are_those_of_the_power_flow_in_rings_and_behind_transformers(mesh, meter):
    grid = meshed_behind_a_transformer() if mesh else radial_grid([0, 1, 2, 3], r_ohm=1, x_ohm=1)
    exists = feeder(n_trucks=2, n_periods=3, grid=grid, tariff={"import_meter": meter})
    seen, at, small = random_day(exists, 9), point(exists, 9), 1e-3
    network = around(exists, seen, at)
    for name, station in (("p_mw", 1), ("p_mw", 2), ("q_mvar", 2)):
        ends = []
        for sign in (1.0, -1.0):
            moved = getattr(at, name).copy()
            moved[:, station] += sign * small
            ends.append(dataclasses.replace(at, **{name: moved}))
        true = [flows(exists, seen, end) for end in ends]
        import_mw = [settled_import_mw(exists, result) for result in true]
        modelled = [network.import_at(end) for end in ends]
        assert (modelled[0] - modelled[1]) / small == pytest.approx(
            (import_mw[0] - import_mw[1]) / small, abs=2e-4
        )
        vm_pu = (true[0].vm_pu - true[1].vm_pu)[network.row_period]
        loading = (true[0].loading_percent - true[1].loading_percent)[network.row_period]
        rows = network.rows_at(ends[0]) - network.rows_at(ends[1])
        upper, lower = voltage_rows(exists, network)
        bus = network.row_limit % grid.n_buses
        assert rows[upper] == pytest.approx(vm_pu[upper, bus[upper]], abs=1e-7)
        assert rows[lower] == pytest.approx(-vm_pu[lower, bus[lower]], abs=1e-7)
        # The shunt and the difference between its ends are left out of a transformer's slope.
        last = network.row_limit >= 2 * grid.n_buses + len(grid.lines.name)
        branch = network.row_limit[last] - 2 * grid.n_buses
        assert rows[last] / small == pytest.approx(loading[last, branch] / small, rel=0.02)
    if mesh:
        assert last.any()


def test_a_current_turned_around_still_loads_its_line():
    grid = radial_grid([0, 1, 2, 3], r_ohm=0.1, x_ohm=0.1, max_i_ka=0.02)
    exists = feeder(grid=grid, trucks=[truck(), truck(1), truck(2)])
    seen = random_day(exists, 4)
    network = around(exists, seen, OperatingPoint.at_rest(exists, 4))
    for sign in (1.0, -1.0):
        at = OperatingPoint(
            p_mw=np.zeros((4, 3)), q_mvar=np.full((4, 3), sign), curtailed_mw=np.zeros((4, 1))
        )
        true = flows(exists, seen, at).loading_percent
        rows = network.rows_at(at)
        for t in range(4):
            for line in range(4):
                limit = 2 * exists.grid.n_buses + line
                here = (network.row_period == t) & (network.row_limit == limit)
                estimate = max(rows[here].max(initial=-100.0) + 100.0, 0.0)
                assert estimate > 0.94 * true[t, line] - 1.0
                assert estimate < 1.03 * true[t, line] + 1.0


def test_rows_that_no_injection_can_violate_are_left_out():
    strong = feeder(grid=radial_grid([0, 1, 2, 3], r_ohm=0.001, x_ohm=0.001))
    weak = feeder()
    counts = [len(around(s, random_day(s, 5), OperatingPoint.at_rest(s, 4)).row_base)
              for s in (strong, weak)]  # fmt: skip
    assert counts[0] == 0 < counts[1]


def test_uncertain_loads_widen_the_rows_and_certain_ones_do_not():
    exists = feeder()
    sure = random_day(exists, 6)
    unsure = random_day(exists, 6, profile_std=np.full((4, 2), 0.2))
    at = OperatingPoint.at_rest(exists, 4)
    assert (around(exists, sure, at).row_std == 0).all()
    network = around(exists, unsure, at)
    assert (network.row_std[network.row_limit % exists.grid.n_buses == 4] > 1e-3).all()
    assert (network.tightened(2.0).row_base >= network.row_base).all()
    assert (network.available_std_mw == 0.2).all()


def test_a_station_without_supply_is_known_to_be_dead():
    exists = feeder()
    seen = random_day(exists, 7)
    out = np.array([False, False, True, False])
    network = linearise(
        exists,
        PowerGridModelFlow(exists.grid.without(out)),
        seen.forecast,
        OperatingPoint.at_rest(exists, 4),
    )
    assert network.live.tolist() == [True, True, False]
    assert np.isfinite(network.import_mw).all()
    assert np.isfinite(network.loss).all()
    assert (network.import_p[:, 2] == 0).all()


def test_a_period_that_diverges_is_planned_without_limits():
    exists = feeder()
    seen = random_day(exists, 8, load_mw=np.array([[1.0, 1.0]] * 3 + [[500.0, 500.0]]))
    network = around(exists, seen, OperatingPoint.at_rest(exists, 4))
    assert (network.row_period < 3).all()
    assert (network.import_p[3] == -1.0).all()
    assert np.isfinite(network.import_mw).all()
