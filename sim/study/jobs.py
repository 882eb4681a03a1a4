"""Jobs of a study and their results: finished episodes and failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import pandas as pd

from sim.episode.specification import ControllerSpec

Key: TypeAlias = tuple[str, int]  # controller as tables call it, and replication


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One episode to run.

    Attributes
    ----------
    label
        What the controller is called in tables.
    controller
        Which controller.
    replication
        Which day: equal numbers are equal days for all controllers.
    point
        Which of the scenarios of the study.
    """

    label: str
    controller: ControllerSpec
    replication: int
    point: int = 0

    @property
    def key(self) -> Key:
        """Identifies this episode among those of a study."""
        return self.label, self.replication


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedEpisode:
    """A finished episode, without its long tables.

    Attributes
    ----------
    controller, replication
        Its key.
    start
        Time stamp of the first step in the record.
    metrics
        Its metrics; see `sim.episode.metrics`.
    timings
        Wall-clock times, different on every run.
    ledger
        What was paid, summed over the steps: ``payer, payee, item, usd``.
    reason
        Why its first failed decision failed, empty where none did.
    """

    controller: str
    replication: int
    start: pd.Timestamp
    metrics: Mapping[str, float]
    timings: Mapping[str, float]
    ledger: pd.DataFrame
    reason: str = ""

    @property
    def key(self) -> Key:
        """Identifies this episode among those of a study."""
        return self.controller, self.replication


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An episode that did not finish, and why."""

    controller: str
    replication: int
    error: str

    def __str__(self) -> str:
        return f"{self.controller}, replication {self.replication}: {self.error}"

    @property
    def key(self) -> Key:
        """Identifies this episode among those of a study."""
        return self.controller, self.replication


JobResult: TypeAlias = FinishedEpisode | Failure


class StudyProgress(Protocol):
    """Follows a study; `gridhaul.compare` and `gridhaul.stress` call it in this process."""

    def expects(self, episodes: int) -> None:
        """Take the number of episodes of the whole study; called once, first."""

    def resumed(self, episodes: int) -> None:
        """Take the number of episodes that the folder holds already; called once."""

    def ended(self, result: FinishedEpisode | Failure) -> None:
        """Take an episode that has ended."""
