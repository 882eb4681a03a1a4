"""The weighted objective: what is refused, and what the weights do."""

from __future__ import annotations

import pytest

from controllers.multi_objective.multi_objective import MultiObjectivePlanning
from controllers.multi_objective.weights import Weights, weighted
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.dispatch import dispatch
from tests.controllers.scheduling.cases import feeder, problem_of, random_day

N = 4


def test_one_message_names_all_weights_that_are_no_weights():
    with pytest.raises(ValueError, match="pv_weight") as caught:
        MultiObjectivePlanning(
            pv_weight=0.0, cost_weight=-1.0, voltage_weight=float("nan"), margin=-2.0
        )
    for part in ("pv_weight(=0.0)", "cost_weight(=-1.0)", "voltage_weight(=nan)", "margin(=-2.0)"):
        assert part in str(caught.value)


def sunny():
    exists = feeder(n_periods=N)
    return exists, problem_of(exists, random_day(exists, 3, available_mw=[[6.0]] * N))


def curtailed_mwh(pv: float, cost: float, voltage: float) -> float:
    exists, problem = sunny()
    priced = weighted(problem, Weights(pv=pv, cost=cost, voltage=voltage), exists.grid.n_buses)
    found = dispatch(priced, ((),), WorkLimits())
    assert found is not None
    return float(found.curtailed_mw.sum())


def test_sun_is_curtailed_less_the_more_it_weighs_and_more_the_more_voltages_do():
    some = curtailed_mwh(10.0, 1.0, 20_000.0)
    assert curtailed_mwh(20_000.0, 1.0, 20_000.0) < some - 0.5
    assert curtailed_mwh(10.0, 1.0, 200.0) < some - 0.5


def test_only_the_ratios_of_weights_count():
    assert curtailed_mwh(10.0, 1.0, 20_000.0) == pytest.approx(curtailed_mwh(30.0, 3.0, 60_000.0))
