"""Make ``simbench_2016.parquet`` from the installed simbench package.

Run ``python scenarios/profiles/make.py`` in an environment with the extra ``gridhaul[simbench]``.
The result is deterministic for one version of pyarrow.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

FILE = Path(__file__).with_name("simbench_2016.parquet")
START = datetime(2016, 1, 1)  # standard time without zone, see README
STEP = timedelta(minutes=15)
N_ROWS = 366 * 96

# Column in the extract -> column in simbench's file.
LOADS = {
    **{name: f"{name}_pload" for name in ("H0-A", "H0-B", "H0-C", "H0-G", "H0-L")},
    **{
        name: f"{name}_pload"
        for name in ("G0-A", "G1-A", "G1-B", "G2-A", "G3-A", "G4-A", "G5-A", "G6-A")
    },
    **{name: f"{name}_pload" for name in ("L0-A", "L1-A", "L2-A")},
    **{
        name: f"{name}_pload"
        for name in (
            "Air_Parallel_1",
            "Air_Semi-Parallel_2",
            "Soil_Alternative_1",
            "Soil_Alternative_2",
        )
    },
    **{
        name: f"{name}_pload"
        for name in ("HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0", "HLS_B_11.0")
    },
}
RENEWABLES = {
    **{f"PV{k}": f"PV{k}" for k in range(1, 9)},
    **{f"WP{k}": f"WP{k}" for k in (1, 4, 7, 12)},
}


def source_folder() -> Path:
    """Return the folder of the complete simbench data set in the installed package.

    Raises
    ------
    ModuleNotFoundError
        If simbench is not installed.
    """
    spec = importlib.util.find_spec("simbench")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("simbench is not installed: pip install 'gridhaul[simbench]'")
    return Path(spec.origin).parent / "networks" / "1-complete_data-mixed-all-1-sw"


def check_stamps(stamps: Sequence[str]) -> None:
    """Check that rows are 15 minutes apart in standard time although stamps jump twice.

    simbench stamps local clock time: at the end of March four stamps are left out, at the end of
    October four appear twice. Rows, read in order, are the evenly spaced year 2016.
    """
    if len(stamps) != N_ROWS:
        raise ValueError(f"expected {N_ROWS} rows, found {len(stamps)}")
    summer_time = (datetime(2016, 3, 27, 2), datetime(2016, 10, 30, 2))
    for row, stamp in enumerate(stamps):
        standard = START + row * STEP
        shift = timedelta(hours=1 if summer_time[0] <= standard < summer_time[1] else 0)
        if datetime.strptime(stamp, "%d.%m.%Y %H:%M") != standard + shift:
            raise ValueError(f"row {row}: unexpected stamp {stamp}")


def extract() -> dict[str, NDArray[np.float32]]:
    """Return the columns of the extract, ``(row,)`` each [pu]."""
    return _read("LoadProfile.csv", LOADS) | _read("RESProfile.csv", RENEWABLES)


def _read(file: str, columns: dict[str, str]) -> dict[str, NDArray[np.float32]]:
    with (source_folder() / file).open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, delimiter=";")
        header = next(reader)
        places = [header.index(name) for name in columns.values()]
        stamps: list[str] = []
        rows: list[list[float]] = []
        for cells in reader:
            stamps.append(cells[0])
            rows.append([float(cells[place]) for place in places])
    check_stamps(stamps)
    # Turbines and chargers at rest draw some 1e-5 pu; loads and generation are magnitudes here.
    values = np.maximum(np.array(rows), 0.0).astype(np.float32)
    return {name: values[:, k] for k, name in enumerate(columns)}


def main() -> None:
    """Write the Parquet file beside this script."""
    columns: dict[str, pa.Array] = {
        "time": pa.array([START + row * STEP for row in range(N_ROWS)], pa.timestamp("s"))
    }
    columns |= {name: pa.array(values) for name, values in extract().items()}
    pq.write_table(
        pa.table(columns).replace_schema_metadata(
            {"source": "SimBench, https://simbench.net", "license": "ODbL-1.0"}
        ),
        FILE,
        compression="zstd",
        compression_level=19,
        row_group_size=N_ROWS,
    )
    print(f"{FILE.name}: {len(columns) - 1} columns, {FILE.stat().st_size / 1e6:.2f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
