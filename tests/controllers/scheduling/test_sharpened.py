"""More tangents of currents make a bound better and stay true."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.bound.bound import lower_bound
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.grid.sharpened import sharpened
from controllers.scheduling.problem.problem import SchedulingProblem
from tests.controllers.scheduling.build import radial_grid
from tests.controllers.scheduling.cases import best_by_force, feeder, problem_of, random_day

# Of 1.3 MVA, so that they bind.
THIN = radial_grid([0, 1, 2, 3], r_ohm=1.5, x_ohm=1.0, max_i_ka=0.06)


def thin(seed: int, n_trucks: int = 2, margin: float = 0.0) -> SchedulingProblem:
    """Return a problem whose lines are too thin for its loads."""
    exists = feeder(n_trucks, 4, grid=THIN)
    problem = problem_of(exists, random_day(exists, seed, profile_std=np.full((4, 2), 0.05)))
    return dataclasses.replace(problem, network=problem.network.tightened(margin))


def parked(problem: SchedulingProblem) -> OperatingPoint:
    """Return the point at which vehicles stay where they are."""
    found = dispatch(problem, ((),) * problem.n_vehicles, WorkLimits())
    assert found is not None
    return found.operating_point(problem.space.n_stations)


@pytest.mark.parametrize("margin", [0.0, 2.0])
def test_no_new_row_passes_a_violation_and_little_of_it_is_lost(margin: float) -> None:
    rng = np.random.default_rng(3)
    coarse = lost = 0.0
    for seed in range(4):
        problem = thin(seed, margin=margin)
        network, point = problem.network, parked(problem)
        finer = sharpened(network, point)
        assert len(finer.row_base) > len(network.row_base)
        for scale in (0.05, 0.5, 2.0):
            moved = dataclasses.replace(
                point,
                p_mw=point.p_mw + rng.normal(0, scale, point.p_mw.shape),
                q_mvar=point.q_mvar + rng.normal(0, scale, point.q_mvar.shape),
            )
            # Without its currents a network has its rows only.
            true, few, many = (
                each.penalty_usd(moved).sum()
                for each in (network, _polygon(network), _polygon(finer))
            )
            assert few <= many + 1e-9
            assert many <= true + 1e-9
            if scale == 0.05:
                coarse, lost = coarse + true - few, lost + true - many
    assert lost < 0.5 * coarse


def _polygon(network):
    return dataclasses.replace(network, currents=network.currents.where(np.empty(0, dtype=int)))


def test_the_bound_comes_nearer_to_the_best_of_all_plans_and_stays_below_it() -> None:
    gained = 0.0
    for seed in range(4):
        problem = thin(seed, n_trucks=1)
        best_usd = best_by_force(problem)
        finer = dataclasses.replace(problem, network=sharpened(problem.network, parked(problem)))
        before, after = lower_bound(problem, 200).usd, lower_bound(finer, 200).usd
        assert after <= best_usd + 1e-6
        gained += after - before
    assert gained > 1.0
