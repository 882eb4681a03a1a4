"""Nobody earns by how the episode ends: drain, fill and stay away against restoring all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from controllers.market.market_day_ahead import DayAheadMarket, DayAheadMarketParameters
from sim.control import Capabilities, FleetPlan, Observation, Plan, VehicleStatus, Visit
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario, scenario_folder
from sim.system.system import System

MOST_USD = 1.0


@dataclass
class Trader:
    """Takes all batteries to states of charge by the hour, and may go elsewhere at noon.

    `goals` are ``(from hour, where to)``: a state of charge, or the target of the scenario.
    """

    goals: tuple[tuple[float, float | str], ...]
    leaves: bool = False
    returns: bool = False
    capabilities: ClassVar[Capabilities] = Capabilities()

    def start(self, system: System, rng: np.random.Generator) -> None:
        del rng
        self.system = system

    def decide(self, observation: Observation) -> Plan:
        states, period_h = observation.vehicles, self.system.timing.period_h
        goal = [goal for from_h, goal in self.goals if from_h <= observation.now_h + 1e-6][-1]
        power = np.zeros((1, len(self.system.vehicles)))
        visits: list[tuple[Visit, ...]] = []
        for k, truck in enumerate(self.system.vehicles):
            cells, energy = truck.battery, float(states.energy_mwh[k])
            if goal == "target":
                aim = cells.energy_terminal_mwh
            else:
                aim = cells.energy_min_mwh + float(goal) * (
                    cells.energy_max_mwh - cells.energy_min_mwh
                )
            if states.status[k] == VehicleStatus.CONNECTED and goal != "rest":
                more = aim - energy
                factor = 1 / cells.efficiency_charge if more > 0 else cells.efficiency_discharge
                power[0, k] = -more * factor / period_h
            visits.append(self._visit(observation, k, truck.initial_station))
        return Plan(fleet=FleetPlan(visits=tuple(visits), p_mw=power))

    def _visit(self, observation: Observation, k: int, home: int) -> tuple[Visit, ...]:
        here, hour = int(observation.vehicles.station[k]), observation.now_h
        middle = self.system.timing.end_h / 2
        if self.leaves and here == home and middle <= hour < middle + 0.5:
            travel = np.where(np.arange(len(self.system.stations)) == here, np.inf,
                              observation.forecast.travel_h[0, here])  # fmt: skip
            return (Visit(station=int(np.argmin(travel)), depart_h=hour),)
        if self.returns and here != home and hour >= middle + 2:
            return (Visit(station=home, depart_h=hour),)
        return ()


DAY = ((0.0, "target"), (3.0, 1.0), (17.0, 0.0))
PAIRS = {
    # The exploit, and the same made to restore energy and place.
    "drain in the evening": (Trader(DAY), Trader((*DAY, (22.0, "target")))),
    "drain at the dearest hour": (
        Trader(((0.0, "target"), (20.0, 0.0))),
        Trader(((0.0, "target"),)),
    ),
    "drain in the last hours": (
        Trader(((0.0, "target"), (22.0, 0.0))),
        Trader(((0.0, "target"),)),
    ),
    "fill at night": (
        Trader((*DAY, (22.0, 1.0))),
        Trader((*DAY, (22.0, "target"))),
    ),
    "fill in the morning": (
        Trader(((0.0, "target"), (3.0, 1.0))),
        Trader(((0.0, "target"), (3.0, 1.0), (17.0, "target"))),
    ),
    "stay away": (
        Trader(((0.0, "target"),), leaves=True),
        Trader(((0.0, "target"),), leaves=True, returns=True),
    ),
}


def with_homes(name: str, folder: Path) -> Path:
    """Return a copy of the scenario whose trucks have to end where they start."""
    goal = folder / name
    shutil.copytree(scenario_folder(name), goal)
    table = goal / "vehicles.csv"
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    start = head.split(",").index("initial_station")
    lines = [f"{head},terminal_station", *(f"{row},{row.split(',')[start]}" for row in rows)]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return goal


def gain_usd(scenario: Scenario, exploit: Trader, honest: Trader, replication: int = 0) -> float:
    """Return by how much less the exploit costs than the same made to restore [USD]."""
    cost = [
        live(scenario, policy, replication=replication)[0].metrics["cost_usd"]
        for policy in (exploit, honest)
    ]
    return float(cost[1] - cost[0])


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Scenario]:
    folder = tmp_path_factory.mktemp("homes")
    return {
        name: load_scenario(with_homes(name, folder), overrides)
        for name, overrides in (
            ("ieee33", {}),
            ("tiny", {}),
            ("three_bus", {"timing.period_min": 60}),
        )
    }


@pytest.mark.parametrize("replication", range(4))
@pytest.mark.parametrize("pair", PAIRS)
def test_on_ieee33_the_end_of_a_day_cannot_be_exploited(
    scenarios: Mapping[str, Scenario], pair: str, replication: int
) -> None:
    assert gain_usd(scenarios["ieee33"], *PAIRS[pair], replication) <= MOST_USD


@pytest.mark.parametrize("pair", PAIRS)
def test_on_three_bus_neither(scenarios: Mapping[str, Scenario], pair: str) -> None:
    assert gain_usd(scenarios["three_bus"], *PAIRS[pair]) <= MOST_USD


SHORT = {
    "fill": (Trader(((0.0, "rest"), (1.0, 1.0))), Trader(((0.0, "target"),))),
    "stay away": (
        Trader(((0.0, "rest"),), leaves=True),
        Trader(((0.0, "rest"),), leaves=True, returns=True),
    ),
}


@pytest.mark.parametrize("pair", SHORT)
def test_on_tiny_neither(scenarios: Mapping[str, Scenario], pair: str) -> None:
    assert gain_usd(scenarios["tiny"], *SHORT[pair]) <= MOST_USD


def test_at_a_fixed_price_draining_pays(scenarios: Mapping[str, Scenario]) -> None:
    """What the rule is for; the exploits do bite."""
    scenario = load_scenario("ieee33", {"settlement.stored_energy": "change"})
    assert gain_usd(scenario, *PAIRS["drain at the dearest hour"]) > 20.0


class Homeless(DayAheadMarket):
    """Clears as if the train could end anywhere, and as if it had to end full."""

    def start(self, system: System, rng: np.random.Generator) -> None:
        trains = tuple(replace(train, terminal_station=None) for train in system.vehicles)
        super().start(replace(system, vehicles=trains), rng)


class Filling(DayAheadMarket):
    """Clears as if energy at the end were dear."""

    end_mwh: ClassVar[float] = 60.0

    def start(self, system: System, rng: np.random.Generator) -> None:
        super().start(system, rng)
        build = self._cases.case

        def full(*args: object) -> object:
            case = build(*args)  # type: ignore[arg-type]
            target = np.full(1, self.end_mwh)
            return replace(case, batteries=replace(case.batteries, terminal_mwh=target))

        self._cases.case = full  # type: ignore[method-assign,assignment]


class FillingAway(Homeless, Filling):
    """Both."""


@pytest.mark.slow
@pytest.mark.parametrize("usd_per_span", [0.0, 200.0])
def test_a_train_earns_nothing_by_staying_away_or_filling(usd_per_span: float) -> None:
    scenario = load_scenario("six_bus_rail", {"rails.usd_per_span": usd_per_span})
    quick = DayAheadMarketParameters(gap=1e-4)
    honest = live(scenario, DayAheadMarket(quick))[0]
    at_home = honest.vehicles.iloc[-1]
    assert at_home["station"] == "A"
    assert "return trip" not in set(honest.ledger["item"])
    for exploit in (Homeless, Filling, FillingAway):
        episode = live(scenario, exploit(quick))[0]
        gain = episode.metrics["welfare_usd"] - honest.metrics["welfare_usd"]
        away = episode.vehicles.iloc[-1]["station"] != "A"
        assert away == ("return trip" in set(episode.ledger["item"]))
        assert gain <= MOST_USD, exploit.__name__
