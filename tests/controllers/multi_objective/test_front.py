"""Epsilon constraints keep their budgets, and no genetic algorithm finds better."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import ElementwiseProblem
from pymoo.optimize import minimize

from controllers.multi_objective.front import _SMALL, BestOf, _constrained, objectives
from controllers.rolling.applied import modelled_usd
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import most_reactive
from controllers.scheduling.problem.problem import Budgets, Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY
from controllers.scheduling.routing.best_response import usd_of
from controllers.scheduling.search import Search
from tests.controllers.scheduling.cases import all_routes, feeder, problem_of, random_day

N = 4


def sunny() -> tuple[SchedulingProblem, tuple, int]:
    """Return a problem with far too much sun, all routes of its truck, and its voltage limits."""
    exists = feeder(n_periods=N)
    problem = problem_of(exists, random_day(exists, 3, available_mw=np.full((N, 1), 5.0)))
    pool = tuple((route,) for route in all_routes(problem.space, 0))
    return problem, pool, 2 * exists.grid.n_buses


def solved(problem, pool, n_limits, budgets: Budgets) -> Schedule | None:
    limited = _constrained(problem, weights=_SMALL, budgets=budgets, n_limits=n_limits)
    found = BestOf(pool)(limited, Search(), None)
    return None if found is None else found.schedule


def budget(values: np.ndarray, n_limits: int) -> Budgets:
    return Budgets(
        curtailed_mwh=values[0] + 1e-6,
        violations_usd=(values[1] + 1e-6) * _SMALL.voltage,
        n_limits=n_limits,
    )


def test_budgets_are_kept_and_cost():
    problem, pool, n_limits = sunny()
    free = solved(problem, pool, n_limits, Budgets())
    assert free is not None
    curtailed, beyond = objectives(problem, free, n_limits)
    assert beyond > 0.01
    last_usd = usd_of(free)
    for share in (0.6, 0.3):
        values = np.array([curtailed + 10.0, share * beyond])
        found = solved(problem, pool, n_limits, budget(values, n_limits))
        assert found is not None
        assert (objectives(problem, found, n_limits) <= values + 1e-4).all()
        assert usd_of(found) > last_usd
        last_usd = usd_of(found)
    # Neither sun withheld nor a voltage too high: there is no such plan.
    assert solved(problem, pool, n_limits, budget(np.zeros(2), n_limits)) is None


class Plans(ElementwiseProblem):
    """All plans of one truck in the linear model: a route, powers and curtailment."""

    def __init__(self, problem: SchedulingProblem, pool: tuple, n_limits: int) -> None:
        super().__init__(n_var=1 + 3 * N, n_obj=3, xl=np.zeros(1 + 3 * N), xu=np.ones(1 + 3 * N))
        self._problem, self._pool, self._n_limits = problem, pool, n_limits
        network = problem.network
        of_voltage = network.row_limit < n_limits
        rows = dataclasses.replace(network, row_usd=np.where(of_voltage, 0.0, network.row_usd))
        self._costs = dataclasses.replace(problem, network=rows)
        battery = problem.batteries
        self._room = most_reactive(battery.s_mva[0], battery.p_charge_max_mw[0])

    def _evaluate(self, x, out, *args, **kwargs) -> None:
        problem, battery = self._problem, self._problem.batteries
        (route,) = self._pool[min(int(x[0] * len(self._pool)), len(self._pool) - 1)]
        station = problem.space.stations_of(0, route)
        used_mwh = problem.space.route_mwh(0, route)
        p, q = np.zeros(N), np.zeros(N)
        energy = battery.energy_mwh[0]
        for t in range(N):
            energy -= used_mwh[t]
            if station[t] == AWAY:
                continue
            least = (energy - battery.upper_mwh[0, t + 1]) / battery.efficiency_charge[0]
            most = (energy - battery.lower_mwh[0, t + 1]) * battery.efficiency_discharge[0]
            p[t] = np.clip(x[1 + t] - 0.5, max(least, -0.5), min(most, 0.5))
            q[t] = (2 * x[1 + N + t] - 1) * np.interp(abs(p[t]), *self._room)
            lost = battery.efficiency_charge[0] if p[t] < 0 else 1 / battery.efficiency_discharge[0]
            energy -= p[t] * lost
        shape = problem.network.import_p.shape
        p_mw, q_mvar = np.zeros(shape), np.zeros(shape)
        here = np.flatnonzero(station != AWAY)
        p_mw[here, station[here]], q_mvar[here, station[here]] = p[here], q[here]
        curtailed = x[1 + 2 * N :, None] * problem.network.available_mw
        point = OperatingPoint(p_mw=p_mw, q_mvar=q_mvar, curtailed_mw=curtailed)
        money = problem.money
        usd = modelled_usd(self._costs, point).sum() + problem.space.route_usd(0, route)
        usd += money.curtailment_usd_per_mwh[0] * curtailed.sum()
        usd += money.feed_in_usd_per_mwh[0] * problem.network.available_mw.sum()
        usd += np.abs(p).sum() * battery.wear_usd_per_mwh[0]
        usd += problem.end.fixed_usd[0] + float(problem.end.energy_usd(0, energy))
        counts = np.where(problem.network.row_limit < self._n_limits, 1.0, 0.0)
        beyond = dataclasses.replace(problem.network, row_usd=counts).penalty_usd(point).sum()
        out["F"] = [usd, curtailed.sum(), beyond]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning")
def test_epsilon_constraint_dominates_or_equals_nsga_ii():
    """For each point of NSGA-II there is a plan as good in two objectives and no dearer."""
    problem, pool, n_limits = sunny()
    result = minimize(Plans(problem, pool, n_limits), NSGA2(pop_size=60), ("n_gen", 200), seed=1)
    assert len(result.F) >= 12
    better = []
    for usd, *values in result.F:
        found = solved(problem, pool, n_limits, budget(np.array(values), n_limits))
        assert found is not None
        small = _SMALL.pv * values[0] + _SMALL.voltage * values[1]
        better.append(usd + small - usd_of(found))
    assert min(better) > -0.05
    assert max(better) < 200.0
