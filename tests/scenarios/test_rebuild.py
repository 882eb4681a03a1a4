"""Who has the folder of a run and its scenario can compute every power flow of it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from sim import plugins
from sim.scenario import Scenario, load_scenario
from tests.conftest import CommandLine

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

TOLERANCE_PU = 1e-6
# Everything that can happen: lines trip, trucks break down, cars charge, steps have changes inside.
STORMY = {
    "outages.per_line_year": 60.0,
    "breakdowns.per_1000_km": 100.0,
    "incidents.per_day": 100.0,
    "traffic.intensity": 1.5,
}
# What moves vehicles and, where there are units, loads.
RUNS: dict[str, tuple[str, str, dict[str, float]]] = {
    name: (name, "greedy", {}) for name in plugins.names(plugins.SCENARIOS)
} | {
    "six_bus_rail": ("six_bus_rail", "market", {"controller.gap": 0.05}),
    "shared_feeders": ("shared_feeders", "rolling", {}),
    "ieee33, stormy": ("ieee33", "greedy", STORMY),
}
# Part of the long evidence.
LONG = {"oberrhein", "residential_ev", "shared_feeders", "six_bus_rail", "three_bus"}


def network(scenario: Scenario) -> Any:
    """Return the grid as a pandapower network, written anew from the scenario's own numbers."""
    grid, system = scenario.system.grid, scenario.system
    net = pp.create_empty_network(f_hz=50.0)
    for vn_kv in grid.bus_vn_kv:
        pp.create_bus(net, vn_kv=float(vn_kv))
    for bus, vm_pu in zip(grid.source_bus, grid.source_vm_pu, strict=True):
        pp.create_ext_grid(net, int(bus), vm_pu=float(vm_pu))
    lines, transformers = grid.lines, grid.transformers
    for k in range(len(lines.name)):
        ends = int(lines.from_bus[k]), int(lines.to_bus[k])
        x_ohm = float(lines.x_ohm[k])
        if lines.r_ohm[k] == x_ohm == 0:  # an ideal line: next to nothing
            x_ohm = 1e-7 * float(grid.bus_vn_kv[ends[0]]) ** 2
        pp.create_line_from_parameters(
            net, *ends, length_km=1.0, r_ohm_per_km=float(lines.r_ohm[k]), x_ohm_per_km=x_ohm,
            c_nf_per_km=float(lines.c_nf[k]), max_i_ka=float(lines.max_i_ka[k]),
        )  # fmt: skip
        for bus, closed in zip(ends, (lines.from_closed[k], lines.to_closed[k]), strict=True):
            if not closed:
                pp.create_switch(net, bus, k, et="l", closed=False)
    for k in range(len(transformers.name)):
        ends = int(transformers.hv_bus[k]), int(transformers.lv_bus[k])
        names = (
            "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent"
        )  # fmt: skip
        own = {name: float(getattr(transformers, name)[k]) for name in names}
        pp.create_transformer_from_parameters(net, *ends, **own)
        for bus, closed in zip(ends, (transformers.hv_closed[k], transformers.lv_closed[k]),
                               strict=True):  # fmt: skip
            if not closed:
                pp.create_switch(net, bus, k, et="t", closed=False)
    for unit in system.units:
        if unit.slack:
            assert unit.bus in grid.source_bus
        elif unit.bus not in grid.source_bus:
            pp.create_gen(net, unit.bus, p_mw=0.0, vm_pu=unit.vm_pu, name=unit.name)
    for bus in range(grid.n_buses):
        pp.create_sgen(net, bus, p_mw=0.0, q_mvar=0.0)
    return net


def injections(
    scenario: Scenario, tables: dict[str, pd.DataFrame]
) -> tuple[np.ndarray, np.ndarray]:
    """Return net injections of loads, plants, cars and vehicles, ``(step, bus)``."""
    system, n_steps = scenario.system, scenario.system.timing.n_steps
    bus_of = {
        "loads": dict(zip(system.loads.name, system.loads.bus.tolist(), strict=True)),
        "generators": dict(
            zip(system.generators.name, system.generators.bus.tolist(), strict=True)
        ),
        "ev_groups": {group.name: group.bus for group in system.evs},
        "exchanges": {station.name: station.bus for station in system.stations},
    }
    p_mw, q_mvar = (np.zeros((n_steps, system.grid.n_buses)) for _ in range(2))
    for name, sign, key in (
        ("loads", -1, "load"), ("generators", 1, "generator"), ("ev_groups", -1, "group"),
        ("exchanges", 1, "station"),
    ):  # fmt: skip
        table = tables[name]
        step = (table["time_h"] / system.timing.step_h).round().astype(int).to_numpy()
        bus = table[key].map(bus_of[name]).to_numpy(dtype=int)
        np.add.at(p_mw, (step, bus), sign * table["p_mw"].to_numpy(dtype=float))
        if "q_mvar" in table:
            np.add.at(q_mvar, (step, bus), sign * table["q_mvar"].to_numpy(dtype=float))
    return p_mw, q_mvar


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in RUNS]
)
def test_power_flows_can_be_computed_again_from_what_is_stored(
    gridhaul: CommandLine, tmp_path: Path, name: str
) -> None:
    scenario_name, controller, overrides = RUNS[name]
    settings = [part for key, value in overrides.items() for part in ("--set", f"{key}={value}")]
    code, _, errors = gridhaul(
        "run", scenario_name, "--controller", controller, "--verify", "off", "--out",
        tmp_path / "run", "--seed", 3, *settings,
    )  # fmt: skip
    assert code == 0, errors
    own = {key: value for key, value in overrides.items() if not key.startswith("controller.")}
    scenario = load_scenario(scenario_name, own)
    system, hours = scenario.system, scenario.system.timing.step_h
    tables = {
        table: pd.read_parquet(tmp_path / "run" / table)
        for table in (
            "steps", "vm_pu", "loads", "generators", "ev_groups", "exchanges", "units", "outages"
        )
    }  # fmt: skip
    assert len(tables["exchanges"])
    assert name != "ieee33, stormy" or len(tables["outages"])
    net = network(scenario)
    p_mw, q_mvar = injections(scenario, tables)
    lines, steps = system.grid.lines.name, tables["steps"]
    stored_pu = tables["vm_pu"][list(system.grid.bus_name)].to_numpy()
    units = tables["units"].assign(step=lambda own: (own["time_h"] / hours).round().astype(int))
    checked = 0
    for step in np.flatnonzero(steps["converged"]):
        time_h, out = steps["time_h"].iloc[step] + 1e-9, tables["outages"]
        is_out = out[(out["from_h"] <= time_h) & (out["to_h"] > time_h)]
        net.line["in_service"] = [line not in set(is_out["line"]) for line in lines]
        net.sgen["p_mw"], net.sgen["q_mvar"] = p_mw[step], q_mvar[step]
        running = units[units["step"] == step].set_index("unit")
        for k, unit in net.gen["name"].items():
            net.gen.loc[k, ["p_mw", "in_service"]] = running.loc[unit, ["p_mw", "on"]].tolist()
        pp.runpp(
            net, trafo_model="pi", tolerance_mva=1e-9, max_iteration=40, init="flat",
            numba=False, voltage_depend_loads=False,
        )  # fmt: skip
        np.testing.assert_allclose(
            net.res_bus["vm_pu"].to_numpy(), stored_pu[step], rtol=0, atol=TOLERANCE_PU
        )
        source_mw = net.res_ext_grid["p_mw"].sum()
        slack_mw = running.loc[[own.name for own in system.units if own.slack], "p_mw"].sum()
        stored_mw = steps[["import_mw", "imbalance_mw"]].iloc[step].sum() + slack_mw
        assert source_mw == pytest.approx(stored_mw, abs=1e-4)
        checked += 1
    assert checked == steps["converged"].sum() > 0


def test_tables_add_up(gridhaul: CommandLine, tmp_path: Path) -> None:
    settings = [part for key, value in STORMY.items() for part in ("--set", f"{key}={value}")]
    code, _, errors = gridhaul(
        "run", "ieee33", "--controller", "greedy", "--verify", "off", "--out", tmp_path / "run",
        *settings,
    )  # fmt: skip
    assert code == 0, errors
    tables = {
        name: pd.read_parquet(tmp_path / "run" / name)
        for name in ("steps", "vehicles", "loads", "generators", "ev_groups", "exchanges")
    }
    steps = tables["steps"].set_index("time_h")

    def total(table: str, column: str) -> pd.Series:
        found = tables[table].groupby("time_h")[column].sum()
        return found.reindex(steps.index, fill_value=0.0)

    loads_mw = total("loads", "p_mw") + total("ev_groups", "p_mw")
    np.testing.assert_allclose(loads_mw, steps["load_mw"], atol=1e-6)
    np.testing.assert_allclose(total("loads", "unserved_mw"), steps["unserved_mw"], atol=1e-6)
    np.testing.assert_allclose(total("generators", "p_mw"), steps["generation_mw"], atol=1e-6)
    curtailed = total("generators", "available_mw") - total("generators", "p_mw")
    np.testing.assert_allclose(curtailed, steps["curtailed_mw"], atol=1e-6)
    np.testing.assert_allclose(total("exchanges", "p_mw"), steps["storage_mw"], atol=1e-9)
    # What left a vehicle arrived at stations, in the same step.
    step_h = float(steps.index[1])
    vehicles = tables["vehicles"].assign(time_h=lambda own: (own["time_h"] - step_h).round(9))
    by_vehicle = vehicles.set_index(["time_h", "vehicle"])["p_mw"]
    at_stations = tables["exchanges"].assign(time_h=lambda own: own["time_h"].round(9))
    at_stations = at_stations.groupby(["time_h", "vehicle"])["p_mw"].sum()
    at_stations = at_stations.reindex(by_vehicle.index, fill_value=0.0)
    np.testing.assert_allclose(at_stations, by_vehicle, atol=1e-12)
