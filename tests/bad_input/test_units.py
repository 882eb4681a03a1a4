"""Bad data of thermal units and of grids that they balance: refused by name, with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.spoil import (
    FIX,
    LINES,
    TOML,
    Case,
    Spoil,
    assert_refused,
    both,
    spoiled,
    swap,
    write,
)

UNITS = "units.csv"
HEADER = "name,bus,p_min_mw,p_max_mw,ramp_mw_per_h,min_up_h,initially_on,initial_mw,vm_pu,slack"
NO_SOURCE = swap(TOML, 'source = [{ bus = "substation", vm_pu = 1.0 }]\n', "")


def units(*rows: str) -> Spoil:
    """Balance the grid by units instead of a source."""
    return both(NO_SOURCE, write(UNITS, "\n".join([HEADER, *rows, ""])))


CASES = {
    "least above largest output": Case(
        units("coal,substation,3,2,,,,,,true"),
        *(UNITS, "coal", "p_max_mw(=2.0) must be >= p_min_mw(=3.0)", FIX),
    ),
    "negative ramp": Case(
        units("coal,substation,0,2,-1,,,,,true"),
        *(UNITS, "coal", "ramp_mw_per_h(=-1.0) must be > 0", FIX),
    ),
    "negative minimum up time": Case(
        units("coal,substation,0,2,,-4,,,,true"),
        *(UNITS, "coal", "min_up_h(=-4.0) must be a finite number >= 0", FIX),
    ),
    "on with the output of a unit that is off": Case(
        units("coal,substation,1,2,,,true,0,,true"),
        *(UNITS, "coal", "must lie in [1.0, 2.0] for a unit that is on at the start", FIX),
    ),
    "off with an output": Case(
        units("coal,substation,1,2,,,,,,true", "gas,village,1,2,,,false,1,,"),
        *(UNITS, "gas", "must lie in [0.0, 0.0] for a unit that is off at the start", FIX),
    ),
    "a slack unit that is off": Case(
        units("coal,substation,1,2,,,false,,,true"),
        *(UNITS, "coal", "a slack unit must be on from the start", FIX),
    ),
    "two slack units": Case(
        units("coal,substation,0,2,,,,,,true", "gas,village,0,2,,,,,,true"),
        *(UNITS, "slack", "['coal', 'gas']", "Let one unit be the slack"),
    ),
    "a slack unit beside a source": Case(
        write(UNITS, f"{HEADER}\ncoal,village,0,2,,,,,,true\n"),
        *(TOML, "grid.source", "['substation']", "let no unit be the slack"),
    ),
    "units, and nobody who balances": Case(
        units("coal,substation,0,2,,,,,,"),
        *(TOML, "grid.source", "[]", "set slack for one row"),
    ),
    "two voltages at one bus": Case(
        units("coal,substation,0,2,,,,,1.02,true", "gas,substation,0,2,,,,,1.01,"),
        *(UNITS, "line 3, vm_pu", "1.01", "Give one voltage"),
    ),
    "unit at an unknown bus": Case(
        units("coal,substaton,0,2,,,,,,true"),
        *(UNITS, "line 2, bus", "'substaton'", "mean 'substation'"),
    ),
    "an islanded bus": Case(
        both(
            units("coal,substation,0,2,,,,,,true"),
            swap(LINES, "max_i_ka", "to_closed,max_i_ka"),
            swap(LINES, ",0.0577", ",false,0.0577"),
        ),
        *("loads.csv", "line 2, bus", "'village'", "Close a line that leads there"),
    ),
    "a negative reactance": Case(
        swap(LINES, ",0.001,", ",-0.001,"), LINES, "line 2, x_ohm_per_km", "-0.001", FIX
    ),
    "a line with two limits": Case(
        both(swap(LINES, "max_i_ka", "limit_mva,max_i_ka"), swap(LINES, ",0.0577", ",1,0.0577")),
        *(LINES, "line 2, feeder", "1.0)", "Give one of the two"),
    ),
    "a line without a limit": Case(
        both(swap(LINES, ",max_i_ka", ""), swap(LINES, ",0.05773502691896258", "")),
        *(LINES, "line 2, feeder", "(None, None)", "Give one of the two"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_units_are_refused_with_file_key_value_and_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Case,
) -> None:
    assert_refused(spoiled(tmp_path, case), case, monkeypatch, capfd)
