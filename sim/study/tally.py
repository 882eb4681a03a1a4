"""What a study keeps in memory: some figures per episode, never its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sim.study.contrasts import with_regret
from sim.study.days import Days
from sim.study.jobs import Failure, Finished, Key
from sim.study.stopping import OBJECTIVE, Look, is_look, look
from sim.study.study import Study
from sim.units import FloatArray


class Tally:
    """Figures of the episodes so far, about 2 kB each.

    Parameters
    ----------
    controllers
        Names in the order of the study.
    """

    def __init__(self, controllers: Sequence[str]) -> None:
        self._controllers = tuple(controllers)
        self._metrics = _Rows()
        self._timings = _Rows()
        self._ledger: dict[Key, tuple[tuple[str, str, str, float], ...]] = {}
        self._failures: dict[Key, Failure] = {}
        self._ended: Counter[int] = Counter()  # controllers that are through, by replication

    def add(self, result: Finished | Failure) -> None:
        """Note what became of an episode."""
        self._ended[result.replication] += 1
        if isinstance(result, Failure):
            self._failures[result.key] = result
            return
        self._metrics.add(result.key, result.metrics)
        self._timings.add(result.key, result.timings)
        self._ledger[result.key] = tuple(result.ledger.itertuples(index=False, name=None))

    def has_ended(self, replication: int) -> bool:
        """Return whether all controllers are through with a replication."""
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
        """Return what has been found in these replications."""
        order = self._order(replications)
        entries = [(*key, *entry) for key in order for entry in self._ledger[key]]
        columns = ["controller", "replication", "payer", "payee", "item", "usd"]
        return Study(
            scenario=scenario,
            seed=seed,
            replications=len(replications),
            controllers=self._controllers,
            metrics=with_regret(self._metrics.frame(order)),
            timings=self._timings.frame(order),
            ledger=pd.DataFrame(entries, columns=columns) if entries else pd.DataFrame(),
            failures=self.failures(replications),
            days=days,
            look=last_look,
        )

    def _order(self, replications: Sequence[int]) -> list[Key]:
        return self._keys(replications, self._ledger)

    def _keys(self, replications: Sequence[int], among: Mapping[Key, object]) -> list[Key]:
        wanted = ((label, own) for own in replications for label in self._controllers)
        return [key for key in wanted if key in among]


class Looks:
    """Looks at a running study whenever enough replications have ended, whoever ends first.

    Parameters
    ----------
    tally
        Figures so far.
    controllers
        Names, the baseline first.
    days
        Which replications share a day.
    until
        See `sim.study.stopping.look`; None never looks.
    most
        Number of replications after which the study ends anyway, with a last look.
    """

    def __init__(
        self,
        tally: Tally,
        controllers: Sequence[str],
        days: Days,
        until: float | None,
        *,
        most: int,
    ) -> None:
        self._tally = tally
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

    def look(self) -> bool:
        """Look as far as the replications have ended; return whether the study may stop."""
        while not self.reached and self._tally.has_ended(self._ended):
            self._ended += 1
            if self._until is not None and (is_look(self._ended) or self._ended == self._most):
                self.last = look(
                    self._tally.objective(self._ended),
                    self._controllers,
                    self._days,
                    replications=self._ended,
                    until=self._until,
                )
        return self.reached


class _Rows:
    """Rows of numbers with the same columns, by episode."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._values: dict[Key, FloatArray] = {}

    def add(self, key: Key, row: Mapping[str, float]) -> None:
        self._columns = self._columns or list(row)
        self._values[key] = np.array([row[name] for name in self._columns], dtype=float)

    def frame(self, order: Sequence[Key], columns: Sequence[str] | None = None) -> pd.DataFrame:
        index = pd.MultiIndex.from_arrays(
            [[name for name, _ in order], [replication for _, replication in order]],
            names=["controller", "replication"],
        )
        chosen = self._columns if columns is None else list(columns)
        places = [self._columns.index(name) for name in chosen if name in self._columns]
        if not order:
            return pd.DataFrame(index=index)
        values = np.array([self._values[key][places] for key in order])
        return pd.DataFrame(values, index=index, columns=chosen)
