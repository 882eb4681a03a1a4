"""The two-stage controller: its cone model, its proofs, and what it never does."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import sim
from controllers.models.cone_plan import ConePlanner
from controllers.models.first_stage import FirstStage
from controllers.models.radial import radial
from controllers.two_stage import TwoStage
from sim.errors import InputError
from sim.system.grid import Grid, Transformers
from tests.controllers.build import radial_grid
from tests.controllers.cases import feeder, random_day


def with_transformer(grid: Grid) -> Grid:
    """Return the feeder behind a tapped transformer; its last line is a cable open at one end."""
    bus = np.array([grid.n_buses])
    lines = dataclasses.replace(grid.lines, c_nf=np.full(len(grid.lines.name), 300.0))
    transformer = Transformers(
        name=("station",), hv_bus=bus, lv_bus=np.array([0]), sn_mva=np.array([10.0]),
        vn_hv_kv=np.array([111.0]), vn_lv_kv=np.array([12.8]), vk_percent=np.array([8.0]),
        vkr_percent=np.array([0.5]), pfe_kw=np.array([12.0]), i0_percent=np.array([0.3]),
        hv_closed=np.array([True]), lv_closed=np.array([True]),
    )  # fmt: skip
    return dataclasses.replace(
        grid,
        bus_name=(*grid.bus_name, "upstream"),
        bus_vn_kv=np.append(grid.bus_vn_kv, 110.0),
        v_min_pu=np.append(grid.v_min_pu, 0.9),
        v_max_pu=np.append(grid.v_max_pu, 1.1),
        x=np.append(grid.x, -1.0),
        y=np.append(grid.y, 0.0),
        lines=lines,
        transformers=transformer,
        source_bus=bus,
    )


@pytest.mark.parametrize("transformer", [False, True])
def test_the_cone_model_is_ac_power_flow_where_its_cones_are_tight(transformer: bool) -> None:
    grid = radial_grid([0, 1, 2, 3], r_ohm=0.8, x_ohm=0.6)
    exists = feeder(grid=with_transformer(grid) if transformer else grid, n_periods=6)
    planner = ConePlanner(exists, FirstStage(gap=1e-5))
    found = planner.plan(random_day(exists, 3))
    assert found.figures["cone_above_pu"] <= 1e-5
    assert found.figures["cone_below_pu"] <= 1e-5
    # Currents of ratings and shunts aside, what the model costs is what AC power flow costs.
    assert found.figures["cone_model_usd"] == pytest.approx(found.usd, abs=0.05)
    assert found.bound_usd is not None
    assert found.bound_usd <= found.usd + 1e-6
    assert found.usd - found.bound_usd < 0.1


def test_a_grid_with_loops_is_refused_by_name() -> None:
    grid = radial_grid([0, 1, 2], r_ohm=0.5, x_ohm=0.5)
    meshed = dataclasses.replace(
        grid,
        lines=dataclasses.replace(
            grid.lines,
            **{
                name: np.append(getattr(grid.lines, name), getattr(grid.lines, name)[0])
                for name in ("r_ohm", "x_ohm", "c_nf", "max_i_ka", "from_closed", "to_closed")
            },
            name=(*grid.lines.name, "tie"),
            from_bus=np.append(grid.lines.from_bus, 0),
            to_bus=np.append(grid.lines.to_bus, 3),
        ),
    )
    assert radial(grid).n_branches == 3
    with pytest.raises(InputError, match="radial grid"):
        TwoStage().start(feeder(grid=meshed, station_buses=[0, 2]), np.random.default_rng(0))


def test_the_hand_computed_optimum_of_tiny_is_found_and_proven() -> None:
    episode = sim.run(sim.load_scenario("tiny"), "two_stage", verify="off")
    assert episode.metrics["trips"] == 1
    first = episode.decisions.iloc[0]
    assert first["objective_usd"] == pytest.approx(episode.metrics["objective_usd"], abs=1e-6)
    assert first["gap"] < 1e-5


def coarse(**overrides: object) -> sim.Scenario:
    """Return the three-bus day in periods of an hour."""
    return sim.load_scenario("three_bus", {"timing.period_min": 60, **overrides})


@pytest.mark.parametrize("meter", ["slack", "published"])
def test_the_plan_never_loses_to_the_best_parked_schedule(meter: str) -> None:
    scenario = coarse(**{"settlement.import_meter": meter})
    episode = sim.run(scenario, "two_stage", verify="off")
    first = episode.decisions.iloc[0]
    figures = json.loads(first["figures"])
    parked = [usd for name, usd in figures.items() if name.startswith("parked_usd")]
    assert len(parked) == 3
    assert first["objective_usd"] <= min(parked) < figures["idle_usd"]
    assert figures["gap_of_value"] < 0.01
    assert figures["cone_above_pu"] <= 1e-5
    assert episode.metrics["stored_change_mwh"] > -1e-6
    assert episode.metrics["cycles"] <= 1 + 1e-6
    assert episode.metrics["voltage_violation_steps"] == 0
    assert episode.metrics["loading_percent_max"] <= 100


@pytest.mark.slow
@pytest.mark.parametrize(("meter", "least_usd"), [("slack", 788.0), ("published", 795.0)])
def test_the_published_day_at_ten_minutes(meter: str, least_usd: float) -> None:
    scenario = sim.load_scenario("three_bus", {"settlement.import_meter": meter})
    episode = sim.run(scenario, "two_stage", verify="full")
    first = episode.decisions.iloc[0]
    figures = json.loads(first["figures"])
    parked = [usd for name, usd in figures.items() if name.startswith("parked_usd")]
    # Nothing is uncertain: the plan's objective is the ledger's.
    assert episode.metrics["cost_usd"] == pytest.approx(first["objective_usd"], abs=1e-3)
    assert episode.metrics["cost_usd"] <= min(parked) + 1e-6
    assert episode.metrics["profit_usd"] > least_usd
    assert figures["gap_of_value"] < 0.01
    assert figures["cone_above_pu"] <= 1e-5
    assert figures["cone_below_pu"] <= 1e-5
    assert episode.metrics["stored_change_mwh"] > -1e-6
    assert episode.metrics["cycles"] <= 1 + 1e-6
    assert episode.metrics["trips"] <= 3
    assert episode.metrics["clipped_mwh"] < 1e-3
    assert episode.metrics["voltage_violation_steps"] == 0
    assert episode.metrics["loading_percent_max"] <= 100
