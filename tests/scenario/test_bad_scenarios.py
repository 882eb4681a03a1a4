"""Everything that is wrong with a scenario is named at once, with file, key and remedy."""

from __future__ import annotations

import numpy as np
import pytest

from sim.scenario import load_scenario
from tests.scenario.spoil import problems_of, replace


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
