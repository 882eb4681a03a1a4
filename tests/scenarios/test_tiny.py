"""`tiny`: the optimum derived by hand, and a power flow that equals arithmetic."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import linprog

from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import load_scenario, scenario_folder

OPTIMUM_USD = 259.475
AWAY = -1


def cost_of_places(scenario, places):
    """Return the least objective when the truck spends each hour at the given station, or away.

    Written from the README's statement of the problem, not from any controller's model.
    """
    system, record = scenario.system, scenario.uncertainty.record.values
    truck, tariff = system.vehicles[0], system.tariff
    battery = truck.battery
    load, sun = record[:16].reshape(4, 4, 2).mean(axis=1).T
    net = load * system.loads.p_mw[0] - sun * system.generators.p_mw[0]
    price = tariff.import_usd_per_mwh[:16:4]
    limit_mva = math.sqrt(3) * system.grid.bus_vn_kv[0] * system.grid.lines.max_i_ka[0]
    per_mw = 100 / limit_mva * system.penalties.loading_usd_per_percent_h
    # Variables: charge, discharge and overload per hour [MW].
    wear = battery.wear_usd_per_mwh
    eta_c, eta_d = battery.efficiency_charge, battery.efficiency_discharge
    # What is left at the end earns nothing, and it may end empty: nothing can be missing.
    assert battery.energy_terminal_mwh == battery.energy_min_mwh
    cost = np.concatenate([price + wear, -price + wear, np.full(4, per_mw)])
    here = [0.5 if place != AWAY else 0.0 for place in places]
    rows, right = [], []
    for h, place in enumerate(places):
        stored = np.zeros(12)
        stored[: h + 1], stored[4 : 5 + h] = eta_c, -1 / eta_d
        rows += [stored, -stored]
        right += [battery.energy_max_mwh - 0.5, 0.5 - battery.energy_min_mwh]
        overload = np.zeros(12)
        overload[8 + h] = -1
        if place == 1:
            overload[h], overload[4 + h] = 1, -1
        rows.append(overload)
        right.append(limit_mva - net[h])
    bounds = [(0, p) for p in here * 2] + [(0, None)] * 4
    solution = linprog(cost, A_ub=np.array(rows), b_ub=right, bounds=bounds)
    trips = sum(places[h] == AWAY for h in range(4))
    trip_usd = truck.usd_per_km * 30 + truck.labour_usd_per_h * 0.75
    fixed = price @ net + tariff.feed_in_usd_per_mwh * sun.sum() * system.generators.p_mw[0]
    given_up = battery.energy_initial_mwh * tariff.stored_usd_per_mwh
    return solution.fun + fixed + given_up + trips * trip_usd, solution.x[:4] - solution.x[4:8]


def all_places():
    """Yield where the truck can be: an hour away lies between the two stations."""
    for places in itertools.product((0, 1, AWAY), repeat=4):
        at, possible = 0, True
        for place in places:
            if place == AWAY:
                at = 1 - at
            possible &= place in (AWAY, at)
        if possible:
            yield places


def test_the_optimum_of_tiny_is_the_one_derived_by_hand():
    scenario = load_scenario("tiny")
    outcomes = {places: cost_of_places(scenario, places) for places in all_places()}
    assert len(outcomes) == 16
    ranked = sorted(outcomes, key=lambda places: outcomes[places][0])
    best_usd, charge_mw = outcomes[ranked[0]]
    assert ranked[0] == (0, AWAY, 1, 1)
    assert best_usd == pytest.approx(OPTIMUM_USD, abs=1e-9)
    assert charge_mw == pytest.approx([0.5, 0.0, -0.5, -0.355])
    assert outcomes[ranked[1]][0] > best_usd + 5
    assert outcomes[(0, 0, 0, 0)][0] == pytest.approx(713.944, abs=1e-3)
    readme = (scenario_folder("tiny") / "README.md").read_text(encoding="utf-8")
    assert f"{OPTIMUM_USD} USD" in readme
    assert f"{outcomes[ranked[1]][0]:.3f} USD" in readme


def test_power_flow_in_tiny_equals_arithmetic():
    scenario = load_scenario("tiny")
    flow = PowerGridModelFlow(scenario.system.grid)
    p_mw = np.array([[-0.5, -0.9], [0.0, -0.8], [0.0, -1.3]])
    result = flow.solve(p_mw, np.zeros_like(p_mw))
    assert result.source_mw[:, 0] == pytest.approx([1.4, 0.8, 1.3], abs=1e-9)
    assert result.loading_percent[:, 0] == pytest.approx([90, 80, 130], abs=1e-6)
    assert result.vm_pu == pytest.approx(np.ones((3, 2)), abs=1e-6)
