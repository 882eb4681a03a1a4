"""The account of an episode while it is lived: payments and penalties of the steps gone by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from sim.electrical.electrics import Electrics, electrics, joined, without_peaks
from sim.electrical.injections import injections
from sim.episode.book import Book
from sim.episode.ledger import ledger, totals
from sim.episode.metrics import penalties_usd, voltage_violation_pu
from sim.powerflow.engines import engine
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.world.world import World


class Statement(NamedTuple):
    """What some steps have cost.

    Attributes
    ----------
    steps
        Which.
    ledger
        Their payments: ``step, payer, payee, item, usd``.
    cost_usd, penalty_usd
        As in the metrics of an episode.
    voltage_violation_pu
        How far voltages were beyond their limits, summed over buses, worst step.
    loading_percent_max
        Highest loading of a branch, NaN where there is none.
    """

    steps: range
    ledger: pd.DataFrame
    cost_usd: float
    penalty_usd: float
    voltage_violation_pu: float
    loading_percent_max: float

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
        self._booked = 0

    def statement(self) -> Statement:
        """Return what the steps since the last statement have cost.

        A step counts once it is over, stored energy and ways back with the last one.
        """
        system, world = self._system, self._world
        first, end = self._booked, world.recorder.n_steps
        self._booked, steps = end, slice(first, end)
        if end == first:
            nothing = Book(np.arange(0)).table()
            return Statement(range(first, first), nothing, 0.0, 0.0, 0.0, float("nan"))
        found = without_peaks(injections(system, self._realisation, world.metered, steps))
        line_out = world.metered.topology.line_out[steps]
        solved = electrics(system, found, line_out, self._engine)
        if self._solved is not None:
            solved = joined(self._solved, solved)
        self._solved = solved
        payments = ledger(system, solved, world.recorder.table(), steps)
        vm_pu, loading = solved.flow.vm_pu[steps], solved.flow.loading_percent[steps]
        known = loading[np.isfinite(loading)]
        return Statement(
            steps=range(first, end),
            ledger=payments,
            cost_usd=totals(payments, system.parties).cost_usd,
            penalty_usd=sum(penalties_usd(system, solved, steps)),
            voltage_violation_pu=float(
                voltage_violation_pu(system, vm_pu).sum(axis=1).max(initial=0.0)
            ),
            loading_percent_max=float(known.max()) if known.size else float("nan"),
        )
