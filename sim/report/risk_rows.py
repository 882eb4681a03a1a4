"""Table rows on tail risk, and on the p-value and variance reduction of differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sim.report.wording import number, numbers
from sim.study.inference.risk import ENOUGH_EPISODES, OBJECTIVE, VIOLATIONS, Risk
from sim.study.inference.statistics import Difference, Estimate

SMALLEST_P = 0.001  # smaller values depend on the far tail of the t distribution


class TextRow(NamedTuple):
    """A row of texts."""

    title: str
    cells: tuple[str, ...]


Rows: TypeAlias = Mapping[str, Sequence[TextRow]]  # by the metric that they follow


def risk_rows(risks: Sequence[Risk]) -> Rows:
    """Return the rows that follow the mean objective and the steps with a violation."""
    marked = any(not own.cvar95.has_interval for own in risks)
    needs = f" (interval needs {ENOUGH_EPISODES} episodes)" if marked else ""
    return {
        OBJECTIVE: [
            TextRow(
                f"  Mean of the worst 5 % [USD]{needs}",
                tuple(_with_bounds(own.cvar95) for own in risks),
            ),
            TextRow("  Worst [USD]", tuple(number(own.worst) for own in risks)),
        ],
        VIOLATIONS: [
            TextRow(
                "  Episodes with one, with 95 % interval",
                tuple(_percent(own.p_violation) for own in risks),
            )
        ],
    }


def difference_rows(found: Sequence[Difference]) -> Rows:
    """Return the rows that follow the difference of the objective."""
    holm = ", corrected for several controllers" if len(found) > 1 else ""
    return {
        OBJECTIVE: [
            TextRow(f"  p-value{holm}", tuple(p_value(own.p_value) for own in found)),
            TextRow(
                "  Variance saved by common days, factor",
                tuple(number(own.variance_reduction) for own in found),
            ),
        ]
    }


def p_value(value: float) -> str:
    """Return a p-value with its reliable digits."""
    if math.isnan(value):
        return number(value)
    return f"< {SMALLEST_P:g}" if value < SMALLEST_P else f"{value:.3f}"


def _with_bounds(found: Estimate) -> str:
    if not found.has_interval:
        return number(found.mean)
    mean, low, high = numbers(found.mean, found.ci95_low, found.ci95_high)
    return f"{mean} [{low}, {high}]"


def _percent(found: Estimate) -> str:
    if math.isnan(found.mean):
        return number(found.mean)
    return f"{found.mean:.0%} [{found.ci95_low:.0%}, {found.ci95_high:.0%}]"
