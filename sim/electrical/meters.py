"""What the meters of an episode have recorded: the input of all that is electrical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from sim.electrical.topology import Topology
from sim.units import BoolArray, FloatArray


class StationExchange(NamedTuple):
    """Net exchange of one vehicle at one station in one step, positive injecting.

    Means of the step, and the largest and the lowest injection inside it; power that flowed in part
    of the step was zero in the rest.
    """

    step: int
    vehicle: int
    station: int
    p_mw: float
    q_mvar: float
    highest_mw: float
    lowest_mw: float
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metered:
    """What the world has metered and ordered, all steps of the episode.

    The arrays are those into which the world writes: steps to come are empty.

    Attributes
    ----------
    exchanges
        What flowed at stations, one list per step.
    ev_mw
        Net power drawn by electric cars, ``(step, group)`` [MW].
    generation_limit_mw
        Caps in force, ``(period, generator)`` [MW].
    unit_on, unit_mw
        What thermal units did, ``(step, unit)`` [MW].
    shift_mw
        What loads drew beyond what they asked for, ``(step, load)`` [MW].
    topology
        Which lines were in service, and who was supplied.
    """

    exchanges: Sequence[Sequence[StationExchange]]
    ev_mw: FloatArray
    generation_limit_mw: FloatArray
    unit_on: BoolArray
    unit_mw: FloatArray
    shift_mw: FloatArray
    topology: Topology


def as_floats(rows: Sequence[tuple[float, ...]], n_fields: int) -> FloatArray:
    """Return tuples of numbers as an array, ``(row, field)``; many times faster than `np.array`."""
    flat = np.fromiter(chain.from_iterable(rows), np.float64, count=len(rows) * n_fields)
    return flat.reshape(len(rows), n_fields)
