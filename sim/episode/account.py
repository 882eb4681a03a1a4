"""The account of an episode while it is lived: payments and penalties of the steps gone by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sim.electrical.electrics import Electrics, electrics, joined, without_peaks
from sim.electrical.injections import injections
from sim.episode.book import Book
from sim.episode.ledger import INCOME, booked
from sim.episode.metrics import penalties_usd, voltage_violation_pu
from sim.powerflow.engines import engine
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statement:
    """What some steps have cost.

    Attributes
    ----------
    steps
        Which.
    paid_usd
        What the parties of the scenario have paid to others by item [USD]; negative was received.
    cost_usd, penalty_usd
        As in the metrics of an episode.
    voltage_violation_pu
        How far voltages were beyond their limits, summed over buses, worst step.
    loading_percent_max
        Highest loading of a branch, 0 where none is known.
    """

    steps: range
    paid_usd: Mapping[str, float]
    cost_usd: float
    penalty_usd: float
    voltage_violation_pu: float
    loading_percent_max: float
    _book: Book

    @property
    def ledger(self) -> pd.DataFrame:
        """The payments: ``step, payer, payee, item, usd``."""
        return self._book.table()

    @property
    def objective_usd(self) -> float:
        """Cost and penalties."""
        return self.cost_usd + self.penalty_usd


class Account:
    """Books the steps of a world as they go by.

    One batch of power flows serves all steps since the last statement: who asks rarely pays less.
    What all statements book together is what the episode's ledger books at its end.

    Parameters
    ----------
    system, realisation
        What exists, and what happens.
    world
        Where it happens.
    """

    def __init__(self, system: System, realisation: Realisation, world: World) -> None:
        self._system = system.priced(realisation.profile)
        self._realisation = realisation
        self._world = world
        self._engine = engine(system.grid)
        self._solved: Electrics | None = None
        self._parties = frozenset(system.parties)
        self._booked = 0

    def statement(self) -> Statement:
        """Return what the steps since the last statement have cost.

        A step counts once it is over, stored energy and ways back with the last one.
        """
        system, world = self._system, self._world
        first, end = self._booked, world.recorder.n_steps
        self._booked, steps = end, slice(first, end)
        if end == first:
            return Statement(
                steps=range(first, first),
                paid_usd={},
                cost_usd=0.0,
                penalty_usd=0.0,
                voltage_violation_pu=0.0,
                loading_percent_max=0.0,
                _book=Book(np.arange(0)),
            )
        found = without_peaks(injections(system, self._realisation, world.metered, steps))
        line_out = world.metered.topology.line_out[steps]
        solved = electrics(system, found, line_out, self._engine)
        if self._solved is not None:
            solved = joined(self._solved, solved)
        self._solved = solved
        book = booked(system, solved, world.recorder.table(), steps)
        paid_usd = self._paid_usd(book)
        vm_pu, loading = solved.flow.vm_pu[steps], solved.flow.loading_percent[steps]
        violation = voltage_violation_pu(system, vm_pu)
        return Statement(
            steps=range(first, end),
            paid_usd=paid_usd,
            cost_usd=sum(usd for item, usd in paid_usd.items() if item != INCOME),
            penalty_usd=sum(penalties_usd(system, solved, steps)),
            voltage_violation_pu=float(violation.sum(axis=1).max()),
            loading_percent_max=float(np.nan_to_num(loading).max(initial=0.0)),
            _book=book,
        )

    def _paid_usd(self, book: Book) -> dict[str, float]:
        """Return what the parties have paid to others by item [USD]."""
        found: dict[str, float] = {}
        for payer, payee, item, usd in book.sums():
            sign = (payer in self._parties) - (payee in self._parties)
            if sign:
                found[item] = found.get(item, 0.0) + sign * usd
        return found
