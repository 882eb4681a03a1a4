"""Stress studies: what axes do, what is refused, and that they are studies like all others."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.errors import InputError
from sim.inspect.calibration import NO_EVS
from sim.scenario import Scenario, load_scenario
from sim.study.compare import compare
from sim.study.execution.runner import nature_of, run_episode
from sim.study.store.stored_study import read_study
from sim.study.stress.axes import AXES, GRID_OUTAGE, PACKS
from sim.study.stress.build import build_design, parse_axes
from sim.study.stress.curves import StressStudy
from sim.study.stress.design import Design
from sim.study.stress.run import stress
from sim.study.stress.summary import stress_summary
from sim.uncertainty.calibrated import CalibratedForecaster
from tests.study.folders import Listener, assert_each_episode_once, contents

OUTAGE = "line:3-2@18:00/2h"


@lru_cache
def ieee33() -> Scenario:
    return load_scenario("ieee33")


@lru_cache
def tiny() -> Scenario:
    return load_scenario("tiny")


def day(key: str, value: object, controller: str = "idle") -> Episode:
    """Return a day at one value of an axis."""
    _, (own,) = build_design(ieee33(), {key: [value]}, None)
    spec = ControllerSpec(name=controller)
    return run_episode(own, spec, seed=1, replication=0, verify=Verify.OFF)


# ---- axes act ----------------------------------------------------------------------------------


def test_without_sun_and_wind_there_is_nothing_to_generate() -> None:
    generators, record = ieee33().system.generators, ieee33().uncertainty.record
    all_, no_pv, no_wind = (
        day(*own).steps["available_mw"].to_numpy()
        for own in (("load.scale", 1), ("pv.scale", 0), ("wind.scale", 0))
    )
    assert generators.kind.count("wind") == record.kind.count("wind") == 1
    assert all_ == pytest.approx(no_pv + no_wind)
    assert no_pv.sum() > 0 < no_wind.sum()


def test_load_scales_but_electric_cars_do_not() -> None:
    once, twice = (day("load.scale", scale).steps for scale in (1, 2))
    assert (twice["load_mw"] - twice["ev_mw"]).to_numpy() == pytest.approx(
        2 * (once["load_mw"] - once["ev_mw"]).to_numpy()
    )
    assert (once["ev_mw"] == twice["ev_mw"]).all()


def test_an_outage_takes_its_line_out_for_its_time() -> None:
    steps = day(GRID_OUTAGE, OUTAGE).steps
    dark = steps["unserved_mw"] > 0
    assert dark.sum() == 8
    assert steps.loc[dark, "time_h"].min() == 18.0
    assert not (day(GRID_OUTAGE, "none").steps["unserved_mw"] > 0).any()


def test_without_forecast_error_forecasts_are_exact() -> None:
    _, (exact, worse) = build_design(ieee33(), {"forecast.error": [0, 3]}, None)
    error = []
    for scenario in (exact, worse):
        nature = nature_of(scenario)
        drawn = nature.draw(1, 0)
        forecast = CalibratedForecaster.build(nature, drawn).issue(0, 0.0, NO_EVS)
        error.append(np.abs(forecast.profile_mean - drawn.period_mean).max())
    assert error[0] == 0
    assert error[1] > 0.1


def test_breakdowns_and_incidents_come_as_often_as_asked() -> None:
    names = ("incidents.per_day", "breakdown.per_1000_km")
    for name in names:
        _, (none, some) = build_design(ieee33(), {name: [0, 50]}, None)
        rates = [
            (own.uncertainty.incidents.per_day, own.uncertainty.breakdowns.per_1000_km)
            for own in (none, some)
        ]
        place = names.index(name)
        assert [own[place] for own in rates] == [0, 50]
        assert rates[0][1 - place] == rates[1][1 - place]


def test_every_axis_takes_both_ends_of_its_range() -> None:
    axes = [axis for axis in AXES if axis.name != GRID_OUTAGE]
    for axis in axes:
        build_design(tiny(), {axis.name: [axis.low, axis.high]}, None)


def test_a_pack_has_the_scenario_as_it_is_and_what_it_promises() -> None:
    for pack in PACKS:
        design, scenarios = build_design(ieee33(), {}, pack.name)
        assert scenarios[0].digest == ieee33().digest
        assert len({own.digest for own in scenarios}) == len(pack.points)
        assert [own.label for own in design.points] == [own.name for own in pack.points]
    traffic, _ = build_design(ieee33(), {}, "traffic")
    on_axis = [traffic.axes[0].levels[i].label for i in traffic.axes[0].placed_levels]
    assert on_axis == ["free flow", "as given", "rush hour", "gridlock"]


def test_points_share_what_they_do_not_change() -> None:
    _, scenarios = build_design(ieee33(), {"traffic.intensity": [1, 2], "pv.scale": [1, 0]}, None)
    assert len({id(own.uncertainty.record) for own in scenarios}) == 1
    assert len({id(own.system.grid) for own in scenarios}) == 1


def test_all_combinations_are_run() -> None:
    design, scenarios = build_design(tiny(), {"pv.scale": [0, 1], "load.scale": [1, 2, 3]}, None)
    assert len(scenarios) == 6
    assert [own.label for own in design.points[:2]] == [
        "pv.scale=0, load.scale=1",
        "pv.scale=0, load.scale=2",
    ]
    assert sorted((own.axis.name, own.held, len(own.points)) for own in design.slices()) == [
        ("load.scale", "pv.scale=0", 3),
        ("load.scale", "pv.scale=1", 3),
        ("pv.scale", "load.scale=1", 2),
        ("pv.scale", "load.scale=2", 2),
        ("pv.scale", "load.scale=3", 2),
    ]


def test_any_number_of_the_scenario_is_an_axis() -> None:
    _, (_, costly) = build_design(tiny(), {"battery.trailer.wear_usd_per_mwh": [0, 50]}, None)
    assert costly.system.vehicles[0].battery.wear_usd_per_mwh == 50


def test_what_was_set_before_stays_set() -> None:
    given = load_scenario("tiny", {"load.scale": 2.0})
    _, (_, dark) = build_design(given, {"pv.scale": [1, 0]}, None)
    assert dark.system.loads.p_mw.tolist() == given.system.loads.p_mw.tolist()


# ---- what is refused ---------------------------------------------------------------------------


def test_all_that_is_wrong_is_said_at_once() -> None:
    axes = parse_axes(
        [
            "traffic.intensty=1,2", "pv.scale=-1,2,2", "load.scale=", "nonsense", "wind.scale=x",
            f"{GRID_OUTAGE}=line:2-99@18:00/2h,line:2-3@18h,line:2-3@30:00/2h,line:2-3@18:00/0h",
            "timing.days=1,2", "controller.horizon=3", "title=1", "incidents.capacity_loss=0.1,5",
        ]
    )  # fmt: skip
    with pytest.raises(InputError) as raised:
        build_design(ieee33(), axes, "trafic")
    text = str(raised.value)
    for part in (
        "pack = 'trafic': is no pack. Did you mean 'traffic'?",
        "traffic.intensty = '': is no axis. Did you mean 'traffic.intensity'?",
        "pv.scale = '-1': lies outside 0 to 100",
        "pv.scale = '2': is given twice",
        "load.scale = '': has no values",
        "nonsense = '': is no axis",
        "wind.scale = 'x': is no number",
        "there is no line '2-99'",
        "'line:2-3@18h': is no outage. Write line:FROM-TO@18:00/2h",
        "'line:2-3@30:00/2h': starts when the episode of 24 h is over",
        "'line:2-3@18:00/0h': takes no time",
        "timing.days = '': decides which days are lived",
        "controller.horizon = '': is a parameter of controllers",
        "title = '': is no axis",
        "incidents.capacity_loss = 5: incidents capacity_loss(=5.0) must be in [0, 1)",
    ):
        assert part in text, part
    assert len(raised.value.problems) == 15


def test_nothing_to_vary_too_much_and_the_same_twice_are_refused() -> None:
    with pytest.raises(InputError, match="nothing is varied"):
        build_design(tiny(), {}, None)
    nine = list(range(9))
    with pytest.raises(InputError, match="make 81 points; at most 64"):
        build_design(tiny(), {"pv.scale": nine, "load.scale": nine}, None)
    with pytest.raises(InputError, match=r"sets traffic\.intensity, and so does pack traffic"):
        build_design(tiny(), {"traffic.intensity": [1, 2]}, "traffic")
    with pytest.raises(InputError, match="is open anyway"):
        build_design(ieee33(), {GRID_OUTAGE: ["line:17-32@1:00/1h"]}, None)


def test_the_command_exits_with_2_on_bad_input_and_lists_what_there_is() -> None:
    runner = CliRunner()
    bad = ["stress", "tiny", "--controllers", "idle", "--replications", "1", "--axis", "pv.scal=1"]
    result = runner.invoke(app, bad)
    assert isinstance(result.exception, InputError)  # which `main` turns into exit code 2
    shown = runner.invoke(app, ["stress", "--help"]).output
    assert [own.name for own in AXES if own.name not in shown] == []
    assert [point.name for pack in PACKS for point in pack.points if point.name not in shown] == []


# ---- a study like all others -------------------------------------------------------------------

AXIS = {"pv.scale": [0, 1], "load.scale": [1, 1.5]}
CONTROLLERS = ["idle", "greedy"]


def study(out: Path, workers: int = 1) -> StressStudy:
    return stress(
        tiny(), CONTROLLERS, axes=AXIS, replications=3, verify="off", workers=workers, out=out
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StressStudy]:
    folder = tmp_path_factory.mktemp("stress") / "study"
    return folder, study(folder)


def labels(design: Design) -> list[str]:
    return [f"{name} @ {point.label}" for point in design.points for name in CONTROLLERS]


def test_a_stress_study_that_is_cut_short_ends_with_the_same_bytes_with_two_workers(
    tmp_path: Path, undisturbed: tuple[Path, StressStudy]
) -> None:
    class Killed(Exception):
        pass

    ended = []

    def kill(result: object) -> None:
        ended.append(result)
        if len(ended) == 5:
            raise Killed

    with pytest.raises(Killed):
        stress(
            tiny(), CONTROLLERS, axes=AXIS, replications=3, verify="off", out=tmp_path / "study",
            progress=Listener(kill),
        )  # fmt: skip
    assert 0 < len(read_study(tmp_path / "study").missing) < 24
    study(tmp_path / "study", workers=2)
    assert contents(tmp_path / "study") == contents(undisturbed[0])
    assert_each_episode_once(undisturbed[0], labels(undisturbed[1].design), 3)


def test_the_folder_says_where_every_cell_lies(undisturbed: tuple[Path, StressStudy]) -> None:
    stored = read_study(undisturbed[0])
    first = stored.manifest["controllers"][0]
    assert first["label"] == "idle @ pv.scale=0, load.scale=1"
    assert (first["controller"], first["pv.scale"], first["load.scale"]) == ("idle", 0.0, 1.0)
    with pytest.raises(InputError, match="holds another study"):
        stress(tiny(), CONTROLLERS, axes={"pv.scale": [0]}, replications=3, out=undisturbed[0])


def test_all_points_live_the_same_days_as_an_ordinary_comparison(
    undisturbed: tuple[Path, StressStudy],
) -> None:
    folder, found = undisturbed
    episodes = read_study(folder).table("episodes")
    assert (episodes.groupby("replication")["start"].nunique() == 1).all()
    as_given = compare(tiny(), CONTROLLERS, replications=3, verify="off")
    point = found.design.points[2]
    assert point.label == "pv.scale=1, load.scale=1"
    here = found.at(point).sort_index()
    assert here.equals(as_given.metrics.sort_index()[here.columns])
    assert found.metrics.index.names == ["point", "controller", "replication"]


def test_the_summary_has_every_point_and_is_json(undisturbed: tuple[Path, StressStudy]) -> None:
    folder, found = undisturbed
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == stress_summary(found)
    assert [own["label"] for own in summary["points"]] == [own.label for own in found.design.points]


def test_delays_rise_with_the_traffic() -> None:
    found = stress(
        ieee33(),
        ["greedy"],
        axes={"traffic.intensity": [0, 1, 2, 4]},
        replications=3,
        verify="off",
    )
    (rise,) = found.expected_rises
    assert rise.falls == ()
    assert rise.value[0] == pytest.approx(0.0, abs=1e-9)
    assert rise.value[-1] > 2 * rise.value[1] > 0


def test_the_command_prints_one_json_object_or_tables_with_findings() -> None:
    runner = CliRunner()
    asked = ["stress", "tiny", "--controllers", "idle,greedy", "--replications", "2"]
    more = ["--axis", "pv.scale=0,1", "--verify", "off"]
    result = runner.invoke(app, [*asked, *more, "--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert [own["label"] for own in found["points"]] == ["pv.scale=0", "pv.scale=1"]
    (pair,) = found["crossovers"]
    assert (pair["one"], pair["other"], pair["positions"]) == ("idle", "greedy", [0, 1])
    shown = runner.invoke(app, [*asked, *more]).stdout
    assert "No crossover of greedy and idle for pv.scale in [0, 1]" in shown


@pytest.mark.slow
def test_a_stress_study_that_is_killed_ends_with_the_same_bytes(
    tmp_path: Path, undisturbed: tuple[Path, StressStudy]
) -> None:
    command = [
        sys.executable, "-c", "from sim.cli import main; main()", "stress", "tiny", "--controllers",
        ",".join(CONTROLLERS), "--replications", "3", "--verify", "off", "--workers", "2",
        *(word for name, values in AXIS.items() for word in ("--axis", _text(name, values))),
        "--out", str(tmp_path / "study"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    parts = tmp_path / "study" / "parts"
    while process.poll() is None and not list(parts.glob("*.arrow")):
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    study(tmp_path / "study")
    assert contents(tmp_path / "study") == contents(undisturbed[0])


def _text(name: str, values: list[float]) -> str:
    return f"{name}={','.join(map(str, values))}"
