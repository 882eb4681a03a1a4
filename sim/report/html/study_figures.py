"""Make the figures of a study and their captions from its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from sim.episode.ledger import BENEFIT, INCOME
from sim.report.figures import (
    cars,
    comparison,
    distribution,
    energy,
    fan,
    heatmap,
    prices,
    timeline,
    timetable,
    waterfall,
)
from sim.report.figures.timeline import Bar
from sim.report.html import map
from sim.report.html.embedding import Figure, figure, in_script
from sim.report.html.payments import payments
from sim.report.wording import signed
from sim.study.inference import statistics
from sim.study.inference.days import Days
from sim.study.store.stored_study import StoredStudy
from sim.system.areas import PARTIES
from sim.units import FloatArray

FEWEST_DAYS = 3  # for quantiles over days


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownDay:
    """The day whose steps the page shows.

    Attributes
    ----------
    replication, start
        Which it is, and its date.
    vm_pu
        Voltages by controller, index ``time_h``, one column per bus [pu].
    vehicles, bars, spans, prices
        Vehicles, their activities, the segments of track that trains ran over, and locational
        marginal prices, by controller; prices only of controllers that found any.
    cars
        Groups of electric cars, by controller; only where there are any, and none in folders of
        earlier versions.
    outages
        Lines out of service, the same for all controllers; none in folders of earlier versions.
    """

    replication: int
    start: pd.Timestamp
    vm_pu: dict[str, pd.DataFrame]
    vehicles: dict[str, pd.DataFrame]
    bars: dict[str, list[Bar]]
    spans: dict[str, pd.DataFrame]
    prices: dict[str, pd.DataFrame]
    cars: dict[str, pd.DataFrame]
    outages: pd.DataFrame

    @property
    def label(self) -> str:
        """How captions call it."""
        return f"replication {self.replication}, which starts on {self.start:%d %B %Y}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """The map: what its script draws, and the data to download."""

    caption: str
    json: Markup
    data: Markup


def select_day(study: StoredStudy, metrics: pd.DataFrame, names: list[str]) -> ShownDay | None:
    """Return the day with the most voltage violation under the first controller.

    Controllers that did not finish it are left out. None if the study keeps no steps.
    """
    if not study.keeps("vm_pu"):
        return None
    system = study.manifest["system"]
    replication = _most_violated_day(metrics, names)
    episodes = study.table("episodes", replication=replication)
    present = [name for name in names if name in set(episodes["controller"])]
    set_up_h = {station["name"]: station["set_up_h"] for station in system["stations"]}
    vm_pu, vehicles, bars, spans, lmp, evs = {}, {}, {}, {}, {}, {}
    for name in present:
        chosen = {"controller": name, "replication": replication}
        wide = study.table("vm_pu", **chosen)
        # A bus may be called like a key, so columns go by position.
        vm_pu[name] = wide.iloc[:, 3:].set_axis(pd.Index(wide.iloc[:, 2], name="time_h"))
        vehicles[name] = study.table("vehicles", **chosen)
        events = study.table("events", **chosen)
        spans[name] = study.table("spans", **chosen)
        found = study.table("prices", **chosen)
        if len(found):
            lmp[name] = found
        groups = study.table("ev_groups", **chosen)
        if len(groups) and "drawn_mwh" in groups:
            evs[name] = groups
        bars[name] = timeline.bars(events, vehicles[name], set_up_h, system["end_h"])
    return ShownDay(
        replication=replication,
        start=pd.Timestamp(episodes["start"].iloc[0]),
        vm_pu=vm_pu,
        vehicles=vehicles,
        bars=bars,
        spans=spans,
        prices=lmp,
        cars=evs,
        outages=study.table("outages", controller=present[0], replication=replication).reindex(
            columns=["line", "from_h", "to_h"]
        ),
    )


def map_of_day(study: StoredStudy, day: ShownDay | None, shown: str) -> Map | None:
    """Return the map, None for a study that keeps no positions; it opens with `shown`."""
    if day is None or "map" not in study.manifest["system"]:
        return None
    drawn = map.content(
        study.manifest["system"], day.vm_pu, day.vehicles, day.bars, day.outages, day.start, shown
    )
    return Map(
        caption=map.caption(day.label, drawn),
        json=in_script(drawn),
        data=in_script(map.data(day.vehicles)),
    )


def figures_of_all_days(
    study: StoredStudy, metrics: pd.DataFrame, names: list[str], days: Days
) -> list[Figure]:
    """Return the figures of all days."""
    found = []
    if len(names) > 1:
        found.append(_paired(metrics, names, days))
    objective = metrics["objective_usd"].unstack("controller")[names]
    if len(objective) > 1:
        found.append(
            figure(
                "distribution",
                "The objective over the days",
                "One point per day; the box holds the middle half of them, its line is the median.",
                distribution.alternative(objective),
                distribution.figure(objective),
                objective.reset_index(),
            )
        )
    found += _cost_figures(study, metrics, names)
    if len(objective) >= FEWEST_DAYS and study.keeps("steps"):
        found.append(_fan(study, names, len(objective)))
    return found


def figures_of_day(study: StoredStudy, day: ShownDay, first: str) -> list[Figure]:
    """Return the figures that show one day step by step."""
    system = study.manifest["system"]
    limits = np.array(system["v_min_pu"]), np.array(system["v_max_pu"])
    bars = [(name, *bar) for name, own in day.bars.items() for bar in own]
    long = pd.concat(day.vm_pu, names=["controller"]).reset_index()
    energies = [
        own[["time_h", "vehicle", "energy_mwh", "p_mw"]].assign(controller=name)
        for name, own in day.vehicles.items()
    ]
    trains = system.get("map", {}).get("rails", {}).get("trains", ())
    who = "vehicles" if trains else "trucks"
    return [
        figure(
            "voltages",
            "Voltages against their limits",
            f"Band between the lowest and the highest bus voltage, step means, {day.label}: of "
            f"the days simulated the one with the most violation under {first}. Dashed: limits. "
            "Filled solid: beyond them.",
            " ".join(_band_in_words(name, own) for name, own in day.vm_pu.items()),
            comparison.voltages(day.vm_pu, *limits, day.start),
            _extremes(day.vm_pu),
        ),
        _heat_map(day, long, *limits),
        figure(
            "timeline",
            f"What the {who} did",
            f"On {day.label}. Names are stations: where one of the {who} stands, or goes to.",
            " ".join(_bars_in_words(name, own) for name, own in day.bars.items()),
            comparison.timeline(day.bars, day.start, system["end_h"]),
            pd.DataFrame(
                bars, columns=["controller", "vehicle", "activity", "station", "start_h", "end_h"]
            ),
        ),
        *([_timetable(day, system)] if trains else []),
        *([_prices(day, system)] if day.prices else []),
        figure(
            "energy",
            f"Energy in the {who}",
            f"Stored energy at the end of each step, {day.label}.",
            energy.alternative(day.vehicles),
            energy.figure(day.vehicles, day.start, system["end_h"]),
            pd.concat(energies)[["controller", "vehicle", "time_h", "energy_mwh", "p_mw"]],
        ),
        *([_cars(day, system)] if day.cars else []),
    ]


def _cars(day: ShownDay, system: dict[str, Any]) -> Figure:
    named = [own.assign(controller=name) for name, own in day.cars.items()]
    columns = ["controller", "group", "time_h", "p_mw", "drawn_mwh", "least_mwh", "most_mwh"]
    return figure(
        "cars",
        "Energy that electric cars drew",
        f"All groups since the start, {day.label}. Band: between charging as late as the next "
        "trips allow (feeding in before, where cars can) and as early as possible; who feeds in "
        "and charges again draws losses on top. Groups one by one are in the data.",
        cars.alternative(day.cars),
        cars.figure(day.cars, day.start, system["end_h"]),
        pd.concat(named)[columns],
    )


def costs(study: StoredStudy, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return mean payments to others per episode: ``controller, entry, usd``."""
    entries = study.table("ledger")
    entries = entries[~entries["item"].isin((INCOME, BENEFIT))]
    inside = study.manifest["system"].get("parties", PARTIES)
    sign = entries["payer"].isin(inside).astype(int) - entries["payee"].isin(inside).astype(int)
    entries, sign = entries[sign != 0], sign[sign != 0]  # what parties pay each other cancels
    usd = (entries["usd"] * sign).groupby([entries["controller"], entries["item"]]).sum()
    episodes = metrics.groupby("controller").size()
    mean = usd.div(episodes, level="controller").rename("usd").rename_axis(["controller", "entry"])
    table = mean.reset_index()
    table["entry"] = table["entry"].str.replace("_", " ")
    return table


def _penalties(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return mean penalties per episode, by kind where the folder says it; as `costs`."""
    kinds = {
        "penalty_voltage_usd": "penalty for voltages",
        "penalty_loading_usd": "penalty for loadings",
    }
    if not {*kinds} <= set(metrics.columns):
        kinds = {"penalty_usd": "penalty"}
    mean = metrics[list(kinds)].groupby("controller", sort=False).mean().rename(columns=kinds)
    return pd.DataFrame(
        [
            {"controller": name, "entry": entry, "usd": usd}
            for name, row in mean.iterrows()
            for entry, usd in row.items()
        ]
    )


def _most_violated_day(metrics: pd.DataFrame, names: list[str]) -> int:
    table = metrics["voltage_violation_pu_h"].unstack("controller")[names].dropna()
    if table.empty:  # no day that all of them finished
        return int(metrics.index.get_level_values("replication")[0])
    worst = int(table[names[0]].to_numpy().argmax())
    return int(table.index.to_numpy()[worst])


def _paired(metrics: pd.DataFrame, names: list[str], days: Days) -> Figure:
    differences = statistics.paired(metrics, names, days)
    words = [
        f"{name}: objective {signed(found.mean)} USD, 95 % interval {signed(found.ci95_low)} to "
        f"{signed(found.ci95_high)}."
        for name in names[1:]
        for found in [statistics.estimate_at(differences, name, "objective_usd")]
    ]
    return figure(
        "paired",
        "Paired differences",
        "Mean difference per episode on common days, with its 95 % interval. Left of zero is "
        "better.",
        f"Against {names[0]}. " + " ".join(words),
        comparison.paired(differences, names),
        differences.reset_index(),
    )


def _cost_figures(study: StoredStudy, metrics: pd.DataFrame, names: list[str]) -> list[Figure]:
    entries = costs(study, metrics)
    entries = pd.concat([entries, _penalties(metrics)], ignore_index=True)
    usd = entries.pivot_table(
        index="entry", columns="controller", values="usd", aggfunc="sum", fill_value=0.0
    ).reindex(columns=names, fill_value=0.0)
    sums = ", ".join(f"{name} {signed(float(usd[name].sum()))} USD" for name in names)
    waterfalls = figure(
        "waterfall",
        f"From the objective of {names[0]} to that of the others"
        if names[1:]
        else "How the objective sums",
        "Payments and penalties, mean per episode; the axis need not start at zero. Orange with a "
        "plus adds to the objective, green with a minus takes from it."
        if names[1:]
        else "Payments and penalties. Orange with a plus adds, green with a minus takes away.",
        waterfall.alternative(usd),
        waterfall.figure(usd),
        usd.reset_index(),
    )
    paid = payments(study, metrics, names)
    if len(names) == 1:
        return [waterfalls, *paid]
    bars = figure(
        "cost",
        "What the objective is made of",
        "Mean payments of operator and fleet to others per episode, and penalties; income counts "
        "negative. For each controller the bars add up to its objective.",
        f"Sums: {sums}.",
        comparison.ledger(entries, names),
        entries,
    )
    return [bars, waterfalls, *paid]


def _fan(study: StoredStudy, names: list[str], days: int) -> Figure:
    system = study.manifest["system"]
    found = fan.quantiles(study.table("steps"))
    return figure(
        "fan",
        "Voltages of all days",
        f"Lowest (solid) and highest (dotted) bus voltage by the hour over {days} days: median, "
        "middle half, and nine days in ten. Dashed: limits.",
        fan.alternative(found, names),
        fan.figure(found, names, max(system["v_min_pu"]), min(system["v_max_pu"])),
        found,
    )


def _heat_map(
    day: ShownDay, voltages: pd.DataFrame, v_min_pu: FloatArray, v_max_pu: FloatArray
) -> Figure:
    shown = heatmap.buses_shown(day.vm_pu, v_min_pu, v_max_pu)
    low, high = v_min_pu[shown], v_max_pu[shown]
    vm_pu = {name: own.iloc[:, shown] for name, own in day.vm_pu.items()}
    part = "" if len(shown) == len(v_min_pu) else f"The {len(shown)} buses nearest to a limit. "
    return figure(
        "heatmap",
        "Voltage of every bus",
        f"{part}Step means, {day.label}. Blue is low, orange is high; white triangles point down "
        "where a bus is below its lower limit and up where it is above its upper one.",
        heatmap.alternative(vm_pu, low, high),
        heatmap.figure(vm_pu, low, high, day.start),
        voltages.iloc[:, [0, 1, *(shown + 2)]],
    )


def _timetable(day: ShownDay, system: dict[str, Any]) -> Figure:
    rails = system["map"]["rails"]
    stations = {
        own["name"]: node
        for own, node in zip(system["stations"], rails["stations"], strict=True)
        if node is not None
    }
    return figure(
        "timetable",
        "The timetable that was run",
        f"On {day.label}. Every line is a train: sloping where it runs, level where it stands; "
        "broad where it is connected to the grid, dotted where it waits for another train. Names "
        "in italics: nodes without a connection to the grid.",
        timetable.alternative(day.spans),
        timetable.figure(day.spans, day.bars, rails, stations, day.start, system["end_h"]),
        pd.concat(day.spans.values()).drop(columns="replication"),
    )


def _prices(day: ShownDay, system: dict[str, Any]) -> Figure:
    return figure(
        "prices",
        "Locational marginal prices",
        f"What one more MWh at a bus costs in each period, by the last clearing, {day.label}. The "
        "few highest prices share the brightest colour.",
        prices.alternative(day.prices),
        prices.figure(day.prices, day.start, system["end_h"]),
        pd.concat(day.prices.values()).drop(columns="replication"),
    )


def _extremes(vm_pu: dict[str, pd.DataFrame]) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "controller": name,
                "time_h": own.index,
                "vm_pu_min": np.fmin.reduce(own.to_numpy(), axis=1),
                "vm_pu_max": np.fmax.reduce(own.to_numpy(), axis=1),
            }
        )
        for name, own in vm_pu.items()
    ]
    return pd.concat(tables)


def _band_in_words(name: str, vm_pu: pd.DataFrame) -> str:
    values = vm_pu.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return f"{name}: no voltages."
    return f"{name}: between {values.min():.3f} and {values.max():.3f} pu."


def _bars_in_words(name: str, bars: list[Bar]) -> str:
    hours: dict[str, float] = {}
    for bar in bars:
        hours[bar.activity] = hours.get(bar.activity, 0.0) + bar.end_h - bar.start_h
    return f"{name}: " + ", ".join(f"{what} {own:.1f} h" for what, own in hours.items()) + "."
