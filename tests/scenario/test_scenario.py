"""Scenarios load fast, resolve to what their files say, and name everything that is wrong."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from sim.errors import InputError
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import load_scenario, scenario_folder


@pytest.fixture
def folder(tmp_path):
    """A copy of `tiny` to spoil."""
    copy = tmp_path / "mine"
    shutil.copytree(scenario_folder("tiny"), copy)
    return copy


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems_of(*args):
    with pytest.raises(InputError) as caught:
        load_scenario(*args)
    return caught.value.problems


# ---- what is loaded -----------------------------------------------------------------------------


def test_tiny_is_what_its_files_say():
    scenario = load_scenario("tiny")
    system = scenario.system
    assert (scenario.name, scenario.days, scenario.seed) == ("tiny", 1, 1)
    assert (system.timing.n_periods, system.timing.n_steps, system.timing.horizon) == (4, 16, 4)
    assert system.grid.bus_name == ("substation", "village")
    assert system.stations[1].set_up_h == 0.25
    assert system.roads.n_links == 2
    assert system.vehicles[0].battery.energy_mwh == 1.0
    assert system.profiles == ("village", "sun")
    prices = system.tariff.import_usd_per_mwh
    assert prices.shape == (96,)
    assert prices[[0, 3, 4, 8, 12, 95]].tolist() == [20, 20, 30, 100, 60, 60]
    assert scenario.uncertainty.record.kind == ("load", "pv")
    assert scenario.uncertainty.record.values.shape == (3 * 96, 2)


def test_trip_and_set_up_in_tiny_take_exactly_one_period():
    system = load_scenario("tiny").system
    drive_h = system.roads.length_km / system.roads.free_speed_kmh
    assert (drive_h + system.stations[0].set_up_h == system.timing.period_h).all()


def test_arrays_refuse_to_be_written():
    system = load_scenario("tiny").system
    for part in (system.loads.p_mw, system.grid.lines.r_ohm, system.tariff.import_usd_per_mwh):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1.0


def test_the_record_is_not_reachable_from_the_system():
    scenario = load_scenario("ieee33")
    seen: list[object] = []

    def walk(thing):
        seen.append(thing)
        if dataclasses.is_dataclass(thing):
            for field in dataclasses.fields(thing):
                walk(getattr(thing, field.name))
        elif isinstance(thing, tuple):
            for item in thing:
                walk(item)

    walk(scenario.system)
    arrays = [thing for thing in seen if isinstance(thing, np.ndarray)]
    assert len(arrays) > 20
    assert not any(np.shares_memory(a, scenario.uncertainty.record.values) for a in arrays)
    assert max(a.size for a in arrays) < 100 * 33


def test_scenarios_travel_to_worker_processes():
    scenario = load_scenario("tiny")
    assert pickle.loads(pickle.dumps(scenario)).digest == scenario.digest


def test_loading_imports_nothing_heavy():
    code = (
        "import sys; from sim.scenario import load_scenario; load_scenario('ieee33');"
        "print(*(m for m in ('pandas', 'pandapower', 'ortools', 'simbench') if m in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize("step_min", [5, 15, 30, 60])
def test_the_record_follows_the_step(step_min):
    fine = load_scenario("ieee33").uncertainty.record
    record = load_scenario("ieee33", {"timing.step_min": step_min}).uncertainty.record
    assert record.step_s == 60 * step_min
    assert len(record.values) == 366 * 24 * 60 // step_min
    assert record.values.mean(axis=0) == pytest.approx(fine.values.mean(axis=0))
    hour = slice(0, 60 // step_min)
    assert record.values[hour].mean(axis=0) == pytest.approx(fine.values[:4].mean(axis=0))


# ---- names, folders, digests --------------------------------------------------------------------


def test_a_decoy_folder_does_not_stand_in_for_a_registered_name(tmp_path, monkeypatch):
    shutil.copytree(scenario_folder("ieee33"), tmp_path / "tiny")
    (tmp_path / "scenarios").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_scenario("tiny").system.grid.n_buses == 2
    assert load_scenario("./tiny").system.grid.n_buses == 33


def test_an_unknown_scenario_proposes_a_name():
    (problem,) = problems_of("iee33")
    assert "Did you mean 'ieee33'?" in problem.remedy


def test_the_digest_depends_on_content_and_not_on_formatting(folder):
    first = load_scenario(folder).digest
    assert load_scenario(folder).digest == first
    with (folder / "scenario.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n# a comment\n[traffic]\nalpha = 0.15\n")
    replace(folder / "loads.csv", "1.0,0.0", "1.00, 0")
    assert load_scenario(folder).digest == first
    assert load_scenario(folder, {"tariff.stored_usd_per_mwh": 41}).digest != first
    replace(folder / "profiles.csv", "2016-01-02 00:00,0.9", "2016-01-02 00:00,0.8")
    assert load_scenario(folder).digest != first


# ---- overrides ----------------------------------------------------------------------------------


def test_overrides_reach_tables_lists_and_named_tables():
    scenario = load_scenario(
        "tiny",
        {
            "timing.days": "2",
            "traffic.intensity": "2",
            "tariff.block.0.import_usd_per_mwh": 25,
            "grid.source.0.vm_pu": "1.01",
            "battery.trailer.energy_mwh": "1.5",
            "profiles.months": "[1]",
            "title": "my own",
        },
    )
    assert (scenario.title, scenario.days) == ("my own", 2)
    assert scenario.system.timing.n_periods == 48
    assert scenario.uncertainty.traffic.intensity == 2
    assert scenario.system.tariff.import_usd_per_mwh[0] == 25
    assert scenario.system.grid.source_vm_pu.tolist() == [1.01]
    assert scenario.system.vehicles[0].battery.energy_mwh == 1.5


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("timing.dais", "2", "Did you mean 'days'?"),
        ("tarif.stored_usd_per_mwh", "2", "Did you mean 'tariff'?"),
        ("battery.trailer.energy", "2", "Did you mean 'energy_mwh'?"),
        ("tariff.block.9.from_h", "2", "entries of a list by number"),
        ("timing.step_min.hours", "2", "Name a key as in the file"),
        ("timing.days", "many", "Correct the value"),
        ("timing.days", "1\nseed = 7", "Correct the value"),
        ("traffic.sigma", "nan", "Correct the value"),
    ],
)
def test_overrides_that_lead_nowhere_are_named(key, value, message):
    problems = problems_of("tiny", {key: value})
    assert any(p.where == "--set" and message in p.remedy for p in problems)


# ---- bad input ----------------------------------------------------------------------------------


def test_all_problems_are_reported_at_once(folder):
    replace(folder / "scenario.toml", "step_min = 15", 'step_min = "often"')
    replace(folder / "scenario.toml", "[penalties]", "[penaltys]")
    replace(folder / "loads.csv", "village,village,1.0", "village,vilage,-1.0")
    replace(folder / "loads.csv", "q_mvar,profile", "q_mwar,profile")
    replace(folder / "stations.csv", "village,village,village,1,15", "village,village,town,0,15")
    replace(folder / "vehicles.csv", "trailer", "wagon")
    (folder / "road_nodes.csv").unlink()
    text = "\n".join(str(problem) for problem in problems_of(folder))
    for words in (
        "mine/scenario.toml: timing.step_min = 'often'",
        "penaltys = {'voltage_usd_per_pu_h'",
        "Did you mean 'penalties'?",
        "mine/loads.csv: header = 'q_mwar': is no known column. Did you mean 'q_mvar'?",
        "mine/loads.csv: header = 'q_mvar': the column is missing",
        "mine/stations.csv: line 3, plugs = '0'",
        "mine/road_nodes.csv: file = 'road_nodes.csv': is missing",
    ):
        assert words in text


SPOILED = {
    "unknown bus": ("loads.csv", ",village,1.0", ",vilage,1.0", "line 2, bus", "Did you mean"),
    "unknown node": ("stations.csv", "village,1,15", "town,1,15", "line 3, road_node", "town"),
    "unknown battery": ("vehicles.csv", "trailer", "wagon", "line 2, battery", "trailer"),
    "unknown station": ("vehicles.csv", ",substation", ",depot", "initial_station", "depot"),
    "unknown source": ("scenario.toml", '"substation"', '"hub"', "grid.source.0.bus", "hub"),
    "unknown profile": ("loads.csv", "0.0,village", "0.0,town", "profile", "'town'"),
    "negative power": ("loads.csv", "1.0,0.0", "-1.0,0.0", "line 2, p_mw", "greater than or"),
    "not a number": ("lines.csv", ",0.001,", ",nan,", "line 2, x_ohm_per_km", "finite"),
    "empty cell": ("lines.csv", ",0.001,", ",,", "line 2, x_ohm_per_km", "missing"),
    "too many cells": ("buses.csv", "village,10,30,0", "village,10,30,0,1", "line 3", "5 values"),
    "twice the name": ("buses.csv", "village,10", "substation,10", "line 3, name", "used twice"),
    "unknown kind": ("generators.csv", ",pv,", ",sun,", "line 2, kind", "'pv' or 'wind'"),
    "no road": ("road_links.csv", "\nsubstation,village,30,40,1000,true", "", "village", "no road"),
    "one way": ("road_links.csv", ",true", ",false", "village", "no road leads from here"),
    "lost cells": ("lines.csv", ",max_i_ka", ",max_i_ka,to_closed", "line 2", "7 values for 8"),
    "half a set": ("buses.csv", "x_km,y_km", "x_km,x_km", "header", "appears twice"),
    "battery range": ("scenario.toml", "_discharge = 0.9", "_discharge = 1.9", "battery", "(0, 1]"),
    "odd step": ("scenario.toml", "step_min = 15", "step_min = 25", "timing", "multiple of"),
    "unfit step": ("scenario.toml", "step_min = 15", "step_min = 7.5", "", ""),
    "odd horizon": ("scenario.toml", "horizon_h = 4", "horizon_h = 4.5", "horizon_h", "periods"),
    "late tariff": ("scenario.toml", "from_h = 0", "from_h = 0.5", "tariff.block", "whole day"),
    "tariff order": ("scenario.toml", "from_h = 2", "from_h = 1", "tariff.block", "in order"),
    "tariff in step": ("scenario.toml", "from_h = 2", "from_h = 2.1", "tariff.from_h", "inside"),
    "way out": ("scenario.toml", "profiles.csv", "../x.csv", "profiles.file", "leaves the"),
    "no such file": ("scenario.toml", "profiles.csv", "x.csv", "profiles.file", "no such file"),
    "no such record": ("scenario.toml", "profiles.csv", "simbench", "profiles.file", "Did you"),
    "no such month": (
        "scenario.toml",
        '"profiles.csv"',
        '"profiles.csv"\nmonths = [7]',
        "profiles.months",
        "no day",
    ),
    "unused series": (
        "scenario.toml",
        '"profiles.csv"',
        '"profiles.csv"\nseries.x.columns.sun = 1',
        "series.x",
        "used by no load",
    ),
    "broken toml": ("scenario.toml", "[grid]", "[grid", "file", "cannot be read"),
    "profile gap": ("profiles.csv", "01-01 05:00,0.9", "01-01 05:00,", "line 7, village", "read"),
    "profile sign": ("profiles.csv", "01-01 05:00,0.9", "01-01 05:00,-1", "village", "negative"),
    "profile stamp": ("profiles.csv", "01-01 05:00", "01-01 05:30", "time", "evenly spaced"),
    "profile end": ("profiles.csv", "2016-01-03 23:00,0.9,0\n", "", "time", "whole days"),
    "two kinds": ("loads.csv", "0.0,village", "0.0,sun", "profile", "elsewhere"),
}


@pytest.mark.parametrize("case", SPOILED.values(), ids=SPOILED)
def test_bad_input_is_named_with_file_key_and_remedy(folder, case):
    file, old, new, key, words = case
    replace(folder / file, old, new)
    if key == "":  # the step of 7.5 minutes divides everything: no problem at all
        assert load_scenario(folder).system.timing.step_s == 450
        return
    problems = problems_of(folder)
    assert any(key in p.key and words in str(p) for p in problems), [str(p) for p in problems]
    assert all(p.where and p.key and p.message and p.remedy for p in problems)


def test_an_open_line_leaves_the_bus_behind_it_without_source(folder):
    text = (folder / "lines.csv").read_text(encoding="utf-8").split("\n")
    (folder / "lines.csv").write_text(f"{text[0]},to_closed\n{text[1]},false\n", encoding="utf-8")
    problems = problems_of(folder)
    assert {p.where for p in problems} == {
        f"mine/{t}.csv" for t in ("loads", "generators", "stations")
    }
    assert all("not connected to a source" in p.message for p in problems)


def test_a_truck_needs_a_plug_to_start_at(folder):
    with (folder / "vehicles.csv").open("a", encoding="utf-8") as stream:
        stream.write("twin,trailer,substation,1,20\n")
    (problem,) = problems_of(folder)
    assert "fewer plugs" in problem.message


def test_the_tariff_may_be_a_table(folder):
    toml = (folder / "scenario.toml").read_text(encoding="utf-8")
    start, end = toml.index("block = ["), toml.index("[penalties]")
    (folder / "scenario.toml").write_text(
        toml[:start] + 'file = "tariff.csv"\n\n' + toml[end:], encoding="utf-8"
    )
    (folder / "tariff.csv").write_text(
        "from_h,import_usd_per_mwh,export_usd_per_mwh\n0,20,0\n1,30,0\n2,100,0\n3,60,0\n"
    )
    mine, tiny = load_scenario(folder).system.tariff, load_scenario("tiny").system.tariff
    assert np.array_equal(mine.import_usd_per_mwh, tiny.import_usd_per_mwh)


# ---- tiny: the optimum by hand ------------------------------------------------------------------

OPTIMUM_USD = 259.475
AWAY = -1


def cost_of_places(scenario, places):
    """Return the least objective when the truck spends each hour at the given station, or away.

    Written from the README's statement of the problem, not from any controller's model.
    """
    system, record = scenario.system, scenario.uncertainty.record.values
    truck, tariff = system.vehicles[0], system.tariff
    battery = truck.battery
    load, sun = record[:16].reshape(4, 4, 2).mean(axis=1).T
    net = load * system.loads.p_mw[0] - sun * system.generators.p_mw[0]
    price = tariff.import_usd_per_mwh[:16:4]
    limit_mva = math.sqrt(3) * system.grid.bus_vn_kv[0] * system.grid.lines.max_i_ka[0]
    per_mw = 100 / limit_mva * system.penalties.loading_usd_per_percent_h
    # Variables: charge, discharge and overload per hour [MW].
    wear = battery.wear_usd_per_mwh
    eta_c, eta_d = battery.efficiency_charge, battery.efficiency_discharge
    value = tariff.stored_usd_per_mwh
    cost = np.concatenate(
        [price + wear - value * eta_c, -price + wear + value / eta_d, np.full(4, per_mw)]
    )
    here = [0.5 if place != AWAY else 0.0 for place in places]
    rows, right = [], []
    for h, place in enumerate(places):
        stored = np.zeros(12)
        stored[: h + 1], stored[4 : 5 + h] = eta_c, -1 / eta_d
        rows += [stored, -stored]
        right += [battery.energy_max_mwh - 0.5, 0.5 - battery.energy_min_mwh]
        overload = np.zeros(12)
        overload[8 + h] = -1
        if place == 1:
            overload[h], overload[4 + h] = 1, -1
        rows.append(overload)
        right.append(limit_mva - net[h])
    bounds = [(0, p) for p in here * 2] + [(0, None)] * 4
    solution = linprog(cost, A_ub=np.array(rows), b_ub=right, bounds=bounds)
    trips = sum(places[h] == AWAY for h in range(4))
    trip_usd = truck.usd_per_km * 30 + truck.labour_usd_per_h * 0.75
    fixed = price @ net + tariff.feed_in_usd_per_mwh * sun.sum() * system.generators.p_mw[0]
    return solution.fun + fixed + trips * trip_usd, solution.x[:4] - solution.x[4:8]


def all_places():
    """Yield where the truck can be: an hour away lies between the two stations."""
    for places in itertools.product((0, 1, AWAY), repeat=4):
        at, possible = 0, True
        for place in places:
            if place == AWAY:
                at = 1 - at
            possible &= place in (AWAY, at)
        if possible:
            yield places


def test_the_optimum_of_tiny_is_the_one_derived_by_hand():
    scenario = load_scenario("tiny")
    outcomes = {places: cost_of_places(scenario, places) for places in all_places()}
    assert len(outcomes) == 16
    ranked = sorted(outcomes, key=lambda places: outcomes[places][0])
    best_usd, charge_mw = outcomes[ranked[0]]
    assert ranked[0] == (0, AWAY, 1, 1)
    assert best_usd == pytest.approx(OPTIMUM_USD, abs=1e-9)
    assert charge_mw == pytest.approx([0.5, 0.0, -0.5, -0.355])
    assert outcomes[ranked[1]][0] > best_usd + 5
    assert outcomes[(0, 0, 0, 0)][0] == pytest.approx(713.944, abs=1e-3)
    readme = (scenario_folder("tiny") / "README.md").read_text(encoding="utf-8")
    assert f"{OPTIMUM_USD} USD" in readme
    assert f"{outcomes[ranked[1]][0]:.3f} USD" in readme


def test_power_flow_in_tiny_equals_arithmetic():
    scenario = load_scenario("tiny")
    flow = PowerGridModelFlow(scenario.system.grid)
    p_mw = np.array([[-0.5, -0.9], [0.0, -0.8], [0.0, -1.3]])
    result = flow.solve(p_mw, np.zeros_like(p_mw))
    assert result.source_mw[:, 0] == pytest.approx([1.4, 0.8, 1.3], abs=1e-9)
    assert result.loading_percent[:, 0] == pytest.approx([90, 80, 130], abs=1e-6)
    assert result.vm_pu == pytest.approx(np.ones((3, 2)), abs=1e-6)


# ---- ieee33 -------------------------------------------------------------------------------------


def test_ieee33_is_case33bw():
    networks = pytest.importorskip("pandapower.networks")
    net = networks.case33bw()
    grid, loads = load_scenario("ieee33").system.grid, load_scenario("ieee33").system.loads
    assert grid.bus_name == tuple(str(bus) for bus in net.bus.index)
    assert (grid.bus_vn_kv == net.bus.vn_kv).all()
    for ours, theirs in (
        (grid.lines.from_bus, net.line.from_bus),
        (grid.lines.to_bus, net.line.to_bus),
        (grid.lines.r_ohm, net.line.r_ohm_per_km * net.line.length_km),
        (grid.lines.x_ohm, net.line.x_ohm_per_km * net.line.length_km),
        (grid.lines.c_nf, net.line.c_nf_per_km),
        (grid.lines.from_closed, net.line.in_service),
        (grid.lines.to_closed, net.line.in_service),
    ):
        assert ours == pytest.approx(theirs.to_numpy())
    p_mw, q_mvar = np.zeros(33), np.zeros(33)
    np.add.at(p_mw, loads.bus, loads.p_mw)
    np.add.at(q_mvar, loads.bus, loads.q_mvar)
    assert p_mw[net.load.bus] == pytest.approx(net.load.p_mw.to_numpy())
    assert q_mvar[net.load.bus] == pytest.approx(net.load.q_mvar.to_numpy())
    assert p_mw.sum() == pytest.approx(3.715)


def test_ieee33_has_the_losses_of_the_paper_at_nominal_load():
    system = load_scenario("ieee33", {"grid.source.0.vm_pu": 1.0}).system
    p_mw, q_mvar = np.zeros((1, 33)), np.zeros((1, 33))
    np.add.at(p_mw[0], system.loads.bus, -system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -system.loads.q_mvar)
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert 1000 * result.loss_mw[0] == pytest.approx(202.68, abs=0.01)
    assert result.vm_pu[0].min() == pytest.approx(0.9131, abs=1e-4)


def voltages_without_storage(months):
    scenario = load_scenario("ieee33", {"profiles.months": months})
    system, record = scenario.system, scenario.uncertainty.record
    stamps = record.start + np.arange(len(record.values)) * np.timedelta64(record.step_s, "s")
    chosen = np.isin(stamps.astype("datetime64[M]").astype(int) % 12 + 1, months)
    values = record.values[chosen]
    p_mw, q_mvar = np.zeros((2, len(values), 33))
    np.add.at(
        p_mw.T,
        system.generators.bus,
        (values[:, system.generators.profile] * system.generators.p_mw).T,
    )
    np.add.at(p_mw.T, system.loads.bus, -(values[:, system.loads.profile] * system.loads.p_mw).T)
    np.add.at(
        q_mvar.T, system.loads.bus, -(values[:, system.loads.profile] * system.loads.q_mvar).T
    )
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert result.converged.all()
    return result.vm_pu.reshape(-1, 96, 33)


def test_without_storage_summer_noons_are_too_high_and_winter_evenings_too_low():
    noon, evening = slice(40, 56), slice(68, 88)
    summer = voltages_without_storage([6, 7, 8])[:, noon].max(axis=(1, 2))
    winter = voltages_without_storage([12, 1, 2])[:, evening].min(axis=(1, 2))
    assert (summer > 1.05).mean() > 0.7
    assert (winter < 0.95).mean() > 0.9
    # Not hopeless either.
    assert np.median(summer) < 1.08
    assert np.median(winter) > 0.91


def test_trips_in_ieee33_take_minutes_not_hours():
    system = load_scenario("ieee33").system
    roads = system.roads
    hours = np.full((roads.n_nodes, roads.n_nodes), np.inf)
    np.fill_diagonal(hours, 0.0)
    hours[roads.from_node, roads.to_node] = roads.length_km / roads.free_speed_kmh
    for k in range(roads.n_nodes):
        hours = np.minimum(hours, hours[:, [k]] + hours[[k], :])
    nodes = [station.road_node for station in system.stations]
    minutes = 60 * hours[np.ix_(nodes, nodes)][~np.eye(len(nodes), dtype=bool)]
    assert minutes.min() > 5
    assert minutes.max() < 40
    straight = np.hypot(
        roads.x_km[roads.from_node] - roads.x_km[roads.to_node],
        roads.y_km[roads.from_node] - roads.y_km[roads.to_node],
    )
    assert (roads.length_km > straight).all()
