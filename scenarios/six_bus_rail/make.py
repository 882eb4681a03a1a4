"""Make the record of this folder from ``published.csv``.

Run ``python scenarios/six_bus_rail/make.py``. The first day is the published one. The others, for
``uncertainty = "on"``, are it with errors: the load is multiplied by ``1 + 0.10 d + 0.02 h`` with a
standard normal ``d`` for the day and ``h`` for each hour, cut at three deviations; the wind by
``exp(z - sigma^2 / 2)`` with a Gaussian ``z`` that forgets exponentially [assumed], and kept within
a rated power of 125 MW [assumed].
"""

from __future__ import annotations

import csv
import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.signal import lfilter

HERE = Path(__file__).parent
START = datetime(2019, 1, 1)  # the study names no day
BASE_MW = 100.0
DAYS, HOURS = 365, 24
SEED = 2020
LOAD_DAY_SIGMA, LOAD_HOUR_SIGMA, LOAD_CUT = 0.10, 0.02, 3.0
WIND_SIGMA, WIND_CORRELATION_H, WIND_RATED = 0.2, 6.0, 1.25


def make(folder: Path) -> None:
    """Write ``profiles.parquet`` into `folder`."""
    with (HERE / "published.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    load, wind = (
        np.array([float(row[name]) for row in rows]) / BASE_MW for name in ("load_mw", "wind_mw")
    )
    record = {
        "time": [START + timedelta(hours=k) for k in range(DAYS * HOURS)],
        "load": _with_first(
            load, np.tile(load, DAYS) * _load_factor(np.random.default_rng([SEED, 0]))
        ),
        "wind": _with_first(
            wind,
            np.minimum(
                np.tile(wind, DAYS) * _wind_factor(np.random.default_rng([SEED, 1])), WIND_RATED
            ),
        ),
    }
    pq.write_table(pa.table(record), folder / "profiles.parquet", compression="zstd")


def _load_factor(rng: np.random.Generator) -> NDArray[np.float64]:
    day = np.repeat(rng.standard_normal(DAYS), HOURS).clip(-LOAD_CUT, LOAD_CUT)
    hour = rng.standard_normal(DAYS * HOURS).clip(-LOAD_CUT, LOAD_CUT)
    return 1 + LOAD_DAY_SIGMA * day + LOAD_HOUR_SIGMA * hour


def _wind_factor(rng: np.random.Generator) -> NDArray[np.float64]:
    memory = math.exp(-1 / WIND_CORRELATION_H)
    noise = rng.standard_normal(DAYS * HOURS)
    noise[1:] *= math.sqrt(1 - memory**2)
    z: NDArray[np.float64] = WIND_SIGMA * lfilter([1.0], [1.0, -memory], noise)
    return np.exp(z - WIND_SIGMA**2 / 2)


def _with_first(published: NDArray[np.float64], varied: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rounded days, the first one as published [pu]."""
    days = varied.round(4)
    days[:HOURS] = published.round(8)
    return days


if __name__ == "__main__":
    make(HERE)
