"""Whatever the market orders, units and loads keep their limits, and energy and money close."""

from __future__ import annotations

import dataclasses
from itertools import groupby

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.control import MarketPlan, Observation, Plan
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.money import law_money
from sim.inspect.laws.witness import live
from sim.system.thermal_units import ThermalUnit
from tests.world.build import Scripted
from tests.world.test_units import COAL, GAS, MOVABLE, village

N_PERIODS = 8
JUST = 1e-6

units = st.builds(
    lambda low, span, ramp, up, down, on, hours: dataclasses.replace(
        GAS,
        p_min_mw=low,
        p_max_mw=low + span,
        ramp_mw_per_h=ramp,
        min_up_h=up,
        min_down_h=down,
        initially_on=on,
        initial_h=hours,
        initial_mw=None,
    ),
    st.floats(0, 0.5),
    st.floats(0, 1.0),
    st.floats(0.05, 1.0),
    st.integers(0, 4),
    st.integers(0, 4),
    st.booleans(),
    st.integers(0, 4),
)
slacks = st.builds(
    lambda low, span: dataclasses.replace(COAL, p_min_mw=low, p_max_mw=low + span),
    st.floats(0, 0.8),
    st.floats(0, 1.5),
)


@settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(coal=slacks, gas=units, key=st.integers(0, 10**6))
def test_no_order_makes_a_unit_or_a_load_leave_its_limits(
    coal: ThermalUnit, gas: ThermalUnit, key: int
) -> None:
    rng = np.random.default_rng(key)

    def script(observation: Observation) -> Plan:
        n = observation.forecast.n_periods
        if rng.random() < 0.3:
            return Plan()
        return Plan(
            market=MarketPlan(
                commitment=rng.random((n, 2)) < 0.6 if rng.random() < 0.8 else None,
                unit_p_mw=rng.uniform(-0.5, 2.0, (n, 2)) if rng.random() < 0.8 else None,
                shift_mw=rng.uniform(-0.5, 0.5, (n, 1)) if rng.random() < 0.5 else None,
            )
        )

    scenario = village(coal, gas, n_periods=N_PERIODS, **MOVABLE)
    episode, diary = live(scenario, Scripted(script))
    law_energy(scenario, episode)
    law_money(scenario, episode)
    assert (episode.decisions["fallback"] == "").all()

    own = dict(list(episode.units.groupby("unit")))
    slack_mw, p_mw, on = own["coal"]["p_mw"], own["gas"]["p_mw"].to_numpy(), own["gas"]["on"]
    assert own["coal"]["on"].all()
    assert slack_mw.between(coal.p_min_mw - JUST, coal.p_max_mw + JUST).all()
    assert (p_mw[~on] == 0).all()
    assert ((p_mw[on] >= gas.p_min_mw - JUST) & (p_mw[on] <= gas.p_max_mw + JUST)).all()
    # From one period to the next; in the first nobody knows what was before.
    by_period, is_on = p_mw[3::4], on.to_numpy()[3::4]
    edge_mw = gas.edge_mw(1.0)
    for before, after, was_on, stays in zip(
        by_period, by_period[1:], is_on, is_on[1:], strict=False
    ):
        if was_on and stays:
            assert abs(after - before) <= gas.ramp_mw_per_h + JUST
        elif stays or was_on:
            assert max(before, after) <= edge_mw + JUST
    runs = [(state, len(list(run))) for state, run in groupby(is_on)]
    for i, (state, hours) in enumerate(runs[:-1]):
        lasted = hours + (gas.initial_h if i == 0 and state == gas.initially_on else 0)
        assert lasted >= (gas.min_up_h if state else gas.min_down_h)
    steps = episode.steps
    asked = steps["load_mw"] - steps["shift_mw"] + steps["unserved_mw"]
    assert (steps["shift_mw"].abs() <= 0.1 * asked + JUST).all()
    # Nothing is spilled while load is shed, and nothing is left over while either would help.
    assert not ((steps["unserved_mw"] > JUST) & (steps["curtailed_mw"] > JUST)).any()
    over, short = steps["imbalance_mw"] < -JUST, steps["imbalance_mw"] > JUST
    assert (steps.loc[over, "generation_mw"] < JUST).all()
    assert (steps.loc[short, "load_mw"] < JUST).all()
    for observation in diary.observations[1:]:
        last = 4 * observation.period - 1
        seen, now = observation.units, [own["coal"].iloc[last], own["gas"].iloc[last]]
        np.testing.assert_allclose(seen.p_mw, [row["p_mw"] for row in now], atol=JUST)
        assert seen.on.tolist() == [row["on"] for row in now]
