"""Files with random damage, given to the command.

By hand: ``python -m tests.importers.damage 2000 [FORMAT]``. Each is imported, with finite numbers
in all tables, or refused by one message with exit code 2.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandapower.networks
import pandas as pd

from sim.cli import main
from sim.errors import InputError
from sim.importers.distances import write_roads_from_distances
from sim.importers.tntp import compare_costs
from tests.importers import test_matpower, test_opendss, test_osm, test_tntp

NUMBERS = ("0", "-1", "1e308", "-1e308", "1e-320", "nan", "inf", "1e", "--", "1_0", "9" * 400)
SIGNS = (*"[]{}()~<>;,%'\" \t\n\\\x00\ufeff&=", "", "ä", "&#0;")
WORDS = ("<NUMBER OF LINKS> x", "mpc.bus = [", "];", "true", "null", "2023-13-45", "NaT", "+01:00",
         "</way>", "<node id='1' lon='9' lat='9'/>", "oneway", "New Load.", "kw=",
         "mult=[")  # fmt: skip
PIECES = (*NUMBERS, *SIGNS, *WORDS)
MOST_CPU_S = 120.0  # of one file


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


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return data with one to four bytes changed, or cut short."""
    if rng.random() < 0.2:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


# ---- whole files, and what reads them -----------------------------------------------------------


class Format(NamedTuple):
    """A whole file of a format, and the arguments of the command, or a function, that reads it."""

    suffix: str
    whole: Callable[[], str | bytes]
    read: Callable[[Path, Path], list[object] | None]


def net_text() -> str:
    return test_tntp.net(*test_tntp.ROWS)


def beside(folder: Path, name: str, text: str) -> Path:
    """Return a whole file beside the damaged one."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def flow_of(file: Path, out: Path) -> None:
    compare_costs(beside(out.parent, "whole.tntp", net_text()), file)


def meters() -> pd.DataFrame:
    time = pd.date_range("2023-03-25", periods=96, freq="h", tz="Europe/Berlin")
    return pd.DataFrame({"time": time, "town": range(96), "sun": 0.5}).drop(index=[40])


def parquet() -> bytes:
    time = pd.date_range("2023-03-25", periods=96, freq="h")
    stream = io.BytesIO()
    table = pd.DataFrame({"time": time, "town": range(96), "sun": 0.5})
    table.to_parquet(stream, index=False)
    return stream.getvalue()


def graphml() -> str:
    import osmnx

    with tempfile.TemporaryDirectory() as folder:
        file = beside(Path(folder), "town.osm", town())
        osmnx.save_graphml(osmnx.graph_from_xml(file), file.with_suffix(".graphml"))
        return file.with_suffix(".graphml").read_text(encoding="utf-8")


def town() -> str:
    ends = (test_osm.way(k, k + 7, highway="residential", lanes="2") for k in (1, 2, 4))
    return test_osm.osm(*test_osm.SQUARE, *ends).replace("><", ">\n<")


def circuit() -> str:
    parts = (test_opendss.HEAD, test_opendss.SHAPES, test_opendss.BALANCED)
    return "".join((*parts, *test_opendss.OTHERS.values(), test_opendss.TAIL))


FORMATS = {
    "tntp links": Format(".tntp", net_text, lambda file, out: ["tntp", file, out]),
    "tntp nodes": Format(
        ".tntp",
        lambda: "Node\tX\tY\t;\n2 0 1 ;\n3 5 1 ;\n4 8 1 ;\n",
        lambda file, out: [
            "tntp", beside(out.parent, "net.tntp", net_text()), out, "--nodes", file],
    ),
    "tntp flows": Format(
        ".tntp", lambda: test_tntp.FLOWS.format(**test_tntp.COSTS), flow_of
    ),
    "distances": Format(
        ".csv", lambda: "km,A,B,C\nA,0,1.5,\nB,1,0,3\nC,7,3,0\n", write_roads_from_distances
    ),
    "matpower": Format(
        ".m", test_matpower.text, lambda file, out: ["matpower", file, out, "--costs"]
    ),
    "opendss": Format(
        ".dss",
        circuit,
        lambda file, out: ["opendss", file, out, "--shapes", "daily", "--generator-profile", "sun"],
    ),
    "osm": Format(".osm", town, lambda file, out: ["osm", file, out]),
    "osm graphml": Format(".graphml", graphml, lambda file, out: ["osm", file, out]),
    "osm stations": Format(
        ".csv",
        lambda: "name,bus,longitude,latitude,plugs\nMill,b,10.0049,0,2\nHill,c,10.02,0,1\n",
        lambda file, out: ["osm", beside(out.parent, "t.osm", town()), out, "--stations", file],
    ),
    "profiles": Format(
        ".csv",
        lambda: "time,a\n2023-01-01 00:00,1\n2023-01-01 12:00,2\n",
        lambda file, out: ["profiles", file, out],
    ),
    "profiles with a zone": Format(
        ".csv",
        lambda: meters().to_csv(index=False),
        lambda file, out: ["profiles", file, out, "--zone", "Europe/Berlin", "--missing",
                           "interpolate", "--step-min", 120],
    ),
    "profiles parquet": Format(".parquet", parquet, lambda file, out: ["profiles", file, out]),
    "pandapower": Format(
        ".json",
        lambda: str(pandapower.to_json(pandapower.networks.case4gs())),
        lambda file, out: ["pandapower", file, out],
    ),
}  # fmt: skip


# ---- the attack ---------------------------------------------------------------------------------


def attack(name: str, count: int, folder: Path) -> tuple[int, int]:
    """Return how many damaged files are imported and how many refused; raise at any other end."""
    form, rng = FORMATS[name], random.Random(name)
    whole, n_refused = form.whole(), 0
    assert not _refused(form, whole, folder), f"the whole file of {name} is refused"
    for number in range(count):
        spoiled = damaged(whole, rng) if isinstance(whole, str) else damaged_bytes(whole, rng)
        try:
            n_refused += _refused(form, spoiled, folder)
        except BaseException as error:
            raise AssertionError(f"change {number} of {name}:\n{spoiled[:4000]!r}") from error
    return count - n_refused, n_refused


def _refused(form: Format, data: str | bytes, folder: Path) -> bool:
    """Return whether a file is refused; raise if by no message, or if numbers are not finite."""
    file, out = folder / f"damaged{form.suffix}", folder / "out"
    file.write_bytes(data.encode("utf-8", "replace") if isinstance(data, str) else data)
    shutil.rmtree(out, ignore_errors=True)
    # Processor time, so that a busy machine is no hang.
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_S)
    try:
        arguments = form.read(file, out)
    except InputError as error:
        if not all(problem.remedy for problem in error.problems):
            raise
        return True
    else:
        code, errors = _command(arguments) if arguments is not None else (0, "")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
    if code == 0:
        _check_tables(out)
        return False
    assert code == 2, errors
    assert errors.count("gridhaul: ") == 1 + errors.count("gridhaul: warning"), errors
    assert "Traceback" not in errors, errors
    return True


def _command(arguments: list[object]) -> tuple[int, str]:
    """Return the exit code and the errors of ``gridhaul import``."""
    said, before = io.StringIO(), sys.argv
    sys.argv = ["gridhaul", "import", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        return int(end.code or 0), said.getvalue()
    finally:
        sys.argv = before
    raise AssertionError("the command has no end")


def _check_tables(out: Path) -> None:
    for path in out.glob("*.csv"):
        cells = path.read_text(encoding="utf-8").lower().replace("\n", ",").split(",")
        assert not {"nan", "inf", "-inf"} & set(cells), path.read_text(encoding="utf-8")


def _by_hand() -> None:
    count, names = int(sys.argv[1]), sys.argv[2:] or list(FORMATS)
    warnings.simplefilter("ignore")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            imported, refused = attack(name, count, Path(folder))
        sys.stdout.write(f"{name}: {imported} imported, {refused} refused\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _by_hand()
