"""Two areas, two prices, one truck: all figures were computed on paper."""

from __future__ import annotations

import numpy as np
import pytest

import gridhaul as gh
from sim.episode.ledger import profit_by_party, totals
from tests.areas import write


@pytest.fixture(scope="module")
def two_feeders(tmp_path_factory):
    return gh.load_scenario(write(tmp_path_factory.mktemp("areas") / "two"))


@pytest.fixture(scope="module")
def shared(two_feeders):
    return gh.run(two_feeders, "rolling", verify="off")


def booked(episode):
    sums = episode.ledger.groupby(["payer", "payee", "item"])["usd"].sum()
    return {key: round(usd, 6) for key, usd in sums.items()}


def test_each_area_buys_and_sells_at_its_own_tariff(two_feeders):
    """North imports 1.0 MW at 20, South 2.0 - 0.1 MW at 100 USD/MWh, for five hours."""
    idle = gh.run(two_feeders, "idle", verify="off")
    assert booked(idle) == {
        ("north", "market", "energy bought"): 100.0,
        ("south", "market", "energy bought"): 950.0,
        ("south", "generators", "feed-in"): 3.5,
        ("customers", "south", "retail"): 300.0,
    }
    assert idle.metrics["objective_usd"] == pytest.approx(1053.5)


def test_energy_is_carried_from_the_cheap_area_to_the_dear_one(shared):
    """It pays: 1.0 MWh is bought at 20, 0.81 MWh replaces import at 100 USD/MWh.

    Two hours of charging at 0.5 MW store 0.9 MWh, half an hour of driving takes the third hour, two
    hours of discharging deliver 0.81 MWh. Wear is 5 USD/MWh of 1.81 MWh, the way costs 15 USD:
    81 - 20 - 9.05 - 15 = 36.95 USD less than 1053.5.
    """
    assert shared.metrics["objective_usd"] == pytest.approx(1053.5 - 36.95, abs=1e-6)
    assert booked(shared) == {
        ("north", "market", "energy bought"): 120.0,
        ("south", "market", "energy bought"): 869.0,
        ("south", "generators", "feed-in"): 3.5,
        ("customers", "south", "retail"): 300.0,
        ("haulier", "suppliers", "wear"): 9.05,
        ("haulier", "suppliers", "travel"): 15.0,
    }
    planned = shared.decisions["objective_usd"].iloc[0]
    assert planned == pytest.approx(1016.55, abs=1e-3)


def test_a_truck_earns_nothing_between_areas_of_one_price(tmp_path):
    """The same two feeders at one price: the truck stays, and nothing is gained."""
    folder = write(
        tmp_path / "equal", changes={"import_usd_per_mwh = 100.0": "import_usd_per_mwh = 20.0"}
    )
    episode = gh.run(folder, "rolling", verify="off")
    assert episode.metrics["trips"] == 0
    assert episode.metrics["throughput_mwh"] == 0


def test_shares_of_areas_and_parties_sum_to_the_totals(shared):
    metrics = shared.metrics
    for name in ("import_mwh", "loss_mwh", "curtailed_mwh", "unserved_mwh"):
        parts = [metrics[f"{name}_by_area.{area}"] for area in ("north", "south")]
        assert sum(parts) == pytest.approx(metrics[name], abs=1e-9)
    parties = {"north": -120.0, "south": 300.0 - 872.5, "haulier": -24.05}
    for party, usd in parties.items():
        assert metrics[f"profit_usd_by_party.{party}"] == pytest.approx(usd)
    assert metrics["profit_usd"] == pytest.approx(sum(parties.values()))
    steps = shared.steps
    assert np.allclose(steps["import_mw.north"] + steps["import_mw.south"], steps["import_mw"])


def test_the_default_area_is_the_whole_grid_and_shows_no_shares():
    scenario = gh.load_scenario("tiny")
    (area,) = scenario.system.areas
    assert area.tariff is scenario.system.tariff
    episode = gh.run(scenario, "idle", verify="off")
    assert not [name for name in episode.metrics if "_by_" in name]
    found = profit_by_party(episode.ledger, scenario.system.parties)
    whole = totals(episode.ledger, scenario.system.parties)
    assert sum(found.values()) == pytest.approx(whole.profit_usd)


def test_an_outage_leaves_the_other_area_alone(tmp_path):
    """North loses its line in the second hour: its load is unserved, South notices nothing."""
    more = '[outages]\nfixed = [{ line = "to the north", from_h = 1, hours = 1 }]\n'
    folder = write(tmp_path / "outage", more=more, changes={'uncertainty = "off"\n': ""})
    episode = gh.run(folder, "rolling", verify="off")
    assert episode.metrics["unserved_mwh_by_area.north"] == pytest.approx(1.0)
    assert episode.metrics["unserved_mwh_by_area.south"] == 0.0
    hour = episode.steps[(episode.steps["time_h"] >= 1) & (episode.steps["time_h"] < 2)]
    assert (hour["import_mw.north"].abs() < 1e-9).all()
    assert hour["import_mw.south"].to_numpy() == pytest.approx(np.full(4, 1.9), abs=1e-6)
    at_north = episode.exchanges[episode.exchanges["station"] == "north"]
    assert not at_north["time_h"].between(1, 1.99).any()


def test_who_plans_for_one_area_is_refused_where_there_are_two(two_feeders):
    with pytest.raises(gh.InputError, match="plans for one area, and two has 2"):
        gh.run(two_feeders, "greedy")


def test_an_area_may_have_two_sources_and_lives_on_one(tmp_path):
    """A line joins the north to a third source; without its own line the north lives on that."""
    changes = {
        'sources = ["north source"]': 'sources = ["north source", "third"]',
        '{ bus = "south source", vm_pu = 1.0 }': '{ bus = "south source" }, { bus = "third" }',
        "south source,10": "south source,10\nthird,10",
        "to the south,": "from the third,third,north,1,0.1,0.001,1\nto the south,",
        'uncertainty = "off"\n': "",
    }
    more = '[outages]\nfixed = [{ line = "to the north", from_h = 1, hours = 1 }]\n'
    folder = write(tmp_path / "third", r_ohm=0.1, more=more, changes=changes)
    scenario = gh.load_scenario(folder)
    assert scenario.system.bus_area.tolist() == [0, 1, 0, 0, 1]
    episode = gh.run(scenario, "rolling")  # pandapower verifies every step
    assert episode.metrics["unserved_mwh"] == 0.0
    assert episode.metrics["verify_max_diff_pu"] < 1e-6
    steps = episode.steps.set_index("time_h")
    assert (steps.loc[1.0:1.9, "import_mw.north"] > 1.0).all()
    parts = [episode.metrics[f"import_mwh_by_area.{area}"] for area in ("north", "south")]
    assert sum(parts) == pytest.approx(episode.metrics["import_mwh"])


def test_cars_deal_with_the_operator_of_their_area(tmp_path):
    """Customers' cars are paid for their wear by the south, those of the haulier by himself."""
    more = """
[[ev]]
name = "homes"
bus = "south"
count = 3
p_kw = 11.0
energy_kwh = 50.0
kwh_per_km = 0.2
wear_usd_per_mwh = 10.0

[[ev]]
name = "staff"
bus = "north"
count = 3
p_kw = 11.0
energy_kwh = 50.0
kwh_per_km = 0.2
wear_usd_per_mwh = 10.0
owner = "haulier"
"""
    episode = gh.run(write(tmp_path / "cars", hours=24, more=more), "idle", verify="off")
    wear = episode.ledger[episode.ledger["item"] == "wear"]
    assert set(zip(wear["payer"], wear["payee"], strict=True)) == {
        ("south", "customers"),
        ("haulier", "suppliers"),
    }
    total = sum(episode.metrics[f"profit_usd_by_party.{p}"] for p in ("north", "south", "haulier"))
    assert total == pytest.approx(episode.metrics["profit_usd"])
