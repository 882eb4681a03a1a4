"""Results of a stress study: paired curves, rank reversals, and metrics that should rise."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pandas as pd

from sim.study.inference import statistics
from sim.study.inference.contrasts import with_regret
from sim.study.inference.risk import OBJECTIVE
from sim.study.stress.crossover import DifferenceCurve, difference_curve
from sim.study.stress.design import Axis, Design, Point, Slice, cell_label
from sim.study.study import Study
from sim.uncertainty.streams import stream
from sim.units import FloatArray

# A controller that drives less where roads are worse has less delay in all, but not on a trip.
PER_TRIP = ("delay_h",)
TRIPS = "trips"
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCurve:
    """The paired difference of two controllers along an axis.

    Attributes
    ----------
    along
        The points.
    one, other
        Names of the controllers.
    position
        Where the points lie, ``(position,)``.
    curve
        The objective of `other` less that of `one` [USD].
    """

    along: Slice
    one: str
    other: str
    position: FloatArray
    curve: DifferenceCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Two controllers of which another one is better at a point than at the first point.

    Attributes
    ----------
    along, point
        Where.
    better, worse
        Controllers by the mean of the objective at the point; at the first point reversed.
    sure
        Whether both intervals of the paired difference exclude zero.
    """

    along: Slice
    point: Point
    better: str
    worse: str
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRise:
    """A metric that is expected to rise along an axis, under one controller.

    Attributes
    ----------
    along, controller, metric
        Where, whose, which; per trip where `per_trip`.
    position, value
        Means at the points with a trip, ``(position,)``.
    """

    along: Slice
    controller: str
    metric: str
    per_trip: bool
    position: FloatArray
    value: FloatArray

    @property
    def falls(self) -> tuple[int, ...]:
        """Places after which the value is lower at the next one."""
        return tuple(
            k
            for k, (here, there) in enumerate(pairwise(self.value.tolist()))
            if there < here - ROUNDING
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StressStudy:
    """The results of a stress study.

    Attributes
    ----------
    cells
        All episodes as a study of cells: controllers at points; see `cell_label`.
    controllers
        Names in the order given; differences are taken from the first.
    design
        Axes and points.
    """

    cells: Study
    controllers: tuple[str, ...]
    design: Design

    def __repr__(self) -> str:
        axes = ", ".join(axis.name for axis in self.design.axes)
        return (
            f"<StressStudy {self.cells.scenario}: {', '.join(self.controllers)} at "
            f"{len(self.design.points)} points of {axes} on {self.cells.replications} common days>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the mean objective at every point."""
        usd = {
            point.label: self.at(point)["objective_usd"].groupby("controller").mean()
            for point in self.design.points
        }
        table = pd.DataFrame(usd).reindex(self.controllers).T.round(2)
        return f"<code>{html.escape(repr(self))}</code>{table.to_html()}"

    def at(self, point: Point) -> pd.DataFrame:
        """Return the metrics of the episodes at a point, index ``(controller, replication)``."""
        metrics = self.cells.metrics
        names = {cell_label(name, point): name for name in self.controllers}
        own = metrics[metrics.index.get_level_values("controller").isin(list(names))]
        own = own.rename(index=names, level="controller")
        return with_regret(own.drop(columns="regret_usd", errors="ignore"))

    @property
    def metrics(self) -> pd.DataFrame:
        """Metrics of the finished episodes, index ``(point, controller, replication)``."""
        return self._by_point({point: self.at(point) for point in self.design.points})

    @property
    def summary(self) -> pd.DataFrame:
        """Mean and 95 % interval, index ``(point, controller, metric)``; see `summarise`."""
        return self._by_point(
            {
                point: statistics.summarise(self.at(point), self.controllers, self.cells.days)
                for point in self.design.points
            }
        )

    @property
    def paired(self) -> pd.DataFrame:
        """Differences from the first controller at the same point on the same days.

        Index ``(point, controller, metric)``; see `statistics.paired`.
        """
        return self._by_point(
            {
                point: statistics.paired(self.at(point), self.controllers, self.cells.days)
                for point in self.design.points
            }
        )

    @property
    def paired_curves(self) -> tuple[PairedCurve, ...]:
        """All pairs of controllers along all axes with positions."""
        return tuple(
            self._paired_curve(along, one, other)
            for along in self.design.slices()
            if along.axis.is_curve
            for one, other in combinations(self.controllers, 2)
        )

    @property
    def reversals(self) -> tuple[Reversal, ...]:
        """Pairs whose order differs between the first point of an axis and another one.

        Only points without a position: along those with one, see `paired_curves`.
        """
        return tuple(
            found
            for along in self.design.slices()
            for one, other in combinations(self.controllers, 2)
            for found in self._reversals(along, one, other)
        )

    @property
    def expected_rises(self) -> tuple[ExpectedRise, ...]:
        """Whether what should rise along an axis does, under every controller that drives."""
        return tuple(
            found
            for along in self.design.slices()
            if along.axis.raises and along.axis.is_curve
            for name in self.controllers
            for found in [self._rise(along, name)]
            if len(found.position) > 1
        )

    def _objective(self, controller: str, point: Point) -> pd.Series:
        metrics = self.cells.metrics.reindex(columns=[OBJECTIVE])
        own: pd.Series = statistics.of_controller(metrics, cell_label(controller, point))[OBJECTIVE]
        return own

    def _paired_curve(self, along: Slice, one: str, other: str) -> PairedCurve:
        position, points = positions_and_points(along)
        difference = pd.DataFrame(
            {
                k: self._objective(other, point) - self._objective(one, point)
                for k, point in enumerate(points)
            }
        )
        rng = stream(self.cells.seed, 0, "study.crossover")
        return PairedCurve(
            along=along,
            one=one,
            other=other,
            position=position,
            curve=difference_curve(position, difference.to_numpy(dtype=float), rng),
        )

    def _reversals(self, along: Slice, one: str, other: str) -> Iterator[Reversal]:
        first, *rest = along.points
        before = self._difference(one, other, first)
        for level, point in enumerate(rest, start=1):
            if along.axis.is_curve and along.axis.levels[level].position is not None:
                continue
            now = self._difference(one, other, point)
            if before.mean * now.mean < 0:
                yield Reversal(
                    along=along,
                    point=point,
                    better=other if now.mean < 0 else one,
                    worse=one if now.mean < 0 else other,
                    sure=_excludes_zero(before) and _excludes_zero(now),
                )

    def _difference(self, one: str, other: str, point: Point) -> statistics.Estimate:
        both = pd.concat([self._objective(one, point), self._objective(other, point)], axis=1)
        both = both.dropna()
        days = self.cells.days
        return statistics.estimate(
            statistics.difference_of(*both.to_numpy(dtype=float).T),
            days.clusters(both.index),
            days.in_profile,
        )

    def _rise(self, along: Slice, controller: str) -> ExpectedRise:
        metric = along.axis.raises
        per_trip = metric in PER_TRIP
        places, values = [], []
        for position, point in zip(*positions_and_points(along), strict=True):
            metrics = statistics.of_controller(self.cells.metrics, cell_label(controller, point))
            if not len(metrics) or (per_trip and not metrics[TRIPS].sum() > 0):
                continue
            total = float(metrics[metric].sum())
            values.append(total / float(metrics[TRIPS].sum() if per_trip else len(metrics)))
            places.append(position)
        return ExpectedRise(
            along=along,
            controller=controller,
            metric=metric,
            per_trip=per_trip,
            position=np.array(places),
            value=np.array(values),
        )

    def _by_point(self, tables: Mapping[Point, pd.DataFrame]) -> pd.DataFrame:
        found = {point.label: table for point, table in tables.items()}
        return pd.concat(found, names=["point"])


def at_point(table: pd.DataFrame, point: Point) -> pd.DataFrame:
    """Return the rows of a point, index ``(controller, metric)``."""
    return table[table.index.get_level_values("point") == point.label].droplevel("point")


def positions_and_points(along: Slice) -> tuple[FloatArray, list[Point]]:
    """Return the rising positions of a slice, ``(position,)``, and their points."""
    levels = along.axis.placed_levels
    position = [along.axis.levels[level].position for level in levels]
    return np.array(position, dtype=float), [along.points[level] for level in levels]


def axis_title(axis: Axis) -> str:
    """Return what the positions of an axis are called, with their unit."""
    return f"{axis.scale} [{axis.unit}]" if axis.unit else axis.scale


def _excludes_zero(found: statistics.Estimate) -> bool:
    return math.isfinite(found.ci95_low) and not found.ci95_low <= 0 <= found.ci95_high
