"""Records with time stamps: what is wrong is named by row, what is right arrives unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.importers.profiles import write_profiles

STEP = pd.Timedelta("30min")


def record(start: str = "2023-03-25", days: int = 3) -> pd.DataFrame:
    """Return days around the change of clocks in March 2023, in standard time."""
    time = pd.date_range(start, periods=48 * days, freq=STEP)
    return pd.DataFrame({"time": time, "town": 0.5 + time.hour / 48, "sun": time.hour / 24})


def problems(table: pd.DataFrame, folder: Path, suffix: str = ".csv", **how: object) -> str:
    file = folder / f"meters{suffix}"
    if suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, index=False)
    with pytest.raises(InputError) as caught:
        write_profiles(file, folder / "out", **how)  # type: ignore[arg-type]
    assert not (folder / "out").exists()
    assert all(problem.remedy for problem in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_right_arrives_unchanged_under_its_new_name(tmp_path: Path, suffix: str) -> None:
    table, file = record(), tmp_path / f"meters{suffix}"
    (table.to_csv if suffix == ".csv" else table.to_parquet)(file, index=False)
    piece = write_profiles(file, tmp_path, columns={"sun": "PV east"}, step_min=30)
    assert piece == {"profiles": {"file": "profiles.parquet"}}
    written = pq.read_table(tmp_path / "profiles.parquet").to_pandas()
    assert list(written.columns) == ["time", "PV east"]
    np.testing.assert_array_equal(written["PV east"], table["sun"])
    assert (written["time"] == table["time"]).all()


def test_all_columns_come_along_unless_some_are_chosen(tmp_path: Path) -> None:
    record().to_csv(tmp_path / "meters.csv", index=False)
    write_profiles(tmp_path / "meters.csv", tmp_path)
    assert pq.read_schema(tmp_path / "profiles.parquet").names == ["time", "town", "sun"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("spoil", "row", "message"),
    [
        (lambda t: t.drop(index=[10, 11]), "row 11", "gap of 2 missing rows"),
        (lambda t: t.loc[[*range(11), 10, *range(11, 144)]], "row 12", "stands there twice"),
        (lambda t: t.loc[[*range(5), 6, 5, *range(7, 144)]], "row 7", "comes before the row above"),
        (
            lambda t: t.assign(town=t["town"].mask(t.index == 20)),
            ", town",
            "cannot be read|not a number",
        ),
        (lambda t: t.assign(sun=t["sun"].mask(t.index == 20, -1.0)), "row 21, sun", "negative"),
        (lambda t: t.drop(index=[1]), "row 2", "gap of 1 missing rows"),
        (lambda t: t.iloc[1:], "row 1", "is not midnight"),
        (lambda t: t.iloc[:-1], "time", "not whole days"),
        (lambda t: t.iloc[:1], "time", "fewer than two rows"),
        (
            lambda t: t.assign(time=t["time"].mask(t.index == 7, t["time"] + STEP / 2)),
            "row 8",
            "comes 2700 s after the row above it",
        ),
    ],
)
def test_what_is_wrong_is_named_by_row(
    tmp_path: Path, suffix: str, spoil: object, row: str, message: str
) -> None:
    text = problems(spoil(record()), tmp_path, suffix)  # type: ignore[operator]
    assert row in text
    assert any(part in text for part in message.split("|"))


def test_every_break_is_named_and_not_only_the_first(tmp_path: Path) -> None:
    text = problems(record().drop(index=[10, 60]), tmp_path)
    assert "row 11" in text
    assert "row 60" in text


def test_a_file_of_nothing_but_breaks_is_not_listed_row_by_row(tmp_path: Path) -> None:
    table = record(days=30)
    text = problems(table.drop(index=range(5, len(table), 5)), tmp_path)
    assert len(text.splitlines()) == 11
    assert "breaks in the spacing in all" in text


@pytest.mark.parametrize(
    ("start", "message"),
    [("2023-03-25", "skips an hour: clocks were put forward"),
     ("2023-10-28", "repeats an hour: clocks were put back")],
)  # fmt: skip
def test_local_clock_time_is_recognised(tmp_path: Path, start: str, message: str) -> None:
    table = record(start)
    local = table["time"].dt.tz_localize("Etc/GMT-1").dt.tz_convert("Europe/Berlin")
    text = problems(table.assign(time=local.dt.tz_localize(None)), tmp_path)
    assert message in text
    assert "tz_localize" in text


def test_stamps_with_a_zone_are_refused(tmp_path: Path) -> None:
    table = record()
    assert "has a zone" in problems(
        table.assign(time=table["time"].dt.tz_localize("Etc/GMT-1")), tmp_path
    )


def test_rows_that_are_not_as_far_apart_as_said_are_refused(tmp_path: Path) -> None:
    assert "30 minutes apart" in problems(record(), tmp_path, step_min=15)


def test_a_column_that_is_not_there_is_met_with_the_nearest(tmp_path: Path) -> None:
    text = problems(record(), tmp_path, columns=["tow"])
    assert "Did you mean 'town'?" in text


def test_a_table_without_time_is_refused(tmp_path: Path) -> None:
    assert "the column is missing" in problems(record().drop(columns="time"), tmp_path)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        write_profiles(tmp_path / name, tmp_path)
