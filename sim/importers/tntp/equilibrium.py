"""Compare the costs of imported roads with those that a published flow file states."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path

from sim.importers.positions import check_units
from sim.importers.tntp.network import Link, Units, read_network
from sim.importers.tntp.table import read_tntp
from sim.scenario.problems import Problems
from sim.uncertainty.volume_delay import delay_factor

SPELLINGS = {
    "from": ("tail", "initnode"),
    "to": ("head", "termnode"),
    "volume": ("flow",),
    "cost": (),
}
RELATIVE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCheck:
    """How near the costs of links are to the published ones.

    Attributes
    ----------
    n_links
        How many links were compared.
    worst_line
        Line of the flow file that differs most.
    worst
        Its difference, relative to the published cost [-].
    n_different
        How many differ by more than 1e-6 of the cost and half its last printed digit.
    """

    n_links: int
    worst_line: int
    worst: float
    n_different: int


def compare_costs(
    net_file: str | Path,
    flow_file: str | Path,
    *,
    length_unit_km: float = 1.0,
    time_unit_h: float = 1.0 / 60.0,
    toll_weight: float = 0.0,
    length_weight: float = 0.0,
) -> CostCheck:
    """Compare costs at the published flows, computed from what is imported, with published costs.

    The cost of a link is its driving time by the volume-delay function, in the file's unit, plus
    ``toll_weight`` times its toll and ``length_weight`` times its length, as the network's README
    states them. Links that are not imported are not compared.

    Parameters
    ----------
    net_file, flow_file
        ``_net.tntp``, and ``_flow.tntp`` with the columns from, to, volume and cost.
    length_unit_km, time_unit_h
        As in `write_roads_from_tntp`.
    toll_weight, length_weight
        Cost of a unit of toll and of length, in the file's unit of time.

    Raises
    ------
    InputError
        If a file cannot be read, or the two have no link in common.
    """
    problems = Problems()
    check_units({"length_unit_km": length_unit_km, "time_unit_h": time_unit_h}, problems)
    problems.raise_if_any()
    units = Units(length_km=length_unit_km, time_h=time_unit_h, capacity_veh_h=1.0)
    network = read_network(Path(net_file), units, problems)
    flows = read_tntp(Path(flow_file), problems)
    columns = flows and flows.places(SPELLINGS, tuple(SPELLINGS), problems)
    problems.raise_if_any()
    assert network is not None
    assert flows is not None
    assert columns
    # Parallel links stand in both files in the same order.
    waiting: dict[tuple[int, int], deque[Link]] = defaultdict(deque)
    for link in network.links:
        waiting[link.tail, link.head].append(link)
    n_links = n_different = worst_line = 0
    worst = 0.0
    for line, cells in flows.rows:
        values = flows.numbers(line, cells, columns, problems)
        if values is None:
            continue
        ends = int(values["from"]), int(values["to"])
        if not waiting[ends]:
            continue
        link = waiting[ends].popleft()
        ratio = values["volume"] / link.capacity_veh_h
        time_h = link.length_km / link.speed_kmh * delay_factor(ratio, link.alpha, link.beta)
        cost = time_h / time_unit_h + toll_weight * link.toll + length_weight * link.length
        apart = abs(cost - values["cost"])
        n_links += 1
        allowed = max(RELATIVE * abs(values["cost"]), _half_digit(cells[columns["cost"]]))
        n_different += apart > allowed
        relative = apart / max(abs(values["cost"]), 1e-300)
        if relative > worst:
            worst, worst_line = relative, line
    if not n_links:
        message = f"has no link of {Path(net_file).name}"
        problems.add(flows.where, "file", flow_file, message, "Give the files of one network")
    problems.raise_if_any()
    return CostCheck(n_links=n_links, worst_line=worst_line, worst=worst, n_different=n_different)


def _half_digit(text: str) -> float:
    """Return half the value of the last digit of a printed number."""
    number = re.match(r"[-+]?\d*\.?(\d*)(?:[eE]([-+]?\d+))?", text)
    assert number is not None
    return 0.5 * 10.0 ** (int(number[2] or 0) - len(number[1]))
