"""Prices as series: known a day ahead, or uncertain with a calibrated error."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controllers.greedy.greedy import Greedy
from scenarios import tiny
from sim.control import EvStates
from sim.errors import InputError
from sim.inspect.calibration import calibration
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.scenario import Scenario, load_scenario
from sim.scenario.export import export_scenario
from sim.study.run import run
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature

BLOCKS_END = "]\n\n[penalties]"
USD = [20.0, -30.0, 100.0, 60.0]  # by hour, four hours


def hourly(usd: list[float], days: int = 1) -> pd.DataFrame:
    time = pd.date_range("2016-01-01", periods=24 * days, freq="h")
    return pd.DataFrame({"time": time, "import_usd_per_mwh": np.resize(usd, 24 * days)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return `tiny` with a file of prices in place of its blocks."""
    goal = tmp_path / "mine"
    shutil.copytree(tiny, goal)
    text = (goal / "scenario.toml").read_text()
    start = text.index("block = [")
    end = text.index(BLOCKS_END) + 2
    (goal / "scenario.toml").write_text(text[:start] + 'file = "prices.csv"\n' + text[end:])
    first = pd.read_csv(goal / "profiles.csv", usecols=["time"])["time"].iloc[0]
    prices = hourly(USD, days=3)
    prices["time"] += pd.Timestamp(first) - prices["time"].iloc[0]
    prices.to_csv(goal / "prices.csv", index=False)
    return goal


def rewrite(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    prices = pd.read_csv(folder / "prices.csv", parse_dates=["time"])
    change(prices).to_csv(folder / "prices.csv", index=False)


def test_a_series_is_booked_as_it_stands_and_known_ahead(folder: Path) -> None:
    """Bought energy costs the price of its hour, sold energy earns it, negative ones included."""
    scenario = load_scenario(folder)
    episode = run(scenario, "idle", verify="off")
    usd = np.repeat(USD, 4)
    assert episode.steps["import_usd_per_mwh"].tolist() == usd.tolist()
    paid = (episode.steps["import_mw"] * usd * 0.25).sum()
    book = episode.ledger[episode.ledger["item"].isin(["energy bought", "energy sold"])]
    outward = np.where(book["payer"] == "operator", book["usd"], -book["usd"]).sum()
    assert outward == pytest.approx(paid)
    nature = Nature.build(scenario.system, scenario.uncertainty)
    forecaster = CalibratedForecaster.build(nature, nature.draw(1, 0))
    issued = forecaster.issue(1, 1.0, EvStates.none())
    assert issued.import_usd_per_mwh == pytest.approx(USD[1:])
    assert issued.export_usd_per_mwh == pytest.approx(USD[1:])


def test_series_equal_to_blocks_make_the_same_day(folder: Path) -> None:
    def as_blocks(prices: pd.DataFrame) -> pd.DataFrame:
        prices["import_usd_per_mwh"] = np.resize([20.0, 30.0, 100.0, 60.0], len(prices))
        return prices.assign(export_usd_per_mwh=0.0)

    rewrite(folder, as_blocks)
    for controller in ("greedy", "rolling"):
        one = run("tiny", controller, verify="off").metrics
        other = run(folder, controller, verify="off").metrics
        assert other["cost_usd"] == pytest.approx(one["cost_usd"], abs=1e-6)


def test_quarter_hours_are_averaged_and_hours_repeated(folder: Path) -> None:
    def finer(prices: pd.DataFrame) -> pd.DataFrame:
        time = pd.date_range(prices["time"].iloc[0], periods=72 * 12, freq="5min")
        return pd.DataFrame({"time": time, "import_usd_per_mwh": np.arange(72 * 12.0)})

    rewrite(folder, finer)
    found = run(folder, "idle", verify="off").steps["import_usd_per_mwh"]
    assert (found.iloc[:3] % 288).tolist() == [1.0, 4.0, 7.0]  # from the midnight of any day


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (lambda t: t.drop(columns="import_usd_per_mwh"), ["import_usd_per_mwh", "is no column of"]),
        (lambda t: t.drop(index=5), ["row 6, time", "gap of 1 missing rows"]),
        (lambda t: t.replace(-30.0, np.nan), ["line 3, import_usd_per_mwh", "values as numbers"]),
        (lambda t: t.replace(-30.0, -1e9), ["row 2, import_usd_per_mwh", "a number in every row"]),
        (
            lambda t: t.assign(time=t["time"] + pd.Timedelta(days=1)),
            ["does not cover the record of the profiles", "Give prices from"],
        ),
    ],
    ids=["column", "gap", "empty", "huge", "another day"],
)
def test_bad_prices_are_named_with_file_and_remedy(
    folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame], messages: list[str]
) -> None:
    rewrite(folder, change)
    with pytest.raises(InputError) as caught:
        load_scenario(folder)
    for message in ("prices.csv", *messages):
        assert message in str(caught.value)


def test_prices_are_given_once(folder: Path) -> None:
    for overrides, message in (
        ({"tariff.import_column": "spot"}, "is given beside file. Keep one of the two"),
        ({"tariff.export_column": "spot"}, "stands alone. Give import_column as well"),
    ):
        with pytest.raises(InputError) as caught:
            load_scenario(folder, overrides)
        assert message in str(caught.value)
    with pytest.raises(InputError, match="is given beside blocks"):
        load_scenario("tiny", {"tariff.retail_usd_per_mwh": 100})


@pytest.fixture(scope="module")
def uncertain(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Return `ieee33` with prices in a column of its record, forecast with an error."""
    goal = tmp_path_factory.mktemp("uncertain") / "spot"
    export_scenario("ieee33", goal)
    record = pd.read_parquet(goal / "simbench_2016.parquet")
    rng = np.random.default_rng(5)
    n_days = len(record) // 96
    hour = np.arange(24)
    usd = 50 + 30 * np.sin(hour / 24 * 2 * np.pi) + rng.normal(0, 20, (n_days, 1))
    usd = usd + rng.normal(0, 8, (n_days, 24))
    assert usd.min() < 0  # prices may be
    record["spot"] = np.repeat(usd.ravel(), 4)
    record.to_parquet(goal / "simbench_2016.parquet", index=False)
    overrides = {
        "tariff.block": [],
        "tariff.import_column": "spot",
        "forecast.price": {"near": 0.2, "far": 0.7},
    }
    return load_scenario(goal, overrides)


def test_uncertain_prices_have_calibrated_forecasts(uncertain: Scenario) -> None:
    """The price of the hour that begins is known; those ahead err as the bounds say."""
    nature = Nature.build(uncertain.system, uncertain.uncertainty)
    realisation = nature.draw(1, 0)
    issued = CalibratedForecaster.build(nature, realisation).issue(8, 8.0, EvStates.none())
    (price,) = uncertain.system.tariff.series
    assert issued.import_usd_per_mwh[0] == pytest.approx(realisation.period_mean[8, price])
    assert (
        np.abs(issued.import_usd_per_mwh[1:] - realisation.period_mean[9:24, price][:15]).max() > 1
    )
    assert (issued.profile_std[1:, price] > 1).all()
    found = calibration(uncertain, replications=150).loc["price"]
    assert found["coverage"].loc[1.0:].between(0.86, 0.94).all()
    assert found["slope"].between(0.93, 1.07).all()


def test_prices_change_nothing_else(uncertain: Scenario) -> None:
    """Loads, sun, wind and their forecasts are those of the scenario without the series."""
    plain = load_scenario("ieee33")
    issued = []
    for scenario in (plain, uncertain):
        nature = Nature.build(scenario.system, scenario.uncertainty)
        forecaster = CalibratedForecaster.build(nature, nature.draw(1, 0))
        issued.append(forecaster.issue(8, 8.0, EvStates.none()))
    for name in ("load_mw", "available_mw", "travel_h"):
        one, other = (getattr(each, name) for each in issued)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)  # sums in another order


def test_nobody_sees_prices_to_come(uncertain: Scenario) -> None:
    """Another future of the prices changes nothing that was decided before."""
    law_non_anticipation(uncertain, Greedy, (9,), name="greedy")
