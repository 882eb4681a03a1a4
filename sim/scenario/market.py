"""``[market]`` and ``fleet``: market rules, and the changes they make to the system."""

from __future__ import annotations

import math
from dataclasses import replace

from sim.plugins import suggestion
from sim.scenario.problems import Problems
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.system.market import MarketRules
from sim.system.stations import Station
from sim.system.system import System
from sim.system.vehicles import Train, Truck
from sim.units import frozen

FIXED = "fixed:"


def make_market(config: ScenarioFile) -> MarketRules:
    """Return the rules of the market."""
    table = config.market
    cap = math.inf if table.emission_cap == "none" else table.emission_cap
    return MarketRules(emission_cap_lb_per_day=cap)


def check_fleet(
    config: ScenarioFile, stations: tuple[Station, ...], where: str, problems: Problems
) -> None:
    """Note a `fleet` that is none, or that stands where there is no station."""
    fleet = config.fleet
    if fleet in ("train", "none"):
        return
    names = [station.name for station in stations]
    if not fleet.startswith(FIXED):
        known = ["train", "none", *(FIXED + name for name in names)]
        problems.add(where, "fleet", fleet, "is no fleet", suggestion(fleet, known))
    elif fleet.removeprefix(FIXED) not in names:
        remedy = suggestion(fleet.removeprefix(FIXED), names)
        problems.add(where, "fleet", fleet, "stands at no station of stations.csv", remedy)


def with_market(system: System, config: ScenarioFile) -> System:
    """Return the system under the rules of the market.

    They may replace what the tables say of shifted demand, transport and line limits, take the
    trains away, or park them for good.
    """
    table, loads, lines = config.market, system.loads, system.grid.lines
    if table.demand_response is not None:
        share = [table.demand_response] * len(loads.name)
        loads = replace(loads, shiftable=frozen(share), shift_ramp_per_h=frozen(share))
    scale = table.line_limit_scale
    if scale != 1.0:
        lines = replace(
            lines,
            max_i_ka=frozen(scale * lines.max_i_ka),
            limit_mva=frozen(scale * lines.limit_mva),
        )
    return replace(
        system,
        loads=loads,
        grid=replace(system.grid, lines=lines),
        vehicles=_fleet(system, config),
        market=make_market(config),
    )


def _fleet(system: System, config: ScenarioFile) -> tuple[Truck | Train, ...]:
    usd, fleet = config.market.transport_usd, config.fleet
    trains = [vehicle for vehicle in system.vehicles if isinstance(vehicle, Train)]
    if fleet == "none":
        trains = []
    elif fleet.startswith(FIXED):
        names = [station.name for station in system.stations]
        here = names.index(fleet.removeprefix(FIXED))
        trains = [
            replace(train, initial_station=here, trips_per_day=0, terminal_station=None)
            for train in trains
        ]
    if usd is not None:
        trains = [replace(train, usd_per_span=usd) for train in trains]
    return (*system.trucks, *trains)
