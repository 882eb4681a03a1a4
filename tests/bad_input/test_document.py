"""A scenario.toml that is wrong is refused: keys, types, values, sizes, paths."""

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
    add,
    assert_refused,
    both,
    circle,
    directory,
    large,
    linked,
    pipe,
    spoiled,
    swap,
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


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_spoiled_folder_is_refused_with_file_key_value_and_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Case,
) -> None:
    assert_refused(spoiled(tmp_path, case), case, monkeypatch, capfd)
