"""The two engines share a grid and nothing else, so what they agree on is right."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from power_grid_model import PowerGridModel

from sim.powerflow.pandapower import PandapowerFlow
from sim.powerflow.pgm import PowerGridModelFlow
from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.system.grid import Grid, Lines, Transformers
from sim.units import FloatArray

ENGINES = [PowerGridModelFlow, PandapowerFlow]
both = pytest.mark.parametrize("engine", ENGINES)


def feeder(ends, r_ohm=0.3, x_ohm=0.2, c_nf=250.0, vn_kv=20.0, transformers=None) -> Grid:
    """Lines between pairs of `ends`, fed at bus 0."""
    ends = np.array(ends, dtype=np.int64).reshape(-1, 2)
    n_lines, n_buses = len(ends), int(ends.max()) + 1
    vn_kv = np.broadcast_to(np.asarray(vn_kv, dtype=float), n_buses)
    return Grid(
        bus_name=tuple(f"bus {k}" for k in range(n_buses)),
        bus_vn_kv=vn_kv,
        v_min_pu=np.full(n_buses, 0.9),
        v_max_pu=np.full(n_buses, 1.1),
        x=np.zeros(n_buses),
        y=np.zeros(n_buses),
        lines=Lines(
            name=tuple(f"line {k}" for k in range(n_lines)),
            from_bus=ends[:, 0],
            to_bus=ends[:, 1],
            r_ohm=np.broadcast_to(np.asarray(r_ohm, dtype=float), n_lines),
            x_ohm=np.broadcast_to(np.asarray(x_ohm, dtype=float), n_lines),
            c_nf=np.broadcast_to(np.asarray(c_nf, dtype=float), n_lines),
            max_i_ka=np.full(n_lines, 0.3),
            limit_mva=np.full(n_lines, np.nan),
            from_closed=np.ones(n_lines, dtype=np.bool_),
            to_closed=np.ones(n_lines, dtype=np.bool_),
        ),
        transformers=transformers or Transformers.none(),
        source_bus=np.array([0]),
        source_vm_pu=np.array([1.02]),
    )


def transformer(vn_hv_kv=110.0, hv_closed=True, lv_closed=True) -> Transformers:
    """From bus 0 to bus 1."""
    return Transformers(
        name=("T",),
        hv_bus=np.array([0]),
        lv_bus=np.array([1]),
        sn_mva=np.array([25.0]),
        vn_hv_kv=np.array([vn_hv_kv]),
        vn_lv_kv=np.array([20.0]),
        vk_percent=np.array([11.2]),
        vkr_percent=np.array([0.282]),
        pfe_kw=np.array([29.0]),
        i0_percent=np.array([0.5]),
        hv_closed=np.array([hv_closed]),
        lv_closed=np.array([lv_closed]),
    )


def opened(grid: Grid, line: int, end: str) -> Grid:
    closed = getattr(grid.lines, end).copy()
    closed[line] = False
    return replace(grid, lines=replace(grid.lines, **{end: closed}))


def loaded(grid: Grid, p_mw: float = -0.5, q_mvar: float = -0.2) -> tuple[FloatArray, FloatArray]:
    return np.full((1, grid.n_buses), p_mw), np.full((1, grid.n_buses), q_mvar)


def assert_same(one: PowerFlowResult, other: PowerFlowResult) -> None:
    np.testing.assert_array_equal(one.converged, other.converged)
    for name in ("vm_pu", "source_mw", "source_mvar", "loss_mw", "branch_mw", "branch_mvar"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-6)
    for name in ("va_degree", "loading_percent"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-4)


def assert_engines_agree(grid: Grid, p_mw: FloatArray, q_mvar: FloatArray) -> PowerFlowResult:
    result = PowerGridModelFlow(grid).solve(p_mw, q_mvar)
    assert_same(result, PandapowerFlow(grid).solve(p_mw, q_mvar))
    return result


@st.composite
def feeders(draw: st.DrawFn) -> tuple[Grid, FloatArray, FloatArray]:
    """A tapped transformer, a random tree of lines behind it, and random injections."""
    n_buses = draw(st.integers(3, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ends = [(rng.integers(1, bus), bus) for bus in range(2, n_buses)]
    n_lines = len(ends)
    grid = feeder(
        ends,
        r_ohm=rng.uniform(0.05, 1.5, n_lines),
        x_ohm=rng.uniform(0.05, 1.0, n_lines),
        c_nf=rng.uniform(0.0, 3000.0, n_lines),
        vn_kv=[110.0, *[20.0] * (n_buses - 1)],
        transformers=transformer(vn_hv_kv=draw(st.floats(100.0, 120.0))),
    )
    for line in range(n_lines):
        for end in ("from_closed", "to_closed"):
            if rng.random() < 0.1:
                grid = opened(grid, line, end)
    shape = (3, n_buses)
    return grid, rng.uniform(-1.0, 0.6, shape), rng.uniform(-0.4, 0.3, shape)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feeders())
def test_random_feeders_come_out_the_same_from_both_engines(case):
    """Charging, taps, open ends and dead branches included."""
    result = assert_engines_agree(*case)
    assert result.converged.all()


@both
def test_power_balances(engine: type[PowerFlow]):
    """What the source delivers and the buses inject is lost in the branches, to 1e-6 MW."""
    grid = feeder([(1, 2), (2, 3)], vn_kv=[110, 20, 20, 20], transformers=transformer())
    p_mw, q_mvar = loaded(grid, p_mw=-2.0)
    result = engine(grid).solve(p_mw, q_mvar)
    np.testing.assert_allclose(
        result.source_mw.sum(axis=1) + p_mw.sum(axis=1), result.loss_mw, atol=1e-6
    )
    assert result.vm_pu[0, 0] == pytest.approx(1.02, abs=1e-12)


@both
def test_a_diverging_row_is_flagged_and_leaves_its_neighbours_alone(engine: type[PowerFlow]):
    """Rows that ask for too much, or hold a NaN, are NaN; the others are as if alone."""
    grid = feeder([(0, 1), (1, 2)])
    p_mw = np.repeat(loaded(grid)[0], 6, axis=0)
    p_mw[[0, 2, 3]] *= 1e4
    p_mw[4, 1] = np.nan
    q_mvar = np.zeros_like(p_mw)
    result = engine(grid).solve(p_mw, q_mvar)
    np.testing.assert_array_equal(result.converged, [False, True, False, False, False, True])
    alone = engine(grid).solve(p_mw[1:2], q_mvar[1:2])
    for name in ("vm_pu", "va_degree", "loading_percent", "branch_mw", "branch_mvar", "source_mw"):
        values = getattr(result, name)
        assert np.isnan(values[~result.converged]).all()
        np.testing.assert_allclose(values[[1, 5]], getattr(alone, name)[[0, 0]], atol=1e-9)


def test_what_memory_held_before_a_row_diverged_warns_of_nothing(monkeypatch: pytest.MonkeyPatch):
    """The library leaves results of such rows as the memory was: any bits."""
    grid = feeder([(0, 1), (1, 2)])
    p_mw = np.repeat(loaded(grid)[0], 3, axis=0)
    p_mw[1] *= 1e4
    q_mvar = np.zeros_like(p_mw)
    calculate = PowerGridModel.calculate_power_flow
    signalling = np.array([0x7FF0000000000001]).view(float)[0]

    def with_other_bits(self, **settings):
        output = calculate(self, **settings)
        for found in output.values():
            for name, values in found.items():
                if values.dtype == float:
                    values[1] = signalling if name.startswith("q") else 1e308
        return output

    monkeypatch.setattr(PowerGridModel, "calculate_power_flow", with_other_bits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = PowerGridModelFlow(grid).solve(p_mw, q_mvar)
    np.testing.assert_array_equal(result.converged, [True, False, True])
    assert np.isnan(result.branch_mvar[1]).all()


@both
def test_the_same_rows_give_the_same_bytes_whatever_came_before(engine: type[PowerFlow]):
    grid = feeder([(0, 1), (1, 2)])
    flow = engine(grid)
    first = flow.solve(*loaded(grid))
    flow.solve(*loaded(grid, p_mw=-3.0))
    again = flow.solve(*loaded(grid))
    assert first.vm_pu.tobytes() == again.vm_pu.tobytes()
    assert first.loss_mw.tobytes() == again.loss_mw.tobytes()


@pytest.mark.parametrize("end", ["from_closed", "to_closed"])
def test_a_line_open_at_one_end_still_draws_its_charging(end: str):
    """Of omega C V^2 [Mvar], with the capacitance given at 50 Hz."""
    grid = opened(feeder([(0, 1), (0, 1)], c_nf=[0.0, 2000.0]), 1, end)
    result = assert_engines_agree(grid, *loaded(grid, 0.0, 0.0))
    charging_mvar = 2 * np.pi * 50 * 2000e-9 * (20.0 * 1.02) ** 2
    assert result.source_mvar[0, 0] == pytest.approx(-charging_mvar, rel=1e-3)
    assert result.loading_percent[0, 1] > 1.0


def test_a_transformer_open_at_one_side_still_draws_its_iron_losses():
    grid = feeder([(1, 2)], vn_kv=[110, 20, 20], transformers=transformer(lv_closed=False))
    p_mw, q_mvar = np.zeros((1, 3)), np.zeros((1, 3))
    result = assert_engines_agree(grid, p_mw, q_mvar)
    assert result.loss_mw[0] == pytest.approx(0.029 * 1.02**2, rel=1e-2)
    np.testing.assert_array_equal(np.isnan(result.vm_pu[0]), [False, True, True])


def test_two_equal_parallel_lines_carry_half_each():
    single = feeder([(0, 1)], r_ohm=0.15, x_ohm=0.1, c_nf=500.0)
    double = feeder([(0, 1), (0, 1)], r_ohm=0.3, x_ohm=0.2, c_nf=250.0)
    one = assert_engines_agree(single, *loaded(single))
    two = assert_engines_agree(double, *loaded(double))
    np.testing.assert_allclose(two.vm_pu, one.vm_pu, atol=1e-9)
    np.testing.assert_allclose(two.loading_percent[0], one.loading_percent[0, 0] / 2, atol=1e-6)


def test_dead_buses_are_nan_and_what_they_inject_does_not_count():
    """Also where the dead bus stands between live ones, and where it injects a NaN."""
    grid = feeder([(0, 1), (1, 2), (0, 3)])
    grid = opened(opened(grid, 0, "from_closed"), 0, "to_closed")
    p_mw, q_mvar = loaded(grid)
    p_mw[0, 1], p_mw[0, 2] = np.nan, -1e6
    result = assert_engines_agree(grid, p_mw, q_mvar)
    assert result.converged.all()
    np.testing.assert_array_equal(np.isnan(result.vm_pu[0]), [False, True, True, False])
    np.testing.assert_array_equal(result.loading_percent[0, :2], [0.0, 0.0])
    assert result.source_mw[0, 0] == pytest.approx(1.0, abs=0.01)


def test_a_line_without_resistance_loses_nothing():
    grid = feeder([(0, 1), (1, 2)], r_ohm=0.0)
    assert assert_engines_agree(grid, *loaded(grid)).loss_mw[0] == pytest.approx(0.0, abs=1e-9)


def test_a_line_without_impedance_joins_its_ends():
    grid = feeder([(0, 1), (1, 2)], r_ohm=[0.3, 0.0], x_ohm=[0.2, 0.0], c_nf=0.0)
    result = assert_engines_agree(grid, *loaded(grid))
    assert result.vm_pu[0, 2] == pytest.approx(result.vm_pu[0, 1], abs=1e-7)


def test_two_sources_share_a_loop():
    """Each holds its own voltage, and power flows from the higher to the lower."""
    grid = feeder([(0, 1), (1, 2)], r_ohm=0.2)
    grid = replace(grid, source_bus=np.array([0, 2]), source_vm_pu=np.array([1.02, 1.0]))
    result = assert_engines_agree(grid, *loaded(grid, 0.0, 0.0))
    np.testing.assert_allclose(result.vm_pu[0, [0, 2]], [1.02, 1.0], atol=1e-12)
    assert result.source_mw[0, 0] > 0 > result.source_mw[0, 1]


@both
def test_the_memory_order_of_the_input_does_not_matter(engine: type[PowerFlow]):
    """Columns of a pandas table are stored one after the other."""
    grid = feeder([(0, 1), (1, 2)])
    p_mw = np.linspace(-2.0, 0.0, 12).reshape(4, 3)
    flow = engine(grid)
    expected = flow.solve(p_mw, 0.3 * p_mw)
    assert_same(flow.solve(np.asfortranarray(p_mw), np.asfortranarray(0.3 * p_mw)), expected)


@both
def test_no_rows_and_wrong_shapes(engine: type[PowerFlow]):
    grid = feeder([(0, 1)])
    assert engine(grid).solve(np.empty((0, 2)), np.empty((0, 2))).loading_percent.shape == (0, 1)
    with pytest.raises(ValueError, match=r"shape \(step, 2\)"):
        engine(grid).solve(np.zeros((1, 3)), np.zeros((1, 3)))
