"""The book in which payments are collected, and the table that it makes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sim.units import FloatArray, IntArray


class Book:
    """Collects the columns of the ledger, of some steps."""

    def __init__(self, steps: IntArray) -> None:
        self._booked = steps
        self._steps: list[IntArray] = []
        self._usd: list[FloatArray] = []
        self._names: list[tuple[str, str, str]] = []

    def add(self, payer: str, payee: str, item: str, usd: FloatArray) -> None:
        """Book one amount per step; negative amounts flow the other way.

        What a party would pay itself is left out.
        """
        if payer == payee:
            return
        for sign, names in ((1, (payer, payee, item)), (-1, (payee, payer, item))):
            steps = self._booked[sign * usd[self._booked] > 0]
            if len(steps):
                self._steps.append(steps)
                self._usd.append(sign * usd[steps])
                self._names.append(names)

    def sums(self) -> Iterator[tuple[str, str, str, float]]:
        """Yield ``payer, payee, item, usd``, summed over the steps of each entry."""
        for (payer, payee, item), usd in zip(self._names, self._usd, strict=True):
            yield payer, payee, item, float(usd.sum())

    def table(self) -> pd.DataFrame:
        """Return the ledger by step, entries of one step in the order of booking."""
        lengths = [len(steps) for steps in self._steps]
        steps = np.concatenate([*self._steps, np.empty(0, dtype=np.int64)])
        order = np.argsort(steps, kind="stable")
        columns = {
            name: np.repeat([names[i] for names in self._names], lengths)[order]
            for i, name in enumerate(("payer", "payee", "item"))
        }
        usd = np.concatenate([*self._usd, np.empty(0)])[order]
        return pd.DataFrame({"step": steps[order], **columns, "usd": usd})
