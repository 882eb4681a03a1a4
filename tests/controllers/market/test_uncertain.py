"""Clearing against missing wind and over scenarios, on the first half of the published day."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from controllers.market.case import Case, Scenarios
from controllers.market.clearing import Clearing, clear, market_model
from controllers.market.info_gap import most_robust
from controllers.market.sampling import LoadError, load_scenarios
from controllers.market.value import clear_from_mean, informed_usd
from controllers.optimisation.work_limits import WorkLimits
from tests.controllers.market.six_bus import six_bus

TIGHT = WorkLimits(relative_gap=1e-6)


def with_wind(case: Case, share: float) -> Case:
    wind = dataclasses.replace(case.renewables, mw=share * case.renewables.mw)
    return dataclasses.replace(case, renewables=wind)


@pytest.fixture(scope="module")
def base() -> Clearing:
    return clear(market_model(six_bus(hours=14)), TIGHT)


@pytest.mark.parametrize("beta", [0.005, 0.02])
def test_the_wind_that_may_be_missing_costs_what_may_be_given_up(
    base: Clearing, beta: float
) -> None:
    robust = most_robust(base, beta, TIGHT, TIGHT)
    assert 0 < robust.alpha <= robust.alpha_bound <= robust.alpha + 1e-4
    least = (1 - beta) * base.welfare_usd
    case = base.model.case
    there, further = (
        clear(market_model(with_wind(case, 1 - alpha)), TIGHT).welfare_usd
        for alpha in (robust.alpha, robust.alpha + 0.01)
    )
    # The decisions were the best for that wind, too: one level is enough.
    assert there == pytest.approx(least, abs=1)
    assert further < least - 1
    assert robust.clearing.welfare_usd == pytest.approx(least, abs=1)
    assert (robust.clearing.renewable_mw <= (1 - robust.alpha) * case.renewables.mw + 1e-6).all()


def test_more_given_up_bears_more_and_all_of_it_all(base: Clearing) -> None:
    shares = [most_robust(base, beta, TIGHT, TIGHT).alpha for beta in (0.0, 0.01, 0.03, 1.0)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.05
    assert shares[-1] == 1.0


def test_the_cap_on_emissions_binds_the_schedule_and_not_the_day_without_wind() -> None:
    case = six_bus(hours=14)
    rate = np.array([1.0, 0.5, 0.5])
    units = dataclasses.replace(case.units, emission_lb_per_mwh=rate)
    free = clear(market_model(dataclasses.replace(case, units=units)), TIGHT)
    emitted = float((free.unit_p_mw[0] @ rate).sum())
    capped_case = dataclasses.replace(case, units=units, emission_cap_lb=emitted - 30)
    capped = clear(market_model(capped_case), TIGHT)
    assert float((capped.unit_p_mw[0] @ rate).sum()) <= emitted - 30 + 1e-6
    assert capped.welfare_usd < free.welfare_usd
    robust = most_robust(capped, 0.02, TIGHT, TIGHT)
    assert robust.alpha == pytest.approx(most_robust(free, 0.02, TIGHT, TIGHT).alpha, abs=1e-4)


def test_knowing_more_never_hurts() -> None:
    case = six_bus(hours=12)
    error = LoadError()
    scenarios: Scenarios = load_scenarios(case, error, np.random.default_rng(5), 200, 4)
    stochastic, from_mean = clear_from_mean(case, scenarios, TIGHT)
    informed = informed_usd(case, scenarios, TIGHT)
    assert from_mean.welfare_usd <= stochastic.welfare_usd + 0.5
    assert stochastic.welfare_usd <= informed + 0.5
    assert stochastic.bound_usd is not None
    assert stochastic.welfare_usd <= stochastic.bound_usd
