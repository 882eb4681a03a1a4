"""Rent, energy budgets of visits, and responses to errors of the forecast, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gridhaul as gh
from sim.episode.ledger import profit_by_party, totals
from sim.inspect.laws.witness import live, no_guard
from tests.areas import write

NORTH, SOUTH = 0, 1


class Scripted:
    """Returns plans that were written before; by default it keeps what is in force."""

    def __init__(self, *plans):
        self.plans = list(plans)

    def start(self, system, rng):
        pass

    def decide(self, observation):
        return self.plans.pop(0) if self.plans else gh.Plan()


def carried(rent=None, *, p_mw=(-0.5, -0.5, 0.0, 0.405, 0.405), **budget):
    """Charge 1.0 MWh in the north, drive for half an hour, and deliver 0.81 MWh in the south."""
    visits = ((gh.Visit(station=SOUTH, depart_h=2.0, **budget),),)
    fleet = gh.FleetPlan(visits=visits, p_mw=np.array(p_mw)[:, None])
    return gh.Plan(fleet=fleet, rent=rent)


def contract(basis="energy", stored_energy="operators"):
    return f'[rent]\nbasis = "{basis}"\nstored_energy = "{stored_energy}"\n'


def prices(north, south):
    return np.tile([north, south], (5, 1)).astype(float)


def inside(episode, item):
    book = episode.ledger[episode.ledger["item"] == item]
    sums = book.groupby(["payer", "payee"])["usd"].sum()
    return {key: round(float(usd), 9) for key, usd in sums.items()}


def lived(folder, plan, **keywords):
    return live(gh.load_scenario(folder), Scripted(plan), **keywords)


def test_rent_of_energy_is_paid_where_it_flows(tmp_path):
    """1.0 MWh at 4 USD/MWh in the north, 0.81 MWh at 10 USD/MWh in the south."""
    folder = write(tmp_path / "two", more=contract())
    episode = lived(folder, carried(gh.RentPlan(usd_per_mwh=prices(4, 10)))).episode
    assert inside(episode, "rent") == {("north", "haulier"): 4.0, ("south", "haulier"): 8.1}
    assert episode.steps["rent_usd_per_mwh.south"].tolist() == [10.0] * 20


def test_who_discharges_pays_who_charged_what_it_cost(tmp_path):
    """The north bought 1.0 MWh at 20 USD/MWh; all of it is discharged in the south."""
    folder = write(tmp_path / "two", more=contract())
    episode = lived(folder, carried()).episode
    assert inside(episode, "stored energy") == {("south", "north"): 20.0}


def test_energy_of_the_start_and_the_end_belongs_to_the_owner(tmp_path):
    """Half a MWh at 40 USD/MWh is in the battery at the start.

    0.5 MWh at the grid store 0.45 MWh for 10 USD. 0.171 MWh at the grid take 0.19 of 0.95 MWh, a
    fifth of what both have paid: 4 USD to the owner, 2 to the north; what is left of the north's, 8
    USD, the owner takes over at the end.
    """
    changes = {
        "soc_initial = 0.0": "soc_initial = 0.5",
        "[tariff]": "[tariff]\nstored_usd_per_mwh = 40",
    }
    folder = write(tmp_path / "two", more=contract(), changes=changes)
    episode = lived(folder, carried(p_mw=(-0.5, 0.0, 0.0, 0.171, 0.0))).episode
    assert inside(episode, "stored energy") == {
        ("south", "haulier"): 4.0,
        ("south", "north"): 2.0,
        ("haulier", "north"): 8.0,
    }


def test_an_owner_buys_and_sells_at_the_price_of_the_area(tmp_path):
    """He buys 1.0 MWh at 20 and sells 0.81 MWh at 100 USD/MWh."""
    folder = write(tmp_path / "two", more=contract(stored_energy="owner"))
    episode = lived(folder, carried()).episode
    assert inside(episode, "stored energy") == {
        ("haulier", "north"): 20.0,
        ("south", "haulier"): 81.0,
    }


def test_rent_of_presence_is_paid_by_the_hour_connected(tmp_path):
    """Two hours in the north at 3 USD/h; the drive takes 0.5 h; 2.5 h in the south at 2 USD/h."""
    folder = write(tmp_path / "two", more=contract("presence"))
    episode = lived(folder, carried(gh.RentPlan(usd_per_h=prices(3, 2)))).episode
    assert inside(episode, "rent") == {("north", "haulier"): 6.0, ("south", "haulier"): 5.0}


def test_rent_changes_nothing_for_the_system_as_a_whole(tmp_path):
    folder = write(tmp_path / "two", more=contract())
    dear = lived(folder, carried(gh.RentPlan(usd_per_mwh=prices(40, 100)))).episode
    free = lived(folder, carried()).episode
    for name in ("objective_usd", "cost_usd", "profit_usd", "welfare_usd"):
        assert dear.metrics[name] == pytest.approx(free.metrics[name], abs=1e-9)
    gain = dear.metrics["profit_usd_by_party.haulier"] - free.metrics["profit_usd_by_party.haulier"]
    assert gain == pytest.approx(40 * 1.0 + 100 * 0.81)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    powers=st.lists(st.floats(-0.5, 0.5), min_size=5, max_size=5),
    paid=st.lists(st.floats(0, 200), min_size=10, max_size=10),
    leaves=st.sampled_from([0.0, 0.4, 1.25, 2.0, 3.5]),
    basis=st.sampled_from(["energy", "presence"]),
    stored=st.sampled_from(["operators", "owner"]),
)
def test_what_is_paid_is_received_and_parties_sum_to_the_whole(
    tmp_path, powers, paid, leaves, basis, stored
):
    """Whatever is ordered: rent cancels to the cent, areas and parties sum to the totals."""
    folder = write(tmp_path / "any", r_ohm=0.5, more=contract(basis, stored))
    unit = "usd_per_mwh" if basis == "energy" else "usd_per_h"
    rent = gh.RentPlan(**{unit: np.reshape(paid, (5, 2))})
    visits = ((gh.Visit(station=SOUTH, depart_h=leaves),),)
    fleet = gh.FleetPlan(visits=visits, p_mw=np.array(powers)[:, None])
    scenario = gh.load_scenario(folder)
    episode = live(scenario, Scripted(gh.Plan(fleet=fleet, rent=rent))).episode
    book, parties = episode.ledger, scenario.system.parties
    between = book[book["item"].isin(["rent", "stored energy"])]
    assert set(between["payer"]) | set(between["payee"]) <= set(parties)
    assert sum(profit_by_party(between, parties).values()) == pytest.approx(0.0, abs=1e-9)
    whole = totals(book, parties)
    assert sum(profit_by_party(book, parties).values()) == pytest.approx(whole.profit_usd, abs=1e-6)
    steps, amount = episode.exchanges, 0.0
    for place, price in (("north", 0), ("south", 1)):
        if basis == "energy":
            own = steps[steps["station"] == place]
            period = (own["time_h"] // 1).astype(int).to_numpy()
            amount += (own["p_mw"].abs().to_numpy() * 0.25 * rent.usd_per_mwh[period, price]).sum()
    if basis == "energy":
        assert between.loc[between["item"] == "rent", "usd"].sum() == pytest.approx(
            amount, abs=1e-6
        )
    for name in ("import_mwh", "loss_mwh", "unserved_mwh"):
        parts = [episode.metrics[f"{name}_by_area.{area}"] for area in ("north", "south")]
        assert sum(parts) == pytest.approx(episode.metrics[name], abs=1e-9)


@pytest.mark.parametrize("guard", [None, no_guard])
def test_the_world_keeps_the_budget_of_a_visit(tmp_path, guard):
    """0.5 of 0.81 MWh may be discharged: 0.405 in the fourth hour, 0.095 in the last."""
    keywords = {} if guard is None else {"guard": guard}
    found = lived(write(tmp_path / "two"), carried(discharge_mwh=0.5), **keywords)
    south = found.episode.exchanges.query("station == 'south'")
    assert south["p_mw"].tolist() == pytest.approx([0.405] * 4 + [0.095] * 4)
    assert found.episode.metrics["clipped_mwh"] == pytest.approx(0.31)
    left = [own.vehicles.discharge_left_mwh[0] for own in found.diary.observations]
    assert left == pytest.approx([np.inf, np.inf, 0.5, 0.5, 0.095])
    assert np.isinf(found.diary.observations[-1].vehicles.charge_left_mwh).all()


def test_a_budget_begins_with_a_visit_to_where_the_vehicle_stands(tmp_path):
    """From the second hour on 0.2 MWh may be charged; the hour before does not count."""
    visits = ((gh.Visit(station=NORTH, depart_h=1.0, charge_mwh=0.2),),)
    fleet = gh.FleetPlan(visits=visits, p_mw=np.full((5, 1), -0.4))
    episode = lived(write(tmp_path / "two"), gh.Plan(fleet=fleet)).episode
    hourly = episode.vehicles["charged_mwh"].to_numpy().reshape(5, 4).sum(axis=1)
    assert hourly == pytest.approx([0.4, 0.2, 0.0, 0.0, 0.0])
    assert episode.metrics["trips"] == 0


@pytest.mark.parametrize(
    ("planned_mw", "factor", "executed"),
    [
        (0.25, 1.0, [0.05, 0.45, 0.15, 0.35]),
        (0.25, 0.5, [0.15, 0.35, 0.2, 0.3]),
        (0.1, 1.0, [0.0, 0.3, 0.0, 0.2]),  # it does not turn into charging
        (-0.1, 1.0, [-0.3, 0.0, -0.2, 0.0]),  # nor into discharging
        (0.0, 1.0, [0.0] * 4),
        (0.45, 1.0, [0.25, 0.5, 0.35, 0.5]),  # the rating
    ],
)
def test_power_follows_the_error_of_the_area_step_by_step(tmp_path, planned_mw, factor, executed):
    """A load of 1 MW is 0.2 below, 0.2 above, 0.1 below and 0.1 above its mean in every hour."""
    changes = {"soc_initial = 0.0": "soc_initial = 0.5"}
    folder = write(tmp_path / "two", hours=1, ripple=(0.8, 1.2, 0.9, 1.1), changes=changes)
    plan = gh.Plan(
        fleet=gh.FleetPlan(p_mw=np.array([[planned_mw]])),
        response=gh.ResponsePlan(factor=np.array([[factor]])),
    )
    episode = lived(folder, plan).episode
    assert episode.vehicles["p_mw"].tolist() == pytest.approx(executed, abs=1e-9)


def test_a_response_is_to_the_area_in_which_the_vehicle_stands(tmp_path):
    """In the south the load swings twice as much, and the sun does not."""
    changes = {"soc_initial = 0.0": "soc_initial = 0.5", "trailer,north": "trailer,south"}
    folder = write(tmp_path / "two", hours=1, ripple=(0.9, 1.1, 0.95, 1.05), changes=changes)
    plan = gh.Plan(
        fleet=gh.FleetPlan(p_mw=np.array([[0.25]])),
        response=gh.ResponsePlan(factor=np.array([[1.0]])),
    )
    episode = lived(folder, plan).episode
    assert episode.vehicles["p_mw"].tolist() == pytest.approx([0.05, 0.45, 0.15, 0.35])
    flat = episode.steps["import_mw.south"]
    assert flat.to_numpy() == pytest.approx(np.full(4, 2.0 - 0.1 - 0.25), abs=1e-6)


def test_a_response_stays_within_the_budget_of_the_visit(tmp_path):
    changes = {"soc_initial = 0.0": "soc_initial = 0.5"}
    folder = write(tmp_path / "two", hours=1, ripple=(0.8, 1.2, 0.9, 1.1), changes=changes)
    visits = ((gh.Visit(station=NORTH, depart_h=0.0, discharge_mwh=0.1),),)
    plan = gh.Plan(
        fleet=gh.FleetPlan(visits=visits, p_mw=np.array([[0.25]])),
        response=gh.ResponsePlan(factor=np.array([[1.0]])),
    )
    episode = lived(folder, plan).episode
    assert episode.vehicles["discharged_mwh"].sum() == pytest.approx(0.1)


REFUSED = {
    "no contract": ("", {"usd_per_mwh": prices(1, 1)}, "no contract of rent"),
    "another basis": (contract(), {"usd_per_h": prices(1, 1)}, "contract for energy"),
    "below zero": (contract(), {"usd_per_mwh": prices(1, -1)}, ">= 0"),
    "not finite": (contract(), {"usd_per_mwh": prices(1, np.nan)}, "must be finite"),
    "a column too few": (contract(), {"usd_per_mwh": prices(1, 1)[:, :1]}, "(periods, 2)"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_prices_that_mean_nothing_are_refused(tmp_path, case):
    more, price, words = case
    found = lived(write(tmp_path / "two", more=more), gh.Plan(rent=gh.RentPlan(**price)))
    assert found.episode.metrics["failed_decisions"] == 1
    assert words in found.episode.decisions["fallback"].iloc[0]


@pytest.mark.parametrize("budget", [-1.0, np.nan, "much", True])
def test_budgets_that_mean_nothing_are_refused(tmp_path, budget):
    found = lived(write(tmp_path / "two"), carried(charge_mwh=budget))
    assert "charge_mwh" in found.episode.decisions["fallback"].iloc[0]


def test_factors_that_mean_nothing_are_refused(tmp_path):
    plan = gh.Plan(response=gh.ResponsePlan(factor=np.array([[np.inf]])))
    found = lived(write(tmp_path / "two"), plan)
    assert "response.factor" in found.episode.decisions["fallback"].iloc[0]
