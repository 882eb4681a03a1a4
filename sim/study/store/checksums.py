"""Checksums of a study's files: what was damaged on the disk is named, never read.

Every folder of a study has a file ``_SHA256SUMS``, one line per file, as ``sha256sum --check``
reads it; the underline keeps readers of whole folders of Parquet files from opening it. A file that
is about to be replaced has two lines, so that a process that is killed at any moment leaves a file
that has one of them.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

from sim.errors import InputError
from sim.study.store import durable

SUMS = "_SHA256SUMS"
ATTEMPTS = 5  # of a reader, while a writer replaces a file and its sum
TAG_DIGITS = 16  # hexadecimal, of the sum in the name of a part


def write(file: Path, write_content: Callable[[Path], object]) -> None:
    """Write a file as `durable.write` does, and its checksum.

    Raises
    ------
    OSError
        If it cannot be written; an earlier file stays, and is sound.
    """
    earlier = _sums(file.parent)

    def written(partial: Path) -> None:
        write_content(partial)
        sum_ = _sha256(partial)
        _write_sums(file.parent, {**earlier, file.name: {*earlier.get(file.name, ()), sum_}})

    durable.write(file, written)
    _known_sha256.cache_clear()
    if earlier.get(file.name):
        _write_sums(file.parent, {**earlier, file.name: {_sha256(file)}})


def write_text(file: Path, content: str) -> None:
    """Write text as `write` does."""
    write(file, lambda partial: partial.write_bytes(content.encode("utf-8")))


def remove(file: Path) -> None:
    """Remove a file and its checksum; it may be gone already."""
    file.unlink(missing_ok=True)
    sums = _sums(file.parent)
    if sums.pop(file.name, None):
        _write_sums(file.parent, sums)


def check(root: Path, file: Path) -> None:
    """Refuse a file of a study that is not as it was written.

    Folders of earlier versions have no checksums, and nothing is said about their files.

    Parameters
    ----------
    root
        Folder of the study.
    file
        In it, or in a folder in it.

    Raises
    ------
    InputError
        Naming the file.
    """
    if (root / SUMS).exists() and not any(is_sound(file) for _ in range(ATTEMPTS)):
        raise damaged(file)


def is_sound(file: Path) -> bool:
    """Return whether a file is there and has its checksum."""
    try:
        known = file.stat()
        found = _known_sha256(file, known.st_ino, known.st_mtime_ns, known.st_size)
    except OSError:
        return False
    return found in _sums(file.parent).get(file.name, ())


def settle(folder: Path) -> None:
    """Forget checksums of files that are not there, or not any more what they were."""
    sums = _sums(folder)
    there = {name: {_sha256(folder / name)} for name in sums if (folder / name).is_file()}
    if there != sums:
        _write_sums(folder, there)


def tag(content: bytes) -> str:
    """Return what the name of a part says of its content."""
    return hashlib.sha256(content).hexdigest()[:TAG_DIGITS]


def damaged(file: Path) -> InputError:
    """Return the error about a file that is not as it was written."""
    return InputError.single(
        where=str(file),
        key="file",
        value=file.name,
        message=f"is damaged: it is not what {SUMS} beside it says, and nothing of it is used",
        remedy="Give the command of the study again, with --out: it runs what was in it again. A "
        "study.json has to be restored, or the study run again in another folder",
    )


def _sums(folder: Path) -> dict[str, set[str]]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, set[str]] = {}
    for line in lines:
        sum_, separator, name = line.partition("  ")
        if separator:
            found.setdefault(name, set()).add(sum_)
    return found


def _write_sums(folder: Path, sums: dict[str, set[str]]) -> None:
    lines = [f"{sum_}  {name}\n" for name in sorted(sums) for sum_ in sorted(sums[name])]
    if lines:
        durable.write_text(folder / SUMS, "".join(lines))
    else:
        (folder / SUMS).unlink(missing_ok=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.lru_cache(maxsize=100_000)  # a file is read for every day that is shown of it
def _known_sha256(file: Path, inode: int, modified_ns: int, size: int) -> str:
    del inode, modified_ns, size
    return _sha256(file)
