"""Replay: run a stored episode again, prove that it is the same, hand over to a controller."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sim.episode.episode import Episode
from sim.episode.log import first_difference, log_of, log_sha256
from sim.episode.specification import ControllerSpec, Successor, as_spec, build_for, with_source
from sim.errors import InputError, ReplayError
from sim.scenario import Scenario
from sim.study.execution.runner import run_episode
from sim.study.json_values import metrics_as_json
from sim.study.replay.stored_episode import StoredEpisode, read_episode
from sim.study.run import storing
from sim.study.settings import as_verify
from sim.study.store.bundle import Keep
from sim.study.store.manifest import configuration, differences
from sim.study.store.stored_study import unverified_is_input
from sim.study.summary import episode_summary

# These metrics say how much was verified, not what happened.
VERIFICATION_METRICS = ("verified_steps", "verify_max_diff_pu")


class Evidence(StrEnum):
    """The evidence that an episode is the same.

    Attributes
    ----------
    LOG
        The hash of its event log, and its metrics.
    TABLES
        The tables of its event log, as far as both have the same columns, and its metrics: the
        folder is of an earlier version and holds no hash.
    FIGURES
        Its metrics alone: such a folder that keeps no tables either.
    """

    LOG = "log"
    TABLES = "tables"
    FIGURES = "figures"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HandedOver:
    """The same day with another controller from some period on.

    Attributes
    ----------
    from_period, from_h
        The first period of the new controller, and when it starts [h].
    controller
        The controller that took over.
    episode
        The whole day.
    before_sha256
        Hash of the event log before `from_h`; equal in this episode and in the replayed one.
    """

    from_period: int
    from_h: float
    controller: ControllerSpec
    episode: Episode
    before_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """An episode that was run again and came out the same.

    Attributes
    ----------
    metrics
        Metrics of the stored episode.
    episode
        The replayed episode.
    log_sha256
        Hash of its event log.
    evidence
        The evidence for it.
    handed_over
        The day with another controller from some period on, None without a hand-over.
    """

    metrics: Mapping[str, float]
    episode: Episode
    log_sha256: str
    evidence: Evidence
    handed_over: HandedOver | None


def replay(
    folder: str | Path,
    controller: str | None = None,
    replication: int | None = None,
    *,
    from_period: int | None = None,
    hand_to: str | ControllerSpec | None = None,
    scenario: str | Path | None = None,
    verify: str | None = None,
    out: str | Path | None = None,
) -> Replay:
    """Run an episode of a study again and prove that it is the same.

    Parameters
    ----------
    folder
        What `compare` or `run` has filled as `out`.
    controller, replication
        Which episode; they may be left out where there is only one.
    from_period, hand_to
        Let another controller take over: the index of the first period that it plans, and who it
        is. It takes over what is in force, with the information of that moment.
    scenario
        Where the scenario is now, if it has moved since.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``; None for
        as many as in the study.
    out
        New or empty folder for the tables: of the handed-over episode if there is one, otherwise
        of the replayed one.

    Raises
    ------
    InputError
        If there is no such episode, period or controller, or the scenario has changed.
    ReplayError
        If the episode comes out differently; the message names the first difference and what may
        have caused it.
    EpisodeError
        If the verification finds a difference.
    """
    stored = read_episode(folder, controller, replication, scenario)
    loaded, seed, number = stored.scenario, stored.seed, stored.replication
    check = stored.verify if verify is None else as_verify(verify)
    spec = with_source(stored.spec)
    successor = _successor(spec, loaded, from_period, hand_to)
    last = dataclasses.replace(spec, then=successor) if successor else spec
    with storing(out, loaded, last, seed=seed, replication=number, verify=check) as store:
        episode = run_episode(loaded, spec, seed=seed, replication=number, verify=check)
        with unverified_is_input(stored.folder):
            evidence = _prove(stored, spec, episode)
        handed_over = None
        if successor is not None:
            other = run_episode(loaded, last, seed=seed, replication=number, verify=check)
            handed_over = _same_before(episode, other, successor, loaded)
        store(handed_over.episode if handed_over else episode)
    return Replay(
        metrics=stored.metrics,
        episode=episode,
        log_sha256=log_sha256(log_of(episode)),
        evidence=evidence,
        handed_over=handed_over,
    )


def replay_summary(found: Replay) -> dict[str, object]:
    """Return a replay as ``gridhaul replay --json`` prints it."""
    content: dict[str, object] = {
        "original": {"metrics": metrics_as_json(found.metrics)},
        "evidence": str(found.evidence),
        "replay": episode_summary(found.episode),
        "hand_over": None,
    }
    if (handed := found.handed_over) is not None:
        content["hand_over"] = {
            "from_period": handed.from_period,
            "from_h": handed.from_h,
            "to": handed.controller.name,
            "before_sha256": handed.before_sha256,
            **episode_summary(handed.episode),
            "difference": metrics_as_json(
                {
                    name: value - found.episode.metrics[name]
                    for name, value in handed.episode.metrics.items()
                }
            ),
        }
    return content


def _successor(
    spec: ControllerSpec,
    scenario: Scenario,
    from_period: int | None,
    hand_to: str | ControllerSpec | None,
) -> Successor | None:
    if from_period is None and hand_to is None:
        return None
    if from_period is None or hand_to is None:
        raise InputError.single(
            where="--from-period",
            key="from_period",
            value="" if from_period is None else from_period,
            message="says when another controller takes over, and --with who it is: one is missing",
            remedy="Give both, or neither",
        )
    n_periods = scenario.system.timing.n_periods
    if not 0 <= from_period < n_periods:
        raise InputError.single(
            where="--from-period",
            key="from_period",
            value=from_period,
            message=f"is no period of this episode, which has {n_periods}",
            remedy=f"Choose one from 0 to {n_periods - 1}",
        )
    if spec.then is not None:
        raise InputError.single(
            where="--with",
            key="with",
            value=str(hand_to),
            message=f"cannot take over in an episode in which another one has: {spec}",
            remedy="Replay the episode that this one was made from",
        )
    named = with_source(as_spec(hand_to))
    build_for(scenario.system, named)  # fails before anything runs
    return Successor(from_period=from_period, controller=named)


def _prove(stored: StoredEpisode, spec: ControllerSpec, episode: Episode) -> Evidence:
    """Return the evidence that `episode` equals the stored one; raise with the first difference."""
    log = log_of(episode)
    now = log_sha256(log)
    difference = None
    if stored.log is not None and stored.log_sha256 != now:
        difference = first_difference(stored.log, log)
    if stored.log_sha256 is not None:
        evidence, same = Evidence.LOG, stored.log_sha256 == now
    else:
        evidence = Evidence.FIGURES if stored.log is None else Evidence.TABLES
        same = difference is None
    unequal = list(_different_metrics(stored, episode))
    if same and not unequal:
        return evidence
    lines = [f"{spec}, replication {stored.replication} of {stored.folder}: not the same again"]
    if stored.log_sha256 is not None:
        lines.append(f"event log: {stored.log_sha256} there and {now} here")
    if difference is not None:
        lines.append(f"first difference, at {difference.time_h:g} h: {difference.what}")
    elif not same:
        lines.append("the folder keeps no tables, or they do not differ: when, it cannot say")
    lines += unequal[:1]
    lines.append("possible causes: " + "; ".join(_causes(stored, spec, episode)))
    raise ReplayError("\n  ".join(lines))


def _different_metrics(stored: StoredEpisode, episode: Episode) -> Iterator[str]:
    for name, here in episode.metrics.items():
        there = stored.metrics.get(name, float(here))
        both_nan = math.isnan(there) and math.isnan(here)
        if name not in VERIFICATION_METRICS and there != here and not both_nan:
            yield f"{name} is {there!r} there and {float(here)!r} here"


def _causes(stored: StoredEpisode, spec: ControllerSpec, episode: Episode) -> Iterator[str]:
    """Yield possible causes of a different episode, the most certain first."""
    name = "deadline_decisions"
    ended = max(stored.metrics.get(name, 0), episode.metrics[name])
    if ended:
        yield f"the wall clock ended {ended:g} decisions, which no two runs share"
    config = configuration(
        stored.scenario, [spec], seed=stored.seed, verify=stored.verify, keep=Keep.STEPS
    )
    (own,) = config["controllers"].values()
    here = {
        "controller": own,
        **{key: config[key] for key in ("code_sha256", "packages", "python")},
    }
    there = dict(stored.configuration)
    # A study has the code of all its controllers.
    there["code_sha256"] = {
        package: digest
        for package, digest in there["code_sha256"].items()
        if package in here["code_sha256"]
    }
    yield from differences(there, here)
    if not ended:
        yield "a controller that uses the clock, or randomness other than its own; another machine"


def _same_before(
    episode: Episode, other: Episode, successor: Successor, scenario: Scenario
) -> HandedOver:
    """Return the handed-over episode; before the hand-over it must equal the replayed one."""
    from_h = successor.from_period * scenario.system.timing.period_h
    logs = log_of(episode), log_of(other)
    before, after = (log_sha256(log, from_h) for log in logs)
    if before != after:
        difference = first_difference(*logs)
        raise ReplayError(
            f"the day is another one before {from_h:g} h, when {successor.controller} takes over"
            + (
                f"; first difference, at {difference.time_h:g} h: {difference.what}"
                if difference
                else ""
            )
        )
    return HandedOver(
        from_period=successor.from_period,
        from_h=from_h,
        controller=successor.controller,
        episode=other,
        before_sha256=before,
    )
