"""Bad input through the command line: exit code 2 and one message with file, key, value and remedy.

Each case spoils a copy of a bundled scenario, or is a wrong command line, and says which words the
message must hold.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sim.report.console
import sim.study.run  # noqa: F401 - imported now, so that no test pays for it
from sim.cli import main
from sim.scenario import scenario_folder

TOML = "scenario.toml"
Spoil = Callable[[Path], None]


class Case(NamedTuple):
    """How a folder is spoiled, and what the message must name."""

    spoil: Spoil
    file: str
    key: str
    value: str
    remedy: str
    scenario: str = "tiny"


class Line(NamedTuple):
    """A wrong command line, and what the message must name."""

    arguments: tuple[str, ...]
    file: str
    key: str
    value: str
    remedy: str


# ---- how folders are spoiled --------------------------------------------------------------------


def swap(file: str, old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} holds no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def add(file: str, text: str) -> Spoil:
    return lambda folder: write(file, (folder / file).read_text(encoding="utf-8") + text)(folder)


def write(file: str, content: str | bytes) -> Spoil:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / file).write_bytes(data)


def remove(file: str) -> Spoil:
    return lambda folder: (folder / file).unlink()


def linked(file: str, target: str) -> Spoil:
    def spoil(folder: Path) -> None:
        outside = folder.parent / target
        shutil.move(folder / file, outside)
        (folder / file).symlink_to(outside)

    return spoil


def circle(file: str) -> Spoil:
    return both(remove(file), lambda folder: (folder / file).symlink_to(file))


def pipe(file: str) -> Spoil:
    return both(remove(file), lambda folder: os.mkfifo(folder / file))


def directory(file: str) -> Spoil:
    return both(remove(file), lambda folder: (folder / file).mkdir())


def large(file: str, mib: int) -> Spoil:
    return lambda folder: os.truncate(folder / file, mib * 2**20)


def both(*spoils: Spoil) -> Spoil:
    def spoil(folder: Path) -> None:
        for one in spoils:
            one(folder)

    return spoil


def parquet(**columns: object) -> Spoil:
    def spoil(folder: Path) -> None:
        pq.write_table(pa.table(columns), folder / "profiles.parquet")
        swap(TOML, "profiles.csv", "profiles.parquet")(folder)

    return spoil


def record(edit: Callable[[list[str]], list[str]]) -> Spoil:
    """Edit the lines of the record, header first."""

    def spoil(folder: Path) -> None:
        path = folder / "profiles.csv"
        path.write_text("\n".join(edit(path.read_text().splitlines())) + "\n")

    return spoil


BUS = "buses.csv"
LINES = "lines.csv"
PROFILES = "profiles.csv"
FIX = "Correct the value"
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
    # Keys and types of scenario.toml.
    "unknown key": Case(
        swap(TOML, "step_min", "step_mins"), TOML, "timing.step_mins", "15", "mean 'step_min'"
    ),
    "unknown table": Case(add(TOML, "\n[grids]\n"), TOML, "grids", "{}", "mean 'grid'"),
    "missing table": Case(swap(TOML, "[tariff]", "[penalties.x]"), TOML, "tariff", "None", "Add"),
    "wrong type": Case(
        swap(TOML, "horizon_h = 4", 'horizon_h = "long"'), TOML, "timing.horizon_h", "'long'", FIX
    ),
    "list for a number": Case(swap(TOML, "seed = 1", "seed = [1]"), TOML, "seed", "[1]", FIX),
    "half a day": Case(swap(TOML, "hours = 4", "days = 1.5"), TOML, "timing.days", "1.5", FIX),
    "negative seed": Case(swap(TOML, "seed = 1", "seed = -1"), TOML, "seed", "-1", FIX),
    "nan": Case(
        swap(TOML, "energy_mwh = 1.0", "energy_mwh = nan"), TOML, "trailer.energy_mwh", "nan", FIX
    ),
    "infinity": Case(
        swap(TOML, "s_mva = 0.5", "s_mva = inf"), TOML, "battery.trailer.s_mva", "inf", FIX
    ),
    "no months": Case(
        swap(TOML, "[profiles]", "[profiles]\nmonths = []"), TOML, "profiles.months", "[]", FIX
    ),
    "month 13": Case(
        swap(TOML, "[profiles]", "[profiles]\nmonths = [13]"), TOML, "profiles.months", "13", FIX
    ),
    "months without record": Case(
        swap(TOML, "[profiles]", "[profiles]\nmonths = [7]"),
        *(TOML, "profiles.months", "[7]", "Choose other months"),
    ),
    # Values that would fill the memory.
    "a million digits": Case(
        swap(TOML, "seed = 1", f"seed = {'9' * 1_000_000}"), TOML, "file", TOML, "Mend the TOML"
    ),
    "a million hex digits": Case(
        swap(TOML, "seed = 1", f"seed = 0x{'f' * 1_000_000}"), TOML, "seed", "too large", FIX
    ),
    "a nest of brackets": Case(
        swap(TOML, "seed = 1", f"seed = {'[' * 100_000}"), TOML, "file", TOML, "Mend the TOML"
    ),
    "a long text": Case(
        swap(TOML, "seed = 1", f'seed = "{"x" * 900_000}"'), TOML, "seed", "characters)", FIX
    ),
    "a large TOML": Case(large(TOML, 1024), TOML, "file", TOML, "Shorten it"),
    "a billion days": Case(
        swap(TOML, "hours = 4", "days = 1_000_000_000"), TOML, "timing.days", "1000000000", FIX
    ),
    "a billion hours ahead": Case(
        swap(TOML, "horizon_h = 4", "horizon_h = 1e9"), TOML, "timing.horizon_h", "1000000000", FIX
    ),
    "too many steps": Case(
        both(
            swap(TOML, "hours = 4", "days = 3000"),
            swap(TOML, "step_min = 15", "step_min = 0.1"),
        ),
        *(TOML, "timing.days", "3000", "Shorten the episode"),
    ),
    "too many forecasts": Case(
        both(
            swap(TOML, "hours = 4", "days = 365"),
            swap(TOML, "horizon_h = 4", "horizon_h = 8760"),
        ),
        *(TOML, "timing.horizon_h", "8760", "Shorten the horizon"),
    ),
    "steps that blow up the record": Case(
        both(
            swap(TOML, "step_min = 15", "step_min = 0.0166666666666666667"),
            swap(TOML, "horizon_h = 24", "horizon_h = 1"),
        ),
        *(TOML, "timing.step_min", "0.016", "Choose a longer step"),
        scenario="ieee33",
    ),
    "a trillion cars": Case(
        add(TOML, CARS.replace("50", "1_000_000_000_000", 1)),
        *(TOML, "ev.0.count", "1000000000000", FIX),
    ),
    "many cars on many days": Case(
        both(add(TOML, CARS.replace("50", "900_000", 1)), swap(TOML, "hours = 4", "days = 30")),
        *(TOML, "ev.count", "900000", "Let one car with more power stand for several"),
    ),
    "a trillion plugs": Case(
        swap("stations.csv", ",1,15", ",1000000000000,15"),
        *("stations.csv", "line 2, plugs", "1000000000000", FIX),
    ),
    "a large table": Case(large(BUS, 17), BUS, "file", BUS, "Shorten it"),
    "a large record": Case(large(PROFILES, 65), PROFILES, "file", PROFILES, "Shorten it"),
    "a cell without end": Case(
        swap(BUS, "village,10", f"{'v' * 200_000},10"), BUS, "file", BUS, "Save it as UTF-8 CSV"
    ),
    "a long name": Case(swap(BUS, "village,10", f"{'v' * 300},10"), BUS, "name", "vvvv", FIX),
    "a name that rings": Case(swap(BUS, "village,10", "\x07vil,10"), BUS, "name", "\\x07vil", FIX),
    # Batteries, tariff, what goes wrong.
    "limits reversed": Case(
        swap(TOML, "soc_initial = 0.5", "soc_initial = 0.5\nsoc_min = 0.8\nsoc_max = 0.2"),
        *(TOML, "battery.trailer", "soc_min(=0.8)", FIX),
    ),
    "too full at the start": Case(
        swap(TOML, "soc_initial = 0.5", "soc_initial = 0.5\nsoc_max = 0.4"),
        *(TOML, "battery.trailer", "soc_initial(=0.5)", FIX),
    ),
    "negative capacity": Case(
        swap(TOML, "energy_mwh = 1.0", "energy_mwh = -1.0"),
        *(TOML, "battery.trailer", "energy_mwh(=-1.0)", FIX),
    ),
    "inverter too small": Case(
        swap(TOML, "s_mva = 0.5", "s_mva = 0.1"), TOML, "battery.trailer", "s_mva(=0.1)", FIX
    ),
    "unsorted tariff": Case(
        swap(TOML, "from_h = 3", "from_h = 1.5"),
        TOML,
        "tariff.block",
        "[0.0, 1.0, 2.0, 1.5]",
        "Sort",
    ),
    "tariff twice": Case(
        swap(TOML, "[tariff]", '[tariff]\nfile = "buses.csv"'),
        *(TOML, "tariff.file", "'buses.csv'", "Keep one of the two"),
    ),
    "all capacity lost": Case(
        add(TOML, "\n[incidents]\nper_day = 1\ncapacity_loss = 1\n"),
        *(TOML, "incidents", "capacity_loss(=1.0)", FIX),
    ),
    "forecast worse than none": Case(
        add(TOML, "\n[forecast.load]\nnear = 0.5\nfar = 0.1\n"),
        *(TOML, "forecast.load", "near(=0.5)", FIX),
    ),
    "half a day of traffic": Case(
        add(TOML, "\n[traffic]\ndemand = [0.5, 0.5]\n"), TOML, "traffic.demand", "[0.5, 0.5]", FIX
    ),
    "cars at no bus": Case(
        add(TOML, CARS.replace("village", "vilage")), TOML, "cars.bus", "'vilage'", "mean 'village'"
    ),
    # The grid.
    "no source": Case(
        swap(TOML, 'source = [{ bus = "substation", vm_pu = 1.0 }]', "source = []"),
        *(TOML, "grid.source", "[]", FIX),
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
    # Paths.
    "out of the folder": Case(
        swap(TOML, '"profiles.csv"', '"../x.csv"'),
        TOML,
        "profiles.file",
        "'../x.csv'",
        "Put the file",
    ),
    "absolute path": Case(
        swap(TOML, '"profiles.csv"', '"/etc/x.csv"'),
        *(TOML, "profiles.file", "'/etc/x.csv'", "Put the file"),
    ),
    "link out, record": Case(
        linked(PROFILES, "elsewhere.csv"), TOML, "profiles.file", "'profiles.csv'", "Put the file"
    ),
    "link out, table": Case(
        linked(BUS, "elsewhere.csv"), BUS, "file", "'buses.csv'", "Put the file"
    ),
    "link out, TOML": Case(
        linked(TOML, "elsewhere"), TOML, "file", "'scenario.toml'", "Put the file"
    ),
    "link in a circle": Case(circle(BUS), BUS, "file", "'buses.csv'", "Name a file"),
    "a pipe": Case(pipe(BUS), BUS, "file", "'buses.csv'", "Put a plain file"),
    "a pipe for a record": Case(
        pipe(PROFILES), TOML, "profiles.file", "'profiles.csv'", "Put a plain file"
    ),
    "a directory": Case(directory(LINES), LINES, "file", "'lines.csv'", "Put a plain file"),
    "a file that includes itself": Case(
        swap(TOML, '"profiles.csv"', '"scenario.toml"'),
        *(TOML, "profiles.file", "'scenario.toml'", "There is"),
    ),
    "a tariff that includes itself": Case(
        swap(TOML, "block = [", 'file = "scenario.toml"\nblocks = ['),
        *(TOML, "tariff.blocks", "from_h", "mean 'block'"),
    ),
    "a very long path": Case(
        swap(TOML, '"profiles.csv"', f'"{"x" * 5000}.csv"'),
        TOML,
        "profiles.file",
        "xxx",
        "Name a file",
    ),
}

CONTROLLERS = {
    "broken.py": "class Mine(:\n",
    "exits.py": "import sys\nsys.exit(0)\n",
    "lacking.py": "class Mine:\n    def start(self, system, rng): ...\n",
    "demanding.py": (
        "class Mine:\n"
        "    def __init__(self, must): ...\n"
        "    def start(self, system, rng): ...\n"
        "    def decide(self, observation): ...\n"
    ),
    "plain.py": (
        "class Mine:\n"
        "    class Parameters: ...\n"
        "    def start(self, system, rng): ...\n"
        "    def decide(self, observation): ...\n"
    ),
}


def run(*more: str, controller: str = "idle", scenario: str = "tiny") -> tuple[str, ...]:
    return ("run", scenario, "--controller", controller, *more)


def compare(*more: str) -> tuple[str, ...]:
    return ("compare", "tiny", "--controllers", "idle,greedy", *more)


# What the parser of the command line finds names the option, and the values it takes.
COMMAND_LINES = {
    "unknown command": Line(("runn", "tiny"), "command", "command", "runn", "gridhaul"),
    "unknown option": Line(run("--sede", "1"), "option", "--sede", "--sede", "--seed"),
    "unknown scenario": Line(
        run(scenario="tinny"), "scenario", "scenario", "'tinny'", "Did you mean 'tiny'?"
    ),
    "a scenario of many letters": Line(
        run(scenario="x" * 5000), "scenario", "scenario", "(5002 characters)", "There is: ieee33"
    ),
    "a file for a scenario": Line(
        run(scenario="/dev/null"), "scenario", "scenario", "'/dev/null'", "There is: ieee33"
    ),
    "unknown controller": Line(
        run(controller="idel"), "controllers", "controller", "'idel'", "Did you mean 'idle'?"
    ),
    "one of several unknown": Line(
        ("compare", "tiny", "--controllers", "idle,idel", "--replications", "2"),
        *("controllers", "controller", "'idel'", "Did you mean 'idle'?"),
    ),
    "a controller twice": Line(
        ("compare", "tiny", "--controllers", "idle,idle", "--replications", "2"),
        *("--controllers", "controllers", "'idle'", "Name every controller once"),
    ),
    "missing file": Line(
        run(controller="gone.py:Mine"), "gone.py", "controller", "'gone.py'", "Check the path"
    ),
    "a file with an error": Line(
        run(controller="broken.py:Mine"), "broken.py", "controller", "'broken.py'", "Run the file"
    ),
    "a file that exits": Line(
        run(controller="exits.py:Mine"), "exits.py", "controller", "'exits.py'", "Run the file"
    ),
    "no such class": Line(
        run(controller="lacking.py:Mien"), "lacking.py", "controller", "'Mien'", "mean 'Mine'?"
    ),
    "no class named": Line(
        run(controller="lacking.py"), "--controller", "controller", "'lacking.py'", "Write my_file"
    ),
    "a class without decide": Line(
        run(controller="lacking.py:Mine"),
        *("lacking.py:Mine", "controller", "'Mine'", "decide(observation)"),
    ),
    "a class that cannot be made": Line(
        run(controller="demanding.py:Mine"),
        *("demanding.py:Mine", "controller", "'Mine'", "Its constructor takes its Parameters"),
    ),
    "parameters that are no dataclass": Line(
        run(controller="plain.py:Mine"), "plain.py:Mine", "Parameters", "Parameters", "@dataclass"
    ),
    "no value": Line(run("--set", "seed"), "--set", "set", "'seed'", "Write for example"),
    "no key": Line(run("--set", "=3"), "--set", "set", "'=3'", "Write for example"),
    "set twice": Line(
        run("--set", "seed=1", "--set", "seed=2"), "--set", "set", "'seed=2'", "Write for example"
    ),
    "unknown setting": Line(
        run("--set", "timing.dais=2"), "--set", "timing.dais", "2", "Did you mean 'days'?"
    ),
    "setting of the wrong type": Line(
        run("--set", "timing.days=many"), "--set", "timing.days", "'many'", FIX
    ),
    "a setting of a million digits": Line(
        run("--set", f"seed={'9' * 100_000}"), "--set", "seed", "characters)", FIX
    ),
    "a setting of many brackets": Line(
        run("--set", f"seed={'[' * 50_000}"), "--set", "seed", "characters)", FIX
    ),
    "a setting of many dots": Line(
        run("--set", f"{'a.' * 30_000}b=1"), "--set", "a", "too large", "There is"
    ),
    "parameter of who has none": Line(
        run("--set", "controller.x=1"), "idle", "controller.x", "1", "takes no parameters"
    ),
    "unknown parameter": Line(
        run("--set", "controller.margn=1", controller="rolling"),
        *("rolling", "controller.margn", "1", "Did you mean 'margin'?"),
    ),
    "parameter of the wrong type": Line(
        run("--set", "controller.margin=wide", controller="rolling"),
        *("rolling", "controller.margin", "'wide'", "See the docstring"),
    ),
    "parameter out of range": Line(
        run("--set", "controller.margin=-1", controller="rolling"),
        *("rolling", "controller", "margin(=-1.0)", "See the docstring"),
    ),
    "no replications": Line(
        compare("--replications", "0"), "option", "'--replications'", "'0'", "whole number from 1"
    ),
    "a trillion replications": Line(
        compare("--replications", "1000000000000"),
        *("option", "'--replications'", "'1000000000000'", "from 1 to 1000000"),
    ),
    "no workers": Line(
        compare("--replications", "2", "--workers", "0"),
        "option",
        "'--workers'",
        "'0'",
        "from 1 to",
    ),
    "no days": Line(run("--days", "0"), "option", "'--days'", "'0'", "from 1 to"),
    "a billion days": Line(
        run("--days", "1000000000"), "option", "'--days'", "'1000000000'", "from 1 to"
    ),
    "negative seed": Line(run("--seed", "-1"), "option", "'--seed'", "'-1'", "from 0 to"),
    "a seed in words": Line(run("--seed", "one"), "option", "'--seed'", "'one'", "from 0 to"),
    "unknown verification": Line(
        run("--verify", "ful"), "--verify", "verify", "'ful'", "Did you mean 'full'?"
    ),
    "unknown verification of a study": Line(
        compare("--replications", "1", "--verify", "no"), "--verify", "verify", "'no'", "There is"
    ),
    "a file in the way": Line(
        run("--out", "broken.py"), "--out", "out", "'broken.py'", "Name a new or empty folder"
    ),
    "no study to report": Line(
        ("report", "nowhere"), "nowhere", "folder", "'nowhere'", "Name a folder that --out"
    ),
}


# ---- how they are tried -------------------------------------------------------------------------


def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run a command in this process: exit code, output, errors."""
    monkeypatch.setattr(sys, "argv", ["gridhaul", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    output, errors = capfd.readouterr()
    return int(caught.value.code or 0), output, errors


def spoiled(tmp_path: Path, case: Case) -> Path:
    folder = tmp_path / "mine"
    shutil.copytree(scenario_folder(case.scenario), folder)
    case.spoil(folder)
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_spoiled_folder_is_refused_with_file_key_value_and_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Case,
) -> None:
    folder = spoiled(tmp_path, case)
    began = time.process_time()
    code, output, errors = call(monkeypatch, capfd, *run(scenario=str(folder)))
    assert (code, output) == (2, "")
    assert "Traceback" not in errors
    assert time.process_time() - began < 2
    assert len(errors) < 20_000
    words = (f"mine/{case.file}", case.key, case.value, case.remedy)
    named = [line for line in errors.splitlines() if all(word in line for word in words)]
    assert named, errors


@pytest.mark.parametrize("case", COMMAND_LINES.values(), ids=COMMAND_LINES)
def test_a_wrong_command_line_is_refused_with_option_value_and_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Line,
) -> None:
    for name, text in CONTROLLERS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")  # no line breaks inside a message
    code, output, errors = call(monkeypatch, capfd, *case.arguments)
    assert (code, output) == (2, "")
    assert "Traceback" not in errors
    assert len(errors) < 20_000
    text = " ".join(errors.split())
    for word in (case.file, case.key, case.value, case.remedy):
        assert word.lower() in text.lower(), text


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (run(scenario="tinny"), "Did you mean 'tiny'?"),
        (run("--days", "0"), "--days"),
        (run(controller="exits.py:Mine"), "SystemExit"),
    ],
)
def test_the_process_ends_with_2_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "exits.py").write_text(CONTROLLERS["exits.py"])
    command = [sys.executable, "-c", "from sim.cli import main; main()", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
