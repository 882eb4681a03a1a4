"""Safe access to the files of a scenario folder: regular, inside it, of limited size."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.scenario.problems import Problems

MIB = 2**20
MOST_TOML_BYTES = MIB
MOST_TABLE_BYTES = 16 * MIB
MOST_RECORD_BYTES = 64 * MIB
MOST_UNPACKED_BYTES = 1024 * MIB  # of a Parquet file, all columns


def path_inside(folder: Path, file: str, where: str, key: str, problems: Problems) -> Path | None:
    """Return ``folder/file`` if it is a regular file and does not leave the folder.

    Symbolic links are followed first: what counts is where they lead.

    Parameters
    ----------
    folder, file
        The scenario's folder, and the name of a file in it.
    where, key
        Who names the file, for messages.
    problems
        Takes note of what is wrong.
    """
    try:
        path = (folder / file).resolve()
        inside = path.is_relative_to(folder.resolve())
        mode = path.stat().st_mode if inside else 0
    except FileNotFoundError:
        problems.add(where, key, file, "there is no such file", "Check the name")
        return None
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # too long a name, a NUL, a cycle of links
        problems.add(where, key, file, f"cannot be opened ({error})", "Name a file of the folder")
        return None
    if not inside:
        message, remedy = "leaves the scenario's folder", "Put the file into the folder"
        problems.add(where, key, file, message, remedy)
        return None
    if not stat.S_ISREG(mode):
        # Reading a pipe could block for ever.
        problems.add(where, key, file, "is no regular file", "Put a plain file in its place")
        return None
    return path


def small_enough(path: Path, most_bytes: int, where: str, problems: Problems) -> bool:
    """Return whether a file has at most `most_bytes`, and note it if not."""
    size = path.stat().st_size
    if size > most_bytes:
        problems.add(
            where,
            "file",
            path.name,
            f"has {size / MIB:,.1f} MiB, more than the {most_bytes / MIB:g} MiB that are read",
            "Shorten it, or split the scenario",
        )
    return size <= most_bytes


@contextmanager
def csv_lines(path: Path) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Yield the lines of a CSV file that are not blank, with their numbers, header first.

    A byte-order mark is accepted.

    Raises
    ------
    UnicodeDecodeError, csv.Error, OSError
        If the file is no UTF-8, no CSV, or cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        yield ((reader.line_num, cells) for cells in reader if any(map(str.strip, cells)))


def separated_by_commas(header: list[str], where: str, problems: Problems) -> bool:
    """Return whether a header is separated by commas, and note it if it is by anything else."""
    if len(header) == 1:
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if sign in header[0]:
                message = f"columns are separated by {name}"
                remedy = "Save it with commas between columns and points in numbers"
                problems.add(where, "header", header[0], message, remedy)
                return False
    return True
