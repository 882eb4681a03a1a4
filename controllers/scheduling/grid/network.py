"""The linearised network: import and violated limits as functions of the stations' injections."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controllers.scheduling.grid.currents import Currents
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatingPoint:
    """Where the network is linearised.

    Attributes
    ----------
    p_mw, q_mvar
        Injections of the sites, ``(period, site)`` [MW, Mvar]: the stations, then the groups of
        cars that are ordered, whose reactive power is 0.
    curtailed_mw
        Curtailment, ``(period, generator)`` [MW].
    """

    p_mw: FloatArray
    q_mvar: FloatArray
    curtailed_mw: FloatArray

    @classmethod
    def at_rest(cls, system: System, n_periods: int, n_groups: int = 0) -> OperatingPoint:
        """Return the point without storage, ordered groups of cars and curtailment."""
        sites = np.zeros((n_periods, len(system.stations) + n_groups))
        return cls(
            p_mw=sites,
            q_mvar=sites,
            curtailed_mw=np.zeros((n_periods, len(system.generators.name))),
        )

    def later(self, elapsed: int, n_periods: int) -> OperatingPoint:
        """Return the same, counted from `elapsed` periods later; at rest after its end."""

        def moved(values: FloatArray) -> FloatArray:
            part = values[elapsed : elapsed + n_periods]
            return np.concatenate([part, np.zeros((n_periods - len(part), values.shape[1]))])

        return OperatingPoint(
            p_mw=moved(self.p_mw),
            q_mvar=moved(self.q_mvar),
            curtailed_mw=moved(self.curtailed_mw),
        )


def by_area(values: FloatArray, area: IntArray, n_areas: int) -> FloatArray:
    """Return sums over the things of each area, ``(period, area)``, of ``(period, thing)``."""
    parts = [np.where(area == a, values, 0.0) for a in range(n_areas)]
    return np.column_stack([part.sum(axis=1) for part in parts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Response of the grid, per period.

    Sites are the stations, then the groups of cars that are ordered. For the injections ``p, q``
    and the curtailment ``c`` inside an area its import is
    ``import_mw + import_p . p + import_q . q + import_c . c + p' loss p + q' loss q``; what happens
    in one area does not reach another. A row stands at
    ``row_base + row_p . p + row_q . q + row_c . c``. The violation of a limit is the largest of its
    rows, if positive; that of a line's current is at least that, and what `currents` says.

    Attributes
    ----------
    import_mw
        Import of each area as it is metered for payment, ``(period, area)``, negative for export
        [MW].
    import_p, import_q
        Of the site's own area, ``(period, site)`` [MW/MW, MW/Mvar].
    import_c
        Of the generator's own area, ``(period, generator)`` [MW/MW].
    profiles
        The profiles whose forecast is uncertain, ``(uncertain,)``.
    site_area, generator_area, row_area
        In which area they are, ``(site,)``, ``(generator,)``, ``(row,)``.
    loss
        Half the curvature of the losses, symmetric and positive semidefinite,
        ``(period, site, site)`` [MW/MW^2].
    row_start
        Rows of period ``t`` are ``row_start[t]:row_start[t + 1]``, ``(period + 1,)``.
    row_limit
        The limit a row belongs to, ``(row,)``; rows of one limit of one period are neighbours.
    row_base
        ``(row,)`` [pu or %].
    row_p, row_q, row_c
        ``(row, site)``, ``(row, site)``, ``(row, generator)``.
    row_profile
        By how much the row rises where one unit more of an uncertain profile comes,
        ``(row, uncertain)`` [pu or %].
    row_usd
        What a unit of violation costs for one period, ``(row,)`` [USD].
    row_std
        Standard deviation of the row by errors of the load forecast, and of a lower voltage limit
        by errors of the renewable forecast as well, ``(row,)`` [pu or %]. Renewable power above
        its forecast can be capped.
    currents
        The currents of the lines that have rows, whose tangents make their limits exact.
    live
        Sites whose bus is supplied, ``(site,)``.
    available_mw, available_std_mw
        Renewable power available and standard deviation of its forecast,
        ``(period, generator)`` [MW].
    """

    import_mw: FloatArray
    import_p: FloatArray
    import_q: FloatArray
    import_c: FloatArray
    profiles: IntArray
    site_area: IntArray
    generator_area: IntArray
    row_area: IntArray
    loss: FloatArray
    row_start: IntArray
    row_limit: IntArray
    row_base: FloatArray
    row_p: FloatArray
    row_q: FloatArray
    row_c: FloatArray
    row_profile: FloatArray
    row_usd: FloatArray
    row_std: FloatArray
    currents: Currents
    live: BoolArray
    available_mw: FloatArray
    available_std_mw: FloatArray

    @property
    def n_areas(self) -> int:
        """Number of areas."""
        return int(self.import_mw.shape[1])

    @property
    def row_period(self) -> IntArray:
        """Period of each row, ``(row,)``."""
        return np.repeat(np.arange(len(self.import_mw)), np.diff(self.row_start))

    @property
    def row_violation(self) -> IntArray:
        """Number of the violation each row belongs to, ascending from 0, ``(row,)``."""
        period, limit = self.row_period, self.row_limit
        new = np.ones(len(limit), dtype=np.bool_)
        new[1:] = (period[1:] != period[:-1]) | (limit[1:] != limit[:-1])
        return np.cumsum(new) - 1

    def tightened(self, margin: float) -> Network:
        """Return the network with limits tightened by `margin` standard deviations."""
        return replace(
            self,
            row_base=self.row_base + margin * self.row_std,
            currents=replace(self.currents, margin=self.currents.margin + margin),
        )

    def without_cars(self, cars_mw: FloatArray) -> Network:
        """Return the network of the stations alone, with groups of cars at a given power.

        Parameters
        ----------
        cars_mw
            Injections of the last sites, ``(period, group)`` [MW].
        """
        if not cars_mw.shape[1]:
            return self
        n = len(self.live) - cars_mw.shape[1]
        lost = np.einsum("tsg,tg->ts", self.loss[:, :, n:], cars_mw)
        drawn = (self.import_p[:, n:] + lost[:, n:]) * cars_mw
        imported = self.import_mw + by_area(drawn, self.site_area[n:], self.n_areas)
        period, currents = self.row_period, self.currents
        moved = (currents.by_p[:, n:] * cars_mw[currents.period]).sum(axis=1)
        return replace(
            self,
            import_mw=imported,
            import_p=self.import_p[:, :n] + 2 * lost[:, :n],
            import_q=self.import_q[:, :n],
            site_area=self.site_area[:n],
            loss=self.loss[:, :n, :n],
            row_base=self.row_base + (self.row_p[:, n:] * cars_mw[period]).sum(axis=1),
            row_p=self.row_p[:, :n],
            row_q=self.row_q[:, :n],
            currents=replace(
                currents,
                base=currents.base + moved,
                by_p=currents.by_p[:, :n],
                by_q=currents.by_q[:, :n],
            ),
            live=self.live[:n],
        )

    def rows_at(self, point: OperatingPoint) -> FloatArray:
        """Return where the rows stand at a point, positive where violated, ``(row,)``."""
        period = self.row_period
        value: FloatArray = self.row_base + (self.row_p * point.p_mw[period]).sum(axis=1)
        value += (self.row_q * point.q_mvar[period]).sum(axis=1)
        value += (self.row_c * point.curtailed_mw[period]).sum(axis=1)
        return value

    def import_at(self, point: OperatingPoint) -> FloatArray:
        """Return the import at a point, ``(period, area)`` [MW]."""
        site, n = self.site_area, self.n_areas
        imported: FloatArray = self.import_mw + by_area(self.import_p * point.p_mw, site, n)
        imported += by_area(self.import_q * point.q_mvar, site, n)
        imported += by_area(self.import_c * point.curtailed_mw, self.generator_area, n)
        for values in (point.p_mw, point.q_mvar):
            imported += self.losses_at(values)
        return imported

    def losses_at(self, values: FloatArray) -> FloatArray:
        """Return the quadratic losses of injections ``(period, site)``, ``(period, area)`` [MW]."""
        parts = [np.where(self.site_area == a, values, 0.0) for a in range(self.n_areas)]
        return np.column_stack([np.einsum("ti,tij,tj->t", part, self.loss, part) for part in parts])

    def penalty_usd(self, point: OperatingPoint) -> FloatArray:
        """Return what violated limits cost at a point, ``(period,)`` [USD]."""
        usd = np.zeros(len(self.import_mw))
        if not len(self.row_limit):
            return usd
        group = self.row_violation
        first = np.flatnonzero(np.diff(group, prepend=-1))
        violation = np.maximum.reduceat(self.rows_at(point), first)
        currents, row_period = self.currents, self.row_period
        n_limits = int(self.row_limit.max()) + 1
        key = (row_period * n_limits + self.row_limit)[first]
        of = np.searchsorted(key, currents.period * n_limits + currents.limit)
        found = currents.excess(currents.at(point.p_mw, point.q_mvar, point.curtailed_mw))
        violation[of] = np.maximum(violation[of], found)
        np.add.at(usd, row_period[first], np.maximum(violation, 0.0) * self.row_usd[first])
        return usd
