"""Reformulation: the followers' optimality, for given integers of theirs, as linear rows.

For a pattern ``z`` of the follower's integers the rest is a linear programme. Its dual value at any
feasible multipliers is at most its optimum, and equal to it at the best ones; so ::

    f(x, y) <= dual value(x, z, multipliers)      for every pattern z listed

says that an answer ``y`` is no worse for the follower than his optimum with each of the patterns.
Products of a binary of the leader with an answer or a multiplier are linear in their hull
(McCormick, Math. Programming 10, 1976), exactly so. With a part of the patterns the model is a
relaxation. Zeng, An, "Solving bilevel mixed integer program by reformulations and decomposition",
Optimization Online 2014/07/4455.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.bilevel.problem import BilevelProblem, Follower
from controllers.optimisation.model import LinearModel
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SingleLevel:
    """One model of leader and followers.

    Attributes
    ----------
    model
        Leader and followers, cooperative but for the rows of the patterns.
    leader
        Variables of the leader.
    """

    model: LinearModel
    leader: IntArray


def single_level(problem: BilevelProblem, patterns: Sequence[Sequence[FloatArray]]) -> SingleLevel:
    """Return the reformulation over the patterns listed for each follower, ``(integer,)`` each."""
    model = Assembly()
    model.offset = problem.leader.offset
    own = problem.leader
    x = model.variables(len(own.cost), lower=own.lower, upper=own.upper, cost=own.cost)
    _rows(model, own, x)
    integer = [x[own.integer]]
    for follower, listed in zip(problem.followers, patterns, strict=True):
        y = _answer(model, follower, x, listed)
        integer.append(y[follower.model.integer])
    built = model.build()
    whole = np.zeros(len(built.cost), dtype=np.bool_)
    whole[np.concatenate(integer)] = True
    return SingleLevel(model=dataclasses.replace(built, integer=whole), leader=x)


def _rows(model: Assembly, own: LinearModel, variables: IntArray) -> IntArray:
    """Add the rows of a model over variables that are there."""
    rows = model.rows(len(own.row_lower), lower=own.row_lower, upper=own.row_upper)
    _fill(model, rows, variables, own.matrix)
    return rows


def _fill(model: Assembly, rows: IntArray, variables: IntArray, matrix: sparse.csr_array) -> None:
    found = matrix.tocoo()
    model.entries(rows[found.row], variables[found.col], found.data)


def _product(
    model: Assembly,
    binary: IntArray,
    factor: IntArray,
    lower: FloatArray,
    upper: FloatArray,
    cost: FloatArray | float = 0.0,
) -> IntArray:
    """Add products of binaries and variables within bounds."""
    n = len(binary)
    product = model.variables(n, lower=np.minimum(lower, 0), upper=np.maximum(upper, 0), cost=cost)
    for limit, sign in ((lower, -1.0), (upper, 1.0)):
        # sign * (w - limit * x) <= 0 and sign * (y - w + limit * x) <= sign * limit
        rows = model.rows(n, upper=0.0)
        model.entries(rows, product, sign)
        model.entries(rows, binary, -sign * limit)
        rows = model.rows(n, upper=sign * limit)
        model.entries(rows, factor, sign)
        model.entries(rows, product, -sign)
        model.entries(rows, binary, sign * limit)
    return product


def _answer(
    model: Assembly, follower: Follower, x: IntArray, patterns: Sequence[FloatArray]
) -> IntArray:
    """Add a follower's variables, their cost to the leader, and one row for each pattern."""
    own, links = follower.model, x[follower.linking]
    y = model.variables(len(own.cost), lower=own.lower, upper=own.upper, cost=follower.leader_cost)
    rows = _rows(model, own, y)
    _fill(model, rows, links, follower.coupling)
    touched = (abs(follower.bilinear) + abs(follower.leader_bilinear)).tocoo()
    of, link = touched.row, touched.col
    leader_cost = np.asarray(follower.leader_bilinear.toarray()[of, link])
    follower_cost = np.asarray(follower.bilinear.toarray()[of, link])
    products = _product(model, links[link], y[of], own.lower[of], own.upper[of], cost=leader_cost)
    for pattern in patterns:
        row = _dual_value(model, follower, links, pattern)
        model.entries(row, y, own.cost)
        model.entries(row, products, follower_cost)
    return y


def _dual_value(
    model: Assembly, follower: Follower, links: IntArray, pattern: FloatArray
) -> IntArray:
    """Add multipliers and the row ``-(dual value) + ... <= 0``, to which f(x, y) is to be added.

    With ``at_least, at_most >= 0`` for the rows and the bounds of the continuous variables, the
    value of the pattern is ``row_lower'at_least - row_upper'at_most`` and so on, less what pattern
    and leader take from the limits.
    """
    own = follower.model
    fixed, free = np.flatnonzero(own.integer), np.flatnonzero(~own.integer)
    most = follower.multiplier_bound
    taken = own.matrix[:, fixed] @ pattern
    value = model.rows(1, upper=float(own.cost[fixed] @ pattern))
    n_rows = len(own.row_lower)
    # Net multiplier of each row; several kinds of limits add to it.
    net = model.variables(n_rows, lower=-most, upper=most)
    split = model.rows(n_rows, lower=0.0, upper=0.0)
    model.entries(split, net, -1.0)
    for limit, sign in ((own.row_lower, 1.0), (own.row_upper, -1.0)):
        finite = np.flatnonzero(np.isfinite(limit))
        side = model.variables(len(finite), upper=most)
        model.entries(split[finite], side, sign)
        model.entries(value, side, -sign * limit[finite])
    model.entries(value, net, taken)
    stationary = model.rows(len(free), lower=own.cost[free], upper=own.cost[free])
    _fill(model, stationary, net, sparse.csr_array(own.matrix[:, free].T))
    _fill(model, stationary, links, sparse.csr_array(-follower.bilinear[free]))
    for limit, sign in ((own.lower[free], 1.0), (own.upper[free], -1.0)):
        side = model.variables(len(free), upper=most)
        model.entries(stationary, side, sign)
        model.entries(value, side, -sign * limit)
    moved = follower.coupling.tocoo()
    span = np.full(len(moved.row), most)
    products = _product(model, links[moved.col], net[moved.row], -span, span)
    model.entries(value, products, moved.data)
    # What the leader adds to the cost of the pattern.
    model.entries(value, links, -np.asarray(follower.bilinear[fixed].T @ pattern))
    return value
