"""Write the figures of ``six_bus_rail.md`` anew: ``make reproduction``, or run this file.

The stochastic cases take some minutes each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from page import put, table

import gridhaul as gh
from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec

PAGE = Path(__file__).with_suffix(".md")

FREE: Mapping[str, object] = {"market.transport_usd": 0}
CAP: Mapping[str, object] = {"market.emission_cap": 3000}
RESPONSE: Mapping[str, object] = {"market.demand_response": 0.1}
TIGHT: Mapping[str, object] = {"market.line_limit_scale": 0.95}
STORAGE = ("fixed:A", "fixed:B", "fixed:C", "train")

# The published welfare, with the settings of each case [USD].
PUBLISHED: dict[str, tuple[float, Mapping[str, object]]] = {
    "no storage": (158_343.27, {"fleet": "none"}),
    "battery fixed at A": (158_935.62, {"fleet": "fixed:A"}),
    "train, free transport": (161_831.05, FREE),
    "train, 200 USD a span": (160_656.42, {}),
    "cap, no storage": (155_727.25, {"fleet": "none", **CAP}),
    "cap, train": (158_612.22, CAP),
    "cap, train, demand response": (163_378.54, {**CAP, **RESPONSE}),
}
# Gains over no storage in the deterministic reconstruction [USD].
GAINS = {"fixed:A": 1232.0, "fixed:B": 6028.0, "fixed:C": 5734.0, "train": 6028.0}
WITHOUT, PAID = 161_459.0, 5628.0
# The published 10 % of every hour, split so that the cases without storage agree: calibrated.
LOAD_ERROR = {"load_error_daily": 0.06, "load_error_hourly": 0.08}
INFO_GAP = {0.01: 0.096, 0.03: 0.291}
HOURS = (0, 3, 8, 11, 12, 15, 17, 21, 23)


def main() -> None:
    """Run the episodes and put their figures into the page."""
    for name, figures in (
        ("deterministic", deterministic),
        ("prices", prices),
        ("info_gap", info_gap),
        ("stochastic", stochastic),
    ):
        put(PAGE, name, figures())


def deterministic() -> str:
    """Return welfare and gains of the deterministic clearing, as a table."""
    simple = {"segments": 1, "minimum_times": False}
    columns = [
        _gains(simple, FREE), _gains({}, FREE), _gains(simple, {**FREE, **TIGHT}),
    ]  # fmt: skip
    columns[0]["train, 200 USD a span"] = _gain(simple, columns[0]["none"], {})
    columns[1]["train, 200 USD a span"] = _gain({}, columns[1]["none"], {})
    rows = [("no storage, welfare", _usd(WITHOUT), *(_usd(own["none"]) for own in columns))]
    for fleet in (*STORAGE, "train, 200 USD a span"):
        gain = GAINS.get(fleet, PAID)
        rows.append(
            (f"{fleet}, gain", _usd(gain), *(_usd(own[fleet]) if fleet in own else "-"
                                             for own in columns))
        )  # fmt: skip
    header = (
        "deterministic [USD]", "reconstruction", "here, its simplifications",
        "here, minimum times, three segments", "here, simplified, line limits x 0.95",
    )  # fmt: skip
    return table(header, rows)


def _gains(parameters: Mapping[str, object], settings: Mapping[str, object]) -> dict[str, float]:
    """Return welfare without storage, and what each storage gains over it."""
    none = _cleared(parameters, {**settings, "fleet": "none"})
    gains = {fleet: _gain(parameters, none, {**settings, "fleet": fleet}) for fleet in STORAGE}
    return {"none": none, **gains}


def _gain(parameters: Mapping[str, object], none: float, settings: Mapping[str, object]) -> float:
    return _cleared(parameters, settings) - none


def info_gap() -> str:
    """Return published info-gap pairs and ours, as a table."""
    rows = []
    for beta, alpha in INFO_GAP.items():
        own = [
            _said("info_gap_alpha", _episode(
                {"uncertainty": "info_gap", "info_gap_beta": beta}, case
            ))
            for case in ({**CAP, **RESPONSE}, RESPONSE, {})
        ]  # fmt: skip
        rows.append((str(beta), _percent(alpha), *(_percent(value) for value in own)))
    header = (
        "beta", "published", "here: cap, train, demand response", "here: train, demand response",
        "here: train",
    )  # fmt: skip
    return table(header, rows)


def stochastic() -> str:
    """Return published welfare and ours, expected over ten scenarios, as a table."""
    rows = []
    for name, (published, settings) in PUBLISHED.items():
        parameters = {"segments": 1, "uncertainty": "stochastic", **LOAD_ERROR}
        episode = _episode(parameters, settings)
        own, mean = (_said(f"{kind}_welfare_usd", episode) for kind in ("cleared", "mean_first"))
        gap = float(episode.decisions["gap"].iloc[0])
        figures = (_usd(published), _usd(own), _percent(own / published - 1), _percent(gap))
        rows.append((name, *figures, _usd(own - mean)))
    header = (
        "expected welfare [USD]", "published", "here", "difference", "gap proven",
        "value of the stochastic solution",
    )  # fmt: skip
    return table(header, rows)


def prices() -> str:
    """Return locational marginal prices without and with the train, as a table."""
    found = []
    for fleet in ("none", "train"):
        own = _episode({}, {"fleet": fleet, **FREE, **TIGHT}).prices
        found.append(own.pivot_table(index="time_h", columns="bus", values="lmp_usd_per_mwh"))
    buses = [str(bus) for bus in found[0].columns]
    rows = [
        (f"{hour + 1}", *(_price(own.iloc[hour, k]) for own in found for k in range(6)))
        for hour in HOURS
    ]
    rows.append(("mean", *(_price(mean) for own in found for mean in own.mean())))
    header = [f"{bus}, {fleet}" for fleet in ("no storage", "train") for bus in buses]
    return table(("hour", *(f"bus {name}" for name in header)), rows)


def _cleared(parameters: Mapping[str, object], settings: Mapping[str, object]) -> float:
    return _said("cleared_welfare_usd", _episode(parameters, settings))


def _episode(parameters: Mapping[str, object], settings: Mapping[str, object]) -> Episode:
    spec = ControllerSpec(name="market_day_ahead", parameters=tuple(parameters.items()))
    return gh.run(gh.load_scenario("six_bus_rail", settings), spec, verify="off")


def _said(name: str, episode: Episode) -> float:
    return float(json.loads(episode.decisions["figures"].iloc[0])[name])


def _usd(value: float) -> str:
    return f"{value:,.0f}"


def _price(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


if __name__ == "__main__":
    main()
