"""The findings of a stress study as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sim.report.wording import METRICS, number
from sim.study.inference.statistics import CONFIDENCE
from sim.study.stress.crossover import FEWEST_REPLICATIONS, Crossing
from sim.study.stress.curves import ExpectedRise, PairedCurve, Reversal, StressStudy, axis_title


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A finding; a warning where something is not as it should be."""

    text: str
    warning: bool = False


def sentences(study: StressStudy) -> Iterator[Sentence]:
    """Yield crossovers, reversals, and whether metrics rise as expected."""
    for pair in study.paired_curves:
        yield from _of_pair(pair)
    for reversal in study.reversals:
        yield _of_reversal(reversal)
    for rise in study.expected_rises:
        yield _of_rise(rise)


def _of_pair(own: PairedCurve) -> Iterator[Sentence]:
    axis = own.along.axis
    where = f" at {own.along.held}" if own.along.held else ""
    low, high = _place(own.position[0]), _place(own.position[-1])
    pair = f"{own.other} and {own.one}"
    if not own.curve.replications:
        yield Sentence(text=f"{pair}: they finished no replication in common at all points{where}.")
        return
    for crossing in own.curve.crossings:
        winner, loser = (own.one, own.other) if crossing.rises else (own.other, own.one)
        yield Sentence(
            text=f"{winner} overtakes {loser} at {axis_title(axis)} = {_place(crossing.at)}{where} "
            f"({_interval(crossing, low, high)})."
        )
    if own.curve.crossings:
        return
    mean = own.curve.mean
    between = f"No crossover of {pair} for {axis_title(axis)} in [{low}, {high}]{where}"
    if (mean == 0).all():
        yield Sentence(text=f"{between}: they do not differ.")
        return
    better = own.other if mean.sum() < 0 else own.one
    sure = own.curve.same_sign
    how = _unknown() if math.isnan(sure) else f"in {_share(sure)} of the resamples"
    ahead = f"{better} does better throughout"
    if math.isfinite(sure) and sure < CONFIDENCE:
        ahead = f"{better} does better throughout, but that may be chance"
    yield Sentence(text=f"{between}: {ahead} ({how}).")


def _interval(own: Crossing, low: str, high: str) -> str:
    if math.isnan(own.low):
        return _unknown()
    start = f"below {low}" if own.low == -math.inf else _place(own.low)
    end = f"above {high}" if own.high == math.inf else _place(own.high)
    text = f"95 % interval: {start} to {end}"
    if own.share < CONFIDENCE:
        text += f"; only {_share(own.share)} of the resamples have such a crossover"
    return text


def _place(position: float) -> str:
    """Return a position on an axis as short text."""
    return f"{position:.4g}"


def _unknown() -> str:
    return f"an interval needs {FEWEST_REPLICATIONS} replications"


def _share(value: float) -> str:
    return "all" if value == 1 else f"{100 * value:.1f} %"


def _of_reversal(own: Reversal) -> Sentence:
    first = own.along.points[0].label
    sure = "" if own.sure else "; that may be chance"
    return Sentence(
        text=f"{own.point.label}: {own.better} does better than {own.worse}, the other way round "
        f"than at {first}{sure}."
    )


def _of_rise(own: ExpectedRise) -> Sentence:
    what = METRICS[own.metric].title + (" per trip" if own.per_trip else "")
    unit = METRICS[own.metric].unit
    where = f" at {own.along.held}" if own.along.held else ""
    course = ", ".join(
        f"{number(value)} at {_place(place)}"
        for place, value in zip(own.position.tolist(), own.value.tolist(), strict=True)
    )
    axis = own.along.axis.scale
    if not own.falls:
        return Sentence(
            text=f"{what} rises with {axis} under {own.controller}{where} [{unit}]: {course}."
        )
    place = own.position[own.falls[0]], own.position[own.falls[0] + 1]
    return Sentence(
        text=f"{what} does not rise with {axis} throughout under {own.controller}{where} [{unit}]: "
        f"it falls between {_place(place[0])} and {_place(place[1])} ({course}).",
        warning=True,
    )
