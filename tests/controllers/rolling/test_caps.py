"""Caps on renewable power above its forecast, and the slopes they rest on."""

import dataclasses

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.rolling.caps import caps_mw
from controllers.rolling.headroom import headroom
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.grid.linearise import linearise
from controllers.scheduling.grid.network import OperatingPoint
from sim.powerflow.pgm import PowerGridModelFlow
from tests.controllers.scheduling.build import radial_grid, truck
from tests.controllers.scheduling.cases import feeder, problem_of, random_day


def planned(sun_mw, std, station=0, **changes):
    exists = feeder(trucks=[truck(0, station)], **changes)
    seen = random_day(
        exists,
        9,
        available_mw=np.full((4, 1), sun_mw),
        profile_std=np.tile([0.0, std], (4, 1)),
    )
    problem = problem_of(exists, seen)
    found = dispatch(problem, ((),), WorkLimits())
    return problem, found


def caps_of(problem, found):
    room = headroom(problem, found).room_mw
    return caps_mw(problem.network, found.curtailed_mw, room)


def test_a_cap_leaves_the_room_that_the_limits_leave():
    problem, found = planned(1.5, 1.5)
    output = problem.network.available_mw - found.curtailed_mw
    limits = caps_of(problem, found)
    some = np.isfinite(limits)
    assert some.any()
    assert (limits >= output - 1e-9).all()
    assert (limits > output + 0.01)[some].any()
    # With all generators at their caps no limit is violated, and one is just reached.
    moved = dataclasses.replace(found, q_mvar=headroom(problem, found).q_mvar)
    network, point = problem.network, moved.operating_point(3)
    more = np.where(some, limits - output, 0.0)[network.row_period]
    rows = network.rows_at(point) - (network.row_c * more).sum(axis=1)
    capped = some.any(axis=1)[network.row_period]
    assert rows[capped].max() == pytest.approx(0.0, abs=1e-9)


def test_generators_at_their_caps_violate_no_limit_whichever_of_them_a_limit_feels():
    problem, found = planned(1.5, 1.5)
    network, n, rng = problem.network, 4, np.random.default_rng(0)
    found = dataclasses.replace(found, curtailed_mw=np.zeros((4, n)))
    no_currents = network.currents.where(np.empty(0, dtype=int))
    several = {
        "import_c": np.repeat(network.import_c, n, axis=1),
        "generator_area": np.repeat(network.generator_area, n),
        "available_mw": np.repeat(network.available_mw, n, axis=1),
        "available_std_mw": np.repeat(network.available_std_mw, n, axis=1),
        "currents": dataclasses.replace(no_currents, by_c=np.zeros((0, n))),
    }
    before = network.rows_at(found.operating_point(3))
    shape, some = (len(before), n), False
    for _ in range(50):
        felt = rng.uniform(0.0, 5.0, shape) * (rng.random(shape) < 0.4)
        # In some rows nothing is left: the plan violates them.
        kept = rng.random(shape[0]) < 0.9
        standing = np.where(kept, -rng.uniform(0.0, 5.0, shape[0]), 0.1)
        rows = {"row_c": -felt, "row_base": network.row_base + standing - before}
        random = dataclasses.replace(network, **several, **rows)
        room, q_mvar = headroom(dataclasses.replace(problem, network=random), found)
        some |= (room > 0).any()
        point = dataclasses.replace(found, q_mvar=q_mvar).operating_point(3)
        after = random.rows_at(point) + (felt * room[network.row_period]).sum(axis=1)
        assert (after <= np.maximum(standing, 0.0) + 1e-9).all()
    assert some


@pytest.mark.parametrize("seed", range(4))
def test_generators_at_their_caps_overload_no_line_whose_current_turns_little(seed):
    grid = radial_grid([0, 1, 1, 3], r_ohm=0.3, x_ohm=0.3, max_i_ka=0.1)
    exists = feeder(grid=grid, generator_buses=[2, 3, 4])
    sun = np.random.default_rng(seed).uniform(0.5, 2.0, (4, 3))
    std = np.tile([0.0, 1.0], (4, 1))
    problem = problem_of(exists, random_day(exists, seed, available_mw=sun, profile_std=std))
    found = dispatch(problem, ((),), WorkLimits())
    room, q_mvar = headroom(problem, found)
    currents, point = problem.network.currents, found.operating_point(3)
    moved = dataclasses.replace(found, q_mvar=q_mvar).operating_point(3)
    capped = np.where(room < 3.0 - 1e-9, room, 0.0)
    before = currents.at(point.p_mw, point.q_mvar, point.curtailed_mw)
    after = currents.at(moved.p_mw, moved.q_mvar, moved.curtailed_mw - capped)
    little = np.abs(np.angle(after * before.conj(), deg=True)) < 30.0
    most = np.maximum(currents.excess(before), 0.0) + 0.05
    assert (capped[1:] > 0).any()
    assert (currents.excess(after) <= most)[little].all()


def test_an_idle_inverter_makes_room_and_stays_in_its_circle():
    problem, found = planned(2.5, 0.5, station=2, grid=radial_grid([0, 1, 2, 3], r_ohm=3, x_ohm=3))
    network = problem.network
    nobody = np.zeros_like(network.live)
    held = dataclasses.replace(problem, network=dataclasses.replace(network, live=nobody))
    ours, theirs = headroom(problem, found), headroom(held, found)
    assert (theirs.q_mvar == found.q_mvar).all()
    assert ours.room_mw.sum() > theirs.room_mw.sum() + 0.1
    assert (np.hypot(found.p_mw, ours.q_mvar) <= problem.batteries.s_mva).all()


def test_a_certain_forecast_needs_no_caps():
    assert np.isinf(caps_of(*planned(1.5, 0.0))).all()


def test_room_goes_only_to_those_who_take_it_from_a_limit_and_most_to_those_who_take_least():
    problem, found = planned(1.5, 1.5)
    network = problem.network
    two = {
        "row_c": np.repeat(network.row_c, 3, axis=1) * [1.0, 0.5, 0.0],
        "import_c": np.repeat(network.import_c, 3, axis=1),
        "available_mw": np.repeat(network.available_mw, 3, axis=1),
        "available_std_mw": np.repeat(network.available_std_mw, 3, axis=1),
        "currents": dataclasses.replace(
            network.currents, by_c=np.repeat(network.currents.by_c, 3, axis=1) * [1.0, 0.5, 0.0]
        ),
    }
    three = dataclasses.replace(problem, network=dataclasses.replace(network, **two))
    room = headroom(three, dataclasses.replace(found, curtailed_mw=np.zeros((4, 3)))).room_mw
    tight = room[:, 0] < 4.4
    assert tight.any()
    assert (room[tight, 1] >= room[tight, 0]).all()
    assert (room[tight, 1] > room[tight, 0]).any()
    assert room[:, 2] == pytest.approx(4.5)


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
