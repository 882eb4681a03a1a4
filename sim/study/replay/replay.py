"""Run an episode of a study again, prove that it is the same, and let another one take over."""

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
from sim.study.json_values import plain_figures
from sim.study.replay.stored_episode import Original, read_original
from sim.study.run import keeping
from sim.study.settings import as_verify
from sim.study.store.bundle import Keep
from sim.study.store.manifest import configuration, differences
from sim.study.summary import episode_summary

# Say how much was verified, not what happened.
OF_VERIFICATION = ("verified_steps", "verify_max_diff_pu")


class Evidence(StrEnum):
    """By what an episode was found to be the same.

    Attributes
    ----------
    LOG
        The hash of its event log, and its figures.
    TABLES
        The tables of its event log, as far as both have the same columns, and its figures: the
        folder is of an earlier version and holds no hash.
    FIGURES
        Its figures alone: such a folder that keeps no tables either.
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
        Who took over.
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
        Figures of the original.
    episode
        The replayed episode.
    log_sha256
        Hash of its event log.
    evidence
        By what it was found to be the same.
    handed_over
        The day with another controller from some period on, None if nobody took over.
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
    command: Mapping[str, object] | None = None,
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
        is. It takes over what is in force, and knows what it would know alone at that moment.
    scenario
        Where the scenario is now, if it has moved since.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``; None for
        as many as in the study.
    out
        New or empty folder for the tables: of the handed-over episode if there is one, otherwise
        of the replayed one.
    command
        Who asks, for the list of commands in `out`.

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
    original = read_original(folder, controller, replication, scenario)
    loaded, seed, number = original.scenario, original.seed, original.replication
    check = original.verify if verify is None else as_verify(verify)
    spec = with_source(original.spec)
    successor = _successor(spec, loaded, from_period, hand_to)
    last = dataclasses.replace(spec, then=successor) if successor else spec
    with keeping(
        out, loaded, last, seed=seed, replication=number, verify=check, command=command
    ) as keep:
        episode = run_episode(loaded, spec, seed=seed, replication=number, verify=check)
        evidence = _prove(original, spec, episode)
        handed_over = None
        if successor is not None:
            other = run_episode(loaded, last, seed=seed, replication=number, verify=check)
            handed_over = _same_before(episode, other, successor, loaded)
        keep(handed_over.episode if handed_over else episode)
    return Replay(
        metrics=original.metrics,
        episode=episode,
        log_sha256=log_sha256(log_of(episode)),
        evidence=evidence,
        handed_over=handed_over,
    )


def replay_summary(found: Replay) -> dict[str, object]:
    """Return a replay as ``gridhaul replay --json`` prints it."""
    content: dict[str, object] = {
        "original": {"metrics": plain_figures(found.metrics)},
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
            "difference": plain_figures(
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
    build_for(scenario.system, named)  # complains before anything runs
    return Successor(from_period=from_period, controller=named)


def _prove(original: Original, spec: ControllerSpec, episode: Episode) -> Evidence:
    """Return by what `episode` is the original, or raise with what differs first."""
    log = log_of(episode)
    now = log_sha256(log)
    parted = None
    if original.log is not None and original.log_sha256 != now:
        parted = first_difference(original.log, log)
    if original.log_sha256 is not None:
        evidence, same = Evidence.LOG, original.log_sha256 == now
    else:
        evidence = Evidence.FIGURES if original.log is None else Evidence.TABLES
        same = parted is None
    figures = list(_other_figures(original, episode))
    if same and not figures:
        return evidence
    lines = [f"{spec}, replication {original.replication} of {original.folder}: not the same again"]
    if original.log_sha256 is not None:
        lines.append(f"event log: {original.log_sha256} there and {now} here")
    if parted is not None:
        lines.append(f"first difference, at {parted.time_h:g} h: {parted.what}")
    elif not same:
        lines.append("the folder keeps no tables, or they do not differ: when, it cannot say")
    lines += figures[:1]
    lines.append("possible causes: " + "; ".join(_causes(original, spec, episode)))
    raise ReplayError("\n  ".join(lines))


def _other_figures(original: Original, episode: Episode) -> Iterator[str]:
    for name, here in episode.metrics.items():
        there = original.metrics.get(name, float(here))
        both_nan = math.isnan(there) and math.isnan(here)
        if name not in OF_VERIFICATION and there != here and not both_nan:
            yield f"{name} is {there!r} there and {float(here)!r} here"


def _causes(original: Original, spec: ControllerSpec, episode: Episode) -> Iterator[str]:
    """Yield what may have changed an episode, the surest first."""
    name = "deadline_decisions"
    ended = max(original.metrics.get(name, 0), episode.metrics[name])
    if ended:
        yield f"the wall clock ended {ended:g} decisions, which no two runs share"
    config = configuration(
        original.scenario, [spec], seed=original.seed, verify=original.verify, keep=Keep.STEPS
    )
    (own,) = config["controllers"].values()
    here = {
        "controller": own,
        **{key: config[key] for key in ("code_sha256", "packages", "python")},
    }
    there = dict(original.configuration)
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
    """Return the handed-over episode; whatever happened before must be what had happened."""
    from_h = successor.from_period * scenario.system.timing.period_h
    logs = log_of(episode), log_of(other)
    before, after = (log_sha256(log, from_h) for log in logs)
    if before != after:
        parted = first_difference(*logs)
        raise ReplayError(
            f"the day is another one before {from_h:g} h, when {successor.controller} takes over"
            + (f"; first difference, at {parted.time_h:g} h: {parted.what}" if parted else "")
        )
    return HandedOver(
        from_period=successor.from_period,
        from_h=from_h,
        controller=successor.controller,
        episode=other,
        before_sha256=before,
    )
