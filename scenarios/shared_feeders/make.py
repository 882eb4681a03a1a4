"""Make the tables of this folder: three copies of the 33-bus feeder, and a record of their weather.

Run ``python scenarios/shared_feeders/make.py``. What is chosen by hand (``scenario.toml``,
``vehicles.csv``, ``stations.csv``, roads) is not touched.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandapower.networks import case33bw

HERE = Path(__file__).parent
FEEDERS = {"A": 0.12, "B": 0.12, "C": 0.55}  # share of the nominal load of case33bw
EAST_KM = {"A": 0.0, "B": 24.0, "C": 12.0}
HEAD_KA = {"A": 0.03, "B": 0.03, "C": 0.2}  # of the first line; 0.03 kA carry 0.66 MVA
OTHER_KA = 0.4
PLANTS = (("north wind", "wind", "A5", 1.75, "night wind"), ("south sun", "pv", "B5", 1.6, "sun"))
PROFILE = {"A": "homes", "B": "homes", "C": "town"}

FIRST, DAYS = "2016-05-01", 120
SEED = 14
HOURS = np.arange(24)


def make(folder: Path) -> None:
    """Write grid and record into `folder`."""
    net = case33bw()
    buses, lines, loads = [], [], []
    for name, share in FEEDERS.items():
        buses += [
            (f"{name}{bus}", 12.66, round(EAST_KM[name] + 0.3 * (bus % 18), 1), bus // 18)
            for bus in range(33)
        ]
        for k, line in enumerate(net.line[net.line.in_service].itertuples()):
            ends = f"{name}{line.from_bus}", f"{name}{line.to_bus}"
            limit_ka = HEAD_KA[name] if k == 0 else OTHER_KA
            ohm = (round(line.length_km * x, 4) for x in (line.r_ohm_per_km, line.x_ohm_per_km))
            lines.append((f"{ends[0]}-{ends[1]}", *ends, 1.0, *ohm, limit_ka))
        for load in net.load.itertuples():
            power = (round(share * x, 5) for x in (load.p_mw, load.q_mvar))
            loads.append((f"load {name}{load.bus}", f"{name}{load.bus}", *power, PROFILE[name]))
    columns = [
        "name",
        "from_bus",
        "to_bus",
        "length_km",
        "r_ohm_per_km",
        "x_ohm_per_km",
        "max_i_ka",
    ]
    _write(folder / "buses.csv", ["name", "vn_kv", "x_km", "y_km"], buses)
    _write(folder / "lines.csv", columns, lines)
    _write(folder / "loads.csv", ["name", "bus", "p_mw", "q_mvar", "profile"], loads)
    _write(folder / "generators.csv", ["name", "kind", "bus", "p_mw", "profile"], PLANTS)
    record().to_csv(folder / "profiles.csv", index=False)


def record() -> pd.DataFrame:
    """Return hourly values of a summer, the shape of a day times weather that goes on for hours."""
    rng = np.random.default_rng(SEED)
    wind = np.interp(HOURS, [0, 1, 2, 4, 5, 7, 20, 23], [45, 50, 95, 95, 80, 30, 15, 40]) / 100
    sun = np.interp(HOURS, [0, 8.5, 11, 14, 17, 23], [0, 0, 0.95, 0.95, 0, 0])
    homes = np.interp(HOURS, [0, 5, 8, 16, 19, 23], [0.6, 0.6, 0.8, 0.75, 1.0, 0.7])
    town = np.interp(HOURS, [0, 5, 7, 9, 11, 16, 18, 20, 23], [5, 5, 9, 9, 6, 6, 10, 10, 6]) / 10
    time = pd.date_range(FIRST, periods=24 * DAYS, freq="h")
    table = {
        "time": time.strftime("%Y-%m-%d %H:%M"),
        "night wind": np.clip(np.tile(wind, DAYS) * (1 + _weather(rng, 0.18)), 0.0, 1.0),
        "sun": np.clip(np.tile(sun, DAYS) * (1 + _weather(rng, 0.15)), 0.0, 1.0),
        "homes": np.clip(np.tile(homes, DAYS) * (1 + _weather(rng, 0.08)), 0.2, 1.3),
        "town": np.clip(np.tile(town, DAYS) * (1 + _weather(rng, 0.06)), 0.2, 1.3),
    }
    return pd.DataFrame(table).round(4)


def _weather(rng: np.random.Generator, spread: float) -> NDArray[np.float64]:
    """Return a first-order autoregression with a memory of six hours and a standard deviation."""
    keep = np.exp(-1 / 6)
    noise = rng.standard_normal(24 * DAYS) * np.sqrt(1 - keep**2)
    found = np.empty_like(noise)
    value = rng.standard_normal()
    for hour, shock in enumerate(noise):
        value = keep * value + shock
        found[hour] = value
    scaled: NDArray[np.float64] = spread * found
    return scaled


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([columns, *rows])


if __name__ == "__main__":
    make(HERE)
