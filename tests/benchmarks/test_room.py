"""How much memory and disk a large study takes; `make bench` prints it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sim.scenario import load_scenario
from sim.study.compare import compare

pytestmark = pytest.mark.benchmark

FEW, MANY = 1_000, 4_000
# Growth from one to the other: an episode leaves its figures, about a kilobyte with the slack of
# arrays that double; a table of it would be a hundred times that.
MOST_BYTES_PER_EPISODE = 3_000
LARGE, MOST_GB = 100_000, 5.0
SAMPLE = 100
PROGRAM = """
import resource, sys
from sim.scenario import load_scenario
from sim.study.compare import compare
compare(
    load_scenario("tiny"), ["idle"], replications=int(sys.argv[1]), verify="off",
    keep="summary", out=sys.argv[2],
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def peak_mb(episodes: int, out: Path) -> float:
    """Return the largest resident memory of a process that lives so many episodes [MB]."""
    command = [sys.executable, "-c", PROGRAM, str(episodes), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def test_memory_does_not_grow_with_the_episodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, many = (peak_mb(n, tmp_path / str(n)) for n in (FEW, MANY))
    per_episode = (many - few) * 2**20 / (MANY - FEW)
    with capsys.disabled():
        print(
            f"\ntiny, --keep summary, peak memory: {few:.0f} MB with {FEW:,} episodes, "
            f"{many:.0f} MB with {MANY:,} ({per_episode:,.0f} B an episode)"
        )
    assert per_episode < MOST_BYTES_PER_EPISODE


def test_a_hundred_thousand_episodes_fit_on_a_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = load_scenario("ieee33")
    for keep in ("steps", "summary"):
        out = tmp_path / keep
        compare(
            scenario,
            ["idle", "greedy"],
            replications=SAMPLE,
            verify="off",
            keep=keep,
            out=out,
        )
        size = sum(file.stat().st_size for file in out.glob("*/*.parquet"))
        projected_gb = size / (2 * SAMPLE) * LARGE / 1e9
        with capsys.disabled():
            print(
                f"\nieee33, --keep {keep}: {size / 2 / SAMPLE / 1000:.1f} kB an episode, "
                f"{projected_gb:.2f} GB for {LARGE:,}"
            )
        assert projected_gb < MOST_GB
