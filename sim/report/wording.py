"""Titles, units and number formats of metrics, and sentences that comparisons share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.study.inference.statistics import Estimate
from sim.study.inference.stopping import LEAST_EFFECTIVE


@dataclass(frozen=True, slots=True)
class Wording:
    """Name and unit of a metric, and which direction is better (-1 less, 1 more, 0 neither)."""

    title: str
    unit: str
    better: int = 0


ROUNDING = 1e-9  # what is smaller is an artefact of adding floats

EQUAL_HALVES = 0.1  # halves of an interval that differ by less are written as one

MOST_CLIPPED = 0.1  # share of what was ordered

# Order of the tables.
METRICS: dict[str, Wording] = {
    "objective_usd": Wording("Objective", "USD", -1),
    "regret_usd": Wording("Regret against the best of the day", "USD", -1),
    "cost_usd": Wording("Cost", "USD", -1),
    "penalty_usd": Wording("Penalty for violated limits", "USD", -1),
    "penalty_voltage_usd": Wording("  of this for voltages", "USD", -1),
    "penalty_loading_usd": Wording("  of this for loadings", "USD", -1),
    "voltage_violation_steps": Wording("Steps with a voltage violation", "", -1),
    "peak_violation_steps": Wording("  of these only at a peak inside the step", "", -1),
    "peak_violation_pu": Wording("Largest violation at a peak inside a step", "pu", -1),
    "voltage_violation_pu_h": Wording("Voltage violation of step means", "pu h", -1),
    "vm_pu_min": Wording("Lowest step mean of a voltage", "pu"),
    "vm_pu_max": Wording("Highest step mean of a voltage", "pu"),
    "loading_percent_max": Wording("Highest branch loading", "%"),
    "profit_usd": Wording("Profit", "USD", 1),
    "welfare_usd": Wording("Welfare", "USD", 1),
    "import_mwh": Wording("Net import", "MWh"),
    "loss_mwh": Wording("Grid losses", "MWh", -1),
    "curtailed_mwh": Wording("Curtailed", "MWh", -1),
    "unserved_mwh": Wording("Unserved load", "MWh", -1),
    "imbalance_mwh": Wording("Imbalance beyond the slack unit", "MWh", -1),
    "slack_ramp_mwh": Wording("Slack unit beyond its ramp", "MWh", -1),
    "shift_open_mwh": Wording("Moved demand that was not given back", "MWh", -1),
    "emission_lb": Wording("Emissions", "lb", -1),
    "refusals": Wording("Refused starts and stops of units", "", -1),
    "evs_short": Wording("Electric cars that left short of energy", "", -1),
    "evs_impossible": Wording("Electric cars that could not have had enough", ""),
    "ev_mwh": Wording("Drawn by electric cars, net", "MWh"),
    "throughput_mwh": Wording("Battery throughput", "MWh"),
    "cycles": Wording("Equivalent full cycles", ""),
    "stored_change_mwh": Wording("Change of stored energy", "MWh"),
    "trips": Wording("Trips", ""),
    "travel_h": Wording("Time on the way", "h"),
    "delay_h": Wording("Delay on the way", "h"),
    "queue_h": Wording("Time in queues", "h"),
    "repair_h": Wording("Repairs by the road", "h", -1),
    "track_waits": Wording("Waits for a free track", ""),
    "track_wait_h": Wording("Time waiting for tracks", "h"),
    "decisions": Wording("Decisions", ""),
    "fallbacks": Wording("Fallbacks", "", -1),
    "called_decisions": Wording("Decisions between periods", ""),
    "failed_decisions": Wording("Failed decisions", "", -1),
    "deadline_decisions": Wording("Decisions ended by the clock or Ctrl-C", "", -1),
    "ordered_mwh": Wording("Energy ordered of vehicles, cars, units and loads", "MWh"),
    "clipped_mwh": Wording("Clipped by the guard", "MWh"),
    "gap_max": Wording("Largest solver gap, of what could be gained", ""),
    "cleared_welfare_usd": Wording("Welfare of the day-ahead clearing", "USD", 1),
    "info_gap_alpha": Wording("Share of the wind that may be missing", "", 1),
    "steps": Wording("Steps", ""),
    "unconverged_steps": Wording("Steps without a power flow", "", -1),
    "verified_steps": Wording("Steps verified by pandapower", ""),
    "verify_max_diff_pu": Wording("Largest difference to pandapower", "pu"),
}

# Shown first.
HEADLINES = (
    "objective_usd",
    "cost_usd",
    "penalty_usd",
    "penalty_voltage_usd",
    "penalty_loading_usd",
    "voltage_violation_steps",
    "voltage_violation_pu_h",
)

# What a terminal shows unless all is asked for: what decides, and what should be zero.
ESSENTIAL = (
    *("objective_usd", "cost_usd", "penalty_usd", "penalty_voltage_usd", "penalty_loading_usd"),
    *("voltage_violation_steps", "peak_violation_steps", "peak_violation_pu"),
    *("voltage_violation_pu_h", "vm_pu_min", "vm_pu_max", "loading_percent_max"),
    *("welfare_usd", "import_mwh", "throughput_mwh", "trips", "delay_h"),
)
ALARMS = (
    *("unserved_mwh", "imbalance_mwh", "slack_ramp_mwh", "shift_open_mwh", "refusals"),
    *("evs_short", "fallbacks", "failed_decisions", "deadline_decisions", "unconverged_steps"),
    "repair_h",
)

LADDER = "What each step is worth: objective of the controller before less its own, 95 % interval"


def title(metric: str) -> str:
    """Return the name of a metric with its unit; of a share, of whom it is as well."""
    wording = METRICS.get(metric, Wording(metric, ""))
    whole, _, who = metric.partition(".")
    kind, _, parts = whole.rpartition("_by_")
    if who and parts and kind in METRICS:
        wording = Wording(f"{METRICS[kind].title} of {who}", METRICS[kind].unit)
    return f"{wording.title} [{wording.unit}]" if wording.unit else wording.title


def essential(metrics: pd.DataFrame) -> list[str]:
    """Return the figures that matter in these episodes, in the order of the tables.

    Left out are those that are zero (or unknown) in all of them, welfare where it only repeats the
    cost, and how a day went in detail.

    Parameters
    ----------
    metrics
        One row per episode.
    """
    declared = [name for name in metrics.columns if name not in METRICS]
    found = [*ESSENTIAL, *ALARMS, *declared]
    known = [name for name in METRICS if name in found] + declared
    empty = says_nothing(metrics) - {"objective_usd", "cost_usd", "penalty_usd"}
    return [name for name in known if name in metrics.columns and name not in empty]


def says_nothing(metrics: pd.DataFrame) -> set[str]:
    """Return the figures that are zero or missing in all episodes, or the cost once more."""
    zero = {str(name) for name in metrics if not metrics[name].abs().max() > ROUNDING}
    return zero | {name for name in ("profit_usd", "welfare_usd") if _is_cost(metrics, name)}


def _is_cost(metrics: pd.DataFrame, name: str) -> bool:
    if not {name, "cost_usd"} <= set(metrics.columns):
        return False
    total = (metrics[name] + metrics["cost_usd"]).abs()
    return bool((total <= ROUNDING * metrics["cost_usd"].abs().clip(lower=1)).all())


def mean_figure(metric: str, found: Estimate) -> str:
    """Return the mean of a figure with its margin; see `figure` and `with_margin`."""
    text = figure(metric, found.mean)
    return text if text.startswith("<") else with_margin(found)


def figure(metric: str, value: float) -> str:
    """Return a figure as text: what two engines differ by is never nothing at all."""
    if metric == "verify_max_diff_pu" and 0 <= value < ROUNDING:
        return f"< {ROUNDING:.0e}"
    return number(value)


def number(value: float) -> str:
    """Return a number with a reasonable number of digits; a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size < ROUNDING:
        return "0"
    if size < 0.001:
        return f"{value:.1e}"
    if size >= 1000 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if size >= 10 else f"{value:.3f}"


def numbers(*values: float) -> list[str]:
    """Return numbers that stand together: with as many decimals as the largest of them."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    if largest < 0.001 or all(size == round(size) for size in finite):
        return [number(value) for value in values]
    decimals = 0 if largest >= 1000 else 2 if largest >= 10 else 3
    return [
        # Adding zero makes a plain one of what is rounded to minus zero.
        f"{round(value, decimals) + 0.0:,.{decimals}f}" if math.isfinite(value) else number(value)
        for value in values
    ]


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return _plus(number(value), value)


def signed_numbers(*values: float) -> list[str]:
    """Return differences that stand together with their signs; see `numbers`."""
    return [_plus(text, value) for text, value in zip(numbers(*values), values, strict=True)]


def _plus(text: str, value: float) -> str:
    return f"+{text}" if math.isfinite(value) and value > 0 else text


def with_margin(found: Estimate) -> str:
    """Return the mean with how far its interval reaches; only the mean where it is a point.

    ``mean ± half`` where the two halves differ by a tenth at most, then the longer one, and ``mean
    -below +above`` elsewhere: skewed figures have skewed intervals.
    """
    below, above = found.mean - found.ci95_low, found.ci95_high - found.mean
    if not max(below, above) > ROUNDING * max(abs(found.mean), 1.0):
        return number(found.mean)
    if abs(above - below) <= EQUAL_HALVES * max(below, above):
        mean, half = numbers(found.mean, max(below, above))
        return f"{mean} ± {half}"
    mean, lower, upper = numbers(found.mean, below, above)
    return f"{mean} -{lower} +{upper}"


def with_interval(found: Estimate) -> str:
    """Return a difference as ``mean [low, high]``, only the mean where there is no interval."""
    if not found.has_interval:
        return signed(found.mean)
    mean, low, high = signed_numbers(found.mean, found.ci95_low, found.ci95_high)
    return f"{mean} [{low}, {high}]"


def caveats(totals: pd.DataFrame, reasons: Mapping[str, str] | None = None) -> list[str]:
    """Return warnings about the validity of the metrics, a sentence per controller.

    Parameters
    ----------
    totals
        Sums of the metrics over the episodes, one row per controller.
    reasons
        Why the first failed decision of a controller failed.
    """
    found = []
    for name, total in totals.iterrows():
        failed, decisions = total["failed_decisions"], total["decisions"]
        if failed:
            why = (reasons or {}).get(str(name), "")
            what = (
                "It has ordered nothing: its figures are no result of its plans."
                if failed == decisions
                else "The plan in force stayed in force there."
            )
            found.append(
                f"{name}: {failed:,.0f} of {decisions:,.0f} decisions failed"
                f"{f': {why}' if why else ''}. {what}"
            )
        clipped, ordered = total.get("clipped_mwh", 0.0), total.get("ordered_mwh", 0.0)
        if ordered and clipped > MOST_CLIPPED * ordered:
            found.append(
                f"{name}: {clipped / ordered:.0%} of the energy that it ordered was clipped "
                f"({number(clipped)} of {number(ordered)} MWh): batteries were full or empty, or "
                f"orders beyond the rating. Powers are in MW; is this in kW?"
            )
        steps, collapsed = total["steps"], total["unconverged_steps"]
        if collapsed:
            found.append(
                f"{name}: {collapsed:.0f} of {steps:.0f} steps have no AC power flow. The grid "
                "collapses there; all load of these steps is counted as unserved."
            )
        if total["deadline_decisions"]:
            found.append(
                f"{name}: the clock, or Ctrl-C, ended {total['deadline_decisions']:.0f} of "
                f"{decisions:.0f} decisions; another run may give other figures."
            )
    return found


def stopping(look: Mapping[str, Any], first: str) -> str:
    """Return when and why a study with a stopping rule stopped.

    Parameters
    ----------
    look
        The last look as ``stopping`` of a summary.
    first
        The baseline.
    """
    allowed = look["allowed_half_width"]
    goal = f"{100 * look['until']:g} % of the mean of {first}"
    intervals = "; ".join(
        f"{name} {with_interval(_read(own))}" for name, own in look["differences"].items()
    )
    end = "Stopped" if look["reached"] else "Not precise enough"
    return (
        f"{end} after {look['replications']} replications: objective known to ± "
        f"{number(math.nan if allowed is None else allowed)} USD ({goal})"
        f"{'' if look['reached'] else ' was asked for'}. Intervals that allow for looking "
        f"repeatedly: {intervals}.{_went_on(look, first)}"
    )


def _went_on(look: Mapping[str, Any], first: str) -> str:
    """Return why a study did not stop when its intervals were narrow enough, empty if it did."""
    since, rare = look.get("narrow_since"), look.get("rare", ())
    if since is None or (since == look["replications"] and not rare):
        return ""
    what = (
        "it went on, for few days had told the controllers apart, and a rare one not yet seen "
        f"could have changed that; it takes as much as {LEAST_EFFECTIVE} equal differences"
    )
    counts = "; ".join(
        f"{name} differs from {first} on {look['differences'][name]['differing']} days, which hold "
        f"as much as {number(look['differences'][name]['effective'])}"
        for name in rare
    )
    still = f". Still so at the end: {counts}" if rare else ""
    return f" Narrow enough after {since} replications, {what}{still}."


def _read(plain: Mapping[str, Any]) -> Estimate:
    """Return an estimate from what a summary says of it."""
    low, high = plain["ci95"] or (math.nan, math.nan)
    return Estimate(math.nan if plain["mean"] is None else plain["mean"], low, high, 0)
