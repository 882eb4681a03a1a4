"""gridhaul: a discrete-event, rolling-horizon simulator for mobile battery storage.

Battery trucks and trains serve a power grid; once a period a controller plans, and AC power flow
checks every step. This is the table of contents; each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version

from gridhaul.contents import HOME, docstring
from gridhaul.packages import check_packages

__doc__ = f"{__doc__}\n{docstring()}"
__all__ = [*HOME, "__version__"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        value: object = version("gridhaul")
    elif name in HOME:
        check_packages()
        home = HOME[name]
        if home == __name__:  # a module of this package
            value = importlib.import_module(f"{home}.{name}")
        else:
            value = getattr(importlib.import_module(home), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
