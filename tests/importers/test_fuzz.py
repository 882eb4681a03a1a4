"""Files with random damage are imported or refused by a message; nothing else comes out.

OpenDSS's own engine can end the process on damaged files, so its format is not among these.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pandapower.networks
import pandas as pd
import pytest

from sim.errors import InputError
from sim.importers.distances import write_roads_from_distances
from sim.importers.matpower import write_network_from_matpower
from sim.importers.pandapower import write_network as write_pandapower
from sim.importers.profiles import write_profiles
from sim.importers.time_series import Clock
from sim.importers.tntp import compare_costs, write_roads_from_tntp
from tests.importers import test_matpower, test_tntp

Import = Callable[[Path, Path], object]
FEW, MANY = 40, 2000
NUMBERS = ("0", "-1", "1e308", "-1e308", "1e-320", "nan", "inf", "1e", "--", "1_0", "9" * 400)
SIGNS = (*"[]{}()~<>;,%'\" \t\n\\\x00\ufeff", "", "ä")
WORDS = ("<NUMBER OF LINKS> x", "mpc.bus = [", "];", "true", "null", "2023-13-45", "NaT", "+01:00")
PIECES = (*NUMBERS, *SIGNS, *WORDS)


def damaged(text: str, rng: random.Random) -> str:
    """Return a text with one to four random changes."""
    for _ in range(rng.randint(1, 4)):
        if not text:
            break
        start = rng.randrange(len(text))
        end = min(start + rng.choice((0, 1, 1, 3, 10, 60)), len(text))
        change = rng.random()
        if change < 0.6:
            text = text[:start] + rng.choice(PIECES) + text[end:]
        elif change < 0.8:
            text = text[:start] + text[end:]
        elif change < 0.9:
            text = text[:end] + text[start:]
        else:
            lines = text.splitlines(keepends=True)
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            text = "".join(lines)
    return text


def net_text() -> str:
    return test_tntp.net(*test_tntp.ROWS)


def flow_of(file: Path, folder: Path) -> object:
    folder.mkdir(exist_ok=True)
    (folder / "net.tntp").write_text(net_text())
    return compare_costs(folder / "net.tntp", file)


def nodes_of(file: Path, folder: Path) -> object:
    folder.mkdir(exist_ok=True)
    (folder / "net.tntp").write_text(net_text())
    return write_roads_from_tntp(folder / "net.tntp", file, folder)


def meters() -> str:
    time = pd.date_range("2023-03-25", periods=96, freq="h", tz="Europe/Berlin")
    table = pd.DataFrame({"time": time, "town": range(96), "sun": 0.5}).drop(index=[40])
    return table.to_csv(index=False)


FORMATS: dict[str, tuple[str, Callable[[], str], Import]] = {
    "tntp links": (".tntp", net_text, lambda file, to: write_roads_from_tntp(file, None, to)),
    "tntp nodes": (".tntp", lambda: "Node\tX\tY\t;\n2 0 1 ;\n3 5 1 ;\n4 8 1 ;\n", nodes_of),
    "tntp flows": (".tntp", lambda: test_tntp.FLOWS.format(**test_tntp.COSTS), flow_of),
    "distances": (
        ".csv",
        lambda: "km,A,B,C\nA,0,1.5,\nB,1,0,3\nC,7,3,0\n",
        write_roads_from_distances,
    ),
    "matpower": (
        ".m",
        test_matpower.text,
        lambda file, to: write_network_from_matpower(file, to, load_profile="a", costs=True),
    ),
    "profiles": (
        ".csv",
        lambda: "time,a\n2023-01-01 00:00,1\n2023-01-01 12:00,2\n",
        write_profiles,
    ),
    "profiles with a zone": (
        ".csv",
        meters,
        lambda file, to: write_profiles(
            file, to, clock=Clock(zone="Europe/Berlin"), missing="interpolate", step_min=120
        ),
    ),
    "pandapower": (
        ".json",
        lambda: str(pandapower.to_json(pandapower.networks.case4gs())),
        lambda file, to: write_pandapower(file, to, load_profiles="a"),
    ),
}  # fmt: skip
QUICK = [name for name in FORMATS if name != "pandapower"]


def attack(name: str, count: int, folder: Path) -> None:
    suffix, whole, read = FORMATS[name]
    rng, text = random.Random(name), whole()
    refused = 0
    for number in range(count):
        file = folder / f"damaged{suffix}"
        spoiled = damaged(text, rng)
        file.write_text(spoiled, encoding="utf-8")
        try:
            read(file, folder / "out")
        except InputError as error:
            refused += all(problem.remedy for problem in error.problems)
        except Exception as error:
            raise AssertionError(f"change {number} of {name}:\n{spoiled[:3000]}") from error
    assert refused > count / 20


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUICK)
def test_damaged_files_are_imported_or_refused(name: str, tmp_path: Path) -> None:
    attack(name, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMATS)
def test_two_thousand_damaged_files_are_imported_or_refused(name: str, tmp_path: Path) -> None:
    attack(name, MANY, tmp_path)
