"""A railway that makes no sense is refused with file, key, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.episode.specification import ControllerSpec, build_for
from sim.errors import InputError
from sim.scenario import load_scenario
from tests.bad_input.spoil import (
    FIX,
    TOML,
    Case,
    add,
    assert_refused,
    both,
    call,
    remove,
    run,
    swap,
    write,
)
from tests.rail import write_railway

NODES, TRACKS, TRAINS, STATIONS = (
    f"{name}.csv" for name in ("rail_nodes", "rail_tracks", "trains", "stations")
)

CASES = {
    "negative running time": Case(
        swap(TRACKS, "west,halt,0.5", "west,halt,-0.5"), TRACKS, "line 2, running_h", "-0.5", FIX
    ),
    "no running time": Case(
        swap(TRACKS, "west,halt,0.5", "west,halt,0"), TRACKS, "line 2, running_h", "0", FIX
    ),
    "no track on a segment": Case(
        both(
            swap(TRACKS, "running_h\n", "running_h,tracks\n"),
            swap(TRACKS, "west,halt,0.5", "west,halt,0.5,0"),
            swap(TRACKS, "halt,east,0.75", "halt,east,0.75,1"),
            swap(TRACKS, "east,far,0.25", "east,far,0.25,1"),
            swap(TRACKS, "halt,mine,0.4", "halt,mine,0.4,1"),
        ),
        TRACKS,
        "line 2, tracks",
        "0",
        FIX,
    ),
    "unknown node of a track": Case(
        swap(TRACKS, "west,halt", "west,hald"),
        TRACKS,
        "line 2, to_node",
        "hald",
        "Did you mean 'halt'",
    ),
    "a circle": Case(
        swap(TRACKS, "west,halt", "halt,halt"), TRACKS, "line 2, to_node", "halt", "Correct one end"
    ),
    "a segment twice": Case(
        add(TRACKS, "halt,west,0.9\n"), TRACKS, "line 6", "['halt', 'west']", "Give that row tracks"
    ),
    "no track leads there": Case(
        swap(TRACKS, "halt,mine,0.4\n", ""),
        STATIONS,
        "west",
        "no track leads from here to mine",
        "Add tracks to rail_tracks.csv",
    ),
    "unknown node of a station": Case(
        swap(STATIONS, "far,far,far", "far,far,fat"),
        STATIONS,
        "line 4, rail_node",
        "fat",
        "Did you mean 'far'",
    ),
    "a station that nothing reaches": Case(
        swap(STATIONS, "far,far,far", "far,far,"), STATIONS, "line 4", "far", "Give a road_node"
    ),
    "a train where no rail leads": Case(
        both(
            swap(STATIONS, "rail_node,plugs,set_up_min", "rail_node,plugs,road_node"),
            swap(STATIONS, "west,west,west,2,0", "west,west,,2,village"),
            swap(STATIONS, "east,east,east,2,15", "east,east,east,2,"),
            swap(STATIONS, "far,far,far,1,0", "far,far,far,1,"),
            swap(STATIONS, "mine,mine,mine,2,0", "mine,mine,mine,2,"),
            lambda folder: (folder / "road_nodes.csv").write_text("name,x_km,y_km\nvillage,0,0\n"),
        ),
        TRAINS,
        "line 2, initial_station",
        "'west': is a station that no rail reaches",
        "Give it a rail_node, or start at one of those with one: east, far, mine",
    ),
    "unknown station of a train": Case(
        swap(TRAINS, ",west\n", ",vest\n"), TRAINS, "line 2, initial_station", "vest", "'west'"
    ),
    "unknown end of a train": Case(
        write(TRAINS, "name,battery,initial_station,terminal_station\nt,wagon,west,vest\n"),
        TRAINS,
        "line 2, terminal_station",
        "'vest': is no station",
        "'west'",
    ),
    "unknown battery of a train": Case(
        swap(TRAINS, "wagon,4", "waggon,4"), TRAINS, "line 2, battery", "waggon", "'wagon'"
    ),
    "no wagons": Case(swap(TRAINS, "wagon,4", "wagon,0"), TRAINS, "line 2, wagons", "0", FIX),
    "more trains than plugs": Case(
        both(
            swap(STATIONS, "west,west,west,2", "west,west,west,1"),
            swap(TRAINS, "wagon,2,east", "wagon,2,west"),
        ),
        TRAINS,
        "line 3, initial_station",
        "west",
        "Add plugs",
    ),
    "trains without nodes": Case(remove(NODES), NODES, "file", NODES, "Add the table"),
    "a slot of no length": Case(
        swap(TOML, "slot_h = 1", "slot_h = 0"), TOML, "rails.slot_h", "0", FIX
    ),
    "slots next to nothing": Case(
        swap(TOML, "slot_h = 1", "slot_h = 1e-308"), TOML, "rails.slot_h", "1e-308", FIX
    ),
    "slots beyond number": Case(
        both(swap(TOML, "slot_h = 1", "slot_h = 0.02"), swap(TOML, "hours = 12", "hours = 87600")),
        TOML,
        "rails.slot_h",
        "17,520,000 delays of trains",
        "Lengthen rails.slot_h",
    ),
    "a negative price": Case(
        swap(TOML, "usd_per_span = 200", "usd_per_span = -1"), TOML, "rails.usd_per_span", "-1", FIX
    ),
    "a delay more than certain": Case(
        swap(TOML, "probability = 0.5", "probability = 1.5"),
        TOML,
        "rails.delay",
        "probability(=1.5) must be in [0, 1]",
        FIX,
    ),
    "a key that does not exist": Case(
        swap(TOML, "slot_h = 1", "slots_h = 1"), TOML, "rails.slots_h", "1", "Did you mean 'slot_h'"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_railway_that_makes_no_sense_is_refused_by_file_key_and_value(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_railway(tmp_path / "mine")
    case.spoil(folder)
    assert_refused(folder, case, monkeypatch, capfd)


def test_a_controller_that_plans_for_roads_is_refused_on_rails_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = write_railway(tmp_path / "mine")
    arguments = run(controller="greedy", scenario=str(folder))
    code, output, errors = call(monkeypatch, capfd, *arguments)
    assert (code, output) == (2, "")
    assert "greedy: requires" in errors
    assert "needs roads, which mine does not have" in errors


def test_a_controller_that_plans_for_roads_is_refused_where_trains_move_too(tmp_path: Path) -> None:
    folder = write_railway(
        tmp_path / "mine",
        road_nodes="name,x_km,y_km\nfar,30,1\n",
        stations="name,bus,rail_node,road_node,plugs\nwest,west,west,,2\neast,east,east,,2\n"
        "far,far,far,far,2\n",
        vehicles="name,battery,initial_station\ntruck,wagon,far\n",
    )
    system = load_scenario(folder).system
    assert [vehicle.name for vehicle in system.vehicles] == ["truck", "east bound", "west bound"]
    assert system.features == {"roads", "rail"}
    with pytest.raises(InputError, match=r"greedy: .* cannot plan for rail, on which vehicles of"):
        build_for(system, ControllerSpec(name="greedy"))
    build_for(system, ControllerSpec(name="idle"))
