"""Areas, parties and owners in the scenario's files."""

from __future__ import annotations

import pytest

import gridhaul as gh
from sim.scenario.export import export_scenario
from tests.areas import write

SPOILED = {
    "an operator that is no party": (
        'operator = "north"', 'operator = "nroth"', "area.north.operator", "'north'",
    ),
    "an owner that is no party": (",0.5,haulier", ",0.5,hauler", "owner", "'haulier'"),
    "a source that does not exist": (
        'sources = ["north source"]', 'sources = ["north"]', "area.north.sources", "grid.source",
    ),
    "a source of two areas": (
        'sources = ["south source"]', 'sources = ["north source"]', "area.sources", "twice",
    ),
    "a source of no area": (
        'sources = ["south source"]', 'sources = ["north source"]', "grid.source", "feeds no area",
    ),
    "no source at all": ('sources = ["south source"]', "sources = []", "area.1.sources", "1 item"),
    "two areas of one name": ('name = "south"', 'name = "north"', "area.name", "twice"),
    "a bus that two areas feed": (
        "to the south,south source,south", "to the south,south source,north", "area.south",
        "is fed by north and by south",
    ),
    "a feeder without a source": (
        "to the south,south source,south,1,0.0,0.001,1\n", "", "bus", "not connected",
    ),
    "a party from outside": ('"haulier"]', '"haulier", "market"]', "parties", "outside"),
    "a party twice": ('"haulier"]', '"haulier", "north"]', "parties", "twice"),
    "prices that do not cover the day": (
        "from_h = 0, import_usd_per_mwh = 100.0", "from_h = 1, import_usd_per_mwh = 100.0",
        "tariff.block", "whole day",
    ),
    "a price of stored energy in one area": (
        "feed_in_usd_per_mwh = 7.0", "stored_usd_per_mwh = 7.0", "area.south.tariff", "all areas",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED.values(), ids=SPOILED)
def test_what_is_wrong_with_areas_is_named_with_key_and_remedy(tmp_path, case):
    old, new, key, words = case
    folder = write(tmp_path / "two", changes={old: new})
    with pytest.raises(gh.InputError) as caught:
        gh.load_scenario(folder)
    problems = caught.value.problems
    assert any(key in own.key and words in str(own) for own in problems), [*map(str, problems)]
    assert all(own.where and own.key and own.message and own.remedy for own in problems)


def test_all_problems_of_areas_are_told_at_once(tmp_path):
    changes = {'operator = "north"': 'operator = "a"', ",0.5,haulier": ",0.5,b"}
    changes |= {'sources = ["south source"]': 'sources = ["c"]'}
    with pytest.raises(gh.InputError) as caught:
        gh.load_scenario(write(tmp_path / "two", changes=changes))
    assert len(caught.value.problems) == 4  # the south source feeds no area any more


def test_an_area_without_a_tariff_has_that_of_the_scenario(tmp_path):
    system = gh.load_scenario(write(tmp_path / "two")).system
    north, south = system.areas
    assert north.tariff.import_usd_per_mwh[0] == system.tariff.import_usd_per_mwh[0] == 20.0
    assert south.tariff.import_usd_per_mwh[0] == 100.0
    assert [area.operator for area in system.areas] == ["north", "south"]
    assert system.bus_area.tolist() == [0, 1, 0, 1]
    assert system.station_area.tolist() == [0, 1]
    assert system.area("south") == 1


def test_areas_are_part_of_the_digest_and_are_exported(tmp_path):
    scenario = gh.load_scenario(write(tmp_path / "two"))
    dearer = write(tmp_path / "other", changes={"= 100.0": "= 101.0"})
    assert gh.load_scenario(dearer).digest != scenario.digest
    export_scenario(tmp_path / "two", tmp_path / "copy")
    assert gh.load_scenario(tmp_path / "copy").digest == scenario.digest
