"""Make `Uncertainty` (records, traffic, outages, forecast skill) from the validated file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sim.scenario.branches import floats
from sim.scenario.problems import Problems
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.schema.values import Table
from sim.uncertainty.events import Breakdowns, FixedOutage, Incidents, Outages
from sim.uncertainty.evs import EvHabits
from sim.uncertainty.model import Delays, ForecastSkill, Record, Traffic, Uncertainty
from sim.uncertainty.railway import RailDelays
from sim.uncertainty.storm import Storm

T = TypeVar("T")
KINDS = ("load", "pv", "wind", "price")  # of profiles


def make_uncertainty(
    config: ScenarioFile,
    record: Record | None,
    delays: Delays | None,
    where: str,
    problems: Problems,
) -> Uncertainty | None:
    """Return what may happen, None if a value is refused or the record is missing.

    Where uncertainty is off, what would be random is checked all the same, and left out.
    """
    skilled = partial(ForecastSkill, error=config.forecast.error)
    skill = {
        kind: _checked(skilled, getattr(config.forecast, kind), key, where, problems)
        for kind, key in ((kind, f"forecast.{kind}") for kind in KINDS)
    }
    habits = config.traffic.model_dump()
    demand = floats(habits.pop("demand"))
    traffic = problems.attempt(
        partial(Traffic, demand=demand, storm=Storm(**config.storm.model_dump()), **habits),
        where=where,
        key="traffic",
        value=habits,
    )
    rail_delays = _checked(RailDelays, config.rails.delay, "rails.delay", where, problems)
    incidents = _checked(Incidents, config.incidents, "incidents", where, problems)
    breakdowns = _checked(Breakdowns, config.breakdowns, "breakdowns", where, problems)
    fixed = tuple(FixedOutage(**own.model_dump()) for own in config.outages.fixed)
    values = config.outages.model_dump(exclude={"fixed"})
    outages = problems.attempt(
        partial(Outages, fixed=fixed, **values), where=where, key="outages", value=values
    )
    ev_habits = _checked(EvHabits, config.ev_habits, "ev_habits", where, problems)
    known = {kind: value for kind, value in skill.items() if value is not None}
    if not (record and delays and rail_delays and traffic and len(known) == len(KINDS)):
        return None
    if not (incidents and breakdowns and outages and ev_habits):
        return None
    if config.uncertainty == "off":
        return Uncertainty(
            record=record,
            months=config.profiles.months,
            skill=dict.fromkeys(known, ForecastSkill()),
            traffic=replace(traffic, sigma=0.0),
            delays=replace(delays, sigma=0.0),
            outages=Outages(fixed=fixed),
            ev_habits=ev_habits,
        )
    return Uncertainty(
        record=record,
        months=config.profiles.months,
        skill=known,
        traffic=traffic,
        delays=delays,
        rail_delays=rail_delays,
        incidents=incidents,
        breakdowns=breakdowns,
        outages=outages,
        ev_habits=ev_habits,
    )


def _checked(
    cls: Callable[..., T], table: Table, key: str, where: str, problems: Problems
) -> T | None:
    """Return the frozen dataclass of a table, None if it refuses a value."""
    values = table.model_dump()
    return problems.attempt(partial(cls, **values), where=where, key=key, value=values)
