"""MATPOWER cases: the grid's power flow is that of the case, computed here from its matrices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from sim.errors import InputError
from sim.importers.folder import write_settings
from sim.importers.matpower import write_network_from_matpower
from sim.inspect.check import check
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import Scenario, load_scenario
from tests.importers.test_generators import SETTINGS

# A ring of two voltages with a tap, a parallel line, an open one, a condenser, an isolated bus.
BUS = [
    [1, 3, 0, 0, 0, 0, 1, 1, 0, 110, 1, 1.1, 0.9],
    [2, 2, 20, 8, 0, 0, 1, 1, 0, 110, 1, 1.1, 0.9],
    [3, 1, 30, 10, 0, 0, 1, 1, 0, 110, 1, 1.1, 0.9],
    [40, 1, 12, 4, 0, 0, 1, 1, 0, 20, 1, 1.1, 0.9],
    [5, 1, 6, 2, 0, 0, 1, 1, 0, 20, 1, 1.1, 0.9],
    [6, 4, 9, 9, 0, 0, 1, 1, 0, 20, 1, 1.1, 0.9],
    [7, 2, 0, 0, 0, 0, 1, 1, 0, 110, 1, 1.1, 0.9],
]
GEN = [
    [1, 0, 0, 99, -99, 1.02, 100, 1, 200, 0],
    [2, 25, 0, 99, -99, 1.01, 100, 1, 60, 5],
    [7, 0, 0, 99, -99, 1.0, 100, 1, 0, 0],
    [3, 50, 0, 99, -99, 1.0, 100, 0, 60, 5],
]
BRANCH = [
    [1, 2, 0.01, 0.06, 0.03, 90, 0, 0, 0, 0, 1],
    [1, 3, 0.02, 0.08, 0.02, 0, 0, 0, 0, 0, 1],
    [2, 3, 0.02, 0.07, 0.0, 50, 0, 0, 0, 0, 1],
    [2, 3, 0.04, 0.14, 0.0, 50, 0, 0, 0, 0, 1],
    [1, 7, 0.01, 0.05, 0.0, 50, 0, 0, 1, 0, 1],
    [3, 40, 0.005, 0.12, 0.0, 40, 0, 0, 0.97, 0, 1],
    [5, 2, 0.006, 0.14, 0.0, 0, 0, 0, 1.03, 0, 1],
    [40, 5, 0.03, 0.05, 0.0, 20, 0, 0, 0, 0, 1],
    [3, 7, 0.03, 0.05, 0.0, 20, 0, 0, 0, 0, 0],
]
COST = [[2, 10, 5, 3, 0.01, 20, 100], [2, 0, 0, 2, 30, 7], [2, 0, 0, 3, 0, 0, 0], [2, 0, 0, 1, 0]]


def text(bus: Any = BUS, gen: Any = GEN, branch: Any = BRANCH, cost: Any = COST) -> str:
    """Return a case with what published ones have: comments, cells, commas, continued lines."""
    matrices = {"bus": bus, "gen": gen, "branch": branch, "gencost": cost}
    body = "".join(
        f"mpc.{name} = [ % {name} ] data\n"
        + "".join(f"\t{'	'.join(map(repr, row))};\t% a row\n" for row in rows)
        + "];\n"
        for name, rows in matrices.items()
    )
    return (
        "function mpc = wild\n%{\nmpc.bus = [ not this ];\n%}\nmpc.version = '2';\n"
        f"mpc.baseMVA = 100;\n{body}mpc.bus_name = {{\n\t'a [ b';\n\t'c';\n}};\n"
    )


def imported(folder: Path, case: str, **how: bool) -> dict[str, object]:
    (folder / "wild.m").write_text(case)
    return write_network_from_matpower(folder / "wild.m", folder, load_profile="H0-A", **how)


def scenario(folder: Path, case: str, **how: bool) -> Scenario:
    piece = imported(folder, case, **how)
    (folder / "stations.csv").write_text("name,bus,road_node\nhere,3,here\n")
    (folder / "vehicles.csv").write_text("name,battery,initial_station\ntruck,trailer,here\n")
    (folder / "road_nodes.csv").write_text("name,x_km,y_km\nhere,0,0\n")
    write_settings(folder, piece, SETTINGS)
    return load_scenario(folder)


def source_mw(found: Scenario) -> float:
    """Return the power of the slack with units at their outputs [MW]."""
    system = found.system
    p_mw, q_mvar = np.zeros((1, system.grid.n_buses)), np.zeros((1, system.grid.n_buses))
    np.add.at(p_mw[0], system.loads.bus, -system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -system.loads.q_mvar)
    for unit in system.units:
        p_mw[0, unit.bus] += 0.0 if unit.slack else unit.initial_mw or 0.0
    return float(PowerGridModelFlow(system.grid).solve(p_mw, q_mvar).source_mw[0].sum())


def oracle_mw(bus: Any = BUS, gen: Any = GEN, branch: Any = BRANCH) -> float:
    """Return the slack's power by Newton's method on the matrices (MATPOWER manual, chapter 3)."""
    rows = [row for row in bus if row[1] != 4]
    at = {row[0]: k for k, row in enumerate(rows)}
    admittance = np.zeros((len(rows), len(rows)), complex)
    for start, end, r, x, b, _, _, _, ratio, angle, status in branch:
        if status:
            y, tap = 1 / complex(r, x), (ratio or 1) * np.exp(1j * math.radians(angle))
            f, t = at[start], at[end]
            admittance[f, f] += (y + 0.5j * b) / abs(tap) ** 2
            admittance[t, t] += y + 0.5j * b
            admittance[f, t] -= y / np.conj(tap)
            admittance[t, f] -= y / tap
    power = -np.array([complex(row[2], row[3]) for row in rows]) / 100
    voltage = np.ones(len(rows), complex)
    for row in gen:
        if row[7]:
            voltage[at[row[0]]] = row[5]
            power[at[row[0]]] += row[1] / 100
    kind = np.array([row[1] for row in rows])
    free, loads = np.flatnonzero(kind != 3), np.flatnonzero(kind == 1)

    def mismatch(x: np.ndarray) -> np.ndarray:
        angle, size = np.zeros(len(rows)), abs(voltage)
        angle[free], size[loads] = x[: len(free)], x[len(free) :]
        v = size * np.exp(1j * angle)
        apart = v * np.conj(admittance @ v) - power
        return np.concatenate([apart[free].real, apart[loads].imag, apart[kind == 3].real])

    x = np.concatenate([np.zeros(len(free)), np.ones(len(loads))])
    for _ in range(20):
        step = 1e-7 * np.eye(len(x))
        slope = np.array([mismatch(x + d) - mismatch(x - d) for d in step]).T / 2e-7
        x = x - np.linalg.solve(slope[: len(x)], mismatch(x)[: len(x)])
    assert abs(mismatch(x)[: len(x)]).max() < 1e-12
    return float(mismatch(x)[-1]) * 100


def test_the_source_power_is_that_of_the_case(tmp_path: Path) -> None:
    found = scenario(tmp_path, text())
    assert source_mw(found) == pytest.approx(oracle_mw(), rel=1e-8)
    grid = found.system.grid
    assert (grid.n_buses, len(grid.lines.name), len(grid.transformers.name)) == (6, 7, 2)
    assert "2-3 (2)" in grid.lines.name
    assert check(found).base_case is not None


def test_one_changed_number_of_the_case_changes_the_power(tmp_path: Path) -> None:
    branch = [row.copy() for row in BRANCH]
    branch[5][8] = 1.0
    assert oracle_mw() != pytest.approx(oracle_mw(branch=branch), rel=1e-6)


def test_a_mat_file_makes_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    imported(tmp_path / "m", text())
    mpc = {"baseMVA": 100.0, "bus": BUS, "gen": GEN, "branch": BRANCH}
    savemat(tmp_path / "wild.mat", {"mpc": mpc})
    write_network_from_matpower(tmp_path / "wild.mat", tmp_path / "mat", load_profile="H0-A")
    for file in ("buses.csv", "lines.csv", "transformers.csv", "loads.csv", "units.csv"):
        assert (tmp_path / "mat" / file).read_text() == (tmp_path / "m" / file).read_text()


def test_ohms_and_kilowatts_are_converted_as_the_case_says(tmp_path: Path) -> None:
    """121 ohm are one unit at 110 kV and 100 MVA."""
    bus = [[*row[:2], row[2] * 1e3, row[3] * 1e3, *row[4:]] for row in BUS]
    branch = [[*row[:2], row[2] * 121, row[3] * 121, *row[4:]] for row in BRANCH]
    code = (
        "Vbase = mpc.bus(1, BASE_KV) * 1e3;\nSbase = mpc.baseMVA * 1e6; % VA\n"
        "mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);\n"
        "mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;\n"
    )
    assert source_mw(scenario(tmp_path, text(bus=bus, branch=branch) + code)) == pytest.approx(
        oracle_mw(), rel=1e-8
    )


def test_shunts_and_charged_transformers_draw_constant_power_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bus, branch = [row.copy() for row in BUS], [row.copy() for row in BRANCH]
    bus[2][4:6], branch[5][4] = [1.5, 4.0], 0.02
    found = scenario(tmp_path, text(bus=bus, branch=branch))
    assert "shunt 3 draws 1.5 MW and -4 Mvar whatever the voltage" in caplog.text
    assert "transformer 3-40 charges 2 Mvar whatever the voltage" in caplog.text
    for row, p_mw, q_mvar in ((2, 1.5, -4.0 - 1 / 0.97**2), (3, 0, -1.0)):
        bus[row][4:6] = [0, 0]
        bus[row][2], bus[row][3] = bus[row][2] + p_mw, bus[row][3] + q_mvar
    branch[5][4] = 0.0
    assert source_mw(found) == pytest.approx(oracle_mw(bus=bus, branch=branch), rel=1e-8)


def test_costs_make_units_where_they_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    found = scenario(tmp_path / "with", text(), costs=True).system
    slack, unit, condenser = found.units
    assert slack.slack
    assert (slack.quadratic_usd_per_mw2h, slack.linear_usd_per_mwh) == (0.01, 20)
    assert (slack.no_load_usd_per_h, slack.start_up_usd, slack.shut_down_usd) == (100, 10, 5)
    assert (unit.linear_usd_per_mwh, unit.no_load_usd_per_h, unit.initial_mw) == (30, 7, 25)
    assert condenser.p_max_mw == 1e-3
    without = scenario(tmp_path, text()).system
    assert [each.linear_usd_per_mwh for each in without.units] == [0, 0]


def test_phase_shifts_that_cancel_are_left_out_and_others_refused(tmp_path: Path) -> None:
    branch = [row.copy() for row in BRANCH]
    branch[5][9] = branch[6][9] = -30.0
    branch[6][:2], branch[6][8] = [2, 5], 1.0
    (tmp_path / "a").mkdir()
    found = scenario(tmp_path / "a", text(branch=branch))
    assert source_mw(found) == pytest.approx(oracle_mw(branch=branch), rel=1e-8)
    branch[6][9] = 0.0
    with pytest.raises(InputError, match="does not cancel round every loop") as caught:
        imported(tmp_path, text(branch=branch))
    assert "branch 3-40" in str(caught.value)


def test_without_nominal_voltages_any_will_do(tmp_path: Path) -> None:
    bus = [[*row[:9], 0, *row[10:]] for row in BUS]
    assert source_mw(scenario(tmp_path, text(bus=bus))) == pytest.approx(oracle_mw(), rel=1e-8)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("\t3\t1\t30\t", "\t3\t1\t-30\t", "load 3", "that is generation"),
        ("\t1\t3\t0.02\t0.08", "\t1\t3\t0.02\t-0.08", "branch 1-3", "at least 0"),
        ("\t1\t3\t0.02\t0.08", "\t1\t99\t0.02\t0.08", "branch", "is no bus of mpc.bus"),
        ("\t2\t25\t", "\t5\t25\t", "generator at bus 5", "holds no voltage"),
        ("\t1.02\t100\t1", "\t1.02\t100\t0", "mpc.gen", "type 3"),
        ("\t30\t7;", "\t30\tx7;", "line 35", "is no number"),
        ("mpc.branch = [", "mpc.brunch = [", "mpc.branch", "is missing"),
        ("mpc.baseMVA = 100", "mpc.baseMVA = 0", "mpc.baseMVA", "is no base"),
        ("function", "mpc.bus(3, PD) = 5;\nfunction", "line 1", "is code"),
        ("\t2\t0\t0\t2\t30\t7", "\t1\t0\t0\t2\t30\t7", "generator at bus 2", "polynomial"),
        ("\t40\t1\t12", "\t3\t1\t12", "bus", "stands there twice"),
    ],
)  # fmt: skip
def test_what_a_scenario_cannot_hold_is_named_by_line_and_element(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    assert old in text()
    with pytest.raises(InputError, match=message) as caught:
        imported(tmp_path, text().replace(old, new), costs=True)
    assert place in str(caught.value)
    assert not (tmp_path / "buses.csv").exists()


def test_all_of_a_case_is_named_at_once(tmp_path: Path) -> None:
    case = text().replace("\t3\t1\t30\t", "\t3\t1\t-30\t").replace("\t0.02\t0.07", "\t0.02\t-1")
    with pytest.raises(InputError) as caught:
        imported(tmp_path, case)
    assert [problem.key.split(", ")[1] for problem in caught.value.problems] == [
        "load 3", "branch 2-3",
    ]  # fmt: skip
