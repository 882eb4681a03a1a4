"""What a decision says of itself: checked, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Real

import numpy as np

from sim.control import Outcome, SolveStatus
from sim.errors import PlanError, shown

_STATUSES = frozenset(SolveStatus)


def check_outcome(outcome: object) -> None:
    """Refuse an outcome that the table of decisions cannot hold.

    Raises
    ------
    PlanError
        Naming the field and the value.
    """
    if not isinstance(outcome, Outcome):
        raise PlanError(f"outcome must be Outcome, not {type(outcome).__name__}")
    if outcome.status not in _STATUSES:
        raise PlanError(f"outcome.status = {shown(outcome.status)} must be a SolveStatus")
    if not isinstance(outcome.fallback, str):
        raise PlanError(f"outcome.fallback = {shown(outcome.fallback)} must be a text")
    for name in ("objective_usd", "bound_usd"):
        value = getattr(outcome, name)
        if value is not None and not is_number(value):
            raise PlanError(f"outcome.{name} = {shown(value)} must be a number or None")
        float(value or 0.0)  # complains where it is too large for one
    if not isinstance(outcome.figures, Mapping):
        raise PlanError(f"outcome.figures must be a mapping, not {type(outcome.figures).__name__}")
    for name, value in outcome.figures.items():
        if not (isinstance(name, str) and is_number(value) and math.isfinite(value)):
            raise PlanError(
                f"outcome.figures[{shown(name)}] = {shown(value)} must be a finite number"
            )


def is_number(value: object, kind: type = Real) -> bool:
    """Return whether a value is a real number, of Python or NumPy; truth values are none."""
    if type(value) is int or (type(value) is float and kind is Real):
        return True  # as nearly all are; abstract classes take their time
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def figures_text(figures: Mapping[str, float]) -> str:
    """Return figures as JSON, empty if there are none."""
    return json.dumps(dict(figures), default=np.generic.item) if figures else ""
