"""Every figure of an episode against plain sums over what was recorded, made up for it."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from sim.episode.metrics import metrics, penalties_usd
from sim.system.tariff import Penalties
from sim.world.recorder import Decision, Event
from tests.episode.made_up import HOURS, N, made_up, recorded

LEDGER = pd.DataFrame(
    [
        ("customers", "operator", "retail", 100.0),
        ("operator", "market", "energy bought", 30.0),
        ("benefit", "customers", "demand benefit", 400.0),
    ],
    columns=["payer", "payee", "item", "usd"],
)
SAID = ('{"x": 1, "y": 2.5}', '{"x": 7}')


def decision(status: str, gap: float, fallback: str, figures: str) -> Decision:
    return Decision(0.0, 0, status, 1.0, 0.5, gap, fallback, 0.25, "ab", figures, "")


@pytest.fixture(scope="module")
def record() -> Any:
    """Return a record with limits that are left, refusals and decisions of all kinds."""
    system = made_up(slack=False)
    units = tuple(
        dataclasses.replace(unit, emission_lb_per_mwh=a, emission_lb_per_start=b)
        for unit, a, b in zip(system.units, (2.0, 3.0), (50.0, 70.0), strict=True)
    )
    weights = Penalties(voltage_usd_per_pu_h=10.0, loading_usd_per_percent_h=2.0)
    system = dataclasses.replace(system, units=units, penalties=weights)
    found = recorded(system)
    found.evs_short, found.evs_impossible = 3, 4
    found.figures = ("x", "y", "never")
    found.verification = SimpleNamespace(steps=np.arange(5), difference_pu=0.125)
    found.recorder.events = [
        Event(0.0, "v", event, "s", "") for event in ("departed", "arrived", "departed", "departed")
    ]
    found.recorder.decisions = [
        decision("optimal", 0.1, "", ""),
        decision("failed", math.nan, "held", SAID[0]),
        decision("deadline", 0.3, "held", SAID[1]),
        decision("feasible", 0.2, "", ""),
    ]
    electrics = found.electrics
    electrics.injections.unit_on = np.array(
        [[1, 0], [0, 1], [1, 1], [1, 0], [0, 1], [1, 1]], dtype=bool
    )
    # The means of steps 0, 1 and 3 keep their limits; inside steps 1 and 4 some moments do not.
    volts = electrics.flow.vm_pu
    volts[[0, 1, 3, 4]] = np.where(np.isnan(volts[[0, 1, 3, 4]]), np.nan, 1.0)
    volts[5, 0] = 1.2
    electrics.injections.changed_step = np.array([0, 1, 3, 0, 1, 3])
    electrics.changed_vm_pu = np.ones((6, system.grid.n_buses))
    electrics.changed_vm_pu[4, 1] = 0.8
    return found


def test_every_figure_is_a_plain_sum(record: Any) -> None:
    system, electrics, read = record.system, record.electrics, record.readings
    found, flow, grid = electrics.injections, electrics.flow, record.system.grid
    known = [(t, k) for t in range(N) for k in range(grid.n_buses) if flow.vm_pu[t, k] > 0]
    beyond = {
        (t, k): max(flow.vm_pu[t, k] - grid.v_max_pu[k], grid.v_min_pu[k] - flow.vm_pu[t, k], 0.0)
        for t, k in known
    }
    over = [max(x - 100.0, 0.0) for row in flow.loading_percent.tolist() for x in row if x == x]
    penalty = 10.0 * sum(beyond.values()) * HOURS + 2.0 * sum(over) * HOURS
    assert penalty > 0
    violated = {t for (t, _), usd in beyond.items() if usd > 0} | {1}
    starts = [(t, k) for k in range(2) for t in range(N)
              if found.unit_on[t, k] and not (found.unit_on[t - 1, k] if t else True)]  # fmt: skip
    emission = sum(
        found.unit_mw[t, k] * HOURS * (2.0, 3.0)[k]
        for t in range(N) for k in range(2) if flow.converged[t]
    ) + sum((50.0, 70.0)[k] for _, k in starts)  # fmt: skip
    refused = sum(
        bool(record.refused[2 * p : 2 * p + 2, k].any()) for p in range(N // 2) for k in range(2)
    )
    left = sum(
        abs(found.shift_mw[first:last, k].sum()) * HOURS
        for first, last in ((0, 4), (4, 6)) for k in range(2)
    )  # fmt: skip
    exchanged = (read["charged_mwh"] + read["discharged_mwh"]).sum(axis=0)
    assert metrics(record, LEDGER) == pytest.approx(
        {
            "objective_usd": 30.0 + penalty,
            "cost_usd": 30.0,
            "penalty_usd": penalty,
            "penalty_voltage_usd": 10.0 * sum(beyond.values()) * HOURS,
            "penalty_loading_usd": 2.0 * sum(over) * HOURS,
            "profit_usd": 70.0,
            "welfare_usd": 370.0,
            "import_mwh": sum(x for x in flow.source_mw[:, 0] if x == x) * HOURS,
            "loss_mwh": sum(x for x in flow.loss_mw if x == x) * HOURS,
            "curtailed_mwh": (found.available_mw.sum() - found.generation_mw.sum()) * HOURS,
            "unserved_mwh": sum(electrics.unserved_mw) * HOURS,
            "imbalance_mwh": sum(abs(found.imbalance_mw)) * HOURS,
            "shift_open_mwh": left,
            "emission_lb": emission,
            "refusals": refused,
            "evs_short": 3,
            "evs_impossible": 4,
            "ev_mwh": found.ev_mw.sum() * HOURS,
            "throughput_mwh": exchanged.sum(),
            "cycles": sum(
                own / (2 * vehicle.battery.energy_mwh)
                for own, vehicle in zip(exchanged, system.vehicles, strict=True)
            ),
            "stored_change_mwh": read["energy_mwh"][-1].sum()
            - sum(v.battery.soc_initial * v.battery.energy_mwh for v in system.vehicles),
            "voltage_violation_steps": len(violated),
            "peak_violation_steps": 1,
            "peak_violation_pu": system.grid.v_min_pu[1] - 0.8,
            "voltage_violation_pu_h": sum(beyond.values()) * HOURS,
            "vm_pu_min": min(flow.vm_pu[place] for place in known),
            "vm_pu_max": 1.2,
            "loading_percent_max": np.nanmax(flow.loading_percent),
            "trips": 3,
            "delay_h": 1.0,
            "travel_h": read["travel_h"].sum(),
            "queue_h": read["queue_h"].sum(),
            "repair_h": read["repair_h"].sum(),
            "track_waits": int(read["track_waits"].sum()),
            "track_wait_h": read["track_wait_h"].sum(),
            "decisions": 4,
            "called_decisions": 0,
            "fallbacks": 2,
            "failed_decisions": 1,
            "deadline_decisions": 1,
            "clipped_mwh": 1.0,
            "ordered_mwh": 1.0
            + exchanged.sum()
            + HOURS * (found.unit_mw.sum() + abs(found.shift_mw).sum()),
            "gap_max": 0.3,
            "steps": N,
            "unconverged_steps": 1,
            "verified_steps": 5,
            "verify_max_diff_pu": 0.125,
            "x": 1.0,
            "y": 2.5,
            "never": math.nan,
        },
        nan_ok=True,
    )


def test_a_step_counts_as_violated_by_what_happened_inside_it(record: Any) -> None:
    """Only the step whose own moment was too low, not each in which something changed."""
    found = metrics(record, LEDGER)["voltage_violation_steps"]
    record.electrics.changed_vm_pu[4, 1] = 1.0
    assert metrics(record, LEDGER)["voltage_violation_steps"] == found - 1
    record.electrics.changed_vm_pu[4, 1] = 0.8


def test_the_penalty_of_some_steps_is_their_part(record: Any) -> None:
    parts = [penalties_usd(record.system, record.electrics, slice(t, t + 1)) for t in range(N)]
    whole = penalties_usd(record.system, record.electrics)
    np.testing.assert_allclose(np.sum(parts, axis=0), whole)
    assert parts[2] == (0.0, 0.0)  # no power flow, no limit that is known to be left
    assert sum(parts[5]) > 0.0


def test_a_slack_unit_has_a_figure_of_its_own_and_gaps_may_be_missing() -> None:
    record = recorded(made_up(slack=True))
    record.electrics.injections.unit_mw[:, 1] = [5.0, 1.0, 3.0, 2.0, 2.1, 0.5]
    record.electrics.injections.changed_step = np.array([], dtype=np.int64)
    record.electrics.changed_vm_pu = np.empty((0, record.system.grid.n_buses))
    record.evs_short = record.evs_impossible = 0
    record.verification = cast("Any", SimpleNamespace(steps=np.arange(0), difference_pu=0.0))
    record.figures = ()
    record.recorder.decisions = [decision("optimal", math.nan, "", "")]
    found = metrics(record, LEDGER)
    assert found["slack_ramp_mwh"] == pytest.approx((0.88 + 1.38) * HOURS)
    assert math.isnan(found["gap_max"])
    assert found["import_mwh"] == 0.0
