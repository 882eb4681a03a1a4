"""Current limits as second-order cones, by tangents of the circle where a solution stands.

The complex current of a line over its limit is an affine function of the injections; its
magnitude is bounded. A polygon of fixed tangents contains the circle and understates the current
most at its corners, which is where an optimiser goes. So tangents are generated at the solution,
as in the outer approximation of convex programmes (Kelley, *The cutting-plane method for solving
convex programs*, J. SIAM 8(4), 1960; how many tangents a fixed polygon would need, Ben-Tal &
Nemirovski, *On polyhedral approximations of the second-order cone*, Mathematics of Operations
Research 26(2), 2001).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from controllers.scheduling.grid.response import ComplexArray
from sim.units import BoolArray, FloatArray, IntArray


class Tangents(NamedTuple):
    """Rows that touch the circles: ``value + of_p . p + of_q . q + of_c . c <= 0``, in percent.

    Attributes
    ----------
    value
        Where the row stands with nothing injected, ``(row,)`` [%].
    of_p, of_q
        ``(row, site)`` [%/MW, %/Mvar].
    of_c
        ``(row, generator)`` [%/MW].
    of_profile
        By how much it rises where one unit more of an uncertain profile comes,
        ``(row, uncertain)`` [%].
    """

    value: FloatArray
    of_p: FloatArray
    of_q: FloatArray
    of_c: FloatArray
    of_profile: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Currents:
    """Complex currents of lines over their limits as functions of the injections.

    Ascending by period and limit, one entry for each limit that rows of `Network` belong to.

    Attributes
    ----------
    period, limit
        As the rows of `Network`, ``(current,)``.
    base
        With nothing injected, ``(current,)`` [%].
    by_p, by_q, by_c
        ``(current, site)``, ``(current, site)``, ``(current, generator)`` [%/MW, %/Mvar].
    by_profile
        Change by one unit more of each uncertain profile, ``(current, uncertain)`` [%].
    by_error
        Change by one standard deviation of each uncertain load, ``(current, profile)`` [%].
    correction
        By how much the loading exceeds the magnitude of the series current, ``(current,)`` [%].
    margin
        By how many standard deviations the limit is tightened [-].
    """

    period: IntArray
    limit: IntArray
    base: ComplexArray
    by_p: ComplexArray
    by_q: ComplexArray
    by_c: ComplexArray
    by_profile: ComplexArray
    by_error: ComplexArray
    correction: FloatArray
    margin: float = 0.0

    def where(self, kept: BoolArray | IntArray) -> Self:
        """Return some of the currents."""
        arrays = {
            each.name: getattr(self, each.name)[kept]
            for each in dataclasses.fields(self)
            if each.name != "margin"
        }
        return dataclasses.replace(self, **arrays)

    def at(self, p_mw: FloatArray, q_mvar: FloatArray, curtailed_mw: FloatArray) -> ComplexArray:
        """Return the currents at the given injections and curtailment, ``(current,)`` [%]."""
        period = self.period
        current: ComplexArray = self.base + (self.by_p * p_mw[period]).sum(axis=1)
        current += (self.by_q * q_mvar[period]).sum(axis=1)
        current += (self.by_c * curtailed_mw[period]).sum(axis=1)
        return current

    def excess(self, current: ComplexArray) -> FloatArray:
        """Return by how much loadings exceed limits, with the margin, ``(current,)`` [%]."""
        excess: FloatArray = np.abs(current) + self.correction - 100.0
        if self.margin:
            excess += self.margin * _deviation(_ahead(current), self.by_error)
        return excess

    def highest(self, current: ComplexArray) -> FloatArray:
        """Return the most that any tangent says currents exceed limits by, ``(current,)`` [%]."""
        spread = np.sqrt((np.abs(self.by_error) ** 2).sum(axis=1))
        highest: FloatArray = np.abs(current) + self.correction - 100.0 + self.margin * spread
        return highest

    def tangents(self, which: IntArray, direction: ComplexArray) -> Tangents:
        """Return tangents of some circles.

        Parameters
        ----------
        which
            The currents, ``(row,)``.
        direction
            Currents in whose direction the circles are touched, ``(row,)``.
        """
        ahead = np.conj(_ahead(direction))
        std = _deviation(np.conj(ahead), self.by_error[which])
        value = np.real(ahead * self.base[which]) + self.correction[which] - 100.0
        return Tangents(
            value=value + self.margin * std,
            of_p=_along(ahead, self.by_p[which]),
            of_q=_along(ahead, self.by_q[which]),
            of_c=_along(ahead, self.by_c[which]),
            of_profile=_along(ahead, self.by_profile[which]),
        )


def _ahead(current: ComplexArray) -> ComplexArray:
    """Return unit numbers in the direction of currents; 1 where there is none."""
    size = np.abs(current)
    ahead: ComplexArray = np.where(size > 0, current / np.where(size > 0, size, 1.0), 1.0)
    return ahead


def _along(seen: ComplexArray, by: ComplexArray) -> FloatArray:
    """Return the real part of ``seen * by``, ``(row, ...)``."""
    along: FloatArray = seen.real[:, None] * by.real - seen.imag[:, None] * by.imag
    return along


def _deviation(ahead: ComplexArray, by_error: ComplexArray) -> FloatArray:
    """Return the standard deviation of currents in a direction; profiles err independently."""
    deviation: FloatArray = np.sqrt((_along(np.conj(ahead), by_error) ** 2).sum(axis=1))
    return deviation
