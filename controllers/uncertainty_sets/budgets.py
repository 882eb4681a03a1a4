"""Boxes with budgets over components and over time, around a forecast path.

Bertsimas and Sim, "The price of robustness", Operations Research 52, 2004, for budgets over
components; Lorca and Sun, "Multistage robust unit commitment with dynamic uncertainty sets and
energy storage", IEEE Trans. Power Systems 32, 2017, for sets conditioned on what was observed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from controllers.uncertainty_sets.uncertainty_set import UncertaintySetError
from sim.units import FloatArray

CERTAIN = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BudgetedBox:
    """Paths whose deviations from a centre are bounded one by one, per period, and over time.

    The relative deviation of a value is ``(value - centre) / above`` where it is above the centre,
    else ``(value - centre) / below``. A path is inside if, for the radius ``r``, every relative
    deviation is at most ``r`` in absolute value, their absolute sum over the components of each
    period is at most ``r * over_components``, and over the periods of each component at most
    ``r * over_time``; and no value is below `floor`.

    Attributes
    ----------
    centre
        The path expected, ``(period, component)``.
    below, above
        Deviations that count as 1, at least 0, ``(period, component)``; 0 where nothing is
        uncertain on that side.
    over_components
        Budget of each period, ``(period,)``; infinite where there is none.
    over_time
        Budget of each component, ``(component,)``; infinite where there is none.
    floor
        Least value that can be, ``(component,)``; minus infinity where there is none.
    radius
        Size of the set.

    Raises
    ------
    UncertaintySetError
        Where a deviation or a budget is negative or NaN, a shape is wrong, the radius is not a
        finite number of at least 0, or the centre lies below the floor.
    """

    centre: FloatArray
    below: FloatArray
    above: FloatArray
    over_components: FloatArray
    over_time: FloatArray
    floor: FloatArray
    radius: float = 1.0

    def __post_init__(self) -> None:
        n_periods, n = self.centre.shape
        shapes = {
            "below": (n_periods, n),
            "above": (n_periods, n),
            "over_components": (n_periods,),
            "over_time": (n,),
            "floor": (n,),
        }
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values.shape != shape:
                raise UncertaintySetError(f"{name} has shape {values.shape}, expected {shape}.")
        if not np.isfinite(self.centre).all():
            raise UncertaintySetError("centre must be finite.")
        for name in ("below", "above"):
            values = getattr(self, name)
            if not np.isfinite(values).all():
                raise UncertaintySetError(f"The set is unbounded: {name} must be finite.")
            if (values < 0).any():
                raise UncertaintySetError(
                    f"{name}(={values.min()}) must be >= 0: it is the size of a deviation."
                )
        for name in ("over_components", "over_time"):
            values = getattr(self, name)
            if not (values >= 0).all():
                bad = values[~(values >= 0)][0]
                raise UncertaintySetError(
                    f"{name}(={bad}) must be >= 0; infinity means that there is no budget."
                )
        if not (np.isfinite(self.radius) and self.radius >= 0):
            raise UncertaintySetError(f"radius(={self.radius}) must be finite and >= 0.")
        if (self.centre < self.floor - CERTAIN).any():
            raise UncertaintySetError("centre lies below floor: the set has no nominal path.")

    @classmethod
    def around(
        cls,
        centre: FloatArray,
        below: FloatArray,
        above: FloatArray,
        *,
        over_components: float = np.inf,
        over_time: float = np.inf,
        floor: float = -np.inf,
    ) -> BudgetedBox:
        """Return the set of radius 1 with the same budgets in all periods and for all components.

        Parameters
        ----------
        centre, below, above
            ``(period, component)``; see the class.
        over_components, over_time, floor
            Budgets and least value, each the same for all.
        """
        n_periods, n = centre.shape
        return cls(
            centre=centre,
            below=below,
            above=above,
            over_components=np.full(n_periods, over_components),
            over_time=np.full(n, over_time),
            floor=np.full(n, floor),
        )

    def scaled(self, radius: float) -> BudgetedBox:
        """Return the set of the same shape with another radius."""
        return dataclasses.replace(self, radius=radius)

    @property
    def lower(self) -> FloatArray:
        """Least value of each component in each period, ``(period, component)``."""
        lowest: FloatArray = np.maximum(self.centre - self.radius * self.below, self.floor)
        return np.minimum(lowest, self.centre)

    @property
    def upper(self) -> FloatArray:
        """Largest value of each component in each period, ``(period, component)``."""
        highest: FloatArray = self.centre + self.radius * self.above
        return highest

    def gauge(self, paths: FloatArray) -> FloatArray:
        """Return the least radius at which each path ``(path, period, component)`` is inside.

        Infinite where a value departs that is certain, or a budget of 0 leaves no room. Values
        below the floor count as what they are: they cannot be.
        """
        off = paths - self.centre
        allowed = np.where(off > 0, self.above, self.below)
        allowed = np.where(allowed > CERTAIN, allowed, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(np.abs(off) > CERTAIN, np.abs(off) / allowed, 0.0)
            per_period = relative.sum(axis=2) / self.over_components
            per_component = relative.sum(axis=1) / self.over_time
        alone = relative.max(axis=(1, 2), initial=0.0)
        # 0 / 0 is a budget of 0 that nothing uses.
        budgets = [
            np.nan_to_num(sums, posinf=np.inf).max(axis=1, initial=0.0)
            for sums in (per_period, per_component)
        ]
        largest: FloatArray = np.maximum.reduce([alone, *budgets])
        return largest

    def contains(self, paths: FloatArray) -> np.ndarray:
        """Return which paths ``(path, period, component)`` are inside, ``(path,)``."""
        return np.asarray(self.gauge(paths) <= self.radius * (1 + 1e-12) + 1e-12)
