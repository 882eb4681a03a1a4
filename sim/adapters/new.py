"""A folder to start from: a commented scenario, and a controller that runs on it."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from sim.errors import InputError

TEMPLATE = ".template"  # code of users is none of ours until it is written


def new_project(target: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write a scenario and a controller to start from.

    Parameters
    ----------
    target
        Folder that does not exist or is empty.

    Returns
    -------
    tuple of Path
        The files, by name.

    Raises
    ------
    InputError
        If `target` holds anything or cannot be written.
    """
    folder = Path(target)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _refused(folder, "is there and not an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for source in files("sim.adapters").joinpath("starter").iterdir():
            goal = folder / source.name.removesuffix(TEMPLATE)
            goal.write_bytes(source.read_bytes())
            written.append(goal)
    except OSError as error:
        raise _refused(folder, f"cannot be written ({error.strerror or error})") from error
    return tuple(sorted(written))


def _refused(folder: Path, message: str) -> InputError:
    return InputError.single(
        where="new",
        key="DIR",
        value=str(folder),
        message=message,
        remedy="Name a new folder, where you may write and there is room",
    )
