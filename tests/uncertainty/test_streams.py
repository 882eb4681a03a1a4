"""Randomness is keyed: what is added changes nothing that was there."""

from __future__ import annotations

import dataclasses

import numpy as np

from sim.scenario import Scenario, load_scenario
from sim.uncertainty.realisation import Nature, Realisation
from sim.uncertainty.streams import stream, streams


def draw(scenario: Scenario, seed: int = 3, replication: int = 5) -> Realisation:
    return Nature.build(scenario.system, scenario.uncertainty).draw(seed, replication)


def test_every_part_of_the_key_matters() -> None:
    keys = [
        (1, 0, "a", "", 0), (2, 0, "a", "", 0), (1, 1, "a", "", 0), (1, 0, "b", "", 0),
        (1, 0, "a", "b", 0), (1, 0, "a", "", 1), (1, 0, "", "a", 0), (11, 0, "a", "", 0),
        (1, 10, "a", "", 0),
    ]  # fmt: skip
    first = {float(stream(*key).random()) for key in keys}
    assert len(first) == len(keys)
    assert stream(*keys[0]).random() == stream(*keys[0]).random()


def test_streams_of_many_entities_are_those_of_each() -> None:
    """Numpy's own seeding is the oracle; names may hold any sign."""
    names = ["", "a", 'ä->\u2603"\\', *map(str, range(500))]
    for name, rng in zip(names, streams(7, 3, "traffic.link", names), strict=True):
        own = stream(7, 3, "traffic.link", name)
        assert rng.bit_generator.state == own.bit_generator.state
    assert list(streams(7, 3, "traffic.link", [])) == []


def test_another_truck_or_road_changes_no_other_stream() -> None:
    scenario = load_scenario("ieee33")
    system = scenario.system
    roads = system.roads
    more = dataclasses.replace(
        system,
        vehicles=(*system.vehicles, dataclasses.replace(system.vehicles[0], name="one more")),
        roads=dataclasses.replace(
            roads,
            from_node=np.append(roads.from_node, roads.from_node[0]),
            to_node=np.append(roads.to_node, roads.to_node[-1]),
            length_km=np.append(roads.length_km, 99.0),
            free_speed_kmh=np.append(roads.free_speed_kmh, 50.0),
            capacity_veh_h=np.append(roads.capacity_veh_h, 900.0),
        ),
    )
    before, after = draw(scenario), draw(dataclasses.replace(scenario, system=more))
    assert before.start == after.start
    assert before.profile.tobytes() == after.profile.tobytes()
    assert before.forecast_noise.tobytes() == after.forecast_noise.tobytes()
    assert before.link_state.tobytes() == after.link_state[:, :-1].tobytes()


def test_replications_differ_and_days_stay_in_their_months() -> None:
    scenario = load_scenario("ieee33")
    nature = Nature.build(scenario.system, scenario.uncertainty)
    starts = [nature.draw(1, replication).start for replication in range(40)]
    months = {int(str(start)[5:7]) for start in starts}
    assert months <= set(scenario.uncertainty.months)
    assert len(set(starts)) > 20
