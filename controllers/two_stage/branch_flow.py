"""The network as branch flow: powers, squared currents and squared voltages.

Baran & Wu, *Optimal sizing of capacitors placed on a radial distribution system*, IEEE Trans. Power
Delivery 4(1), 1989. In a tree these equations are AC power flow, but for one of them: the current
of a branch, ``l v = p^2 + q^2``, is relaxed to ``l v >= p^2 + q^2`` (Farivar & Low, *Branch flow
model: relaxations and convexification*, IEEE Trans. Power Systems 28(3), 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.two_stage.cone import Discs, RotatedCones
from controllers.two_stage.radial import RadialGrid
from sim.system.system import System
from sim.system.tariff import ImportMeter
from sim.units import FloatArray, IntArray

# What a violated limit costs where the scenario names no price: limits are kept if they can be
# [USD/(pu h)], [USD/(% h)].
_VOLTAGE_USD_PER_PU_H = 1e5
_LOADING_USD_PER_PERCENT_H = 1e2

# Voltages outside their limits by more than this do not occur in a plan [pu].
_FAR_PU = 0.2

# Nor do currents above so many times the limit, or the current without storage if that is larger.
_FAR_TIMES = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPrices:
    """What a plan pays for violated limits.

    Attributes
    ----------
    voltage_usd_per_pu_h
        [USD/(pu h)].
    loading_usd_per_percent_h
        [USD/(% h)].
    """

    voltage_usd_per_pu_h: float
    loading_usd_per_percent_h: float

    @classmethod
    def of(cls, system: System) -> LimitPrices:
        """Return the scenario's prices; high ones where it has none."""
        prices = system.penalties
        return cls(
            voltage_usd_per_pu_h=prices.voltage_usd_per_pu_h or _VOLTAGE_USD_PER_PU_H,
            loading_usd_per_percent_h=(
                prices.loading_usd_per_percent_h or _LOADING_USD_PER_PERCENT_H
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BranchFlow:
    """Indices of the block's variables and rows.

    Attributes
    ----------
    p, q, current
        Flow into the branch at its parent's end and squared current, ``(period, branch)``
        [MW, Mvar, pu].
    voltage
        Squared voltages, ``(period, bus)`` [pu]; -1 at dead buses.
    balance_p, balance_q
        Rows ``injection + inflow - outflow = 0``, ``(period, bus)``; -1 at dead buses.
    cones
        What the currents must satisfy.
    discs
        Ratings of transformers.
    """

    p: IntArray
    q: IntArray
    current: IntArray
    voltage: IntArray
    balance_p: IntArray
    balance_q: IntArray
    cones: RotatedCones
    discs: Discs


def add_branch_flow(
    assembly: Assembly,
    system: System,
    tree: RadialGrid,
    fixed_mw: FloatArray,
    fixed_mvar: FloatArray,
    bought_usd_per_mwh: FloatArray,
    sold_usd_per_mwh: FloatArray,
) -> BranchFlow:
    """Add the network, its limits and what energy from upstream costs.

    Parameters
    ----------
    assembly
        The model.
    system
        Limits, prices of limits, where imports are metered.
    tree
        The grid.
    fixed_mw, fixed_mvar
        Injections that are given, ``(period, bus)`` [MW, Mvar].
    bought_usd_per_mwh, sold_usd_per_mwh
        Prices, ``(period,)`` [USD/MWh].

    Returns
    -------
    BranchFlow
        Where variables and rows are.
    """
    n_periods, n_buses = fixed_mw.shape
    shape = (n_periods, tree.n_branches)
    p, q = (
        assembly.variables(n_periods * tree.n_branches, lower=-np.inf).reshape(shape)
        for _ in range(2)
    )
    at_rest = tree.downstream(fixed_mw) ** 2 + tree.downstream(fixed_mvar) ** 2
    most = _FAR_TIMES**2 * np.maximum(tree.l_max, at_rest / np.min(tree.root_v))
    current = assembly.variables(p.size, upper=most.ravel()).reshape(shape)
    voltage = np.full((n_periods, n_buses), -1, dtype=np.int64)
    live = np.flatnonzero(tree.live)
    v_min, v_max = system.grid.v_min_pu, system.grid.v_max_pu
    lower, upper = np.maximum(v_min - _FAR_PU, 0.1) ** 2, (v_max + _FAR_PU) ** 2
    lower[tree.root] = upper[tree.root] = tree.root_v
    voltage[:, live] = assembly.variables(
        n_periods * len(live), lower=np.tile(lower[live], n_periods),
        upper=np.tile(upper[live], n_periods),
    ).reshape(n_periods, len(live))  # fmt: skip

    drop = assembly.rows(p.size, lower=0.0, upper=0.0).reshape(shape)
    at_parent, at_child = voltage[:, tree.parent], voltage[:, tree.child]
    assembly.entries(drop, at_child, tree.child_scale)
    assembly.entries(drop, at_parent, -tree.parent_scale)
    assembly.entries(drop, p, 2 * tree.r)
    assembly.entries(drop, q, 2 * tree.x)
    assembly.entries(drop, current, -(tree.r**2 + tree.x**2))

    balance = [np.full((n_periods, n_buses), -1, dtype=np.int64) for _ in range(2)]
    for rows, flow, fixed, lost, shunt, at_bus in (
        (balance[0], p, fixed_mw, tree.r, -tree.g, -tree.bus_g),
        (balance[1], q, fixed_mvar, tree.x, tree.b, tree.bus_b),
    ):
        given = -fixed[:, live].ravel()
        rows[:, live] = assembly.rows(len(given), lower=given, upper=given).reshape(n_periods, -1)
        assembly.entries(rows[:, tree.parent], flow, -1.0)
        assembly.entries(rows[:, tree.child], flow, 1.0)
        assembly.entries(rows[:, tree.child], current, -lost)
        assembly.entries(rows[:, tree.parent], at_parent, shunt * tree.parent_scale)
        assembly.entries(rows[:, tree.child], at_child, shunt * tree.child_scale)
        assembly.entries(rows[:, live], voltage[:, live], at_bus[live])
    _add_trade(assembly, system, tree, balance, current, voltage,
               bought_usd_per_mwh, sold_usd_per_mwh)  # fmt: skip
    discs = _add_limits(assembly, system, tree, (p, q), current, most, voltage)
    cones = RotatedCones(
        current=current.ravel(),
        voltage=at_parent.ravel(),
        p=p.ravel(),
        q=q.ravel(),
        scale=np.tile(tree.parent_scale, n_periods),
    )
    return BranchFlow(
        p=p, q=q, current=current, voltage=voltage,
        balance_p=balance[0], balance_q=balance[1], cones=cones, discs=discs,
    )  # fmt: skip


def _add_trade(
    assembly: Assembly,
    system: System,
    tree: RadialGrid,
    balance: list[IntArray],
    current: IntArray,
    voltage: IntArray,
    bought_usd_per_mwh: FloatArray,
    sold_usd_per_mwh: FloatArray,
) -> None:
    """Let the sources feed in, and pay for what the meters see."""
    n_periods, n_roots = len(current), len(tree.root)
    period_h = system.timing.period_h
    drawn = [
        assembly.variables(n_periods * n_roots, lower=-np.inf).reshape(n_periods, n_roots)
        for _ in range(2)
    ]
    for rows, power in zip(balance, drawn, strict=True):
        assembly.entries(rows[:, tree.root], power, 1.0)
    # Buying and selling at once is no profit unless selling pays better.
    both = np.maximum(sold_usd_per_mwh - bought_usd_per_mwh, 0.0) > 0
    buy = assembly.variables(n_periods, cost=bought_usd_per_mwh * period_h)
    sell = assembly.variables(n_periods, cost=-sold_usd_per_mwh * period_h)
    meter = assembly.rows(n_periods, lower=0.0, upper=0.0)
    assembly.entries(meter[:, None], drawn[0], 1.0)
    assembly.entries(meter, buy, -1.0)
    assembly.entries(meter, sell, 1.0)
    if system.tariff.import_meter is ImportMeter.PUBLISHED:
        first = np.flatnonzero(np.isin(tree.parent, tree.root))
        assembly.entries(meter[:, None], current[:, first], -tree.r[first])
        for end, scale in ((tree.parent, tree.parent_scale), (tree.child, tree.child_scale)):
            shunt = -tree.g[first] * scale[first]
            assembly.entries(meter[:, None], voltage[:, end[first]], shunt)
    if both.any():
        way = assembly.variables(int(both.sum()), upper=1.0, integer=True)
        most = _reach_mw(system)
        for side, sign in ((buy, -1.0), (sell, 1.0)):
            rows = assembly.rows(len(way), upper=0.0 if sign < 0 else most)
            assembly.entries(rows, side[both], 1.0)
            assembly.entries(rows, way, sign * most)


def _reach_mw(system: System) -> float:
    """Return more power than ever crosses the grid's border [MW]."""
    total = system.loads.p_mw.sum() + system.generators.p_mw.sum()
    total += sum(truck.battery.s_mva for truck in system.vehicles)
    total += sum(group.p_mw * group.count for group in system.evs)
    return float(2.0 * total + 1.0)


def _add_limits(
    assembly: Assembly,
    system: System,
    tree: RadialGrid,
    flow: tuple[IntArray, IntArray],
    current: IntArray,
    most: FloatArray,
    voltage: IntArray,
) -> Discs:
    """Add limits of voltages, currents and ratings, each with a violation that costs.

    The cost of a violation never exceeds the true one, so that the model stays a relaxation:
    squares are replaced by tangents or secants on the cheap side.
    """
    prices, period_h = LimitPrices.of(system), system.timing.period_h
    n_periods = len(current)
    bus = np.setdiff1d(np.flatnonzero(tree.live), tree.root)
    watched = voltage[:, bus].ravel()
    usd = prices.voltage_usd_per_pu_h * period_h
    v_min, v_max = (
        np.tile(limit[bus], n_periods) for limit in (system.grid.v_min_pu, system.grid.v_max_pu)
    )
    short, over = (assembly.variables(len(watched), cost=usd) for _ in range(2))
    rows = assembly.rows(len(watched), lower=v_min**2)
    assembly.entries(rows, watched, 1.0)
    assembly.entries(rows, short, 2 * v_min)
    rows = assembly.rows(len(watched), upper=v_max**2)
    assembly.entries(rows, watched, 1.0)
    assembly.entries(rows, over, -(2 * v_max + _FAR_PU))

    usd = prices.loading_usd_per_percent_h * period_h
    line = np.flatnonzero(np.isfinite(tree.l_max))
    carried = current[:, line].ravel()
    l_max = np.tile(tree.l_max[line], n_periods)
    percent = assembly.variables(len(carried), cost=usd)
    rows = assembly.rows(len(carried), upper=l_max)
    assembly.entries(rows, carried, 1.0)
    times = np.sqrt(most[:, line].ravel() / l_max)
    assembly.entries(rows, percent, -l_max * (1 + times) / 100)

    rated = np.flatnonzero(np.isfinite(tree.s_max_mva))
    n_rated = n_periods * len(rated)
    factor = assembly.variables(n_rated, lower=1.0, cost=100 * usd)
    assembly.offset -= 100 * usd * n_rated
    return Discs(
        p=flow[0][:, rated].ravel(),
        q=flow[1][:, rated].ravel(),
        radius=np.tile(tree.s_max_mva[rated], n_periods),
        factor=factor,
    )
