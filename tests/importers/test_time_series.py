"""Records as meters write them: zones, clock changes, other steps, several years, gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.importers.profiles import write_profiles
from sim.importers.time_series import Clock

BERLIN = Clock(zone="Europe/Berlin")


def year(start: str = "2023-01-01", end: str = "2024-01-01", freq: str = "h") -> pd.DataFrame:
    """Return rows in standard time of Berlin whose value is their number."""
    time = pd.date_range(start, end, freq=freq, inclusive="left")
    return pd.DataFrame({"time": time, "town": np.arange(len(time), dtype=float)})


def local(table: pd.DataFrame) -> pd.Series:
    return table["time"].dt.tz_localize("Etc/GMT-1").dt.tz_convert("Europe/Berlin")


def written(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "profiles.parquet").to_pandas()


@pytest.mark.parametrize("how", ["local clock", "offsets", "UTC", "index", "parquet"])
def test_a_year_with_clock_changes_comes_back_in_standard_time(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every value at its hour of standard time, whatever the stamps looked like."""
    table = year()
    times = local(table)
    source: pd.DataFrame | Path = tmp_path / (
        "meters.parquet" if how == "parquet" else "meters.csv"
    )
    if how == "local clock":
        table.assign(time=times.dt.tz_localize(None)).to_csv(source, index=False)
    elif how == "offsets":
        table.assign(time=times).to_csv(source, index=False)
    elif how == "UTC":
        table.assign(time=times.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%MZ")).to_csv(
            source, index=False
        )
    elif how == "parquet":
        table.assign(time=times).to_parquet(source, index=False)
    else:
        source = table.assign(time=times).set_index("time")
    write_profiles(source, tmp_path, clock=BERLIN)
    pd.testing.assert_frame_equal(written(tmp_path), year(), check_dtype=False)
    assert "standard time all year, UTC+1" in caplog.text


def test_utc_stamps_from_midnight_are_cut_to_whole_days_of_the_zone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = year(end="2023-01-04")
    table["time"] = table["time"].dt.tz_localize("UTC")
    write_profiles(table, tmp_path, clock=BERLIN)
    found = written(tmp_path)
    assert (found["time"].iloc[0], found["town"].iloc[0]) == (pd.Timestamp("2023-01-02"), 23.0)
    assert len(found) == 48
    assert "24 rows of days that are not whole are cut" in caplog.text


def test_southern_clocks_are_brought_to_their_standard_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = year(end="2023-01-03")
    table["time"] = table["time"].dt.tz_localize("Etc/GMT-10")
    write_profiles(table, tmp_path, clock=Clock(zone="Australia/Sydney"))
    assert written(tmp_path)["time"].iloc[0] == pd.Timestamp("2023-01-01")
    assert "UTC+10" in caplog.text


def test_stamps_with_an_offset_need_a_zone(tmp_path: Path) -> None:
    table = year(end="2023-01-03")
    table["time"] = local(table)
    with pytest.raises(InputError, match=r"has a zone.*Say the zone"):
        write_profiles(table, tmp_path)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe/Berlin"])
def test_zones_that_do_not_fit_are_refused(tmp_path: Path, zone: str) -> None:
    """There is no 02:00 on 2023-03-26 in Berlin."""
    with pytest.raises(InputError, match="does not fit the stamps"):
        write_profiles(year("2023-03-25", "2023-03-28"), tmp_path, clock=Clock(zone=zone))


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("Zeit;Haus\n01.02.2023 00:00;1,5\n01.02.2023 12:00;2,5\n", Clock()),
        ("Datum\tHaus\n2023-02-01T00:00\t1.5\n2023-02-01T12:00\t2.5\n", Clock()),
        (
            "Haus,when\n1.5,02/01/2023 00h\n2.5,02/01/2023 12h\n",
            Clock(column="when", layout="%m/%d/%Y %Hh"),
        ),
    ],
)
def test_csv_files_have_many_separators_and_layouts(
    tmp_path: Path, text: str, clock: Clock
) -> None:
    (tmp_path / "meters.csv").write_text(text)
    write_profiles(tmp_path / "meters.csv", tmp_path, clock=clock)
    found = written(tmp_path)
    assert found["time"].tolist() == [
        pd.Timestamp("2023-02-01"), pd.Timestamp("2023-02-01 12:00"),
    ]  # fmt: skip
    assert found["Haus"].tolist() == [1.5, 2.5]


def test_longer_steps_are_means_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_profiles(year(end="2023-01-03", freq="15min"), tmp_path, step_min=60)
    found = written(tmp_path)
    assert found["town"].tolist() == [4 * k + 1.5 for k in range(48)]
    assert found["time"].iloc[1] == pd.Timestamp("2023-01-01 01:00")
    assert "rows of 60 minutes are means" in caplog.text


@pytest.mark.parametrize("step_min", [30, 90, 25 * 60])
def test_steps_that_are_no_multiple_are_refused(tmp_path: Path, step_min: int) -> None:
    with pytest.raises(InputError, match="the rows are 60 minutes apart"):
        write_profiles(year(end="2023-01-05"), tmp_path, step_min=step_min)


GAPS = [30, 31, 50]


@pytest.mark.parametrize(
    ("missing", "values"),
    [
        ("interpolate", [30, 31, 50]),
        ("hold", [29, 29, 49]),
        ("zero", [0, 0, 0]),
        ("day_before", [6, 7, 26]),
    ],
)
@pytest.mark.parametrize("rows", [True, False])
def test_missing_values_are_filled_as_said_and_counted(
    tmp_path: Path, missing: str, values: list[float], rows: bool, caplog: pytest.LogCaptureFixture
) -> None:
    table = year(end="2023-01-05")
    spoiled = (
        table.drop(index=GAPS)
        if rows
        else table.assign(town=table["town"].mask(table.index.isin(GAPS)))
    )
    write_profiles(spoiled, tmp_path, missing=missing)  # type: ignore[arg-type]
    found = written(tmp_path)["town"]
    assert found[GAPS].tolist() == values
    assert found.drop(GAPS).tolist() == table["town"].drop(GAPS).tolist()
    assert "town: 3 of 96 values were missing" in caplog.text


def test_missing_values_are_never_filled_silently(tmp_path: Path) -> None:
    table = year(end="2023-01-05")
    with pytest.raises(InputError, match="gap of 2 missing rows"):
        write_profiles(table.drop(index=[30, 31]), tmp_path)
    with pytest.raises(InputError, match="row 31, town"):
        write_profiles(table.assign(town=table["town"].mask(table.index == 30)), tmp_path)
    first = table.assign(town=table["town"].mask(table.index == 0))
    for missing in ("hold", "interpolate", "day_before"):
        with pytest.raises(InputError, match="nothing is there to fill it"):
            write_profiles(first, tmp_path, missing=missing)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no way to fill"):
        write_profiles(table, tmp_path, missing="guess")  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["refuse", "interpolate"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.loc[[*range(11), 10, *range(11, 96)]], "stands there twice"),
        (lambda t: t.loc[[*range(5), 6, 5, *range(7, 96)]], "comes before the row above"),
        (lambda t: t.assign(town=t["town"].astype(object).mask(t.index == 7, "?")), "row 8, town"),
        (lambda t: t.assign(time=t["time"].astype(str).mask(t.index == 7, "soon")), "row 8, time"),
        (lambda t: t.assign(town=-t["town"]), "is negative"),
        (lambda t: t.drop(columns="town"), "holds no stamps and values"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_row(
    tmp_path: Path, spoil: object, message: str, missing: str
) -> None:
    table = year(end="2023-01-05")
    with pytest.raises(InputError, match=message):
        write_profiles(spoil(table), tmp_path, missing=missing)  # type: ignore[operator, arg-type]


def test_several_years_with_a_leap_day_come_along(tmp_path: Path) -> None:
    """Three years with a leap year, from an hourly record, at hours of standard time."""
    table = year("2022-01-01", "2025-01-01")
    write_profiles(table.assign(time=local(table)), tmp_path, clock=BERLIN)
    found = written(tmp_path)
    assert len(found) == 24 * (3 * 365 + 1)
    assert (found["time"] == table["time"]).all()
