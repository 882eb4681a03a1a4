"""Renewable generators: what can be produced follows a profile, less can be ordered."""

from __future__ import annotations

from dataclasses import dataclass

from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Generators:
    """Photovoltaic plants and wind turbines, all arrays ``(generator,)``; unit power factor.

    Attributes
    ----------
    kind
        ``"pv"`` or ``"wind"``.
    bus
        Bus index.
    p_mw
        Power at profile value 1 [MW].
    profile
        Index into `System.profiles`.
    """

    name: tuple[str, ...]
    kind: tuple[str, ...]
    bus: IntArray
    p_mw: FloatArray
    profile: IntArray

    def available_mw(self, profile: FloatArray) -> FloatArray:
        """Return what can be produced, ``(..., generator)`` [MW], for values ``(..., profile)``."""
        power: FloatArray = profile[..., self.profile] * self.p_mw
        return power
