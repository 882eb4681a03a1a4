"""The packages behind the face, and whether a user's own file of that name hides one."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

PACKAGES = ("sim", "controllers", "scenarios")


class HiddenPackageError(ImportError):
    """A file of the user has the name of a package of gridhaul, and comes first."""


@cache
def check_packages() -> None:
    """Complain where one of the packages is not the one beside this.

    Raises
    ------
    HiddenPackageError
        Naming the file that hides it.
    """
    home = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found != home / name / "__init__.py":
            raise HiddenPackageError(
                f"{found or name} hides gridhaul's package {name!r}: it has the same name and "
                "comes first on Python's path. Rename it, or start Python in another folder.",
                name=name,
            )
