"""One controller on one day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sim.scenario import Scenario
from sim.study.bundle import Keep, bundle, to_bytes
from sim.study.manifest import configuration, manifest
from sim.study.runner import run_episode
from sim.study.settings import as_verify
from sim.study.specification import ControllerSpec, as_spec, with_source
from sim.study.summary import episode_summary
from sim.study.writer import StudyWriter
from sim.world.episode import Episode


def run(
    scenario: Scenario,
    controller: str | ControllerSpec,
    *,
    seed: int | None = None,
    replication: int = 0,
    verify: str = "full",
    out: str | Path | None = None,
    command: Mapping[str, object] | None = None,
) -> Episode:
    """Run one episode.

    Parameters
    ----------
    scenario
        See `load_scenario`.
    controller
        A registered name, ``my_file.py:ClassName``, or a specification with parameters.
    seed
        Root of all randomness; None takes the scenario's.
    replication
        Which day: equal numbers are equal days for all controllers.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``.
    out
        Folder for the tables: a new or empty one, or one that holds this very episode.
    command
        Who asks, for the list of commands in `out`.

    Raises
    ------
    InputError
        If the controller is not found or refuses its parameters, or `out` holds something else.
    EpisodeError
        If the verification finds a difference.
    """
    spec = with_source(as_spec(controller))
    root = scenario.seed if seed is None else seed
    check = as_verify(verify)
    if out is None:
        return run_episode(scenario, spec, seed=root, replication=replication, verify=check)
    kept = Keep.STEPS
    config = configuration(scenario, [spec], seed=root, verify=verify, keep=kept)
    about = manifest(scenario, [spec], config)
    with StudyWriter(Path(out), about, [replication], command=command or {}) as writer:
        episode = run_episode(scenario, spec, seed=root, replication=replication, verify=check)
        key = (spec.name, replication)
        if key not in writer.stored:
            writer.add(to_bytes(bundle(spec.name, episode, kept)), [key])
        writer.finish(episode_summary(episode))
    return episode
