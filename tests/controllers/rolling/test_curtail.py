"""What there is without energy from storage: curtailment alone, and with reactive power."""

from __future__ import annotations

import numpy as np
import pytest

from controllers.rolling.curtail import Curtail
from controllers.rolling.reactive import Reactive
from controllers.rolling.stationary import Stationary
from tests.controllers.rolling.test_planning import started
from tests.controllers.scheduling.build import truck
from tests.controllers.scheduling.cases import feeder, random_day


def sunny(exists, **changes):
    """Return a day with more sun than the feeder's end can take."""
    n = exists.timing.n_periods
    values = {
        "load_mw": np.full((n, 2), 0.2),
        "load_mvar": np.zeros((n, 2)),
        "available_mw": np.full((n, 1), 6.0),
        "price": np.linspace(20.0, 120.0, n),
    }
    return random_day(exists, 1, **(values | changes))


@pytest.mark.parametrize("period", [0, 2])
def test_without_storage_sun_is_curtailed_and_nothing_else_happens(period):
    exists = feeder(n_trucks=2)
    controller = started(Curtail, exists)
    plan = controller.decide(sunny(exists))
    if period:
        plan = controller.decide(sunny(exists, period=period))
    assert (plan.grid.generation_limit_mw < 6.0).all()
    assert (plan.grid.generation_limit_mw > 0.5).all()
    assert not plan.fleet.p_mw.any()
    assert not plan.fleet.q_mvar.any()
    assert plan.fleet.visits == ((), ())


@pytest.mark.parametrize("cls", [Curtail, Reactive])
def test_energy_is_not_sold_either_where_power_is_scarce_and_dear(cls):
    exists = feeder(n_trucks=2)
    dark = random_day(
        exists, 1, load_mw=np.full((4, 2), 2.0), available_mw=np.zeros((4, 1)),
        price=np.full(4, 500.0),
    )  # fmt: skip
    assert started(Stationary, exists).decide(dark).fleet.p_mw.max() > 0.1
    assert not started(cls, exists).decide(dark).fleet.p_mw.any()


@pytest.mark.parametrize("make", [(Reactive, {}), (Curtail, {"reactive": True})])
def test_inverters_support_without_moving_energy_and_park_where_it_helps(make):
    cls, settings = make
    exists = feeder(trucks=[truck(0, 0)])
    plan = started(cls, exists, **settings).decide(sunny(exists))
    assert np.abs(plan.fleet.p_mw).max() == 0.0
    assert np.abs(plan.fleet.q_mvar).max() > 0.1
    (visits,) = plan.fleet.visits
    assert [visit.station for visit in visits] in ([1], [2])
    assert all(visit.depart_h == 0.0 for visit in visits)


@pytest.mark.parametrize("seed", range(4))
def test_what_can_do_more_plans_no_worse(seed):
    exists = feeder(n_trucks=2)
    seen = random_day(exists, seed, available_mw=np.full((4, 1), 5.0))
    planned = [
        started(cls, exists, margin=0.0).decide(seen).outcome.objective_usd
        for cls in (Curtail, Reactive, Stationary)
    ]
    # Each linearises the network where its own sketch leads.
    assert planned[1] <= planned[0] + 0.02 * abs(planned[0])
    assert planned[2] <= planned[1] + 0.02 * abs(planned[1])
    assert planned[2] < planned[0]


def test_the_bound_of_inverters_holds():
    exists = feeder(n_trucks=2)
    found = started(Reactive, exists).decide(sunny(exists)).outcome
    assert found.bound_usd <= found.objective_usd
