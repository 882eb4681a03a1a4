"""Make the tables of this folder that follow from the feeder: buses, branches, loads.

Run ``python scenarios/ieee123/make.py``. The feeder is in ``feeder/``; what is chosen by hand
(``scenario.toml``, plants, stations, roads, trucks) is not touched. The README says what is
standard data and what is assumed.
"""

from __future__ import annotations

import csv
from pathlib import Path

from sim.importers.folder import write_rows
from sim.scenario.schema.csv_rows import BusRow, LineRow, LoadRow, TransformerRow

HERE = Path(__file__).parent
Rows = list[dict[str, str]]

KM_PER_UNIT = 0.004  # of the plot that comes with the feeder
MAX_I_KA = 0.6
# Where current binds: the lines that feed the south and the north.
LIMITS_KA = {("13", "18"): 0.14, ("160r", "67"): 0.14}

TAP = 0.00625  # of a regulator, per step
REGULATOR_MVA, REGULATOR_VK_PERCENT = 5.0, 0.1
# The transformer 61s-610: 150 kVA, 1.27 + j2.72 %.
XFM_MVA, XFM_VK_PERCENT, XFM_VKR_PERCENT = 0.15, 3.002, 1.27


def make(folder: Path) -> None:
    """Write buses, lines, transformers and loads into `folder`."""
    buses = _read(HERE / "feeder" / "buses.csv")
    branches = _read(HERE / "feeder" / "branches.csv")
    joined = _joined(branches)
    write_rows(
        folder,
        "buses.csv",
        [
            BusRow(
                name=bus["bus"],
                vn_kv=float(bus["vn_kv"]),
                x_km=round(KM_PER_UNIT * float(bus["x_plot"]), 3),
                y_km=round(KM_PER_UNIT * float(bus["y_plot"]), 3),
            )
            for bus in buses
            if bus["bus"] not in joined
        ],
    )
    ends = [[joined.get(b, b) for b in (row["from_bus"], row["to_bus"])] for row in branches]
    kinds = list(zip(branches, ends, strict=True))
    write_rows(
        folder, "lines.csv", [_line(row, *two) for row, two in kinds if row["kind"] == "line"]
    )
    write_rows(
        folder,
        "transformers.csv",
        [
            _regulator(row, *two) if row["kind"] == "regulator" else _transformer(*two)
            for row, two in kinds
            if row["kind"] in {"regulator", "transformer"}
        ],
    )
    write_rows(folder, "loads.csv", _loads(buses, branches))


def area(branches: Rows, first: str, last: str) -> set[str]:
    """Return the buses behind the branch from `first` to `last`."""
    closed = [
        {row["from_bus"], row["to_bus"]} for row in branches if row["status_or_tap"] != "open"
    ]
    closed.remove({first, last})
    found, new = set[str](), {last}
    while new:
        found |= new
        new = set[str]().union(*(two for two in closed if two & new)) - found
    return found


def _read(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _joined(branches: Rows) -> dict[str, str]:
    """Return the buses that a closed switch makes one with another, and that other."""
    found = {
        row["to_bus"]: row["from_bus"]
        for row in branches
        if row["kind"] == "switch" and row["status_or_tap"] == "closed"
    }
    # The regulator of the substation keeps its name at the end of its switch.
    found["149"] = "150r"
    return found


def _line(row: dict[str, str], start: str, end: str) -> LineRow:
    return LineRow(
        name=f"{row['from_bus']}-{row['to_bus']}",
        from_bus=start,
        to_bus=end,
        length_km=1.0,
        r_ohm_per_km=float(row["r_ohm"]),
        x_ohm_per_km=float(row["x_ohm"]),
        c_nf_per_km=float(row["c_nf"]),
        max_i_ka=LIMITS_KA.get((row["from_bus"], row["to_bus"]), MAX_I_KA),
    )


def _regulator(row: dict[str, str], start: str, end: str) -> TransformerRow:
    return TransformerRow(
        name=f"regulator {start}",
        hv_bus=start,
        lv_bus=end,
        sn_mva=REGULATOR_MVA,
        vn_hv_kv=4.16,
        vn_lv_kv=round(4.16 * (1 + TAP * float(row["status_or_tap"])), 6),
        vk_percent=REGULATOR_VK_PERCENT,
        vkr_percent=0.0,
    )


def _transformer(start: str, end: str) -> TransformerRow:
    return TransformerRow(
        name=f"{start}-{end}",
        hv_bus=start,
        lv_bus=end,
        sn_mva=XFM_MVA,
        vn_hv_kv=4.16,
        vn_lv_kv=0.48,
        vk_percent=XFM_VK_PERCENT,
        vkr_percent=XFM_VKR_PERCENT,
    )


def _loads(buses: Rows, branches: Rows) -> list[LoadRow]:
    """Return the loads of the feeder by who draws them, and its capacitors."""
    areas = {
        "north": area(branches, "160r", "67"),
        "south": area(branches, "13", "18"),
    }
    # Capacitors give more than nominal where voltages are above 1 pu; here at nominal load.
    given = {"83": 1.0396**2, "88": 1.033**2, "90": 1.033**2, "92": 1.033**2}
    found = []
    for bus in buses:
        name, p_mw, q_mvar = bus["bus"], float(bus["load_mw"]), float(bus["load_mvar"])
        profile = next((key for key, own in areas.items() if name in own), "centre")
        if p_mw:
            found.append(
                LoadRow(
                    name=f"{profile} {name}", bus=name, p_mw=p_mw, q_mvar=q_mvar, profile=profile
                )
            )
        if name in given:
            mvar = round(float(bus["shunt_mvar"]) * given[name], 4)
            found.append(
                LoadRow(name=f"capacitor {name}", bus=name, p_mw=0.0, q_mvar=-mvar, profile="flat")
            )
    return found


if __name__ == "__main__":
    make(HERE)
