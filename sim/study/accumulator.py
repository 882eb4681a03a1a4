"""Accumulate the metrics of a running study, and apply its stopping rule.

Metrics, timings and payments take about a kilobyte per episode; the tables of steps never stay in
memory.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sim.study.inference.contrasts import with_regret
from sim.study.inference.days import Days
from sim.study.inference.stopping import OBJECTIVE, Look, is_look, look
from sim.study.jobs import Failure, JobResult, Key
from sim.study.study import Study
from sim.units import FloatArray, IntArray


class Accumulator:
    """Metrics, timings and payments of the episodes so far.

    Parameters
    ----------
    controllers
        Names in the order of the study.
    """

    def __init__(self, controllers: Sequence[str]) -> None:
        self._controllers = tuple(controllers)
        self._metrics = _EpisodeTable()
        self._timings = _EpisodeTable()
        self._ledger = _EpisodeTable()  # by payer, payee and item [USD]
        self._failures: dict[Key, Failure] = {}
        self._reasons: dict[Key, str] = {}  # of first failed decisions
        self._ended: Counter[int] = (
            Counter()
        )  # number of controllers that have ended, by replication

    def add(self, result: JobResult) -> None:
        """Add the result of an episode."""
        self._ended[result.replication] += 1
        if isinstance(result, Failure):
            self._failures[result.key] = result
            return
        key = result.key  # one for all three
        self._metrics.add(key, result.metrics)
        if result.reason:
            self._reasons[key] = result.reason
        self._timings.add(key, result.timings)
        entries = result.ledger.itertuples(index=False, name=None)
        self._ledger.add(key, {tuple(parties): usd for *parties, usd in entries})

    @property
    def n_ended(self) -> int:
        """Number of episodes that have ended."""
        return sum(self._ended.values())

    @property
    def n_complete(self) -> int:
        """Number of replications, from the first on, that have ended under all controllers."""
        return next(number for number in itertools.count() if not self.has_ended(number))

    def has_ended(self, replication: int) -> bool:
        """Return whether a replication has ended under all controllers."""
        return self._ended[replication] == len(self._controllers)

    def objective(self, replications: int) -> pd.DataFrame:
        """Return the objective of the finished episodes of the first replications."""
        return self._metrics.frame(self._order(range(replications)), [OBJECTIVE])

    def failures(self, replications: Sequence[int]) -> tuple[Failure, ...]:
        """Return the episodes that failed, in the order of the study."""
        return tuple(self._failures[key] for key in self._keys(replications, self._failures))

    def study(
        self,
        scenario: str,
        *,
        seed: int,
        replications: Sequence[int],
        days: Days,
        last_look: Look | None = None,
    ) -> Study:
        """Return the results of these replications."""
        order = self._order(replications)
        return Study(
            scenario=scenario,
            seed=seed,
            replications=len(replications),
            controllers=self._controllers,
            metrics=with_regret(self._metrics.frame(order)),
            timings=self._timings.frame(order),
            ledger=self._payments(order),
            failures=self.failures(replications),
            reasons=self._first_reasons(replications),
            days=days,
            look=last_look,
        )

    def _first_reasons(self, replications: Sequence[int]) -> dict[str, str]:
        keys = self._keys(replications, self._reasons)
        return {key[0]: self._reasons[key] for key in reversed(keys)}

    def _payments(self, order: Sequence[Key]) -> pd.DataFrame:
        parties = sorted(self._ledger.columns)
        usd = self._ledger.values(order, parties)
        episode, entry = np.nonzero(~np.isnan(usd))
        if not len(entry):
            return pd.DataFrame()
        owners = list(zip(*order, strict=True))
        kinds = list(zip(*parties, strict=True))
        return pd.DataFrame(
            {
                **_take(("controller", "replication"), owners, episode),
                **_take(("payer", "payee", "item"), kinds, entry),
                "usd": usd[episode, entry],
            }
        )

    def _order(self, replications: Sequence[int]) -> list[Key]:
        return self._keys(replications, self._metrics)

    def _keys(self, replications: Sequence[int], among: Container[Key]) -> list[Key]:
        wanted = ((label, own) for own in replications for label in self._controllers)
        return [key for key in wanted if key in among]


class StoppingRule:
    """Looks at a running study at fixed numbers of ended replications, in their order.

    Parameters
    ----------
    accumulator
        Metrics so far.
    controllers
        Names, the baseline first.
    days
        Which replications share a day.
    until
        See `sim.study.inference.stopping.look`; None never looks.
    most
        Number of replications after which the study ends anyway, with a last look.
    """

    def __init__(
        self,
        accumulator: Accumulator,
        controllers: Sequence[str],
        days: Days,
        until: float | None,
        *,
        most: int,
    ) -> None:
        self._accumulator = accumulator
        self._controllers = tuple(controllers)
        self._days = days
        self._until = until
        self._most = most
        self._ended = 0  # replications from the first that have ended without a gap
        self.last: Look | None = None

    @property
    def reached(self) -> bool:
        """Whether the study may stop."""
        return self.last is not None and self.last.reached

    def update(self) -> bool:
        """Look at every number of ended replications that is due; return whether to stop."""
        while not self.reached and self._accumulator.has_ended(self._ended):
            self._ended += 1
            if self._until is not None and (is_look(self._ended) or self._ended == self._most):
                self.last = look(
                    self._accumulator.objective(self._ended),
                    self._controllers,
                    self._days,
                    replications=self._ended,
                    until=self._until,
                    previous=self.last,
                )
        return self.reached


class _EpisodeTable:
    """Numbers by episode and column in one array; NaN where an episode lacks a column."""

    def __init__(self) -> None:
        self.columns: dict[Any, int] = {}
        self._row_of: dict[Key, int] = {}
        self._numbers = np.full((0, 0), np.nan)

    def __contains__(self, key: object) -> bool:
        return key in self._row_of

    def add(self, key: Key, row: Mapping[Any, float]) -> None:
        position = self._row_of.setdefault(key, len(self._row_of))
        columns = [self.columns.setdefault(name, len(self.columns)) for name in row]
        n, wide = self._numbers.shape
        if position >= n or len(self.columns) > wide:
            larger = np.full((n if position < n else 2 * n + 16, len(self.columns)), np.nan)
            larger[:n, :wide] = self._numbers
            self._numbers = larger
        self._numbers[position, columns] = list(row.values())

    def values(self, order: Sequence[Key], columns: Sequence[Any]) -> FloatArray:
        """Return an array ``(episode, column)``."""
        rows = [self._row_of[key] for key in order]
        chosen: FloatArray = self._numbers[np.ix_(rows, [self.columns[own] for own in columns])]
        return chosen

    def frame(self, order: Sequence[Key], columns: Sequence[str] | None = None) -> pd.DataFrame:
        index = pd.MultiIndex.from_arrays(
            [[name for name, _ in order], [replication for _, replication in order]],
            names=["controller", "replication"],
        )
        if not order:
            return pd.DataFrame(index=index)
        chosen = list(self.columns if columns is None else columns)
        return pd.DataFrame(self.values(order, chosen), index=index, columns=chosen)


def _take(
    names: Sequence[str], columns: Sequence[Sequence[Any]], rows: IntArray
) -> dict[str, object]:
    """Return some rows of columns of anything, by name."""
    return {
        name: pd.Series(column).to_numpy()[rows]
        for name, column in zip(names, columns, strict=True)
    }
