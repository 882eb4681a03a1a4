"""Run one controller on one day."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sim.episode.episode import Episode
from sim.episode.following import Follower
from sim.episode.specification import ControllerSpec, as_specs
from sim.episode.verification import Verify
from sim.scenario import Scenario, as_scenario
from sim.study.execution.runner import run_episode
from sim.study.kept import Kept
from sim.study.notebook_bar import notebook_bar
from sim.study.settings import as_verify, check_numbers
from sim.study.store.bundle import Keep, bundle, to_bytes
from sim.study.store.manifest import configuration, manifest
from sim.study.store.writer import StudyWriter
from sim.study.summary import episode_summary
from sim.world.recorder import Decision


def run(
    scenario: Scenario | str | os.PathLike[str],
    controller: object,
    *,
    seed: int | None = None,
    replication: int = 0,
    verify: str = "full",
    strict: bool = False,
    follow: Callable[[Decision], None] | None = None,
    deadline_s: float | None = None,
    out: str | Path | None = None,
) -> Episode:
    """Run one episode.

    Parameters
    ----------
    scenario
        As `load_scenario` returns it, or the name or folder of one.
    controller
        A name, ``my_file.py:ClassName``, a class (also of a notebook), an instance of one, or a
        specification with parameters.
    seed
        Root of all randomness; None takes the scenario's.
    replication
        Which day: equal numbers are equal days for all controllers.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``.
    strict
        Stop at the first failed decision; otherwise it is told, and the plan in force stays.
    follow
        Called with every decision as soon as it is made, for example to draw a bar; a notebook has
        one anyway.
    deadline_s
        Wall clock for each decision [s]; one that takes longer has status ``deadline``, and the
        plan in force stays. None for no limit.
    out
        Folder for the tables: a new or empty one, or one that holds this very episode.

    Raises
    ------
    InputError
        If the controller is not found or refuses its parameters, or `out` holds something else.
    EpisodeError
        If the verification finds a difference, or a decision failed and the run is strict.
    """
    scenario, (spec,) = as_scenario(scenario), as_specs([controller])
    check_numbers("run", 0, seed=seed, replication=replication)
    root = scenario.seed if seed is None else seed
    check = as_verify(verify)
    if follow is None:
        bar = notebook_bar("periods", scenario.system.timing.n_periods)
        follow = bar.decided if bar else None
    with storing(out, scenario, spec, seed=root, replication=replication, verify=check) as store:
        episode = run_episode(
            scenario,
            spec,
            seed=root,
            replication=replication,
            verify=check,
            follow=Follower(controller=spec.label, strict=strict, tell=True, then=follow),
            deadline_s=deadline_s,
        )
        store(episode)

    write = functools.partial(
        _write, episode, scenario, spec, seed=root, replication=replication, verify=check
    )
    return dataclasses.replace(episode, stored=Kept(write, out))


def _write(
    episode: Episode,
    scenario: Scenario,
    spec: ControllerSpec,
    *,
    seed: int,
    replication: int,
    verify: Verify,
    out: Path,
) -> None:
    with storing(out, scenario, spec, seed=seed, replication=replication, verify=verify) as store:
        store(episode)


@contextlib.contextmanager
def storing(
    out: str | Path | None,
    scenario: Scenario,
    spec: ControllerSpec,
    *,
    seed: int,
    replication: int,
    verify: Verify,
) -> Iterator[Callable[[Episode], None]]:
    """Yield a function that stores an episode; a folder that cannot be used is refused before.

    Parameters are those of `run`; without `out` nothing is stored.
    """
    if out is None:
        yield lambda _: None
        return
    config = configuration(scenario, [spec], seed=seed, verify=verify, keep=Keep.STEPS)
    content = manifest(scenario, [spec], config)
    with StudyWriter(Path(out), content, [replication]) as writer:

        def store(episode: Episode) -> None:
            key = (spec.label, replication)
            if key not in writer.stored:
                writer.add(to_bytes(bundle(spec.label, episode, Keep.STEPS)), [key])
            writer.finish(episode_summary(episode))

        yield store
