"""The laws that hold for every controller in every scenario, as functions that raise by name."""

from __future__ import annotations

import dataclasses
import gc
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from sim.control import (
    Capabilities,
    Controller,
    EvStates,
    Forecast,
    Observation,
    Plan,
    capabilities_of,
)
from sim.episode.episode import Episode
from sim.episode.record import EpisodeKey
from sim.episode.simulate import simulate
from sim.scenario import Scenario
from sim.system.system import System
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.events import Breakdown
from sim.uncertainty.evs import EvSessions
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.uncertainty.traffic import QUARTER_S
from sim.world.guard import Guard, limit_power
from sim.world.world import World
from tests.contract.broken import Broken

Make = Callable[[], Controller]


class Diary:
    """Stands between the world and a controller, and writes down what is said."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.observations: list[Observation] = []
        self.plans: list[Any] = []

    @property
    def capabilities(self) -> Capabilities:
        return capabilities_of(self.controller)

    def start(self, system: Any, rng: np.random.Generator) -> None:
        self.controller.start(system, rng)

    def decide(self, observation: Observation) -> Plan:
        self.observations.append(observation)
        plan = self.controller.decide(observation)
        self.plans.append(plan)
        return plan


class Spliced:
    """Issues the forecasts of one forecaster up to a period, of another from then on."""

    def __init__(self, before: Forecaster, after: Forecaster, period: int) -> None:
        self.before, self.after, self.period = before, after, period

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        source = self.before if period <= self.period else self.after
        return source.issue(period, now_h, evs)


def shortened(scenario: Scenario, n_periods: int) -> Scenario:
    """Return the scenario with at most `n_periods` periods, so that a law takes seconds."""
    timing = scenario.system.timing
    n = min(n_periods, timing.n_periods)
    timing = dataclasses.replace(timing, n_periods=n, horizon=min(timing.horizon, n))
    return dataclasses.replace(scenario, system=dataclasses.replace(scenario.system, timing=timing))


def live(
    scenario: Scenario,
    controller: Controller,
    *,
    replication: int = 0,
    realisation: Realisation | None = None,
    forecaster: Forecaster | None = None,
    guard: Guard = limit_power,
    nature: Nature | None = None,
) -> tuple[Episode, Diary]:
    """Simulate an episode and write down what is said in it."""
    system = scenario.system
    nature = nature or Nature.build(system, scenario.uncertainty)
    realisation = realisation or nature.draw(scenario.seed, replication)
    diary = Diary(controller)
    episode = simulate(
        system,
        realisation,
        forecaster or CalibratedForecaster.build(nature, realisation),
        diary,
        guard,
        key=EpisodeKey(
            scenario=scenario.name,
            controller=type(controller).__name__,
            seed=scenario.seed,
            replication=replication,
        ),
    )
    return episode, diary


# -- law 1: non-anticipation ---------------------------------------------------------------------


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


def law_non_anticipation(scenario: Scenario, make: Make, periods: tuple[int, ...]) -> None:
    """Another future changes nothing that was decided or happened before it."""
    nature = Nature.build(scenario.system, scenario.uncertainty)
    kept, other = (nature.draw(scenario.seed, replication) for replication in (0, 1))
    truth, reference = live(scenario, make(), realisation=kept, nature=nature)
    for period in periods:
        timing = scenario.system.timing
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
        forecaster = Spliced(
            CalibratedForecaster.build(nature, kept),
            CalibratedForecaster.build(nature, other),
            period,
        )
        episode, diary = live(
            scenario, make(), realisation=tampered, forecaster=forecaster, nature=nature
        )
        decided = [
            [
                fingerprint(plan)
                for observation, plan in zip(own.observations, own.plans, strict=True)
                if observation.now_h <= now_h
            ]
            for own in (reference, diary)
        ]
        if decided[0] != decided[1]:
            raise Broken(
                f"non-anticipation: {truth.controller} on {scenario.name} decides differently "
                f"until {now_h} h when the future after it is another"
            )
        before = [table[table["time_h"] <= now_h] for table in (truth.events, episode.events)]
        if not before[0].equals(before[1]):
            raise Broken(
                f"non-anticipation: the events of {truth.controller} before {now_h} h differ"
            )
    for observation in reference.observations:
        refuse_forbidden(observation, kept, truth.controller)


def fingerprint(thing: object) -> object:
    """Return a value that is equal for equal plans, to the bit."""
    if isinstance(thing, np.ndarray):
        return thing.shape, str(thing.dtype), thing.tobytes()
    if dataclasses.is_dataclass(thing):
        return tuple(fingerprint(getattr(thing, each.name)) for each in dataclasses.fields(thing))
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


# -- law 2: determinism --------------------------------------------------------------------------


def law_determinism(scenario: Scenario, make: Make) -> None:
    """The same seed gives the same bytes."""
    nature = Nature.build(scenario.system, scenario.uncertainty)
    first, second = (live(scenario, make(), nature=nature)[0] for _ in range(2))
    for table in (
        "steps", "vm_pu", "loading_percent", "vehicles", "events", "units", "prices", "decisions",
        "ledger",
    ):  # fmt: skip
        one, two = getattr(first, table), getattr(second, table)
        if not same_bytes(one, two):
            raise Broken(
                f"determinism: table {table} of {first.controller} on {scenario.name} differs "
                "between two runs with one seed"
            )


def same_bytes(one: pd.DataFrame, two: pd.DataFrame) -> bool:
    """Say whether two tables are equal to the bit."""
    return one.shape == two.shape and all(
        one[column].to_numpy().tobytes() == two[column].to_numpy().tobytes()
        if one[column].dtype != object
        else one[column].equals(two[column])
        for column in one
    )


# -- law 4: money closes -------------------------------------------------------------------------


def law_money(scenario: Scenario, episode: Episode) -> None:
    """The ledger sums to the metrics, and what one pays another gets."""
    ledger, metrics = episode.ledger, episode.metrics
    name = f"{episode.controller} on {scenario.name}"
    if (ledger["usd"] <= 0).any() or (ledger["payer"] == ledger["payee"]).any():
        raise Broken(f"money: {name}: an entry pays nothing, or to its payer")
    balance = (
        ledger.groupby("payee")["usd"]
        .sum()
        .sub(ledger.groupby("payer")["usd"].sum(), fill_value=0.0)
    )
    if abs(balance.sum()) > 1e-6:
        raise Broken(f"money: {name}: payments do not cancel")
    inside = -balance.reindex(["operator", "fleet"]).sum()
    retail = ledger.loc[ledger["item"] == "retail", "usd"].sum()
    if abs(inside + retail - metrics["cost_usd"]) > 1e-6:
        raise Broken(f"money: {name}: the ledger does not sum to cost_usd")
    if abs(metrics["cost_usd"] + metrics["penalty_usd"] - metrics["objective_usd"]) > 1e-6:
        raise Broken(f"money: {name}: objective_usd is not cost_usd + penalty_usd")
    steps, hours = episode.steps, scenario.system.timing.step_h
    bought = (steps["import_mw"].clip(lower=0) * steps["import_usd_per_mwh"]).sum() * hours
    booked = ledger.loc[ledger["item"] == "energy bought", "usd"].sum()
    if abs(bought - booked) > 1e-6:
        raise Broken(f"money: {name}: energy bought is booked as {booked} instead of {bought} USD")


# -- law 6: nothing fails silently ---------------------------------------------------------------


def law_named_failures(episode: Episode) -> None:
    """Every decision has a status, and every fallback a reason."""
    decisions = episode.decisions
    failed = decisions[decisions["status"].isin(["failed", "infeasible"])]
    if (failed["fallback"] == "").any():
        raise Broken(f"failures: {episode.controller} fails without a reason")
    if episode.metrics["fallbacks"] != (decisions["fallback"] != "").sum():
        raise Broken(f"failures: fallbacks of {episode.controller} are not counted")
    if len(decisions) != episode.metrics["decisions"]:
        raise Broken(f"failures: decisions of {episode.controller} are lost")
