"""The results of a comparison."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sim.study.inference import statistics
from sim.study.inference.contrasts import NamedDifference, contrasts
from sim.study.inference.days import Days
from sim.study.inference.risk import Risk, risk
from sim.study.inference.stopping import Look
from sim.study.jobs import Failure
from sim.system.areas import PARTIES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """The results of a comparison.

    Attributes
    ----------
    scenario, seed, replications
        What was run.
    controllers
        Names in the order given; differences are taken from the first.
    metrics
        Metrics of the finished episodes, index ``(controller, replication)``.
    timings
        Wall-clock times, same index; different on every run.
    ledger
        USD by ``controller, replication, payer, payee, item``.
    failures
        Episodes that did not finish.
    days
        Which replications share a day of the profile.
    reasons
        Why the first failed decision of a controller failed; only of those with such decisions.
    interrupted
        Whether Ctrl-C has ended it; then it holds the days that all controllers had finished.
    look
        The last look of the rule that stops a study, None without one.
    declared
        Differences that its controllers declare, for example the value of mobility.
    declared_ladder
        Steps from one of its controllers to the next better equipped one.
    stored
        Returns a folder with the tables, which reports and figures of days are made of. A study
        without ``out`` has kept none: its episodes, which are always the same, are run again.
    parties
        Those of the ledger for whom the system is planned.
    """

    scenario: str
    seed: int
    replications: int
    controllers: tuple[str, ...]
    metrics: pd.DataFrame
    timings: pd.DataFrame
    ledger: pd.DataFrame
    failures: tuple[Failure, ...]
    days: Days = field(default_factory=Days)
    reasons: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False
    look: Look | None = None
    declared: tuple[NamedDifference, ...] = ()
    declared_ladder: tuple[NamedDifference, ...] = ()
    stored: Callable[[], Path] | None = None
    parties: tuple[str, ...] = PARTIES

    def __repr__(self) -> str:
        return (
            f"<Study {self.scenario}: {', '.join(self.controllers)} on {self.replications} common "
            f"days, {len(self.metrics)} episodes, {len(self.failures)} failed>"
        )

    def __str__(self) -> str:
        """Return what a script prints: what a notebook shows, as text."""
        table = self._figures_that_decide()
        return repr(self) if table.empty else f"{self!r}\n{table.to_string(na_rep='')}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the figures that decide, and differences of the first."""
        head = f"<code>{html.escape(repr(self))}</code>"
        table = self._figures_that_decide()
        return head if table.empty else head + table.to_html(na_rep="")

    def _figures_that_decide(self) -> pd.DataFrame:
        """Return means, and differences of the objective from the first controller."""
        if self.metrics.empty:
            return pd.DataFrame()
        means = self.metrics[["objective_usd", "cost_usd", "penalty_usd"]].groupby("controller")
        table = means.mean().reindex(self.controllers)
        if len(self.controllers) > 1:
            objective = self.metrics[["objective_usd"]]
            found = statistics.paired(objective, self.controllers, self.days)
            found = found.droplevel("metric").reindex(self.controllers)
            table[f"less {self.controllers[0]}"] = found["mean"]
            table[["ci95_low", "ci95_high"]] = found[["ci95_low", "ci95_high"]]
        return table.round(2)

    @property
    def without_decisions(self) -> tuple[str, ...]:
        """Controllers whose every decision failed: nothing they might have done was tried."""
        return controllers_without_decisions(self.metrics, self.controllers)

    @property
    def summary(self) -> pd.DataFrame:
        """Mean and 95 % interval by controller and metric; see `statistics.summarise`."""
        return statistics.summarise(self.metrics, self.controllers, self.days)

    @property
    def paired(self) -> pd.DataFrame:
        """Differences from the first controller on common days; see `statistics.paired`."""
        return statistics.paired(self.metrics, self.controllers, self.days)

    @property
    def risk(self) -> dict[str, Risk]:
        """Tail risk by controller; see `risk.risk`."""
        return {name: risk(self.metrics, name, self.seed) for name in self.controllers}

    @property
    def contrasts(self) -> tuple[tuple[NamedDifference, statistics.Estimate], ...]:
        """The declared differences with their intervals."""
        return contrasts(self.metrics, self.declared, self.days)

    @property
    def ladder(self) -> tuple[tuple[NamedDifference, statistics.Estimate], ...]:
        """What each step is worth, with its interval; see `sim.study.inference.ladder`."""
        return contrasts(self.metrics, self.declared_ladder, self.days)


def controllers_without_decisions(
    metrics: pd.DataFrame, controllers: Sequence[str]
) -> tuple[str, ...]:
    """Return the controllers whose every decision failed, in all their episodes.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``.
    controllers
        In which order they are returned.
    """
    if metrics.empty:
        return ()
    counts = metrics[["failed_decisions", "decisions"]].groupby("controller").sum()
    lost = (counts["failed_decisions"] == counts["decisions"]) & (counts["decisions"] > 0)
    return tuple(name for name in controllers if lost.get(name, False))
