"""What the world writes down: decisions word by word, short trips, refused ones."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from sim.control import FleetPlan, Observation, Outcome, Plan, SolveStatus
from sim.system.market import MarketRules
from sim.uncertainty.realisation import Nature
from tests.world.build import fleet_plan, tiny, world


def test_a_decision_is_noted_with_all_it_says_of_itself() -> None:
    """And each with what was withheld until the next one, the last until the end."""
    system, nature = tiny()
    limit_mw = system.vehicles[0].battery.p_discharge_max_mw

    def script(observation: Observation) -> Plan:
        rows = np.full((observation.forecast.n_periods, 1), limit_mw + 0.25)
        fleet = FleetPlan(p_mw=rows) if observation.period == 0 else None
        if observation.period == 1:
            return Plan(
                outcome=Outcome(
                    status=SolveStatus.FEASIBLE,
                    objective_usd=8.0,
                    bound_usd=6.0,
                    fallback="held",
                    figures={"x": 1.5},
                )
            )
        return Plan(fleet=fleet)

    here, _ = world(system, nature, script)
    told = here.run().decisions
    assert [each.period for each in told] == [0, 1, 2, 3]
    assert [each.time_h for each in told] == [0.0, 1.0, 2.0, 3.0]
    plain, said = told[0], told[1]
    assert all(math.isnan(x) for x in (plain.objective_usd, plain.bound_usd, plain.gap))
    assert (plain.fallback, plain.figures) == ("", "")
    assert said.status == str(SolveStatus.FEASIBLE)
    assert (said.objective_usd, said.bound_usd, said.fallback) == (8.0, 6.0, "held")
    assert said.gap == pytest.approx(0.25)
    assert said.figures == '{"x": 1.5}'
    assert plain.orders != said.orders
    assert said.orders == told[2].orders
    assert plain.clipped_mwh >= 0.25
    assert all(each.clipped_mwh >= 0.0 for each in told)


def test_a_trip_of_half_a_kilometre_takes_its_time() -> None:
    system, nature = tiny(drive_h=0.01, set_up_h=0.0)
    away = 1 - system.vehicles[0].initial_station
    here, _ = world(system, nature, fleet_plan([[(away, 1.0)]], [[0.0]]))
    recorder = here.run()
    assert system.roads.length_km[0] < 1.0
    (arrived,) = (each for each in recorder.events if each.event == "arrived")
    assert arrived.time_h == pytest.approx(1.01)
    assert recorder.table()["distance_km"].sum() == pytest.approx(system.roads.length_km[0])
    assert recorder.table()["travel_h"].sum() == pytest.approx(0.01)


def test_between_stations_of_one_place_nothing_is_lost_on_the_road() -> None:
    system, nature = tiny(set_up_h=0.25)
    first = system.vehicles[0].initial_station
    node = system.stations[first].road_node
    system = dataclasses.replace(
        system, stations=tuple(dataclasses.replace(s, road_node=node) for s in system.stations)
    )
    delays = dataclasses.replace(nature.uncertainty.delays, mean_h=np.full(24, 0.5))
    late = dataclasses.replace(nature.uncertainty, delays=delays)
    nature = Nature.build(system, late)
    here, _ = world(system, nature, fleet_plan([[(1 - first, 1.0)]], [[0.0]]))
    recorder = here.run()
    when = {each.event: each.time_h for each in recorder.events}
    assert when["arrived"] == when["departed"] == 1.0
    assert when["connected"] == 1.25


def test_a_trip_beyond_the_days_number_names_the_station_that_was_ordered() -> None:
    system, nature = tiny(trips_per_day=0)
    first = system.vehicles[0].initial_station
    here, _ = world(system, nature, fleet_plan([[(1 - first, 1.0)]], [[0.0]]))
    (refused,) = (each for each in here.run().events if each.event == "refused")
    assert refused.station == system.stations[1 - first].name
    assert refused.detail == "0 trips a day are all"
    assert refused.time_h == 1.0


def test_a_market_may_forbid_all_emissions() -> None:
    assert MarketRules(emission_cap_lb_per_day=0.0).emission_cap_lb_per_day == 0.0
    with pytest.raises(ValueError, match="emission_cap_lb_per_day"):
        MarketRules(emission_cap_lb_per_day=-1.0)
