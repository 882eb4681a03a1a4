"""The two-stage controller: its cone model, its proofs, its swarm, and what it never does."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gridhaul as gh
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.time_space import AWAY
from controllers.two_stage.cone_plan import ConePlanner, FirstPlan
from controllers.two_stage.daily_fleet import fleet_of, stations_of
from controllers.two_stage.first_stage import FirstStage
from controllers.two_stage.particles import Particles
from controllers.two_stage.radial import radial
from controllers.two_stage.size import Size
from controllers.two_stage.swarm import Incumbent, SecondStage, improve
from controllers.two_stage.two_stage import TwoStage
from controllers.two_stage.valuation import Candidates
from sim.control.progress import Listener, Progress, listening
from sim.errors import InputError
from sim.report.terminal.progress import in_words
from sim.scenario import scenario_folder
from sim.system.grid import Grid, Transformers
from tests.controllers.scheduling.build import battery, radial_grid, truck
from tests.controllers.scheduling.cases import feeder, random_day


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
    episode = gh.run(gh.load_scenario("tiny"), "two_stage", verify="off")
    assert episode.metrics["trips"] == 1
    first = episode.decisions.iloc[0]
    assert first["objective_usd"] == pytest.approx(episode.metrics["objective_usd"], abs=1e-6)
    assert first["gap"] < 1e-5


@pytest.fixture(scope="module")
def first() -> FirstPlan:
    """Return the first stage's plan of a short day."""
    exists = feeder(n_periods=6)
    return ConePlanner(exists, FirstStage()).plan(random_day(exists, 3))


def as_schedule(plan: FirstPlan, share: float) -> Incumbent:
    """Return the plan with a share of its active and none of its reactive power."""
    p_mw, q_mvar = share * plan.p_mw, np.zeros_like(plan.q_mvar)
    single = Candidates.single(plan.fleet.space, plan.routes, p_mw, q_mvar)
    usd = float(plan.valuation.usd(single)[0])
    return Incumbent(routes=plan.routes, p_mw=p_mw, q_mvar=q_mvar, usd=usd)


def searched(plan: FirstPlan, start: Incumbent, seed: int, **effort: int) -> Incumbent:
    rng = np.random.default_rng(seed)
    return improve(start, plan.fleet, plan.valuation, 1.0, SecondStage(**effort), rng)


def test_the_swarm_finds_most_of_what_a_poor_schedule_lacks(first: FirstPlan) -> None:
    poor = as_schedule(first, 0.3)
    found = searched(first, poor, 0)
    assert poor.usd - first.usd > 1.0
    assert poor.usd - found.usd > 0.9 * (poor.usd - first.usd)
    again = Candidates.single(first.fleet.space, found.routes, found.p_mw, found.q_mvar)
    assert first.valuation.usd(again)[0] == pytest.approx(found.usd, abs=1e-9)


def test_the_swarm_brings_a_departure_forward_that_is_too_late() -> None:
    exists = feeder(n_periods=10)
    plan = ConePlanner(exists, FirstStage()).plan(random_day(exists, 1))
    ((departure, goal),) = plan.routes[0]
    late = (((departure + 2, goal),),)
    connected = stations_of(plan.fleet.space, late) != AWAY
    p_mw, q_mvar = np.where(connected, plan.p_mw, 0.0), np.where(connected, plan.q_mvar, 0.0)
    single = Candidates.single(plan.fleet.space, late, p_mw, q_mvar)
    usd = float(plan.valuation.usd(single)[0])
    assert usd > plan.usd + 10
    found = searched(plan, Incumbent(routes=late, p_mw=p_mw, q_mvar=q_mvar, usd=usd), 0)
    assert found.routes == plan.routes
    assert found.usd < plan.usd + 1


def test_the_swarm_depends_on_the_given_stream_alone(first: FirstPlan) -> None:
    poor, effort = as_schedule(first, 0.3), {"swarm_size": 6, "swarm_iterations": 5}
    one, same, other = (searched(first, poor, seed, **effort) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.p_mw, same.p_mw)
    assert one.usd == same.usd != other.usd


def test_without_iterations_there_is_no_second_stage(first: FirstPlan) -> None:
    poor = as_schedule(first, 0.3)
    assert searched(first, poor, 1, swarm_iterations=0) is poor


def test_every_particle_is_a_schedule_that_can_be_carried_out() -> None:
    trucks = [
        truck(k, k, trips_per_day=2, battery=battery(cycles_per_day=0.4, soc_terminal=0.5))
        for k in range(2)
    ]
    exists = feeder(trucks=trucks, n_periods=24)
    fleet = fleet_of(exists, random_day(exists, 5), station_distances_km(exists))
    routes = (((2, 2), (12, 0)), ((6, 0), (9, 1)))
    particles = Particles(fleet, routes, 1.0)
    rng = np.random.default_rng(7)
    points = rng.uniform(particles.lower, particles.upper, (200, len(particles.lower)))
    found = particles.schedules(points)

    away = found.station == AWAY
    assert not found.p_mw[away].any()
    assert not found.q_mvar[away].any()
    assert found.p_mw.any()
    spec = trucks[0].battery
    assert np.abs(found.p_mw).max() <= spec.p_charge_max_mw + 1e-12
    assert np.hypot(found.p_mw, found.q_mvar).max() <= spec.s_mva + 1e-9
    assert np.abs(found.p_mw).sum(axis=1).max() <= spec.throughput_per_day_mwh + 1e-9
    assert found.departures.sum(axis=1).max() == 2
    internal = np.where(
        found.p_mw > 0,
        found.p_mw / spec.efficiency_discharge,
        found.p_mw * spec.efficiency_charge,
    )
    energy_mwh = spec.energy_initial_mwh - np.cumsum(internal, axis=1)
    assert energy_mwh.min() >= spec.energy_min_mwh - 1e-9
    assert energy_mwh.max() <= spec.energy_max_mwh + 1e-9
    assert energy_mwh[:, -1].min() >= spec.energy_terminal_mwh - 1e-6
    moved = {particles.routes(point) for point in points}
    assert len(moved) > 20
    for one in moved:
        held = np.array([fleet.space.occupancy(k, route) for k, route in enumerate(one)])
        for station in range(3):
            assert (held == station).sum(axis=0).max() <= 1


def test_an_effort_that_makes_no_sense_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"swarm_size\(=1\) must lie between 2"):
        TwoStage.Parameters(swarm_size=1)
    with pytest.raises(ValueError, match=r"swarm_iterations\(=-1\) must lie between 0"):
        TwoStage.Parameters(swarm_iterations=-1)


def coarse(**overrides: object) -> gh.Scenario:
    """Return the three-bus day in periods of an hour."""
    return gh.load_scenario("three_bus", {"timing.period_min": 60, **overrides})


@pytest.mark.parametrize("meter", ["slack", "published"])
def test_the_plan_never_loses_to_the_best_parked_schedule(meter: str) -> None:
    scenario = coarse(**{"settlement.import_meter": meter})
    episode = gh.run(scenario, "two_stage", verify="off")
    first = episode.decisions.iloc[0]
    figures = json.loads(first["figures"])
    parked = [usd for name, usd in figures.items() if name.startswith("parked_usd")]
    assert len(parked) == 3
    assert first["objective_usd"] <= figures["first_stage_usd"] <= min(parked)
    assert min(parked) < figures["idle_usd"]
    gain_usd = figures["first_stage_usd"] - first["objective_usd"]
    assert figures["second_stage_gain_usd"] == gain_usd
    assert figures["gap_of_value"] < 0.01
    assert figures["cone_above_pu"] <= 1e-5
    assert episode.metrics["stored_change_mwh"] > -1e-6
    assert episode.metrics["cycles"] <= 1 + 1e-6
    assert episode.metrics["voltage_violation_steps"] == 0
    assert episode.metrics["loading_percent_max"] <= 100


@pytest.fixture(scope="module")
def windy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the three-bus day with all load at bus 2, and a wind at bus 3 that never calms.

    The line between takes half of it. At bus 3 storage charges what would be lost, and can give
    nothing back: the line is full already. At bus 2 energy is expensive.
    """
    folder = tmp_path_factory.mktemp("windy") / "windy"
    shutil.copytree(scenario_folder("three_bus"), folder)
    for name, old, new in (
        ("generators.csv", "wind,wind,3,1.5", "wind,wind,3,3.0"),
        ("loads.csv", "load 3,3,", "load 3,2,"),
        ("lines.csv", "0.3952847075210474", "0.054"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    table = pq.read_table(folder / "profiles.parquet")
    column = table.column_names.index("wind")
    steady = pa.array(np.ones(len(table)))
    pq.write_table(table.set_column(column, "wind", steady), folder / "profiles.parquet")
    return folder


def test_where_a_line_keeps_apart_what_is_cheap_and_dear_moving_beats_parking(windy: Path) -> None:
    scenario = gh.load_scenario(
        windy,
        {
            "timing.period_min": 60,
            "timing.hours": 15,
            "timing.horizon_h": 15,
            "tariff.feed_in_usd_per_mwh": 0.0,
            "tariff.curtailment_usd_per_mwh": 0.0,
            "penalties.loading_usd_per_percent_h": 50.0,
            # Half of what moving earns here is wind that is left in the battery at the end.
            "settlement.stored_energy": "change",
        },
    )
    episode = gh.run(scenario, "two_stage", verify="off")
    first = episode.decisions.iloc[0]
    figures = json.loads(first["figures"])
    parked_usd = min(usd for name, usd in figures.items() if name.startswith("parked_usd"))
    income_usd = episode.ledger.groupby("item")["usd"].sum()["retail"]
    assert episode.metrics["trips"] == 2
    # A fifth of its cost less than the best that stands still, whatever its limits cost it.
    assert episode.metrics["objective_usd"] < 0.85 * parked_usd
    assert episode.metrics["profit_usd"] > income_usd - parked_usd + 200
    assert episode.metrics["loading_percent_max"] < 100.1
    assert figures["second_stage_gain_usd"] > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("meter", "least_usd"), [("slack", 788.0), ("published", 795.0)])
def test_the_published_day_at_ten_minutes(meter: str, least_usd: float) -> None:
    scenario = gh.load_scenario("three_bus", {"settlement.import_meter": meter})
    episode = gh.run(scenario, "two_stage", verify="full")
    first = episode.decisions.iloc[0]
    figures = json.loads(first["figures"])
    parked = [usd for name, usd in figures.items() if name.startswith("parked_usd")]
    # Nothing is uncertain: the plan's objective is the ledger's.
    assert episode.metrics["cost_usd"] == pytest.approx(first["objective_usd"], abs=1e-3)
    assert first["objective_usd"] <= figures["first_stage_usd"] <= min(parked)
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


def told_while(
    plan: Callable[[], FirstPlan], stop_at: str = "never"
) -> tuple[FirstPlan, list[str]]:
    """Return a plan and what was told while it was made; planning is stopped at a stage."""
    heard: list[Progress] = []

    def hear(news: Progress) -> None:
        heard.append(news)
        listener.stop = listener.stop or news.stage.startswith(stop_at)

    listener = Listener(hear)
    with listening(listener):
        return plan(), [in_words(own) for own in heard]


def test_the_first_stage_tells_size_stages_and_gap_and_keeps_what_it_has_when_stopped() -> None:
    exists = feeder(n_periods=8)
    seen = random_day(exists, 3)
    planner = ConePlanner(exists, FirstStage())
    whole, told = told_while(lambda: planner.plan(seen))
    assert told[0].startswith("cone model of about ")
    assert any("first stage, search 1 of at most 3, best" in line for line in told)
    assert any("of them integer" in line and "gap" in line for line in told)
    assert planner.plan(seen).usd == whole.usd  # being heard changes nothing
    early, told = told_while(lambda: planner.plan(seen), stop_at="first stage, search 1")
    assert early.status == "deadline"
    assert whole.usd <= early.usd <= early.figures["parked_usd.start"]


def test_a_model_that_no_computer_solves_is_refused_before_it_is_built() -> None:
    system = gh.load_scenario("oberrhein").system
    assert Size.of(system).trips == 12 * 24 * 20 * 19
    far = dataclasses.replace(system, timing=dataclasses.replace(system.timing, horizon=1000))
    with pytest.raises(InputError, match=r"lower timing.horizon_h"):
        ConePlanner(far, FirstStage())
