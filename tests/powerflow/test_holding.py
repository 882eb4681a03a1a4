"""Buses whose voltage a unit holds, and lines that are limited by apparent power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.powerflow.pandapower import PandapowerFlow
from sim.powerflow.pgm import PowerGridModelFlow
from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.grid import Grid
from sim.units import FloatArray
from tests.powerflow.test_engines import both, feeder, opened, transformer

NAMES = ("vm_pu", "va_degree", "loading_percent", "source_mw", "source_mvar", "loss_mw")


def six_buses(**changes: object) -> Grid:
    """Return seven lines among six buses of 100 kV, bus 0 the source, buses 1 and 5 held."""
    grid = feeder(
        [(0, 1), (1, 2), (0, 3), (1, 3), (3, 4), (4, 5), (2, 5)],
        x_ohm=[17.0, 3.7, 25.8, 19.7, 3.7, 14.0, 1.8],
        r_ohm=[0.5, 0, 0.3, 0.7, 0, 0.2, 0],
        c_nf=0.0,
        vn_kv=100.0,
    )
    return replace(
        grid, **{"held_bus": np.array([1, 5]), "held_vm_pu": np.array([1.02, 1.01])} | changes
    )


def hours(n_steps: int, n_buses: int = 6) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(4)
    p_mw = rng.uniform(-60, 20, (n_steps, n_buses))
    return p_mw, 0.33 * np.minimum(p_mw, 0.0)


def agreed(grid: Grid, p_mw: FloatArray, q_mvar: FloatArray) -> PowerFlowResult:
    one, other = (
        engine(grid).solve(p_mw, q_mvar) for engine in (PowerGridModelFlow, PandapowerFlow)
    )
    np.testing.assert_array_equal(one.converged, other.converged)
    for name in NAMES:
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-7, atol=1e-6, err_msg=name
        )
    return one


def test_engines_agree_on_held_voltages_of_a_mesh_without_losses_on_some_lines() -> None:
    result = agreed(six_buses(), *hours(24))
    assert result.converged.all()
    np.testing.assert_allclose(result.vm_pu[:, [0, 1, 5]], [[1.02, 1.02, 1.01]] * 24, atol=1e-8)
    # Reactive power alone holds them: what the source delivers is what the others do not.
    p_mw, _ = hours(24)
    np.testing.assert_allclose(result.source_mw[:, 0] + p_mw.sum(axis=1), result.loss_mw, atol=1e-6)


@settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    parents=st.lists(st.integers(0, 30), min_size=2, max_size=6),
    ratio=st.floats(0.0, 2.0),
    held=st.sets(st.integers(1, 6), min_size=1, max_size=3),
    vm_pu=st.floats(0.98, 1.04),
)
def test_engines_agree_on_any_feeder_whatever_its_resistance(
    parents: list[int], ratio: float, held: set[int], vm_pu: float
) -> None:
    """Also where resistance is twice the reactance, of which the search knows little at first."""
    n_buses = len(parents) + 1
    ends = [(parent % (k + 1), k + 1) for k, parent in enumerate(parents)]
    grid = feeder(ends, r_ohm=0.2 * ratio, x_ohm=0.2, vn_kv=20.0)
    buses = np.array(sorted(bus for bus in held if bus < n_buses), dtype=np.int64)
    grid = replace(grid, held_bus=buses, held_vm_pu=np.full(len(buses), vm_pu))
    p_mw = np.linspace(-0.8, 0.4, 2 * n_buses).reshape(2, n_buses)
    result = agreed(grid, p_mw, 0.2 * p_mw)
    assert result.converged.all()
    np.testing.assert_allclose(result.vm_pu[:, buses], vm_pu, atol=1e-8)


def test_a_voltage_is_held_behind_a_transformer() -> None:
    grid = feeder([(1, 2), (2, 3)], vn_kv=[110, 20, 20, 20], transformers=transformer(112.0))
    grid = replace(grid, held_bus=np.array([3]), held_vm_pu=np.array([1.03]))
    p_mw = np.array([[0.0, 0.0, -2.0, 1.0]])
    assert agreed(grid, p_mw, 0.1 * p_mw).vm_pu[0, 3] == pytest.approx(1.03, abs=1e-8)


def test_a_held_bus_that_is_cut_off_is_dead_and_holds_nothing() -> None:
    grid = six_buses(held_bus=np.array([1, 2]))
    for line in (1, 6):
        grid = opened(opened(grid, line, "from_closed"), line, "to_closed")
    p_mw, q_mvar = hours(2)
    p_mw[:, 2] = np.nan
    result = agreed(grid, p_mw, q_mvar)
    assert result.converged.all()
    assert np.isnan(result.vm_pu[:, 2]).all()
    np.testing.assert_allclose(result.vm_pu[:, 1], 1.02, atol=1e-8)


@both
def test_what_cannot_be_held_is_flagged_and_leaves_its_neighbours_alone(
    engine: type[PowerFlow],
) -> None:
    p_mw, q_mvar = hours(3)
    p_mw[1] *= 100
    result = engine(six_buses()).solve(p_mw, q_mvar)
    np.testing.assert_array_equal(result.converged, [True, False, True])
    alone = engine(six_buses()).solve(p_mw[[0, 2]], q_mvar[[0, 2]])
    for name in NAMES:
        assert np.isnan(getattr(result, name)[1]).all()
        np.testing.assert_allclose(getattr(result, name)[[0, 2]], getattr(alone, name), atol=1e-7)


@both
def test_units_that_stop_free_the_voltage_of_their_bus(engine: type[PowerFlow]) -> None:
    """Row by row, beside lines that trip; and the same as of a grid that never held it."""
    grid = six_buses()
    p_mw, q_mvar = hours(4)
    line_out = np.zeros((4, 7), dtype=np.bool_)
    line_out[3, 0] = True
    held = np.array([[True, True], [True, False], [False, False], [True, False]])
    result = SwitchedFlow(grid, engine).solve(p_mw, q_mvar, line_out, held)
    for row in range(4):
        plain = grid.without(line_out[row])
        plain = replace(
            plain, held_bus=grid.held_bus[held[row]], held_vm_pu=grid.held_vm_pu[held[row]]
        )
        alone = engine(plain).solve(p_mw[row : row + 1], q_mvar[row : row + 1])
        np.testing.assert_allclose(result.vm_pu[row], alone.vm_pu[0], atol=1e-7)
    np.testing.assert_allclose(result.vm_pu[[0, 1, 3], 1], 1.02, atol=1e-8)
    assert np.abs(result.vm_pu[2, 1] - 1.02) > 1e-4


def test_a_limit_of_apparent_power_is_loaded_by_the_larger_end() -> None:
    """P and Q of a line whose far end takes 3 MW and 4 Mvar; its neighbour counts in current."""
    grid = feeder([(0, 1), (0, 2)], r_ohm=0.0, x_ohm=0.4, c_nf=0.0)
    limit_mva = np.array([10.0, np.nan])
    grid = replace(grid, lines=replace(grid.lines, limit_mva=limit_mva))
    p_mw, q_mvar = np.array([[0, -3.0, -3.0]]), np.array([[0, -4.0, -4.0]])
    result = agreed(grid, p_mw, q_mvar)
    near_mva = np.hypot(3.0, result.source_mvar[0, 0] / 2)  # two equal lines; no active losses
    assert near_mva > 5.0
    assert result.loading_percent[0, 0] == pytest.approx(10 * near_mva, abs=1e-6)
    current_ka = near_mva / (np.sqrt(3) * 20.0 * 1.02)
    assert result.loading_percent[0, 1] == pytest.approx(100 * current_ka / 0.3, abs=1e-6)
