"""The linear network of two areas against AC power flow, by two engines."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import gridhaul as gh
from controllers.idle import Idle
from controllers.scheduling.dispatch.losses import loss_axes
from controllers.scheduling.grid.linearise import injections, linearise
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import scheduling_problem
from sim.inspect.laws.witness import live
from sim.powerflow.import_meter import settled_import_mw
from sim.powerflow.pandapower import PandapowerFlow
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.tariff import ImportMeter
from tests.areas import write


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    return gh.load_scenario(write(tmp_path_factory.mktemp("areas") / "two", r_ohm=1.0))


@pytest.fixture(scope="module")
def seen(lossy):
    """The first observation of an episode."""
    return live(lossy, Idle()).diary.observations[0]


def points(system, n_periods):
    rng = np.random.default_rng(7)
    rest = OperatingPoint.at_rest(system, n_periods)
    p_mw, q_mvar = rng.uniform(-0.4, 0.4, (2, *rest.p_mw.shape))
    curtailed_mw = rng.uniform(0, 0.1, rest.curtailed_mw.shape)
    yield rest
    yield dataclasses.replace(rest, p_mw=p_mw, q_mvar=q_mvar, curtailed_mw=curtailed_mw)


@pytest.mark.parametrize("meter", list(ImportMeter))
@pytest.mark.parametrize("engine", [PowerGridModelFlow, PandapowerFlow])
def test_the_import_of_each_area_is_that_of_the_power_flow(lossy, seen, meter, engine):
    """Exact where it was linearised, and near it within the curvature of the losses."""
    tariff = dataclasses.replace(lossy.system.tariff, import_meter=meter)
    system = dataclasses.replace(lossy.system, tariff=tariff)
    flow, forecast = PowerGridModelFlow(system.grid), seen.forecast
    for at in points(system, forecast.n_periods):
        network = linearise(system, flow, forecast, at)
        result = engine(system.grid).solve(*injections(system, forecast, at))
        metered = settled_import_mw(system, result)
        assert network.import_at(at) == pytest.approx(metered, abs=1e-6)
        for station, other in ((0, 1), (1, 0)):
            p_mw = at.p_mw.copy()
            p_mw[:, station] += 0.2
            moved = dataclasses.replace(at, p_mw=p_mw)
            result = engine(system.grid).solve(*injections(system, forecast, moved))
            metered = settled_import_mw(system, result)
            assert network.import_at(moved) == pytest.approx(metered, abs=2e-3)
            before = network.import_at(at)[:, other]
            assert network.import_at(moved)[:, other] == pytest.approx(before, abs=1e-12)


def test_the_losses_of_one_area_are_no_business_of_the_other(lossy, seen):
    """Every axis of the losses lies in one area, and together they give the whole form."""
    system = lossy.system
    at = OperatingPoint.at_rest(system, seen.forecast.n_periods)
    network = linearise(system, PowerGridModelFlow(system.grid), seen.forecast, at)
    assert (network.loss[:, 0, 1] == 0).all()
    problem = scheduling_problem(system, seen, network, station_distances_km(system))
    money = dataclasses.replace(problem.money, export_usd_per_mwh=problem.money.import_usd_per_mwh)
    problem = dataclasses.replace(problem, money=money)
    axes = loss_axes(problem, np.ones(network.import_p.shape, dtype=bool))
    assert set(axes.area.tolist()) == {0, 1}
    elsewhere = axes.vector[np.arange(len(axes.area)), 1 - axes.area]
    assert (elsewhere == 0).all()
    whole = np.einsum("a,as,at->st", axes.value, axes.vector, axes.vector)
    assert whole == pytest.approx(network.loss.sum(axis=0), abs=1e-9)


@pytest.mark.parametrize("solver", ["columns", "milp"])
def test_the_planned_objective_is_the_realised_one(lossy, solver):
    """Losses, two tariffs and a trip between the areas; the bound is below both."""
    spec = gh.ControllerSpec(name="rolling", parameters=(("solver", solver),))
    episode = gh.run(lossy, spec, verify="off")
    first = episode.decisions.iloc[0]
    assert episode.metrics["trips"] == 1
    applied = sum(json.loads(figures)["applied_usd"] for figures in episode.decisions["figures"])
    assert episode.metrics["objective_usd"] == pytest.approx(applied, abs=0.02)
    assert first["bound_usd"] <= episode.metrics["objective_usd"] + 1e-3
