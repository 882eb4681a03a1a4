"""One controller on one day."""

from __future__ import annotations

from pathlib import Path

from sim.scenario import Scenario
from sim.study.runner import run_episode
from sim.study.settings import as_verify
from sim.study.specification import ControllerSpec, as_spec
from sim.study.store import StudyWriter
from sim.study.summary import episode_summary, manifest
from sim.world.episode import Episode


def run(
    scenario: Scenario,
    controller: str | ControllerSpec,
    *,
    seed: int | None = None,
    replication: int = 0,
    verify: str = "full",
    out: str | Path | None = None,
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
        Folder for the tables. An earlier study in it is replaced once this one is complete.

    Raises
    ------
    InputError
        If the controller is not found or refuses its parameters, or `out` holds something else.
    EpisodeError
        If the verification finds a difference.
    """
    spec = as_spec(controller)
    root = scenario.seed if seed is None else seed
    check = as_verify(verify)
    if out is None:
        return run_episode(scenario, spec, seed=root, replication=replication, verify=check)
    with StudyWriter(Path(out)) as writer:
        episode = run_episode(scenario, spec, seed=root, replication=replication, verify=check)
        writer.add(spec.name, episode)
        about = manifest(scenario, [spec], seed=root, replications=[replication], verify=check)
        writer.finish(about, episode_summary(episode))
    return episode
