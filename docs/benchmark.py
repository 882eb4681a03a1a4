"""Write the figures of ``benchmark.md`` anew: run this file, best where nothing else runs.

They come from the functions that ``make bench`` prints, in one process of one thread.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path

from reproduction.page import put

from sim.episode.verification import Verify
from tests.benchmarks import test_environment, test_speed

PAGE = Path(__file__).with_suffix(".md")
VERIFICATION = {
    Verify.OFF: "`--verify off`",
    Verify.AUDIT: "`--verify audit`: a sample computed again by pandapower",
    Verify.FULL: "`--verify full`: every step",
}


def main() -> None:
    """Measure, and put the figures into the page."""
    put(PAGE, "figures", figures())


def figures() -> str:
    """Return the tables, and where and when they were measured."""
    busy, cores = os.getloadavg()[0], os.cpu_count()
    plain = test_speed.plain_pandapower_steps_per_s()
    speeds = {VERIFICATION[key]: own for key, own in test_speed.speeds_of_verification().items()}
    speeds["48 trucks in place of three, `--verify off`"] = test_speed.speed_with_trucks(48)
    steps = "\n".join(
        f"| {name} | {speed:,.0f} | {speed / plain:.2g} |" for name, speed in speeds.items()
    )
    environments = "\n".join(
        "| `{}` | {:,.0f} | {:.2f} |".format(name, *test_environment.speed_and_share(name))
        for name in test_environment.SCENARIOS
    )
    return f"""\
Measured on {dt.datetime.now():%Y-%m-%d} in processor time, with Python
{platform.python_version()} on {cores} cores with a load of {busy:.1f}.

## Episodes

`ieee33`, `greedy`, 96 steps a day, AC power flow on every step of every episode. The yardstick is a
plain loop of pandapower with no simulation around it, {plain:.0f} steps/s:

| what | steps/s | times the plain loop |
|---|---|---|
{steps}

Loading the scenario takes {test_speed.loading_s():.2f} s.

## Environments

Steps of the Gymnasium environment beside `run` with the same actions:

| scenario | steps/s | share of `run` |
|---|---|---|
{environments}
"""


if __name__ == "__main__":
    main()
