"""What a controller decides: a plan of parts, and how the decision came about."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An order to drive: leave for `station` at `depart_h`.

    A vehicle stays where it is until the first visit of its itinerary is due, then drives, queues,
    sets up and exchanges power until the next one is due. A visit that is due while the vehicle
    still drives or sets up starts as soon as that is done; one that is due while it queues ends the
    queueing.

    A train leaves on the first departure slot at or after that moment (`Rails.next_slot`), and
    stays connected until then.

    Attributes
    ----------
    station
        Index of the station to go to.
    depart_h
        When to leave for it [h since the episode's start].
    charge_mwh, discharge_mwh
        Energy budget of the visit: the most that may be charged and discharged, at the grid
        connection, until the next visit begins [MWh]. None for no limit. A visit to the station
        where the vehicle stands begins a new budget, without a new set-up.
    """

    station: int
    depart_h: float
    charge_mwh: float | None = None
    discharge_mwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetPlan:
    """Where vehicles go and what they exchange. Row 0 is the period that starts now.

    Attributes
    ----------
    visits
        The whole remaining itinerary of each vehicle, by departure; None keeps the itineraries in
        force, an entry of None keeps that vehicle's. A trip under way is always finished first.
    p_mw, q_mvar
        Power per period while connected, ``(H, vehicle)`` [MW, Mvar], positive injecting. None
        keeps the rows in force. Rows never planned are zero.
    """

    visits: tuple[tuple[Visit, ...] | None, ...] | None = None
    p_mw: FloatArray | None = None
    q_mvar: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridPlan:
    """What the grid operator orders.

    Attributes
    ----------
    generation_limit_mw
        Cap on each generator's output, ``(H, generator)`` [MW]; infinity means free. What is
        available above the cap is curtailed. Rows never planned are free.
    """

    generation_limit_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketPlan:
    """What the market has cleared. Row 0 is the period that starts now.

    A part that is None keeps what is in force.

    Units start and stop at the start of a period, and change their output at the start of a step.
    The world does as far as it may what is ordered:

    - A start or stop that breaks `min_up_h` or `min_down_h`, a stop from more than
      `ThermalUnit.edge_mw`, and a stop of the slack unit are refused: the unit stays as it is.
      Refusals are counted and stand with their reason in the table ``units``.
    - The output is brought within ``p_min_mw`` and ``p_max_mw`` and within the ramp from the end of
      the period before; in the period of a start it is at most `ThermalUnit.edge_mw`.
    - A shift is brought within the share and the ramp of the load as it turns out.

    The slack unit does not follow `unit_p_mw`: it balances what all others leave. Beyond its limits
    renewables are spilled or load is shed.

    Attributes
    ----------
    commitment
        Whether each unit is on, ``(H, unit)``. In rows never planned a unit stays as it is.
    unit_p_mw
        Output while on, ``(H, unit)`` [MW]. In rows never planned a unit stays where it is.
    shift_mw
        What each load draws beyond what it asks for, ``(H, load)`` [MW]; negative draws less. Rows
        never planned are zero. A day's sum should be zero: what was moved away and is not given
        back until midnight has not been served and is paid for at the benefit of the load; what was
        consumed in excess is worth nothing.
    lmp_usd_per_mwh
        Prices that the clearing found, ``(H, bus)`` [USD/MWh]. The world records them, nothing
        more.
    """

    commitment: BoolArray | None = None
    unit_p_mw: FloatArray | None = None
    shift_mw: FloatArray | None = None
    lmp_usd_per_mwh: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvPlan:
    """What groups of electric cars exchange. Row 0 is the period that starts now.

    The world shares the order to a group among its cars at home: a charge goes to those with the
    least laxity, a discharge is taken from those with the greatest; counted in the hours in which
    the orders ahead let the group charge, so that it pays to order the whole look-ahead. A car
    that has no time left to wait charges at full power, whatever is ordered, and in a discharge the
    others make up for it. What the cars of a group cannot do is clipped and counted.

    Attributes
    ----------
    p_mw
        Net power of each group, ``(H, group)`` [MW]: positive injecting, so that charging is
        negative. NaN is no order: the cars charge as the scenario says, and so they do in rows
        never planned. A group that is not `EvGroup.orderable` takes NaN only.
    """

    p_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResponsePlan:
    """How the power of vehicles follows the error of a forecast inside a period.

    While connected, a vehicle exchanges ``p_mw + factor * (forecast - realised)`` of the net
    injection of the area in which it stands: renewable generation under the caps less load, as the
    `Forecast` of the decision that ordered the response says and as it is metered when a step
    begins. That power is held for the step, within the battery and the budget of the visit; it
    never changes its sign, and a vehicle that is to rest rests. Electric cars are not part of the
    net injection.

    Attributes
    ----------
    factor
        Participation factors, ``(H, vehicle)`` [MW/MW]: 1 makes up for the whole error. Rows never
        planned are zero.
    """

    factor: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RentPlan:
    """What operators of areas pay to owners of vehicles. Row 0 is the period that starts now.

    The contract of the scenario (`System.rent`) says which of the two prices there is; a price
    holds for whole steps, from the next one on where a decision falls inside a step. Rows never
    planned are zero.

    Attributes
    ----------
    usd_per_mwh
        For energy charged or discharged in an area, ``(H, area)`` [USD/MWh].
    usd_per_h
        For every vehicle connected in an area, ``(H, area)`` [USD/h].
    """

    usd_per_mwh: FloatArray | None = None
    usd_per_h: FloatArray | None = None


class SolveStatus(enum.StrEnum):
    """How a decision came about.

    Attributes
    ----------
    OPTIMAL
        Solved to proven optimality (of the model stated).
    FEASIBLE
        A plan from a search that stopped at its work limit or proves nothing.
    INFEASIBLE
        The model has no solution; the plan is a fallback.
    DEADLINE
        Wall clock ended the search: the episode is not reproducible.
    FAILED
        The solver or the controller failed; the plan is a fallback.
    RULE
        A rule decided; nothing was solved.
    """

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    DEADLINE = "deadline"
    FAILED = "failed"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a decision can say of itself.

    Attributes
    ----------
    status
        How it came about.
    objective_usd
        Value of the plan in the model that was solved [USD].
    bound_usd
        Proven lower bound of that model, None where nothing is proven [USD].
    idle_usd
        What doing nothing costs in that model, None where it is not known [USD].
    fallback
        Why a fallback was used, empty otherwise.
    figures
        Whatever else there is to say, by name with unit; the ``decisions`` table holds it as JSON.
    """

    status: SolveStatus = SolveStatus.RULE
    objective_usd: float | None = None
    bound_usd: float | None = None
    idle_usd: float | None = None
    fallback: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """What is not proven as a share of what could be gained, None where nothing is proven [-].

        ``(objective - bound) / (idle - bound)``, for an objective may be near zero. Where the cost
        of doing nothing is not known, ``(objective - bound) / |objective|``.
        """
        if self.objective_usd is None or self.bound_usd is None:
            return None
        open_usd = self.objective_usd - self.bound_usd
        if self.idle_usd is None:
            return open_usd / max(abs(self.objective_usd), 1e-9)
        return open_usd / max(self.idle_usd - self.bound_usd, open_usd, 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A decision, composed of parts; None keeps what is in force.

    Attributes
    ----------
    fleet
        Itineraries and power of the vehicles.
    grid
        Orders to generators.
    market
        Orders to thermal units and loads, and prices.
    ev
        Orders to groups of electric cars.
    response
        How power follows errors of the forecast inside periods.
    rent
        Prices at which vehicles are rented.
    outcome
        How the decision came about.
    """

    fleet: FleetPlan | None = None
    grid: GridPlan | None = None
    market: MarketPlan | None = None
    ev: EvPlan | None = None
    response: ResponsePlan | None = None
    rent: RentPlan | None = None
    outcome: Outcome = Outcome()
