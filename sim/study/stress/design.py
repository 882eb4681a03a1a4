"""The experimental design of a stress study: axes with levels, and all their combinations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PACK = "pack "  # how the name of an axis begins whose levels are the points of a pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A value on an axis.

    Attributes
    ----------
    label
        How tables call it.
    position
        Its place on the axis; None where there is none, as for an outage.
    overrides
        What it changes in the scenario.
    meaning
        For people; empty where the label says it all.
    """

    label: str
    position: float | None
    overrides: Mapping[str, object]
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What is varied, and the levels that are looked at.

    Attributes
    ----------
    name, unit, meaning
        For people.
    levels
        In the order of the tables.
    scale
        What positions are called; the name, but for a pack.
    raises
        Metric that is expected to rise with the position; empty if none.
    """

    name: str
    unit: str
    levels: tuple[Level, ...]
    scale: str
    meaning: str = ""
    raises: str = ""

    @property
    def is_pack(self) -> bool:
        """Whether its levels are the named points of a pack."""
        return self.name.startswith(PACK)

    @property
    def placed_levels(self) -> tuple[int, ...]:
        """Levels that have a position, by rising position; of equal ones the first."""
        found: dict[float, int] = {}
        for i, level in enumerate(self.levels):
            if level.position is not None:
                found.setdefault(level.position, i)
        return tuple(found[position] for position in sorted(found))

    @property
    def is_curve(self) -> bool:
        """Whether there are enough positions for a curve."""
        return len(self.placed_levels) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A combination of levels, one of each axis."""

    label: str
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Points along one axis, the levels of all others being held.

    Attributes
    ----------
    axis
        The axis.
    held
        What the others are at, as text; empty if there are no others.
    points
        By level of the axis.
    """

    axis: Axis
    held: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The points of a stress study: the full factorial of its axes."""

    axes: tuple[Axis, ...]

    @property
    def points(self) -> tuple[Point, ...]:
        """All combinations, the last axis changing fastest."""
        ranges = [range(len(axis.levels)) for axis in self.axes]
        return tuple(
            Point(label=self._label(levels), levels=levels) for levels in itertools.product(*ranges)
        )

    def overrides(self, point: Point) -> dict[str, object]:
        """Return what a point changes in the scenario."""
        return {
            key: value
            for axis, level in zip(self.axes, point.levels, strict=True)
            for key, value in axis.levels[level].overrides.items()
        }

    def slices(self) -> Iterator[Slice]:
        """Yield the points along every axis, for every combination of the others."""
        for place, axis in enumerate(self.axes):
            rest = [i for i in range(len(self.axes)) if i != place]
            groups: dict[tuple[int, ...], list[Point]] = {}
            for point in self.points:
                groups.setdefault(tuple(point.levels[i] for i in rest), []).append(point)
            for levels, points in groups.items():
                held = ", ".join(
                    _level_label(self.axes[i], level) for i, level in zip(rest, levels, strict=True)
                )
                yield Slice(axis=axis, held=held, points=tuple(points))

    def _label(self, levels: Sequence[int]) -> str:
        return ", ".join(
            _level_label(axis, level) for axis, level in zip(self.axes, levels, strict=True)
        )


def cell_label(controller: str, point: Point) -> str:
    """Return what tables call a controller at a point."""
    return f"{controller} @ {point.label}"


def design_as_json(design: Design) -> list[dict[str, Any]]:
    """Return the axes as JSON values."""
    return [
        {
            "name": axis.name,
            "unit": axis.unit,
            "scale": axis.scale,
            "meaning": axis.meaning,
            "raises": axis.raises,
            "levels": [
                {
                    "label": level.label,
                    "position": level.position,
                    "meaning": level.meaning,
                    "overrides": dict(level.overrides),
                }
                for level in axis.levels
            ],
        }
        for axis in design.axes
    ]


def design_from_json(plain: Sequence[Mapping[str, Any]]) -> Design:
    """Return the design that `design_as_json` has written."""
    return Design(
        axes=tuple(
            Axis(**{**own, "levels": tuple(Level(**level) for level in own["levels"])})
            for own in plain
        )
    )


def _level_label(axis: Axis, level: int) -> str:
    label = axis.levels[level].label
    return label if axis.is_pack else f"{axis.name}={label}"
