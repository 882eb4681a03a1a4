"""What a controller may know: what is metered now, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sim.control.scenarios import correlated_scores, curves, values_at
from sim.control.states import EvStates, UnitStates, VehicleStates
from sim.control.travel import TravelTimes
from sim.errors import GridhaulError
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvEnvelope:
    """Between what a group of electric cars can be moved from now on, without orders so far.

    Arrays are ``(2, H, group)``: 5 % and 95 % quantile. Positive is drawn from the grid. The bounds
    of a group are sums over its cars: what lies between them can be moved but for a few percent
    (cars that are full leave room that others cannot use).

    Attributes
    ----------
    p_min_mw, p_max_mw
        Net power at which all cars at home feed in, and charge, mean of each period [MW].
    energy_min_mwh, energy_max_mwh
        Energy drawn from now to the end of each period if every car charges as late as its next
        trip allows (and first feeds in what it can), and as early as possible [MWh].
    """

    p_min_mw: FloatArray
    p_max_mw: FloatArray
    energy_min_mwh: FloatArray
    energy_max_mwh: FloatArray

    @classmethod
    def none(cls) -> EvEnvelope:
        """Return the envelope of no cars."""
        nothing = np.zeros((2, 0, 0))
        return cls(
            p_min_mw=nothing,
            p_max_mw=nothing,
            energy_min_mwh=nothing,
            energy_max_mwh=nothing,
        )


class _ReadLater:
    """Attributes that are worked out when they are first read, and kept."""

    __slots__ = ("_source",)

    if not TYPE_CHECKING:  # a type checker knows the attributes there are

        def __getattr__(self, name: str) -> Any:
            """Work out an attribute; Python asks for those that are not set yet."""
            if name not in type(self).__slots__:
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
            value = getattr(self._source, name)
            object.__setattr__(self, name, value)
            return value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast(_ReadLater):
    """What is expected from now on, as seen at `issued_h`. Row 0 is the period that starts now.

    Its parts may be worked out when they are first read (`read_later`), from what was known at
    `issued_h`. Copies, with `dataclasses.replace` too, and pickles hold all of them.

    Powers are period means. `H` counts the periods from now to the look-ahead or the end of the
    episode, whichever is nearer.

    Attributes
    ----------
    issued_h
        When the forecast was issued [h].
    profile_mean, profile_lower, profile_upper, profile_std
        Conditional mean, 5 % and 95 % quantiles and standard deviation of the period means of
        every profile, ``(H, profile)`` [pu of the profile].
    profile_step_std
        Standard deviation of a single step's value about `profile_mean`, ``(H, profile)``: the
        error of the forecast and the ripple inside the period together.
    profile_correlation
        Correlation of the forecast errors of one profile between two leads, ``(profile, H, H)``.
        Like the next one it is that of the errors as normal scores; that of the errors in pu is
        the same up to the bending of the map between them.
    series_correlation
        Correlation between profiles of what their errors gain from one period to the next,
        ``(profile, profile)``. With ``profile_correlation[i] = L_i L_i'`` (Cholesky), the errors of
        profile ``i`` at lead ``a`` and of ``k`` at lead ``b`` correlate as
        ``series_correlation[i, k] * (L_i L_k')[a, b]``: for equal dynamics, the product of both.
    load_mw, load_mvar, available_mw
        Mean load and mean renewable power available, ``(H, load)`` and ``(H, generator)``.
    ev_mw
        Mean charging power of electric cars, those at home and those yet to come,
        ``(H, group)`` [MW]; the baseline, as if nobody ordered them.
    ev_envelope
        Between what groups of cars can be moved.
    import_usd_per_mwh, export_usd_per_mwh
        Prices, ``(H, area)`` [USD/MWh]: known exactly, or expected where they are uncertain series;
        the first row is known always. `System.areas` says which areas there are,
        `System.station_area` in which each station is.
    travel
        Driving times between stations, without queueing and set-up; `travel_h`, `travel_lower_h`
        and `travel_upper_h` read all of them.
    rail_h
        Mean time from an order to leave at the start of each period to the arrival by rail,
        ``(H, from station, to station)`` [h]: the wait for the slot, running times and mean delays
        of the line; not other trains in the way. Infinite where no track leads. What it is without
        delays, `System.rails` tells.
    """

    issued_h: float
    profile_mean: FloatArray
    profile_lower: FloatArray
    profile_upper: FloatArray
    profile_std: FloatArray
    profile_step_std: FloatArray
    profile_correlation: FloatArray
    series_correlation: FloatArray
    load_mw: FloatArray
    load_mvar: FloatArray
    available_mw: FloatArray
    ev_mw: FloatArray
    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    travel: TravelTimes
    rail_h: FloatArray
    ev_envelope: EvEnvelope = field(default_factory=EvEnvelope.none)

    @classmethod
    def read_later(cls, issued_h: float, source: object) -> Self:
        """Return a forecast whose parts are attributes of `source`, asked for once each.

        Parameters
        ----------
        issued_h
            When it is issued [h].
        source
            Plain data as well: what it says does not depend on when it is asked.
        """
        forecast = object.__new__(cls)
        object.__setattr__(forecast, "issued_h", issued_h)
        object.__setattr__(forecast, "_source", source)
        return forecast

    @property
    def n_periods(self) -> int:
        """Number of periods the forecast covers."""
        return len(self.import_usd_per_mwh)

    @property
    def travel_h(self) -> FloatArray:
        """Mean driving time for a departure at the start of each period.

        ``(H, from station, to station)`` [h]; infinite where no road leads. Where there are many
        stations and one vehicle asks, `travel.from_station` is quicker.
        """
        return self.travel.everywhere().mean

    @property
    def travel_lower_h(self) -> FloatArray:
        """5 % quantile of the driving time, as `travel_h`."""
        return self.travel.everywhere().lower

    @property
    def travel_upper_h(self) -> FloatArray:
        """95 % quantile of the driving time, as `travel_h`."""
        return self.travel.everywhere().upper

    def scenarios(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return `n` joint samples of the profiles, ``(n, H, profile)`` [pu of the profile].

        They are made of what this forecast states and of nothing else: means, standard deviations
        and bounds of every profile in every period, correlations over leads and between profiles.
        What cannot be negative (lower bound at least 0) is not; what is certain, such as the sun at
        night and every profile of an exact forecast, is its mean in all samples.

        Parameters
        ----------
        n
            How many.
        rng
            Random stream of the caller.
        """
        score = correlated_scores(self.profile_correlation, self.series_correlation, n, rng)
        curve = curves(self.profile_mean, self.profile_lower, self.profile_upper, self.profile_std)
        return values_at(curve, score)


class NotShownError(GridhaulError, AttributeError):
    """Something of an observation that a controller reads and has not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeteredVoltages:
    """What a power flow says of the last step; None before the first.

    Attributes
    ----------
    vm_pu
        Bus voltages, ``(bus,)`` [pu].
    loading_percent
        Loading of the branches, ``(branch,)`` [%].
    """

    vm_pu: FloatArray | None
    loading_percent: FloatArray | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observation:
    """Everything a controller may know at `now_h`.

    Attributes
    ----------
    now_h
        Hours since the episode's start.
    period
        Index of the period that starts now.
    periods_left
        Periods until the end of the episode, this one included.
    hour_of_day
        Clock time [h], in [0, 24).
    vehicles
        State of the fleet.
    queue
        Vehicles waiting at each station, ``(station,)``.
    plugs_free
        Free plugs at each station, ``(station,)``.
    terminal_energy_mwh
        Stored energy aimed at for the end of the episode, ``(vehicle,)`` [MWh].
    load_mw, load_mvar, available_mw
        Metered means of the last step: load that was served, moved demand included, nothing at dead
        buses, and without what was shed where the power flow of the step is known (where there are
        units, or with `needs_voltages`); what plants could have given, nothing at dead buses. Of
        the forecast's row 0 before the first step, ``(load,)`` and ``(generator,)``.
    link_speed_kmh
        Speeds on the road links now, ``(link,)`` [km/h].
    incident
        Whether an incident takes capacity from a road link now, ``(link,)``.
    line_out
        Lines of the grid that have tripped, ``(line,)``.
    evs
        Electric cars at home.
    units
        State of the thermal units.
    shifted_mwh
        Energy moved so far today, ``(load,)`` [MWh]: positive where more was consumed than was
        asked for, and has to be given back before midnight.
    voltages
        What `vm_pu` and `loading_percent` read; None for controllers that do not ask for voltages.
    forecast
        What is expected.
    """

    now_h: float
    period: int
    periods_left: int
    hour_of_day: float
    vehicles: VehicleStates
    queue: IntArray
    plugs_free: IntArray
    terminal_energy_mwh: FloatArray
    load_mw: FloatArray
    load_mvar: FloatArray
    available_mw: FloatArray
    link_speed_kmh: FloatArray
    incident: BoolArray
    line_out: BoolArray
    evs: EvStates
    units: UnitStates
    shifted_mwh: FloatArray
    voltages: MeteredVoltages | None
    forecast: Forecast

    @property
    def vm_pu(self) -> FloatArray | None:
        """Bus voltages of the last step, ``(bus,)`` [pu]; None before the first.

        Raises
        ------
        NotShownError
            If the controller has not asked for voltages.
        """
        return self._shown("vm_pu").vm_pu

    @property
    def loading_percent(self) -> FloatArray | None:
        """Branch loading of the last step, ``(branch,)`` [%]; see `vm_pu`."""
        return self._shown("loading_percent").loading_percent

    def _shown(self, name: str) -> MeteredVoltages:
        if self.voltages is None:
            raise NotShownError(
                f"observation.{name} is not shown to a controller that does not ask for it: write "
                "capabilities = Capabilities(needs_voltages=True) in its class"
            )
        return self.voltages
