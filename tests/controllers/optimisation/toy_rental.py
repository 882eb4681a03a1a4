"""Toy rental: one truck, two grids, four periods, two price levels; and brute force over it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.bilevel.problem import BilevelProblem, Follower

P_MW = 1.0
EFFICIENCY = 0.9
SHED_USD = 300.0
CURTAIL_USD = 5.0
WEAR_USD = 2.0
MOVE_USD = 8.0


@dataclass(frozen=True)
class Toy:
    """Numbers of one case."""

    price: np.ndarray  # (grid, level) of rent for each MWh moved
    load: np.ndarray  # (grid, period)
    sun: np.ndarray  # (grid, period)
    tariff: np.ndarray  # (grid, period)
    import_mw: np.ndarray  # (grid,)


def toy(seed: int, n_periods: int = 4) -> Toy:
    rng = np.random.default_rng([seed, 15])
    return Toy(
        price=np.sort(rng.uniform(3, 40, (2, 2)), axis=1),
        load=rng.uniform(0.3, 2.5, (2, n_periods)),
        sun=rng.uniform(0, 2.5, (2, n_periods)) * (rng.random((2, n_periods)) < 0.6),
        tariff=rng.uniform(10, 120, (2, n_periods)),
        import_mw=rng.uniform(1.0, 2.0, 2),
    )


def routes(n_periods: int) -> list[np.ndarray]:
    """Grid of the truck in each period, -1 on the road: a change takes one period."""
    return [
        np.array(route)
        for route in itertools.product((-1, 0, 1), repeat=n_periods)
        if all({a, b} != {0, 1} for a, b in itertools.pairwise(route))
    ]


def problem(own: Toy) -> BilevelProblem:
    """As a bilevel programme: presence and price levels above, modes and powers below.

    Leader: presence (grid, period), price level is the higher one (grid, period), departures.
    """
    n = own.load.shape[1]
    model = Assembly()
    here = model.variables(2 * n, upper=1.0).reshape(2, n)
    high = model.variables(2 * n, upper=1.0).reshape(2, n)
    leaves = model.variables(2 * (n - 1), upper=1.0, cost=MOVE_USD).reshape(2, n - 1)
    model.entries(model.rows(n, upper=1.0), here, 1.0)
    for grid in range(2):
        # Not here now and there in the next period; who was here and no longer is has left.
        rows = model.rows(n - 1, upper=1.0)
        model.entries(rows, here[grid, :-1], 1.0)
        model.entries(rows, here[1 - grid, 1:], 1.0)
        rows = model.rows(n - 1, upper=0.0)
        model.entries(rows, here[grid, :-1], 1.0)
        model.entries(rows, here[grid, 1:], -1.0)
        model.entries(rows, leaves[grid], -1.0)
    leader = model.build()
    integer = np.zeros(len(leader.cost), dtype=np.bool_)
    integer[: 4 * n] = True
    return BilevelProblem(
        leader=replace(leader, integer=integer),
        followers=tuple(
            follower(own, grid, np.concatenate([here[grid], high[grid]])) for grid in range(2)
        ),
    )


def follower(own: Toy, grid: int, linking: np.ndarray) -> Follower:
    n = own.load.shape[1]
    model = Assembly()
    low, high = own.price[grid]
    charge = model.variables(n, upper=P_MW, cost=low)
    discharge = model.variables(n, upper=P_MW, cost=low)
    mode = model.variables(n, upper=1.0, integer=True)
    energy = model.variables(n, upper=1.5)
    bought = model.variables(n, upper=own.import_mw[grid], cost=own.tariff[grid])
    spilled = model.variables(n, upper=own.sun[grid], cost=CURTAIL_USD)
    shed = model.variables(n, upper=own.load[grid], cost=SHED_USD)
    rows = model.rows(n, upper=0.0)
    model.entries(rows, charge, 1.0)
    model.entries(rows, mode, -P_MW)
    rows = model.rows(n, upper=P_MW)
    model.entries(rows, discharge, 1.0)
    model.entries(rows, mode, P_MW)
    present = model.rows(2 * n, upper=0.0)
    model.entries(present, np.concatenate([charge, discharge]), 1.0)
    rows = model.rows(n, lower=0.0, upper=0.0)
    model.entries(rows, energy, 1.0)
    model.entries(rows[1:], energy[:-1], -1.0)
    model.entries(rows, charge, -EFFICIENCY)
    model.entries(rows, discharge, 1 / EFFICIENCY)
    balance = own.load[grid] - own.sun[grid]
    rows = model.rows(n, lower=balance, upper=balance)
    for variables, sign in ((bought, 1), (discharge, 1), (shed, 1), (charge, -1), (spilled, -1)):
        model.entries(rows, variables, float(sign))
    built = model.build()
    n_rows, n_own = built.matrix.shape
    t = np.arange(n)
    coupling = np.zeros((n_rows, 2 * n))
    coupling[present[:n], t] = coupling[present[n:], t] = -P_MW
    bilinear = np.zeros((n_own, 2 * n))
    bilinear[charge, n + t] = bilinear[discharge, n + t] = high - low
    leader_cost = np.zeros(n_own)
    leader_cost[charge] = leader_cost[discharge] = WEAR_USD - low
    return Follower(
        model=built,
        linking=linking,
        coupling=sparse.csr_array(coupling),
        bilinear=sparse.csr_array(bilinear),
        leader_cost=leader_cost,
        leader_bilinear=sparse.csr_array(-bilinear),
        multiplier_bound=800.0,
    )


def brute_force(own: Toy) -> float:
    """The leader's optimum: every route, every price, the followers solved by scipy."""
    cache: dict[tuple, float] = {}

    def income(grid: int, present: tuple, high: tuple) -> float:
        key = (grid, present, high)
        if key not in cache:
            cache[key] = _income(own, grid, np.array(present), np.array(high))
        return cache[key]

    best = np.inf
    for route in routes(own.load.shape[1]):
        moves = sum(a >= 0 and a != b for a, b in itertools.pairwise(route))
        total = MOVE_USD * moves
        for grid in range(2):
            present = route == grid
            # Prices where the truck is not present change nothing.
            levels = [(0, 1) if there else (0,) for there in present]
            total -= max(
                income(grid, tuple(present.tolist()), high) for high in itertools.product(*levels)
            )
        best = min(best, total)
    return best


def _income(own: Toy, grid: int, present: np.ndarray, high: np.ndarray) -> float:
    """Rent less wear of the answer that the owner likes best, written down on its own.

    Variables by period: charge, discharge, mode, energy, import, spill, shed.
    """
    n = own.load.shape[1]
    rent = own.price[grid][high]
    zero, eye = np.zeros((n, n)), np.eye(n)
    step = eye - np.eye(n, k=-1)
    cost = np.concatenate(
        [
            rent,
            rent,
            np.zeros(2 * n),
            own.tariff[grid],
            np.full(n, CURTAIL_USD),
            np.full(n, SHED_USD),
        ]
    )
    most = np.concatenate(
        [
            P_MW * present,
            P_MW * present,
            np.ones(n),
            np.full(n, 1.5),
            np.full(n, own.import_mw[grid]),
            own.sun[grid],
            own.load[grid],
        ]
    )
    net = own.load[grid] - own.sun[grid]
    rows = [
        LinearConstraint(np.hstack([eye, zero, -P_MW * eye, *[zero] * 4]), -np.inf, 0.0),
        LinearConstraint(np.hstack([zero, eye, P_MW * eye, *[zero] * 4]), -np.inf, P_MW),
        LinearConstraint(
            np.hstack([-EFFICIENCY * eye, eye / EFFICIENCY, zero, step, *[zero] * 3]), 0.0, 0.0
        ),
        LinearConstraint(np.hstack([-eye, eye, zero, zero, eye, -eye, eye]), net, net),
    ]
    integrality = np.zeros(7 * n)
    integrality[2 * n : 3 * n] = 1
    options = {"mip_rel_gap": 0.0}
    bounds = Bounds(0.0, most)
    modes = milp(cost, constraints=rows, bounds=bounds, integrality=integrality, options=options)
    # A mode of 1e-6 lets energy pass: its optimum with whole modes is what counts.
    lower, upper = np.zeros(7 * n), most.copy()
    lower[2 * n : 3 * n] = upper[2 * n : 3 * n] = np.round(modes.x[2 * n : 3 * n])
    value = milp(cost, constraints=rows, bounds=Bounds(lower, upper))
    income = np.concatenate([rent - WEAR_USD, rent - WEAR_USD, np.zeros(5 * n)])
    optimal = LinearConstraint(cost[None, :], -np.inf, value.fun + 1e-7 * max(1, abs(value.fun)))
    favourite = milp(
        -income,
        constraints=[*rows, optimal],
        bounds=bounds,
        integrality=integrality,
        # With so little room, its presolve has called this infeasible.
        options={**options, "presolve": False},
    )
    return -favourite.fun
