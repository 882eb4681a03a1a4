"""Make the tables of this folder that follow from ``published.csv`` and ``distances.csv``.

Run ``python scenarios/three_bus/make.py``. The first day of the record is the published one. The
others, for ``uncertainty = "on"``, are it with errors [assumed]: load, sun and wind are multiplied
by ``exp(z)`` with a Gaussian ``z`` that forgets exponentially, and kept within the rated power.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.signal import lfilter

from sim.importers.distances import write_roads_from_distances

HERE = Path(__file__).parent
START = datetime(2017, 1, 1)  # the study names no day
STEP = timedelta(minutes=10)
SPEED_KMH = 40.0
EXPORT_SHARE = 0.5  # of the buying price
DAYS = 59  # January and February
SEED = 2017


class Profile(NamedTuple):
    """Where a profile comes from, and how days differ in it.

    Attributes
    ----------
    column, peak_mw
        Column of the published table, and the rated power it is divided by [MW].
    sigma, correlation_h
        Standard deviation of ``z`` [-], and the time in which its correlation falls to 1/e [h].
    """

    column: str
    peak_mw: float
    sigma: float
    correlation_h: float


PROFILES = {
    "load": Profile("load_bus2_mw", 2.0, 0.08, 12.0),
    "pv": Profile("pv_bus2_mw", 0.5, 0.3, 3.0),
    "wind": Profile("wind_bus3_mw", 1.5, 0.35, 6.0),
}


def make(folder: Path) -> None:
    """Write ``profiles.parquet``, ``tariff.csv``, ``delays.csv`` and the roads into `folder`."""
    with (HERE / "published.csv").open(encoding="utf-8", newline="") as stream:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(stream)]
    from_h = [sample / 6 for sample in range(len(rows))]
    record: dict[str, object] = {"time": [START + k * STEP for k in range(DAYS * len(rows))]}
    for key, (name, profile) in enumerate(PROFILES.items()):
        published = np.array([row[profile.column] for row in rows]) / profile.peak_mw
        record[name] = _days(published, profile, np.random.default_rng([SEED, key]))
    pq.write_table(pa.table(record), folder / "profiles.parquet", compression="zstd")
    _write(
        folder / "tariff.csv",
        ["from_h", "import_usd_per_mwh", "export_usd_per_mwh", "retail_usd_per_mwh"],
        (
            [
                start_h,
                row["buy_price_usd_per_mwh"],
                EXPORT_SHARE * row["buy_price_usd_per_mwh"],
                row["sell_price_usd_per_mwh"],
            ]
            for start_h, row in zip(from_h, rows, strict=True)
        ),
    )
    _write(
        folder / "delays.csv",
        ["from_h", "delay_min"],
        ([start_h, row["traffic_delay_min"]] for start_h, row in zip(from_h, rows, strict=True)),
    )
    write_roads_from_distances(HERE / "distances.csv", folder, speed_kmh=SPEED_KMH)


def _days(
    published: NDArray[np.float64], profile: Profile, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the published day and variations of it, ``(row,)`` [pu]."""
    memory = math.exp(-STEP / timedelta(hours=profile.correlation_h))
    noise = rng.standard_normal(DAYS * len(published))
    noise[1:] *= math.sqrt(1 - memory**2)
    z = profile.sigma * lfilter([1.0], [1.0, -memory], noise)
    varied = np.minimum(np.tile(published, DAYS) * np.exp(z), 1.0).round(4)
    varied[: len(published)] = published.round(8)
    return varied


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make(HERE)
