"""Every table of an episode against plain loops over what was recorded, made up for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.episode.episode import Episode
from sim.episode.tables import episode_of
from sim.world.thermal_units import Refusal
from tests.episode.made_up import HOURS, PAYMENTS, N, made_up, recorded


@pytest.fixture(scope="module")
def record() -> Any:
    return recorded(made_up())


@pytest.fixture(scope="module")
def episode(record: Any) -> Episode:
    return episode_of(record, PAYMENTS, {"trips": 2.0})


def check(table: pd.DataFrame, columns: dict[str, list[Any]]) -> None:
    """Check names and order of columns, and all values."""
    assert list(table.columns) == list(columns)
    for name, wanted in columns.items():
        assert table[name].tolist() == pytest.approx(wanted, nan_ok=True), name


def each(n: int = 2) -> list[float]:
    return [t * HOURS for t in range(N) for _ in range(n)]


def test_an_episode_carries_its_key_its_start_and_what_was_computed(
    record: Any, episode: Episode
) -> None:
    names = (episode.scenario, episode.controller, episode.seed, episode.replication)
    assert names == ("where", "who", 3, 8)
    assert episode.start == pd.Timestamp("2016-07-05")
    assert episode.metrics == {"trips": 2.0}
    assert episode.ledger is PAYMENTS
    check(
        episode.timings,
        {
            "name": ["decision", "decision", "world", "power flow"],
            "seconds": [0.25, 0.5, 2.0, 3.0],
        },
    )


def test_steps_hold_sums_extremes_and_prices(record: Any, episode: Episode) -> None:
    found, flow = record.electrics.injections, record.electrics.flow
    grid, sums = record.system.grid, {}
    for name in ("ev_mw", "available_mw", "generation_mw", "storage_mw", "unit_mw", "shift_mw"):
        sums[name] = [row[0] + row[1] for row in getattr(found, name).tolist()]
    worst, low, high = [], [], []
    for row in flow.vm_pu.tolist():
        known = [(volts, k) for k, volts in enumerate(row) if volts == volts]
        low.append(min((volts for volts, _ in known), default=np.nan))
        high.append(max((volts for volts, _ in known), default=np.nan))
        beyond = [max(v - grid.v_max_pu[k], grid.v_min_pu[k] - v, 0.0) for v, k in known]
        worst.append(sum(beyond))
    check(
        episode.steps,
        {
            "time_h": each(1),
            "import_usd_per_mwh": [20.0, 30.0, -10.0, 40.0, 20.0, 30.0],
            "load_mw": record.electrics.served_mw.tolist(),
            "ev_mw": sums["ev_mw"],
            "unserved_mw": record.electrics.unserved_mw.tolist(),
            "available_mw": sums["available_mw"],
            "generation_mw": sums["generation_mw"],
            "curtailed_mw": [
                a - b for a, b in zip(sums["available_mw"], sums["generation_mw"], strict=True)
            ],
            "storage_mw": sums["storage_mw"],
            "unit_mw": sums["unit_mw"],
            "shift_mw": sums["shift_mw"],
            "imbalance_mw": found.imbalance_mw.tolist(),
            "import_mw": flow.source_mw[:, 0].tolist(),
            "import_mvar": flow.source_mvar[:, 0].tolist(),
            "loss_mw": flow.loss_mw.tolist(),
            "vm_pu_min": low,
            "vm_pu_max": high,
            "voltage_violation_pu": worst,
            "loading_percent_max": [max(row) for row in flow.loading_percent.tolist()],
            "converged": flow.converged.tolist(),
        },
    )


def test_wide_tables_have_a_column_per_bus_and_branch(record: Any, episode: Episode) -> None:
    grid, flow = record.system.grid, record.electrics.flow
    branches = [*grid.lines.name, *grid.transformers.name]
    for table, values, names in (
        (episode.vm_pu, flow.vm_pu, grid.bus_name),
        (episode.va_degree, flow.va_degree, grid.bus_name),
        (episode.loading_percent, flow.loading_percent, branches),
        (episode.p_from_mw, flow.branch_mw, branches),
        (episode.q_from_mvar, flow.branch_mvar, branches),
    ):
        assert list(table.columns) == list(names)
        assert table.index.name == "time_h"
        assert table.index.tolist() == each(1)
        assert np.array_equal(table.to_numpy(), values, equal_nan=True)


def test_vehicles_are_read_at_the_ends_of_steps(record: Any, episode: Episode) -> None:
    found, read = record.electrics.injections, record.readings
    words = ["driving", "queueing", "setting_up", "connected", "broken"]
    stations = [station.name for station in record.system.stations]
    first = record.system.vehicles[0].name
    meters = {
        name: read[name].ravel().tolist()
        for name in (
            "charged_mwh", "discharged_mwh", "standing_mwh", "traction_mwh", "distance_km",
            "travel_h", "queue_h", "repair_h", "x_km", "y_km",
        )
    }  # fmt: skip
    check(
        episode.vehicles,
        {
            "time_h": [t + HOURS for t in each()],
            "vehicle": [first, "second"] * N,
            "status": [words[int(k)] for k in read["status"].ravel()],
            "station": [stations[int(k)] for k in read["station"].ravel()],
            "energy_mwh": read["energy_mwh"].ravel().tolist(),
            "p_mw": found.storage_mw.ravel().tolist(),
            "q_mvar": found.storage_mvar.ravel().tolist(),
            **meters,
        },
    )


def test_exchanges_name_vehicle_and_station(record: Any, episode: Episode) -> None:
    first = record.system.vehicles[0].name
    here, there = (station.name for station in record.system.stations)
    check(
        episode.exchanges,
        {
            "time_h": [6.0, 6.0, 24.0],
            "vehicle": [first, "second", "second"],
            "station": [there, here, there],
            "p_mw": [0.1, 0.5, -0.9],
            "q_mvar": [0.2, 0.6, -1.0],
            "highest_mw": [0.3, 0.7, 1.1],
            "lowest_mw": [-0.4, 0.8, -1.2],
        },
    )


def test_loads_are_not_served_without_a_power_flow(record: Any, episode: Episode) -> None:
    found = record.electrics.injections
    load, var, lost = (x.copy() for x in (found.load_mw, found.load_mvar, found.unserved_mw))
    lost[2] += load[2]
    load[2] = var[2] = 0.0
    check(
        episode.loads,
        {
            "time_h": each(),
            "load": ["mill", "farm"] * N,
            "p_mw": load.ravel().tolist(),
            "q_mvar": var.ravel().tolist(),
            "shift_mw": found.shift_mw.ravel().tolist(),
            "unserved_mw": lost.ravel().tolist(),
        },
    )


def test_generators_and_cars_have_a_row_per_step_and_each(record: Any, episode: Episode) -> None:
    found = record.electrics.injections
    check(
        episode.generators,
        {
            "time_h": each(),
            "generator": ["roof", "mast"] * N,
            "available_mw": found.available_mw.ravel().tolist(),
            "p_mw": found.generation_mw.ravel().tolist(),
        },
    )
    check(
        episode.ev_groups,
        {
            "time_h": each(),
            "group": ["street", "square"] * N,
            "p_mw": found.ev_mw.ravel().tolist(),
            "drawn_mwh": [sum(found.ev_mw[: t + 1, g]) * HOURS for t in range(N) for g in range(2)],
            "least_mwh": [0.0] * 2 * N,  # no car ever came
            "most_mwh": [0.0] * 2 * N,
        },
    )


def test_units_tell_why_they_refused(record: Any, episode: Episode) -> None:
    found = record.electrics.injections
    words = ["", *(why.name.lower() for why in Refusal if why)]
    assert words == ["", "min_up", "min_down", "ramp", "slack"]
    columns = {
        "time_h": each(),
        "unit": ["coal", "gas"] * N,
        "on": found.unit_on.ravel().tolist(),
        "p_mw": found.unit_mw.ravel().tolist(),
        "beyond_ramp_mw": [0.0] * 2 * N,
        "refused": [words[k] for k in record.refused.ravel()],
    }
    check(episode.units, columns)


def test_the_slack_unit_is_told_how_far_it_leaves_its_ramp() -> None:
    """0.12 MW a period, from the last step of the period before; nothing without a power flow."""
    record = recorded(made_up(slack=True))
    p_mw = record.electrics.injections.unit_mw[:, 1]
    p_mw[:] = [5.0, 1.0, 3.0, 2.0, 2.1, 0.5]
    table = episode_of(record, PAYMENTS, {}).units
    own = table[table["unit"] == "gas"]["beyond_ramp_mw"].tolist()
    assert own == pytest.approx([0.0, 0.0, 0.0, 0.88, 0.0, 1.38])
    assert (table[table["unit"] == "coal"]["beyond_ramp_mw"] == 0).all()
    assert (episode_of(record, PAYMENTS, {}).steps["import_mw"].dropna() == 0).all()


def test_prices_are_those_of_periods_that_have_some(record: Any, episode: Episode) -> None:
    buses = list(record.system.grid.bus_name)
    n = len(buses)
    check(
        episode.prices,
        {
            "time_h": [12.0] * n + [24.0] * n,
            "bus": buses * 2,
            "lmp_usd_per_mwh": [40.0 + k for k in range(n)] + [np.nan] * (n - 1) + [7.0],
        },
    )


def test_trips_and_spans_are_told_in_hours_with_names(record: Any, episode: Episode) -> None:
    first = record.system.vehicles[0].name
    here, there = (station.name for station in record.system.stations)
    check(
        episode.trips,
        {
            "vehicle": ["second", first],
            "origin": [here, there],
            "destination": [there, here],
            "depart_h": [1.0, 0.0],
            "arrive_h": [2.5, 0.5],
            "free_h": [0.5, 0.5],
            "delay_h": [1.0, 0.0],
        },
    )
    check(
        episode.spans,
        {
            "vehicle": ["second"],
            "from_node": ["A"],
            "to_node": ["B"],
            "ask_h": [1.0],
            "enter_h": [2.0],
            "arrive_h": [2.5],
            "running_h": [0.5],
        },
    )


def test_outages_end_with_the_episode(record: Any, episode: Episode) -> None:
    line = record.system.grid.lines.name[0]
    check(episode.outages, {"line": [line] * 2, "from_h": [6.0, 24.0], "to_h": [18.0, 36.0]})


def test_congestion_holds_what_is_slower_than_four_fifths_of_the_free_speed(
    episode: Episode,
) -> None:
    there = {"from_node": ["village"], "to_node": ["substation"], "speed_share": [0.75]}
    check(episode.congestion, {"time_h": [12.0], **there})


def test_events_and_decisions_keep_their_columns_when_there_are_none() -> None:
    record = recorded(made_up())
    record.recorder.events, record.recorder.decisions = [], []
    found = episode_of(record, PAYMENTS, {})
    assert list(found.events.columns) == ["time_h", "vehicle", "event", "station", "detail"]
    assert list(found.decisions.columns) == [
        "time_h", "period", "status", "objective_usd", "bound_usd", "gap", "fallback",
        "clipped_mwh", "orders", "figures", "trigger",
    ]  # fmt: skip
    found = episode_of(recorded(made_up()), PAYMENTS, {})
    assert found.events["detail"].tolist() == ["why", ""]
    assert found.events["time_h"].tolist() == [1.5, 2.5]
    assert found.decisions["orders"].tolist() == ["ab"]
