"""Tables and records that are wrong are refused, all problems at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.spoil import (
    BUS,
    FIX,
    LINES,
    PROFILES,
    TOML,
    Case,
    Spoil,
    add,
    assert_refused,
    both,
    call,
    linked,
    parquet,
    record,
    remove,
    run,
    spoiled,
    swap,
    write,
)

CARS = """
[[ev]]
name = "cars"
bus = "village"
count = 50
p_kw = 7
energy_kwh = 50
kwh_per_km = 0.2
"""

CASES = {
    # The grid.
    "no source": Case(
        swap(TOML, 'source = [{ bus = "substation", vm_pu = 1.0 }]', "source = []"),
        *(TOML, "grid.source", "[]", "set slack for one row of units.csv"),
    ),
    "source at no bus": Case(
        swap(TOML, '"substation", vm', '"hub", vm'), TOML, "grid.source.0.bus", "'hub'", "There is"
    ),
    "two sources at a bus": Case(
        swap(TOML, "vm_pu = 1.0 }", 'vm_pu = 1.0 }, { bus = "substation" }'),
        *(TOML, "grid.source.1.bus", "'substation'", "Keep one source a bus"),
    ),
    "nothing but sources": Case(
        swap(TOML, "vm_pu = 1.0 }", 'vm_pu = 1.0 }, { bus = "village" }'),
        *(TOML, "grid.source", "['substation', 'village']", "Add a bus"),
    ),
    "unknown bus": Case(
        swap("loads.csv", ",village,1.0", ",vilage,1.0"),
        *("loads.csv", "line 2, bus", "'vilage'", "mean 'village'"),
    ),
    "a bus twice": Case(
        add(BUS, "village,10,30,1\n"), BUS, "line 4, name", "'village'", "Give every row its own"
    ),
    "a line twice": Case(
        add(LINES, "feeder,substation,village,1,0,0.001,0.1\n"),
        *(LINES, "line 3, name", "'feeder'", "Give every row its own"),
    ),
    "a line between voltages": Case(
        swap(BUS, "village,10", "village,0.4"),
        *(LINES, "line 2, feeder", "(10.0, 0.4)", "Put a transformer between them"),
    ),
    "a line in a circle": Case(
        add(LINES, "ring,village,village,1,0,0.001,0.1\n"),
        *(LINES, "line 3, to_bus", "'village'", "Correct one end"),
    ),
    "an island": Case(
        both(
            add(BUS, "island,10,9,9\n"),
            add("loads.csv", "hut,island,1,0,village\n"),
        ),
        *("loads.csv", "line 3, bus", "'island'", "Close a line that leads there"),
    ),
    "cars on an island": Case(
        both(add(BUS, "island,10,9,9\n"), add(TOML, CARS.replace("village", "island"))),
        *(TOML, "ev.0.bus", "'island'", "Close a line that leads there"),
    ),
    "negative length": Case(
        swap(LINES, "village,1,", "village,-1,"), LINES, "line 2, length_km", "'-1'", FIX
    ),
    "voltage limits reversed": Case(
        swap(TOML, "v_min_pu = 0.95", "v_min_pu = 1.2"), BUS, "village", "(1.2, 1.05)", "limits"
    ),
    # Roads, stations, vehicles.
    "disconnected roads": Case(
        write("road_links.csv", "from_node,to_node,length_km,free_speed_kmh,capacity_veh_h\n"),
        *("stations.csv", "village", "'village'", "Add links to road_links.csv"),
    ),
    "zero speed": Case(
        swap("road_links.csv", ",40,", ",0,"),
        "road_links.csv",
        "line 2, free_speed_kmh",
        "'0'",
        FIX,
    ),
    "a road in a circle": Case(
        add("road_links.csv", "village,village,30,40,1000,true\n"),
        *("road_links.csv", "line 3, to_node", "'village'", "Correct one end"),
    ),
    "unknown station": Case(
        swap("vehicles.csv", ",substation", ",subtsation"),
        *("vehicles.csv", "line 2, initial_station", "'subtsation'", "mean 'substation'"),
    ),
    "unknown battery": Case(
        swap("vehicles.csv", "trailer", "wagon"),
        *("vehicles.csv", "line 2, battery", "'wagon'", "There is: trailer"),
    ),
    "more trucks than plugs": Case(
        add("vehicles.csv", "twin,trailer,substation,1,20\n"),
        *("vehicles.csv", "line 3, initial_station", "'substation'", "Add plugs"),
    ),
    # Tables.
    "missing column": Case(
        swap(LINES, "length_km", "length_m"), LINES, "header", "'length_km'", "Add the column"
    ),
    "extra column": Case(
        swap(LINES, "max_i_ka", "max_i_a"), LINES, "header", "'max_i_a'", "mean 'max_i_ka'"
    ),
    "empty table": Case(
        write("loads.csv", "name,bus,p_mw,q_mvar,profile\n"),
        "loads.csv",
        "rows",
        "0",
        "Add at least",
    ),
    "empty file": Case(write(BUS, ""), BUS, "file", BUS, "Add a header"),
    "missing file": Case(remove("stations.csv"), "stations.csv", "file", "stations.csv", "Add"),
    "semicolons": Case(
        write(BUS, "name;vn_kv\nsubstation;10\n"), BUS, "header", "'name;vn_kv'", "with commas"
    ),
    "tabs": Case(
        write(BUS, "name\tvn_kv\nsubstation\t10\n"), BUS, "header", "vn_kv", "with commas"
    ),
    "a quote left open": Case(add(BUS, '"far away,10,1,1\n'), BUS, "file", BUS, "Save it as UTF-8"),
    # Bytes.
    "binary TOML": Case(write(TOML, bytes(range(256))), TOML, "file", TOML, "Mend the TOML"),
    "TOML in UTF-16": Case(
        write(TOML, 'title = "x"'.encode("utf-16")), TOML, "file", TOML, "Mend the TOML"
    ),
    "no UTF-8": Case(write(BUS, b"name,vn_kv\nD\xfcne,10\n"), BUS, "file", BUS, "Save it as UTF-8"),
    "binary table": Case(write(BUS, bytes(range(256))), BUS, "file", BUS, "Save it as UTF-8"),
    "binary Parquet": Case(
        both(
            swap(TOML, "profiles.csv", "profiles.parquet"),
            write("profiles.parquet", bytes(range(256))),
        ),
        *("profiles.parquet", "file", "profiles.parquet", "Repair the file"),
    ),
    # The record.
    "unknown profile": Case(
        swap("loads.csv", "0.0,village", "0.0,vilage"),
        *(TOML, "profile", "'vilage'", "mean 'village'"),
    ),
    "the clock as a profile": Case(
        swap("loads.csv", "0.0,village", "0.0,time"), TOML, "profile", "'time'", "Name a column"
    ),
    "a gap": Case(
        record(lambda rows: rows[:9] + rows[11:]),
        *(PROFILES, "row 9, time", "2016-01-01T10:00", "Add them"),
    ),
    "a stamp twice": Case(
        record(lambda rows: rows[:9] + rows[8:]),
        *(PROFILES, "row 9, time", "2016-01-01T07:00", "Remove one of the two rows"),
    ),
    "rows out of order": Case(
        record(lambda rows: [*rows[:8], rows[9], rows[8], *rows[10:]]),
        *(PROFILES, "row 9, time", "2016-01-01T07:00", "Sort the rows"),
    ),
    "too short a record": Case(
        both(record(lambda rows: rows[:25]), swap(TOML, "hours = 4", "days = 2")),
        *(TOML, "profiles.months", "[1, 2", "shorter episode"),
    ),
    "half a day of record": Case(
        record(lambda rows: rows[:13]), PROFILES, "time", "12", "give whole days"
    ),
    "NaN in the record": Case(
        swap(PROFILES, "05:00,0.9", "05:00,nan"), PROFILES, "row 6, village", "nan", "magnitudes"
    ),
    "infinity in the record": Case(
        swap(PROFILES, "05:00,0.9", "05:00,inf"), PROFILES, "row 6, village", "inf", "magnitudes"
    ),
    "a comma for a point": Case(
        swap(PROFILES, "05:00,0.9", "05:00,0,9"), PROFILES, "line 7", "0,9", "points in numbers"
    ),
    "semicolons in the record": Case(
        record(lambda rows: [row.replace(",", ";") for row in rows]),
        *(PROFILES, "header", "'time;village;sun'", "with commas"),
    ),
    "a column twice": Case(
        swap(PROFILES, "village,sun", "village,village"), PROFILES, "header", "'village'", "Remove"
    ),
    "the year zero hundred": Case(
        record(lambda rows: [row.replace("2016", "0100") for row in rows]),
        *(PROFILES, "row 1, time", "0100-01-01", "Correct the year"),
    ),
    "a record with a zone": Case(
        swap(PROFILES, "05:00,", "05:00+01:00,"),
        PROFILES,
        "line 7, time",
        "+01:00",
        "standard time",
    ),
    "empty cells in Parquet": Case(
        parquet(time=[None, None], village=[1.0, None], sun=[0.0, 0.0]),
        *("profiles.parquet", "file", "profiles.parquet", "Repair the file"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_spoiled_folder_is_refused_with_file_key_value_and_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Case,
) -> None:
    assert_refused(spoiled(tmp_path, case), case, monkeypatch, capfd)


def test_all_problems_of_a_folder_are_reported_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    spoils = both(
        swap(TOML, "step_min = 15", "step_mins = 15"),
        swap(TOML, "vm_pu = 1.0 }", "vm_pu = nan }"),
        swap(LINES, "village,1,", "village,-1,"),
        swap("loads.csv", ",village,1.0", ",vilage,1.0"),
        swap("vehicles.csv", ",substation", ",depot"),
        remove("road_nodes.csv"),
    )
    folder = spoiled(tmp_path, Case(spoils, "", "", "", ""))
    code, _, errors = call(monkeypatch, capfd, *run(scenario=str(folder)))
    assert code == 2
    for words in (
        f"mine/{TOML}: timing.step_mins = 15",
        f"mine/{TOML}: grid.source.0.vm_pu = nan",
        "mine/lines.csv: line 2, length_km = '-1'",
        "mine/loads.csv: line 2, bus = 'vilage'",
        "mine/vehicles.csv: line 2, initial_station = 'depot'",
        "mine/road_nodes.csv: file = 'road_nodes.csv'",
    ):
        assert words in errors


def test_all_problems_of_a_record_are_reported_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = ("03:00,1.2", "05:00,0.9", "07:00,0.9", "09:00,0.9", "11:00,0.9")
    spoils = both(*(swap(PROFILES, f"01-01 {row}", f"01-01 {row[:6]}x") for row in rows))
    folder = spoiled(tmp_path, Case(spoils, "", "", "", ""))
    _, _, errors = call(monkeypatch, capfd, *run(scenario=str(folder)))
    assert errors.count(f"mine/{PROFILES}: line") == 5


def test_a_table_that_is_wrong_throughout_does_not_bury_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    many = "".join(f"bus {k},-10,0,0\n" for k in range(5000))
    spoils = both(add(BUS, many), swap("stations.csv", ",1,15", ",0,15"))
    folder = spoiled(tmp_path, Case(spoils, "", "", "", ""))
    _, _, errors = call(monkeypatch, capfd, *run(scenario=str(folder)))
    assert len(errors.splitlines()) < 60
    assert "mine/buses.csv: problems = 5000: are more than the 50 that are named" in errors
    assert "mine/stations.csv: line 2, plugs = '0'" in errors


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: [
            write(path.name, b"\xef\xbb\xbf" + path.read_bytes())(folder)
            for path in folder.glob("*.csv")
        ],
        lambda folder: [
            write(path.name, path.read_bytes().replace(b"\n", b"\r\n"))(folder)
            for path in [*folder.glob("*.csv"), folder / TOML]
        ],
        both(
            swap(LINES, "feeder,", "twin,substation,village,1,0,0,0.1\nfeeder,"),
            add(LINES, "triplet,village,substation,1,0,0,0.1\n"),
        ),
        linked(BUS, "mine/elsewhere.csv"),
    ],
    ids=["byte-order marks", "Windows", "lines without impedance side by side", "a link inside"],
)
def test_what_only_looks_odd_is_accepted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    spoil: Spoil,
) -> None:
    folder = spoiled(tmp_path, Case(spoil, "", "", "", ""))
    code, _, errors = call(monkeypatch, capfd, *run("--verify", "full", scenario=str(folder)))
    assert (code, errors) == (0, "")
