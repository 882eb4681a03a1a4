"""Which buses have power, by walking along closed branches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.system.grid import IDEAL_LINE_PU, Grid, Lines, Transformers


def grid(seed: int) -> Grid:
    """Return eight buses under random lines and transformers, some of them open at an end."""
    rng = np.random.default_rng(seed)
    n, n_lines, n_transformers = 8, 8, 2

    def ends(count: int) -> tuple[np.ndarray, np.ndarray]:
        start = rng.integers(n, size=count)
        return start, (start + rng.integers(1, n, size=count)) % n

    from_bus, to_bus = ends(n_lines)
    hv_bus, lv_bus = ends(n_transformers)
    ones = np.ones(n_lines)
    pair = np.ones(n_transformers)
    return Grid(
        bus_name=tuple("abcdefgh"),
        bus_vn_kv=np.full(n, 10.0),
        v_min_pu=np.full(n, 0.95),
        v_max_pu=np.full(n, 1.05),
        x=np.zeros(n),
        y=np.zeros(n),
        lines=Lines(
            name=tuple(f"line {i}" for i in range(n_lines)), from_bus=from_bus, to_bus=to_bus,
            r_ohm=ones, x_ohm=ones, c_nf=ones, max_i_ka=ones, limit_mva=np.nan * ones,
            from_closed=rng.random(n_lines) < 0.8, to_closed=rng.random(n_lines) < 0.8,
        ),
        transformers=Transformers(
            name=("one", "two"), hv_bus=hv_bus, lv_bus=lv_bus, sn_mva=pair, vn_hv_kv=pair,
            vn_lv_kv=pair, vk_percent=pair, vkr_percent=pair, pfe_kw=pair, i0_percent=pair,
            hv_closed=rng.random(n_transformers) < 0.8, lv_closed=rng.random(n_transformers) < 0.8,
        ),
        source_bus=np.unique(rng.integers(n, size=2)),
        source_vm_pu=np.ones(2),
        held_bus=np.array([1, 4, 6]),
        held_vm_pu=np.array([1.01, 1.04, 1.06]),
    )  # fmt: skip


def reached(own: Grid, line_out: np.ndarray) -> set[int]:
    """Return the buses to which one can walk from a source."""
    neighbours: dict[int, set[int]] = {bus: set() for bus in range(own.n_buses)}
    lines, transformers = own.lines, own.transformers
    for i in range(len(lines.name)):
        if lines.from_closed[i] and lines.to_closed[i] and not line_out[i]:
            neighbours[int(lines.from_bus[i])].add(int(lines.to_bus[i]))
            neighbours[int(lines.to_bus[i])].add(int(lines.from_bus[i]))
    for i in range(len(transformers.name)):
        if transformers.hv_closed[i] and transformers.lv_closed[i]:
            neighbours[int(transformers.hv_bus[i])].add(int(transformers.lv_bus[i]))
            neighbours[int(transformers.lv_bus[i])].add(int(transformers.hv_bus[i]))
    found, front = set(), [int(bus) for bus in own.source_bus]
    while front:
        bus = front.pop()
        if bus not in found:
            found.add(bus)
            front.extend(neighbours[bus])
    return found


@pytest.mark.parametrize("seed", range(30))
def test_buses_are_supplied_where_one_can_walk_to_from_a_source(seed: int) -> None:
    own = grid(seed)
    nothing = np.zeros(len(own.lines.name), dtype=np.bool_)
    assert set(np.flatnonzero(own.supplied())) == reached(own, nothing)
    line_out = np.random.default_rng(seed).random(len(own.lines.name)) < 0.4
    less = own.without(line_out)
    assert set(np.flatnonzero(less.supplied())) == reached(own, line_out)
    # What trips is open at both ends, and all else is as it was.
    assert not (less.lines.from_closed | less.lines.to_closed)[line_out].any()
    assert (less.lines.from_closed == own.lines.from_closed)[~line_out].all()
    assert (less.lines.to_closed == own.lines.to_closed)[~line_out].all()
    assert less.transformers is own.transformers


def test_counts_and_held_buses() -> None:
    own = grid(0)
    assert (own.n_buses, own.n_branches) == (8, 10)
    held = own.holding(np.array([True, False, True]))
    assert held.held_bus.tolist() == [1, 6]
    assert held.held_vm_pu.tolist() == [1.01, 1.06]
    assert len(Transformers.none().name) == len(Transformers.none().hv_bus) == 0


def test_a_line_without_impedance_gets_next_to_none() -> None:
    own = grid(0)
    r_ohm, x_ohm = np.full(8, 0.2), np.full(8, 0.3)
    r_ohm[[0, 1]], x_ohm[[0, 2]] = 0.0, 0.0
    lines = replace(own.lines, r_ohm=r_ohm, x_ohm=x_ohm)
    expected = x_ohm.copy()
    expected[0] = IDEAL_LINE_PU * 10.0**2  # 10 kV on 1 MVA
    np.testing.assert_allclose(replace(own, lines=lines).line_reactance_ohm, expected)
