"""Make the tables of this folder that follow from ``published.csv`` and ``distances.csv``.

Run ``python scenarios/three_bus/make.py``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sim.importers.distances import write_roads_from_distances

HERE = Path(__file__).parent
START = datetime(2017, 1, 1)  # the study names no day
STEP = timedelta(minutes=10)
SPEED_KMH = 40.0
EXPORT_SHARE = 0.5  # of the buying price
# Column of the published table and its peak, by profile.
PROFILES = {
    "load": ("load_bus2_mw", 2.0),
    "pv": ("pv_bus2_mw", 0.5),
    "wind": ("wind_bus3_mw", 1.5),
}


def make(folder: Path) -> None:
    """Write ``profiles.csv``, ``tariff.csv``, ``delays.csv`` and the roads into `folder`."""
    with (HERE / "published.csv").open(encoding="utf-8", newline="") as stream:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(stream)]
    from_h = [sample / 6 for sample in range(len(rows))]
    _write(
        folder / "profiles.csv",
        ["time", *PROFILES],
        (
            [
                f"{START + k * STEP:%Y-%m-%d %H:%M}",
                *(f"{row[column] / peak:.8g}" for column, peak in PROFILES.values()),
            ]
            for k, row in enumerate(rows)
        ),
    )
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


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make(HERE)
