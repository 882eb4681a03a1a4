"""The folder with the tables of a result: where they are stored, or made when it is asked for."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path


class Kept:
    """Return the folder with the tables of an episode or a study.

    Parameters
    ----------
    write
        Writes the tables into a folder, given as ``out``. Called at most once, and never where
        `folder` is given; the temporary folder goes with the result.
    folder
        Where the tables are stored already.
    """

    def __init__(self, write: Callable[..., object], folder: str | Path | None = None) -> None:
        self._write = write
        self._given = None if folder is None else Path(folder).absolute()
        self._folder = self._given

    def __reduce__(self) -> tuple[type[Kept], tuple[Callable[..., object], Path | None]]:
        # A copy makes a temporary folder of its own: this one may go before it.
        return Kept, (self._write, self._given)

    def __call__(self) -> Path:
        """Return the folder."""
        if self._folder is None:
            temporary = tempfile.mkdtemp(prefix="gridhaul-")
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
            folder = Path(temporary) / "tables"
            self._write(out=folder)
            self._folder = folder
        return self._folder
