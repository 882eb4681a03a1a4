"""Every figure and table of an episode, computed again from other tables in plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.control import FleetPlan, Observation, Plan, Visit
from sim.episode.episode import Episode
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.report.wording import METRICS
from sim.scenario import Scenario, load_scenario
from sim.system.system import System

STORM = {
    "traffic.intensity": 1.5,
    "incidents.per_day": 100.0,
    "breakdowns.per_1000_km": 100.0,
    "outages.per_line_year": 40.0,
    "outages.fixed": [{"line": "7-8", "from_h": 2, "hours": 2}],
}


class Restless:
    """Sends every truck to the next station, with power in the other hours."""

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.system = system

    def decide(self, observation: Observation) -> Plan:
        n, now_h = len(self.system.stations), observation.now_h
        visits = tuple(
            (Visit(station=(int(at) + 1) % n, depart_h=now_h + 0.5),)
            for at in observation.vehicles.station
        )
        rows = np.full((observation.forecast.n_periods, len(visits)), 5.0)
        rows[::2] = -5.0
        return Plan(fleet=FleetPlan(visits=visits, p_mw=rows))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return shortened(load_scenario("ieee33", STORM), 8)


@pytest.fixture(scope="module")
def episode(scenario: Scenario) -> Episode:
    return live(scenario, Restless()).episode


def test_every_figure_is_named_as_the_pages_name_it(episode: Episode) -> None:
    not_here = {"cleared_welfare_usd", "info_gap_alpha", "regret_usd", "slack_ramp_mwh"}
    assert set(episode.metrics) == set(METRICS) - not_here


def test_sums_of_energy_are_those_of_the_steps(scenario: Scenario, episode: Episode) -> None:
    steps, found = episode.steps, episode.metrics
    hours = scenario.system.timing.step_h
    for name in ("import", "loss", "curtailed", "unserved", "ev"):
        expected = steps[f"{name}_mw"].sum() * hours
        assert found[f"{name}_mwh"] == pytest.approx(expected, abs=1e-9), name
    assert found["imbalance_mwh"] == pytest.approx(steps["imbalance_mw"].abs().sum() * hours)
    assert found["unserved_mwh"] > 0
    assert found["steps"] == len(steps) == 32
    assert found["unconverged_steps"] == (~steps["converged"]).sum()
    assert found["shift_open_mwh"] == found["emission_lb"] == found["refusals"] == 0


def test_extremes_and_violations_are_those_of_the_buses(
    scenario: Scenario, episode: Episode
) -> None:
    grid, hours, found = scenario.system.grid, scenario.system.timing.step_h, episode.metrics
    volts = episode.vm_pu.to_numpy()
    assert found["vm_pu_min"] == np.nanmin(volts) == episode.steps["vm_pu_min"].min()
    assert found["vm_pu_max"] == np.nanmax(volts) == episode.steps["vm_pu_max"].max()
    assert found["loading_percent_max"] == np.nanmax(episode.loading_percent.to_numpy())
    low = np.clip(np.asarray(grid.v_min_pu) - volts, 0, None)
    high = np.clip(volts - np.asarray(grid.v_max_pu), 0, None)
    per_step = np.nansum(low, axis=1) + np.nansum(high, axis=1)
    assert found["voltage_violation_pu_h"] == pytest.approx(per_step.sum() * hours)
    assert episode.steps["voltage_violation_pu"].to_numpy() == pytest.approx(per_step)
    assert found["voltage_violation_steps"] >= (per_step > 0).sum() > 0
    overload = np.clip(np.nan_to_num(episode.loading_percent.to_numpy(), nan=0.0) - 100, 0, None)
    weights = scenario.system.penalties
    assert found["penalty_usd"] == pytest.approx(
        weights.voltage_usd_per_pu_h * per_step.sum() * hours
        + weights.loading_usd_per_percent_h * overload.sum() * hours
    )


def test_figures_of_the_fleet_are_those_of_its_tables(scenario: Scenario, episode: Episode) -> None:
    found, own, trips = episode.metrics, episode.vehicles, episode.trips
    through = own["charged_mwh"].sum() + own["discharged_mwh"].sum()
    assert found["throughput_mwh"] == pytest.approx(through)
    assert found["throughput_mwh"] > 0
    batteries = [truck.battery for truck in scenario.system.vehicles]
    each = own.groupby("vehicle", sort=False)[["charged_mwh", "discharged_mwh"]].sum().sum(axis=1)
    cycles = sum(
        amount / (2 * battery.energy_mwh) for amount, battery in zip(each, batteries, strict=True)
    )
    assert found["cycles"] == pytest.approx(cycles)
    last = own.groupby("vehicle", sort=False)["energy_mwh"].last().sum()
    first = sum(battery.soc_initial * battery.energy_mwh for battery in batteries)
    assert found["stored_change_mwh"] == pytest.approx(last - first)
    assert found["trips"] == (episode.events["event"] == "departed").sum() > 3
    assert found["delay_h"] == pytest.approx(trips["delay_h"].sum())
    assert trips["delay_h"].to_numpy() == pytest.approx(
        (trips["arrive_h"] - trips["depart_h"] - trips["free_h"]).to_numpy()
    )
    for name in ("travel_h", "queue_h", "repair_h"):
        assert found[name] == pytest.approx(own[name].sum()), name
    assert found["track_waits"] == found["track_wait_h"] == 0
    assert own["time_h"].iloc[0] == 0.25
    assert set(own["vehicle"]) == {truck.name for truck in scenario.system.vehicles}
    assert set(own["station"]) <= {station.name for station in scenario.system.stations}


def test_decisions_are_counted_by_what_became_of_them(episode: Episode) -> None:
    found, told = episode.metrics, episode.decisions
    assert found["decisions"] == len(told) == 8
    assert found["fallbacks"] == found["failed_decisions"] == found["deadline_decisions"] == 0
    assert found["clipped_mwh"] == pytest.approx(told["clipped_mwh"].sum())
    assert found["clipped_mwh"] > 0
    assert math.isnan(found["gap_max"])  # rules prove nothing
    assert found["verified_steps"] == 0
    assert math.isnan(found["verify_max_diff_pu"])  # nothing was verified


def test_what_the_road_costs_is_kilometres_and_paid_hours(
    scenario: Scenario, episode: Episode
) -> None:
    money = episode.ledger.groupby(["payer", "payee", "item"])["usd"].sum()
    own = episode.vehicles.groupby("vehicle", sort=False)
    sums = own[["distance_km", "travel_h", "repair_h"]].sum()
    travel = labour = 0.0
    departed = episode.events[episode.events["event"] == "departed"]["vehicle"].value_counts()
    for truck in scenario.system.vehicles:
        row = sums.loc[truck.name]
        travel += row["distance_km"] * truck.usd_per_km
        travel += departed.get(truck.name, 0) * truck.usd_per_trip
        labour += (row["travel_h"] + row["repair_h"]) * truck.labour_usd_per_h
    assert money["fleet", "suppliers", "travel"] == pytest.approx(travel)
    assert money["fleet", "suppliers", "labour"] == pytest.approx(labour)
    lost = episode.metrics["unserved_mwh"] * scenario.system.tariff.lost_load_usd_per_mwh
    assert money.xs("unserved load", level="item").sum() == pytest.approx(lost)


def test_every_outage_is_told_with_its_line_and_hours(scenario: Scenario, episode: Episode) -> None:
    assert list(episode.outages.columns) == ["line", "from_h", "to_h"]
    rows = episode.outages.to_numpy().tolist()
    assert ["7-8", 2.0, 4.0] in rows
    assert all(0 <= start < end <= 8 for _, start, end in rows)
