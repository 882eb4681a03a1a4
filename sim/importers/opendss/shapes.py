"""OpenDSS's load shapes as profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from sim.scenario.problems import Problems
from sim.scenario.record import Columns
from sim.scenario.timestamps import DAY_S
from sim.units import FloatArray

Which = Literal["none", "daily", "yearly"]
LEAST_STEP_S = 60


@dataclass(slots=True)
class Shapes:
    """The shapes that elements follow, read when they are first asked for.

    Attributes
    ----------
    dss
        OpenDSS with the circuit.
    which
        Shapes of elements to read.
    where, problems
        The circuit's file, and what is wrong with its shapes.
    series
        Step [s] and values of a profile.
    said
        What is to be said of the shapes, in order of their first use.
    """

    dss: Any
    which: Which
    where: str
    problems: Problems
    series: dict[str, tuple[int, FloatArray]] = field(default_factory=dict)
    said: dict[str, None] = field(default_factory=dict)

    def profile(self, element: str, kw: float, otherwise: str) -> str:
        """Return the profile of the active element; `otherwise` if it has no shape.

        Shapes of actual power become profiles of the element alone, relative to its `kw`.
        """
        shape = "" if self.which == "none" else self.dss.Properties.Value(self.which).lower()
        if not shape:
            return otherwise
        self.dss.LoadShape.Name(shape)
        label, values = shape, np.array(self.dss.LoadShape.PMult(), dtype=float)
        if self.dss.LoadShape.UseActual() and kw:
            label, values = f"{shape} of {element}", values / kw
        if label not in self.series:
            step_s = self._step_s(shape)
            if step_s is not None:
                self.series[label] = step_s, values
            reactive = np.array(self.dss.LoadShape.QMult(), dtype=float)
            if len(reactive) == len(values) and (reactive != self.dss.LoadShape.PMult()).any():
                said = f"Loadshape.{shape} has reactive powers of its own; they follow the active"
                self.said[said] = None
        return label

    def _step_s(self, shape: str) -> int | None:
        """Return the spacing of the active shape, None and a problem where it is uneven."""
        step_h = float(self.dss.LoadShape.HrInterval())
        hours = np.array(self.dss.LoadShape.TimeArray(), dtype=float)
        if not step_h and len(hours) > 1 and np.ptp(np.diff(hours)) < 1e-9:
            step_h = float(hours[1] - hours[0])
        step_s = 3600 * step_h
        if LEAST_STEP_S <= step_s <= DAY_S and abs(step_s - round(step_s)) < 1e-6:
            return round(step_s)
        message = "is no spacing of a profile"
        remedy = "Give it an interval of whole seconds, from a minute to a day"
        self.problems.add(self.where, f"Loadshape.{shape}", f"{step_h:g} h", message, remedy)
        return None

    def columns(self, first_day: str) -> Columns | None:
        """Return the profiles in common steps on whole days; shorter ones are repeated."""
        try:
            start = np.datetime64(first_day, "D").astype("datetime64[s]")
        except ValueError:
            start = np.datetime64("NaT")
        if np.isnat(start):
            remedy = "Write it as 2023-01-01"
            self.problems.add("first_day", "first_day", first_day, "is no day", remedy)
        if not self.series and self.which != "none":
            self.said[f"no element follows a {self.which} shape"] = None
        if np.isnat(start) or not self.series:
            return None
        step_s = math.gcd(DAY_S, *(each for each, _ in self.series.values()))
        days = max(math.ceil(each * len(values) / DAY_S) for each, values in self.series.values())
        if step_s < LEAST_STEP_S:
            message, remedy = "is the only common step", "Give shapes steps that divide a day"
            self.problems.add(self.where, "Loadshape", f"{step_s} s", message, remedy)
            return None
        n_rows = days * DAY_S // step_s
        values = {}
        for name, (each, series) in self.series.items():
            share = each // step_s
            values[name] = np.repeat(np.resize(series, -(-n_rows // share)), share)[:n_rows]
        self.said[
            f"{len(values)} {self.which} shapes are profiles of {days} days from {first_day} on, "
            f"in steps of {step_s / 60:g} minutes; shorter ones are repeated"
        ] = None
        return Columns(start=start, step_s=step_s, values=values)
