"""Files that are there whole or not at all, and stay there when the power fails."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sim.errors import GridhaulError

BESIDE = ".partial"  # ends the names of files that are being written


class StorageError(GridhaulError):
    """The disk refused to keep what was written."""


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """Write a file beside `path`, bring it to the disk, and give it its name.

    Parameters
    ----------
    path
        The file; an earlier one is replaced in one step.
    fill
        Writes the content to the path it is given.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind and an earlier file stays.
    """
    beside = path.with_name(f".{path.name}{BESIDE}")
    try:
        fill(beside)
        with beside.open("rb") as stream:
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes as `write` does."""
    write(path, lambda beside: beside.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write text as `write` does."""
    write_bytes(path, content.encode("utf-8"))


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with opened(folder) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Yield a file descriptor of a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Return what went wrong, in words for people."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full"
    return error.strerror or str(error)
