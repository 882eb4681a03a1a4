"""Law 1, non-anticipation: what has not happened yet changes nothing that is decided.

The forecasts issued until some period are kept, and everything after it is drawn anew: weather,
speeds, incidents, breakdowns, outages, cars. Decisions and events until then must be the same.
"""

from __future__ import annotations

import dataclasses
import gc
import types

import numpy as np

from sim.control import EvStates, Forecast, Observation, TravelTimes
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.witness import Diary, Make, Witness, live
from sim.scenario import Scenario
from sim.system.system import System
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.events import Breakdown
from sim.uncertainty.evs import EvSessions
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.uncertainty.traffic import QUARTER_S
from sim.world.world import World


class Repeated:
    """Issues the forecasts of an episode again up to a period, of another day from then on."""

    def __init__(self, before: Diary, after: Forecaster, period: int) -> None:
        self.told = {
            (seen.period, seen.now_h): seen.forecast
            for seen in before.observations
            if seen.period <= period
        }
        self.after = after

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return what was told then, or what the other day tells."""
        return self.told.get((period, now_h)) or self.after.issue(period, now_h, evs)


def with_other_future(
    kept: Realisation,
    other: Realisation,
    system: System,
    now_s: float,
    driven_km: list[float],
    broken: list[bool],
) -> Realisation:
    """Return `kept` until `now_s` and `other` from then on; the speeds of now are known now.

    What has begun and is not over (incidents, repairs, outages) ends at another time.
    `driven_km` is how far each vehicle has driven by now, `broken` whether it stands still.
    """
    step = int(now_s // system.timing.step_s)
    quarter = int(now_s // QUARTER_S) + 1

    def splice(name: str, row: int) -> np.ndarray:
        return np.concatenate([getattr(kept, name)[:row], getattr(other, name)[row:]])

    incidents = [
        each if each.end_s <= now_s else each._replace(end_s=now_s + 1234.0)
        for each in kept.incidents
        if each.start_s <= now_s
    ] + [each for each in other.incidents if each.start_s > now_s]
    breakdowns = tuple(
        _other_repairs([each for each in own if each.odometer_km <= km], is_broken)
        + tuple(each for each in new if each.odometer_km > km)
        for own, new, km, is_broken in zip(
            kept.breakdowns, other.breakdowns, driven_km, broken, strict=True
        )
    )
    outages = [
        each if each.last <= step else each._replace(last=step + 1)
        for each in kept.outages
        if each.first <= step
    ] + [each for each in other.outages if each.first > step]
    return dataclasses.replace(
        kept,
        rail_delay_h=_other_delays(kept, other, system, now_s / 3600),
        profile=splice("profile", step),
        link_state=splice("link_state", quarter),
        link_speed_kmh=splice("link_speed_kmh", quarter),
        delay_state=splice("delay_state", step + 1),
        trip_delay_h=splice("trip_delay_h", step + 1),
        incidents=tuple(incidents),
        breakdowns=breakdowns,
        outages=tuple(outages),
        ev_sessions=_joined(kept.ev_sessions, other.ev_sessions, now_s / 3600),
    )


def _other_delays(
    kept: Realisation, other: Realisation, system: System, now_h: float
) -> np.ndarray:
    """Return the delays of trains, `other`s from where the earliest entry is not over by now.

    That a train is late is known only when its running time is over.
    """
    rails = system.rails
    enter_h = rails.slot_h * np.arange(len(kept.rail_delay_h))
    open_still = np.add.outer(enter_h, rails.running_h) > now_h
    return np.where(open_still, other.rail_delay_h, kept.rail_delay_h)


def _other_repairs(begun: list[Breakdown], is_broken: bool) -> tuple[Breakdown, ...]:
    """Return breakdowns of which the last, if it is not repaired yet, takes longer.

    Where one of them waits for the station, it is not certain which is being repaired.
    """
    if not (begun and is_broken and all(each.roadside for each in begun)):
        return tuple(begun)
    *over, last = begun
    return (*over, last._replace(repair_s=last.repair_s + 86400.0))


def _joined(kept: EvSessions, other: EvSessions, now_h: float) -> EvSessions:
    """Return the stays begun by now and `other`s after it; who is at home leaves at another hour.

    The hour that was stated is known. A car cannot come home again before it has left.
    """
    at_home = kept.departure_h > now_h
    leaves_h = np.where(at_home, (now_h + kept.departure_h) / 2, kept.departure_h)
    kept = dataclasses.replace(kept, departure_h=leaves_h)
    old = kept.arrival_h <= now_h
    stays = zip(kept.group[old], kept.car[old], leaves_h[old], strict=True)
    away_h = {(group, car): leave_h for group, car, leave_h in stays}
    back_h = [away_h.get(car, now_h) for car in zip(other.group, other.car, strict=True)]
    new = (other.arrival_h > now_h) & (other.arrival_h > np.array(back_h, dtype=np.float64))
    return EvSessions(
        **{
            each.name: np.concatenate(
                [getattr(kept, each.name)[old], getattr(other, each.name)[new]]
            )
            for each in dataclasses.fields(EvSessions)
        }
    )


def law_non_anticipation(
    scenario: Scenario,
    make: Make,
    periods: tuple[int, ...],
    nature: Nature | None = None,
    name: str = "",
) -> Witness:
    """Another future changes nothing that was decided or happened before it.

    Returns
    -------
    Witness
        The episode whose future was changed, undisturbed.

    Raises
    ------
    Broken
        If a decision or an event before one of the `periods` differs, or an observation leads to
        the world or the realisation.
    """
    nature = nature or Nature.build(scenario.system, scenario.uncertainty)
    timing = scenario.system.timing
    kept = nature.draw(scenario.seed, 0)
    truth, reference = live(scenario, make(), realisation=kept, nature=nature, name=name)
    for observation in reference.observations:
        refuse_forbidden(observation, kept, truth.controller)
    for period in periods:
        kept, other = (nature.draw(scenario.seed, replication) for replication in (0, 1))
        now_h = period * timing.period_h
        done = truth.vehicles[truth.vehicles["time_h"] <= now_h].groupby("vehicle")
        names = [truck.name for truck in scenario.system.vehicles]
        tampered = with_other_future(
            kept,
            other,
            scenario.system,
            period * timing.period_s,
            (done["distance_km"].sum()[names] + 1e-6).tolist(),  # a breakdown just now has been
            (done["status"].last() == "broken")[names].tolist(),
        )
        forecaster = Repeated(reference, CalibratedForecaster.build(nature, other), period)
        # A controller that looks for the day in memory finds no other one than that it lives in.
        del kept, other
        gc.collect()
        episode, diary = live(
            scenario,
            make(),
            realisation=tampered,
            forecaster=forecaster,
            nature=nature,
            name=name,
        )
        differs_h = first_difference_h(reference, diary, now_h)
        if differs_h is not None:
            raise Broken(
                f"non-anticipation: {truth.controller} on {scenario.name} decides differently at "
                f"{differs_h:g} h when the future after {now_h:g} h is another",
                period=int(differs_h // timing.period_h),
            )
        before = [table[table["time_h"] <= now_h] for table in (truth.events, episode.events)]
        if not before[0].equals(before[1]):
            raise Broken(
                f"non-anticipation: the events of {truth.controller} on {scenario.name} before "
                f"{now_h:g} h differ when the future after it is another",
                period=period,
            )
    return Witness(truth, reference)


def first_difference_h(one: Diary, two: Diary, until_h: float) -> float | None:
    """Return when two controllers first decide differently, None where they do not [h]."""
    own, other = (
        [
            (observation.now_h, fingerprint(plan))
            for observation, plan in zip(each.observations, each.plans, strict=False)
            if observation.now_h <= until_h
        ]
        for each in (one, two)
    )
    for mine, theirs in zip(own, other, strict=False):
        if mine != theirs:
            return min(mine[0], theirs[0])
    if len(own) != len(other):
        return max(own, other, key=len)[min(len(own), len(other))][0]
    return None


def fingerprint(thing: object) -> object:
    """Return a value that is equal for equal plans and observations, to the bit."""
    if isinstance(thing, np.ndarray):
        return thing.shape, str(thing.dtype), thing.tobytes()
    if dataclasses.is_dataclass(thing):
        return tuple(fingerprint(getattr(thing, each.name)) for each in dataclasses.fields(thing))
    if isinstance(thing, TravelTimes):
        return fingerprint(thing.everywhere())
    if isinstance(thing, tuple):
        return tuple(fingerprint(each) for each in thing)
    return repr(thing)


def refuse_forbidden(observation: Observation, realisation: Realisation, name: str) -> None:
    """Walk everything reachable from an observation; refuse world, realisation and callables."""
    truths = [
        value
        for each in dataclasses.fields(realisation)
        if isinstance(value := getattr(realisation, each.name), np.ndarray)
    ]
    seen: set[int] = set()
    stack: list[object] = [observation]
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        if isinstance(thing, World | Realisation | Nature | types.FunctionType | types.MethodType):
            raise Broken(f"non-anticipation: {name} can reach a {type(thing).__name__}")
        if isinstance(thing, np.ndarray):
            if any(np.shares_memory(thing, truth) for truth in truths):
                raise Broken(f"non-anticipation: {name} is shown an array of the realisation")
            continue
        stack.extend(gc.get_referents(thing))
