"""Read a stored episode: what is needed to run it again, and its results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from sim.episode.log import LOG_TABLES
from sim.episode.specification import ControllerSpec, Successor, with_source
from sim.episode.verification import Verify
from sim.errors import InputError
from sim.plugins import is_file, suggestion
from sim.scenario import Scenario, load_scenario, scenario_folder
from sim.study.store.bundle import EPISODES, KEYS, LOG, NOT_METRICS
from sim.study.store.stored_study import (
    MANIFEST,
    StoredStudy,
    read_study,
    unverified_is_input,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredEpisode:
    """An episode of a study, read from its folder.

    Attributes
    ----------
    folder
        Where it was found.
    spec, scenario, seed, replication, verify
        What was run; the scenario is loaded again and has not changed.
    metrics
        Its metrics.
    log_sha256
        See `sim.episode.log`; None in folders of earlier versions.
    log
        The tables of its log; None with ``--keep summary``.
    configuration
        All that its numbers depend on, as `sim.study.store.manifest.configuration` describes one
        controller alone.
    """

    folder: Path
    spec: ControllerSpec
    scenario: Scenario
    seed: int
    replication: int
    verify: Verify
    metrics: Mapping[str, float]
    log_sha256: str | None
    log: Mapping[str, pd.DataFrame] | None
    configuration: Mapping[str, Any]


def read_episode(
    folder: str | Path,
    controller: str | None,
    replication: int | None,
    scenario: str | Path | None,
) -> StoredEpisode:
    """Find an episode in the folder of a study, or of a single run.

    Parameters
    ----------
    folder
        What ``--out`` has filled.
    controller, replication
        Which episode; None where there is only one.
    scenario
        Where the scenario is now; None for where the study found it.

    Raises
    ------
    InputError
        If there is no study, no such episode, or its scenario is gone or has changed.
    """
    study = read_study(folder)
    with unverified_is_input(study.folder):
        return _episode_of(study, controller, replication, scenario)


def _episode_of(
    study: StoredStudy,
    controller: str | None,
    replication: int | None,
    scenario: str | Path | None,
) -> StoredEpisode:
    entries = {str(own["label"]): own for own in study.manifest["controllers"]}
    named = _named_file(study, controller)
    label = _choose_controller("controller", named[0] if named else controller, list(entries))
    number = _choose_replication(study, replication)
    row = study.table(EPISODES, controller=label, replication=number)
    if row.empty:
        raise _missing_episode(study, label, number)
    row_values = {str(name): value for name, value in row.iloc[0].items()}
    log_sha256 = row_values.get(LOG)
    asked = entries[label]
    return StoredEpisode(
        folder=study.folder,
        spec=_spec(study, asked, named[1] if named else None),
        scenario=_scenario(study, asked.get("point"), scenario),
        seed=study.manifest["seed"],
        replication=number,
        verify=Verify(study.manifest["verify"]),
        metrics={
            name: float(value) for name, value in row_values.items() if name not in NOT_METRICS
        },
        log_sha256=None if log_sha256 is None else str(log_sha256),
        log=_log(study, label, number),
        # A stress study calls a controller by its point as well.
        configuration=_configuration_of(
            study.manifest["configuration"], asked.get("controller", label)
        ),
    )


def _named_file(study: StoredStudy, given: str | None) -> tuple[str, ControllerSpec] | None:
    """Return the label that stands for a file named on this command line, and its controller.

    The file may lie elsewhere now; what counts are the class and the digest of its text.

    Raises
    ------
    InputError
        If it is not the file of the study.
    """
    name, _, point = (given or "").partition(" @ ")  # as a stress study calls it
    if given is None or not is_file(name):
        return None
    spec = with_source(ControllerSpec(name=name))
    digest = hashlib.sha256(spec.source.encode("utf-8")).hexdigest()
    class_name = name.rpartition(":")[2]
    configured = study.manifest["configuration"]["controllers"]
    digests = {}
    for own in study.manifest["controllers"]:
        label, stored = str(own["label"]), str(own["name"])
        alike = is_file(stored) and stored.rpartition(":")[2] == class_name
        if alike and (own.get("point") or "") == point:
            about = configured.get(own.get("controller") or label, {})
            digests[label] = str(about.get("file_sha256"))
    same = [label for label, there in digests.items() if there == digest]
    if given in same or len(same) == 1:
        return given if given in same else same[0], spec
    if same:
        raise InputError.single(
            where="--controller",
            key="controller",
            value=given,
            message=f"stands for several: {', '.join(same)}",
            remedy="Write it as it stands there",
        )
    there = next(iter(digests.values()), "")[:12]
    raise InputError.single(
        where="--controller",
        key="controller",
        value=given,
        message=f"is another file than that of the study (sha256 {digest[:12]} here, {there} there)"
        if digests
        else "is not in this study",
        remedy="Name the file as it was then"
        if digests
        else suggestion(given, [str(own["label"]) for own in study.manifest["controllers"]]),
    )


def _spec(
    study: StoredStudy, entry: Mapping[str, Any], named: ControllerSpec | None = None
) -> ControllerSpec:
    """Return a controller of the study; code of a file runs only where the user names the file."""
    then, name = entry.get("then"), str(entry["name"])
    if is_file(name) and named is None:
        raise InputError.single(
            where=str(study.folder / MANIFEST),
            key="controllers.name",
            value=name,
            message="names a file, and code from a file runs only if this command line names it",
            remedy="Look at the file, then say --controller file.py:Class; its digest is compared"
            if "from_period" not in entry
            else "Replay the episode from which this one was handed over",
        )
    return ControllerSpec(
        name=name if named is None else named.name,
        parameters=tuple(entry["parameters"].items()),
        source="" if named is None else named.source,
        then=then and Successor(from_period=then["from_period"], controller=_spec(study, then)),
    )


def _scenario(study: StoredStudy, point: str | None, moved: str | Path | None) -> Scenario:
    """Return the scenario, or what it is at a point of a stress study; refuse a changed one."""
    about = study.manifest["scenario"]
    there = about if point is None else study.manifest["configuration"]["stress"][point]
    # Folders of earlier versions say neither where it was nor what was overridden.
    source = about.get("source", about["name"]) if moved is None else moved
    try:
        scenario_folder(source)
    except InputError as error:
        raise InputError.single(
            where=str(study.folder / MANIFEST),
            key="scenario.source",
            value=str(source),
            message="is neither a registered name nor, seen from here, a folder with a scenario",
            remedy="Go to where the study was started, or say with --scenario where it is now",
        ) from error
    found = load_scenario(source, {**about.get("overrides", {}), **there.get("overrides", {})})
    if found.digest != there["digest"]:
        raise InputError.single(
            where=str(study.folder / MANIFEST),
            key="scenario.digest",
            value=there["digest"][:12],
            message=f"is not that of {source} now ({found.digest[:12]}): the scenario has changed "
            "since the study, or was another one",
            remedy="Restore it, or name with --scenario a folder in which it is as it was",
        )
    return found


def _log(study: StoredStudy, label: str, replication: int) -> dict[str, pd.DataFrame] | None:
    if not all(study.keeps(name) for name in LOG_TABLES):
        return None
    return {
        name: study.table(name, controller=label, replication=replication).drop(
            columns=list(KEYS[:2])
        )
        for name in LOG_TABLES
    }


def _configuration_of(configured: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return the configuration of a study as if it had this controller only."""
    return {
        "controller": configured["controllers"][label],
        **{key: configured[key] for key in ("code_sha256", "packages", "python")},
    }


def _choose_controller(key: str, asked: str | None, there: Sequence[str]) -> str:
    if asked is None and len(there) == 1:
        return there[0]
    if asked is not None and asked in there:
        return asked
    raise InputError.single(
        where=f"--{key}",
        key=key,
        value=asked or "",
        message="is not in this study" if asked else "is not given, and the study has several",
        remedy=suggestion(asked or "", there),
    )


def _choose_replication(study: StoredStudy, asked: int | None) -> int:
    there: list[int] = study.manifest["replications"]
    if asked is None and len(there) == 1:
        return there[0]
    if asked in there:
        return asked
    raise InputError.single(
        where="--replication",
        key="replication",
        value="" if asked is None else asked,
        message="is not given, and the study has several"
        if asked is None
        else "is not in this study",
        remedy=f"There is: {_ranges(there)}",
    )


def _missing_episode(study: StoredStudy, label: str, replication: int) -> InputError:
    failed = {
        (own["controller"], own["replication"]): own["error"] for own in study.manifest["failures"]
    }
    error = failed.get((label, replication))
    done = study.table(EPISODES, controller=label)["replication"].tolist()
    return InputError.single(
        where=str(study.folder),
        key="episode",
        value=f"{label}, replication {replication}",
        message=f"failed ({error}), so there is nothing to compare with"
        if error
        else "has not been run yet",
        remedy=f"Finished episodes of {label}: {_ranges(done) or 'none'}",
    )


def _ranges(numbers: Iterable[int]) -> str:
    """Return numbers as ranges: ``0 to 4, 7``."""
    ordered = sorted(set(numbers))
    breaks = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if b != a + 1]
    bounds = [0, *breaks, len(ordered)] if ordered else []
    runs = [ordered[a:b] for a, b in pairwise(bounds)]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
