"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from sim.study import statistics
from sim.study.contrasts import Contrast, contrasts
from sim.study.execute import Failure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """What a comparison found.

    Attributes
    ----------
    scenario, seed, replications
        What was run.
    controllers
        Names in the order given; differences are taken from the first.
    metrics
        Figures of the finished episodes, index ``(controller, replication)``.
    timings
        Wall-clock figures, same index; different on every run.
    ledger
        USD by ``controller, replication, payer, payee, item``.
    failures
        Episodes that did not finish.
    """

    scenario: str
    seed: int
    replications: int
    controllers: tuple[str, ...]
    metrics: pd.DataFrame
    timings: pd.DataFrame
    ledger: pd.DataFrame
    failures: tuple[Failure, ...]

    @property
    def summary(self) -> pd.DataFrame:
        """Mean and 95 % interval by controller and metric; see `statistics.summarise`."""
        return statistics.summarise(self.metrics, self.controllers)

    @property
    def paired(self) -> pd.DataFrame:
        """Differences from the first controller on common days; see `statistics.paired`."""
        return statistics.paired(self.metrics, self.controllers)

    @property
    def contrasts(self) -> tuple[tuple[Contrast, statistics.Estimate], ...]:
        """Values of mobility, recourse and information that the controllers allow."""
        return contrasts(self.metrics, self.controllers)
