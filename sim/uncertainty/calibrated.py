"""Calibrated forecasts: what has been metered, what is known of the future, and no more.

Scores follow an autoregression, ``z(t) = c + sum_k a_k z(t - k) + d e(t)``. The innovation ``e`` of
a future period is observed through noise whose precision ``pi(lead)`` grows as the period draws
near; every issue adds an independent piece of evidence. Its conditional mean is::

    e_hat = (pi e + B(pi)) / (1 + pi) = (1 - r) e + sqrt(r (1 - r)) eta,   r = 1 / (1 + pi)

with a Brownian motion ``B`` in precision: ``E[e | e_hat] = e_hat``, ``var[e | e_hat] = r``. Scores
that are metered reveal the innovations that are over, and tell nothing of those to come. So the
conditional law of the scores ahead, given all that has been metered and all evidence, is the
autoregression started from the metered scores and driven by ``e_hat``; the errors follow it from 0,
driven by ``e - e_hat``. Forecasts of one period are a martingale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.control import EvStates, Forecast
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.dynamics import score_means
from sim.uncertainty.issued import Issued, Laws
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import SECONDS_PER_HOUR, FloatArray, frozen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibratedForecaster:
    """Forecasts of one replication.

    Attributes
    ----------
    nature, realisation, conditions
        What there is, what will be, and the roads among it.
    laws
        What of it all forecasts have in common.
    score_mean
        ``z_hat``, ``(issue period, lead, profile)``.
    together
        What the correlation of two profiles' innovations is multiplied by to be that of their
        errors, ``(profile, profile)``: 1 for equal skill.
    """

    nature: Nature
    realisation: Realisation
    conditions: RoadConditions
    laws: Laws
    score_mean: FloatArray
    together: FloatArray

    @classmethod
    def build(cls, nature: Nature, realisation: Realisation) -> CalibratedForecaster:
        """Accumulate the evidence, and foresee all scores from what is metered at each issue."""
        known, (table, period_of_day) = nature.dynamics, realisation.climatology_row.T
        coefficient = np.ascontiguousarray(known.coefficient[table, period_of_day])
        deviation = known.deviation[table, period_of_day]
        share = nature.error_share
        noise = realisation.forecast_noise @ known.sample[table, period_of_day]
        foreseen = _foreseen(share, realisation.period_innovation, noise)
        own = np.sqrt(np.where(share > 0, share, 1.0))
        rest = np.sqrt(1 - own**2)
        return cls(
            nature=nature,
            realisation=realisation,
            conditions=realisation.conditions(nature.system),
            laws=_laws(nature),
            score_mean=frozen(
                score_means(
                    coefficient,
                    known.offset[table, period_of_day],
                    deviation,
                    foreseen,
                    realisation.score,
                )
            ),
            together=frozen((own.T @ own + rest.T @ rest) / len(share)),
        )

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast; see `Forecaster.issue`.

        Profiles are forecast at the start of each period; what is known of the roads and of the
        cars is of this moment.
        """
        nature, realisation, timing = self.nature, self.realisation, self.nature.system.timing
        ahead = slice(period, period + timing.periods_ahead(period))
        row = realisation.climatology_row[ahead].copy()
        spread, correlation = nature.errors.moments(row)
        certain = self.laws.certain[: len(row)]
        quarter = min(int(now_h * 4), len(realisation.link_state) - 1)
        step = min(int(now_h / timing.step_h + 1e-9), len(realisation.delay_state) - 1)
        source = Issued(
            laws=self.laws,
            period=period,
            now_h=now_h,
            row=row,
            score_mean=self.score_mean[period, : len(row)].copy(),
            score_spread=spread,
            score_correlation=correlation,
            known=np.where(certain, realisation.period_mean[ahead], np.nan),
            together=self.together,
            cars=evs.copy(),
            link_state=realisation.link_state[quarter].copy(),
            link_stretch=self.conditions.stretch_now(now_h * SECONDS_PER_HOUR).copy(),
            delay_state=float(realisation.delay_state[step]),
        )
        return Forecast.read_later(now_h, source)


def _laws(nature: Nature) -> Laws:
    """Return what forecasts have in common."""
    certain = np.tile(nature.error_share[0] == 0, (nature.system.timing.horizon, 1))
    # The price of this period is known as it begins.
    certain[0, list(nature.system.tariff.series)] = True
    tariffs = [area.tariff for area in nature.system.areas]
    return Laws(
        system=nature.system,
        quantile=nature.climatology.quantile,
        ripple=nature.climatology.ripple,
        correlation=nature.dynamics.correlation,
        certain=frozen(certain, np.bool_),
        import_usd_per_mwh=nature.import_usd_per_mwh,
        export_usd_per_mwh=nature.export_usd_per_mwh,
        import_profile=tuple(tariff.import_profile for tariff in tariffs),
        export_profile=tuple(tariff.export_profile for tariff in tariffs),
        delays=nature.uncertainty.delays,
        travel=nature.travel,
        rail=nature.rail,
        evs=nature.evs,
    )


def _foreseen(share: FloatArray, innovation: FloatArray, noise: FloatArray) -> FloatArray:
    """Return the conditional means of innovations, ``(period, lead, profile)``.

    ``e_hat = (pi e + B(pi)) / (1 + pi)`` with the precision ``pi = 1 / r - 1`` and a Brownian
    motion ``B`` in it.

    Parameters
    ----------
    share
        ``r``, ``(lead, profile)``; nothing is made of profiles where it is 0.
    innovation
        ``e``, ``(period, profile)``.
    noise
        Standard normal, new at each lead, ``(period, lead, profile)``.
    """
    precision = 1 / np.where(share > 0, share, 1.0) - 1
    gained = np.sqrt(-np.diff(precision, axis=0, append=0.0))
    evidence = np.cumsum((gained * noise)[:, ::-1], axis=1)[:, ::-1]
    foreseen: FloatArray = (precision * innovation[:, None] + evidence) / (1 + precision)
    return foreseen
