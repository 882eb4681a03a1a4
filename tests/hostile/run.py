"""Attack gridhaul and write down what failed: ``python -m tests.hostile.run [--sample]``.

The sample is part of ``make evidence``; the long version is run by hand. Each writes its own table
of ``docs/reliability.md`` and leaves the other one as it is. Ctrl-C ends a class of attacks early;
what was tried so far counts.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.study.store import writer
from tests.hostile import damage, folders, kills, trials
from tests.hostile.command import gridhaul
from tests.hostile.controllers import IN_RUN, IN_STUDY
from tests.study.folders import contents

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
DAYS, IN_ONE_STUDY = 6, 15
HEADER = "| what | tried | failed | seed |\n|---|---|---|---|\n"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A class of attacks: its name, seed, sizes, and what yields one list of faults per trial."""

    name: str
    seed: int
    sample: int
    long: int
    trials: Callable[[int, random.Random, Path], Iterator[list[str]]]


def _damages(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    before = writer.EPISODES_PER_FILE
    writer.EPISODES_PER_FILE = damage.EPISODES_PER_FILE
    damage.study(home / "whole")
    damage.half_a_study(home / "half")
    for _ in range(n):
        _, wrong = damage.trial(home / "whole", home / "half", home / "copy", rng)
        yield [wrong] if wrong else []
        shutil.rmtree(home / "copy")
    writer.EPISODES_PER_FILE = before


def _kills(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    failed = kills.finish(home / "whole", DAYS)
    expected = {} if failed else contents(home / "whole")
    for number in range(n):
        out = home / str(number)
        found = [failed, kills.kill_one(out, DAYS, rng), kills.finish(out, DAYS)]
        if not any(found) and contents(out) != expected:
            found.append("other bytes after the same command")
        yield [wrong for wrong in found if wrong]


def _runs(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    for hostile in rng.sample(IN_RUN, min(n, len(IN_RUN))):
        wrong = trials.in_a_run(hostile, home)
        yield [wrong] if wrong else []


def _studies(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    chosen = rng.sample(IN_STUDY, min(n, len(IN_STUDY)))
    for first in range(0, len(chosen), IN_ONE_STUDY):
        some = chosen[first : first + IN_ONE_STUDY]
        place = home / str(first)
        place.mkdir()
        wrong = trials.in_a_study(some, place)
        yield from ([own] for own in wrong)
        yield from ([] for _ in range(len(some) - len(wrong)))


def _folders(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    folders.study(home / "whole")
    for _ in range(n):
        copy = home / "copy"
        what = folders.touched(home / "whole", copy, rng)
        wrong = []
        for codes, command in folders.commands(copy):
            code, output = gridhaul(*command)
            if code not in codes or "Traceback" in output:
                wrong.append(f"{what}: {command[0]}: {code}: {output[-500:]}")
        yield wrong
        shutil.rmtree(copy)


def _names(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    for number in range(n):
        wrong = trials.called(home / str(number), home / f"out{number}", rng)
        yield [wrong] if wrong else []


def _paths(n: int, rng: random.Random, home: Path) -> Iterator[list[str]]:
    for path in folders.paths(rng, n):
        yield folders.use_path(path, home)


ATTACKS = (
    Attack(name="bits flipped and files cut", seed=1, sample=25, long=500, trials=_damages),
    Attack(name="kills from the start on", seed=2, sample=3, long=50, trials=_kills),
    Attack(name="controllers in `run`", seed=3, sample=20, long=len(IN_RUN), trials=_runs),
    Attack(
        name="controllers in a study, 2 workers",
        seed=4,
        sample=IN_ONE_STUDY,
        long=len(IN_STUDY),
        trials=_studies,
    ),
    Attack(name="folders and manifests touched", seed=5, sample=15, long=300, trials=_folders),
    Attack(name="names", seed=6, sample=15, long=200, trials=_names),
    Attack(name="paths", seed=7, sample=12, long=100, trials=_paths),
)


def main() -> None:
    """Run all attacks; exit with 1 if one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", action="store_true", help="the short version")
    parser.add_argument("--only", default="", help="attacks whose name holds this; no page")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows, found = [], 0
    for attack in ATTACKS:
        if asked.only not in attack.name:
            continue
        n = attack.sample if asked.sample else attack.long
        tried = failed = 0
        with (
            tempfile.TemporaryDirectory(prefix="hostile-", ignore_cleanup_errors=True) as home,
            contextlib.suppress(KeyboardInterrupt),
        ):
            for wrong in attack.trials(n, random.Random(attack.seed), Path(home)):
                tried += 1
                failed += bool(wrong)
                for own in wrong:
                    print(f"{attack.name}: {own}", file=sys.stderr, flush=True)
        rows.append(f"| {attack.name} | {tried} | {failed} | {attack.seed} |\n")
        print(rows[-1], end="", flush=True)
        found += failed
    if not asked.only:
        _write("sample" if asked.sample else "long", rows)
    sys.exit(1 if found else 0)


def _write(which: str, rows: list[str]) -> None:
    """Replace one table of the page."""
    today = f"{dt.datetime.now(dt.UTC):%d %B %Y}"
    date = "" if which == "sample" else f"Run on {today}.\n\n"
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- {which} -->\n", f"<!-- end of {which} -->"
    inner = start + "\n" + date + HEADER + "".join(rows) + "\n" + end
    pattern = re.escape(start) + ".*?" + re.escape(end)
    PAGE.write_text(re.sub(pattern, lambda _: inner, text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
