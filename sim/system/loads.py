"""Loads: who draws power, and which profile they follow."""

from __future__ import annotations

from dataclasses import dataclass

from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loads:
    """Loads, all arrays ``(load,)``; both powers scale with the profile.

    Attributes
    ----------
    bus
        Bus index.
    p_mw, q_mvar
        Active and reactive power at profile value 1 [MW, Mvar].
    profile
        Index into `System.profiles`.
    """

    name: tuple[str, ...]
    bus: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    profile: IntArray
