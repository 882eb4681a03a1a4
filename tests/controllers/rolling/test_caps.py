"""Caps on renewable power above its forecast, and the slopes they rest on."""

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.rolling.planner import Planned, generation_limit_mw
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.grid.linearise import linearise
from controllers.scheduling.grid.network import OperatingPoint
from sim.powerflow.pgm import PowerGridModelFlow
from tests.controllers.scheduling.cases import feeder, problem_of, random_day


def planned(sun_mw, std):
    exists = feeder()
    seen = random_day(
        exists,
        9,
        available_mw=np.full((4, 1), sun_mw),
        profile_std=np.tile([0.0, std], (4, 1)),
    )
    problem = problem_of(exists, seen)
    found = dispatch(problem, ((),), WorkLimits())
    return Planned(schedule=found, network=problem.network)


def test_a_cap_leaves_the_room_that_the_limits_leave():
    plan = planned(1.5, 1.5)
    output = plan.network.available_mw - plan.schedule.curtailed_mw
    limits = generation_limit_mw(plan)
    some = np.isfinite(limits)
    assert some.any()
    assert (limits >= output - 1e-9).all()
    assert (limits > output + 0.01)[some].any()
    # With all generators at their caps no limit is violated, and one is just reached.
    network, point = plan.network, plan.schedule.operating_point(3)
    more = np.where(some, limits - output, 0.0)[network.row_period]
    rows = network.rows_at(point) - (network.row_c * more).sum(axis=1)
    capped = some.any(axis=1)[network.row_period]
    assert rows[capped].max() == pytest.approx(0.0, abs=1e-9)


def test_a_certain_forecast_needs_no_caps():
    assert np.isinf(generation_limit_mw(planned(1.5, 0.0))).all()


def test_the_import_responds_as_the_power_flow_does():
    exists = feeder(n_trucks=2)
    seen = random_day(exists, 1)
    flow = PowerGridModelFlow(exists.grid)
    base = np.full((4, 3), 0.3)
    nothing = np.zeros((4, 1))

    def at(p_mw):
        return OperatingPoint(p_mw=p_mw, q_mvar=base, curtailed_mw=nothing)

    network = linearise(exists, flow, seen.forecast, at(base))
    for station in range(3):
        more = base.copy()
        more[:, station] += 0.01
        near = linearise(exists, flow, seen.forecast, at(more))
        true = near.import_at(at(more)) - network.import_at(at(base))
        modelled = network.import_at(at(more)) - network.import_at(at(base))
        assert modelled == pytest.approx(true, abs=2e-6)
