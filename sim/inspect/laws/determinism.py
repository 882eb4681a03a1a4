"""Law 2, determinism: one seed gives one result, whatever ran before, in whatever process."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass

import pandas as pd

from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec, build_for
from sim.errors import EpisodeError
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.non_anticipation import fingerprint
from sim.inspect.laws.witness import Diary, Make, live
from sim.scenario import Scenario
from sim.uncertainty.realisation import Nature

TABLES = (
    "steps", "vm_pu", "loading_percent", "vehicles", "exchanges", "loads", "generators",
    "ev_groups", "events", "units", "prices", "decisions", "ledger",
)  # fmt: skip


def law_determinism(
    scenario: Scenario,
    make: Make,
    nature: Nature | None = None,
    first: Episode | None = None,
) -> None:
    """The same seed gives the same bytes.

    `first` is an episode that has been run already.

    Raises
    ------
    Broken
        Naming the first table that differs.
    """
    nature = nature or Nature.build(scenario.system, scenario.uncertainty)
    first = first or live(scenario, make(), nature=nature).episode
    second = live(scenario, make(), nature=nature).episode
    for table in TABLES:
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


@dataclass(frozen=True, slots=True)
class Trace:
    """What an episode did, short enough to be sent from one process to another.

    Attributes
    ----------
    decisions
        Time [h] and hash of each plan, in order.
    tables
        Hash of each table.
    """

    decisions: tuple[tuple[float, str], ...]
    tables: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, episode: Episode, diary: Diary) -> Trace:
        """Return the trace of an episode."""
        said = zip(diary.observations, diary.plans, strict=False)
        return cls(
            tuple((seen.now_h, _hash(repr(fingerprint(plan)).encode())) for seen, plan in said),
            tuple(
                (name, _hash(b"".join(_bytes(getattr(episode, name), each) for each in names)))
                for name in TABLES
                for names in [list(getattr(episode, name))]
            ),
        )

    def difference(self, other: Trace) -> tuple[str, float | None] | None:
        """Return what differs first, and when [h]; None where nothing does."""
        for mine, theirs in zip(self.decisions, other.decisions, strict=False):
            if mine != theirs:
                return f"the decision at {mine[0]:g} h", mine[0]
        for (name, mine_), (_, theirs_) in zip(self.tables, other.tables, strict=True):
            if mine_ != theirs_:
                return f"table {name}", None
        return None


def _bytes(table: pd.DataFrame, column: object) -> bytes:
    values = table[column]
    if values.dtype == object:
        return repr(values.tolist()).encode()
    return values.to_numpy().tobytes()


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def trace(scenario: Scenario, controller: ControllerSpec, replication: int) -> Trace:
    """Return what one controller, built anew, does on one day."""
    policy = build_for(scenario.system, controller)
    return Trace.of(*live(scenario, policy, replication=replication, name=controller.drawn_as))


def trace_in_a_new_process(
    scenario: Scenario, controller: ControllerSpec, replication: int
) -> Trace:
    """Return the trace of a day that nothing ran before.

    The process hashes texts differently from this one, as any two processes do.

    Raises
    ------
    EpisodeError
        If the process fails; the message is its last words.
    """
    done = subprocess.run(
        [sys.executable, "-m", "sim.inspect.laws.new_process"],
        input=pickle.dumps((scenario, controller, replication)),
        capture_output=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONHASHSEED"},
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise EpisodeError(f"in a new process: {words[-1] if words else 'it died'}")
    found = pickle.loads(done.stdout)
    if not isinstance(found, Trace):
        raise TypeError(f"a new process returned {type(found).__name__}")
    return found


def law_determinism_across_processes(
    scenario: Scenario, controller: ControllerSpec, first: Trace, again: Trace
) -> None:
    """One day is the same in a new process, and after another day.

    Parameters
    ----------
    scenario, controller
        Whose day.
    first, again
        The day with the scenario's seed and replication 0, before and after another day.

    Raises
    ------
    Broken
        Of the law ``determinism`` where two new processes differ; of the law ``memory`` where they
        agree with each other and not with what ran here.
    """
    who = f"{controller.label} on {scenario.name}"
    alone = trace_in_a_new_process(scenario, controller, 0)
    differs = alone.difference(again) or alone.difference(first)
    if differs is None:
        return
    what, hour = trace_in_a_new_process(scenario, controller, 0).difference(alone) or (None, None)
    period = _period(scenario, hour if what else differs[1])
    if what:
        raise Broken(
            f"determinism: {who}: {what} of replication 0 differs between two runs of one command",
            period=period,
        )
    raise Broken(
        f"memory: {who}: {differs[0]} of replication 0 is another one after replication 1 than "
        "in a new process; something outlives the episode (an attribute of the class, a global)",
        period=period,
    )


def _period(scenario: Scenario, hour: float | None) -> int | None:
    return None if hour is None else int(hour // scenario.system.timing.period_h)
