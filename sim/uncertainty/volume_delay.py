"""The volume-delay function of roads, and which parameters a link has."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np

from sim.system.roads import Roads
from sim.uncertainty.model import Traffic
from sim.units import FloatArray, IntArray, frozen

Number = TypeVar("Number", float, FloatArray)


def delay_factor(ratio: Number, alpha: FloatArray | float, beta: FloatArray | float) -> Number:
    """Return driving time over that on the empty road, at a volume over capacity of `ratio` [-].

    Source: Bureau of Public Roads, Traffic Assignment Manual, 1964.
    """
    factor: Number = 1 + alpha * ratio**beta  # type: ignore[assignment]
    return factor


class Laws(NamedTuple):
    """The different volume-delay functions of a road network.

    Attributes
    ----------
    alpha, beta
        Their parameters, ``(law,)``.
    of_link
        Which of them each link has, ``(link,)``.
    """

    alpha: FloatArray
    beta: FloatArray
    of_link: IntArray

    def by_link(self) -> tuple[FloatArray, FloatArray] | tuple[float, float]:
        """Return alpha and beta, ``(link,)``; one number each where all links have the same."""
        if len(self.alpha) == 1:
            return float(self.alpha[0]), float(self.beta[0])
        return self.alpha[self.of_link], self.beta[self.of_link]


def laws_of(roads: Roads, traffic: Traffic) -> Laws:
    """Return the volume-delay functions; links without parameters have those of the traffic."""
    if roads.alpha is None and roads.beta is None:
        one = frozen(np.zeros(roads.n_links), np.int64)
        return Laws(frozen([traffic.alpha]), frozen([traffic.beta]), one)
    pairs = np.empty((roads.n_links, 2))
    for column, (own, usual) in enumerate(
        ((roads.alpha, traffic.alpha), (roads.beta, traffic.beta))
    ):
        pairs[:, column] = usual if own is None else np.where(np.isnan(own), usual, own)
    different, of_link = np.unique(pairs, axis=0, return_inverse=True)
    alpha, beta = (frozen(each) for each in different.T)
    return Laws(alpha, beta, frozen(of_link.reshape(-1), np.int64))
