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
    benefit_usd_per_mwh
        What energy is worth to those who use it [USD/MWh]; 0 where nobody asks.
    shiftable
        Share of the load that can be moved to another time of the same day, in [0, 1] [-].
    shift_ramp_per_h
        Largest change of the moved load between periods, per hour of a period, as a share of the
        load [1/h].
    """

    name: tuple[str, ...]
    bus: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    profile: IntArray
    benefit_usd_per_mwh: FloatArray
    shiftable: FloatArray
    shift_ramp_per_h: FloatArray

    def power_mw(self, profile: FloatArray) -> FloatArray:
        """Return active power, ``(..., load)`` [MW], for profile values ``(..., profile)``."""
        power: FloatArray = profile[..., self.profile] * self.p_mw
        return power

    def power_mvar(self, profile: FloatArray) -> FloatArray:
        """Return reactive power, ``(..., load)`` [Mvar], for profile values ``(..., profile)``."""
        power: FloatArray = profile[..., self.profile] * self.q_mvar
        return power
