"""Power on fixed routes: energy, limits, and no charging while discharging."""

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.dispatch.row_generation import GeneratedRows
from controllers.scheduling.problem.time_space import AWAY
from sim.control import SolveStatus, VehicleStatus
from tests.controllers.scheduling.build import battery, truck
from tests.controllers.scheduling.cases import feeder, problem_of, random_day

LEAKY = battery(self_discharge_per_h=0.01, auxiliary_mw=0.005)


def executed(exists, found, seen):
    """Return what the batteries hold after each period if the powers are executed."""
    rows = []
    energy = seen.vehicles.energy_mwh.copy()
    for t in range(len(found.p_mw)):
        for k, one in enumerate(exists.vehicles):
            energy[k] = one.battery.after(energy[k], found.p_mw[t, k], exists.timing.period_h)
        rows.append(energy.copy())
    return np.array(rows)


@pytest.mark.parametrize("cells", [battery(), LEAKY])
@pytest.mark.parametrize("seed", range(4))
def test_executed_energy_equals_planned_energy(cells, seed):
    exists = feeder(trucks=[truck(0, 0, battery=cells), truck(1, 2, battery=cells)], n_periods=12)
    seen = random_day(exists, seed)
    found = dispatch(problem_of(exists, seen), (((2, 1), (6, 2)), ()), WorkLimits())
    assert executed(exists, found, seen) == pytest.approx(found.energy_mwh, abs=1e-5)
    assert np.abs(found.p_mw).sum() > 0.5


@pytest.mark.parametrize("seed", range(4))
def test_powers_stay_inside_the_limits_and_the_inverter(seed):
    exists = feeder(n_trucks=2, n_periods=12)
    found = dispatch(problem_of(exists, random_day(exists, seed)), ((), ((0, 0),)), WorkLimits())
    cells = exists.vehicles[0].battery
    assert np.hypot(found.p_mw, found.q_mvar).max() <= cells.s_mva + 1e-9
    assert np.abs(found.p_mw).max() <= 0.5 + 1e-9
    assert found.energy_mwh.min() >= cells.energy_min_mwh - 1e-9
    assert found.energy_mwh.max() <= cells.energy_max_mwh + 1e-9
    assert (found.p_mw[found.station == AWAY] == 0).all()
    assert (found.q_mvar[found.station == AWAY] == 0).all()


def test_negative_prices_do_not_make_it_charge_and_discharge_at_once():
    wasteful = battery(efficiency_charge=0.8, efficiency_discharge=0.8, wear_usd_per_mwh=0.0)
    exists = feeder(trucks=[truck(battery=wasteful)], n_periods=8)
    # Full soon, and paid for losses: only losses could earn more.
    seen = random_day(exists, 1, price=np.full(8, -50.0), export=np.full(8, -50.0))
    found = dispatch(problem_of(exists, seen), ((),), WorkLimits())
    assert executed(exists, found, seen) == pytest.approx(found.energy_mwh, abs=1e-5)


def test_over_voltage_does_not_make_it_charge_and_discharge_at_once():
    wasteful = battery(efficiency_charge=0.7, efficiency_discharge=0.7, wear_usd_per_mwh=0.0)
    exists = feeder(
        trucks=[truck(0, 2, battery=wasteful)],
        n_periods=8,
        tariff={"curtailment_usd_per_mwh": 1e4},
    )
    seen = random_day(exists, 1, available_mw=np.full((8, 1), 6.0))
    found = dispatch(problem_of(exists, seen), ((),), WorkLimits())
    assert executed(exists, found, seen) == pytest.approx(found.energy_mwh, abs=1e-5)


def test_buying_and_selling_stay_apart_where_selling_pays_more():
    exists = feeder(n_periods=4)
    seen = random_day(exists, 2, price=np.full(4, 10.0), export=np.full(4, 90.0))
    problem = problem_of(exists, seen)
    found = dispatch(problem, ((),), WorkLimits())
    imported = problem.network.import_at(found.operating_point(3))
    money = np.where(imported > 0, 10.0, 90.0) * imported
    assert found.outcome.objective_usd > money.sum() - 500.0


def test_over_voltage_is_cured_by_curtailment_where_that_is_cheaper():
    exists = feeder()
    seen = random_day(exists, 0, available_mw=np.full((4, 1), 5.0))
    problem = problem_of(exists, seen)
    found = dispatch(problem, ((),), WorkLimits())
    assert found.curtailed_mw.sum() > 1.0
    assert problem.network.rows_at(found.operating_point(3)).max() < 1e-6


def test_a_battery_outside_its_limits_still_has_a_plan():
    exists = feeder()
    for energy in (-0.2, 0.0, 1.5, 2.0):
        seen = random_day(exists, 3, vehicles={"energy_mwh": np.array([energy])})
        found = dispatch(problem_of(exists, seen), ((),), WorkLimits())
        assert found.outcome.status is SolveStatus.FEASIBLE
        assert executed(exists, found, seen) == pytest.approx(found.energy_mwh, abs=1e-5)


def test_a_vehicle_that_is_broken_for_good_exchanges_nothing():
    exists = feeder()
    states = {"status": np.array([int(VehicleStatus.BROKEN)]), "ready_h": np.array([np.inf])}
    found = dispatch(
        problem_of(exists, random_day(exists, 4, vehicles=states)), ((),), WorkLimits()
    )
    assert (found.p_mw == 0).all()
    assert (found.station == AWAY).all()


def test_a_second_vehicle_without_a_plug_waits_and_is_costly():
    exists = feeder(trucks=[truck(0, 0), truck(1, 1)], n_periods=6)
    problem = problem_of(exists, random_day(exists, 5))
    apart = dispatch(problem, ((), ()), WorkLimits())
    together = dispatch(problem, ((), ((0, 0),)), WorkLimits())
    assert (together.p_mw[:, 1] == 0).all()
    assert together.outcome.objective_usd > apart.outcome.objective_usd + 1000.0


def test_a_trip_without_the_energy_for_it_allows_no_dispatch():
    exists = feeder(trucks=[truck(kwh_per_km=100.0)])
    problem = problem_of(exists, random_day(exists, 6))
    assert dispatch(problem, (((0, 2),),), WorkLimits()) is None


def test_a_violation_that_new_rows_do_not_move_ends_the_rounds(monkeypatch):
    """It lies within the solver's tolerance; it is part of the objective."""
    rounds = []

    def never_kept(self, point, values):
        rounds.append(point)
        assert len(rounds) < 20, "rows are added for ever"
        separate(self, point, values)
        return 4e-5

    exists = feeder()
    problem = problem_of(exists, random_day(exists, 3))
    plain = dispatch(problem, ((),), WorkLimits())
    separate = GeneratedRows.separate
    monkeypatch.setattr(GeneratedRows, "separate", never_kept)
    found = dispatch(problem, ((),), WorkLimits(relative_gap=1e-9))
    assert found.outcome.objective_usd == pytest.approx(plain.outcome.objective_usd, abs=1e-3)
