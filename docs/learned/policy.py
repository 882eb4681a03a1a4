"""A policy with at most 30 weights: linear in a few of the numbers that a learner sees.

`gridhaul compare tiny --controllers greedy,docs/learned/policy.py:Learned --replications 100`
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gridhaul import ContinuousActions, Features, Observation, Plan, System

LOOK_AHEAD = 6
# What each weight multiplies, in the blocks of the orders.
BLOCKS = {"power": 7, "reactive": 3, "caps": 3}
STATION = 2  # weights of a station: a constant, and the share of the day that is left


def n_weights(system: System, orders: tuple[str, ...]) -> int:
    """Return how many weights the policy has."""
    return STATION * len(system.stations) + sum(BLOCKS.get(name, 0) for name in orders)


def act(weights: np.ndarray, seen: dict[str, Any], orders: tuple[str, ...]) -> np.ndarray:
    """Return the action of one vector of weights, for a fleet of one.

    Parameters
    ----------
    weights
        As many as `n_weights` says.
    seen
        Arrays of `Features`.
    orders
        Blocks of the action, in the order of `ContinuousActions`.
    """
    sine, cosine, left = seen["time"]
    price = seen["import_price"][:, 0]
    load, sun = float(seen["load"][1]), float(seen["available"][1])
    dear = float(price[0] - price.mean())
    signals = {
        "power": [1.0, sine, cosine, dear, load, sun, float(seen["vehicle_energy"][0])],
        "reactive": [1.0, load, sun],
        "caps": [1.0, load, sun],
    }
    n_stations = seen["vehicle_station"].shape[1]
    own, rest = np.split(weights, [STATION * n_stations])
    scores = own.reshape(n_stations, STATION) @ [1.0, left]
    blocks = [scores / max(np.abs(scores).max(), 1.0)]
    for name in orders[1:]:
        part, rest = np.split(rest, [BLOCKS[name]])
        value = np.clip(part @ signals[name], -1.0, 1.0)
        # Zero weights leave generators free; those of power and reactive power rest.
        blocks.append(np.atleast_1d(np.clip(1.0 + value, -1.0, 1.0) if name == "caps" else value))
    return np.concatenate(blocks)


def whole(action: np.ndarray, n_generators: int, orders: tuple[str, ...]) -> np.ndarray:
    """Return an action in which all generators have the cap that the policy gives one."""
    if "caps" not in orders:
        return action
    return np.concatenate([action[:-1], np.full(n_generators, action[-1])])


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Where the weights are."""

    file: str = "weights_tiny.json"


class Learned:
    """Does what the weights say, one period at a time."""

    Parameters = Parameters

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Read the weights."""
        del rng
        stored = json.loads(Path(self.parameters.file).read_text(encoding="utf-8"))
        self.orders, self.weights = tuple(stored["orders"]), np.array(stored["weights"])
        self.features = Features(system, LOOK_AHEAD)
        self.actions = ContinuousActions(system, self.orders)
        self.n_generators = len(system.generators.name)

    def decide(self, observation: Observation) -> Plan:
        """Return the orders for the period that starts now."""
        action = act(self.weights, self.features.arrays(observation), self.orders)
        return self.actions.decode(whole(action, self.n_generators, self.orders), observation).plan
