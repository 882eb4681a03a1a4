"""A leader and followers, each of whom answers by the optimum of a mixed-integer programme."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.model import LinearModel
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Follower:
    """Minimises ``(cost + bilinear @ x)'y`` subject to ``matrix @ y + coupling @ x`` in limits.

    ``x`` are the leader's linking variables, binary, and ``y`` the follower's own.

    Attributes
    ----------
    model
        Cost, rows, bounds and integrality of y; all bounds finite.
    linking
        Variables of the leader that enter, ``(link,)``.
    coupling
        Their coefficients in the rows, ``(row, link)``.
    bilinear
        What they add to the cost of y, ``(variable, link)``.
    leader_cost, leader_bilinear
        What y costs the leader, ``(variable,)``, and what the linking variables add to that,
        ``(variable, link)``.
    multiplier_bound
        No multiplier of a row or bound need be larger, for any x and any integers of y. What it
        costs to violate a row, such as the value of lost load, is a bound where slack is bought.
    """

    model: LinearModel
    linking: IntArray
    coupling: sparse.csr_array
    bilinear: sparse.csr_array
    leader_cost: FloatArray
    leader_bilinear: sparse.csr_array
    multiplier_bound: float

    def __post_init__(self) -> None:
        (n_rows, n), n_links = self.model.matrix.shape, len(self.linking)
        shapes = {
            "coupling": (n_rows, n_links),
            "bilinear": (n, n_links),
            "leader_cost": (n,),
            "leader_bilinear": (n, n_links),
        }
        for name, shape in shapes.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"{name} has shape {found}, expected {shape}.")
        if not np.isfinite(np.concatenate([self.model.lower, self.model.upper])).all():
            raise ValueError("Every variable of a follower needs finite bounds.")
        if not (np.isfinite(self.multiplier_bound) and self.multiplier_bound > 0):
            raise ValueError(f"multiplier_bound(={self.multiplier_bound}) must be finite and > 0.")

    def answer(self, x: FloatArray) -> LinearModel:
        """Return the follower's programme at the leader's decision ``(leader's variable,)``."""
        links = x[self.linking]
        moved = self.coupling @ links
        return dataclasses.replace(
            self.model,
            cost=self.model.cost + self.bilinear @ links,
            row_lower=self.model.row_lower - moved,
            row_upper=self.model.row_upper - moved,
        )

    def leader_price(self, x: FloatArray) -> FloatArray:
        """Return what each of the follower's variables costs the leader, ``(variable,)``."""
        price: FloatArray = self.leader_cost + self.leader_bilinear @ x[self.linking]
        return price


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BilevelProblem:
    """The leader minimises own cost and what the followers' optimal answers cost him.

    Among several optimal answers of a follower the leader's favourite counts (optimistic). The
    leader's rows do not mention the followers' variables, and every follower has an answer to every
    decision of the leader.

    Attributes
    ----------
    leader
        Cost, rows, bounds and integrality of the leader's variables; those that link are binary.
    followers
        Who answers.
    """

    leader: LinearModel
    followers: tuple[Follower, ...]

    def __post_init__(self) -> None:
        binary: BoolArray = (
            self.leader.integer & (self.leader.lower >= 0) & (self.leader.upper <= 1)
        )
        for number, follower in enumerate(self.followers):
            bad = follower.linking[~binary[follower.linking]]
            if len(bad):
                raise ValueError(
                    f"Variable {bad[0]} of the leader enters follower {number} and is not binary: "
                    "state prices and budgets in discrete levels, one binary for each."
                )
