"""Make the tables of this folder: the 33-bus feeder with four laterals, as a pandapower net.

Run ``python scenarios/feeder41/make.py``. What is chosen by hand (``scenario.toml``,
``vehicles.csv``, ``stations.csv``) is not touched.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandapower as pp

from scenarios import case33bw
from sim.importers.pandapower import write_network

HERE = Path(__file__).parent
PUBLISHED = HERE.parent / "three_bus" / "published.csv"
KM_PER_UNIT = 2.5  # of the positions in case33bw
SOURCE_VM_PU = 1.03
TRUNK_KA, OTHER_KA = 0.4, 0.25
TRUNK = range(6)  # lines from the substation to bus 6
LATERALS = (6, 12, 23, 29)  # each carries two more buses and half the load of its first
LATERAL_OHM = (0.6, 0.4)
PLANTS = (("roofs", "PV", 36, 1.5), ("turbine", "wind", 38, 1.5))
DETOUR = 1.3  # of roads over straight lines
EXPORT_SHARE = 0.5
SAMPLES_PER_HOUR = 6


def make(folder: Path) -> None:
    """Write grid, roads, tariff and delays into `folder`."""
    net = feeder()
    write_network(
        net, folder, load_profiles="homes", generator_profiles={"pv": "PV3", "wind": "WP4"}
    )
    places = case33bw.stations(HERE / "stations.csv", net)
    case33bw.write_roads(folder, places, itertools.combinations(places, 2), DETOUR)
    with PUBLISHED.open(encoding="utf-8", newline="") as stream:
        samples = list(csv.DictReader(stream))
    hours = [samples[k : k + SAMPLES_PER_HOUR] for k in range(0, len(samples), SAMPLES_PER_HOUR)]

    def mean(hour: Sequence[dict[str, str]], column: str) -> float:
        return round(sum(float(sample[column]) for sample in hour) / len(hour), 6)

    buy = [mean(hour, "buy_price_usd_per_mwh") for hour in hours]
    sell = [mean(hour, "sell_price_usd_per_mwh") for hour in hours]
    _write(
        folder / "tariff.csv",
        ["from_h", "import_usd_per_mwh", "export_usd_per_mwh", "retail_usd_per_mwh"],
        zip(range(24), buy, [EXPORT_SHARE * usd for usd in buy], sell, strict=True),
    )
    _write(
        folder / "delays.csv",
        ["from_h", "delay_min"],
        ([at_h, mean(hour, "traffic_delay_min")] for at_h, hour in enumerate(hours)),
    )


def feeder() -> Any:
    """Return case33bw without its open ties, with laterals, plants and limits, as a net."""
    net = case33bw.placed(KM_PER_UNIT)
    net.line = net.line[net.line["in_service"]]
    net.line["max_i_ka"] = [TRUNK_KA if line in TRUNK else OTHER_KA for line in net.line.index]
    net.ext_grid["vm_pu"] = SOURCE_VM_PU
    for bus in LATERALS:
        _add_lateral(net, bus)
    case33bw.name_lines(net)
    net.load["name"] = [f"homes {bus}" for bus in net.load["bus"]]
    for name, kind, bus, p_mw in PLANTS:
        pp.create_sgen(net, bus, p_mw=p_mw, name=name, type=kind)
    return net


def _add_lateral(net: Any, host: int) -> None:
    """Add two buses behind `host`, and move half of its load there."""
    own = net.load.index[net.load["bus"] == host][0]
    p_mw, q_mvar = net.load.loc[own, ["p_mw", "q_mvar"]].astype(float)
    net.load.loc[own, ["p_mw", "q_mvar"]] = p_mw / 2, q_mvar / 2
    x, y = case33bw.position(net, host)
    before = host
    for step in (1, 2):
        name = str(len(net.bus))
        bus = pp.create_bus(net, 12.66, name=name, geodata=(x + step, y + 0.6 * step))
        pp.create_line_from_parameters(
            net, before, bus, 1.0, *LATERAL_OHM, c_nf_per_km=0.0, max_i_ka=OTHER_KA
        )
        pp.create_load(net, bus, p_mw=p_mw / 4, q_mvar=q_mvar / 4)
        before = bus


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make(HERE)
