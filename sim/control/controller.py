"""Who decides, and what it says of itself."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sim.control.observation import Observation
from sim.control.plan import Plan
from sim.system.system import FEATURES, System


class Trigger(enum.StrEnum):
    """What may call for a decision between two periods.

    Attributes
    ----------
    ARRIVAL
        A vehicle has connected at a station.
    DELAY
        A vehicle is expected later than before, or has been interrupted.
    OUTAGE
        A line has tripped or is back.
    EV_ARRIVAL
        An electric car has come home.
    VOLTAGE_VIOLATION
        A voltage has left its limits that was within them a step ago.
    """

    ARRIVAL = "arrival"
    DELAY = "delay"
    OUTAGE = "outage"
    EV_ARRIVAL = "ev_arrival"
    VOLTAGE_VIOLATION = "voltage_violation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What a controller is worth beside another one that lacks one thing.

    Attributes
    ----------
    name
        What the difference is called, for example ``"value of mobility"``.
    without
        Name of the controller that lacks it.
    meaning
        What the two share and what one of them lacks.
    """

    name: str
    without: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A step of a ladder of controllers, each of which can do one thing more than the one before.

    A study prints the ladder of its controllers; where the one before is not in it, the next one
    below it that is takes its place.

    Attributes
    ----------
    above
        Name of the controller one step below.
    adds
        What this one can do that the one below cannot, in a few words.
    """

    above: str
    adds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a controller needs and can do.

    Attributes
    ----------
    requires
        What the system must have: names of `System.features`. A controller that names a way on
        which vehicles move (``roads``, ``rail``) is also refused where vehicles move on the other.
    one_area
        Whether it plans for one area only; it is refused where there are more.
    needs_voltages
        Whether it is shown the voltages and loadings of the last step, which takes a power flow
        each step. It is if it re-plans on voltage violations.
    replan_on
        What calls for a decision between the periods.
    orders_evs
        Whether it orders groups of electric cars where the scenario lets it.
    clairvoyant
        Whether its forecasts are exact.
    figures
        Names among `Outcome.figures` that become metrics of the episode: the value of the first
        decision that gives it, NaN where none does.
    objectives
        Metrics of the episode between which it can choose, all to be made small. If there are any,
        it has a method `ManyObjectives.front`.
    contrasts
        What it is worth beside other controllers of a study.
    rung
        Its place on a ladder of controllers; None if it has none.

    Raises
    ------
    ValueError
        If a feature or a trigger does not exist; the message lists those that do.
    """

    requires: frozenset[str] = frozenset()
    one_area: bool = False
    needs_voltages: bool = False
    replan_on: frozenset[str] = frozenset()
    orders_evs: bool = False
    clairvoyant: bool = False
    figures: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    contrasts: tuple[Contrast, ...] = field(default=())
    rung: Rung | None = None

    def __post_init__(self) -> None:
        for name, known in (("requires", FEATURES), ("replan_on", [*Trigger])):
            given = getattr(self, name)
            if isinstance(given, str):
                raise ValueError(f"{name}(={given!r}) must be a set of names, not a text.")
            if not (isinstance(given, Iterable) and all(isinstance(own, str) for own in given)):
                raise ValueError(f"{name}(={given!r}) must be a set of names.")
            unknown = sorted(set(given) - set(known))
            if unknown:
                choices = ", ".join(str(each) for each in known)
                raise ValueError(f"{name}(={unknown}) must be among {choices}.")
            object.__setattr__(self, name, frozenset(given))
        figures = self.figures
        if not isinstance(figures, tuple) or not all(isinstance(own, str) for own in figures):
            raise ValueError(f"figures(={figures!r}) must be a tuple of names.")
        if Trigger.VOLTAGE_VIOLATION in self.replan_on:
            object.__setattr__(self, "needs_voltages", True)


_NOTHING_SAID = Capabilities()


def capabilities_of(controller: object) -> Capabilities:
    """Return what a controller, or its class, says of itself; nothing is needed to say nothing.

    Raises
    ------
    TypeError
        If its ``capabilities`` are no `Capabilities`.
    """
    found = getattr(controller, "capabilities", _NOTHING_SAID)
    if not isinstance(found, Capabilities):
        raise TypeError(f"capabilities(={found!r}) must be Capabilities.")
    return found


class Controller(Protocol):
    """What every controller does.

    A controller may declare two class attributes: ``Parameters``, a frozen dataclass that its
    constructor takes as only argument (``--set controller.<field>=...`` fills it), and
    ``capabilities``, the `Capabilities` that say what it needs. Parameters may narrow or widen
    them: then the constructor sets ``self.capabilities``.
    """

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare for an episode.

        Parameters
        ----------
        system
            What exists.
        rng
            The controller's own random stream; the only randomness it may use.
        """

    def decide(self, observation: Observation) -> Plan:
        """Return the plan from now on.

        Called once a period. An exception or an invalid plan is recorded, and the plan in force
        stays in force.
        """


class ManyObjectives(Controller, Protocol):
    """A controller that declares `Capabilities.objectives`."""

    def front(self, observation: Observation, points: int) -> tuple[Plan, ...]:
        """Return plans, none of which is better than another in all objectives in its model.

        Parameters
        ----------
        observation
            The first one of an episode. Each plan is carried out to its end without another.
        points
            About how many plans are wanted; fewer where objectives do not conflict.
        """
