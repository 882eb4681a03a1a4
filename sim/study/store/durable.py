"""Atomic, durable writes: a file is complete or absent, also after a power failure."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sim.errors import GridhaulError

PARTIAL_SUFFIX = ".partial"  # ends the names of files that are being written


class StorageError(GridhaulError):
    """The disk refused to keep what was written."""


def write(path: Path, write_content: Callable[[Path], object]) -> None:
    """Write a file under a temporary name, sync it to the disk, and rename it to `path`.

    Parameters
    ----------
    path
        The file; an earlier one is replaced in one step.
    write_content
        Writes the content to the path it is given.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind and an earlier file stays.
    """
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    try:
        write_content(partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes as `write` does."""
    write(path, lambda partial: partial.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write text as `write` does."""
    write_bytes(path, content.encode("utf-8"))


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk."""
    with folder_descriptor(folder) as descriptor:
        os.fsync(descriptor)


@contextlib.contextmanager
def folder_descriptor(folder: Path) -> Iterator[int]:
    """Yield a file descriptor of a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_full(error: OSError) -> bool:
    """Return whether an error says that the disk is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def reason(error: OSError | RecursionError) -> str:
    """Return the cause of an error as text for messages."""
    if isinstance(error, RecursionError):
        return "its path has too many folders"
    if is_full(error):
        return "the disk is full"
    return error.strerror or str(error)
