"""The bundled record is the extract of simbench that it says it is."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import scenarios

FOLDER = Path(scenarios.__file__).parent / "profiles"
FILE = FOLDER / "simbench_2016.parquet"


@pytest.fixture(scope="module")
def table():
    return pq.ParquetFile(FILE).read()


def test_the_time_index_is_the_evenly_spaced_leap_year(table):
    stamps = np.array(table["time"].to_pylist(), dtype="datetime64[s]")
    assert len(stamps) == 366 * 96
    assert stamps[0] == np.datetime64("2016-01-01T00:00")
    assert (np.diff(stamps) == np.timedelta64(15, "m")).all()


def test_values_are_magnitudes_without_gaps(table):
    for name in table.column_names[1:]:
        values = np.from_dlpack(table[name].combine_chunks())
        assert np.isfinite(values).all(), name
        assert values.min() >= 0, name
        assert 0.5 < values.max() <= 1, name


def test_rows_are_standard_time_so_noon_stays_where_it_is(table):
    # Were the rows clock time, the sun would rise and culminate an hour later from April on.
    hours = np.arange(366 * 96) % 96 / 4
    days = np.arange(366 * 96) // 96
    sun = np.from_dlpack(table["PV4"].combine_chunks())
    noon = {}
    for name, first, last in (("before", 73, 86), ("after", 87, 100)):
        chosen = (days >= first) & (days < last)
        noon[name] = np.average(hours[chosen], weights=sun[chosen])
    assert abs(noon["before"] - noon["after"]) < 0.5


def test_it_is_small_and_carries_its_licence():
    assert FILE.stat().st_size < 2.5e6
    licence = (FOLDER / "LICENSE").read_text(encoding="utf-8")
    for words in ("SimBench", "https://simbench.net", "Open Database License", "extract"):
        assert words in licence
    assert pq.read_schema(FILE).metadata[b"license"] == b"ODbL-1.0"


@pytest.mark.skipif(
    importlib.util.find_spec("simbench") is None,
    reason="simbench is not installed: pip install 'gridhaul[simbench]'",
)
def test_it_equals_the_installed_simbench(table):
    extract = runpy.run_path(str(FOLDER / "make.py"))["extract"]()
    assert table.column_names == ["time", *extract]
    for name, values in extract.items():
        assert np.array_equal(np.from_dlpack(table[name].combine_chunks()), values), name
